"""What a comparison is doing, on stderr, with the time left."""

import sys
import time
from typing import Callable

TRUSTED_S = 10  # of steps done: then what they took tells more than what was expected


class Progress:
    """Time left follows from what the steps were expected to take and what those done have taken."""

    def __init__(self, expected_s: float, spent_s: float = 0.0, now_s: Callable[[], float] = time.monotonic):
        """`spent_s`: what went by before the first step."""
        self._expected_s = expected_s
        self._spent_s = spent_s
        self._done_expected_s = 0.0
        self._now_s = now_s
        self._begin_s = now_s()

    @property
    def elapsed_s(self) -> float:
        return self._spent_s + self._now_s() - self._begin_s

    @property
    def left_s(self) -> float:
        return max(0.0, self.will_take_s(self._expected_s - self._done_expected_s))

    def will_take_s(self, expected_s: float) -> float:
        """What steps will take at the pace of those done."""
        if self._done_expected_s < TRUSTED_S:
            return expected_s
        return expected_s * (self._now_s() - self._begin_s) / self._done_expected_s

    def done(self, expected_s: float, what: str) -> None:
        """A step that was expected to take `expected_s` is done."""
        self._done_expected_s += expected_s
        self.say(what)

    def left_out(self, expected_s: float, what: str) -> None:
        """A step that was expected to take `expected_s` will not be done."""
        self._expected_s -= expected_s
        self.say(what)

    def say(self, what: str) -> None:
        print(f"compare: {clock(self.left_s)} left  {what}", file=sys.stderr, flush=True)


def clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"
