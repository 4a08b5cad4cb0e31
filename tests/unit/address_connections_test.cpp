// How many connections an address has: over threads, and without a trace of those that are gone.
// runs: release asan tsan
#include "engine/server/address_connections.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

namespace sluice {
namespace {

IpAddress address(int number) { return *parse_ip_address("10.0.0." + std::to_string(number)); }

TEST(AddressConnectionsTest, AnAddressHasItsBound) {
    AddressConnections connections(2, 7);
    EXPECT_TRUE(connections.enter(address(1)) && connections.enter(address(1)));
    EXPECT_FALSE(connections.enter(address(1)));
    EXPECT_TRUE(connections.enter(address(2)));
    connections.leave(address(1));
    EXPECT_TRUE(connections.enter(address(1)));
    EXPECT_FALSE(connections.enter(address(1)));
    EXPECT_EQ(connections.addresses_count(), 2u);
    for (const int one : {1, 1, 2}) connections.leave(address(one));
    EXPECT_EQ(connections.addresses_count(), 0u) << "it remembers nobody who is gone";
}

TEST(AddressConnectionsTest, TheBoundHoldsForAllThreads) {
    AddressConnections connections(2, 7);
    std::atomic<int> open_count{0}, open_count_max{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 3; ++i)
        threads.emplace_back([&] {
            for (int turn = 0; turn < 2000; ++turn) {
                if (!connections.enter(address(1))) continue;
                const int count = 1 + open_count.fetch_add(1);
                int seen = open_count_max.load();
                while (seen < count && !open_count_max.compare_exchange_weak(seen, count)) {
                }
                open_count.fetch_sub(1);
                connections.leave(address(1));
            }
        });
    for (std::thread& thread : threads) thread.join();
    EXPECT_GE(open_count_max, 1);
    EXPECT_LE(open_count_max, 2);
    EXPECT_EQ(connections.addresses_count(), 0u);
}

}  // namespace
}  // namespace sluice
