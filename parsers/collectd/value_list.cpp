#include "parsers/collectd/value_list.hpp"

#include <utility>

#include "engine/core/check.hpp"
#include "parsers/json/json_fault.hpp"
#include "parsers/json/json_text.hpp"

namespace sluice::parsers::collectd {
namespace {

namespace ondemand = simdjson::ondemand;

struct TextMember {
    std::string_view name;
    std::string_view ValueList::* text;
};
constexpr std::array text_members{
    TextMember{"host", &ValueList::host},
    TextMember{"plugin", &ValueList::plugin},
    TextMember{"plugin_instance", &ValueList::plugin_instance},
    TextMember{"type", &ValueList::type},
    TextMember{"type_instance", &ValueList::type_instance},
};
constexpr std::array number_members{TextMember{"time", &ValueList::time}, TextMember{"interval", &ValueList::interval}};
// Of the bits of members, behind those of the two tables.
constexpr std::size_t values_index = text_members.size() + number_members.size();
constexpr std::size_t names_index = values_index + 1;
constexpr std::size_t types_index = values_index + 2;

std::string_view token_of(ondemand::value& value) { return trim_end(value.raw_json_token()); }

std::optional<Refusal> take_text(ondemand::value& value, std::string_view& text) {
    if (value.get_string().get(text) != simdjson::SUCCESS) return Refusal::bad_value_list;
    return std::nullopt;
}

std::optional<Refusal> take_number(ondemand::value& value, std::string_view& number) {
    number = token_of(value);
    if (!is_digit(number.front()) && number.front() != '-') return Refusal::bad_value_list;
    if (check_number(number) != NumberCheck::valid) return Refusal::number_out_of_range;
    return std::nullopt;
}

}  // namespace

ValueListReader::ValueListReader() : parser_(std::make_unique<simdjson::ondemand::parser>()) {
    CHECK(parser_->allocate(limits::sample_bytes_max) == simdjson::SUCCESS);
}

ValueListReader::~ValueListReader() = default;

// On-Demand looks only at what it is asked for. So whether the text is JSON is found out before.
std::optional<Refusal> ValueListReader::read(std::string_view text) {
    CHECK(text.size() <= limits::sample_bytes_max);
    list_ = {};
    seen_bits_ = 0;
    if (find_json_fault(text, limits::json_depth_max).kind != JsonFault::Kind::none) return Refusal::bad_value_list;
    if (text.front() != '{') return Refusal::not_an_object;
    ondemand::document document;
    ondemand::object object;
    const simdjson::padded_string_view padded(text.data(), text.size(), text.size() + limits::body_padding_bytes);
    if (parser_->iterate(padded).get(document) != simdjson::SUCCESS) return Refusal::bad_value_list;  // no UTF-8
    if (document.get_object().get(object) != simdjson::SUCCESS) return Refusal::bad_value_list;
    for (auto member : object) {
        ondemand::field field;
        std::string_view name;
        if (std::move(member).get(field) != simdjson::SUCCESS) return Refusal::bad_value_list;
        if (field.unescaped_key().get(name) != simdjson::SUCCESS) return Refusal::bad_value_list;
        if (const Fault fault = take_member(name, field.value())) return fault;
    }
    return fault_of_whole();
}

// A member occurs for the first time.
bool ValueListReader::is_first(std::size_t member_index) {
    const std::uint32_t bit = 1u << member_index;
    const bool is_new = (seen_bits_ & bit) == 0;
    seen_bits_ |= bit;
    return is_new;
}

std::optional<Refusal> ValueListReader::take_member(std::string_view name, ondemand::value& value) {
    std::size_t index = 0;
    for (const TextMember& member : text_members) {
        if (member.name == name)
            return is_first(index) ? take_text(value, list_.*member.text) : Refusal::duplicate_member;
        ++index;
    }
    for (const TextMember& member : number_members) {
        if (member.name == name)
            return is_first(index) ? take_number(value, list_.*member.text) : Refusal::duplicate_member;
        ++index;
    }
    if (name == "values") return is_first(values_index) ? take_values(value) : Refusal::duplicate_member;
    if (name == "dsnames")
        return is_first(names_index) ? take_texts(value, names_, list_.names) : Refusal::duplicate_member;
    if (name == "dstypes")
        return is_first(types_index) ? take_texts(value, types_, list_.types) : Refusal::duplicate_member;
    return std::nullopt;
}

std::optional<Refusal> ValueListReader::take_values(ondemand::value& value) {
    ondemand::array array;
    if (value.get_array().get(array) != simdjson::SUCCESS) return Refusal::bad_value_list;
    std::size_t count = 0;
    for (auto element : array) {
        ondemand::value one;
        if (std::move(element).get(one) != simdjson::SUCCESS) return Refusal::bad_value_list;
        if (count == values_.size()) return Refusal::too_many_values;
        std::string_view& text = values_[count++];
        text = token_of(one);
        if (text == "null") continue;
        if (const Fault fault = take_number(one, text)) return fault;
    }
    list_.values = {values_.data(), count};
    return std::nullopt;
}

std::optional<Refusal> ValueListReader::take_texts(ondemand::value& value, Texts& texts,
                                                   std::span<const std::string_view>& taken) {
    ondemand::array array;
    if (value.get_array().get(array) != simdjson::SUCCESS) return Refusal::bad_value_list;
    std::size_t count = 0;
    for (auto element : array) {
        ondemand::value one;
        if (std::move(element).get(one) != simdjson::SUCCESS) return Refusal::bad_value_list;
        if (count == texts.size()) return Refusal::too_many_values;
        if (const Fault fault = take_text(one, texts[count++])) return fault;
    }
    taken = {texts.data(), count};
    return std::nullopt;
}

std::optional<Refusal> ValueListReader::fault_of_whole() const {
    const std::size_t count = list_.values.size();
    const bool is_whole = count != 0 && list_.names.size() == count &&
                          (list_.types.empty() || list_.types.size() == count) && !list_.plugin.empty() &&
                          !list_.type.empty();
    return is_whole ? std::nullopt : Fault(Refusal::bad_value_list);
}

}  // namespace sluice::parsers::collectd
