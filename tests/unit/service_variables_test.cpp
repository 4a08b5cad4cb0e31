// What Kubernetes puts into the environment beside a Service called `sluice`, and what only looks like it.
// runs: release asan
#include "engine/config/service_variables.hpp"

#include <gtest/gtest.h>

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
                                         "SLUICE_PORT_53_UDP=udp://10.0.0.1:53"};
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
                                   "SLUICE_PORT_8080_TCPX", "SLUICE_ADMIN_PORT"}) {
        EXPECT_FALSE(loads_with({std::string(name) + "=1"})) << name;
        EXPECT_FALSE(is_service_variable(name)) << name;
    }
}

}  // namespace
}  // namespace sluice::config
