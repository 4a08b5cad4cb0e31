// IdempotentRequests: what a request with an Idempotency-Key is, by the table that all reactors share: a first one, a
// retry whose answer is known, or one that must be refused. One for each reactor, on its thread.
#pragma once

#include <cstdint>
#include <optional>

#include "engine/http/application.hpp"
#include "engine/idempotency/idempotency_table.hpp"
#include "engine/ingest/admission.hpp"
#include "engine/ingest/open_request.hpp"
#include "engine/ingest/request_options.hpp"

namespace sluice {

class IdempotentRequests {
  public:
    // `table` may be null: keys are refused.
    IdempotentRequests(IdempotencyTable* table, const Admission& admission) : table_(table), admission_(admission) {}

    // Claims the key of `request`. Why it is refused; or nothing, with `open`'s purpose and, for a first request, its
    // entry written down. A retry's result is the first request's, but for the list of errors, which follows from the
    // body.
    [[nodiscard]] std::optional<Refusal> begin(const http::Request& request, const RequestOptions& options,
                                               OpenRequest& open);

    // A first request is decided: `tickets_count` parts of batches hold its samples; 0: nothing is waited for.
    void accepted(const OpenRequest& open, std::uint32_t tickets_count) {
        if (open.idempotency_entry != no_idempotency_entry) remember(open, tickets_count);
    }
    // Nothing of it was accepted: a retry is a first request.
    void refused(const OpenRequest& open) {
        if (open.idempotency_entry != no_idempotency_entry) table_->forget(open.idempotency_entry);
    }

  private:
    void remember(const OpenRequest& open, std::uint32_t tickets_count);

    IdempotencyTable* const table_;
    const Admission& admission_;
};

}  // namespace sluice
