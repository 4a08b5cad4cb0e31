"""What a comparison is doing, on stderr, with the time left."""

import sys
import time


class Progress:
    """Time left follows from what the steps were expected to take and what those done have taken."""

    def __init__(self, expected_s: float):
        self._expected_s = expected_s
        self._done_expected_s = 0.0
        self._begin = time.monotonic()

    @property
    def elapsed_s(self) -> float:
        return time.monotonic() - self._begin

    @property
    def left_s(self) -> float:
        pace = self.elapsed_s / self._done_expected_s if self._done_expected_s > 10 else 1.0
        return max(0.0, self._expected_s - self._done_expected_s) * pace

    def done(self, expected_s: float, what: str) -> None:
        """A step that was expected to take `expected_s` is done, or is left out."""
        self._done_expected_s += expected_s
        self.say(what)

    def say(self, what: str) -> None:
        print(f"compare: {clock(self.left_s)} left  {what}", file=sys.stderr, flush=True)


def clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"
