// BodyTemplate: text with fields that differ from request to request: a body, a path with its query, the value of a
// header.
//
//   {"device_id":"{device}","value":{float:15:35},"timestamp":{ts:ms},"seq":{seq}}
//
//   {device}          the device of the request: the prefix and a number of fixed width
//   {seq}             the device's own count: 0, 1, 2, … without gap, over all endpoints
//   {ts} {ts:iso}     now, as 2025-12-29T17:03:57.123Z; {ts:ms} and {ts:ns}: Unix time
//   {float:lo:hi}     uniform in [lo, hi], with as many decimals as the longer bound (at least 1)
//   {choice:a|b|c}    one of these, each as likely
//
// A field is {word} or {word:...} with a lower-case word; one that is none of these is an error. Every other brace
// stands for itself, so JSON needs no escapes: {"a":1}, {foo bar}, {seq without its end. {{word} is {word} as it
// stands. All samples of a batch are of one device and have consecutive {seq}; a path or header has that of the first.
//
// Parsed before the run and not changed afterwards: all threads may read it.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "tools/load/plan/units.hpp"

namespace sluice::load {

struct Field {
    // token: the one of `choices` that belongs to the connection. No template can ask for it.
    enum class Kind : std::uint8_t { device, seq, ts_iso, ts_ms, ts_ns, number, choice, token };
    Kind kind = Kind::device;
    double low = 0, high = 0;
    int decimals = 0;
    std::vector<std::string> choices;
};

// literals[0] fields[0] literals[1] … fields[n-1] literals[n].
struct BodyTemplate {
    std::vector<std::string> literals;
    std::vector<Field> fields;
};

[[nodiscard]] std::expected<BodyTemplate, PlanError> parse_body_template(std::string_view text);

// The template that sends `text` as it is.
[[nodiscard]] std::string literal_template(std::string_view text);

// Puts `more` behind `text`, which has a literal at least.
void append(BodyTemplate& text, const BodyTemplate& more);

enum class BatchForm : std::uint8_t {
    array,  // [a,b,c]
    ndjson,  // a line each
};

// The body of `count` samples: the template repeated, with what stands between samples. 1 or 0: the template itself.
[[nodiscard]] BodyTemplate batch_of(const BodyTemplate& sample, std::uint32_t count, BatchForm form);

}  // namespace sluice::load
