// What is told where a thread cannot be started: std::thread throws std::system_error then. Main thread.
#pragma once

#include <string>
#include <system_error>

namespace sluice {

// "cannot start a thread: <error>; RLIMIT_NPROC (ulimit -u) is 5, …": the limits that pthread_create(3) may have met.
[[nodiscard]] std::string no_thread_sentence(const std::system_error& error);

}  // namespace sluice
