// What simdjson's DOM, which parses everything and knows no short cuts, thinks of a body that the decoder
// has read. For the differential test and the fuzz target; header only, so that both link it.
#pragma once

#include <simdjson.h>

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/decoding.hpp"

namespace sluice::tests {

namespace dom_reference {

namespace dom = simdjson::dom;

inline bool has_duplicate_members(dom::element element) {
    if (dom::array array; element.get(array) == simdjson::SUCCESS) {
        for (const dom::element child : array)
            if (has_duplicate_members(child)) return true;
        return false;
    }
    dom::object object;
    if (element.get(object) != simdjson::SUCCESS) return false;
    std::set<std::string_view> names;
    for (const dom::key_value_pair member : object)
        if (!names.insert(member.key).second || has_duplicate_members(member.value)) return true;
    return false;
}

// `text` as one JSON document that says the same as `element`.
inline bool is_same_json(std::string_view text, dom::element element) {
    dom::parser parser;
    dom::element parsed;
    if (parser.parse(simdjson::padded_string(text)).get(parsed) != simdjson::SUCCESS) return false;
    return simdjson::minify(parsed) == simdjson::minify(element);
}

// The value that the decoder kept: a string's text, anything else as JSON.
inline bool is_same_value(const std::string& kept, dom::element element) {
    if (std::string_view text; element.get(text) == simdjson::SUCCESS) return kept == text;
    return is_same_json(kept, element);
}

inline bool is_member(dom::object object, std::string_view name, const std::string& kept) {
    dom::element element;
    return object.at_key(name).get(element) == simdjson::SUCCESS && is_same_value(kept, element);
}

inline bool is_optional_member(dom::object object, std::string_view name, const std::string& kept) {
    dom::element element;
    const bool is_present = object.at_key(name).get(element) == simdjson::SUCCESS;
    return is_present ? is_same_value(kept, element) : kept.empty();
}

// A complaint, or nothing if `sample` says what `element` says.
inline std::optional<std::string> difference(const OwnedSample& sample, dom::element element) {
    dom::object object;
    if (element.get(object) != simdjson::SUCCESS) return "a sample that is no object";
    if (has_duplicate_members(element)) return "a sample with duplicate members";
    if (!is_member(object, "device_id", sample.device_id)) return "device_id differs";
    if (!is_optional_member(object, "type", sample.type)) return "type differs";
    if (!is_optional_member(object, "value", sample.value)) return "value differs";
    if (!is_optional_member(object, "unit", sample.unit)) return "unit differs";
    if (!is_optional_member(object, "values", sample.values)) return "values differ";
    if (!is_optional_member(object, "metadata", sample.metadata)) return "metadata differs";
    if (!is_same_json(sample.raw, element)) return "raw differs";
    std::size_t known_count = 0;
    for (const std::string_view name :
         {"device_id", "type", "value", "unit", "values", "metadata", "timestamp", "priority"})
        known_count += object.at_key(name).error() == simdjson::SUCCESS ? 1 : 0;
    if (known_count + sample.others.size() != object.size()) return "the number of members differs";
    for (const auto& [name, value] : sample.others)
        if (!is_member(object, name, value)) return "member " + name + " differs";
    return std::nullopt;
}

}  // namespace dom_reference

// A complaint, or nothing if the decoder's account of a `json` body agrees with the DOM's.
inline std::optional<std::string> difference_to_dom(std::string_view body, const Decoded& decoded) {
    simdjson::dom::parser parser;
    simdjson::dom::element root;
    const simdjson::padded_string padded(body);
    const auto error = parser.parse(padded).get(root);
    if (error != simdjson::SUCCESS) {
        // An integer that fits no 64 bits is an error to the DOM, and a refused record here.
        if (decoded.body_refused || !decoded.refused.empty()) return std::nullopt;
        return std::string("the DOM refuses it: ") + simdjson::error_message(error);
    }
    if (decoded.body_refused) {
        if (decoded.body_refusal == Refusal::json_too_deep) return std::nullopt;
        return "the DOM takes it, and the body is refused: " + std::string(info_of(decoded.body_refusal).code);
    }
    std::vector<simdjson::dom::element> records;
    if (simdjson::dom::array array; root.get(array) == simdjson::SUCCESS) {
        for (const simdjson::dom::element element : array) records.push_back(element);
    } else {
        records.push_back(root);
    }
    if (records.size() != decoded.samples.size() + decoded.refused.size()) return "the number of records differs";
    for (const OwnedSample& sample : decoded.samples)
        if (auto complaint = dom_reference::difference(sample, records.at(sample.index))) return complaint;
    return std::nullopt;
}

// A complaint, or nothing if NDJSON of the one line `line` fares as `line` does as a `json` body.
inline std::optional<std::string> difference_to_line(std::string_view line, const Decoded& as_json,
                                                     const Decoded& as_line) {
    const bool is_one_record = line.find_first_not_of(" \t\r\n") != std::string_view::npos && as_json.is_single;
    if (line.find('\n') != std::string_view::npos || line.size() > limits::sample_bytes_max || !is_one_record)
        return std::nullopt;
    if (as_line.body_refused) return "NDJSON never refuses a body";
    if (as_json.samples.size() != as_line.samples.size()) return "one of json and NDJSON takes it";
    if (!as_json.samples.empty() && as_json.samples[0].raw != as_line.samples[0].raw)
        return "raw differs between the formats";
    return std::nullopt;
}

}  // namespace sluice::tests
