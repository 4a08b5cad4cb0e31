// EntryId: `<first>-<second>`, the ID of a stream's entry; ordered as Redis orders them.
#pragma once

#include <charconv>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::sinks {

struct EntryId {
    std::uint64_t first_number = 0;
    std::uint64_t second_number = 0;
    friend auto operator<=>(const EntryId&, const EntryId&) = default;
};

[[nodiscard]] inline std::string text_of(const EntryId& id) {
    return std::to_string(id.first_number) + "-" + std::to_string(id.second_number);
}

// Nothing if `text` is no ID with both its parts.
[[nodiscard]] inline std::optional<EntryId> parse_entry_id(std::string_view text) {
    EntryId id;
    const char* const end = text.data() + text.size();
    const auto first = std::from_chars(text.data(), end, id.first_number);
    if (first.ec != std::errc{} || first.ptr == end || *first.ptr != '-') return std::nullopt;
    const auto second = std::from_chars(first.ptr + 1, end, id.second_number);
    if (second.ec != std::errc{} || second.ptr != end) return std::nullopt;
    return id;
}

}  // namespace sluice::sinks
