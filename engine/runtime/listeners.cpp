#include "engine/runtime/listeners.hpp"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>
#include <utility>

#include "engine/config/addresses.hpp"
#include "engine/core/check.hpp"
#include "engine/log/log.hpp"

namespace sluice {
namespace {

using config::ListenAddress;

// The kernel tears a dead process's ring down after the process is gone, and with it the listener that an accept was
// armed on: the port of an engine that was killed comes free a moment later.
// Some 2 s in all, for each address. The main thread sleeps; a signal to stop waits that long.
constexpr int listen_attempts_count = 20;
constexpr std::chrono::milliseconds listen_retry_interval{100};

bool is_v6(const ListenAddress& address) { return address.address.contains(':'); }

// What `open` returns, tried again while another socket has the address.
template <typename Open>
auto open_patiently(const ListenAddress& address, Open open) -> decltype(open()) {
    auto opened = open();
    for (int attempt = 1; !opened && opened.error().is_in_use && attempt < listen_attempts_count; ++attempt) {
        if (attempt == 1) log::info("waiting_for_port", {{"listen", config::format_listen_address(address)}});
        std::this_thread::sleep_for(listen_retry_interval);
        opened = open();
    }
    return opened;
}

}  // namespace

// Two addresses with port 0 are not the same: the kernel gives each a port of its own.
bool Listeners::is_admin_shared() const {
    const ListenAddress& admin = config_.admin.listen;
    return (admin.is_unix() || admin.port != 0) && std::ranges::find(config_.listen, admin) != config_.listen.end();
}

// [::] takes IPv4 as well, unless IPV6_V6ONLY is set (ipv6(7)). Then 0.0.0.0 with the same port could not be bound.
bool Listeners::is_v6_only(const ListenAddress& address) const {
    const auto is_v4_beside = [&](const ListenAddress& other) {
        return !other.is_unix() && !is_v6(other) && other.port == address.port && address.port != 0;
    };
    return is_v6(address) &&
           (std::ranges::any_of(config_.listen, is_v4_beside) ||
            std::ranges::any_of(config_.tls.listen, is_v4_beside) || is_v4_beside(config_.admin.listen) ||
            std::ranges::any_of(config_.admin.metrics_listen, is_v4_beside));
}

std::vector<Listeners::Data> Listeners::data_addresses() const {
    std::vector<Data> addresses;
    for (ListenAddress& address : config_.listen) addresses.push_back({address, false});
    for (ListenAddress& address : config_.tls.listen) addresses.push_back({address, true});
    return addresses;
}

// A socket, or two: a machine without IPv6 has only the first.
std::expected<std::vector<Descriptor>, std::string> Listeners::open_tcp(ListenAddress& address, bool is_shared,
                                                                        bool is_claim_only) const {
    std::vector<Descriptor> sockets;
    const io::ListenerSettings settings{address.address, address.port, is_shared, is_v6_only(address), is_claim_only};
    auto socket = open_patiently(address, [&] { return io::open_listener(settings); });
    if (!socket) return std::unexpected(socket.error().sentence);
    address.port = io::port_of(*socket);  // what the kernel chose, if it was asked to
    sockets.push_back(std::move(*socket));
    if (address.address_v6.empty()) return sockets;
    const io::ListenerSettings settings_v6{address.address_v6, address.port, is_shared, true, is_claim_only};
    auto socket_v6 = open_patiently(address, [&] { return io::open_listener(settings_v6); });
    if (socket_v6) {
        sockets.push_back(std::move(*socket_v6));
        return sockets;
    }
    if (!socket_v6.error().is_absent) return std::unexpected(socket_v6.error().sentence);
    if (!is_shared) log::info("listening_without_ipv6", {{"reason", socket_v6.error().sentence}});
    return sockets;
}

// A first socket without SO_REUSEPORT finds out whether another program has the port: with it, the kernel would let two
// engines of one user share the port unnoticed.
// It does not listen, so that nobody is accepted whom its end would reset.
// A Unix socket is made here and kept: open_data() hands out duplicates.
std::expected<void, std::string> Listeners::claim_data() {
    CHECK(shared_.empty());
    for (const auto& [address, is_tls] : data_addresses()) {
        if (address.is_unix()) {
            auto opened = open_patiently(address, [&] { return io::open_unix_listener(address.path); });
            if (!opened) return std::unexpected(opened.error().sentence);
            shared_.push_back({&address, std::move(*opened)});
        } else if (const auto exclusive = open_tcp(address, false, true); !exclusive) {
            return std::unexpected(exclusive.error());
        }
    }
    return {};
}

// Once for each reactor. With port 0 all of them get the port that claim_data() found.
std::expected<std::vector<Listener>, std::string> Listeners::open_data() {
    std::vector<Listener> listeners;
    for (const auto& [address, is_tls] : data_addresses()) {
        const bool is_admin_too = is_admin_shared() && address == config_.admin.listen;
        const ListenerRole role = is_admin_too ? ListenerRole::data_and_admin : ListenerRole::data;
        auto sockets = address.is_unix() ? duplicate(address) : open_tcp(address, true);
        if (!sockets) return std::unexpected(sockets.error());
        for (Descriptor& socket : *sockets) listeners.push_back({std::move(socket), role, address.is_unix(), is_tls});
    }
    return listeners;
}

std::expected<std::vector<Descriptor>, std::string> Listeners::duplicate(const ListenAddress& address) const {
    const auto shared = std::ranges::find(shared_, &address, &Shared::address);
    CHECK(shared != shared_.end());
    // Each server closes its own descriptor. The socket lives as long as one of them is open.
    Descriptor socket(::fcntl(shared->listener.socket.get(), F_DUPFD_CLOEXEC, 0));
    if (!socket.is_open()) return std::unexpected("cannot listen on " + address.path + ": " + std::strerror(errno));
    std::vector<Descriptor> sockets;
    sockets.push_back(std::move(socket));
    return sockets;
}

std::expected<std::vector<Listener>, std::string> Listeners::open_admin() {
    std::vector<Listener> listeners;
    if (!is_admin_shared())
        if (auto opened = open_admin(config_.admin.listen, ListenerRole::admin, listeners); !opened)
            return std::unexpected(opened.error());
    for (ListenAddress& address : config_.admin.metrics_listen)
        if (auto opened = open_admin(address, ListenerRole::metrics, listeners); !opened)
            return std::unexpected(opened.error());
    return listeners;
}

std::expected<void, std::string> Listeners::open_admin(ListenAddress& address, ListenerRole role,
                                                       std::vector<Listener>& listeners) {
    const bool is_tls = config_.admin.is_tls;
    if (address.is_unix()) {
        auto opened = open_patiently(address, [&] { return io::open_unix_listener(address.path); });
        if (!opened) return std::unexpected(opened.error().sentence);
        // Kept apart from the data files: the admin thread serves during the drain.
        admin_files_.push_back(std::move(opened->file));
        listeners.push_back({std::move(opened->socket), role, false, is_tls});
        return {};
    }
    auto sockets = open_tcp(address, false);
    if (!sockets) return std::unexpected(sockets.error());
    for (Descriptor& socket : *sockets) listeners.push_back({std::move(socket), role, false, is_tls});
    return {};
}

void Listeners::remove_data_files() { shared_.clear(); }

void Listeners::remove_admin_files() { admin_files_.clear(); }

}  // namespace sluice
