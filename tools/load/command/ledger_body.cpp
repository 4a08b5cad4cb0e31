#include "tools/load/command/ledger_body.hpp"

#include <cstdint>
#include <nlohmann/json.hpp>

#include "tools/load/plan/body_template.hpp"

namespace sluice::load {
namespace {

// Values that no template has by chance.
constexpr const char* device = "a-device-by-which-to-know-it";
constexpr std::uint64_t seq = 8'163'521'907;

// A value as the field may have in a run. Of a {choice} it is the first: a member that only another choice brings is
// not seen here.
std::string text_of(const Field& field) {
    switch (field.kind) {
        case Field::Kind::device: return device;
        case Field::Kind::seq: return std::to_string(seq);
        case Field::Kind::ts_iso: return "2025-12-29T17:03:57.123Z";
        case Field::Kind::ts_ms:
        case Field::Kind::ts_ns: return "1767027837123";
        case Field::Kind::number: return format_number(field.low, field.decimals);
        case Field::Kind::token:
        case Field::Kind::choice: return field.choices.front();
    }
    return {};
}

// There is one literal more than fields.
std::string example_of(const BodyTemplate& sample) {
    std::string text = sample.literals.front();
    for (std::size_t i = 0; i < sample.fields.size(); ++i) text += text_of(sample.fields[i]) + sample.literals[i + 1];
    return text;
}

}  // namespace

Result<void> check_ledger_body(const std::string& body) {
    auto json = nlohmann::json::parse(example_of(*parse_body_template(body)), nullptr, /*allow_exceptions=*/false);
    // The engine takes an array of samples, too, and stores the sample.
    if (json.is_array() && json.size() == 1) json = nlohmann::json(json.front());
    if (json.is_object() && json.contains("device_id") && json["device_id"] == device && json.contains("seq") &&
        json["seq"].is_number_unsigned() && json["seq"] == seq)
        return {};
    return wrong(
        "--ledger: every body must be a JSON object with \"device_id\":\"{device}\" and \"seq\":{seq}, by which verify "
        "finds its sample again");
}

}  // namespace sluice::load
