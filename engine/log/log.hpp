// The log of the process: one line per event on stderr, as logfmt or JSON.
//
//   log::info("listening", {{"addr", "127.0.0.1:8080"}, {"cores", 2}});
//   ts=2026-11-23T20:31:05.123456Z level=info event=listening addr=127.0.0.1:8080 cores=2
//
// - Any thread may log; lines never interleave. With a Writer (writer.hpp) no call waits for stderr: it renders the
//   line, which allocates, and takes a lock. So reactors log on cold paths only, and through RateLimited where a client
//   can provoke the line.
// - Values are escaped and cut at limits::log_value_bytes_max: bytes of clients cannot forge a field or a line.
//   Event and field names are literals of ours, in [a-z0-9_].
// - A disabled level costs one relaxed load: no allocation, no formatting.
// - Works before configure(), as level info and logfmt.
//
// The one process-wide object of the engine. Handing a logger to everything that may have to report a
// failure was rejected: stderr is process-wide already, and the lines of a start-up error matter most.
#pragma once

#include <atomic>
#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "engine/core/log_level.hpp"

namespace sluice::log {

// One `name=value`. Borrows strings until the call that takes it returns.
struct Field {
    using Value = std::variant<std::string_view, std::int64_t, std::uint64_t, double, bool>;

    Field(std::string_view field_name, bool field_value) : name(field_name), value(field_value) {}
    Field(std::string_view field_name, double field_value) : name(field_name), value(field_value) {}
    Field(std::string_view field_name, std::signed_integral auto field_value)
        : name(field_name), value(std::int64_t{field_value}) {}
    Field(std::string_view field_name, std::unsigned_integral auto field_value)
        : name(field_name), value(std::uint64_t{field_value}) {}
    Field(std::string_view field_name, std::string_view field_value) : name(field_name), value(field_value) {}
    // Without this one a literal would become a bool.
    Field(std::string_view field_name, const char* field_value)
        : name(field_name), value(std::string_view(field_value)) {}
    Field(std::string_view field_name, const std::string& field_value)
        : name(field_name), value(std::string_view(field_value)) {}

    std::string_view name;
    Value value;
};
using Fields = std::initializer_list<Field>;

// From now on, for all threads.
void configure(LogLevel level, LogFormat format);

[[nodiscard]] bool enabled(LogLevel level);

// Writes the line whether `level` is enabled or not; the functions below are what callers want.
// `suppressed_count` > 0 is added as a last field.
void write(LogLevel level, std::string_view event, std::span<const Field> fields, std::uint64_t suppressed_count = 0);

inline void line(LogLevel level, std::string_view event, Fields fields = {}) {
    if (enabled(level)) write(level, event, {fields.begin(), fields.size()});
}
inline void line(LogLevel level, std::string_view event, std::span<const Field> fields) {
    if (enabled(level)) write(level, event, fields);
}
inline void debug(std::string_view event, Fields fields = {}) { line(LogLevel::debug, event, fields); }
inline void info(std::string_view event, Fields fields = {}) { line(LogLevel::info, event, fields); }
inline void warn(std::string_view event, Fields fields = {}) { line(LogLevel::warn, event, fields); }
inline void error(std::string_view event, Fields fields = {}) { line(LogLevel::error, event, fields); }

// At most one line a second from one place; the next line then tells how many were held back.
// A member of whoever logs. Threads may share one (the limit then holds for all of them together).
class RateLimited {
  public:
    static constexpr std::uint64_t interval_ns = 1'000'000'000;

    // `now_ns`: monotonic_ns(), which the caller has at hand anyway.
    void line(LogLevel level, std::uint64_t now_ns, std::string_view event, Fields fields = {}) {
        if (!enabled(level)) return;
        if (const auto suppressed_count = admit(now_ns))
            write(level, event, {fields.begin(), fields.size()}, *suppressed_count);
    }

    // For a line that is dear to make, of an enabled level. If a line may be written now: how many were held back, for
    // write(). Else nothing, and the line is counted as held back.
    [[nodiscard]] std::optional<std::uint64_t> admit(std::uint64_t now_ns);

  private:
    std::atomic<std::uint64_t> next_ns_{0};  // pairs with itself: the exchange elects the one thread that writes
    std::atomic<std::uint64_t> suppressed_count_{0};
};

// A line as write() would write it now, without its line feed.
[[nodiscard]] std::string event_line(LogLevel level, std::string_view event, Fields fields = {});

// The same with all that it depends on. `unix_ns` is the time stamp.
[[nodiscard]] std::string render(LogFormat format, LogLevel level, std::int64_t unix_ns, std::string_view event,
                                 std::span<const Field> fields, std::uint64_t suppressed_count = 0);

}  // namespace sluice::log
