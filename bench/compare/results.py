"""What was measured, its medians and spread, and its JSON."""

import statistics
from dataclasses import asdict, dataclass, field
from typing import Callable, Iterable, Optional

from . import slo

FORMAT = "sluice-compare/1"


@dataclass(frozen=True)
class Run:
    """One run of sluice-load, what it cost the server, and what of it is in Redis."""
    duration_s: float
    planned_rate: Optional[float]  # requests/s; None in a closed loop
    requests: int  # that fell due
    succeeded: int  # answered 2xx, however late
    achieved_rate: float  # 2xx a second, of those within duration_s
    faults: dict[str, int]  # the others, by kind
    percentiles_ms: dict[str, float]  # corrected latency; "50", "99", "99.9", …
    curve: list[tuple[float, float]]  # (percentile, ms) of the corrected latency
    lag_p99_ms: float  # the generator's own error
    generator_faults: list[str]  # why the run measured the generator (INVALID); none if it did not
    server_faults: list[str]  # what of the plan the server did not let the generator do
    cpu_s: float  # of the server, user and system, until all was delivered
    redis_cpu_s: float  # of Redis, for the same
    rss_bytes: int  # of the server, in the middle of the run
    samples_acknowledged: int
    samples_found: Optional[int]  # in Redis; None: the contender stores nothing
    delivery_s: float  # from the end of the run until everything acknowledged was found

    @property
    def error_share(self) -> float:
        return 1 - self.succeeded / self.requests if self.requests else 0

    @property
    def slo_missed(self) -> str:
        """What of the SLO the run did not hold; empty if it held all."""
        return slo.missed(self.percentiles_ms["99"], self.error_share)

    @property
    def cpu_us(self) -> float:
        """CPU time of the server for each 2xx."""
        return self.cpu_s / self.succeeded * 1e6 if self.succeeded else float("nan")

    @property
    def redis_cpu_us(self) -> float:
        """CPU time of Redis for each sample found."""
        return self.redis_cpu_s / self.samples_found * 1e6 if self.samples_found else float("nan")

    @property
    def samples_lost(self) -> int:
        """Acknowledged and not found. What was stored without an answer could hide some: sluice-load verify tells exactly."""
        return max(0, self.samples_acknowledged - self.samples_found) if self.samples_found is not None else 0


@dataclass(frozen=True)
class Search:
    """One search for the highest rate within the SLO."""
    rate: float  # requests/s; 0: none was found
    is_generators_limit: bool  # more could not be offered: the server may bear it
    is_unfinished: bool  # given up: the rate held, and no run until then refuted it
    curve: str  # what sluice-load printed of each rate
    run: Optional[Run]  # at that rate, afterwards, and longer: it held
    refuted_rate: float = 0.0  # that the short runs held, and that no longer run held, nor a part of it; 0: there is none


@dataclass(frozen=True)
class Crash:
    """What is left of what a server acknowledged before it was killed."""
    samples_acknowledged: int
    samples_found: int

    @property
    def samples_lost(self) -> int:
        return max(0, self.samples_acknowledged - self.samples_found)


@dataclass
class Cell:
    """One contender in one scenario."""
    contender: str
    scenario: str
    missing: Optional[str] = None  # why it has no runs
    offered: list[Run] = field(default_factory=list)  # at the scenario's rate
    flat_out: list[Run] = field(default_factory=list)  # closed loop without pauses
    searches: list[Search] = field(default_factory=list)
    unsearched: Optional[str] = None  # why a search is missing
    crashes: list[Crash] = field(default_factory=list)

    @property
    def runs(self) -> list[Run]:
        return [*self.offered, *self.flat_out, *(search.run for search in self.searches if search.run)]

    @property
    def samples_lost(self) -> int:
        return sum(run.samples_lost for run in self.runs)


@dataclass
class Comparison:
    environment: dict[str, str]
    plan: dict[str, object]
    notes: list[str]  # what a reader must know of this run
    scenarios: list[str]  # in order
    cells: list[Cell] = field(default_factory=list)

    def cell(self, contender: str, scenario: str) -> Optional[Cell]:
        return next((cell for cell in self.cells if (cell.contender, cell.scenario) == (contender, scenario)), None)

    def of(self, scenario: str) -> list[Cell]:
        return [cell for cell in self.cells if cell.scenario == scenario]

    def json(self) -> dict:
        return {"format": FORMAT, **asdict(self)}


@dataclass(frozen=True)
class Spread:
    median: float
    least: float
    greatest: float


def spread(runs: Iterable, value: Callable[[object], float]) -> Optional[Spread]:
    """None without runs."""
    values = [value(run) for run in runs]
    return Spread(statistics.median(values), min(values), max(values)) if values else None


def median_curve(runs: list[Run]) -> list[tuple[float, float]]:
    """At each percentile that every run has: the median of the runs."""
    curves = [dict(run.curve) for run in runs]
    common = sorted(set.intersection(*(set(curve) for curve in curves))) if curves else []
    return [(percentile, statistics.median(curve[percentile] for curve in curves)) for percentile in common]
