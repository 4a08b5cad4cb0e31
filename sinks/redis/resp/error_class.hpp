// What an error reply of Redis means for the command, and how it is shown.
#pragma once

#include <string>
#include <string_view>

#include "engine/core/batch.hpp"

namespace sluice::sinks::redis {

// busy if the server's condition passes by itself (OOM, LOADING, READONLY, …), else refused. `text` is
// the error reply without its '-': the first word is the code that Redis promises to keep.
[[nodiscard]] CommandOutcome outcome_of_error(std::string_view text);

// Whether another connection may fare better: the server is no longer the primary (the name may lead to
// the new one by now), or it forgot who we are (the greeting says it again).
[[nodiscard]] bool error_wants_reconnect(std::string_view text);

// Whether whoever asks questions may learn more from another server: this one is a replica, tells nothing before its
// data set is read, or does not know who asks.
[[nodiscard]] bool is_of_no_use(std::string_view text);

// Whether the server refuses the connection itself, whatever was asked (too many clients, protected mode). It closes
// the connection then.
[[nodiscard]] bool refuses_connection(std::string_view text);

// Whether an XADD was refused because its ID is not above the stream's last one: what Redis has already.
[[nodiscard]] bool is_not_above_last_id(std::string_view text);

// "Redis at <peer> refuses: <error>"; with a command, "Redis at <peer> refuses <command>: <error>". Printable.
[[nodiscard]] std::string refusal_sentence(std::string_view peer, std::string_view error,
                                           std::string_view command = {});

// An error reply as a clause of a sentence: printable(), without a full stop at its end.
[[nodiscard]] std::string error_clause(std::string_view text);

// `text` as printable ASCII, bounded, for logs and JSON: other bytes become '?'.
[[nodiscard]] std::string printable(std::string_view text);

}  // namespace sluice::sinks::redis
