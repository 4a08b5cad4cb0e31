// Repeated numbers of a message, packed or not (protobuf.dev, "Encoding", Packed Repeated Fields). Values. Any thread.
#pragma once

#include <bit>
#include <cstdint>
#include <string_view>

#include "parsers/protobuf/wire.hpp"

namespace sluice::parsers {

// Calls take(value) for each element of the repeated field `number`, whose elements have `type`: varint or fixed64.
// False: the message, or a packed list in it, is cut off.
template <WireType type, typename Take>
bool takes_each(std::string_view message, std::uint32_t number, Take&& take) {
    static_assert(type == WireType::varint || type == WireType::fixed64);
    bool is_good = true;
    WireReader reader(message);
    WireField field;
    while (reader.next(field)) {
        if (field.is(number, type)) take(field.value);
        if (!field.is(number, WireType::bytes)) continue;
        WireReader list(field.bytes);
        std::uint64_t value;
        while (type == WireType::varint ? list.next_varint(value) : list.next_fixed64(value)) take(value);
        is_good = is_good && !list.is_malformed();
    }
    return is_good && !reader.is_malformed();
}

template <typename Take>
[[nodiscard]] bool takes_each_varint(std::string_view message, std::uint32_t number, Take&& take) {
    return takes_each<WireType::varint>(message, number, take);
}
template <typename Take>
[[nodiscard]] bool takes_each_fixed64(std::string_view message, std::uint32_t number, Take&& take) {
    return takes_each<WireType::fixed64>(message, number, take);
}
template <typename Take>
[[nodiscard]] bool takes_each_real(std::string_view message, std::uint32_t number, Take&& take) {
    return takes_each_fixed64(message, number, [&](std::uint64_t bits) { take(std::bit_cast<double>(bits)); });
}

}  // namespace sluice::parsers
