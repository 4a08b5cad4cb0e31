#include "engine/forward/record_feed.hpp"

#include <charconv>
#include <cstring>
#include <utility>

#include "engine/core/check.hpp"

namespace sluice::forward {

using sinks::journal::IoResult;
using sinks::journal::Reader;

sinks::EntryId last_entry_id_before(const sinks::journal::Position& end) {
    return {end.segment, end.offset - (end.offset != 0 ? 1 : 0)};  // at offset 0 stands a header, never a record
}

IoResult<RecordFeed::Step> RecordFeed::step() {
    if (is_pending_) {
        CHECK(delivery_.can_begin_round());
        const Step appended = append();
        CHECK(appended == Step::sample);  // limits.hpp: any legal sample fits an empty batch
        return appended;
    }
    const auto step = reader_.next();
    if (!step) return std::unexpected(step.error());
    switch (*step) {
        case Reader::Step::end: return Step::end;
        case Reader::Step::gap: return Step::gap;
        case Reader::Step::record: break;
    }
    if (reader_.record().timestamp_ns < since_ns_) return Step::passed;
    return decode() ? append() : Step::refused;
}

bool RecordFeed::decode() {
    const sinks::journal::RecordView& record = reader_.record();
    std::memcpy(body_.data(), record.text.data(), record.text.size());
    // A number in `timestamp` was understood when it came; read as nanoseconds none is out of range.
    decoder_.start({body_.data(), record.text.size()}, parsers::BodyFormat::json,
                   {parsers::Precision::ns, record.timestamp_ns});
    if (decoder_.next() != parsers::Step::sample) return false;
    sample_ = decoder_.sample();
    sample_.timestamp_ns = record.timestamp_ns;
    sample_.entry_id = render_entry_id();
    take_tenant();
    return true;
}

void RecordFeed::take_tenant() {
    const std::string_view name = reader_.record().tenant;
    sample_.tenant = {tenant_.data(), name.copy(tenant_.data(), tenant_.size())};
    sample_.stream_index = name.empty() || tenants_ == nullptr ? std::uint16_t{0} : tenants_->stream_index_of(name);
}

void RecordFeed::use_tenants(std::shared_ptr<const tenants::TenantTable> table) {
    tenants_ = std::move(table);
    if (is_pending_) take_tenant();
}

// The record's position: it rises from record to record, and stays the same whenever the record is read again.
std::string_view RecordFeed::render_entry_id() {
    const sinks::journal::Position position = reader_.record_position();
    char* const end = entry_id_.data() + entry_id_.size();
    char* to = std::to_chars(entry_id_.data(), end, position.segment).ptr;
    *to++ = '-';
    to = std::to_chars(to, end, position.offset).ptr;
    return {entry_id_.data(), to};
}

RecordFeed::Step RecordFeed::append() {
    is_pending_ = !delivery_.append(sample_);
    if (is_pending_) {
        close_round();
        return Step::full;
    }
    rendered_ = reader_.position();
    return Step::sample;
}

}  // namespace sluice::forward
