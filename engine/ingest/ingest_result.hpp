// IngestResult: what became of the records of one request, as far as decoding tells. Any format renders its answer from
// it. The reactor's thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "engine/core/ack.hpp"
#include "engine/core/limits.hpp"
#include "engine/core/refusal.hpp"

namespace sluice {

struct RecordError {
    std::uint32_t index;  // of the record in the body, 0-based
    std::uint32_t offset;  // of a fault of the text: the byte of the body where it lies
    Refusal refusal;
};
static_assert(limits::request_body_bytes_max <= 0xffff'ffff, "an offset has 32 bits");

// Valid as zeroed memory; start() makes it whole.
struct IngestResult {
    AckLevel ack;  // what a 2xx promises
    bool is_single;  // the body was one sample, not a list
    bool is_replayed;  // the answer to an earlier request with the same Idempotency-Key
    std::uint32_t accepted;
    std::uint32_t rejected;
    std::uint32_t errors_count;  // of `errors`: at most limits::record_errors_count_max of the rejected
    std::array<RecordError, limits::record_errors_count_max> errors;

    void start(AckLevel level, bool single) {
        ack = level;
        is_single = single;
        is_replayed = false;
        accepted = rejected = errors_count = 0;
    }
    void add_error(std::uint32_t index, Refusal reason, std::size_t offset = 0) {
        ++rejected;
        if (errors_count < errors.size()) errors[errors_count++] = {index, static_cast<std::uint32_t>(offset), reason};
    }
};

}  // namespace sluice
