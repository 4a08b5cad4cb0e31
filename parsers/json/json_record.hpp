// RecordReader: one JSON value of a body in, one checked Sample out. Private to parsers/json.
//
// On-Demand validates only what it is asked for, and a record ends up in Redis as JSON. So every value is
// walked to its last byte, wanted or not: structure by iterating, strings' escapes, numbers and literals
// token by token. A walk goes on past a fault of the schema (a bad unit), because whether the text is JSON at
// all is the graver question; it stops at the first fault of the JSON.
//
// Views in the Sample point into the body, or into `strings_` where a string had escapes. Both live until the
// next read(). Nothing allocates after construction. Recursion is bounded by json_depth_max.
//
// Rejected: simdjson's get_string() (copies every string; most have no escapes), its raw_json() (skips
// without validating), and its DOM (twice the work).
//
// The thread of its decoder.
#pragma once

#include <simdjson.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "engine/core/limits.hpp"
#include "engine/core/refusal.hpp"
#include "engine/core/sample.hpp"
#include "parsers/json/key_set.hpp"
#include "parsers/name_set.hpp"
#include "parsers/timestamp.hpp"

namespace sluice::parsers {

namespace ondemand = simdjson::ondemand;

// What a record turned out to be.
enum class RecordState : std::uint8_t {
    sample,   // sample() is complete
    refused,  // valid JSON, but not a sample: refusal()
    broken,   // not JSON, or too deep: refusal() is invalid_json or json_too_deep; where: fault_at()
};

class RecordReader {
  public:
    struct Options {
        Precision precision = Precision::by_magnitude;
        std::int64_t arrival_ns = 0;
        bool are_lines = false;  // NDJSON: a line feed ends each record, so none has one inside
    };

    // `parser` unescapes strings; it outlives the reader and has been allocated.
    explicit RecordReader(const ondemand::parser& parser) : parser_(parser) {}

    // The records that follow lie in `body`, in this order.
    void start(std::string_view body, const Options& options);

    // Each reads one record to its end. `object` starts at `begin`, its brace.
    RecordState read(ondemand::object object, const char* begin);
    RecordState read(ondemand::value& value);
    // A record that is an array: not a sample, but its elements decide whether the body is JSON.
    RecordState read(ondemand::array array, const char* begin);
    // A record that is a lone scalar: `token`.
    RecordState read(std::string_view token);

    [[nodiscard]] const Sample& sample() const { return sample_; }
    [[nodiscard]] Refusal refusal() const { return refusal_; }
    [[nodiscard]] const char* begin() const { return begin_; }  // of the record
    [[nodiscard]] const char* end() const { return end_; }      // one past it; unless broken
    [[nodiscard]] const char* fault_at() const { return fault_at_; }

  private:
    enum class Field : std::uint8_t { device_id, type, value, unit, values, timestamp, priority, metadata };

    // Where a walk ended: one past the value, or nullptr at a fault of the JSON.
    using End = const char*;

    // A value that was walked: its text exactly, brackets and quotes included.
    struct Walked {
        std::string_view json;  // empty at a fault of the JSON
        bool has_escapes = false;
    };

    void open(const char* begin);
    RecordState close(End end);
    void check_completeness();
    void clear_absent();
    [[nodiscard]] bool has(Field field) const { return (seen_bits_ >> static_cast<unsigned>(field) & 1u) != 0; }

    // The walk: validates one value to its last byte. `level` counts the containers it stands in, the record
    // being level 1. walk() is inlined into the loops over members (see the .cpp); containers recurse.
    Walked walk(ondemand::value& value, std::size_t level);
    End walk_container(ondemand::value value, std::string_view token, std::size_t level);
    End walk_object(ondemand::object object, const char* begin, std::size_t level);
    End walk_array(ondemand::array array, const char* begin, std::size_t level);
    [[nodiscard]] const char* horizon_of(const char* begin) const;
    [[nodiscard]] bool has_escape(std::string_view text) const;
    [[nodiscard]] bool walk_escapes(std::string_view string);
    [[nodiscard]] bool walk_scalar(std::string_view token);

    // The schema: what a member's value means. These see only text that was walked.
    void keep_member(std::string_view key, const Walked& value);
    template <Field field>
    void keep_field(const Walked& value);
    void keep_many(const KeySet& first, std::string_view key, std::size_t level);
    void refuse_many();
    void keep_other(std::string_view key, const Walked& value);
    void keep_device_id(const Walked& value);
    void keep_type(const Walked& value);
    void keep_value(const Walked& value);
    void keep_unit(const Walked& value);
    void keep_values(const Walked& value);
    void keep_timestamp(const Walked& value);
    void keep_priority(const Walked& value);
    void keep_metadata(const Walked& value);
    [[nodiscard]] bool keep_text(const Walked& value, std::string_view& text);

    // The text of a string without its escapes; `inside` stands between the quotes and was walked.
    [[nodiscard]] std::string_view unescape(std::string_view inside);
    // The record from begin_ to end_ as one line.
    [[nodiscard]] std::string_view one_line();

    void refuse(Refusal refusal);
    End broken(const char* at, Refusal refusal = Refusal::invalid_json);

    const ondemand::parser& parser_;
    Options options_;
    DateCache last_date_;
    Sample sample_;
    const char* body_end_ = nullptr;
    // Before these there is none, from the record's begin on.
    const char* next_backslash_ = nullptr;
    const char* next_line_break_ = nullptr;
    const char* begin_ = nullptr;
    const char* end_ = nullptr;
    const char* fault_at_ = nullptr;
    Refusal fault_ = Refusal::invalid_json;    // why the JSON is broken
    Refusal refusal_ = Refusal::invalid_json;  // why the record is refused
    bool is_refused_ = false;
    bool is_oversized_ = false;        // some string did not fit strings_: the record is larger than a sample may be
    bool objects_are_plain_ = true;  // all objects walked since it was set have only numbers, booleans and strings
    bool has_many_members_ = false;  // an object that was walked has more than limits::members_count_max
    std::uint32_t seen_bits_ = 0;        // a bit for each Field
    std::size_t member_count_ = 0;
    std::size_t other_count_ = 0;
    std::size_t strings_bytes_ = 0;
    NameSet many_names_;  // of that object
    std::array<Member, limits::members_count_max> others_;
    std::array<char, limits::sample_bytes_max> line_;  // of a record that was written over several lines
    // Unescaped strings of one record are never longer than the record; behind the last one simdjson writes
    // up to a block ahead.
    std::array<char, limits::sample_bytes_max + 2 * simdjson::SIMDJSON_PADDING> strings_;
};

}  // namespace sluice::parsers
