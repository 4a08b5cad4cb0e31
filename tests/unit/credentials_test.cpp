// Bare names of files are credentials where systemd says where those are.
// runs: release
#include "engine/config/credentials.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "engine/config/load.hpp"

namespace sluice::config {
namespace {

const std::vector<std::string> service{"HOME=/", "CREDENTIALS_DIRECTORY=/run/credentials/sluice.service"};

TEST(Credentials, ABareNameIsInTheirDirectory) {
    Config config;
    config.sink.redis.password_file = "redis-password";
    config.sink.redis.tls_ca = "/etc/ssl/redis.pem";
    config.sink.redis.tls_key = "./redis.key";
    find_credentials(config, service);
    EXPECT_EQ(config.sink.redis.password_file, "/run/credentials/sluice.service/redis-password");
    EXPECT_EQ(config.sink.redis.tls_ca, "/etc/ssl/redis.pem");
    EXPECT_EQ(config.sink.redis.tls_key, "./redis.key");
    EXPECT_EQ(config.sink.redis.tls_certificate, "");
}

TEST(Credentials, WithoutThemItIsAFileAsUsual) {
    for (const std::string& variable : {std::string("CREDENTIALS_DIRECTORY="), std::string("CREDENTIALS=/x")}) {
        Config config;
        config.sink.redis.password_file = "redis-password";
        find_credentials(config, std::vector<std::string>{variable});
        EXPECT_EQ(config.sink.redis.password_file, "redis-password");
    }
}

TEST(Credentials, AreFoundWhenAConfigurationIsLoaded) {
    const Overrides overrides{{}, {{"--set", "sink.redis.password_file", "pw"}}};
    const auto inspected = inspect_config(overrides, {service, {0}});
    ASSERT_TRUE(inspected) << inspected.error().sentence;
    EXPECT_EQ(inspected->config.sink.redis.password_file, "/run/credentials/sluice.service/pw");
    const auto loaded = load_config(overrides, {service, {0}});
    ASSERT_TRUE(loaded) << loaded.error().sentence;
    EXPECT_EQ(loaded->sink.redis.password_file, "/run/credentials/sluice.service/pw");
}

}  // namespace
}  // namespace sluice::config
