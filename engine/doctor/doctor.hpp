// `sluice doctor [--config FILE] [--set KEY=VALUE]... [--json]`: what on this machine, in Redis and in the
// configuration would hurt. Reads only. Main thread; blocks while Redis is asked.
#pragma once

#include <string>
#include <vector>

#include "engine/config/command_line.hpp"
#include "engine/doctor/check.hpp"

namespace sluice::doctor {

struct Row {
    const Check* check;
    Finding finding;  // with `wanted`
};

// Each check once, in the order of the families; one that cannot be made is unknown.
[[nodiscard]] std::vector<Row> examine(const Facts& facts);

// {"checks":[{"id","state","found","wanted","why","how"}]} and a line feed.
[[nodiscard]] std::string json_of(const std::vector<Row>& rows);
// A line for each check; below it why and how, if it is a warning or a fault. Then how many of each.
[[nodiscard]] std::string text_of(const std::vector<Row>& rows);
// 0: all well, 1: warnings, 2: faults. What is unknown does not count.
[[nodiscard]] int exit_code_of(const std::vector<Row>& rows);

struct Answer {
    std::string text;  // for stdout
    int exit_code;
};
[[nodiscard]] Answer run(const config::Invocation& invocation, const config::Environment& environment);

}  // namespace sluice::doctor
