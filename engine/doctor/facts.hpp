// Facts: all that the checks look at. A test fills them by hand. Main thread.
#pragma once

#include <string>
#include <vector>

#include "engine/config/config.hpp"
#include "engine/doctor/host.hpp"
#include "engine/doctor/redis_facts.hpp"

namespace sluice::doctor {

struct Facts {
    Host host{};
    config::Config config{};
    std::string config_problem{};  // a sentence; then `config` is not to be looked at
    std::vector<std::string> config_warnings{};
    std::vector<std::string> machine_warnings{};  // what a start would meet
    std::string access_problem{};  // of the files of tenants and of the admin token, a sentence
    std::vector<std::string> tenant_warnings{};
    RedisFacts redis{};
};

}  // namespace sluice::doctor
