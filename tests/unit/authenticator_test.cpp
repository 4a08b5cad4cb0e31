// Whose a token is, how long an authenticator remembers it, and how often an address may fail.
// runs: release asan
#include "engine/tenants/authenticator.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "engine/tenants/failures.hpp"

namespace sluice::tenants {
namespace {

using Outcome = Authenticator::Outcome;
using Source = Authenticator::Source;
constexpr std::uint64_t second = 1'000'000'000;

Tenant tenant(const std::string& name, const std::string& secret, std::int64_t expires_s = 0) {
    return {.name = name,
            .tokens = {{.id = "id", .digest = Sha256()(secret), .expires_s = expires_s, .scopes_mask = 1}},
            .addresses = {}};
}

std::shared_ptr<const TenantTable> table(std::vector<Tenant> tenants, TenantNumbers& numbers,
                                         std::uint32_t generation) {
    return TenantTable::make(std::move(tenants), numbers, generation).value();
}

TEST(AuthenticatorTest, KnowsWhoseATokenIs) {
    TenantNumbers numbers;
    Authenticator authenticator(table({tenant("a", "s1"), tenant("b", "s2", 100)}, numbers, 1), 4);
    const auto check = [&](std::string_view token, std::int64_t unix_s) {
        return authenticator.check(0, Source::api_key, token, token, second, unix_s);
    };
    EXPECT_EQ(check("s1", 0).tenant, 0);
    EXPECT_EQ(check("s2", 99).tenant, 1);
    EXPECT_EQ(check("s2", 99).outcome, Outcome::good);
    EXPECT_EQ(check("s2", 100).outcome, Outcome::expired);
    EXPECT_EQ(check("s3", 0).outcome, Outcome::unknown);
    EXPECT_EQ(check("", 0).outcome, Outcome::unknown);
}

TEST(AuthenticatorTest, RemembersTheSameBytesForASecondAndOneTable) {
    TenantNumbers numbers;
    Authenticator authenticator(table({tenant("a", "s1")}, numbers, 1), 4);
    const auto recalls = [&](Slot slot, Source source, std::string_view text, std::uint64_t now_ns) {
        return authenticator.recall(slot, source, text, now_ns) != nullptr;
    };
    EXPECT_FALSE(recalls(2, Source::authorization, "Bearer s1", second));
    static_cast<void>(authenticator.check(2, Source::authorization, "Bearer s1", "s1", second, 0));
    EXPECT_TRUE(recalls(2, Source::authorization, "Bearer s1", 2 * second - 1));
    EXPECT_FALSE(recalls(2, Source::authorization, "Bearer s1", 2 * second));
    EXPECT_FALSE(recalls(1, Source::authorization, "Bearer s1", second));
    EXPECT_FALSE(recalls(2, Source::api_key, "Bearer s1", second));
    EXPECT_FALSE(recalls(2, Source::authorization, "Bearer s2", second));
    EXPECT_FALSE(recalls(2, Source::authorization, "Bearer s", second));
    EXPECT_FALSE(recalls(2, Source::none, "", second));
    authenticator.use(table({tenant("a", "s1")}, numbers, 2));
    EXPECT_FALSE(recalls(2, Source::authorization, "Bearer s1", second));
    static_cast<void>(authenticator.check(2, Source::authorization, "Bearer s1", "s1", second, 0));
    authenticator.forget(2);
    EXPECT_FALSE(recalls(2, Source::authorization, "Bearer s1", second));
}

TEST(AuthenticatorTest, WhatIsWrongOrLongIsNotRemembered) {
    TenantNumbers numbers;
    const std::string longer(Authenticator::remembered_bytes_max + 1, 'x');
    Authenticator authenticator(table({tenant("a", longer)}, numbers, 1), 1);
    EXPECT_EQ(authenticator.check(0, Source::api_key, longer, longer, second, 0).outcome, Outcome::good);
    EXPECT_EQ(authenticator.recall(0, Source::api_key, longer, second), nullptr);
    static_cast<void>(authenticator.check(0, Source::api_key, "no", "no", second, 0));
    EXPECT_EQ(authenticator.recall(0, Source::api_key, "no", second), nullptr);
}

TEST(TenantTableTest, ATenantKeepsItsNumber) {
    TenantNumbers numbers;
    const auto first = table({tenant("a", "1"), tenant("b", "2")}, numbers, 1);
    const auto second_table = table({tenant("c", "3"), tenant("b", "2")}, numbers, 2);
    EXPECT_EQ(first->find(Sha256()("2")).tenant, 1);
    EXPECT_EQ(second_table->find(Sha256()("2")).tenant, 1);
    EXPECT_EQ(second_table->find(Sha256()("3")).tenant, 2);
    EXPECT_EQ(second_table->tenant(0), nullptr);
    EXPECT_EQ(second_table->tenant(1)->name, "b");
    EXPECT_EQ(second_table->tenant(no_tenant), nullptr);
}

TEST(TenantTableTest, NamesAreBoundedOverReloads) {
    TenantNumbers numbers;
    std::vector<Tenant> all;
    for (int i = 0; i < 1024; ++i) all.push_back({.name = "t" + std::to_string(i), .tokens = {}, .addresses = {}});
    EXPECT_TRUE(TenantTable::make(all, numbers, 1).has_value());
    EXPECT_TRUE(TenantTable::make(all, numbers, 2).has_value());
    EXPECT_FALSE(TenantTable::make({tenant("one-more", "s")}, numbers, 3).has_value());
}

TEST(FailuresTest, AnAddressMayFailTenTimesASecond) {
    const auto failures = std::make_unique<Failures>(7);
    const IpAddress one = *parse_ip_address("10.0.0.1"), other = *parse_ip_address("10.0.0.2");
    for (int i = 0; i < 10; ++i) EXPECT_TRUE(failures->note(one, 5 * second + static_cast<std::uint64_t>(i)));
    EXPECT_FALSE(failures->note(one, 5 * second + 11));
    EXPECT_TRUE(failures->note(other, 5 * second + 12));
    EXPECT_TRUE(failures->note(one, 6 * second));
    // Of 250 neighbours few share a place of the 4096 with one of 250 that have failed too often.
    const auto address_of = [](int network, int host) {
        return *parse_ip_address("10.0." + std::to_string(network) + "." + std::to_string(host));
    };
    for (int i = 0; i < 250 * 10; ++i) static_cast<void>(failures->note(address_of(1, i % 250), 8 * second));
    int shared_count = 0;
    for (int i = 0; i < 250; ++i) shared_count += failures->note(address_of(3, i), 8 * second) ? 0 : 1;
    EXPECT_LT(shared_count, 60) << "neighbours mostly have places of their own";
    for (int i = 0; i < 10; ++i) static_cast<void>(failures->note(*parse_ip_address("2001:db8::1"), 7 * second));
    EXPECT_FALSE(failures->note(*parse_ip_address("2001:db8::2"), 7 * second));
}

}  // namespace
}  // namespace sluice::tenants
