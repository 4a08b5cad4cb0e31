// The password of Redis from a file: what a file may hold, and that it is read again at each connect.
// runs: release asan tsan
#include "sinks/redis/link/password.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <deque>
#include <fstream>
#include <memory>
#include <string>

#include "engine/core/limits.hpp"
#include "sinks/redis/link/blocking_client.hpp"
#include "sinks/redis/single/redis_sink.hpp"
#include "tests/support/redis_server.hpp"
#include "tests/support/sink_driver.hpp"

namespace sluice::tests {
namespace {

class PasswordFile {
  public:
    PasswordFile() {
        char pattern[] = "/tmp/sluice-password-XXXXXX";
        const int fd = ::mkstemp(pattern);
        EXPECT_GE(fd, 0);
        ::close(fd);
        path = pattern;
    }
    ~PasswordFile() { static_cast<void>(::unlink(path.c_str())); }
    PasswordFile(const PasswordFile&) = delete;
    PasswordFile& operator=(const PasswordFile&) = delete;

    void write(const std::string& text) const { std::ofstream(path, std::ios::trunc | std::ios::binary) << text; }
    [[nodiscard]] auto read() const {
        return sinks::redis::password_of({.password = "of the settings", .password_file = path});
    }

    std::string path;
};

struct FileCase {
    const char* name;
    std::string text;
    std::string password;  // empty: refused
    std::string clause;    // why, behind the file's name
};

class PasswordFileCase : public testing::TestWithParam<FileCase> {};

TEST_P(PasswordFileCase, IsReadOrRefused) {
    const FileCase& c = GetParam();
    const PasswordFile file;
    file.write(c.text);
    const auto password = file.read();
    if (!c.password.empty()) {
        ASSERT_TRUE(password) << password.error();
        EXPECT_EQ(*password, c.password);
    } else {
        ASSERT_FALSE(password);
        EXPECT_EQ(password.error(), "the password file " + file.path + " " + c.clause);
    }
}

const std::string longest(limits::credential_bytes_max, 'x');

INSTANTIATE_TEST_SUITE_P(
    Files, PasswordFileCase,
    testing::Values(FileCase{"plain", "secret", "secret", ""}, FileCase{"line_end", "secret\n", "secret", ""},
                    FileCase{"line_end_of_windows", "secret\r\n", "secret", ""},
                    FileCase{"blanks_are_part_of_it", " a b ", " a b ", ""},
                    FileCase{"utf8", "s\xC3\xA9same\n", "s\xC3\xA9same", ""},
                    FileCase{"longest", longest + "\n", longest, ""}, FileCase{"empty", "", "", "is empty"},
                    FileCase{"line_end_alone", "\n", "", "is empty"},
                    FileCase{"too_long", longest + "x", "", "holds more than 4096 bytes"},
                    FileCase{"much_too_long", longest + longest, "", "holds more than 4096 bytes"},
                    FileCase{"two_lines", "a\nb\n", "", "holds more than one line, or a control character"}),
    [](const auto& test) { return std::string(test.param.name); });

TEST(PasswordFileKinds, WhatIsNoFileIsNamed) {
    const auto missing = sinks::redis::password_of({.password_file = "/nowhere/password"});
    ASSERT_FALSE(missing);
    EXPECT_EQ(missing.error(), "the password file /nowhere/password cannot be read: No such file or directory");
    const auto folder = sinks::redis::password_of({.password_file = "/tmp"});
    ASSERT_FALSE(folder);
    EXPECT_EQ(folder.error(), "the password file /tmp cannot be read: Is a directory");
    EXPECT_EQ(*sinks::redis::password_of({.password = "set"}), "set");
}

TEST(PasswordFileKinds, APipeThatNobodyWritesIsNotWaitedFor) {
    PasswordFile file;
    ASSERT_EQ(::unlink(file.path.c_str()), 0);
    ASSERT_EQ(::mkfifo(file.path.c_str(), 0600), 0);
    EXPECT_FALSE(file.read());
}

TEST(PasswordFileOfRedis, IsReadAgainAtEachConnect) {
    if (!RedisServer::available()) GTEST_SKIP() << "redis-server is not installed";
    RedisServer server(RedisServer::Listen::tcp, {"--requirepass", "old"});
    const PasswordFile file;
    sinks::RedisSettings settings = server.settings();
    settings.password_file = file.path;
    LedgerPort ledger;
    std::deque<OwnedBatch> batches;
    SinkDriver driver(ledger, sinks::make_redis_sink(settings, ledger));
    const auto deliver = [&] {
        batches.emplace_back().add(resp({"XADD", "t", "*", "n", "0"}));
        driver.submit(batches.back());
        return driver.run_until_settled(batches.size());
    };
    EXPECT_TRUE(driver.run_until([&] { return driver.link().connection_failures != 0; }));
    EXPECT_EQ(driver.sink().last_error(), "the password file " + file.path + " is empty");
    file.write("wrong\n");
    EXPECT_TRUE(driver.run_until([&] { return driver.sink().last_error().contains("WRONGPASS"); }));
    file.write("old\n");
    EXPECT_TRUE(deliver()) << driver.sink().last_error();

    // A rotation: the connection that is open stays, the next one takes the new password.
    server.command({"CONFIG", "SET", "requirepass", "new"}, "old");
    file.write("new\n");
    server.command({"CLIENT", "KILL", "TYPE", "normal"}, "new");
    EXPECT_TRUE(deliver()) << driver.sink().last_error();
    sinks::redis::BlockingClient client(settings);
    EXPECT_TRUE(client.connect()) << client.failure();
}

}  // namespace
}  // namespace sluice::tests
