// The queue of log lines and the thread that writes them: nobody waits for a reader that has stopped, what is not
// written is counted and told, and the last lines are written.
// runs: release asan tsan
#include "engine/log/writer.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "engine/core/check.hpp"
#include "engine/core/descriptor.hpp"
#include "engine/core/limits.hpp"
#include "engine/log/log.hpp"

namespace sluice::log {
namespace {

using std::chrono::nanoseconds;
using std::chrono::seconds;

TEST(LineQueue, TheOldestGoFirstAndTheNextOneTells) {
    LineQueue queue(30);
    for (const char* line : {"0123456789", "1123456789", "2123456789", "3123456789", "4123456789"}) queue.push(line);
    EXPECT_EQ(queue.dropped_count(), 2u);
    auto taken = queue.take();
    ASSERT_TRUE(taken);
    EXPECT_EQ(taken->line, "2123456789");
    EXPECT_EQ(taken->dropped_before_count, 2u);
    queue.settle(false, 2);
    EXPECT_EQ(queue.dropped_count(), 3u);
    taken = queue.take();
    ASSERT_TRUE(taken);
    EXPECT_EQ(taken->line, "3123456789");
    EXPECT_EQ(taken->dropped_before_count, 3u) << "the two that nobody was told of, and the one that was not written";
    queue.settle(true);
    EXPECT_FALSE(queue.wait_until_empty(nanoseconds(1)));
    EXPECT_EQ(queue.take()->dropped_before_count, 0u);
    EXPECT_FALSE(queue.wait_until_empty(nanoseconds(1))) << "the last line is being written";
    queue.settle(true);
    EXPECT_TRUE(queue.wait_until_empty(nanoseconds(1)));
    queue.close();
    EXPECT_FALSE(queue.take());
}

TEST(LineQueue, ALineThatIsLongerThanTheQueueIsDropped) {
    LineQueue queue(10);
    queue.push(std::string(11, 'x'));
    EXPECT_EQ(queue.dropped_count(), 1u);
    EXPECT_TRUE(queue.wait_until_empty(nanoseconds(1)));
}

class Pipe {
  public:
    Pipe() {
        std::array<int, 2> ends{};
        EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
        reader.reset(ends[0]);
        writer.reset(ends[1]);
    }
    // All that was written; the writer's end is closed before.
    std::vector<std::string> lines() {
        writer.reset();
        std::string all;
        std::array<char, 4096> part;
        for (ssize_t count = 0; (count = ::read(reader.get(), part.data(), part.size())) > 0;)
            all.append(part.data(), static_cast<std::size_t>(count));
        std::vector<std::string> lines;
        std::istringstream stream(all);
        for (std::string line; std::getline(stream, line);) lines.push_back(line);
        return lines;
    }

    Descriptor reader, writer;
};

std::uint64_t number_behind(const std::string& line, std::string_view name) {
    const std::size_t at = line.find(name);
    std::uint64_t number = 0;
    if (at != std::string::npos) std::from_chars(line.data() + at + name.size(), line.data() + line.size(), number);
    return number;
}

const std::string pad(200, 'x');

TEST(LogWriter, TheLastLinesAreWritten) {
    Pipe pipe;
    {
        const Writer writer(pipe.writer.get());
        for (int i = 0; i < 100; ++i) info("tested", {{"n", i}});
        say("as it is");
    }
    const auto lines = pipe.lines();
    ASSERT_EQ(lines.size(), 101u);
    EXPECT_TRUE(lines[0].ends_with("event=tested n=0"));
    EXPECT_TRUE(lines[99].ends_with("event=tested n=99"));
    EXPECT_EQ(lines[100], "as it is");
}

TEST(LogWriter, FlushWaitsForTheLinesSoFar) {
    Pipe pipe;
    const Writer writer(pipe.writer.get());
    info("tested");
    EXPECT_TRUE(flush(nanoseconds(seconds(60)).count()));
    EXPECT_EQ(dropped_lines_count(), 0u);
    EXPECT_EQ(pipe.lines().size(), 1u);
}

// Fills the pipe and the queue: about four times what both hold. Returns how many lines.
std::uint64_t log_more_than_fits() {
    const std::uint64_t count = 4 * (limits::log_queue_bytes_max + 64 * limits::kib) / pad.size();
    for (std::uint64_t i = 1; i <= count; ++i) info("tested", {{"n", i}, {"pad", pad}});
    return count;
}

TEST(LogWriter, AReaderThatStoppedHoldsUpNobody) {
    Pipe pipe;
    std::uint64_t dropped = 0;
    std::uint64_t logged = 0;
    {
        const Writer writer(pipe.writer.get());
        info("tested", {{"n", std::uint64_t{1}}});
        EXPECT_TRUE(flush(nanoseconds(seconds(60)).count()));  // else it may be the first that is dropped
        logged = log_more_than_fits();
        EXPECT_FALSE(flush(1));
        dropped = dropped_lines_count();
        EXPECT_GT(dropped, 0u);
    }  // ends although the queue is full
    EXPECT_LT(dropped, logged);
    const auto lines = pipe.lines();
    ASSERT_FALSE(lines.empty());
    EXPECT_EQ(number_behind(lines.front(), " n="), 1u);
}

TEST(LogWriter, AReaderThatComesBackIsToldWhatIsMissing) {
    Pipe pipe;
    std::uint64_t logged = 0;
    std::uint64_t dropped = 0;
    std::vector<std::string> lines;
    std::thread reader;
    {
        const Writer writer(pipe.writer.get());
        logged = log_more_than_fits();
        // A duplicate of the end that is written to: the pipe ends when both are closed.
        reader = std::thread([&, fd = ::dup(pipe.reader.get())] {
            Pipe rest;
            rest.reader.reset(fd);
            lines = rest.lines();
        });
        EXPECT_TRUE(flush(nanoseconds(seconds(60)).count()));
        dropped = dropped_lines_count();
    }
    pipe.writer.reset();
    reader.join();
    std::uint64_t written = 0, told = 0, last = 0;
    for (const std::string& line : lines) {
        told += number_behind(line, "event=log_lines_dropped count=");
        const std::uint64_t number = number_behind(line, " n=");
        if (number == 0) continue;
        EXPECT_EQ(number, ++written + told) << "what is missing is told before the next line";
        last = number;
    }
    EXPECT_EQ(last, logged) << "the newest are kept";
    EXPECT_EQ(told, dropped);
    EXPECT_EQ(written + dropped, logged);
}

TEST(LogWriter, AReaderThatHasGoneIsCounted) {
    ::signal(SIGPIPE, SIG_IGN);
    Pipe pipe;
    pipe.reader.reset();
    const Writer writer(pipe.writer.get());
    for (int i = 0; i < 7; ++i) info("tested");
    EXPECT_TRUE(flush(nanoseconds(seconds(60)).count()));
    EXPECT_EQ(dropped_lines_count(), 7u);
    ::signal(SIGPIPE, SIG_DFL);
}

TEST(LogWriter, LinesOfThreadsDoNotInterleave) {
    Pipe pipe;
    {
        const Writer writer(pipe.writer.get());
        std::vector<std::jthread> threads;
        for (int thread = 0; thread < 4; ++thread)
            threads.emplace_back([] {
                for (int i = 0; i < 50; ++i) info("tested", {{"pad", pad}});
            });
    }
    const auto lines = pipe.lines();
    EXPECT_EQ(lines.size(), 200u);
    for (const std::string& line : lines) EXPECT_TRUE(line.starts_with("ts=") && line.ends_with("pad=" + pad)) << line;
}

// Runs in a child of its own.
void fail_a_check() {
    const Writer writer;
    info("before_the_end");
    CHECK(1 == 2);
}

TEST(LogWriterDeathTest, AFailedCheckIsPrintedBehindTheLinesBeforeIt) {
    testing::FLAGS_gtest_death_test_style = "threadsafe";
    EXPECT_DEATH(fail_a_check(), "event=before_the_end\nCHECK failed: 1 == 2 at ");
}

}  // namespace
}  // namespace sluice::log
