// What the baseline gateway makes of a body: one DOM parse, then the words of the sample's Redis command.
//
// Two layouts, so that a comparison can store the same thing that Sluice stores: `list` is what the original did,
// `fields` has the fields and the order of Sluice's layout of that name. Values are rendered by the JSON library, so a
// number that was written unusually (1.50) is stored in its shortest form.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::baseline {

enum class Layout : std::uint8_t { list, fields };

// The words behind the key: of RPUSH the body, of XADD names and values.
using Words = std::vector<std::string>;

// The words of one sample, or the sentence of a 400. `arrival_ns` (Unix) stands in for a missing timestamp.
[[nodiscard]] std::expected<Words, std::string_view> accept_sample(const std::string& body, Layout layout,
                                                                   std::int64_t arrival_ns);

}  // namespace sluice::baseline
