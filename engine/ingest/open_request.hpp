// OpenRequests: what ingest remembers of each request that was let in and not yet answered: what came of its records,
// the body that it still has to read, and the parts of batches that it waits for.
//
// Lies beside http::PendingTable, at the same index: a RequestRef finds both. An entry is used from on_request() until
// the request is answered, and is nobody's afterwards: generations are the PendingTable's. One owner thread.
#pragma once

#include <cstdint>
#include <string_view>

#include "engine/core/batch.hpp"
#include "engine/core/content_coding.hpp"
#include "engine/core/ingest_format.hpp"
#include "engine/core/ip_address.hpp"
#include "engine/core/lazy_array.hpp"
#include "engine/core/limits.hpp"
#include "engine/core/request_ref.hpp"
#include "engine/ingest/ingest_result.hpp"
#include "engine/ingest/kept_parameters.hpp"
#include "engine/tenants/tenant_table.hpp"
#include "parsers/decoder.hpp"

namespace sluice {

// What reading the body is for.
enum class Purpose : std::uint8_t {
    store,   // its samples go into batches
    replay,  // they are stored already: the answer is given again
};

// Valid as zeroed memory.
struct OpenRequest {
    IngestResult result;

    // --- while its body is read -----------------------------------------------------------------------
    RequestRef ref;
    std::uint16_t format_index;
    AckLevel ack;  // what the answer waits for; result.ack is what it names
    parsers::Dialect dialect;
    parsers::Precision precision;
    ContentCoding coding;             // of body; identity once it is decompressed
    IngestFormat format;              // for the counters
    bool hides_retry_after;
    tenants::TenantNumber tenant;     // no_tenant where there are none
    Purpose purpose;
    std::uint32_t idempotency_entry;  // of a first request with a key; else no_idempotency_entry
    std::uint32_t rejected_before_count;    // replay: what the first request was told
    std::uint64_t received_ns;
    std::string_view body;            // the connection's, or its text (BodyInflater)
    bool is_waiting;                  // in the line of bodies that wait
    OpenRequest* next;                // there
    OpenRequest* previous;

    // --- while batches are under way --------------------------------------------------------------------
    std::uint32_t tickets_count;    // parts of batches that are not settled
    std::uint32_t samples_failed;   // of settled parts
    Refusal failure;                // why, if samples_failed is not 0: sink_busy, or sink_refused if any was
    bool lacks_replicas;            // some settled part is not known to be held by enough replicas

    // --- rare, and large: behind what each request touches ----------------------------------------------
    KeptParameters kept;  // of the query, for samples of formats that keep some
    IpAddress counted_for;  // where addresses have quotas
    bool is_counted;        // it is set
};

using OpenRequests = LazyArray<OpenRequest>;

}  // namespace sluice
