// Writes that wait for the reader only as long as they may: pipes, sockets, readers that stop or go.
// runs: release asan
#include "engine/core/patient_write.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <string>

#include "engine/core/clock.hpp"
#include "engine/core/descriptor.hpp"

namespace sluice {
namespace {

constexpr std::uint64_t long_ns = 60'000'000'000;
constexpr std::uint64_t short_ns = 20'000'000;

struct Channel {
    Descriptor reader, writer;
};

Channel make_pipe() {
    std::array<int, 2> ends{};
    EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
    return {Descriptor(ends[0]), Descriptor(ends[1])};
}
Channel make_socket() {
    std::array<int, 2> ends{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
    return {Descriptor(ends[0]), Descriptor(ends[1])};
}

class PatientWrite : public testing::TestWithParam<Channel (*)()> {
  protected:
    void SetUp() override { ::signal(SIGPIPE, SIG_IGN); }
    void TearDown() override { ::signal(SIGPIPE, SIG_DFL); }
    Channel channel = GetParam()();
};

// Bytes that are read until nothing is left.
std::string read_all(int fd) {
    ::fcntl(fd, F_SETFL, O_NONBLOCK);
    std::string all;
    std::array<char, 4096> part;
    for (ssize_t count = 0; (count = ::read(fd, part.data(), part.size())) > 0;)
        all.append(part.data(), static_cast<std::size_t>(count));
    return all;
}

TEST_P(PatientWrite, WhatTheReaderTakesIsDone) {
    std::string_view text = "a line\n";
    EXPECT_EQ(write_until(channel.writer.get(), text, monotonic_ns() + long_ns), WriteOutcome::done);
    EXPECT_EQ(text, "");
    EXPECT_EQ(read_all(channel.reader.get()), "a line\n");
}

TEST_P(PatientWrite, AReaderThatStoppedIsNotAwaited) {
    const std::string all(1 << 20, 'x');
    std::string_view rest = all;
    EXPECT_EQ(write_until(channel.writer.get(), rest, monotonic_ns() + short_ns), WriteOutcome::late);
    EXPECT_EQ(write_until(channel.writer.get(), rest, 1), WriteOutcome::late) << "a deadline that has passed";
    EXPECT_EQ(::fcntl(channel.writer.get(), F_GETFL) & O_NONBLOCK, 0) << "the open file is shared with others";
    const std::size_t unwritten = rest.size();
    ASSERT_GT(unwritten, 0u);
    EXPECT_EQ(read_all(channel.reader.get()).size(), all.size() - unwritten) << "`rest` is what is left";
}

TEST_P(PatientWrite, AReaderThatHasGoneIsAFailure) {
    channel.reader.reset();
    std::string_view text = "a line\n";
    EXPECT_EQ(write_until(channel.writer.get(), text, monotonic_ns() + long_ns), WriteOutcome::failed);
}

INSTANTIATE_TEST_SUITE_P(Kinds, PatientWrite, testing::Values(&make_pipe, &make_socket),
                         [](const auto& test) { return test.index == 0 ? "Pipe" : "Socket"; });

TEST(PatientWriteToFile, AFullDiskAndAClosedDescriptorAreFailures) {
    const Descriptor full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
    std::string_view text = "a line\n";
    EXPECT_EQ(write_until(full.get(), text, monotonic_ns() + long_ns), WriteOutcome::failed);
    EXPECT_EQ(write_until(-1, text, monotonic_ns() + short_ns), WriteOutcome::late) << "poll(2) passes over it";
}

}  // namespace
}  // namespace sluice
