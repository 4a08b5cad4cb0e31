// Which options of a command line hold a secret that the list of processes shows.
// runs: release
#include "engine/config/exposed_secrets.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sluice::config {
namespace {

using Names = std::vector<std::string>;

TEST(ExposedSecrets, AreNamedByTheirOption) {
    const auto named = [](std::vector<Override> settings) { return exposed_secrets({{}, std::move(settings)}); };
    EXPECT_EQ(named({}), Names{});
    EXPECT_EQ(named({{"--sink", "sink.url", "redis://h:6379"}, {"--listen", "listen", "127.0.0.1:80"}}), Names{});
    EXPECT_EQ(named({{"--sink", "sink.url", "redis://user@h"}}), Names{});
    EXPECT_EQ(named({{"--set", "sink.redis.password", ""}}), Names{});
    EXPECT_EQ(named({{"--set", "sink.redis.password_file", "/run/password"}}), Names{});
    EXPECT_EQ(named({{"--sink", "sink.url", "redis://:pen@h"}}), Names{"--sink"});
    EXPECT_EQ(named({{"--sink", "sink.url", "rediss://:pen@h"}}), Names{"--sink"});
    EXPECT_EQ(named({{"--to", "sink.url", "redis-cluster://user:pen@a,b"}}), Names{"--to"});
    EXPECT_EQ(named({{"--set", "sink.url", "redis://:pen@h"}, {"--set", "sink.redis.password", "pen"}}),
              (Names{"--set sink.url", "--set sink.redis.password"}));
    EXPECT_EQ(named({{"--set", "sink.redis.pasword", "pen"}}), Names{}) << "no setting; refused elsewhere";
}

}  // namespace
}  // namespace sluice::config
