// CHECK and DCHECK: what must hold whatever a client, Redis or the kernel does.
//
// A failed check is a bug in Sluice, never an operating error: it prints the place and aborts, so that
// the core shows the state that should not exist. CHECK is always on; DCHECK, for per-byte paths, is
// on in debug and sanitizer builds only.
#pragma once

#include <cstdio>
#include <cstdlib>

namespace sluice {

[[noreturn]] inline void check_failed(const char* expression, const char* file, int line) {
    std::fprintf(stderr, "CHECK failed: %s at %s:%d\n", expression, file, line);
    std::abort();
}

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
