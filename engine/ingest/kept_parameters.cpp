#include "engine/ingest/kept_parameters.hpp"

#include "engine/core/check.hpp"
#include "engine/ingest/percent.hpp"
#include "parsers/utf8.hpp"

namespace sluice {

bool KeptParameters::keep(std::string_view name, std::string_view percent_encoded_value) {
    std::size_t index = 0;
    while (index < count_ && values_[index].name != name) ++index;
    CHECK(index < count_max);  // as many as a format has names
    Value& value = values_[index];
    const auto text = percent_decoded(percent_encoded_value, value.text);
    if (!text || !parsers::is_utf8(*text) || parsers::has_control_character(*text)) return false;
    value.name = name;
    value.bytes = static_cast<std::uint8_t>(text->size());
    if (index == count_) ++count_;
    return true;
}

std::span<const Member> KeptParameters::in(Members& members) const {
    std::size_t count = 0;
    for (const Value& value : std::span(values_).first(count_))
        if (value.bytes != 0) members[count++] = {value.name, {value.text.data(), value.bytes}};
    return std::span(members).first(count);
}

}  // namespace sluice
