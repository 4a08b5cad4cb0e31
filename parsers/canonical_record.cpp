#include "parsers/canonical_record.hpp"

namespace sluice::parsers {
namespace {

void write_text(std::string_view name, std::string_view text, JsonWriter& out) {
    if (text.empty()) return;
    out.raw(name);
    out.string(text);
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

}  // namespace sluice::parsers
