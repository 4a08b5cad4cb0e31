#include "engine/server/backend_choice.hpp"

#include "engine/config/units.hpp"
#include "engine/core/check.hpp"
#include "engine/log/log.hpp"

namespace sluice {

void resolve_backend(config::Config& config) {
    using config::IoBackend;
    if (config.io.backend != IoBackend::automatic) return;
    config.io.backend = IoBackend::io_uring;
    const auto works = io::try_io_uring();
    if (works || works.error().is_for_memory) return;
    config.io.backend = IoBackend::epoll;
    log::warn("falling_back_to_epoll", {{"reason", works.error().sentence}});
}

void fall_back_to_epoll(config::Config& config, const io::LoopError& error, std::uint64_t needed_bytes) {
    config.io.backend = config::IoBackend::epoll;
    if (!error.is_for_memory) return log::warn("falling_back_to_epoll", {{"reason", error.sentence}});
    log::warn("falling_back_to_epoll", {{"reason", error.sentence},
                                        {"reactors", config.cores.size()},
                                        {"needed_in_all", config::format_size(needed_bytes)}});
}

io::Backend backend_of(const config::Config& config) {
    CHECK(config.io.backend != config::IoBackend::automatic);
    return config.io.backend == config::IoBackend::epoll ? io::Backend::epoll : io::Backend::io_uring;
}

}  // namespace sluice
