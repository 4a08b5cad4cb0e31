// What a server needs to speak TLS.
#pragma once

#include <cstdint>
#include <memory>

namespace sluice::tls {
class Context;
}

namespace sluice {

struct TlsSettings {
    std::shared_ptr<const tls::Context> context{};  // null: no TLS
    std::uint64_t handshake_timeout_ns = 0;
};

}  // namespace sluice
