// Ingest: a reactor's requests to ingest endpoints, from the gate to the answer. One for each reactor, on its thread.
//
//   Gate → (IdempotentRequests) → BodyReader → Batcher … batch settled → Tickets → answer
//
// This file joins the parts, and says when a body is read. A short one is read as it comes. A long one stands in a line
// and is decompressed and read in turns, limits::decode_turn_ns of each iteration, so that no other connection waits
// for it longer than that (a body with an Idempotency-Key is hashed whole before, at about 10 GB/s); the connection
// that sent it is read no further meanwhile. Where the line is empty its first turn is at once. How long a compressed
// body is, its decompression shows: where others stand in the line, it is tried for one step.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/batching/batcher.hpp"
#include "engine/core/sample_mapping.hpp"
#include "engine/ingest/access.hpp"
#include "engine/ingest/address_meter.hpp"
#include "engine/ingest/admission.hpp"
#include "engine/ingest/body_inflater.hpp"
#include "engine/ingest/body_reader.hpp"
#include "engine/ingest/gate.hpp"
#include "engine/ingest/idempotent_requests.hpp"
#include "engine/ingest/open_request.hpp"
#include "engine/ingest/retry_after.hpp"
#include "engine/ingest/tickets.hpp"
#include "engine/metrics/coding_counters.hpp"
#include "engine/metrics/latency.hpp"
#include "engine/metrics/remote_write_counters.hpp"
#include "engine/metrics/sample_counters.hpp"
#include "engine/server/refusal_log.hpp"
#include "engine/server/server.hpp"
#include "engine/tenants/sample_policy.hpp"

namespace sluice {

class Ingest {
  public:
    struct Settings {
        std::uint64_t retry_after_s = 1;  // the least that a client is told
        std::string accept_encoding = "identity";  // value of Accept-Encoding, with a 415
        InflateLimits inflate{};
        SampleMapping mapping{};
        tenants::SamplePolicy policy{};  // of samples, where there are no tenants
        std::string stream{};  // of all; with the layout `list` its key
        bool has_429_for_remote_write = false;  // its senders keep what they sent
        bool tells_quotas = false;  // to each request of a tenant that has one
        http::CorsOrigins cors{};  // whose pages may read the answers; as the server has them
    };

    // `formats` as the gate has them. `idempotency` is shared with the other reactors; null: none. All outlive this.
    Ingest(std::span<const Format> formats, Server& server, Admission& admission, Batcher& batcher, Settings settings,
           IdempotencyTable* idempotency, RefusalLog& refusal_log);

    // From here on requests are tenants'. Both outlive this.
    void serve(Access& access, dead_letters::Outbox& letters) {
        access_ = &access;
        letters_ = &letters;
        has_owners_ = true;
    }
    // From here on samples are charged to addresses. Outlives this.
    void meter(AddressMeter& meter) { meter_ = &meter; }
    // A request whose format is known, before anything becomes of it.
    // `tenant`: whose it is; no_tenant: nobody's, or that is not known.
    void note_format(const Format& format, const http::Request& request, http::Response& response,
                     tenants::TenantNumber tenant = tenants::no_tenant);
    // An OPTIONS request for an ingest endpoint, which is answered already: a browser asks whether a page may send.
    void note_preflight(const http::Request& request, http::Response& response) const;
    // A request that the gate let in, for an ingest endpoint.
    [[nodiscard]] http::Decision on_request(const http::Request& request, const Gate::Passage& passage, RequestRef ref,
                                            http::Response& response);
    // Makes the answer to a request that is refused as a whole. `format`: whose shape it has; null: JSON's.
    void refuse(const Format* format, RequestRefusal refusal, http::Response& response);
    // The answer to a request did not come in time.
    void on_overdue(RequestRef ref, http::Response& response);
    // The body of a request in the line is gone, and so is its client.
    void on_body_lost(RequestRef ref);
    // A request that is no ingest endpoint's is left for later.
    void open_other(RequestRef ref) { requests_[ref.index].format_index = no_format_index; }
    // When to come back, for a 503 (whole seconds).
    [[nodiscard]] std::uint64_t retry_after_s() const;

    // --- once in each iteration of the loop ------------------------------------------------------------
    // A batch came back from the sink.
    void on_settled(Batch& batch, Settlement settlement);
    // Behind the last request: reads on in bodies that wait, then hands batches over.
    void read_waiting();
    void hand_over(std::uint64_t now_ns);

    // Somebody waits for a completion, or samples wait for the pipeline to have room.
    [[nodiscard]] bool waits_for_completions() const {
        return tickets_.outstanding_count() != 0 || batcher_.has_waiting();
    }
    // There is work in the next iteration, whatever happens.
    [[nodiscard]] bool has_bodies_to_read() const { return first_waiting_ != nullptr; }
    // Samples that were accepted and whose fate is open, counted from the batches.
    [[nodiscard]] std::uint64_t in_flight_samples_count() const {
        return handed_over_samples_count_ + batcher_.waiting_samples_count();
    }
    [[nodiscard]] ByFormat<std::uint64_t> in_flight_samples_by_format() const;

    // Zeroes what can be zeroed without breaking the law: what is in flight stays counted as accepted.
    void reset();

    [[nodiscard]] const ByFormat<SampleCounters>& counters() const { return counters_; }
    [[nodiscard]] const RemoteWriteCounters& remote_write_counters() const { return remote_write_counters_; }
    [[nodiscard]] const CodingCounters& coding_counters() const { return coding_counters_; }
    [[nodiscard]] Latency& latency() { return latency_; }
    [[nodiscard]] const LatestSample& latest() const { return latest_; }

  private:
    static constexpr std::uint16_t no_format_index = 0xffff;

    // A decoder is in the middle of a body between two turns, while the other reads short ones.
    struct Decoders {
        std::unique_ptr<parsers::Decoder> at_once;
        std::unique_ptr<parsers::Decoder> apart;
    };

    [[nodiscard]] OpenRequest& open(const http::Request& request, const Gate::Passage& passage, RequestRef ref);
    [[nodiscard]] bool is_for_turns(const http::Request& request, const OpenRequest& opened) const;
    [[nodiscard]] bool begin_at_once(OpenRequest& request);
    [[nodiscard]] bool read_apart(OpenRequest& request, std::uint64_t until_ns);
    [[nodiscard]] BodyInflater::State inflate(BodyInflater& inflater, OpenRequest& request, std::uint64_t until_ns);
    [[nodiscard]] bool takes_text(BodyInflater& inflater, BodyReader& reader, OpenRequest& request);
    [[nodiscard]] bool inflate_at_once(OpenRequest& request);
    // Bodies are read until then in this iteration (monotonic).
    [[nodiscard]] std::uint64_t turn_end_ns() const { return server_.now_ns() + limits::decode_turn_ns; }
    void wait(OpenRequest& request);
    [[nodiscard]] bool read_first_waiting(std::uint64_t until_ns);
    void leave_line(OpenRequest& request);
    [[nodiscard]] http::Decision finish(BodyReader& reader, OpenRequest& request, http::Response& response);
    [[nodiscard]] http::Decision decide(BodyReader& reader, OpenRequest& request, http::Response& response);
    [[nodiscard]] http::Decision finish_replay(OpenRequest& request, http::Response& response);
    [[nodiscard]] http::Decision accept(BodyReader& reader, OpenRequest& request, http::Response& response);
    [[nodiscard]] http::Decision refuse_whole(OpenRequest& request, RequestRefusal refusal, http::Response& response);
    [[nodiscard]] bool drops_on_429(const Format& format) const;
    void note_refusals(const BodyReader& reader, const OpenRequest& request);
    void settle_shares(const Batch& batch);
    void answer(const OpenRequest& request, http::Response& response);
    void tell_quota(tenants::TenantNumber tenant, http::Response& response) const;
    void answer_settled(OpenRequest& request);
    [[nodiscard]] SampleOwner owner_of(const OpenRequest& request) const;
    // A reload has taken its tenant away since it was let in.
    [[nodiscard]] bool is_owner_gone(const OpenRequest& request) const {
        return access_ != nullptr && access_->table().tenant(request.tenant) == nullptr;
    }
    [[nodiscard]] const Format& format_of(const OpenRequest& request) const { return formats_[request.format_index]; }

    const std::span<const Format> formats_;
    Server& server_;
    Admission& admission_;
    Batcher& batcher_;
    const Settings settings_;
    ByFormat<SampleCounters> counters_;
    RemoteWriteCounters remote_write_counters_;
    CodingCounters coding_counters_;
    Latency latency_;
    LatestSample latest_;
    OpenRequests requests_;
    std::vector<Decoders> decoders_;  // by format
    BodyReader at_once_;
    BodyReader apart_;
    BodyInflater inflater_at_once_;  // text for at_once_
    BodyInflater inflater_apart_;  // text for apart_
    OpenRequest* first_waiting_ = nullptr;  // its body is read by apart_
    OpenRequest* last_waiting_ = nullptr;
    std::uint64_t read_until_ns_ = 0;  // when the last body was read
    IdempotentRequests idempotent_;
    RefusalLog& refusal_log_;
    Access* access_ = nullptr;  // null: there are no tenants
    dead_letters::Outbox* letters_ = nullptr;  // null: likewise
    AddressMeter* meter_ = nullptr;  // null: addresses have no quota
    bool has_owners_;  // samples are tenants', or there is a policy for all
    Tickets tickets_;
    std::uint64_t handed_over_samples_count_ = 0;
    ByFormat<std::uint64_t> handed_over_samples_by_format_;
    std::uint64_t settled_samples_count_ = 0;  // since the last reset()
    DrainRate drain_rate_;
};

}  // namespace sluice
