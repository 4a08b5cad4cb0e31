// RequestRefusal: why a request was refused as a whole, and what its client may want to know beside it. Any format
// renders its error from it.
// A value: a reactor makes it, and answers with it on the same thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "engine/core/refusal.hpp"
#include "engine/ingest/ingest_result.hpp"
#include "engine/ingest/record_ranges.hpp"
#include "engine/tenants/tenant_quotas.hpp"
#include "parsers/decoder.hpp"

namespace sluice {

struct RequestRefusal {
    Refusal reason{};
    bool is_told_as_503 = false;  // see Format::drops_on_4xx
    parsers::Dialect dialect = 0;  // of the request, as far as it was read
    // The byte of the body at which it was refused.
    bool has_offset = false;
    std::uint64_t offset = 0;
    // How many of its samples were stored nevertheless, and how many not; and, of a list, which of its records hold all
    // that were not (RecordRanges), and what came of the others.
    bool has_stored = false;
    std::uint32_t samples_stored = 0;
    std::uint32_t samples_failed = 0;
    std::span<const RecordRange> failed_records{};
    const IngestResult* result = nullptr;
    std::string_view allow{};  // methods that the path takes; empty: not told
    std::uint64_t retry_after_s = 0;  // 0: not told
    bool hides_retry_after = false;  // the client would misread it
    // 415: what would have been taken. Both are static; empty: not told.
    std::string_view accept{};
    std::string_view accept_encoding{};
    std::optional<tenants::QuotaExcess> excess{};  // quota_exceeded: what was used up
    std::string_view challenge{};  // 401: value of WWW-Authenticate; static
    // 404: a path that is like the one that was asked for, and the key whose address serves it, if that is another.
    std::string_view where_path{};
    std::string_view where_key{};
    std::string_view nearest_parameter{};  // of the query, to the one that is not known

    // Of the answer.
    [[nodiscard]] std::uint16_t status() const {
        return is_told_as_503 ? std::uint16_t{503} : static_cast<std::uint16_t>(info_of(reason).status);
    }
};

// The status is a 4xx, but the same request may be sent again: the client was too slow, or the first request with its
// key is being handled.
[[nodiscard]] constexpr bool is_temporary_4xx(Refusal reason) {
    const int status = info_of(reason).status;
    return status == 408 || status == 409;
}

// Whether a client is told when to come back: RFC 9110 sections 15.6.4 and 10.2.3, and the draft of Idempotency-Key for
// a request that is still being handled.
[[nodiscard]] constexpr bool tells_retry_after(Refusal reason) {
    const int status = info_of(reason).status;
    return status == 503 || status == 409 || status == 429;
}

}  // namespace sluice
