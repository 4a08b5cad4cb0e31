// ClientAddresses: the address that a request came from: that of its peer, or of a trusted proxy's client, as
// X-Forwarded-For tells it. For limits, allow-lists and the log; never for identity. One for each server, on its
// thread.
//
// It keeps the address of each peer that was asked for, where it is asked for each request: with trusted networks,
// since a connection of a proxy carries requests of many clients, and with quotas of addresses. Else it asks the loop
// each time.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/core/ip_address.hpp"
#include "engine/core/lazy_array.hpp"
#include "engine/core/slot.hpp"
#include "engine/http/application.hpp"

namespace sluice {

struct ClientAddress {
    std::optional<IpAddress> address{};  // nothing: of a Unix socket, or the kernel does not tell
    bool is_unix = false;
    bool is_forwarded = false;  // told by a proxy
};

class ClientAddresses {
  public:
    using PeerOf = std::function<std::string(Slot)>;  // as Server::peer_of()
    // Whether a proxy has relayed the connection without saying for whom. What comes through it is a client's own word.
    using IsAnonymous = std::function<bool(Slot)>;

    explicit ClientAddresses(PeerOf peer_of) : ClientAddresses(std::move(peer_of), {}, 0, {}) {}
    // `trusted`: proxy.trusted. `slots_count_max`: of the server; 0: addresses are not kept, and nobody is trusted.
    ClientAddresses(PeerOf peer_of, std::vector<IpNetwork> trusted, std::size_t slots_count_max,
                    IsAnonymous is_anonymous)
        : peer_of_(std::move(peer_of)),
          trusted_(std::move(trusted)),
          is_anonymous_(std::move(is_anonymous)),
          peers_(slots_count_max) {}

    // Whether two requests of a connection may come from two addresses.
    [[nodiscard]] bool may_differ() const { return !trusted_.empty(); }
    [[nodiscard]] ClientAddress of(const http::Request& request);
    // The same as a text for the log; empty: it is that of the peer.
    [[nodiscard]] std::string forwarded_of(const http::Request& request);
    [[nodiscard]] std::string peer_of(Slot slot) const { return peer_of_(slot); }
    // The connection is gone.
    void forget(Slot slot) {
        if (peers_.size() != 0) peers_[slot] = {};
    }

  private:
    // Of a slot's connection. Valid as zeroed memory.
    struct Peer {
        enum class Kind : std::uint8_t { not_asked, address, trusted, unix_socket, unknown };
        Kind kind;
        IpAddress address;
    };

    [[nodiscard]] Peer ask(Slot slot) const;
    [[nodiscard]] Peer known(Slot slot);

    const PeerOf peer_of_;
    const std::vector<IpNetwork> trusted_;
    const IsAnonymous is_anonymous_;  // empty: none is
    LazyArray<Peer> peers_;  // by slot; empty where they are not kept
};

}  // namespace sluice
