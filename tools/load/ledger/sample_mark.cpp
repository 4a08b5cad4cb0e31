#include "tools/load/ledger/sample_mark.hpp"

#include <charconv>
#include <nlohmann/json.hpp>

namespace sluice::load {
namespace {

using Json = nlohmann::json;

std::optional<std::uint64_t> number_of(std::string_view text) {
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return number;
}

// The member `seq` of an object, as a number or as its digits.
std::optional<std::uint64_t> seq_in(const Json& object) {
    if (!object.is_object() || !object.contains("seq")) return std::nullopt;
    const Json& seq = object["seq"];
    if (seq.is_number_unsigned()) return seq.get<std::uint64_t>();
    return seq.is_string() ? number_of(seq.get_ref<const std::string&>()) : std::nullopt;
}

std::optional<std::uint64_t> seq_in_text(std::string_view json) {
    if (json.empty()) return std::nullopt;
    return seq_in(Json::parse(json, nullptr, /*allow_exceptions=*/false));
}

std::optional<std::uint64_t> seq_of(const Json& sample) {
    for (const Json& object : {sample, sample.value("values", Json{}), sample.value("metadata", Json{})})
        if (const auto seq = seq_in(object)) return seq;
    return std::nullopt;
}

}  // namespace

std::optional<SampleMark> mark_of_json(std::string_view text) {
    const Json sample = Json::parse(text, nullptr, /*allow_exceptions=*/false);
    if (!sample.is_object() || !sample.contains("device_id") || !sample["device_id"].is_string()) return std::nullopt;
    const auto seq = seq_of(sample);
    if (!seq) return std::nullopt;
    return SampleMark{.device = sample["device_id"].get<std::string>(), .seq = *seq};
}

std::optional<SampleMark> mark_of_fields(const EntryFields& fields) {
    if (fields.device.empty()) return std::nullopt;
    auto seq = number_of(fields.seq);
    if (!seq) seq = seq_in_text(fields.values);
    if (!seq) seq = seq_in_text(fields.metadata);
    if (!seq) return std::nullopt;
    return SampleMark{.device = std::string(fields.device), .seq = *seq};
}

}  // namespace sluice::load
