#include "bench/baseline/telemetry.hpp"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "parsers/timestamp.hpp"

namespace sluice::baseline {
namespace {

using Json = nlohmann::ordered_json;  // members stay in the order in which they came

constexpr std::array<std::string_view, 7> known_members{"device_id", "timestamp", "type",    "value",
                                                        "unit",      "priority",  "metadata"};

std::string text_of(const Json& value) { return value.is_string() ? value.get<std::string>() : value.dump(); }

const Json* member(const Json& sample, const char* name) {
    const auto found = sample.find(name);
    return found == sample.end() ? nullptr : &*found;
}

bool is_text(const Json* value) {
    return value != nullptr && value->is_string() && !value->get_ref<const std::string&>().empty();
}

std::string_view complaint_about(const Json& sample) {
    if (sample.is_discarded() || !sample.is_object()) return "Invalid JSON";
    if (!is_text(member(sample, "device_id"))) return "Missing device_id";
    if (!is_text(member(sample, "type"))) return "Missing type";
    const Json* value = member(sample, "value");
    if (value == nullptr || !(value->is_number() || value->is_boolean())) return "Missing value";
    return {};
}

std::int64_t timestamp_ns(const Json& sample, std::int64_t arrival_ns) {
    const Json* timestamp = member(sample, "timestamp");
    if (timestamp == nullptr) return arrival_ns;
    parsers::DateCache cache;
    if (timestamp->is_string()) return parsers::parse_timestamp_text(timestamp->get_ref<const std::string&>(), cache);
    if (timestamp->is_number())
        return parsers::parse_timestamp_number(timestamp->dump(), parsers::Precision::by_magnitude);
    return parsers::no_timestamp;
}

Words fields_of(const Json& sample, std::int64_t at_ns) {
    Words words{"device_id", text_of(sample["device_id"]), "ts", std::to_string(at_ns)};
    const auto add = [&](const std::string& name, const Json& value) {
        words.push_back(name);
        words.push_back(text_of(value));
    };
    for (const char* name : {"type", "value", "unit", "priority", "metadata"})
        if (const Json* value = member(sample, name)) add(name, *value);
    for (const auto& [name, value] : sample.items())
        if (std::ranges::find(known_members, name) == known_members.end()) add(name, value);
    return words;
}

}  // namespace

std::expected<Words, std::string_view> accept_sample(const std::string& body, Layout layout, std::int64_t arrival_ns) {
    if (body.empty()) return std::unexpected("Empty request body");
    const Json sample = Json::parse(body, nullptr, false);
    if (const std::string_view complaint = complaint_about(sample); !complaint.empty())
        return std::unexpected(complaint);
    if (layout == Layout::list) return Words{body};
    const std::int64_t at_ns = timestamp_ns(sample, arrival_ns);
    if (at_ns == parsers::no_timestamp) return std::unexpected("Bad timestamp");
    return fields_of(sample, at_ns);
}

}  // namespace sluice::baseline
