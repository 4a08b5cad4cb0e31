"""What is sent: each scenario is the same bytes to every contender."""

from dataclasses import dataclass
from typing import Optional


@dataclass(frozen=True)
class Scenario:
    name: str
    title: str
    connections: int
    rate: int = 5000  # requests/s, offered to every contender
    pipeline: int = 1  # requests in flight on a connection
    batch: int = 1  # samples of a request, as a JSON array
    think_ms: Optional[int] = None  # clients that wait for their own answers: a closed loop instead of a rate
    only: tuple[str, ...] = ()  # contenders; all if empty
    searches_quick: bool = False  # whether --quick looks for the highest rate, too
    kills: bool = False  # SIGKILL in the middle of a closed loop without pauses, and nothing else is measured

    @property
    def is_paced(self) -> bool:
        """Whether requests fall due by a schedule, and not by what the server answers."""
        return self.think_ms is None and not self.kills

    @property
    def requests_per_s(self) -> float:
        """What is offered; by clients, if they had their answers at once."""
        return self.rate if self.is_paced else self.connections * 1000 / self.think_ms

    def _shape(self) -> list[object]:
        return ["--pipeline", self.pipeline, *(["--batch", self.batch] if self.batch > 1 else [])]

    def at(self, rate: float) -> list[object]:
        """Options of sluice-load: open loop at `rate` requests/s."""
        return ["--rate", f"{rate:.0f}/s", "--connections", self.connections, *self._shape()]

    def as_offered(self) -> list[object]:
        if self.is_paced:
            return self.at(self.rate)
        return ["--users", self.connections, "--think", f"{self.think_ms}ms", *self._shape()]

    def flat_out(self) -> list[object]:
        """Options of sluice-load: closed loop without a pause."""
        return ["--users", self.connections, *self._shape()]


def small_posts(connections: int, rate: int = 5000, **more) -> Scenario:
    return Scenario(f"connections-{connections}", f"Small POSTs, {connections:,} connections", connections, rate, **more)


SCENARIOS = [  # the first is the one that docs/performance.md shows
    small_posts(100, searches_quick=True),
    small_posts(8),
    Scenario("clients", "100 clients that each keep a connection and send every 20 ms", 100, think_ms=20,
             only=("sluice-io_uring-queued", "baseline-8", "baseline-128")),
    Scenario("killed", "Killed in mid-run: 8 connections, flat out, then SIGKILL", 8, kills=True),
    small_posts(1000),
    Scenario("pipelined", "Pipelined: 8 connections, 16 requests in flight on each", 8, pipeline=16),
    Scenario("batches", "Batches of 100 samples, 8 connections", 8, rate=1000, batch=100),
]
