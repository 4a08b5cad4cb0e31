#include "engine/log/log.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <ctime>
#include <utility>

#include "engine/core/check.hpp"
#include "engine/core/clock.hpp"
#include "engine/core/escape.hpp"
#include "engine/core/limits.hpp"
#include "engine/log/writer.hpp"

namespace sluice::log {
namespace {

// Relaxed everywhere: a thread that still sees the old level or format writes one line the old way.
constinit std::atomic<LogLevel> level_now{LogLevel::info};
constinit std::atomic<LogFormat> format_now{LogFormat::logfmt};

constexpr bool is_name(std::string_view name) {
    for (const char c : name) {
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_')) return false;
    }
    return !name.empty();
}

// Whether a reader of logfmt takes the value as it stands.
bool is_bare_word(std::string_view value) {
    if (value.empty() || value.size() > limits::log_value_bytes_max) return false;
    for (const char c : value) {
        if (!is_printable_ascii(c) || c == ' ' || c == '"' || c == '=' || c == '\\') return false;
    }
    return true;
}

// 2026-11-23T20:31:05.123456Z
void append_timestamp(std::string& out, std::int64_t unix_ns) {
    const std::time_t seconds = unix_ns / 1'000'000'000;
    std::tm utc{};
    ::gmtime_r(&seconds, &utc);
    std::array<char, 40> text;
    out.append(text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S.", &utc));
    const std::string micros = std::to_string(unix_ns % 1'000'000'000 / 1000);
    out.append(6 - micros.size(), '0').append(micros).append("Z");
}

class Line {
  public:
    explicit Line(LogFormat format) : json_(format == LogFormat::json) {
        text_.reserve(256);
        if (json_) text_ += '{';
    }

    void add(std::string_view name, const Field::Value& value) {
        DCHECK(is_name(name));
        append_name(name);
        std::visit([this](const auto& typed) { append_value(typed); }, value);
    }

    std::string finish() && {
        if (json_) text_ += '}';
        return std::move(text_);
    }

  private:
    void append_name(std::string_view name) {
        if (text_.size() > (json_ ? 1u : 0u)) text_ += json_ ? ',' : ' ';
        if (json_) text_.append("\"").append(name).append("\":");
        else text_.append(name).append("=");
    }

    void append_value(std::string_view value) {
        if (!json_ && is_bare_word(value)) text_ += value;
        else text_ += quoted(value, limits::log_value_bytes_max, json_ ? EscapeStyle::json : EscapeStyle::text);
    }
    void append_value(bool value) { text_ += value ? "true" : "false"; }
    void append_value(std::int64_t value) { text_ += std::to_string(value); }
    void append_value(std::uint64_t value) { text_ += std::to_string(value); }
    // JSON has no NaN or infinity: there they are strings.
    void append_value(double value) {
        std::array<char, 32> digits;
        const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
        const std::string_view text(digits.data(), static_cast<std::size_t>(end - digits.data()));
        if (std::isfinite(value)) text_ += text;
        else append_value(text);
    }

    std::string text_;
    const bool json_;
};

}  // namespace

void configure(LogLevel level, LogFormat format) {
    level_now.store(level, std::memory_order_relaxed);
    format_now.store(format, std::memory_order_relaxed);
}

bool enabled(LogLevel level) { return level >= level_now.load(std::memory_order_relaxed); }

std::string render(LogFormat format, LogLevel level, std::int64_t unix_ns, std::string_view event,
                   std::span<const Field> fields, std::uint64_t suppressed_count) {
    std::string timestamp;
    append_timestamp(timestamp, unix_ns);
    Line line(format);
    line.add("ts", std::string_view(timestamp));
    line.add("level", name_of(level));
    line.add("event", event);
    for (const Field& field : fields) line.add(field.name, field.value);
    if (suppressed_count > 0) line.add("suppressed", suppressed_count);
    return std::move(line).finish();
}

void write(LogLevel level, std::string_view event, std::span<const Field> fields, std::uint64_t suppressed_count) {
    say(render(format_now.load(std::memory_order_relaxed), level, unix_ns(), event, fields, suppressed_count));
}

std::string event_line(LogLevel level, std::string_view event, Fields fields) {
    return render(format_now.load(std::memory_order_relaxed), level, unix_ns(), event, {fields.begin(), fields.size()});
}

// Relaxed: a count of another thread that comes late is told by the line after this one.
std::optional<std::uint64_t> RateLimited::admit(std::uint64_t now_ns) {
    std::uint64_t next_ns = next_ns_.load(std::memory_order_relaxed);
    if (now_ns >= next_ns &&
        next_ns_.compare_exchange_strong(next_ns, now_ns + interval_ns, std::memory_order_relaxed)) {
        return suppressed_count_.exchange(0, std::memory_order_relaxed);
    }
    suppressed_count_.fetch_add(1, std::memory_order_relaxed);
    return std::nullopt;
}

}  // namespace sluice::log
