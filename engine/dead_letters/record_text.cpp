#include "engine/dead_letters/record_text.hpp"

#include <algorithm>

namespace sluice::dead_letters {
namespace {

std::string_view line_at(std::string_view body, std::size_t begin) {
    const std::string_view line = body.substr(begin, body.find('\n', begin) - begin);
    return line.ends_with('\r') ? line.substr(0, line.size() - 1) : line;
}

std::string_view line_around(std::string_view body, std::size_t at) {
    const std::size_t feed = at == 0 ? std::string_view::npos : body.rfind('\n', at - 1);
    return line_at(body, feed == std::string_view::npos ? 0 : feed + 1);
}

// Up to the bracket that closes the first one; braces in strings do not count. Else the line.
std::string_view value_at(std::string_view body, std::size_t begin) {
    std::size_t depth = 0;
    bool is_in_string = false;
    for (std::size_t at = begin; at < body.size(); ++at) {
        const char c = body[at];
        if (is_in_string) {
            at += c == '\\';
            is_in_string = c != '"';
        } else if (c == '"') {
            is_in_string = true;
        } else if (c == '{' || c == '[') {
            ++depth;
        } else if (c == '}' || c == ']') {
            if (depth <= 1) return body.substr(begin, at + (depth == 1 ? 1 : 0) - begin);
            --depth;
        } else if (depth == 0 && (c == ',' || c == '\n')) {
            return body.substr(begin, at - begin);
        }
    }
    return line_at(body, begin);
}

// Where a line is too large, `end` is where its decoder stopped: its line feed may lie further on.
std::string_view point_at(std::string_view body, std::size_t begin, std::size_t end, Refusal reason) {
    std::string_view point = body.substr(begin, std::max(end, begin) - begin);
    if (const std::string_view line = line_at(body, begin);
        reason == Refusal::sample_too_large && line.size() > point.size())
        point = line;
    return point.ends_with('\r') ? point.substr(0, point.size() - 1) : point;
}

}  // namespace

std::string_view record_at(std::string_view body, std::size_t begin, std::size_t end, IngestFormat format,
                           Refusal reason) {
    begin = std::min(begin, body.size());
    switch (format) {
        case IngestFormat::json: return is_fault_of_text(reason) ? line_around(body, begin) : value_at(body, begin);
        case IngestFormat::collectd: return value_at(body, begin);
        case IngestFormat::influx: return point_at(body, begin, end, reason);
        case IngestFormat::none:
        case IngestFormat::protobuf:
        case IngestFormat::remote_write:
        case IngestFormat::otlp: break;
    }
    return {};
}

}  // namespace sluice::dead_letters
