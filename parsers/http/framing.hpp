// What the values of Content-Length, Transfer-Encoding and Connection mean. Each value has one reading here or is
// refused: a proxy in front may read the same bytes.
// Values are without OWS around them; several header lines of a list are joined with commas. Any thread.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string_view>

#include "engine/core/refusal.hpp"

namespace sluice::parsers {

// 1*DIGIT (RFC 9110 section 8.6), in 64 bits. Nothing for everything else, also for a list of equal numbers, which
// section 8.6 allows to refuse.
[[nodiscard]] std::optional<std::uint64_t> read_content_length(std::string_view value);

// Why a request with this Transfer-Encoding is refused; nothing if it is chunked and nothing else (RFC 9112 sections
// 6.1, 6.3 and 7). unknown_transfer_coding: it ends in chunked, and has an unknown coding before it.
[[nodiscard]] std::optional<Refusal> fault_of_transfer_encoding(std::string_view value);

struct ConnectionOptions {
    bool has_close;
    bool has_keep_alive;
};
// RFC 9110 section 7.6.1. Other options are ignored.
[[nodiscard]] ConnectionOptions read_connection(std::string_view value);

// Whether Expect holds another expectation than 100-continue, which is the only one there is (RFC 9110 section 10.1.1).
[[nodiscard]] bool has_other_expectation(std::string_view value);

}  // namespace sluice::parsers
