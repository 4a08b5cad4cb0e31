// IngestResult: what became of the records of one request, as far as decoding tells. Any format renders its answer from
// it. The reactor's thread.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "engine/core/ack.hpp"
#include "engine/core/kinds.hpp"
#include "engine/core/limits.hpp"
#include "engine/core/refusal.hpp"
#include "parsers/decoder.hpp"

namespace sluice {

struct RecordError {
    std::uint32_t index;  // of the record in the body, 0-based
    std::uint32_t offset;  // of a fault of the text: the byte of the body where it lies
    Refusal refusal;
};
static_assert(limits::request_body_bytes_max <= 0xffff'ffff, "an offset has 32 bits");

// Of formats whose records are lines: the first line that was refused, as its answer quotes it.
struct FirstFault {
    std::uint32_t line;  // 1-based
    std::uint8_t bytes;
    bool is_cut;
    std::array<char, 100> text;

    // `offset`: of the line in `body`.
    void quote(std::string_view body, std::size_t offset) {
        const auto at = body.begin() + static_cast<std::ptrdiff_t>(offset);
        line = 1 + static_cast<std::uint32_t>(std::count(body.begin(), at, '\n'));
        const std::string_view rest = body.substr(offset, text.size() + 1);
        const std::string_view whole = rest.substr(0, rest.find_first_of("\r\n"));
        is_cut = whole.size() > text.size();
        std::size_t end = whole.size();
        if (is_cut) end = begin_of_character(whole, text.size());
        bytes = static_cast<std::uint8_t>(whole.copy(text.data(), end));
    }
    [[nodiscard]] std::string_view excerpt() const { return {text.data(), bytes}; }

  private:
    // Of the one that `at` lies in. What has more than three bytes behind the first is no character of UTF-8.
    [[nodiscard]] static std::size_t begin_of_character(std::string_view line, std::size_t at) {
        std::size_t begin = at;
        while (begin + 3 > at && (static_cast<unsigned char>(line[begin]) & 0xc0) == 0x80) --begin;
        return (static_cast<unsigned char>(line[begin]) & 0xc0) == 0x80 ? at : begin;
    }
};

// Valid as zeroed memory; start() makes it whole.
struct IngestResult {
    AckLevel ack;  // what a 2xx promises
    parsers::Dialect dialect;  // of the request: an answer may have its encoding
    bool is_single;  // the body was one sample, not a list
    bool is_replayed;  // the answer to an earlier request with the same Idempotency-Key
    std::uint32_t accepted;
    std::uint32_t rejected;
    std::uint32_t errors_count;  // of `errors`: at most limits::record_errors_count_max of the rejected
    Kinds kinds;  // of those accepted, where the format tells them apart
    std::array<RecordError, limits::record_errors_count_max> errors;
    FirstFault first_fault;  // where the format quotes lines and one was refused

    void start(AckLevel level, bool single) {
        ack = level;
        is_single = single;
        is_replayed = false;
        accepted = rejected = errors_count = 0;
        kinds = {};
    }
    void add_error(std::uint32_t index, Refusal reason, std::size_t offset = 0) {
        ++rejected;
        if (errors_count < errors.size()) errors[errors_count++] = {index, static_cast<std::uint32_t>(offset), reason};
    }
};

}  // namespace sluice
