// Snapshot: a consistent copy of what one reactor knows of itself. The reactor makes it between two iterations, so the
// figures in it add up to the last sample. A value: the reactor's thread fills it, then it is the admin thread's.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/http/connection.hpp"
#include "engine/ingest/ingest.hpp"
#include "engine/io/loop.hpp"
#include "engine/metrics/coding_counters.hpp"
#include "engine/metrics/latency.hpp"
#include "engine/metrics/latency_histogram.hpp"
#include "engine/metrics/remote_write_counters.hpp"
#include "engine/metrics/sample_counters.hpp"
#include "engine/server/address_counters.hpp"
#include "engine/tenants/tenant_counters.hpp"
#include "engine/tls/counters.hpp"

namespace sluice {

// How much of a reactor's pools is lent.
struct PoolFigures {
    std::uint64_t batches_in_use = 0;
    std::uint64_t batches_count = 0;
    std::uint64_t body_bytes_in_use = 0;
};

// Some 40 KiB for each histogram that is not empty: a stage of each format that was used, two stages of batches, the
// loop. Their address space, 1.2 MiB, is reserved once, and they are copied into.
struct Snapshot {
    unsigned core = 0;
    std::uint64_t settings_generation = 0;  // of those in use
    ByFormat<SampleCounters> samples;
    ByFormat<std::uint64_t> in_flight_samples;
    http::HttpCounters http;
    CodingCounters coding;
    RemoteWriteCounters remote_write;
    io::LoopCounters loop;
    AddressCounters addresses;
    tls::Counters tls;  // zeroes without TLS
    LatencyHistogram tls_handshakes;
    LatencyHistogram loop_iterations;
    PoolFigures pools;
    Latency latency;
    LatestSample latest;
    std::vector<tenants::TenantCounters> tenants;  // by number; empty where there are none
};

}  // namespace sluice
