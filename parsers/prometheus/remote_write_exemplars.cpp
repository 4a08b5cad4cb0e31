// The exemplars of a series: what RemoteWriteDecoder makes of them.
#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "parsers/prometheus/remote_write_decoder.hpp"
#include "parsers/utf8.hpp"

namespace sluice::parsers {
namespace {

// Of Exemplar: of both versions, of 1.0, of 2.0.
constexpr std::uint32_t exemplar_value = 2, exemplar_timestamp = 3;
constexpr std::uint32_t exemplar_label = 1;
constexpr std::uint32_t exemplar_refs = 1;

}  // namespace

// What does not fit is left out, and not told as written.
void RemoteWriteDecoder::take_exemplar(std::string_view message) {
    if (message.size() > exemplars_bytes_max || exemplars_tried_count_ == exemplars_count_max) return;
    ++exemplars_tried_count_;
    const std::size_t begin = exemplars_.size();
    exemplars_.raw(begin == 0 ? '[' : ',');
    const bool is_good = write_exemplar(message) && exemplars_.size() + 1 < exemplars_bytes_max;
    if (is_good && !exemplars_.is_full()) ++exemplars_count_;
    else exemplars_.cut(begin);
}

bool RemoteWriteDecoder::write_exemplar(std::string_view message) {
    double value = 0;
    std::int64_t timestamp_ms = 0;
    std::array<std::string_view, 16> names;  // of its labels; more are too many
    std::size_t labels_count = 0;
    bool is_good = true;
    const auto write_label = [&](const Label& label) {
        const auto known = std::span(names).first(labels_count);
        is_good = label.name.size() + label.value.size() <= exemplars_bytes_max && labels_count < names.size() &&
                  std::ranges::find(known, label.name) == known.end() && is_text(label.name) && is_text(label.value);
        if (!is_good) return;
        exemplars_.raw(labels_count == 0 ? "{\"labels\":{" : ",");
        names[labels_count++] = label.name;
        exemplars_.string(label.name);
        exemplars_.raw(':');
        exemplars_.string(label.value);
    };
    const Symbol* open_name = nullptr;
    const auto take_ref = [&](std::uint64_t ref) {
        const Symbol* const text = symbol(ref);
        is_good = text != nullptr;
        if (!is_good) return;
        if (open_name != nullptr) write_label({std::exchange(open_name, nullptr)->text, text->text});
        else open_name = text;
    };
    WireReader reader(message);
    WireField field;
    while (is_good && reader.next(field)) {
        if (field.is(exemplar_value, WireType::fixed64)) value = field.real();
        if (field.is(exemplar_timestamp, WireType::varint)) timestamp_ms = field.integer();
        if (version_ == RemoteWriteVersion::v1 && field.is(exemplar_label, WireType::bytes))
            write_label(label_of(field.bytes));
        if (version_ == RemoteWriteVersion::v2 && field.is(exemplar_refs, WireType::varint)) take_ref(field.value);
        if (version_ == RemoteWriteVersion::v2 && field.is(exemplar_refs, WireType::bytes)) {
            WireReader refs(field.bytes);
            std::uint64_t ref;
            while (is_good && refs.next_varint(ref)) take_ref(ref);
            is_malformed_ = is_malformed_ || refs.is_malformed();
        }
    }
    is_malformed_ = is_malformed_ || reader.is_malformed();
    exemplars_.raw(labels_count == 0 ? "{\"value\":" : "},\"value\":");
    exemplars_.real(value);
    exemplars_.raw(",\"timestamp_ms\":");
    exemplars_.number(timestamp_ms);
    if (exemplars_count_ == 0) {
        first_exemplar_value_ = value;
        first_exemplar_ms_ = timestamp_ms;
    }
    exemplars_.raw('}');
    return is_good && open_name == nullptr;
}

// Prometheus sends each exemplar in a series of its own, without a sample. What cannot be written is left out, as
// beside a sample.
std::optional<Step> RemoteWriteDecoder::take_lone_exemplars() {
    if (fault_) return std::nullopt;
    begin_record();
    value_.raw("{\"exemplar\":");
    value_.real(first_exemplar_value_);
    value_.raw('}');
    sample_.value = {};
    sample_.value_kind = ValueKind::none;
    sample_.values = value_.view();
    const Step step = give(std::nullopt, {.timestamp_ms = first_exemplar_ms_});
    if (step != Step::record_refused) return step;
    --records_count_;
    return std::nullopt;
}

}  // namespace sluice::parsers
