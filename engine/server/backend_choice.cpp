#include "engine/server/backend_choice.hpp"

#include "engine/core/check.hpp"
#include "engine/log/log.hpp"

namespace sluice {

void resolve_backend(config::Config& config) {
    using config::IoBackend;
    if (config.io.backend != IoBackend::automatic) return;
    const auto works = io::try_io_uring();
    config.io.backend = works ? IoBackend::io_uring : IoBackend::epoll;
    if (!works) log::warn("falling_back_to_epoll", {{"reason", works.error().sentence}});
}

io::Backend backend_of(const config::Config& config) {
    CHECK(config.io.backend != config::IoBackend::automatic);
    return config.io.backend == config::IoBackend::epoll ? io::Backend::epoll : io::Backend::io_uring;
}

}  // namespace sluice
