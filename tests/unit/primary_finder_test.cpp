// Which server Sentinels name, and that it is believed only if it says the same.
// runs: release asan tsan
#include "sinks/redis/sentinel/primary_finder.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <string>

#include "tests/support/fake_node.hpp"

namespace sluice::tests {
namespace {

std::string bulk(const std::string& text) { return "$" + std::to_string(text.size()) + "\r\n" + text + "\r\n"; }

class PrimaryFinderTest : public testing::Test {
  protected:
    // What both sentinels say, and the role of the server that they name.
    void start(const std::string& first, const std::string& second, const std::string& role) {
        sentinel.start([=](const std::string& command) {
            return command == "SENTINEL get-master-addr-by-name main" ? first : "-ERR\r\n";
        });
        other.start([=](const std::string&) { return second; });
        server.start([=](const std::string& command) {
            return command == "ROLE" ? "*3\r\n" + bulk(role) + ":0\r\n*0\r\n" : "-ERR\r\n";
        });
    }
    [[nodiscard]] std::string names_server() const {
        return "*2\r\n$9\r\n127.0.0.1\r\n" + bulk(std::to_string(server.port()));
    }
    [[nodiscard]] auto find(const std::string& password = {}) {
        sinks::redis::PrimaryFinder finder({{sentinel.address(), other.address()}, "main", "", password, 300'000'000});
        return finder.find();
    }

    std::atomic<bool> is_in = false;  // of an answer, hence before the nodes
    FakeNode sentinel, other, server;
};

TEST_F(PrimaryFinderTest, BelievesASentinelThatTheServerConfirms) {
    start(names_server(), "-ERR\r\n", "master");
    const auto found = find();
    ASSERT_TRUE(found) << found.error();
    EXPECT_EQ(*found, server.address());
}

TEST_F(PrimaryFinderTest, AsksTheNextOneIfTheFirstDoesNotKnow) {
    start("*-1\r\n", names_server(), "master");
    const auto found = find();
    ASSERT_TRUE(found) << found.error();
    EXPECT_EQ(*found, server.address());
}

TEST_F(PrimaryFinderTest, RefusesAnOldPrimaryThatIsAReplicaNow) {
    start(names_server(), names_server(), "slave");
    const auto found = find();
    ASSERT_FALSE(found);
    EXPECT_NE(found.error().find("says it is a slave"), std::string::npos) << found.error();
}

TEST_F(PrimaryFinderTest, BelievesAServerThatMayNotBeAsked) {
    start(names_server(), "-ERR\r\n", "master");
    FakeNode guarded;
    guarded.start(
        [](const std::string&) { return "-NOPERM this user has no permissions to run the 'role' command\r\n"; });
    FakeNode naming;
    naming.start(
        [&](const std::string&) { return "*2\r\n$9\r\n127.0.0.1\r\n" + bulk(std::to_string(guarded.port())); });
    sinks::redis::PrimaryFinder finder({{naming.address()}, "main", "", "", 300'000'000});
    const auto found = finder.find();
    ASSERT_TRUE(found) << found.error();
    EXPECT_EQ(*found, guarded.address());
}

TEST_F(PrimaryFinderTest, AnErrorIsAnAnswer) {
    start(names_server(), "-ERR\r\n", "master");
    FakeNode loading;
    loading.start([](const std::string&) { return std::string("-LOADING soon\r\n"); });
    FakeNode naming;
    naming.start(
        [&](const std::string&) { return "*2\r\n$9\r\n127.0.0.1\r\n" + bulk(std::to_string(loading.port())); });
    sinks::redis::PrimaryFinder finder({{naming.address()}, "main", "", "", 300'000'000});
    const auto found = finder.find();
    ASSERT_FALSE(found);
    EXPECT_TRUE(found.error().ends_with("which refuses ROLE: LOADING soon")) << found.error();
}

TEST_F(PrimaryFinderTest, NoticesThatAnotherServerIsPrimary) {
    start("*-1\r\n", names_server(), "master");
    const sinks::redis::PrimaryFinder finder({{sentinel.address(), other.address()}, "main", "", "", 300'000'000});
    EXPECT_FALSE(finder.has_moved_from(server.address())) << "that is the one";
    EXPECT_TRUE(finder.has_moved_from({"127.0.0.1", 1})) << "the second sentinel knows";
}

TEST_F(PrimaryFinderTest, DoesNotMoveToAServerThatIsNotPrimaryYet) {
    start(names_server(), names_server(), "slave");
    const sinks::redis::PrimaryFinder finder({{sentinel.address(), other.address()}, "main", "", "", 300'000'000});
    EXPECT_FALSE(finder.has_moved_from({"127.0.0.1", 1}));
}

TEST_F(PrimaryFinderTest, TellsWhatIsWrong) {
    start("hang up", "*1\r\n+x\r\n", "master");
    const auto found = find();
    ASSERT_FALSE(found);
    EXPECT_NE(found.error().find("no primary main"), std::string::npos) << found.error();
}

TEST_F(PrimaryFinderTest, LogsInWhereASentinelWantsIt) {
    sentinel.start([&](const std::string& command) {
        if (command == "AUTH secret") is_in = true;
        if (command.starts_with("AUTH")) return std::string("+OK\r\n");
        return is_in ? names_server() : "-NOAUTH Authentication required.\r\n";
    });
    other.start([](const std::string&) { return "hang up"; });
    server.start([](const std::string&) { return "*1\r\n$6\r\nmaster\r\n"; });
    EXPECT_TRUE(find("secret"));
}

}  // namespace
}  // namespace sluice::tests
