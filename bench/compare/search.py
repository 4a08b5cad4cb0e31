"""sluice-load's search for the highest rate within the SLO: what stands of one that did not end, and of what a longer run refutes."""

import json
import signal
import subprocess
from dataclasses import dataclass, replace
from typing import Callable, Optional, Sequence

from servers import directory
from . import load, slo
from .contenders import Server
from .results import Run, Search

SAME_RATE = 0.01  # planned rates are of whole requests: so far apart may runs at one rate seem; the search's steps are wider
LOWERED_TO = (0.9, 0.8, 0.65, 0.5, 0.35, 0.2)  # of the rate found, tried in turn where a longer run at it misses the SLO


@dataclass(frozen=True)
class Try:
    """One run of a search."""
    rate: float
    holds: Optional[bool]  # None: it measured the generator


def search(server: Server, options_at: Callable[[float], list[object]], first_rate: float, seconds: float,
           timeout_s: float, give_up_s: float) -> Search:
    """Without its `run`. Connections that open late count by what they delay."""
    with directory() as path:
        words = load.command(server, [*options_at(first_rate), "--slo", slo.BOUNDS, "--duration", f"{seconds}s", "--warmup", "100ms",
                                      "--min-open", "0%", "--json", path / "search.json"], timeout_s)
        with load.started(words, stdout=subprocess.PIPE) as process:
            try:
                printed, errors = process.communicate(timeout=give_up_s)
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGINT)  # it writes the runs that it has made
                printed, errors = load.output_of(process, 5 * timeout_s + 20)
                is_unfinished = "interrupted" in errors
            else:
                is_unfinished = False
        if (process.returncode not in load.RAN and not is_unfinished) or not (path / "search.json").exists():
            raise load.LoadFailed(f"sluice-load ended with {process.returncode}: {errors.strip()}")
        curve = json.loads((path / "search.json").read_text())
    if is_unfinished:
        return Search(standing_rate(tries_of(curve)), False, True, f"{printed}given up after {give_up_s:.0f} s, unfinished\n", None)
    return Search(curve["highest_rate"] or 0.0, process.returncode == load.INVALID, False, printed, None)


def tries_of(curve: dict) -> list[Try]:
    """The runs of sluice-load's JSON of a search, judged as the search judges them."""
    def holds(report: load.Report) -> Optional[bool]:
        return None if report.reasons(of_generator=True) else report.result["valid"] and not report.slo_missed

    return [Try(run["planned_rate"], holds(load.Report(run, []))) for run in curve["runs"]]


def standing_rate(tries: Sequence[Try]) -> float:
    """The highest rate that held, and that no later run at it or at a lower one refuted; 0 if there is none."""
    highest, refuted = 0.0, float("inf")
    for one in reversed(tries):
        if one.holds and one.rate < refuted * (1 - SAME_RATE):
            highest = max(highest, one.rate)
        elif one.holds is False:
            refuted = min(refuted, one.rate)
    return highest


def at_limit(found: Search, measured: Callable[[float], Run]) -> Search:
    """The search with a rate that a longer run was seen to hold: its own, or the first of LOWERED_TO. 0, and no run: none of them held."""
    curve, is_generators = found.curve, found.is_generators_limit
    for share in (1, *LOWERED_TO):
        rate = float(round(found.rate * share))
        run = measured(rate)
        curve += f"{rate:.0f}/s, run again for {run.duration_s:g} s: {run.slo_missed or 'holds'}\n"
        if not run.slo_missed:
            return replace(found, rate=rate, is_generators_limit=is_generators, curve=curve, run=run)
        is_generators = is_generators or bool(run.generator_faults)
    return replace(found, rate=0.0, is_generators_limit=is_generators, curve=curve, run=None, refuted_rate=found.rate)
