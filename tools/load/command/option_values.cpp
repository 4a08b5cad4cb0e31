#include "tools/load/command/option_values.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <fstream>

#include "engine/config/sink_url.hpp"
#include "engine/config/units.hpp"
#include "engine/core/limits.hpp"

namespace sluice::load {

// 0 to 1, however it is written.
Result<double> parse_share(std::string_view text) {
    const bool is_percent = text.ends_with('%');
    const auto number = parse_number(is_percent ? text.substr(0, text.size() - 1) : text);
    const double share = is_percent ? number.value_or(-1) / 100 : number.value_or(-1);
    if (share < 0 || share > 1) return wrong(quoted(text, 64) + " is no share; write it as 95% or 0.95");
    return share;
}

Result<double> parse_seconds(std::string_view text) {
    const auto ns = parse_span_ns(text);
    if (!ns) return std::unexpected(ns.error());
    return static_cast<double>(*ns) / 1e9;
}

Result<double> parse_positive_rate(std::string_view text) {
    auto rate = parse_rate(text);
    // At 100M/s requests are 10 ns apart, and times are whole ns.
    if (rate && (*rate <= 0 || *rate > 1e8))
        return wrong(quoted(text, 64) + " is not a rate above 0/s and up to 100M/s");
    return rate;
}

Result<ThinkTime> parse_think(std::string_view text) {
    // A span has no sign, so the first dash separates the bounds.
    const std::size_t dash = text.find('-');
    if (dash == 0 || dash + 1 == text.size())
        return wrong(quoted(text, 64) + " lacks a bound; write 0.5s, or 1s-3s for what is between");
    const auto low = parse_span_ns(text.substr(0, dash));
    const auto high = dash == std::string_view::npos ? low : parse_span_ns(text.substr(dash + 1));
    if (!low || !high) return std::unexpected(low ? high.error() : low.error());
    if (*low > *high) return wrong(quoted(text, 64) + " has its bounds the wrong way round");
    return ThinkTime{*low, *high};
}

Result<ArrivalKind> parse_arrivals(std::string_view text) {
    if (text == "constant") return ArrivalKind::constant;
    if (text == "poisson") return ArrivalKind::poisson;
    return wrong(quoted(text, 64) + " is neither constant nor poisson");
}

Result<std::vector<unsigned>> parse_core_list(std::string_view text) {
    auto cores = config::parse_cores(text);
    if (!cores) return wrong(quoted(text, 64) + " is no list of cores; write it as 0,2-3");
    return std::move(*cores);
}

// Letters and digits of the C locale, which is never changed: ASCII.
bool is_header_name(std::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) {
        return std::isalnum(c) != 0 ||
               std::string_view("!#$%&'*+-.^_`|~").find(static_cast<char>(c)) != std::string_view::npos;
    });
}

// Bytes from 0x80 on are allowed (obs-text).
bool is_header_value(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](unsigned char c) { return (c >= ' ' && c != 0x7f) || c == '\t'; });
}

bool is_method(std::string_view text) {
    return std::ranges::all_of(text, [](char c) { return c >= 'A' && c <= 'Z'; });
}

bool is_same_header(std::string_view name, std::string_view lower_name) {
    return std::ranges::equal(name, lower_name,
                              [](char a, char b) { return std::tolower(static_cast<unsigned char>(a)) == b; });
}

Result<BodyFormat> parse_body_format(std::string_view text) {
    const auto format = body_format_of(text);
    if (!format) return wrong(quoted(text, 64) + " is none of " + format_names());
    return *format;
}

Result<ContentCoding> parse_coding(std::string_view text) {
    const auto coding = content_coding_of(text);
    if (!coding) return wrong(quoted(text, 64) + " is none of gzip, zstd, deflate, snappy, identity");
    return *coding;
}

// Transfer-Encoding would contradict the Content-Length that is written (RFC 9112 section 6.2).
bool is_own_header(std::string_view name) {
    constexpr std::string_view own[] = {"host", "content-length", "content-encoding", "transfer-encoding"};
    return std::ranges::any_of(own, [&](std::string_view one) { return is_same_header(name, one); });
}

std::expected<std::string, std::string> read_bounded(const std::string& path, std::size_t bytes_max) {
    std::ifstream file(path, std::ios::binary);
    std::string text(bytes_max + 1, '\0');
    // A directory opens, and cannot be read.
    if (!file.read(text.data(), static_cast<std::streamsize>(text.size())) && !file.eof())
        return std::unexpected(" cannot be read");
    text.resize(static_cast<std::size_t>(file.gcount()));
    if (text.size() > bytes_max)
        return std::unexpected(" is larger than " + std::to_string(bytes_max / limits::mib) + "MiB");
    text.shrink_to_fit();
    return text;
}

Result<std::string> read_body_file(const std::string& path) {
    auto text = read_bounded(path, limits::request_body_bytes_max);
    if (!text) return wrong("--body-file: " + quoted(path, 256) + text.error());
    if (text->empty()) return wrong("--body-file: " + quoted(path, 256) + " is empty");
    return *std::move(text);
}

// The parser is the engine's, which also takes what is no Redis. A clause of it says what is wrong.
Result<void> check_redis_url(std::string_view text) {
    const auto url = config::parse_sink_url(text);
    const bool is_redis = url && url->kind != config::SinkKind::null && url->kind != config::SinkKind::journal;
    if (is_redis) return {};
    const std::string_view clause = url ? "which is no Redis" : config::clause_of(url.error());
    return wrong("--redis is " + quoted(config::redact_url(text), 128) + (clause.empty() ? "" : ", ") +
                 std::string(clause) +
                 "; write redis[s]://[user[:password]@]host[:port][/db], redis[s]-cluster://host:port,..., "
                 "redis[s]-sentinel://host:port,.../name[/db] or redis+unix:///path[?db=N]");
}

Result<std::vector<std::string>> split_list(std::string_view text) {
    std::vector<std::string> parts;
    // Ends: each turn takes a part off.
    while (true) {
        const std::size_t end = std::min(text.find(','), text.size());
        if (end == 0) return wrong("an empty part in a list that is separated by commas");
        parts.emplace_back(text.substr(0, end));
        if (end == text.size()) return parts;
        text.remove_prefix(end + 1);
    }
}

Result<std::vector<std::uint16_t>> parse_statuses(std::string_view text) {
    const auto parts = split_list(text);
    if (!parts) return std::unexpected(parts.error());
    std::vector<std::uint16_t> statuses;
    for (const std::string& part : *parts) {
        // Interim statuses (1xx) are never what a request is answered with.
        std::uint16_t status = 0;
        const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), status);
        if (error != std::errc{} || end != part.data() + part.size() || status < 200 || status > 599)
            return wrong(quoted(part, 64) + " is no status from 200 to 599; write one or several, such as 200,204");
        statuses.push_back(status);
    }
    return statuses;
}

}  // namespace sluice::load
