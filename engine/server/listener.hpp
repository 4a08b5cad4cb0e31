// Listener: a listening socket of a server, and what its connections are for.
// Made at start-up; then only its server's thread uses it.
#pragma once

#include <cstdint>

#include "engine/core/descriptor.hpp"

namespace sluice {

// Which routes the connections of a listener may ask for. A request carries it as a number (http::Request).
enum class ListenerRole : std::uint8_t { data, admin, data_and_admin, metrics };

struct Listener {
    Descriptor socket;
    ListenerRole role = ListenerRole::data;
    // Other servers accept from the same socket: a drain of this one does not end it.
    bool is_shared = false;
    bool is_tls = false;
};

}  // namespace sluice
