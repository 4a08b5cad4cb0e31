"""The report's tables as rows of text, for markdown and HTML alike."""

from dataclasses import dataclass
from typing import Optional, Sequence

from . import slo
from .contenders import Contender
from .results import Cell, Comparison, Run, Spread, spread
from .scenarios import SCENARIOS, Scenario
from .search import LOWERED_TO

NOT_POSSIBLE = "—"
GROWTH_SHARE = 0.1  # of a run's length: a queue that takes longer to empty than this was growing in the run


@dataclass(frozen=True)
class Table:
    heads: tuple[str, ...]
    rows: list[tuple[str, ...]]
    notes: list[str]


def number(value: float) -> str:
    """Three digits that count."""
    if value >= 99.95:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 9.995 else f"{value:.2f}"


def with_spread(value: Optional[Spread]) -> str:
    if value is None:
        return NOT_POSSIBLE
    median, least, greatest = number(value.median), number(value.least), number(value.greatest)
    return median if least == greatest else f"{median} ({least} – {greatest})"


def latency(runs: Sequence[Run], percentile: str, told=with_spread) -> str:
    return told(spread(runs, lambda run: run.percentiles_ms[percentile]))


def only_median(value: Optional[Spread]) -> str:
    return NOT_POSSIBLE if value is None else number(value.median)


def percent(share: float) -> str:
    return "0" if share == 0 else f"{share * 100:.2g} %" if share < 1 else "100 %"


def errors(runs: Sequence[Run]) -> str:
    """The share of all runs, and of what kind."""
    failed = sum(run.requests - run.succeeded for run in runs)
    if failed == 0:
        return "0"
    kinds: dict[str, int] = {}
    for run in runs:
        for name, count in run.faults.items():
            kinds[name] = kinds.get(name, 0) + count
    total = sum(run.requests for run in runs)
    return f"{percent(failed / total)}: " + ", ".join(f"{count:,} {name}" for name, count in sorted(kinds.items()))


def in_so_many(mark: str, count: int, of: int) -> str:
    """What stands behind a figure that some of its runs make doubtful."""
    return f" {mark} in {count} of {of}" if count else ""


def lag(runs: Sequence[Run], judged: Sequence[Run] = ()) -> str:
    """The generator's own error, the worst of the runs, and how many of `judged` (default: these) it spoils."""
    worst_ms = max((run.lag_p99_ms for run in runs), default=0.0)
    judged = judged or runs
    return number(worst_ms) + in_so_many("INVALID", sum(bool(run.generator_faults) for run in judged), len(judged))


def found(runs: Sequence[Run], stores: bool) -> str:
    if not stores:
        return "stores nothing"
    acknowledged, lost = sum(run.samples_acknowledged for run in runs), sum(run.samples_lost for run in runs)
    surplus = sum(run.samples_found for run in runs) - acknowledged + lost
    return (f"**{lost:,} LOST** of {acknowledged:,}" if lost else f"all {acknowledged:,}") + (f", and {surplus:,} more" if surplus else "")


def highest_rate(cell: Cell, told=with_spread) -> str:
    if not cell.searches:
        return NOT_POSSIBLE
    rate = spread(cell.searches, lambda search: search.rate)
    unfinished = sum(search.is_unfinished for search in cell.searches)
    is_generators = any(search.is_generators_limit for search in cell.searches)
    if rate.median == 0:
        text = "unknown" if unfinished or is_generators else "none"
    else:
        text = ("≥ " if is_generators else "") + told(rate)
    return text + in_so_many("UNFINISHED", unfinished, len(cell.searches))


def queue_notes(name: str, cell: Cell) -> list[str]:
    """What was acknowledged faster than it was stored, so that the rate is none that lasts."""
    said = []
    for where, runs in (("at the offered rate", cell.offered), ("flat out", cell.flat_out),
                        ("at its highest rate", [search.run for search in cell.searches if search.run])):
        late = [run for run in runs if run.delivery_s > GROWTH_SHARE * run.duration_s]
        if late:
            worst = max(late, key=lambda run: run.delivery_s / run.duration_s)
            said.append(f"{name}: {where} the last sample was in Redis {number(worst.delivery_s)} s after the end of a run of "
                        f"{worst.duration_s:g} s, so its queue was growing, and it cannot keep that rate for long.")
    return said


def notes(cells: Sequence[Cell], contenders: Sequence[Contender]) -> list[str]:
    """Sentences on what is missing, what the servers did not let the generator do, and where it was itself at fault."""
    said = []
    for cell in cells:
        contender = next(one for one in contenders if one.name == cell.contender)
        name = contender.title
        if cell.missing:
            said.append(f"{NOT_POSSIBLE} {name}: {cell.missing}.")
            continue
        for found_in, what in (("server_faults", "in {} of {} runs, e.g.: "), ("generator_faults", "INVALID in {} of {} runs, e.g.: ")):
            reasons = [getattr(run, found_in) for run in cell.runs if getattr(run, found_in)]
            if reasons:
                why = f" ({contender.remark})" if contender.remark and found_in == "server_faults" else ""
                said.append(f"{name}: {what.format(len(reasons), len(cell.runs))}{reasons[-1][0]}{why}")
        said += queue_notes(name, cell)
        refuted = max((search.refuted_rate for search in cell.searches), default=0.0)
        if refuted:
            said.append(f"{name}: short runs held up to {refuted:,.0f}/s, and longer ones held neither that nor {LOWERED_TO[-1]:.0%} of it, "
                        "so no rate is reported.")
        if any(search.is_unfinished for search in cell.searches):
            stands = "no rate stood until then"
            if any(search.rate for search in cell.searches):
                stands = "no run until then refuted this rate, but it was not confirmed"
            said.append(f"UNFINISHED {name}: its search was given up; {stands}.")
        if any(search.is_generators_limit for search in cell.searches):
            said.append(f"≥ {name}: the generator could not offer more without being late itself; the server may bear more.")
    return said


def unsearched(comparison: Comparison, scenario: Scenario) -> list[str]:
    """Why the column of highest rates has gaps; nothing if it has none."""
    cells, plan = comparison.of(scenario.name), comparison.plan
    why_not = {cell.unsearched for cell in cells if cell.unsearched}
    if any(cell.searches for cell in cells) and not why_not:
        return []
    if why_not:
        why = "it was not looked for, " + "; ".join(sorted(why_not))
    elif not plan["searches"]:
        why = "with --seconds it is not looked for"
    elif plan["search_everywhere"] or scenario.searches_quick:
        why = "no search was possible"
    else:
        why = "--quick looks for it only in: " + "; ".join(one.title for one in SCENARIOS if one.searches_quick)
    return [f"{NOT_POSSIBLE} under the highest rate: {why}."]


def offered_table(comparison: Comparison, scenario: Scenario, contenders: Sequence[Contender]) -> Table:
    """Everyone at the same offered rate."""
    heads = ("", "a 2xx means", "answered/s", "errors", "p50, ms", "p99, ms", "p99.9, ms", "CPU µs/request", "RSS, MiB",
             "acknowledged and found in Redis", "generator's lag p99, ms")
    rows = []
    for contender in contenders:
        cell = comparison.cell(contender.name, scenario.name)
        if cell is None:
            continue
        runs = cell.offered
        if cell.missing or not runs:
            rows.append((contender.title, contender.promise, *[NOT_POSSIBLE] * (len(heads) - 2)))
            continue
        rows.append((
            contender.title, contender.promise, only_median(spread(runs, lambda run: run.achieved_rate)), errors(runs),
            *(latency(runs, percentile) for percentile in ("50", "99", "99.9")), with_spread(spread(runs, lambda run: run.cpu_us)),
            number(spread(runs, lambda run: run.rss_bytes).median / 2**20), found(runs, contender.stores), lag(runs)))
    cells = comparison.of(scenario.name)
    return Table(heads, rows, notes(cells, contenders))


def limits_table(comparison: Comparison, scenario: Scenario, contenders: Sequence[Contender]) -> Optional[Table]:
    """What each can at most: flat out, and within the SLO. None if nobody was asked."""
    heads = ("", "flat out, 2xx/s", "errors", "CPU µs/request", "Redis' CPU µs/sample", "acknowledged and found in Redis",
             "last found after, s", f"highest rate within {slo.TEXT}, /s", "p99 there, ms", "errors there", "acknowledged and found, there",
             "generator's lag p99 there, ms")
    rows = []
    for contender in contenders:
        cell = comparison.cell(contender.name, scenario.name)
        if cell is None or not cell.flat_out:
            continue
        limits = [search.run for search in cell.searches if search.run]
        there = (latency(limits, "99"), errors(limits), found(limits, contender.stores), lag(limits)) if limits else [NOT_POSSIBLE] * 4
        rows.append((
            contender.title, with_spread(spread(cell.flat_out, lambda run: run.achieved_rate)), errors(cell.flat_out),
            with_spread(spread(cell.flat_out, lambda run: run.cpu_us)),
            with_spread(spread([run for run in cell.flat_out if run.samples_found], lambda run: run.redis_cpu_us)),
            found(cell.flat_out, contender.stores),
            only_median(spread(cell.flat_out, lambda run: run.delivery_s)) if contender.stores else NOT_POSSIBLE,
            highest_rate(cell), *there))
    return Table(heads, rows, unsearched(comparison, scenario)) if rows else None


def crash_table(comparison: Comparison, scenario: Scenario, contenders: Sequence[Contender]) -> Table:
    """What each 2xx was worth when the server was killed."""
    rows = []
    for contender in contenders:
        cell = comparison.cell(contender.name, scenario.name)
        if cell is None:
            continue
        told = (NOT_POSSIBLE, NOT_POSSIBLE)
        if cell.crashes:
            lost = sum(crash.samples_lost for crash in cell.crashes)
            told = (f"{sum(crash.samples_acknowledged for crash in cell.crashes):,}", f"**{lost:,} LOST**" if lost else "0")
        rows.append((contender.title, contender.promise, *told))
    return Table(("", "a 2xx means", "acknowledged before the end", "of these, not in Redis"), rows,
                 notes(comparison.of(scenario.name), contenders))


def tables_of(comparison: Comparison, scenario: Scenario, contenders: Sequence[Contender]) -> list[Table]:
    if scenario.kills:
        return [crash_table(comparison, scenario, contenders)]
    tables = [offered_table(comparison, scenario, contenders), limits_table(comparison, scenario, contenders)]
    return [table for table in tables if table]


def headline_table(comparison: Comparison, scenario: Scenario, contenders: Sequence[Contender]) -> Table:
    """What docs/performance.md shows of one scenario: medians only."""
    heads = (f"{scenario.connections} connections, {scenario.rate:,} requests/s", "a 2xx means", "p50 / p99 / p99.9, ms", "errors",
             "CPU µs/request, at this rate / flat out", "RSS, MiB", f"highest rate within {slo.TEXT}, /s",
             "acknowledged and found", "lag p99, ms")
    rows = []
    for contender in contenders:
        cell = comparison.cell(contender.name, scenario.name)
        if cell is None or cell.missing or not cell.offered:
            continue
        runs = cell.offered
        share = sum(run.requests - run.succeeded for run in runs) / sum(run.requests for run in runs)
        rows.append((
            contender.title, contender.promise, " / ".join(latency(runs, p, only_median) for p in ("50", "99", "99.9")),
            percent(share), " / ".join(only_median(spread(some, lambda run: run.cpu_us)) for some in (runs, cell.flat_out)),
            f"{spread(runs, lambda run: run.rss_bytes).median / 2**20:.0f}",
            highest_rate(cell, only_median),
            found(cell.runs, contender.stores), lag(runs, judged=cell.runs)))
    return Table(heads, rows, notes(comparison.of(scenario.name), contenders) + unsearched(comparison, scenario))
