// RecordFeed: reads the records of a journal, decodes them, and appends the samples to a Delivery. The decoder is the
// one that requests use. A sample keeps the time that the record holds: it was set when the request came.
// The thread of its Delivery: the forwarder's, or that of `journal replay`.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <memory>
#include <string_view>

#include "engine/forward/delivery.hpp"
#include "engine/tenants/tenant_table.hpp"
#include "parsers/json/json_decoder.hpp"
#include "sinks/journal/reader.hpp"
#include "sinks/redis/layout/entry_id.hpp"

namespace sluice::forward {

// The greatest ID that a record before `end` can have. (The ID of a record is its position, and one at `end` itself may
// be written later, by another life of this journal.)
[[nodiscard]] sinks::EntryId last_entry_id_before(const sinks::journal::Position& end);

class RecordFeed {
  public:
    // `files` and `delivery` outlive the feed. Samples with a time before `since_ns` are passed over.
    RecordFeed(sinks::journal::FileSystem& files, const sinks::journal::Position& from, Delivery& delivery,
               std::int64_t since_ns = std::numeric_limits<std::int64_t>::min())
        : reader_(files, from), delivery_(delivery), since_ns_(since_ns) {}

    // From here on samples of tenants go to the streams that `table` has for them. Null, or a tenant that it does not
    // have: to the stream of all.
    void use_tenants(std::shared_ptr<const tenants::TenantTable> table);

    enum class Step : std::uint8_t {
        sample,  // one more is in the delivery
        gap,  // reader().gap_bytes() bytes at reader().gap_position() are damaged, and skipped
        passed,  // a sample of before since_ns; it is not in the delivery
        refused,  // the record at reader().record_position() holds no sample that this version understands; skipped
        full,  // the round was closed; the same sample again, when delivery.can_begin_round()
        end,  // nothing more, for now
    };
    [[nodiscard]] sinks::journal::IoResult<Step> step();
    // See Reader::learn_end().
    [[nodiscard]] sinks::journal::IoResult<void> learn_end() { return reader_.learn_end(); }
    // Hands on what is rendered so far.
    void close_round() { delivery_.close_round(rendered_); }

    // The last step was `full`: its sample waits for the next round.
    [[nodiscard]] bool is_pending() const { return is_pending_; }
    [[nodiscard]] const sinks::journal::Reader& reader() const { return reader_; }

  private:
    [[nodiscard]] bool decode();
    void take_tenant();
    [[nodiscard]] std::string_view render_entry_id();
    [[nodiscard]] Step append();

    sinks::journal::Reader reader_;
    Delivery& delivery_;
    const std::int64_t since_ns_;
    parsers::JsonDecoder decoder_;
    std::array<char, limits::sample_bytes_max + limits::body_padding_bytes> body_{};
    std::array<char, limits::entry_id_bytes_max> entry_id_{};
    std::array<char, limits::tenant_name_bytes_max> tenant_{};
    std::shared_ptr<const tenants::TenantTable> tenants_;  // null: samples of tenants go to the stream of all
    Sample sample_;  // views into body_, entry_id_, tenant_ and the decoder
    bool is_pending_ = false;  // sample_ did not fit the round
    sinks::journal::Position rendered_;  // behind the last record that is in the delivery
};

}  // namespace sluice::forward
