"""The order of the runs, and what each costs the server and leaves in Redis."""

import contextlib
import math
import os
import signal
import time
from dataclasses import dataclass
from typing import Iterator, Optional, Sequence

from servers import CLIENT_CORE, SERVER_CORE, running_redis
from harness import RedisServer, cpu_seconds, rss_bytes
from . import load, search
from .contenders import LIST, Contender, Server
from .progress import Progress
from .results import Cell, Comparison, Crash, Run, Search, spread
from .scenarios import Scenario

DELIVERY_S_MAX = 15.0  # how long what was acknowledged may take to appear in Redis
DELIVERY_PAUSE_S = 1.5  # without a new sample: no more will come
CRASH_MARGIN_S = 0.2  # of a run, after the server is killed
PROBE_RATE = 500  # requests/s; what does not hold even this has no highest rate
NO_TIME = "since --quick had no time left of its ten minutes, which include setup and build"
LONGER_RUNS = 3  # behind a search, until one holds, as a rule
SEARCH_RUNS = 14  # doublings, bisection, what breaks again, and confirmations, as a rule


@dataclass(frozen=True)
class Plan:
    """How long and how often."""
    offered_s: float
    flat_out_s: float
    rounds: int  # each measures everyone twice: A B … B A
    search_s: float  # of one run of a search
    searches: int
    search_everywhere: bool
    timeout_s: float  # of a request
    budget_s: Optional[float] = None  # from the start of tools/compare; what will not be over by then is left out

    def runs_s(self, scenario: Scenario) -> float:
        """One visit to a contender."""
        overhead_s = 0.2
        if scenario.kills:
            return self.crash_s + 0.7
        return self.offered_s + overhead_s + (self.flat_out_s + overhead_s if scenario.is_paced else 0)

    def searches_in(self, scenario: Scenario) -> int:
        return self.searches if scenario.is_paced and (self.search_everywhere or scenario.searches_quick) else 0

    @property
    def crash_s(self) -> float:
        """Of a run in which the server is killed."""
        return self.timeout_s + self.flat_out_s + CRASH_MARGIN_S

    @property
    def one_search_s(self) -> float:
        return SEARCH_RUNS * (self.search_s + 0.2) + LONGER_RUNS * self.offered_s

    def expected_s(self, scenario: Scenario, contenders: Sequence[Contender]) -> float:
        """Of those that can take part."""
        able = sum(contender.cannot(scenario) is None for contender in contenders)
        if scenario.kills:
            return able * self.rounds * self.runs_s(scenario)
        return able * (2 * self.rounds * self.runs_s(scenario) + self.searches_in(scenario) * self.one_search_s)


QUICK = Plan(offered_s=1, flat_out_s=0.5, rounds=1, search_s=0.3, searches=1, search_everywhere=False, timeout_s=1.2,
             budget_s=570)  # ten minutes, less what the report takes
FULL = Plan(offered_s=5, flat_out_s=3, rounds=3, search_s=2, searches=3, search_everywhere=True, timeout_s=2)


def wait_delivered(client, acknowledged: int) -> tuple[int, float]:
    """Samples in Redis, and the seconds until all that were acknowledged were there; or until no more came."""
    begin = last_growth = time.monotonic()
    found = client.llen(LIST)
    while found < acknowledged:
        now = time.monotonic()
        if now - last_growth > DELIVERY_PAUSE_S or now - begin > DELIVERY_S_MAX:
            break
        time.sleep(0.01)
        before, found = found, client.llen(LIST)
        if found > before:
            last_growth = time.monotonic()
    return found, last_growth - begin


def settle(client) -> None:
    """Waits until nothing arrives any more of what an earlier run left in queues, DELIVERY_S_MAX at most."""
    end, before, found = time.monotonic() + DELIVERY_S_MAX, -1, client.llen(LIST)
    while found != before and time.monotonic() < end:
        time.sleep(0.03)
        before, found = found, client.llen(LIST)


def measure(contender: Contender, server: Server, redis: RedisServer, options: Sequence[object], batch: int,
            seconds: float, timeout_s: float) -> Run:
    client = redis.client()
    settle(client)
    client.flushall()
    resident = [0]

    def note_memory() -> None:
        resident[0] = rss_bytes(server.pid)

    cpu_before, redis_cpu_before = cpu_seconds(server.pid), cpu_seconds(redis.pid)
    report = load.run(server, options, seconds, timeout_s, meanwhile=note_memory)
    totals = report.result["totals"]
    acknowledged = totals["succeeded"] * batch
    found, delivery_s = wait_delivered(client, acknowledged) if contender.stores else (None, 0.0)
    return Run(
        duration_s=report.result["duration_s"], planned_rate=report.result["planned_rate"], requests=totals["planned"],
        succeeded=totals["succeeded"], achieved_rate=report.achieved_rate, faults=report.faults,
        percentiles_ms=report.percentiles_ms(), curve=report.curve(),
        lag_p99_ms=report.result["own_lag_p99_ns"] / 1e6,
        generator_faults=report.reasons(of_generator=True), server_faults=report.reasons(of_generator=False),
        cpu_s=cpu_seconds(server.pid) - cpu_before, redis_cpu_s=cpu_seconds(redis.pid) - redis_cpu_before,
        rss_bytes=resident[0], samples_acknowledged=acknowledged, samples_found=found, delivery_s=delivery_s)


def crash(contender: Contender, redis: RedisServer, options: Sequence[object], batch: int, plan: Plan) -> Crash:
    """A closed loop without pauses, in the middle of which the server is killed."""
    client = redis.client()
    settle(client)
    client.flushall()
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(contender.start(redis))
        # Late enough for connections that a short listen backlog delays by a second.
        report = load.run(server, options, plan.crash_s, plan.timeout_s, lambda: os.kill(server.pid, signal.SIGKILL),
                          after_s=plan.crash_s - CRASH_MARGIN_S)
        with contextlib.suppress(AssertionError):  # that it has ended by itself
            stack.close()
    settle(client)
    return Crash(report.result["totals"]["succeeded"] * batch, client.llen(LIST))


class Measuring:
    """One comparison. Everything that it starts ends with it, also when it is interrupted."""

    def __init__(self, comparison: Comparison, plan: Plan, progress: Progress):
        self._comparison = comparison
        self._plan = plan
        self._progress = progress

    def run(self, scenarios: Sequence[Scenario], contenders: Sequence[Contender]) -> None:
        with running_redis(redis_core()) as redis:
            for scenario in scenarios:
                those = taking_part(scenario, contenders)
                expected_s = self._plan.expected_s(scenario, those)
                if scenario is not scenarios[0] and self._progress.will_take_s(expected_s) > self._time_left_s:
                    self._comparison.notes.append(f"{scenario.title}: left out, {NO_TIME}.")
                    self._progress.left_out(expected_s, self._comparison.notes[-1])
                    continue
                (self._kill_all if scenario.kills else self._run_scenario)(scenario, those, redis)

    @property
    def _time_left_s(self) -> float:
        """Of the budget."""
        return self._plan.budget_s - self._progress.elapsed_s if self._plan.budget_s else math.inf

    def _run_scenario(self, scenario: Scenario, contenders: Sequence[Contender], redis: RedisServer) -> None:
        with contextlib.ExitStack() as stack:
            running = list(self._start(scenario, contenders, redis, stack))
            for contender, server, _ in running:  # caches, connections to Redis, clock frequency
                with self._going_on(contender):
                    load.run(server, scenario.as_offered(), 0.2, self._plan.timeout_s)
            for number in range(self._plan.rounds):
                for contender, server, cell in [*running, *reversed(running)]:
                    with self._going_on(contender):
                        self._visit(scenario, contender, server, cell, redis)
            for number in range(self._plan.searches_in(scenario)):
                for contender, server, cell in running if number % 2 == 0 else reversed(running):
                    with self._going_on(contender):
                        self._search(scenario, contender, server, cell, redis)
            redis.client().flushall()

    def _start(self, scenario: Scenario, contenders: Sequence[Contender], redis: RedisServer,
               stack: contextlib.ExitStack) -> Iterator[tuple[Contender, Server, Cell]]:
        for contender in contenders:
            cell = Cell(contender.name, scenario.name, contender.cannot(scenario))
            self._comparison.cells.append(cell)
            expected_s = self._plan.expected_s(scenario, [contender])
            if cell.missing is None:
                try:
                    server = stack.enter_context(self._ending_in_order(contender, redis))
                except (AssertionError, OSError) as failure:
                    cell.missing = f"it does not start here: {str(failure).strip().splitlines()[0]}"
            if cell.missing is None:
                yield contender, server, cell
            else:
                self._progress.left_out(expected_s, f"{scenario.name} · {contender.name}: {cell.missing}")

    def _kill_all(self, scenario: Scenario, contenders: Sequence[Contender], redis: RedisServer) -> None:
        """Each by itself: once it is dead, what it delivered is all that will ever be found."""
        for contender in contenders:
            reason = contender.cannot(scenario)
            cell = Cell(contender.name, scenario.name, reason)
            self._comparison.cells.append(cell)
            for _ in range(self._plan.rounds if reason is None else 0):
                told = "no result"
                with self._going_on(contender):
                    cell.crashes.append(crash(contender, redis, scenario.flat_out(), scenario.batch, self._plan))
                    told = f"{cell.crashes[-1].samples_lost:,} of {cell.crashes[-1].samples_acknowledged:,} acknowledged samples lost"
                self._progress.done(self._plan.runs_s(scenario), f"{scenario.name} · {contender.name}: {told}")

    @contextlib.contextmanager
    def _ending_in_order(self, contender: Contender, redis: RedisServer) -> Iterator[Server]:
        """Runs the contender. That it does not end as it should is told, and does not cost the report."""
        started = False
        try:
            with contender.start(redis) as server:
                started = True
                yield server
        except AssertionError as failure:
            if not started:
                raise
            self._note(contender, f"it did not end in order: {failure}")

    @contextlib.contextmanager
    def _going_on(self, contender: Contender) -> Iterator[None]:
        """A contender that has ended, or that the generator cannot reach, is told of and does not end the comparison."""
        try:
            yield
        except (load.LoadFailed, OSError, AssertionError) as failure:
            self._note(contender, f"a run failed: {failure}")

    def _note(self, contender: Contender, what: str) -> None:
        self._comparison.notes.append(f"{contender.title}: {what}")
        self._progress.say(self._comparison.notes[-1])

    def _visit(self, scenario: Scenario, contender: Contender, server: Server, cell: Cell, redis: RedisServer) -> None:
        plan = self._plan
        offered = measure(contender, server, redis, scenario.as_offered(), scenario.batch, plan.offered_s, plan.timeout_s)
        cell.offered.append(offered)
        told = f"p99 {offered.percentiles_ms['99']:.3g} ms, {offered.cpu_us:.1f} µs CPU"
        if scenario.is_paced:
            flat_out = measure(contender, server, redis, scenario.flat_out(), scenario.batch, plan.flat_out_s, plan.timeout_s)
            cell.flat_out.append(flat_out)
            told += f", flat out {flat_out.achieved_rate:,.0f}/s"
        self._progress.done(plan.runs_s(scenario), f"{scenario.name} · {contender.name}: {told}")

    def _search(self, scenario: Scenario, contender: Contender, server: Server, cell: Cell, redis: RedisServer) -> None:
        plan = self._plan
        if self._time_left_s < self._progress.will_take_s(plan.one_search_s):
            self._progress.left_out(plan.one_search_s, f"{scenario.name} · {contender.name}: no search, {NO_TIME}")
            cell.unsearched = NO_TIME
            return
        redis.client().flushall()
        # A server that loses the SLO at the lowest rate is not searched: each of its runs would wait for time-outs.
        complaint = self._complaint_at_probe_rate(scenario, server)
        found = Search(0.0, False, False, f"not searched: {complaint}\n", None)
        if not complaint:
            flat_out = spread(cell.flat_out, lambda run: run.achieved_rate)
            first = max(PROBE_RATE, 0.4 * flat_out.median if flat_out else 0)
            found = search.search(server, scenario.at, first, plan.search_s, plan.timeout_s,
                                  give_up_s=min(4 * plan.one_search_s, self._time_left_s))
        if found.rate:
            found = search.at_limit(found, lambda rate: measure(contender, server, redis, scenario.at(rate), scenario.batch,
                                                                plan.offered_s, plan.timeout_s))
        cell.searches.append(found)
        told = f"{found.rate:,.0f}/s" if found.rate else "none"
        self._progress.done(plan.one_search_s, f"{scenario.name} · {contender.name}: highest rate within the SLO {told}")

    def _complaint_at_probe_rate(self, scenario: Scenario, server: Server) -> str:
        """What is outside the SLO at PROBE_RATE; empty if nothing is, or if it may be the generator's fault."""
        complaint = ""
        for _ in range(2):  # as the search: what breaks, breaks twice
            probe = load.run(server, scenario.at(PROBE_RATE), self._plan.search_s, self._plan.timeout_s)
            if not probe.slo_missed or probe.reasons(of_generator=True):
                return ""
            complaint = f"it does not hold {PROBE_RATE}/s ({probe.slo_missed})"
        return complaint


def taking_part(scenario: Scenario, contenders: Sequence[Contender]) -> list[Contender]:
    return [contender for contender in contenders if not scenario.only or contender.name in scenario.only]


def redis_core() -> int:
    """A core of its own where there is one; of two cores the load generator's, so that servers have theirs alone."""
    free = sorted(os.sched_getaffinity(0) - {SERVER_CORE, CLIENT_CORE})
    return free[0] if free else CLIENT_CORE
