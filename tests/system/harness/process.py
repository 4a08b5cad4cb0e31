"""Child processes of a test: output kept in files, stopped by pid, never left behind."""

import os
import random
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Callable, Mapping, Optional, Sequence

# Below the kernel's ephemeral range (32768 up), so that no client socket can sit on a reserved port.
PORTS = range(20000, 32000)

_reservations: list[socket.socket] = []


def reserve_port() -> int:
    """A loopback port that is free and that no other test process takes before this one ends.

    The engine listens with SO_REUSEPORT: two engines on one port would not fail, they would share the
    connections. So a port is reserved, by an abstract unix socket of its number, before it is probed.
    """
    for _ in range(1000):
        port = random.SystemRandom().choice(PORTS)
        reservation = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        probe = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            reservation.bind(f"\0sluice-test-port-{port}")
            probe.bind(("127.0.0.1", port))
        except OSError:
            reservation.close()
            continue
        finally:
            probe.close()
        _reservations.append(reservation)
        return port
    raise RuntimeError("found no free port")


# What takes longer than this hangs. So long that no test is decided by how fast a host is.
PATIENCE_S = 60.0


def wait_until(condition: Callable[[], object], what: str, timeout_s: float = PATIENCE_S, pause_s: float = 0.02):
    """Polls `condition` until it is true and returns its value; fails with `what` after `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {timeout_s} s")
        time.sleep(pause_s)


def cpu_seconds(pid: int) -> float:
    """User and system time of all threads of a process, those that have ended included; exact to 1 ns."""
    # The process' CPU clock, as clock_getcpuclockid(3) names it: /proc/PID/stat counts the same in ticks of 10 ms.
    scheduler_clock = 2  # CPUCLOCK_SCHED
    return time.clock_gettime(~pid << 3 | scheduler_clock)


def rss_bytes(pid: int) -> int:
    """Resident memory of a process, summed over its pages (smaps): exact where VmRSS is batched."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Rss:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("smaps_rollup has no Rss line")


class Child:
    """One started program. `stop()` and `kill()` signal its pid; its output stays readable afterwards.

    It is in a session of its own: Ctrl-C in a terminal reaches only the one who started it, who then ends it in order.
    """

    def __init__(self, command: Sequence[object], directory: Path, name: str,
                 environment: Optional[Mapping[str, str]] = None):
        self.command = [str(word) for word in command]
        self.output_path = directory / f"{name}.log"
        with open(self.output_path, "ab") as output:
            self._process = subprocess.Popen(
                self.command, cwd=directory, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                env=environment, start_new_session=True)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def exit_code(self) -> Optional[int]:
        """None while it runs; negative: the signal that ended it."""
        return self._process.poll()

    def output(self) -> str:
        return self.output_path.read_text(errors="replace")

    def signal(self, number: int) -> None:
        self._process.send_signal(number)

    def wait(self, timeout_s: float) -> int:
        try:
            return self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.command[0]} still runs after {timeout_s} s; its log ends:\n"
                                 f"{self.output()[-2000:]}") from None

    def kill(self) -> None:
        if self.exit_code is None:
            self.signal(signal.SIGKILL)
            self._process.wait()
