// Ingest: POST /telemetry, from a request to accepted samples, and from settled batches to its answer. The core of a
// reactor; one owner thread.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "engine/batching/batcher.hpp"
#include "engine/http/application.hpp"
#include "engine/idempotency/idempotency_table.hpp"
#include "engine/ingest/admission.hpp"
#include "engine/ingest/retry_after.hpp"
#include "engine/ingest/telemetry_options.hpp"
#include "engine/metrics/latency.hpp"
#include "engine/metrics/sample_counters.hpp"
#include "engine/server/server.hpp"
#include "parsers/json/json_decoder.hpp"

namespace sluice {

// The last accepted record as it came, for GET /status. Longer ones are not kept.
struct LatestSample {
    std::array<char, 1024> text;
    std::size_t bytes = 0;
    std::int64_t arrival_ns = 0;  // since 1970
    [[nodiscard]] std::string_view view() const { return {text.data(), bytes}; }
};

class Ingest {
  public:
    // `idempotency` is shared with the other reactors; null: none.
    Ingest(Admission& admission, Batcher& batcher, const AckOffer& offer, std::uint64_t body_bytes_max,
           IdempotencyTable* idempotency = nullptr)
        : admission_(admission),
          batcher_(batcher),
          offer_(offer),
          decoder_(body_bytes_max),
          idempotency_(idempotency) {}

    // True: `reply` is decided; false: it will be when the batches with the request's samples are settled.
    [[nodiscard]] bool on_telemetry(const http::Request& request, RequestRef ref, http::Pending& pending);

    // Why a request would be refused whatever its body holds, by its head and the state of the engine.
    [[nodiscard]] std::optional<Refusal> refusal_before_body(const http::Request& request) const;

    void hand_over(std::uint64_t now_ns);
    void on_settled(Batch& batch, Settlement settlement, Server& server);

    // Somebody waits for a completion, or samples wait for the pipeline to have room.
    [[nodiscard]] bool waits_for_completions() const {
        return tickets_outstanding_count_ != 0 || batcher_.has_waiting();
    }
    // Samples that were accepted and whose fate is open, counted from the batches.
    [[nodiscard]] std::uint64_t in_flight_samples_count() const {
        return handed_over_samples_count_ + batcher_.waiting_samples_count();
    }

    // What a 503 tells the client, in seconds.
    [[nodiscard]] std::uint64_t retry_after_s(std::uint64_t least_s, std::uint64_t now_ns) const;

    // Zeroes what can be zeroed without breaking the law: what is in flight stays counted as accepted.
    void reset();

    [[nodiscard]] const SampleCounters& counters() const { return counters_; }
    [[nodiscard]] Latency& latency() { return latency_; }
    [[nodiscard]] const LatestSample& latest() const { return latest_; }

  private:
    struct Tally {
        std::uint32_t accepted = 0;
        std::int64_t arrival_ns = 0;
        std::string_view last_record;
        bool is_whole = false;  // the body was read to its end
    };
    struct TicketOutcome {
        std::uint32_t samples_failed = 0;
        Refusal failure = Refusal::sink_busy;
        bool lacks_replicas = false;
    };
    // `idempotency_entry` goes into the tickets.
    [[nodiscard]] bool take(const http::Request& request, const http::TelemetryOptions& options, RequestRef ref,
                            http::Pending& pending, std::uint32_t idempotency_entry);
    // A request with an Idempotency-Key.
    [[nodiscard]] bool take_once(const http::Request& request, const http::TelemetryOptions& options, RequestRef ref,
                                 http::Pending& pending);
    void replay(const http::Request& request, const http::TelemetryOptions& options, const IdempotentAnswer& answer,
                http::Reply& reply);
    [[nodiscard]] Tally decode(const http::Request& request, const http::TelemetryOptions& options, http::Reply& reply);
    [[nodiscard]] bool take_step(parsers::Step step, Tally& tally, http::Reply& reply, std::uint64_t now_ns);
    void abandon(Refusal reason, std::uint32_t accepted);
    [[nodiscard]] bool accept(const Tally& tally, const http::TelemetryOptions& options, RequestRef ref,
                              http::Pending& pending, std::uint32_t idempotency_entry);
    void answer_tickets(Batch& batch, Settlement settlement, Server& server);
    void settle_keys_of_packed(const Batch& batch, std::uint64_t now_ns);
    [[nodiscard]] static TicketOutcome outcome_of(const Batch& batch, const BatchTicket& ticket);
    void answer_ticket(const BatchTicket& ticket, const TicketOutcome& outcome, Server& server);

    Admission& admission_;
    Batcher& batcher_;
    AckOffer offer_;
    parsers::JsonDecoder decoder_;
    IdempotencyTable* idempotency_;
    SampleCounters counters_;
    Latency latency_;
    LatestSample latest_;
    std::uint64_t handed_over_samples_count_ = 0;
    std::uint64_t tickets_outstanding_count_ = 0;
    DrainRate drain_rate_;
};

}  // namespace sluice
