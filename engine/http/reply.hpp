// Reply: what a request will be answered, as values; rendered only when its turn in the connection has come.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "engine/core/ack.hpp"
#include "engine/core/limits.hpp"
#include "engine/core/refusal.hpp"
#include "engine/http/block_pool.hpp"

namespace sluice::http {

struct RecordError {
    std::uint32_t index;  // of the record in the body, 0-based
    Refusal refusal;
};

enum class ReplyKind : std::uint8_t {
    telemetry,  // POST /telemetry, nothing refused as a whole: 200, 207 or 400 by the counts
    refusal,    // refused as a whole
    text,       // a ready body
};

enum class ContentType : std::uint8_t { json, prometheus };

// Trivial, so that it can lie in a lazily touched table. set_*() make it whole; nothing else is read.
struct Reply {
    ReplyKind kind;
    Refusal refusal;
    AckLevel ack;
    ContentType content_type;
    bool is_single;             // telemetry: the body was one object
    bool is_replayed;           // telemetry: the answer to an earlier request with the same Idempotency-Key
    bool has_offset;            // refusal: `offset` is the byte of the body at which it was refused
    bool has_samples_stored;    // refusal: samples_stored and samples_failed are known
    std::uint16_t status;       // text
    std::uint32_t accepted;
    std::uint32_t rejected;
    std::uint64_t offset;
    std::uint32_t samples_stored;
    std::uint32_t samples_failed;
    std::string_view allow;     // 405: value of Allow; of static duration
    Output body;                // text
    std::uint32_t errors_count;
    std::array<RecordError, limits::record_errors_count_max> errors;

    void set_telemetry(AckLevel level, bool single) {
        kind = ReplyKind::telemetry;
        ack = level;
        is_single = single;
        is_replayed = false;
        accepted = rejected = errors_count = 0;
    }
    void set_refusal(Refusal reason) {
        kind = ReplyKind::refusal;
        refusal = reason;
        has_offset = has_samples_stored = false;
        allow = {};
    }
    void set_refusal_at(Refusal reason, std::uint64_t byte_offset) {
        set_refusal(reason);
        has_offset = true;
        offset = byte_offset;
    }
    void set_text(std::uint16_t http_status, ContentType type) {
        kind = ReplyKind::text;
        status = http_status;
        content_type = type;
        body = Output{};
    }
    void add_error(std::uint32_t index, Refusal reason) {
        ++rejected;
        if (errors_count < errors.size()) errors[errors_count++] = {index, reason};
    }
};

}  // namespace sluice::http
