// Settings of TLS for a client: values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "engine/tls/settings.hpp"

namespace sluice::tls {

enum class Versions : std::uint8_t { both, only_1_2, only_1_3 };

struct ClientSettings {
    std::string
        server_name;  // or an address: what the server's certificate must be for, and (a name) what is asked for (SNI)
    std::string ca;  // file in PEM: who signs certificates of servers; empty: those whom this machine trusts
    std::optional<PairFiles> pair;  // the client's own certificate
    Versions versions = Versions::both;
    bool is_verified = true;  // the server's certificate
    bool keeps_tickets = false;  // to resume sessions
};

}  // namespace sluice::tls
