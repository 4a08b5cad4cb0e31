// Makes the kernel refuse io_uring submissions, as it does when completions must be reaped first (EBUSY) or memory is
// short (EAGAIN): by a seccomp filter on the calling thread, for the rest of that thread's life.
#pragma once

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <array>
#include <cstddef>
#include <cstdint>

#include "engine/core/check.hpp"

namespace sluice::tests {

enum class Refused : std::uint8_t {
    submissions,           // io_uring_enter(2) with something to submit, whether it waits or not
    submissions_unwaited,  // only where it waits for no completion
};

// Every such call fails with `error` from now on.
inline void refuse_submissions(Refused refused, int error) {
    constexpr auto argument = [](std::size_t index) {  // its lower half; the machine is little-endian
        return static_cast<std::uint32_t>(offsetof(seccomp_data, args) + 8 * index);
    };
    constexpr auto load = [](std::size_t offset) {
        return sock_filter{BPF_LD | BPF_W | BPF_ABS, 0, 0, static_cast<std::uint32_t>(offset)};
    };
    constexpr auto jump = [](std::uint32_t value, std::uint8_t if_equal, std::uint8_t otherwise) {
        return sock_filter{BPF_JMP | BPF_JEQ | BPF_K, if_equal, otherwise, value};
    };
    constexpr auto end = [](std::uint32_t action) { return sock_filter{BPF_RET | BPF_K, 0, 0, action}; };
    const auto waits_too = static_cast<std::uint8_t>(refused == Refused::submissions ? 1 : 0);
    std::array<sock_filter, 8> filter{
        load(offsetof(seccomp_data, nr)),                 //
        jump(SYS_io_uring_enter, 0, 4),                   // another call: allow
        load(argument(1)),                                // to_submit
        jump(0, 2, 0),                                    // nothing: allow
        load(argument(2)),                                // min_complete
        jump(0, 1, waits_too),                            // waits for none: refuse
        end(SECCOMP_RET_ALLOW),                           //
        end(SECCOMP_RET_ERRNO | static_cast<std::uint32_t>(error)),
    };
    const sock_fprog program{filter.size(), filter.data()};
    CHECK(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    CHECK(::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0);
}

}  // namespace sluice::tests
