#include "engine/core/check.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "engine/core/clock.hpp"
#include "engine/core/patient_write.hpp"

namespace sluice {

// A reader of stderr that has stopped must not keep a broken process alive.
void check_failed(const char* expression, const char* file, int line) {
    constexpr std::uint64_t patience_ns = 1'000'000'000;
    if (const auto hook = before_abort.load(std::memory_order_acquire)) hook();
    char text[512];
    const int length = std::snprintf(text, sizeof text, "CHECK failed: %s at %s:%d\n", expression, file, line);
    std::string_view rest(text, length < 0 ? 0 : std::min(static_cast<std::size_t>(length), sizeof text - 1));
    static_cast<void>(write_until(STDERR_FILENO, rest, monotonic_ns() + patience_ns));
    std::abort();
}

}  // namespace sluice
