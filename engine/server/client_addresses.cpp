#include "engine/server/client_addresses.hpp"

#include "parsers/http/forwarded_for.hpp"

namespace sluice {

ClientAddresses::Peer ClientAddresses::ask(Slot slot) const {
    const std::string name = peer_of_(slot);
    const auto address = ip_address_of_peer(name);
    if (!address) return {name == "unix" ? Peer::Kind::unix_socket : Peer::Kind::unknown, {}};
    const bool is_trusted = is_in_any(trusted_, *address) && !(is_anonymous_ && is_anonymous_(slot));
    return {is_trusted ? Peer::Kind::trusted : Peer::Kind::address, *address};
}

ClientAddresses::Peer ClientAddresses::known(Slot slot) {
    if (peers_.size() == 0) return ask(slot);
    if (peers_[slot].kind == Peer::Kind::not_asked) peers_[slot] = ask(slot);
    return peers_[slot];
}

ClientAddress ClientAddresses::of(const http::Request& request) {
    using parsers::RequestHeader;
    const Peer peer = known(request.slot);
    if (peer.kind == Peer::Kind::unix_socket) return {.is_unix = true};
    if (peer.kind == Peer::Kind::unknown) return {};
    const bool is_told = peer.kind == Peer::Kind::trusted && request.head.has(RequestHeader::x_forwarded_for);
    const auto told = is_told ? parsers::forwarded_client(request.head.header(RequestHeader::x_forwarded_for), trusted_)
                              : std::nullopt;
    return {.address = told.value_or(peer.address), .is_forwarded = told.has_value()};
}

std::string ClientAddresses::forwarded_of(const http::Request& request) {
    if (!may_differ()) return {};
    const ClientAddress client = of(request);
    return client.is_forwarded ? format_ip_address(*client.address) : std::string{};
}

}  // namespace sluice
