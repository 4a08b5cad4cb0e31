"""What a figure is, and how things that are compared are measured in turn."""

import statistics
import sys
from dataclasses import dataclass
from typing import Callable, Optional, Sequence


@dataclass(frozen=True)
class Plan:
    """How long and how often."""
    seconds: int
    rounds: int
    idle_seconds: int


FULL = Plan(seconds=4, rounds=5, idle_seconds=10)
QUICK = Plan(seconds=1, rounds=1, idle_seconds=2)


@dataclass(frozen=True)
class Figure:
    """One line of the table. `line` must hold; `aim` is what is wished for."""
    name: str
    values: Sequence[float]
    unit: str = "×"
    line: Optional[tuple[str, float]] = None  # ("≤", 1.10)
    aim: str = ""

    @property
    def value(self) -> float:
        return statistics.median(self.values)

    def verdict(self) -> str:
        if not self.line:
            return ""
        relation, bound = self.line
        holds = self.value <= bound if relation == "≤" else self.value >= bound
        return "holds" if holds else "FALLS SHORT"


def ratio(name: str, above: Sequence[float], below: Sequence[float], **line) -> Figure:
    """The ratio of the medians, with the ratios of the rounds as its spread."""
    of_rounds = [a / b for a, b in zip(above, below)]
    figure = Figure(name, sorted(of_rounds), **line)
    return Figure(name, [min(of_rounds), statistics.median(above) / statistics.median(below), max(of_rounds)],
                  figure.unit, figure.line, figure.aim)


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def interleaved(measures: dict[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """Each measure twice a round, in the order A B C C B A: what drifts slowly cancels out."""
    results: dict[str, list[float]] = {name: [] for name in measures}
    for number in range(rounds):
        pairs: dict[str, list[float]] = {name: [] for name in measures}
        for name in [*measures, *reversed(measures)]:
            pairs[name].append(measures[name]())
        for name, pair in pairs.items():
            results[name].append(sum(pair) / len(pair))
        say(f"  round {number + 1}/{rounds}: " + ", ".join(f"{name} {values[-1]:.3g}" for name, values in results.items()))
    return results
