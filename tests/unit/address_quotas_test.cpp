// Quotas of addresses: each has its own, debt has to come back, and a flood of addresses takes no more memory.
// runs: release asan tsan
#include "engine/tenants/address_quotas.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace sluice::tenants {
namespace {

constexpr std::uint64_t second = 1'000'000'000;
constexpr std::uint64_t begin_ns = 1000 * second;

IpAddress address(unsigned number) {
    return *parse_ip_address("10." + std::to_string(number >> 16 & 0xff) + "." + std::to_string(number >> 8 & 0xff) +
                             "." + std::to_string(number & 0xff));
}

class AddressQuotasTest : public testing::Test {
  protected:
    // How many requests of `count` are let in.
    int admitted(unsigned number, int count, std::uint64_t now_ns, std::uint64_t bytes = 1) {
        int admitted = 0;
        for (int i = 0; i < count; ++i) {
            if (quotas->excess(address(number), now_ns)) continue;
            quotas->charge_request(address(number), bytes, now_ns);
            ++admitted;
        }
        return admitted;
    }

    std::unique_ptr<AddressQuotas> quotas = std::make_unique<AddressQuotas>(
        QuotaSettings{.samples_per_s = 1000, .bytes_per_s = 10'000, .requests_per_s = 10}, 7);
};

TEST_F(AddressQuotasTest, EachAddressHasItsOwn) {
    EXPECT_EQ(admitted(1, 30, begin_ns), 10);
    EXPECT_EQ(admitted(2, 30, begin_ns), 10);
    EXPECT_EQ(admitted(1, 30, begin_ns + second / 2), 5);
    EXPECT_EQ(admitted(1, 30, begin_ns + 10 * second), 10) << "a burst of a second, after any pause";
    const auto excess = quotas->excess(address(1), begin_ns + 10 * second);
    ASSERT_TRUE(excess.has_value());
    EXPECT_EQ(excess->kind, QuotaKind::requests);
    EXPECT_EQ(excess->allowed_count, 10u);
    EXPECT_EQ(excess->retry_s, 1u);
}

TEST_F(AddressQuotasTest, WhatIsTooMuchPassesOnceAndIsPaid) {
    EXPECT_EQ(admitted(1, 1, begin_ns, 50'000), 1);
    const auto excess = quotas->excess(address(1), begin_ns);
    ASSERT_TRUE(excess.has_value());
    EXPECT_EQ(excess->kind, QuotaKind::bytes);
    EXPECT_EQ(excess->retry_s, 4u);
    EXPECT_TRUE(quotas->excess(address(1), begin_ns + 4 * second).has_value());
    EXPECT_FALSE(quotas->excess(address(1), begin_ns + 4 * second + 1'000'000).has_value());
    quotas->charge_samples(address(2), 3000, begin_ns);
    EXPECT_EQ(quotas->excess(address(2), begin_ns)->kind, QuotaKind::samples);
    EXPECT_EQ(quotas->excess(address(2), begin_ns)->retry_s, 2u);
}

TEST_F(AddressQuotasTest, WhatIsNotBoundedIsNotCounted) {
    quotas = std::make_unique<AddressQuotas>(QuotaSettings{.requests_per_s = 1}, 7);
    EXPECT_EQ(admitted(1, 1, begin_ns, 1'000'000'000), 1);
    quotas->charge_samples(address(1), 1'000'000'000, begin_ns);
    EXPECT_FALSE(quotas->excess(address(1), begin_ns + 2 * second).has_value());
}

// A flood of others: who was heard of last is remembered, who has been quiet begins anew.
TEST_F(AddressQuotasTest, TheTableIsBounded) {
    EXPECT_EQ(admitted(1, 1, begin_ns, 50'000), 1);
    const unsigned others_count = 8 * limits::quota_addresses_count_max;
    for (unsigned i = 0; i < others_count; ++i) {
        static_cast<void>(quotas->excess(address(1000 + i), begin_ns + i));
        if (i % 1000 != 0) continue;
        EXPECT_TRUE(quotas->excess(address(1), begin_ns + i).has_value());
    }
    for (unsigned i = 0; i < others_count; ++i)
        static_cast<void>(quotas->excess(address(1000 + i), begin_ns + others_count + i));
    EXPECT_FALSE(quotas->excess(address(1), begin_ns + 2 * others_count).has_value());
}

TEST_F(AddressQuotasTest, ThreadsShareIt) {
    std::vector<std::thread> threads;
    std::vector<int> counts(3);
    for (int& count : counts) threads.emplace_back([&] { count = admitted(1, 1000, begin_ns); });
    for (std::thread& thread : threads) thread.join();
    int sum = 0;
    for (const int count : counts) sum += count;
    EXPECT_GE(sum, 10);
    EXPECT_LE(sum, 12) << "each may have asked before the other was charged";
}

}  // namespace
}  // namespace sluice::tenants
