// Listeners: opens the engine's listening sockets, and owns the files of its Unix sockets. The main thread's.
//
// Each reactor has a TCP socket of its own for each data address (SO_REUSEPORT). A Unix socket has no such thing: all
// reactors accept from the same one. [::] beside an IPv4 address with the same port means IPv6 only.
#pragma once

#include <expected>
#include <string>
#include <vector>

#include "engine/config/config.hpp"
#include "engine/core/descriptor.hpp"
#include "engine/io/listener.hpp"
#include "engine/server/listener.hpp"

namespace sluice {

class Listeners {
  public:
    // Writes the ports that the kernel chose into `config`, which outlives it.
    explicit Listeners(config::Config& config) : config_(config) {}

    // admin.listen is one of `listen`: its connections reach data and admin routes.
    [[nodiscard]] bool is_admin_shared() const;

    // Whether each data address can be had; before open_data(). An error is a sentence.
    [[nodiscard]] std::expected<void, std::string> claim_data();
    // For one reactor, all data addresses.
    [[nodiscard]] std::expected<std::vector<Listener>, std::string> open_data();
    // That of admin.listen, unless it is shared, and those of admin.metrics_listen.
    [[nodiscard]] std::expected<std::vector<Listener>, std::string> open_admin();

    // Nobody finds the Unix sockets of reactors any more.
    // Connections that are there go on: reactors hold descriptors of their own.
    void remove_data_files();
    // The same of the admin thread's listeners.
    void remove_admin_files();

  private:
    // An address that takes telemetry: of `listen`, or of `tls.listen`.
    struct Data {
        config::ListenAddress& address;
        bool is_tls;
    };
    // A Unix socket among them, which all reactors share.
    struct Shared {
        const config::ListenAddress* address;
        io::UnixListener listener;
    };

    [[nodiscard]] std::vector<Data> data_addresses() const;
    [[nodiscard]] bool is_v6_only(const config::ListenAddress& address) const;
    [[nodiscard]] std::expected<std::vector<Descriptor>, std::string> open_tcp(config::ListenAddress& address,
                                                                               bool is_shared,
                                                                               bool is_claim_only = false) const;
    [[nodiscard]] std::expected<std::vector<Descriptor>, std::string> duplicate(
        const config::ListenAddress& address) const;

    [[nodiscard]] std::expected<void, std::string> open_admin(config::ListenAddress& address, ListenerRole role,
                                                              std::vector<Listener>& listeners);

    config::Config& config_;
    std::vector<Shared> shared_;
    std::vector<io::SocketFile> admin_files_;
};

}  // namespace sluice
