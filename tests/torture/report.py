"""What a campaign says: a line for each round, and the table at its end."""

import statistics
from collections import Counter
from dataclasses import dataclass, field

from .faults import FAULTS
from .round import Result
from .traffic import FORMATS
from .verdict import Counts


def clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def line_of(result: Result, position: str, left_s: float) -> str:
    counts = result.counts
    recovered = max(result.recoveries_s, default=0.0)
    return (f"{position} {result.level.name:<12} {result.plan.text():<44} {result.traffic.text():<31} {'BROKEN' if result.failures else 'kept':<6} "
            f"{counts.acknowledged:>5} acknowledged, {counts.lost} lost, {counts.duplicated} twice, {counts.reordered} reordered, "
            f"recovered in {recovered:.2f} s; {clock(left_s)} left")


@dataclass
class Row:
    rounds: int = 0
    broken: int = 0
    counts: Counts = field(default_factory=Counts)
    faults: Counter = field(default_factory=Counter)
    recoveries_s: list[float] = field(default_factory=list)
    settled_s: float = 0.0

    def add(self, result: Result) -> None:
        self.rounds += 1
        self.broken += bool(result.failures)
        self.counts.add(result.counts)
        self.faults.update(result.faults)
        self.recoveries_s += result.recoveries_s
        self.settled_s = max(self.settled_s, result.settled_s)


def table_of(results: list[Result]) -> str:
    rows: dict[str, Row] = {}
    total = Row()
    for result in results:
        rows.setdefault(result.level.name, Row()).add(result)
        total.add(result)
    lines = [f"{'level':<12} {'rounds':>6} {'broken':>6} {'acknowledged':>12} {'found':>9} {'lost':>6} {'duplicated':>10} {'reordered':>9} "
             f"{'recovery median':>15} {'max':>8} {'settled max':>11}"]
    for name, row in [*rows.items(), ("all", total)]:
        median = statistics.median(row.recoveries_s) if row.recoveries_s else 0.0
        longest = max(row.recoveries_s, default=0.0)
        counts = row.counts
        lines.append(f"{name:<12} {row.rounds:>6} {row.broken:>6} {counts.acknowledged:>12} {counts.found:>9} {counts.lost:>6} "
                     f"{counts.duplicated:>10} {counts.reordered:>9} {median:>13.3f} s {longest:>6.2f} s {row.settled_s:>9.2f} s")
    names = [name for name in FAULTS if total.faults[name]]
    lines += ["", f"{'faults':<14}" + "".join(f"{name:>13}" for name in [*rows, "all"])]
    for name in names:
        lines.append(f"{name:<14}" + "".join(f"{row.faults[name]:>13}" for row in [*rows.values(), total]))
    formats = Counter(result.traffic.format for result in results)
    lines += ["", "formats  " + ", ".join(f"{name} {formats[name]}" for name in FORMATS if formats[name])]
    return "\n".join(lines)
