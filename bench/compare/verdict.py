"""What the report begins with: Sluice beside each of the others, in words and ratios."""

import math
from typing import Optional, Sequence

from . import slo
from .contenders import Contender
from .results import Cell, Comparison, spread
from .scenarios import Scenario
from .tables import highest_rate, number, only_median, percent

OURS = "sluice-"


def times(ours: float, others: float, more: str, less: str) -> str:
    """How ours compares: `2.1 × less`; empty where there is no ratio."""
    if not (math.isfinite(ours) and math.isfinite(others)) or ours <= 0 or others <= 0:
        return ""
    ratio = max(ours, others) / min(ours, others)
    return f" ({'the same' if number(ratio) == '1.00' else f'{number(ratio)} × {more if ours > others else less}'})"


def figure(name: str, unit: str, ours: Optional[float], others: Optional[float]) -> list[str]:
    """Nothing if one of them was not measured. Less is better."""
    if ours is None or others is None or math.isnan(ours) or math.isnan(others):
        return []
    told = [number(value) if math.isfinite(value) else "unbounded" for value in (ours, others)]
    return [f"{name} {told[0]} against {told[1]} {unit}{times(ours, others, 'more', 'less')}"]


def median(cell: Cell, value) -> Optional[float]:
    found = spread(cell.offered, value)
    return found.median if found else None


def error_share(cell: Cell) -> float:
    return sum(run.requests - run.succeeded for run in cell.offered) / max(1, sum(run.requests for run in cell.offered))


def rates(ours: Cell, others: Cell) -> list[str]:
    if not ours.searches or not others.searches:
        return []
    found = [spread(cell.searches, lambda search: search.rate).median for cell in (ours, others)]
    told = [highest_rate(cell, only_median) for cell in (ours, others)]
    return [f"highest rate within {slo.TEXT}: {told[0]} against {told[1]}, requests/s{times(*found, 'more', 'less')}"]


def losses(ours: Cell, others: Cell) -> list[str]:
    lost = [cell.samples_lost for cell in (ours, others)]
    return [f"acknowledged samples lost: {lost[0]:,} against {lost[1]:,}"] if any(lost) else []


def doubts(ours: Cell, others: Cell) -> str:
    runs = [*ours.runs, *others.runs]
    spoilt = sum(bool(run.generator_faults) for run in runs)
    return f" INVALID in {spoilt} of {len(runs)} runs: the load generator was measured there." if spoilt else ""


def sentence(ours: Contender, mine: Cell, other: Contender, theirs: Cell) -> str:
    parts = figure("p99", "ms", median(mine, lambda run: run.percentiles_ms["99"]), median(theirs, lambda run: run.percentiles_ms["99"]))
    shares = [error_share(cell) for cell in (mine, theirs)]
    if any(shares):
        parts.append(f"errors {percent(shares[0])} against {percent(shares[1])}")
    parts += figure("CPU", "µs a request", median(mine, lambda run: run.cpu_us), median(theirs, lambda run: run.cpu_us))
    parts += figure("memory", "MiB", median(mine, lambda run: run.rss_bytes / 2**20), median(theirs, lambda run: run.rss_bytes / 2**20))
    parts += rates(mine, theirs) + losses(mine, theirs)
    return f"**{ours.title} beside {other.title}**: " + "; ".join(parts) + "." + doubts(mine, theirs)


def verdict(comparison: Comparison, scenario: Scenario, contenders: Sequence[Contender]) -> list[str]:
    """A sentence for each other contender, beside the first Sluice that promises as much. Nothing without either."""
    measured = []
    for contender in contenders:
        cell = comparison.cell(contender.name, scenario.name)
        if cell and cell.offered:
            measured.append((contender, cell))
    ours = [one for one in measured if one[0].name.startswith(OURS)]
    told = []
    for other, theirs in measured:
        if other.name.startswith(OURS) or not ours:
            continue
        alike = [one for one in ours if ("stored" in one[0].promise) == ("stored" in other.promise)]
        told.append(sentence(*(alike or ours)[0], other, theirs))
    if not told:
        return []
    return [f"At {scenario.requests_per_s:,.0f} requests/s over {scenario.connections} connections, medians:", *told]
