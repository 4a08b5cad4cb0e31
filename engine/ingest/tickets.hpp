// Tickets: which requests wait for batches that are under way, and what becomes of them as batches are settled.
//
// A request that asked for more than `queued` has a ticket in each batch that holds some of its samples. When the last
// of them is settled its answer is known. One owner thread.
#pragma once

#include <cstdint>

#include "engine/core/batch.hpp"
#include "engine/core/check.hpp"
#include "engine/core/lazy_array.hpp"
#include "engine/core/limits.hpp"
#include "engine/idempotency/idempotency_table.hpp"
#include "engine/ingest/open_request.hpp"
#include "engine/ingest/record_ranges.hpp"
#include "engine/server/server.hpp"

namespace sluice {

class Tickets {
  public:
    // `idempotency` may be null. `is_packed`: one command carries a whole batch. All outlive the tickets.
    Tickets(OpenRequests& requests, Server& server, IdempotencyTable* idempotency, bool is_packed)
        : requests_(requests), server_(server), idempotency_(idempotency), is_packed_(is_packed) {}

    // `request` has `count` tickets in batches now.
    void add(OpenRequest& request, std::uint32_t count);

    // A batch came back. Calls on_done(OpenRequest&) for each request whose last ticket this was, and which is not
    // gone.
    template <typename OnDone>
    void take(Batch& batch, Settlement settlement, OnDone&& on_done) {
        if (batch.are_tickets_answered) return settle_keys_of_packed(batch);
        batch.are_tickets_answered = true;
        for (const BatchTicket& ticket : batch.tickets()) {
            CHECK(outstanding_count_ != 0);
            --outstanding_count_;
            if (OpenRequest* request = settle(batch, ticket, settlement)) on_done(*request);
        }
    }

    // The records of `request` whose samples failed, where some did; until its answer is made.
    [[nodiscard]] const RecordRanges& failed_records_of(const OpenRequest& request) const {
        return failed_records_[request.ref.index];
    }
    // In batches that are not settled.
    [[nodiscard]] std::uint64_t outstanding_count() const { return outstanding_count_; }

  private:
    struct Outcome {
        std::uint32_t samples_failed = 0;
        Refusal failure = Refusal::sink_busy;
        bool lacks_replicas = false;
    };
    // The request, if it has no ticket left.
    [[nodiscard]] OpenRequest* settle(Batch& batch, const BatchTicket& ticket, Settlement settlement);
    [[nodiscard]] static Outcome outcome_of(const Batch& batch, const BatchTicket& ticket);
    void note_failed_records(const Batch& batch, const BatchTicket& ticket);
    void settle_keys_of_packed(const Batch& batch);

    OpenRequests& requests_;
    Server& server_;
    IdempotencyTable* const idempotency_;
    const bool is_packed_;
    std::uint64_t outstanding_count_ = 0;
    LazyArray<RecordRanges> failed_records_{limits::pendings_count_max};  // by request; untouched unless some failed
};

}  // namespace sluice
