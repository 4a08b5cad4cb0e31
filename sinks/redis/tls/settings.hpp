// RedisTlsSettings: whether connections to Redis speak TLS, and whom they trust. Plain values.
#pragma once

#include <string>

namespace sluice::sinks {

struct RedisTlsSettings {
    bool is_on = false;
    std::string ca{};           // a file: who signs Redis' certificate, in PEM; empty: whom the system trusts
    std::string certificate{};  // a file: what is shown to Redis, in PEM, the leaf first; empty: nothing is
    std::string key{};          // a file: its key
    std::string server_name{};  // that Redis' certificate must be for; empty: the host that is connected to
    bool is_verified = true;    // false: any certificate will do
};

}  // namespace sluice::sinks
