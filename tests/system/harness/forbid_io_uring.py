"""Runs a program that may not use io_uring, as under a container's seccomp profile.

    forbid_io_uring.py EPERM|ENOSYS|…|kill setup|enter|register|pin COMMAND...

`setup` forbids io_uring_setup(2), `enter` only io_uring_enter(2), `register` only io_uring_register(2), `pin`
sched_setaffinity(2). `kill` ends the program at such a call.
"""

import ctypes
import errno
import os
import platform
import struct
import sys

# asm-generic/unistd.h; those of io_uring are the same on every architecture.
CALLS = {"setup": 425, "enter": 426, "register": 427, "pin": 203 if platform.machine() == "x86_64" else 122}

# linux/prctl.h
PR_SET_SECCOMP = 22
PR_SET_NO_NEW_PRIVS = 38
# linux/seccomp.h
SECCOMP_MODE_FILTER = 2
RET_KILL_PROCESS = 0x80000000
RET_ERRNO = 0x00050000
RET_ALLOW = 0x7FFF0000
# linux/bpf_common.h
LOAD_WORD = 0x20       # BPF_LD | BPF_W | BPF_ABS
JUMP_IF_EQUAL = 0x15   # BPF_JMP | BPF_JEQ | BPF_K
RETURN = 0x06          # BPF_RET | BPF_K


class Program(ctypes.Structure):
    """struct sock_fprog of linux/filter.h."""
    _fields_ = [("length", ctypes.c_ushort), ("instructions", ctypes.c_void_p)]


def forbid(number: int, action: int) -> None:
    """Every later call of `number`, by this process and what it becomes, meets `action`."""
    instructions = b"".join(struct.pack("HBBI", *instruction) for instruction in (
        (LOAD_WORD, 0, 0, 0),  # struct seccomp_data starts with the call's number
        (JUMP_IF_EQUAL, 0, 1, number),
        (RETURN, 0, 0, action),
        (RETURN, 0, 0, RET_ALLOW),
    ))
    buffer = ctypes.create_string_buffer(instructions, len(instructions))
    program = Program(len(instructions) // 8, ctypes.addressof(buffer))
    libc = ctypes.CDLL(None, use_errno=True)
    for call in ((PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), (PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0)):
        if libc.prctl(*call) != 0:
            raise OSError(ctypes.get_errno(), "prctl")


def main() -> None:
    action, call, *command = sys.argv[1:]
    forbid(CALLS[call], RET_KILL_PROCESS if action == "kill" else RET_ERRNO | getattr(errno, action))
    os.execvp(command[0], command)


if __name__ == "__main__":
    main()
