// What this program was built from. Any thread.
#pragma once

#include <string_view>

namespace sluice {

// As `git describe --always --dirty` names the commit when the build was configured; "unknown" without git.
[[nodiscard]] std::string_view build_commit();

}  // namespace sluice
