#include "engine/dead_tool/letter_request.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>

#include "engine/core/limits.hpp"
#include "engine/ingest/format.hpp"

namespace sluice::dead_tool {
namespace {

constexpr std::int64_t ns_per_s = 1'000'000'000;
constexpr std::string_view ndjson = "application/x-ndjson";

// Letters of earlier engines have no path: /write takes every precision.
std::string path_of(const Entry& letter) {
    if (!letter.field("path").empty()) return std::string(letter.field("path"));
    const std::string_view format = letter.field("format"), precision = letter.field("precision");
    std::string path = format == "json" ? "/telemetry" : format == "influx" ? "/write" : "/collectd";
    if (!precision.empty()) path.append("?precision=").append(precision);
    return path;
}

std::string_view without_query(std::string_view path) { return path.substr(0, path.find('?')); }

// Of the formats whose records are kept as text.
const Format* format_of(std::string_view name, std::string_view path) {
    const bool is_text = name == name_of(IngestFormat::json) || name == name_of(IngestFormat::influx) ||
                         name == name_of(IngestFormat::collectd);
    const auto found = std::ranges::find_if(formats(), [&](const Format& format) {
        return name_of(format.name) == name && std::ranges::find(format.paths, path) != format.paths.end();
    });
    return is_text && found != formats().end() ? &*found : nullptr;
}

// Calls take(parameter) for each of a path's query, which is `name=value` as it stands.
template <typename Take>
void each_parameter(std::string_view path, Take take) {
    for (std::size_t at = path.find('?'); at != std::string_view::npos;) {  // ends: each turn goes on
        const std::size_t end = path.find('&', at + 1);
        take(path.substr(at + 1, end == std::string_view::npos ? end : end - at - 1));
        at = end;
    }
}

constexpr std::string_view precision_begin = "precision=";

// Of timestamps in the record; nothing: the path names one that the format does not have.
std::optional<parsers::Precision> precision_of(std::string_view path, const Format& format) {
    std::optional precision(format.precision);
    each_parameter(path, [&](std::string_view parameter) {
        if (!parameter.starts_with(precision_begin)) return;
        const auto row =
            std::ranges::find(format.precision_names, parameter.substr(precision_begin.size()), &PrecisionName::name);
        precision = row == format.precision_names.end() ? std::nullopt : std::optional(row->precision);
    });
    return precision;
}

// The same path for timestamps in ns.
std::string with_ns(std::string_view path) {
    std::string other(without_query(path));
    other += "?precision=ns";
    each_parameter(path, [&](std::string_view parameter) {
        if (!parameter.starts_with(precision_begin)) other.append("&").append(parameter);
    });
    return other;
}

std::string body_of(std::string_view record, const Format& format) {
    std::string body(record);
    if (format.name == IngestFormat::collectd) return "[" + body + "]";
    // Between the tokens of JSON: inside a string it is escaped.
    if (format.name == IngestFormat::json) std::ranges::replace(body, '\n', ' ');
    return body;
}

parsers::Dialect dialect_of(const Format& format) {
    const auto type = std::ranges::find(format.media_types, ndjson, &MediaType::name);
    return type == format.media_types.end() ? parsers::Dialect{} : type->dialect;
}

// The timestamp of the one sample that `body` is; nothing: it is none, or not one.
std::optional<std::int64_t> timestamp_of(std::string_view body, parsers::Decoder& decoder, const Format& format,
                                         parsers::Precision precision, std::int64_t arrival_ns) {
    const std::string padded = std::string(body) + std::string(limits::body_padding_bytes, '\0');
    decoder.start(std::string_view(padded).substr(0, body.size()), dialect_of(format),
                  {.precision = precision, .arrival_ns = arrival_ns});
    if (decoder.next() != parsers::Step::sample) return std::nullopt;
    const std::int64_t timestamp_ns = decoder.sample().timestamp_ns;
    return decoder.next() == parsers::Step::end ? std::optional(timestamp_ns) : std::nullopt;
}

std::string seconds_text(std::int64_t ns) {
    std::string fraction = std::to_string(ns % ns_per_s);
    fraction.insert(0, 9 - fraction.size(), '0');
    return std::to_string(ns / ns_per_s) + "." + fraction;
}

// `record` has no time of its own, and was read as one sample: of JSON it ends with its brace.
std::string with_time(std::string record, std::int64_t timestamp_ns, const Format& format) {
    if (format.name == IngestFormat::influx) return record + " " + std::to_string(timestamp_ns);
    if (record.ends_with('}')) record.pop_back();
    if (format.name == IngestFormat::collectd) return record + R"(,"time":)" + seconds_text(timestamp_ns) + "}";
    return record + R"(,"timestamp":)" + std::to_string(timestamp_ns) + "}";
}

std::optional<std::int64_t> received_ns_of(const Entry& letter) {
    const std::string_view text = letter.field("received");
    std::int64_t ns = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), ns);
    constexpr std::int64_t ns_max = std::int64_t{9'000'000'000} * ns_per_s;
    if (error != std::errc{} || end != text.data() + text.size() || ns <= 0 || ns > ns_max) return std::nullopt;
    return ns;
}

bool is_visible(char c) { return c > ' ' && c <= '~'; }

}  // namespace

std::expected<LetterRequest, std::string> request_of(const Entry& letter, const SampleMapping& mapping) {
    if (letter.fields.contains("cut")) return std::unexpected("its record was too long to be kept whole");
    if (letter.field("raw").empty()) return std::unexpected("its record was not kept");
    std::string path = path_of(letter);
    const Format* const format = format_of(letter.field("format"), without_query(path));
    const auto precision = format == nullptr ? std::nullopt : precision_of(path, *format);
    const auto received_ns = received_ns_of(letter);
    if (!precision || !received_ns || !std::ranges::all_of(path, is_visible))
        return std::unexpected("it is no letter that this version knows");
    std::string record(letter.field("raw"));
    const auto decoder = format->make_decoder(mapping);
    const auto read = [&](std::string_view text, parsers::Precision unit, std::int64_t arrival_ns) {
        return timestamp_of(body_of(text, *format), *decoder, *format, unit, arrival_ns);
    };
    // Every unit of time goes into the hour: without a time of its own the sample has another one then.
    constexpr std::int64_t hour_ns = 3600 * ns_per_s;
    const auto timestamp_ns = read(record, *precision, *received_ns);
    if (!timestamp_ns) return std::unexpected("its record is no sample to the present configuration");
    if (read(record, *precision, *received_ns + hour_ns) != timestamp_ns) {
        record = with_time(std::move(record), *timestamp_ns, *format);
        if (!format->precision_names.empty()) path = with_ns(path);
        const parsers::Precision unit = format->precision_names.empty() ? *precision : parsers::Precision::ns;
        if (read(record, unit, *received_ns + hour_ns) != timestamp_ns)
            return std::unexpected("its record has no room for the time of its arrival");
    }
    std::string body = body_of(record, *format);
    if (format->name == IngestFormat::json) record = body;
    const std::string_view type = format->media_types.empty()          ? "text/plain"
                                  : format->name == IngestFormat::json ? ndjson
                                                                       : format->media_types.front().name;
    return LetterRequest{std::move(path), std::string(type), std::move(body), std::move(record)};
}

}  // namespace sluice::dead_tool
