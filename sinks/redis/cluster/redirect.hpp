// What an error reply of a cluster's node says about where, or when, a command is to be sent instead. Such a command
// was not executed.
#pragma once

#include <cstdint>
#include <string_view>

#include "sinks/redis/link/settings.hpp"

namespace sluice::sinks::redis {

struct Redirect {
    enum class Kind : std::uint8_t {
        none,  // the error is about the command: OOM, WRONGTYPE, …
        moved,  // the slot belongs to `to`
        ask,  // the slot is being moved to `to`, and this key is there already: this time, send it there
        wait,  // nobody can take it for now: CLUSTERDOWN, TRYAGAIN, LOADING, MASTERDOWN, READONLY
    };
    Kind kind = Kind::none;
    std::uint16_t slot = 0;  // of moved and ask
    ServerAddress to{};  // likewise; an empty host means the host that answered
};

// `text`: the error reply without its '-'. MOVED and ASK that are not well-formed are `wait`, so that nobody follows
// them.
[[nodiscard]] Redirect redirect_of(std::string_view text);

}  // namespace sluice::sinks::redis
