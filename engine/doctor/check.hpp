// A check of `sluice doctor`: one row of a family's table, and what looking at this machine gave. Values; main thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "engine/doctor/facts.hpp"

namespace sluice::doctor {

enum class State : std::uint8_t {
    ok,
    warn,   // hurts, or may
    fault,  // the engine does not start, is refused, or loses data
    unknown,  // cannot be looked at here
};

struct Finding {
    State state = State::unknown;
    std::string found{};
    std::string wanted{};  // empty: that of the row; else what it is with this configuration
};

// What a check needs beside the machine. Where that is not there, the check is unknown.
enum class Needs : std::uint8_t { nothing, config, journal, redis, cluster, tls, tenants };

struct Check {
    const char* id;
    const char* title;
    const char* wanted;
    const char* why;  // it matters
    const char* how;  // to change it
    Needs needs;
    Finding (*look)(const Facts& facts);
};

// The families, each in a file of its own.
[[nodiscard]] std::span<const Check> kernel_checks();
[[nodiscard]] std::span<const Check> processor_checks();
[[nodiscard]] std::span<const Check> network_checks();
[[nodiscard]] std::span<const Check> file_checks();
[[nodiscard]] std::span<const Check> redis_checks();
[[nodiscard]] std::span<const Check> configuration_checks();
[[nodiscard]] std::span<const Check> access_checks();

// Short forms for the families.
[[nodiscard]] inline Finding unknown(std::string found) { return {.state = State::unknown, .found = std::move(found)}; }
[[nodiscard]] inline Finding judged(bool is_good, State otherwise, std::string found, std::string wanted = {}) {
    return {is_good ? State::ok : otherwise, std::move(found), std::move(wanted)};
}
// A number in the file `path` that is to be `wanted_min` at least.
[[nodiscard]] Finding at_least(const Host& host, const std::string& path, std::uint64_t wanted_min, State otherwise);

}  // namespace sluice::doctor
