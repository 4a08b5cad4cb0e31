#include "engine/core/thread_limit.hpp"

#include <sys/resource.h>

namespace sluice {
namespace {

[[nodiscard]] rlim_t soft_limit(__rlimit_resource resource) {
    rlimit limit{};
    return ::getrlimit(resource, &limit) == 0 ? limit.rlim_cur : RLIM_INFINITY;
}

}  // namespace

// EAGAIN also stands for a stack for which there is no memory (pthread_create(3)).
std::string no_thread_sentence(const std::system_error& error) {
    const rlim_t count_max = soft_limit(RLIMIT_NPROC);
    const rlim_t bytes_max = soft_limit(RLIMIT_AS);
    std::string sentence = "cannot start a thread: " + error.code().message() + "; RLIMIT_NPROC (ulimit -u) is " +
                           (count_max == RLIM_INFINITY ? "unlimited" : std::to_string(count_max));
    if (bytes_max != RLIM_INFINITY) sentence += ", RLIMIT_AS (ulimit -v) is " + std::to_string(bytes_max) + " bytes";
    return sentence + ", and a container or a service may have a limit of its own (pids.max, TasksMax)";
}

}  // namespace sluice
