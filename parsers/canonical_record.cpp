#include "parsers/canonical_record.hpp"

namespace sluice::parsers {
namespace {

void write_text(std::string_view name, std::string_view text, JsonWriter& out) {
    if (text.empty()) return;
    out.raw(name);
    out.string(text);
}

// Characters that a string may grow by when it is escaped: of a control character six are written.
constexpr std::size_t escape_factor = 6;
// Names of the members, punctuation, numbers.
constexpr std::size_t own_bytes = 192;
constexpr std::size_t punctuation_bytes = 8;

// Never less than what write_canonical() writes.
std::size_t bytes_max_of(const Sample& sample) {
    const std::size_t texts = sample.device_id.size() + sample.type.size() + sample.value.size() + sample.unit.size();
    std::size_t bytes = own_bytes + escape_factor * texts + sample.values.size() + sample.metadata.size();
    for (const Member& other : sample.others)
        bytes += escape_factor * (other.name.size() + other.value.size()) + punctuation_bytes;
    return bytes;
}

void write_json(std::string_view name, std::string_view json, JsonWriter& out) {
    if (json.empty()) return;
    out.raw(name);
    out.raw(json);
}

void write_value(const Sample& sample, JsonWriter& out) {
    if (sample.value_kind == ValueKind::none) return write_json(",\"values\":", sample.values, out);
    out.raw(",\"value\":");
    if (sample.value_kind == ValueKind::string) out.string(sample.value);
    else out.raw(sample.value);
}

}  // namespace

void write_canonical(const Sample& sample, JsonWriter& out) {
    out.clear();
    write_text("{\"device_id\":", sample.device_id, out);
    write_text(",\"type\":", sample.type, out);
    write_value(sample, out);
    write_text(",\"unit\":", sample.unit, out);
    out.raw(",\"timestamp\":");
    out.number(sample.timestamp_ns);
    write_json(",\"metadata\":", sample.metadata, out);
    write_text(",\"priority\":", name_of(sample.priority), out);
    for (const Member& other : sample.others) {
        out.raw(",");
        out.string(other.name);
        out.raw(":");
        if (other.is_json) out.raw(other.value);
        else out.string(other.value);
    }
    out.raw('}');
}

bool CanonicalRecord::keep(Sample& sample) {
    if (!is_needed_ && !is_first_ && bytes_max_of(sample) <= limits::sample_bytes_max) {
        sample.raw = {};
        return true;
    }
    if (!write(sample)) return false;
    is_first_ = false;
    return true;
}

bool CanonicalRecord::write(Sample& sample) {
    write_canonical(sample, text_);
    if (text_.is_full()) return false;
    sample.raw = text_.view();
    return true;
}

}  // namespace sluice::parsers
