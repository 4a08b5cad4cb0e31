#include "engine/core/build_info.hpp"

namespace sluice {

// The only file of the engine that is compiled anew for each commit.
std::string_view build_commit() {
    constexpr std::string_view commit = SLUICE_COMMIT;
    return commit.empty() ? "unknown" : commit;
}

}  // namespace sluice
