#include "sinks/journal/encoder.hpp"

#include "engine/core/limits.hpp"
#include "sinks/journal/format.hpp"

namespace sluice::sinks {
namespace {

static_assert(limits::batch_headroom_bytes % journal::record_alignment == 0,
              "records begin at multiples of 8 in a batch");
static_assert(journal::record_bytes_max + limits::batch_headroom_bytes <= limits::batch_arena_bytes_min,
              "any legal sample must fit into an empty batch of any legal size");

template <bool has_tenants>
class JournalEncoder final : public Encoder {
  public:
    [[nodiscard]] std::uint32_t lane_count() const override { return 1; }
    [[nodiscard]] std::uint32_t lane_of(const Sample&) const override { return 0; }

    [[nodiscard]] bool append(Batch& batch, const Sample& sample) override {
        const bool is_of_tenant = has_tenants && !sample.tenant.empty();
        const std::size_t bytes = is_of_tenant ? journal::record_bytes(sample.raw.size(), sample.tenant.size())
                                               : journal::record_bytes(sample.raw.size());
        if (bytes > batch.room().size() || batch.command_count() == limits::batch_commands_count_max) return false;
        if (is_of_tenant) journal::write_record(batch.room().data(), sample.timestamp_ns, sample.raw, sample.tenant);
        else journal::write_record(batch.room().data(), sample.timestamp_ns, sample.raw);
        batch.commit(bytes, 1, 1);
        return true;
    }

    void seal(Batch&) override {}
};

}  // namespace

std::unique_ptr<Encoder> make_journal_encoder(bool has_tenants) {
    if (has_tenants) return std::make_unique<JournalEncoder<true>>();
    return std::make_unique<JournalEncoder<false>>();
}

}  // namespace sluice::sinks
