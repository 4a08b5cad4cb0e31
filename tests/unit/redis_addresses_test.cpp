// A Redis whose name leads to several addresses: every connection tries each of them, and begins with the one that
// worked last. The resolver is a list; the servers listen on 127.0.0.1, 127.0.0.2 and 127.0.0.3 with one port.
// runs: release asan tsan
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <atomic>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/core/clock.hpp"
#include "engine/watch/cluster_probe.hpp"
#include "engine/watch/watcher.hpp"
#include "sinks/redis/cluster/cluster_sink.hpp"
#include "sinks/redis/cluster/slot.hpp"
#include "sinks/redis/cluster/slot_query.hpp"
#include "sinks/redis/link/address_book.hpp"
#include "sinks/redis/link/blocking_client.hpp"
#include "sinks/redis/sentinel/primary_finder.hpp"
#include "sinks/redis/single/redis_sink.hpp"
#include "tests/support/fake_node.hpp"
#include "tests/support/sink_driver.hpp"

namespace sluice::tests {
namespace {

using sinks::redis::AddressBook;
using sinks::redis::Addresses;

constexpr const char* first = "127.0.0.2";  // a name's first address; where nobody listens unless a test does
constexpr const char* second = "127.0.0.1";
const std::string stored = "$3\r\n1-1\r\n";

std::string stores(const std::string&) { return stored; }

std::shared_ptr<AddressBook> book_of(Addresses addresses) {
    return std::make_shared<AddressBook>(
        [=](const std::string& host) { return host == "redis.test" ? addresses : Addresses{host}; });
}

// A listener that takes no connection: its queue is full, so the kernel leaves further attempts without an answer.
class FullListener {
  public:
    FullListener(const char* where, std::uint16_t port) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port);
        EXPECT_EQ(::inet_pton(AF_INET, where, &address.sin_addr), 1);
        const auto* const generic = reinterpret_cast<const sockaddr*>(&address);
        EXPECT_EQ(::bind(listener_, generic, sizeof address), 0);
        EXPECT_EQ(::listen(listener_, 0), 0);
        for (int& waiting : waiting_) {
            waiting = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
            static_cast<void>(::connect(waiting, generic, sizeof address));
        }
    }
    ~FullListener() {
        for (const int waiting : waiting_) ::close(waiting);
        ::close(listener_);
    }
    FullListener(const FullListener&) = delete;
    FullListener& operator=(const FullListener&) = delete;

  private:
    int listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int waiting_[8] = {};
};

class RedisAddresses : public testing::Test {
  protected:
    [[nodiscard]] sinks::RedisSettings settings(Addresses addresses = {first, second}) const {
        sinks::RedisSettings settings;
        settings.host = "redis.test";
        settings.port = node.port();
        settings.connect_timeout_ns = settings.reply_timeout_ns = 2'000'000'000;
        settings.backoff_min_ns = 2'000'000;
        settings.backoff_max_ns = 20'000'000;
        settings.addresses = book_of(std::move(addresses));
        return settings;
    }
    [[nodiscard]] std::string name() const { return "redis.test:" + std::to_string(node.port()); }

    void connect(const sinks::RedisSettings& with) {
        driver = std::make_unique<SinkDriver>(ledger, sinks::make_redis_sink(with, ledger));
    }
    void deliver_one() {
        batches.emplace_back().add(resp({"XADD", "t:{0}", "*", "n", std::to_string(batches.size())}));
        driver->submit(batches.back());
        ASSERT_TRUE(driver->run_until_settled(batches.size())) << driver->sink().last_error();
    }
    [[nodiscard]] std::uint64_t failures_count() const { return driver->link().connection_failures; }

    std::atomic<bool> hangs_up = false;  // of an answer, hence before the nodes
    FakeNode node{second};
    LedgerPort ledger;
    std::deque<OwnedBatch> batches;
    std::unique_ptr<SinkDriver> driver;
};

TEST_F(RedisAddresses, ASinkTriesTheSecondInTheSameAttempt) {
    node.start(stores);
    connect(settings());
    EXPECT_EQ(driver->sink().connected_to(), "");
    deliver_one();
    EXPECT_EQ(failures_count(), 0u) << "an attempt fails when all addresses do";
    EXPECT_EQ(driver->sink().connected_to(), name() + " (127.0.0.1)");
}

TEST_F(RedisAddresses, AnAddressThatDoesNotAnswerLeavesTimeForTheOthers) {
    node.start(stores);
    const FullListener silent(first, node.port());
    connect(settings());
    deliver_one();
    EXPECT_EQ(failures_count(), 0u);
    EXPECT_EQ(driver->sink().connected_to(), name() + " (127.0.0.1)");
}

TEST_F(RedisAddresses, AFailureTellsOfEachAddress) {
    connect(settings({first, "127.0.0.3"}));
    EXPECT_TRUE(driver->run_until([&] { return failures_count() != 0; }));
    EXPECT_EQ(driver->sink().last_error(),
              "cannot connect to " + name() + ": Connection refused (127.0.0.2), Connection refused (127.0.0.3)");
}

TEST_F(RedisAddresses, ANameWithoutAddressIsTold) {
    sinks::RedisSettings with = settings();
    with.addresses = std::make_shared<AddressBook>(
        [](const std::string&) { return std::unexpected(std::string("Name or service not known")); });
    connect(with);
    EXPECT_TRUE(driver->run_until([&] { return failures_count() != 0; }));
    EXPECT_EQ(driver->sink().last_error(), "cannot connect to " + name() + ": Name or service not known");
}

TEST_F(RedisAddresses, ReconnectingBeginsWithWhatWorkedLast) {
    node.start([&](const std::string&) { return hangs_up.exchange(false) ? "hang up" : stored; });
    connect(settings());
    deliver_one();
    FakeNode other(first, node.port());  // from now on the first address would work, too
    other.start(stores);
    for (std::uint64_t losses_count = 1; losses_count <= 4; ++losses_count) {
        hangs_up = true;
        deliver_one();
        EXPECT_EQ(failures_count(), losses_count) << "the loss, and nothing else";
    }
    EXPECT_EQ(other.commands(), std::vector<std::string>{});
}

// An address that takes connections and is of no use: the others have their turn.
class UselessAddress : public RedisAddresses, public testing::WithParamInterface<const char*> {};

TEST_P(UselessAddress, IsLeftForAnother) {
    node.start(stores);
    FakeNode replica(first, node.port());
    replica.start([](const std::string&) { return std::string("-") + GetParam() + " as it is\r\n"; });
    connect(settings());
    deliver_one();
    EXPECT_EQ(driver->sink().connected_to(), name() + " (127.0.0.1)");
    EXPECT_EQ(node.commands().size(), 1u);
}
INSTANTIATE_TEST_SUITE_P(Errors, UselessAddress, testing::Values("READONLY", "MASTERDOWN", "NOAUTH"),
                         [](const auto& error) { return std::string(error.param); });

TEST_F(RedisAddresses, AServerThatDoesNotGreetIsLeftForAnother) {
    node.start(stores);
    FakeNode loading(first, node.port());
    loading.start([](const std::string&) { return std::string("-LOADING the data set\r\n"); });
    sinks::RedisSettings with = settings();
    with.password = "secret";  // AUTH is answered
    connect(with);
    deliver_one();
    EXPECT_EQ(failures_count(), 1u);
    EXPECT_EQ(driver->sink().connected_to(), name() + " (127.0.0.1)");
}

TEST_F(RedisAddresses, ACluster) {
    node.start([&](const std::string& command) {
        const std::string port = std::to_string(node.port());
        return command == "CLUSTER SLOTS" ? "*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n$10\r\nredis.test\r\n:" + port + "\r\n"
                                          : stored;
    });
    driver = std::make_unique<SinkDriver>(
        ledger, sinks::make_cluster_sink({{{"redis.test", node.port()}}, {"t:{0}"}, settings()}, ledger));
    deliver_one();
    EXPECT_EQ(failures_count(), 0u);
    EXPECT_EQ(driver->sink().connected_to(), name() + " (127.0.0.1)");
}

TEST_F(RedisAddresses, ABlockingClient) {
    node.start([](const std::string&) { return std::string("+OK\r\n"); });
    sinks::redis::BlockingClient client(settings(), "test");
    for (int i = 0; i < 2; ++i) {
        ASSERT_TRUE(client.connect()) << client.failure();
        EXPECT_EQ(client.peer(), name() + " (127.0.0.1)");
        EXPECT_NE(client.ask(sinks::redis::Command{"DBSIZE"}), nullptr);
    }
    sinks::redis::BlockingClient nobody(settings({first, "127.0.0.3"}));
    EXPECT_FALSE(nobody.connect());
    EXPECT_EQ(nobody.failure(), "Connection refused (127.0.0.2), Connection refused (127.0.0.3)");
}

TEST_F(RedisAddresses, ABlockingClientPassesOverAnAddressThatDoesNotAnswer) {
    node.start([](const std::string&) { return std::string("+OK\r\n"); });
    const FullListener silent(first, node.port());
    sinks::RedisSettings with = settings();
    with.connect_timeout_ns = 400'000'000;
    sinks::redis::BlockingClient client(with, "test");
    ASSERT_TRUE(client.connect()) << client.failure();
    EXPECT_EQ(client.peer(), name() + " (127.0.0.1)");
}

// What a server may be that takes connections and tells a question nothing, or only what does not count.
std::string bulk(const std::string& text) { return "$" + std::to_string(text.size()) + "\r\n" + text + "\r\n"; }

std::string info(const std::string& role) { return bulk("role:" + role + "\r\nused_memory:7\r\nmaxmemory:9\r\n"); }

FakeNode::Answer tells(std::uint64_t length, const std::string& role) {
    return [=](const std::string& command) {
        if (command.starts_with("INFO")) return info(role);
        return command.starts_with("XLEN") ? ":" + std::to_string(length) + "\r\n" : std::string("*0\r\n");
    };
}

FakeNode::Answer answers(const std::string& reply) {
    return [=](const std::string&) { return reply; };
}

struct Useless {
    const char* name;
    FakeNode::Answer answer;
};
const Useless useless_servers[] = {
    {"WantsAPassword", answers("-NOAUTH Authentication required.\r\n")},
    {"Loads", answers("-LOADING Redis is loading the dataset in memory\r\n")},
    {"HasNoPrimary", answers("-MASTERDOWN Link with MASTER is down\r\n")},
    {"IsAReplica", tells(3, "slave")},
};

watch::Findings look(const sinks::RedisSettings& redis) {
    watch::WatcherSettings settings;
    settings.redis = redis;
    settings.subject.keys = {"t"};
    return watch::Watcher::look_once(settings);
}

class UselessToTheWatcher : public RedisAddresses, public testing::WithParamInterface<Useless> {};

TEST_P(UselessToTheWatcher, IsLeftForAnotherWithinALook) {
    node.start(tells(7, "master"));
    FakeNode useless(first, node.port());
    useless.start(GetParam().answer);
    FakeNode other("127.0.0.3", node.port());
    other.start(GetParam().answer);
    const auto findings = look(settings({first, "127.0.0.3", second}));
    EXPECT_EQ(findings.error, "");
    EXPECT_EQ(findings.figures.length_sum, 7u);
}

TEST_P(UselessToTheWatcher, IsAskedAllTheSameWhereThereIsNoOther) {
    node.start(GetParam().answer);
    const auto findings = look(settings({second}));
    EXPECT_TRUE(findings.is_reached);
    EXPECT_EQ(findings.error.empty(), findings.figures.length_sum == 3u);
}

TEST_P(UselessToTheWatcher, IsLeftByTheOneOfAClusterToo) {
    const auto slots = [&](const std::string& command, const FakeNode::Answer& otherwise) {
        if (command != "CLUSTER SLOTS") return otherwise(command);
        return "*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n$10\r\nredis.test\r\n:" + std::to_string(node.port()) + "\r\n";
    };
    node.start([&](const std::string& command) { return slots(command, tells(7, "master")); });
    FakeNode useless(first, node.port());
    useless.start([&](const std::string& command) {
        const std::string refusal = GetParam().answer(command);
        return refusal.starts_with('-') ? refusal : slots(command, GetParam().answer);
    });
    watch::ClusterProbe probe(settings(), {{"redis.test", node.port()}}, {.keys = {"t"}});
    static_cast<void>(probe.learn([] { return false; }));
    EXPECT_EQ(probe.learn([] { return false; }).figures.length_sum, 7u);
}
INSTANTIATE_TEST_SUITE_P(Servers, UselessToTheWatcher, testing::ValuesIn(useless_servers),
                         [](const auto& server) { return std::string(server.param.name); });

TEST_F(RedisAddresses, AThirdIsReachedBehindTwoReplicas) {
    node.start(stores);
    FakeNode one(first, node.port());
    FakeNode other("127.0.0.3", node.port());
    for (FakeNode* const replica : {&one, &other}) replica->start(answers("-READONLY it is\r\n"));
    connect(settings({first, "127.0.0.3", second}));
    deliver_one();
    EXPECT_EQ(driver->sink().connected_to(), name() + " (127.0.0.1)");
}

TEST_F(RedisAddresses, ASlotQueryLeavesANodeThatTellsNone) {
    node.start(answers("*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n$9\r\n127.0.0.1\r\n:1\r\n"));
    FakeNode alone(first, node.port());
    alone.start(answers("-ERR This instance has cluster support disabled\r\n"));
    sinks::redis::SlotQuery query(settings());
    const auto ask = [&] {
        query.begin({"redis.test", node.port()}, monotonic_ns());
        std::optional<sinks::redis::SlotQuery::Answer> answer;
        while (!answer) {  // ends: the query has a deadline of its own
            pollfd waits{query.fd(), query.events(), 0};
            static_cast<void>(::poll(&waits, 1, 10));
            answer = query.advance(waits.revents, monotonic_ns());
        }
        return answer->has_value();
    };
    EXPECT_FALSE(ask());
    EXPECT_TRUE(ask());
}

// A sentinel that does not tell the primary: the other address of its name is asked the next time.
class UselessSentinel : public RedisAddresses, public testing::WithParamInterface<const char*> {};

TEST_P(UselessSentinel, IsLeftForAnother) {
    FakeNode primary;
    primary.start(answers("*1\r\n$6\r\nmaster\r\n"));
    node.start(answers("*2\r\n" + bulk("127.0.0.1") + bulk(std::to_string(primary.port()))));
    FakeNode useless(first, node.port());
    useless.start(answers(GetParam()));
    sinks::redis::PrimaryFinder finder({.sentinels = {{"redis.test", node.port()}},
                                        .master = "main",
                                        .user = {},
                                        .password = {},
                                        .timeout_ns = 500'000'000,
                                        .password_file = {},
                                        .addresses = book_of({first, second})});
    EXPECT_FALSE(finder.find());
    EXPECT_TRUE(finder.find());
}
INSTANTIATE_TEST_SUITE_P(Answers, UselessSentinel,
                         testing::Values("-NOAUTH no\r\n", "*-1\r\n", "hang up", "-DENIED protected mode\r\n"));

TEST_F(RedisAddresses, ASentinelAndThePrimaryThatItNames) {
    FakeNode primary;
    primary.start([](const std::string&) { return std::string("*1\r\n$6\r\nmaster\r\n"); });
    node.start([&](const std::string&) {
        return "*2\r\n$10\r\nredis.test\r\n$5\r\n" + std::to_string(primary.port()) + "\r\n";
    });
    if (primary.port() < 10'000) GTEST_SKIP() << "the answer is written for a port of five digits";
    sinks::redis::PrimaryFinder finder({.sentinels = {{"redis.test", node.port()}},
                                        .master = "main",
                                        .user = {},
                                        .password = {},
                                        .timeout_ns = 500'000'000,
                                        .password_file = {},
                                        .addresses = book_of({first, second})});
    const auto found = finder.find();
    ASSERT_TRUE(found) << found.error();
    EXPECT_EQ(*found, (sinks::ServerAddress{"redis.test", primary.port()}));
}

}  // namespace
}  // namespace sluice::tests
