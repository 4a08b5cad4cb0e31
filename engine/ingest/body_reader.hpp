// BodyReader: reads one body: takes samples from a decoder and puts them into a batcher's transaction, and writes down
// what became of each record. Goes on where it stopped, so that a long body can be read over several iterations.
//
// One owner thread. Knows no clock: it is told when to stop by `may_go_on`.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "engine/batching/batcher.hpp"
#include "engine/core/limits.hpp"
#include "engine/dead_letters/outbox.hpp"
#include "engine/ingest/ingest_result.hpp"
#include "engine/ingest/message_text.hpp"
#include "engine/ingest/open_request.hpp"
#include "engine/ingest/request_refusal.hpp"
#include "engine/metrics/sample_counters.hpp"
#include "engine/tenants/sample_policy.hpp"
#include "parsers/decoder.hpp"

namespace sluice {

// A sample of the last body that was accepted, as the client sent it (Sample::raw), for GET /status: the last one, or
// where raws are not needed and the format is not JSON, the last that has one.
struct LatestSample {
    std::array<char, limits::sample_bytes_max> text;
    std::size_t bytes = 0;
    std::int64_t arrival_ns = 0;  // since 1970
    [[nodiscard]] std::string_view view() const { return {text.data(), bytes}; }
};

// Whose samples a body has. Borrowed for a call of read_of().
struct SampleOwner {
    std::string_view tenant{};  // empty: nobody's
    std::uint16_t stream_index = 0;
    const tenants::SamplePolicy* policy = nullptr;  // null: every sample may come
    dead_letters::Outbox* letters = nullptr;        // null: refused records are not kept
    std::string_view letters_stream{};              // see dead_letters::Letter
    std::string_view path{};                        // likewise, without its query
    std::string_view precision{};                   // likewise
};

class BodyReader {
  public:
    enum class State : std::uint8_t {
        idle,
        reading,  // there is more
        whole,    // the body was read to its end
        refused,  // refusal() says why; nothing of it is in a batch
    };

    // All outlive the reader.
    BodyReader(Batcher& batcher, Batcher::Transaction& transaction, ByFormat<SampleCounters>& counters)
        : batcher_(batcher), transaction_(transaction), counters_(counters) {}

    // `decoder`, `request` and its body are borrowed until the state is another than reading, or abandon().
    void start(parsers::Decoder& decoder, OpenRequest& request, std::int64_t arrival_ns);

    // Reads records_per_look_count records or look_bytes bytes, or up to a Step::more, whichever is less, and so on
    // while `may_go_on()`; until the body ends or is refused.
    template <typename MayGoOn>
    State read(MayGoOn&& may_go_on) {
        do {
            read_some<false>();
        } while (state_ == State::reading && may_go_on());
        return state_;
    }
    // The same of samples that have an owner. Another function, so that those without one cost nothing more.
    template <typename MayGoOn>
    State read_of(const SampleOwner& owner, MayGoOn&& may_go_on) {
        owner_ = owner;
        do {
            read_some<true>();
        } while (state_ == State::reading && may_go_on());
        return state_;
    }

    // `request` is refused before its body is read.
    void refuse_unread(OpenRequest& request, Refusal reason);
    // Nothing of what was read may stay, and the rest is not read.
    void refuse(Refusal reason);
    // Nothing of what was read may stay: rolls back, and counts the accepted samples as rejected for `reason`.
    void abandon(Refusal reason);
    // The request is gone: rolls back, and counts nothing.
    void forget();
    // Takes the samples for the batches to come; see Batcher::Transaction::commit(). The format is the request's.
    std::uint32_t commit(std::optional<RequestRef> ref, TicketOptions options, LatestSample& latest);

    [[nodiscard]] State state() const { return state_; }
    [[nodiscard]] const RequestRefusal& refusal() const { return refusal_; }
    [[nodiscard]] std::uint32_t accepted_count() const { return accepted_count_; }

    // Between two looks at the clock: some 4 µs of small records.
    static constexpr int records_per_look_count = 32;
    static constexpr std::size_t look_bytes = std::size_t{8} * 1024;

  private:
    template <bool is_owned>
    void read_some();
    template <bool is_owned>
    void read_one();
    template <bool is_owned>
    void take_sample();
    void keep_as_latest(std::string_view record);
    [[nodiscard]] SampleCounters& counters() { return counters_[request_->format]; }
    [[nodiscard]] bool refuses_sample();
    void keep_letter(Refusal reason, std::string_view device_id);
    void tell_path(MessageText& path) const;
    [[nodiscard]] const Sample& owned_sample();

    Batcher& batcher_;
    Batcher::Transaction& transaction_;
    ByFormat<SampleCounters>& counters_;
    parsers::Decoder* decoder_ = nullptr;
    OpenRequest* request_ = nullptr;
    State state_ = State::idle;
    bool has_paused_ = false;  // the decoder gave nothing: the clock is to be looked at
    RequestRefusal refusal_;
    std::uint32_t accepted_count_ = 0;
    std::int64_t arrival_ns_ = 0;
    SampleOwner owner_;
    Sample owned_sample_;
    KeptParameters::Members kept_;  // of request_, while its body is read
    // Of the last accepted record that has a raw: in the body, or in latest_ where the decoder renders records.
    std::string_view latest_record_;
    std::array<char, sizeof(LatestSample::text)> latest_;
};

}  // namespace sluice
