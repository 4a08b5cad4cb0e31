#include "tools/load/command/run_tag.hpp"

#include <sys/random.h>

#include <array>
#include <cstdint>
#include <string_view>

#include "engine/core/check.hpp"

namespace sluice::load {
namespace {

// 32 of them, so that each takes 5 bits; those that are easily mistaken for another are left out.
constexpr std::string_view letters = "0123456789abcdefghjkmnpqrstvwxyz";
static_assert(letters.size() == 32);

}  // namespace

std::string draw_run_tag() {
    std::array<std::uint8_t, 8> bytes{};
    // Up to 256 bytes come whole and without EINTR (getrandom(2)).
    CHECK(::getrandom(bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()));
    std::string tag;
    // 256 is a multiple of 32, so all letters are equally likely.
    for (const std::uint8_t byte : bytes) tag += letters[byte % letters.size()];
    return tag;
}

}  // namespace sluice::load
