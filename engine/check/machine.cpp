#include "engine/check/machine.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdint>

#include "engine/config/addresses.hpp"
#include "engine/config/units.hpp"
#include "engine/core/counted.hpp"
#include "engine/delivery/journal_directory.hpp"
#include "engine/io/backend.hpp"
#include "engine/io/listener.hpp"
#include "engine/runtime/redis_remarks.hpp"
#include "engine/runtime/tls_settings.hpp"
#include "engine/tls/context.hpp"
#include "sinks/journal/posix_file_system.hpp"

namespace sluice::check {
namespace {

using config::IoBackend;
using Warnings = std::vector<std::string>;

std::string consequence_of(IoBackend backend) {
    return backend == IoBackend::io_uring ? "a start would end with exit code 3" : "a start would fall back to epoll";
}

// Root is not bound by the limit.
void add_memory(const config::Config& config, Warnings& warnings) {
    const std::uint64_t needed_bytes = locked_bytes_needed(config);
    const std::uint64_t limit_bytes = io::locked_bytes_limit();
    if (::geteuid() == 0 || limit_bytes >= needed_bytes) return;
    warnings.push_back("the limit on locked memory (ulimit -l) is " + config::format_size(limit_bytes) +
                       ", and io_uring needs about " + config::format_size(needed_bytes) + " for " +
                       counted(config.cores.size(), "reactor") + ": " + consequence_of(config.io.backend));
}

void add_backend(const config::Config& config, Warnings& warnings) {
    if (config.io.backend == IoBackend::epoll) return;
    if (const auto works = io::try_io_uring(); !works)
        warnings.push_back(works.error().sentence + ": " + consequence_of(config.io.backend));
    else add_memory(config, warnings);
}

// On port 0, so that an engine which runs here is not in the way.
void add_address(std::string_view key, const config::ListenAddress& listener, Warnings& warnings) {
    const std::string& address = listener.address;
    if (const auto opened = io::open_listener({.address = address, .port = 0}); !opened && opened.error().is_absent)
        warnings.push_back(std::string(key) + " is " + config::format_listen_address(listener) +
                           ", but this machine has no address " + address);
}

void add_listener(std::string_view key, const config::ListenAddress& listener, Warnings& warnings) {
    if (!listener.is_unix()) return add_address(key, listener, warnings);
    const std::string folder = sinks::journal::parent_of(listener.path);
    if (::access(folder.c_str(), W_OK | X_OK) != 0)
        warnings.push_back(std::string(key) + " is " + config::format_listen_address(listener) +
                           ", but no socket can be made in " + folder);
}

// The files are read as a start would read them.
void add_tls(const config::Config& config, Warnings& warnings) {
    if (!config.has_tls()) return;
    if (auto loaded = tls::Context::load(tls_settings(config)); !loaded)
        warnings.push_back(loaded.error() + ": a start would end with exit code 1");
}

void add_redis(const config::Config& config, Warnings& warnings) {
    for (const watch::Remark& remark : redis_remarks(config))
        warnings.push_back(remark.event + ": " + remark.reason + "; change: " + remark.change);
    if (const std::string problem = redis_tls_problem(config); !problem.empty())
        warnings.push_back(problem + ": an engine could not connect to Redis");
}

}  // namespace

std::uint64_t locked_bytes_needed(const config::Config& config) {
    io::LoopSettings settings;
    settings.ring_entries_count = static_cast<std::uint32_t>(config.io.ring_entries_count);
    settings.receive_buffers_count = static_cast<std::uint32_t>(config.io.receive_buffers_count);
    return io::locked_bytes_of(settings) * config.cores.size();
}

Warnings machine_warnings(const config::Config& config) {
    Warnings warnings;
    add_backend(config, warnings);
    for (const config::ListenAddress& listener : config.listen) add_listener("listen", listener, warnings);
    for (const config::ListenAddress& listener : config.tls.listen) add_listener("tls.listen", listener, warnings);
    if (std::ranges::find(config.listen, config.admin.listen) == config.listen.end())
        add_listener("admin.listen", config.admin.listen, warnings);
    for (const config::ListenAddress& listener : config.admin.metrics_listen)
        add_listener("admin.metrics_listen", listener, warnings);
    add_tls(config, warnings);
    add_redis(config, warnings);
    if (auto outlook = journal_directory_outlook(config); !outlook.sentence.empty())
        warnings.push_back(std::move(outlook.sentence));
    return warnings;
}

}  // namespace sluice::check
