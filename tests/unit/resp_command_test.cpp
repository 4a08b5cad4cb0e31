// The builder of RESP commands, against bytes written by hand.
// runs: release asan
#include "sinks/redis/resp/command.hpp"

#include <gtest/gtest.h>

namespace sluice::sinks::redis {
namespace {

TEST(RespCommand, WordsAreBulkStringsBehindTheirCount) {
    EXPECT_EQ(command_of({"PING"}), "*1\r\n$4\r\nPING\r\n");
    EXPECT_EQ(command_of({"AUTH", "", "p\r\nw"}), "*3\r\n$4\r\nAUTH\r\n$0\r\n\r\n$4\r\np\r\nw\r\n");
}

TEST(RespCommand, LengthsOfEveryWidth) {
    for (const std::size_t length : {9u, 10u, 99u, 100u, 12'345u}) {
        const std::string word(length, 'x');
        EXPECT_EQ(bulk_of(word), "$" + std::to_string(length) + "\r\n" + word + "\r\n");
    }
    for (const std::size_t count : {1u, 9u, 10u, 99u, 100u, 65'536u})
        EXPECT_EQ(array_header_of(count), "*" + std::to_string(count) + "\r\n");
}

TEST(RespCommand, CommandsAreAppended) {
    std::string bytes = command_of({"EXEC"});
    append_command(bytes, {"MULTI"});
    EXPECT_EQ(bytes, "*1\r\n$4\r\nEXEC\r\n*1\r\n$5\r\nMULTI\r\n");
}

}  // namespace
}  // namespace sluice::sinks::redis
