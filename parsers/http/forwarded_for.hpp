// The value of an X-Forwarded-For header: addresses with commas between them. Each proxy adds the address of its own
// client behind the others, so only what trusted proxies have added, from the right, can be believed. There is no RFC
// (RFC 7239 defines Forwarded instead); proxies write `10.0.0.7` and `2001:db8::1`, some `10.0.0.7:5123`,
// `[2001:db8::1]` and `[2001:db8::1]:5123`. Values. Any thread.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

#include "engine/core/ip_address.hpp"

namespace sluice::parsers {

// Elements that are read. Chains of proxies are shorter, so a longer list is malformed.
inline constexpr std::size_t forwarded_elements_count_max = 32;

// The rightmost address of `list` that is in none of `trusted`; if all are, the leftmost. Nothing: what was read, from
// the right, is not a list of addresses. What stands to the left of the answer is not looked at: any client may have
// written it.
[[nodiscard]] std::optional<IpAddress> forwarded_client(std::string_view list, std::span<const IpNetwork> trusted);

}  // namespace sluice::parsers
