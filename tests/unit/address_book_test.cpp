// Which address of a server's name is tried first, and the sentence about those that were tried.
// runs: release asan
#include "sinks/redis/link/address_book.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "sinks/redis/link/connect_attempt.hpp"

namespace sluice::tests {
namespace {

using sinks::redis::AddressBook;
using sinks::redis::Addresses;
using sinks::redis::ConnectAttempt;

const sinks::ServerAddress server{"redis.test", 6379};

AddressBook book_of(Addresses addresses) {
    return AddressBook([=](const std::string&) { return addresses; });
}

TEST(AddressBook, BeginsWithWhatWorkedLast) {
    AddressBook book = book_of({"::1", "127.0.0.1", "127.0.0.2"});
    EXPECT_EQ(*book.find(server), (Addresses{"::1", "127.0.0.1", "127.0.0.2"})) << "the order of the system";
    book.worked(server, "127.0.0.1");
    EXPECT_EQ(*book.find(server), (Addresses{"127.0.0.1", "::1", "127.0.0.2"}));
    EXPECT_EQ(*book.find({"redis.test", 6380}), (Addresses{"::1", "127.0.0.1", "127.0.0.2"})) << "another server";
    book.worked(server, "127.0.0.2");
    EXPECT_EQ(*book.find(server), (Addresses{"127.0.0.2", "::1", "127.0.0.1"}));
}

TEST(AddressBook, WhatWasOfNoUseComesLastTheOldestFirst) {
    AddressBook book = book_of({"10.0.0.1", "10.0.0.2", "10.0.0.3"});
    book.worked(server, "10.0.0.1");
    book.was_useless(server, "10.0.0.1");
    EXPECT_EQ(*book.find(server), (Addresses{"10.0.0.2", "10.0.0.3", "10.0.0.1"}));
    book.was_useless(server, "10.0.0.2");
    EXPECT_EQ(*book.find(server), (Addresses{"10.0.0.3", "10.0.0.1", "10.0.0.2"})) << "each has its turn";
    book.was_useless(server, "10.0.0.3");
    EXPECT_EQ(*book.find(server), (Addresses{"10.0.0.1", "10.0.0.2", "10.0.0.3"}));
    book.was_useless(server, "10.0.0.1");
    EXPECT_EQ(*book.find(server), (Addresses{"10.0.0.2", "10.0.0.3", "10.0.0.1"}));
    book.worked(server, "10.0.0.3");
    EXPECT_EQ(*book.find(server), (Addresses{"10.0.0.3", "10.0.0.2", "10.0.0.1"})) << "of the rest nothing is new";
}

TEST(AddressBook, AnAddressThatIsGoneFromTheNameIsNotTried) {
    Addresses addresses{"10.0.0.1", "10.0.0.2"};
    AddressBook book([&](const std::string&) { return addresses; });
    book.worked(server, "10.0.0.2");
    addresses = {"10.0.0.3", "10.0.0.4"};
    EXPECT_EQ(*book.find(server), addresses);
}

TEST(AddressBook, TheSystemResolvesAnAddressToItself) {
    for (const char* const address : {"127.0.0.1", "::1"})
        EXPECT_EQ(*sinks::redis::resolve_by_system(address), Addresses{address});
    const auto none = sinks::redis::resolve_by_system("no such name");
    ASSERT_FALSE(none);
    EXPECT_NE(none.error(), "");
}

struct SentenceCase {
    const char* name;
    sinks::ServerAddress server;
    Addresses addresses;
    std::vector<std::string> reasons;  // of the first addresses
    const char* failure;
    const char* peer;  // when those have failed
};

class ConnectSentence : public testing::TestWithParam<SentenceCase> {};

TEST_P(ConnectSentence, NamesWhatWasTried) {
    const SentenceCase& c = GetParam();
    ConnectAttempt attempt;
    AddressBook book = book_of(c.addresses);
    ASSERT_TRUE(attempt.begin({.host = c.server.host, .port = c.server.port}, book));
    for (const std::string& reason : c.reasons) {
        ASSERT_TRUE(attempt.next());
        attempt.failed(reason);
    }
    EXPECT_EQ(attempt.failure(), c.failure);
    EXPECT_EQ(attempt.peer(), c.peer);
    EXPECT_EQ(attempt.left_count(), c.addresses.size() - c.reasons.size());
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, ConnectSentence,
    testing::Values(
        SentenceCase{"address",
                     {"10.0.0.1", 6379},
                     {"10.0.0.1"},
                     {"refused"},
                     "cannot connect to 10.0.0.1:6379: refused",
                     "10.0.0.1:6379"},
        SentenceCase{
            "ipv6", {"::1", 6379}, {"::1"}, {"refused"}, "cannot connect to [::1]:6379: refused", "[::1]:6379"},
        SentenceCase{"name",
                     {"redis", 6379},
                     {"10.0.0.1"},
                     {"refused"},
                     "cannot connect to redis:6379: refused (10.0.0.1)",
                     "redis:6379 (10.0.0.1)"},
        SentenceCase{"two",
                     {"redis", 6379},
                     {"::1", "10.0.0.1"},
                     {"refused", "no answer"},
                     "cannot connect to redis:6379: refused (::1), no answer (10.0.0.1)",
                     "redis:6379 (10.0.0.1)"},
        SentenceCase{"second_is_left",
                     {"redis", 6379},
                     {"::1", "10.0.0.1"},
                     {"refused"},
                     "cannot connect to redis:6379: refused (::1)",
                     "redis:6379 (::1)"},
        SentenceCase{"many",
                     {"redis", 6379},
                     {"1", "2", "3", "4", "5", "6"},
                     {"a", "b", "c", "d", "e", "f"},
                     "cannot connect to redis:6379: a (1), b (2), c (3), d (4), and 2 more",
                     "redis:6379 (6)"}),
    [](const auto& test) { return std::string(test.param.name); });

TEST(ConnectAttempt, AUnixSocketIsOneAddress) {
    AddressBook book = book_of({"127.0.0.1"});
    ConnectAttempt attempt;
    ASSERT_TRUE(attempt.begin({.path = "/run/redis.sock"}, book));
    ASSERT_TRUE(attempt.next());
    EXPECT_EQ(attempt.peer(), "/run/redis.sock");
    EXPECT_FALSE(attempt.has_name());
    attempt.failed("No such file or directory");
    EXPECT_FALSE(attempt.next());
    EXPECT_EQ(attempt.failure(), "cannot connect to /run/redis.sock: No such file or directory");
}

TEST(ConnectAttempt, ANameWithoutAddress) {
    AddressBook book([](const std::string&) { return std::unexpected(std::string("Name or service not known")); });
    ConnectAttempt attempt;
    ASSERT_TRUE(attempt.begin({.host = "redis", .port = 1}, book));
    EXPECT_FALSE(attempt.next());
    EXPECT_EQ(attempt.failure(), "cannot connect to redis:1: Name or service not known");
    EXPECT_EQ(attempt.peer(), "redis:1");
}

TEST(ConnectAttempt, AServerThatIsNotFound) {
    AddressBook book = book_of({"127.0.0.1"});
    ConnectAttempt attempt;
    const auto begun = attempt.begin({.find_server = [] { return std::unexpected(std::string("no primary")); }}, book);
    ASSERT_FALSE(begun);
    EXPECT_EQ(begun.error(), "no primary");
}

}  // namespace
}  // namespace sluice::tests
