// CHECK and DCHECK: what must hold whatever a client, Redis or the kernel does.
//
// A failed check is a bug in Sluice, never an operating error: it prints the place and aborts, so that
// the core shows the state that should not exist. CHECK is always on; DCHECK, for per-byte paths, is
// on in debug and sanitizer builds only. Any thread.
#pragma once

#include <atomic>

namespace sluice {

// Ends the process.
[[noreturn, gnu::cold]] void check_failed(const char* expression, const char* file, int line);

// Called before the message, on the thread whose check failed. The log sets it: lines that still wait are written
// first. Set once, release; pairs with the acquire load in check_failed().
inline constinit std::atomic<void (*)()> before_abort{nullptr};

}  // namespace sluice

#define CHECK(expression)                                                                                              \
    do {                                                                                                               \
        if (!(expression)) [[unlikely]]                                                                                \
            ::sluice::check_failed(#expression, __FILE__, __LINE__);                                                   \
    } while (false)

#ifdef NDEBUG
#define DCHECK(expression) ((void)0)
#else
#define DCHECK(expression) CHECK(expression)
#endif
