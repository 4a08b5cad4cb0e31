// What a request to an ingest endpoint asks for, by its query and its head.
// Values: a reactor fills them, and they stay on its thread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "engine/core/ack.hpp"
#include "engine/core/content_coding.hpp"
#include "engine/core/limits.hpp"
#include "engine/core/refusal.hpp"
#include "engine/http/application.hpp"
#include "engine/ingest/format.hpp"
#include "engine/ingest/kept_parameters.hpp"

namespace sluice {

// Filled by read_options(); of the text of the key only what is used.
struct RequestOptions {
    AckLevel ack;  // what the answer waits for
    AckLevel promised_ack;  // what the answer names
    parsers::Precision precision;
    parsers::Dialect dialect;
    ContentCoding coding;
    bool hides_retry_after;  // see Format::misreads_retry_after
    KeptParameters kept;
    std::uint8_t idempotency_key_bytes;  // 0: none
    std::array<char, limits::idempotency_key_bytes_max> idempotency_key_text;

    [[nodiscard]] bool has_key() const { return idempotency_key_bytes != 0; }
    [[nodiscard]] std::string_view idempotency_key() const {
        return {idempotency_key_text.data(), idempotency_key_bytes};
    }
};

// Whether the next format of the table is meant, at the paths of this one: by the media type of the request, or by what
// it accepts.
[[nodiscard]] bool is_for_next_format(const http::Request& request, const Format& format);

// Reads `?ack=` and `?precision=`, percent-encoded or not. Others, and repeated ones, are refused, or ignored but for
// the last, as the format has it. `codings`: those that are taken. Fills `options`, or says why the request must be
// refused.
[[nodiscard]] std::optional<Refusal> read_options(const http::Request& request, const Format& format,
                                                  const AckOffer& offer, ContentCodings codings,
                                                  RequestOptions& options);

// Of these options only what an error's shape needs: `dialect` and `hides_retry_after`. Of a request that was refused
// before its options were read, whose head may be cut: what is not there counts as not given.
void read_answer_options(const parsers::RequestHead& head, const Format& format, RequestOptions& options);

// The parameter that the first unknown one of `query` may have been meant to be. Static; empty if none is near.
[[nodiscard]] std::string_view nearest_parameter(std::string_view query);

}  // namespace sluice
