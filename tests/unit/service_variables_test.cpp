// What Kubernetes puts into the environment for Services whose names begin with `sluice`, and what only looks like it.
// runs: release asan
#include "engine/config/service_variables.hpp"

#include <gtest/gtest.h>

#include "engine/config/keys.hpp"
#include "engine/config/load.hpp"

namespace sluice::config {
namespace {

bool loads_with(const std::vector<std::string>& environment) {
    return load_config({}, {.variables = environment, .allowed_cores = {0}}).has_value();
}

TEST(ServiceVariables, AreIgnored) {
    std::vector<std::string> environment{"SLUICE_SERVICE_HOST=10.0.0.1",
                                         "SLUICE_SERVICE_PORT=8080",
                                         "SLUICE_SERVICE_PORT_ADMIN=8081",
                                         "SLUICE_PORT=tcp://10.0.0.1:8080",
                                         "SLUICE_PORT_8080_TCP=tcp://10.0.0.1:8080",
                                         "SLUICE_PORT_8080_TCP_PROTO=tcp",
                                         "SLUICE_PORT_8080_TCP_PORT=8080",
                                         "SLUICE_PORT_8080_TCP_ADDR=10.0.0.1",
                                         "SLUICE_PORT_53_UDP=udp://10.0.0.1:53",
                                         "SLUICE_PORT=udp://10.0.0.1:53",
                                         "SLUICE_REDIS_MASTER_SERVICE_HOST=10.0.0.2",
                                         "SLUICE_REDIS_MASTER_SERVICE_PORT=6379",
                                         "SLUICE_REDIS_MASTER_SERVICE_PORT_TCP_REDIS=6379",
                                         "SLUICE_REDIS_MASTER_PORT=tcp://10.0.0.2:6379",
                                         "SLUICE_REDIS_MASTER_PORT_6379_TCP=tcp://10.0.0.2:6379",
                                         "SLUICE_ADMIN_PORT=tcp://10.0.0.3:80",
                                         "SLUICE_ADMIN_PORT_80_TCP_ADDR=10.0.0.3",
                                         "SLUICE_PORT_X_PORT_80_SCTP_PROTO=sctp"};
    EXPECT_TRUE(loads_with(environment));
    const std::size_t made_count = environment.size();
    environment.insert(environment.end(), {"PATH=/bin", "SLUICE_ACK=queued"});
    const std::vector<std::string> found = service_variables(environment);
    ASSERT_EQ(found.size(), made_count);
    EXPECT_EQ(found.front(), "SLUICE_SERVICE_HOST");
}

TEST(ServiceVariables, OthersThatBeginLikeSettingsAreRefused) {
    for (const char* const name : {"SLUICE_SERVICE", "SLUICE_SERVICE_HOSTS", "SLUICE_SERVICE_PORT_", "SLUICE_PORTS",
                                   "SLUICE_PORT_", "SLUICE_PORT_TCP", "SLUICE_PORT_8080", "SLUICE_PORT_8080_TCP_HOST",
                                   "SLUICE_PORT_8080_TCPX", "SLUICE_PORT", "SLUICE_ADMIN_PORT", "SLUICE_REDIS_HOST"}) {
        EXPECT_FALSE(loads_with({std::string(name) + "=1"})) << name;
        EXPECT_FALSE(is_service_variable(name, "1")) << name;
    }
    EXPECT_FALSE(is_service_variable("SLUICED_SERVICE_HOST", "10.0.0.1"));
}

TEST(ServiceVariables, AreNeverSettings) {
    for (const Property& property : properties())
        EXPECT_FALSE(is_service_variable(environment_name(property.key), "tcp://10.0.0.1:1")) << property.key;
}

}  // namespace
}  // namespace sluice::config
