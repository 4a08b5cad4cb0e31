"""Records of micro-benchmarks, the lines of bench/results.ndjson, and the comparison of two."""

import json
import statistics
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Iterator, Sequence

NS_PER_UNIT = {"s": 1e9, "ms": 1e6, "µs": 1e3, "ns": 1.0}
FASTER, SLOWER, SAME = "faster", "slower", "same within noise"
REPETITIONS_MIN = 5


class Incomparable(Exception):
    """One sentence that says why there is no comparison."""


def summary(times_ns: Sequence[float], rates: Sequence[float] = ()) -> dict:
    """What a record keeps of the repetitions of a benchmark. `low_ns` and `high_ns` leave out the least and the greatest: one
    repetition that something disturbed does not widen the spread."""
    ordered = sorted(times_ns)
    inner = ordered[1:-1] if len(ordered) >= REPETITIONS_MIN else ordered
    result = {"median_ns": statistics.median(ordered), "min_ns": ordered[0], "max_ns": ordered[-1],
              "low_ns": inner[0], "high_ns": inner[-1]}
    result = {name: round(value, 2) for name, value in result.items()}
    if rates:
        result["items_per_second"] = round(statistics.median(rates))
    return result


def read_records(path: Path) -> list[dict]:
    try:
        records = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, ValueError) as error:
        raise Incomparable(f"cannot read {path}: {error}") from None
    if not all(isinstance(one, dict) and {"commit", "version", "machine", "benchmarks"} <= one.keys() for one in records):
        raise Incomparable(f"{path} has a line that is no record")
    return records


def find_record(name: str, results: Path) -> dict:
    """`name` is last, last~N, a version or the beginning of a commit in `results` (its newest record), or a file (its last line)."""
    if name != "last" and not name.startswith("last~") and Path(name).is_file():
        records, steps = read_records(Path(name)), "0"
    else:
        records = read_records(results)
        steps = name.partition("~")[2] or "0" if name.startswith("last") else "0"
        if not name.startswith("last"):
            records = [one for one in records if one["version"] == name or one["commit"].startswith(name)]
    if not steps.isdigit() or int(steps) >= len(records):
        raise Incomparable(f"there is no record {name}")
    return records[-1 - int(steps)]


def differences(old: dict, new: dict) -> tuple[list[str], list[str]]:
    """What forbids a comparison, and what only weakens it."""
    machines = old["machine"], new["machine"]

    def differ(members: Sequence[str]) -> list[str]:
        return [f"{member} differs: {machines[0].get(member)}, {machines[1].get(member)}"
                for member in members if machines[0].get(member) != machines[1].get(member)]

    weak = differ(("compiler", "kernel"))
    for record, word in ((old, "old"), (new, "new")):
        if record["commit"].endswith("-dirty"):
            weak.append(f"the {word} record is of a tree with changes that {record['commit'].removesuffix('-dirty')} does not hold")
        if record.get("repetitions", 0) < REPETITIONS_MIN:
            weak.append(f"the {word} record has fewer than {REPETITIONS_MIN} repetitions")
    if old["commit"] == new["commit"]:
        weak.append("both records are of one commit")
    return differ(("cpu", "cores")), weak


@dataclass(frozen=True)
class Row:
    """A benchmark in two records."""
    name: str
    old: dict
    new: dict

    @property
    def ratio(self) -> float:
        """Of the medians, new ÷ old: above 1, the new one takes longer."""
        return self.new["median_ns"] / self.old["median_ns"]

    @property
    def spread(self) -> tuple[float, float]:
        (old_low, old_high), (new_low, new_high) = bounds(self.old), bounds(self.new)
        return new_low / old_high, new_high / old_low

    @property
    def verdict(self) -> str:
        low, high = self.spread
        return SLOWER if low > 1 else FASTER if high < 1 else SAME


def bounds(figures: dict) -> tuple[float, float]:
    """Records of 0.1.0 have the least and the greatest repetition only."""
    return figures.get("low_ns", figures["min_ns"]), figures.get("high_ns", figures["max_ns"])


def compare(old: dict, new: dict) -> list[Row]:
    ours, theirs = new["benchmarks"], old["benchmarks"]
    return [Row(name, theirs[name], ours[name]) for name in sorted(ours.keys() & theirs.keys())]


def slower_than(rows: Sequence[Row], share: float) -> list[Row]:
    return [row for row in rows if row.verdict == SLOWER and row.ratio > 1 + share]


def time_text(ns: float) -> str:
    unit = next((unit for unit, size in NS_PER_UNIT.items() if ns >= size), "ns")
    return f"{ns / NS_PER_UNIT[unit]:.4g} {unit}"


def record_text(record: dict) -> str:
    machine = ", ".join(f"{name} {value}" for name, value in record["machine"].items())
    return f"{record['version']}, commit {record['commit']}, {record.get('date', 'no date')}, {record.get('repetitions')} repetitions; {machine}"


def table(rows: Sequence[Row]) -> Iterator[str]:
    yield "| benchmark | old, median | new, median | new ÷ old | spread | |\n|---|---|---|---|---|---|"
    for row in rows:
        low, high = row.spread
        yield (f"| {row.name} | {time_text(row.old['median_ns'])} | {time_text(row.new['median_ns'])} | {row.ratio:.3f} | "
               f"{low:.3f} – {high:.3f} | {row.verdict} |")


def report(old: dict, new: dict, warnings: Sequence[str]) -> Iterator[str]:
    """The lines of a comparison."""
    yield f"old: {record_text(old)}"
    yield f"new: {record_text(new)}"
    yield from (f"warning: {text}" for text in warnings)
    rows = compare(old, new)
    yield ""
    yield from table(rows)
    counts = Counter(row.verdict for row in rows)
    yield "\n" + ", ".join(f"{counts[verdict]} {verdict}" for verdict in (FASTER, SLOWER, SAME))
    for word, these, others in (("old", old, new), ("new", new, old)):
        if names := these["benchmarks"].keys() - others["benchmarks"].keys():
            yield f"only in the {word} record: {', '.join(sorted(names))}"
