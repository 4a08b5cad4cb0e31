#include "parsers/http/forwarded_for.hpp"

#include <algorithm>

#include "parsers/http/text.hpp"

namespace sluice::parsers {
namespace {

bool is_port_number(std::string_view text) {
    constexpr std::size_t digits_count_max = 5;
    return !text.empty() && text.size() <= digits_count_max &&
           std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

std::optional<IpAddress> bracketed_address(std::string_view text) {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos) return std::nullopt;
    const std::string_view host = text.substr(1, end - 1), rest = text.substr(end + 1);
    const bool is_v6 = host.contains(':');
    if (!is_v6 || !(rest.empty() || (rest.front() == ':' && is_port_number(rest.substr(1))))) return std::nullopt;
    return parse_ip_address(host);
}

std::optional<IpAddress> address_of(std::string_view element) {
    if (element.starts_with('[')) return bracketed_address(element);
    if (const auto bare = parse_ip_address(element)) return bare;
    const std::size_t colon = element.find(':');
    if (colon == std::string_view::npos || !is_port_number(element.substr(colon + 1))) return std::nullopt;
    return parse_ip_address(element.substr(0, colon));
}

}  // namespace

std::optional<IpAddress> forwarded_client(std::string_view list, std::span<const IpNetwork> trusted) {
    for (std::size_t count = 0; count < forwarded_elements_count_max; ++count) {
        const std::size_t comma = list.rfind(',');
        const bool is_leftmost = comma == std::string_view::npos;
        const auto address = address_of(trim_ows(is_leftmost ? list : list.substr(comma + 1)));
        if (!address || is_leftmost || !is_in_any(trusted, *address)) return address;
        list = list.substr(0, comma);
    }
    return std::nullopt;
}

}  // namespace sluice::parsers
