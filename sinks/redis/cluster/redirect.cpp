#include "sinks/redis/cluster/redirect.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "engine/core/limits.hpp"
#include "sinks/redis/cluster/slot.hpp"

namespace sluice::sinks::redis {
namespace {

constexpr std::array<std::string_view, 5> wait_codes{"CLUSTERDOWN", "TRYAGAIN", "LOADING", "MASTERDOWN", "READONLY"};

template <typename Number>
std::optional<Number> number_of(std::string_view text) {
    Number number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return number;
}

// `<slot> <host>:<port>`; an IPv6 address stands there without brackets, so the last colon counts.
Redirect read_target(Redirect::Kind kind, std::string_view text) {
    const Redirect malformed{.kind = Redirect::Kind::wait};
    const std::size_t space = text.find(' ');
    const std::size_t colon = text.rfind(':');
    if (space == std::string_view::npos || colon == std::string_view::npos || colon <= space) return malformed;
    const auto slot = number_of<std::uint16_t>(text.substr(0, space));
    const auto port = number_of<std::uint16_t>(text.substr(colon + 1));
    const std::string_view host = text.substr(space + 1, colon - space - 1);
    if (!slot || *slot >= slots_count || !port || *port == 0) return malformed;
    // "?" stands for a host name that the node does not know.
    if (host == "?" || host.size() > limits::host_name_bytes_max) return malformed;
    return {.kind = kind, .slot = *slot, .to = {std::string(host), *port}};
}

}  // namespace

Redirect redirect_of(std::string_view text) {
    const std::string_view code = text.substr(0, text.find(' '));
    const std::string_view rest = text.substr(std::min(text.size(), code.size() + 1));
    if (code == "MOVED") return read_target(Redirect::Kind::moved, rest);
    if (code == "ASK") return read_target(Redirect::Kind::ask, rest);
    if (std::ranges::find(wait_codes, code) != wait_codes.end()) return {.kind = Redirect::Kind::wait};
    return {};
}

}  // namespace sluice::sinks::redis
