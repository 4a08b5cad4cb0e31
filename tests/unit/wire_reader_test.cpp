// Protocol Buffers' wire format: what the reference refuses, and what it cuts off.
// runs: release asan
#include "parsers/protobuf/wire.hpp"

#include <gtest/gtest.h>

#include <array>
#include <optional>
#include <string>
#include <string_view>

namespace sluice {
namespace {

using namespace std::literals;
using parsers::WireField;
using parsers::WireReader;

// Of the first field; nothing: malformed.
std::optional<WireField> first_of(std::string_view message) {
    WireReader reader(message);
    WireField field;
    const bool is_field = reader.next(field);
    EXPECT_EQ(reader.is_malformed(), !is_field);
    return is_field ? std::optional(field) : std::nullopt;
}

TEST(WireReader, LeadingZerosOfTagsAndLengths) {
    struct Case {
        std::string_view bytes;
        bool is_field;
    };
    constexpr std::array cases{
        Case{"\x0a\x01x"sv, true},
        Case{"\x8a\x80\x80\x80\x00\x01x"sv, true},
        Case{"\x8a\x80\x80\x80\x80\x00\x01x"sv, false},  // a tag of six bytes
        Case{"\x0a\x81\x80\x80\x80\x00x"sv, true},
        Case{"\x0a\x81\x80\x80\x80\x80\x00x"sv, false},  // a length of six bytes
        Case{"\x02\x00"sv, false},                       // field 0
    };
    for (const Case& one : cases) {
        const auto field = first_of(one.bytes);
        ASSERT_EQ(field.has_value(), one.is_field) << testing::PrintToString(one.bytes);
        if (!field) continue;
        EXPECT_EQ(field->number, 1u);
        EXPECT_EQ(field->bytes, "x");
    }
}

TEST(WireReader, WhatIsBeyondTheBitsIsCutOff) {
    EXPECT_EQ(first_of("\x88\x80\x80\x80\x10\x05"sv)->number, 1u);  // bit 32 of the tag
    EXPECT_EQ(first_of("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f"sv)->value, ~std::uint64_t{0});
    EXPECT_FALSE(first_of("\x08\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00"sv));  // eleven bytes
}

}  // namespace
}  // namespace sluice
