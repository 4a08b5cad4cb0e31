"""The report's sentences."""

from typing import Sequence

from .results import Comparison, spread
from .scenarios import Scenario
from .search import LOWERED_TO

STARVATION = ("A thread of the baseline serves one connection for as long as it lives (100 requests, or 5 s without one), so of the "
              "clients that keep their connections all but as many as it has threads wait for their turn.")


def facts(comparison: Comparison) -> list[str]:
    """Where and when, and what a reader must know of this run."""
    return [f"{name}: {value}" for name, value in comparison.environment.items()] + comparison.notes


def starvation(comparison: Comparison, scenarios: Sequence[Scenario]) -> list[str]:
    """The baseline's flaw as it is, and the same server with no more connections than threads. Nothing if it was not measured."""
    told = {}
    for scenario in scenarios:
        cell = comparison.cell("baseline-8", scenario.name)
        if scenario.pipeline == scenario.batch == 1 and not scenario.kills and cell and cell.offered:
            rate = spread(cell.offered, lambda run: run.achieved_rate).median
            share = spread(cell.offered, lambda run: run.error_share).median
            told[scenario.connections > 8] = told.get(scenario.connections > 8, []) + [
                f"{scenario.title}: of {scenario.requests_per_s:,.0f}/s offered, {rate:,.0f}/s are answered, and {share:.1%} of the "
                "requests fail"]
    if True not in told:
        return []
    return ["**The baseline starves.** " + STARVATION + " With 8 threads as they are: " + "; ".join(told[True]) + "."
            + (" With no more connections than threads: " + "; ".join(told[False]) + "." if False in told else "")]


def method(comparison: Comparison) -> list[str]:
    plan = comparison.plan
    return [
        f"Servers on core 0, the load generator on core 1, Redis on core {plan['redis_core']}. "
        + ("Redis and the generator share a core, so that each server has one alone; the generator's lag beside each figure tells "
           "what that costs." if plan["redis_core"] == 1 else "Each has a core alone."),
        "The same payload for everyone: sluice-load's built-in sample (about 110 bytes). The same work for everyone who stores: RPUSH of "
        "the body to one list of the same redis-server, which writes nothing to disk.",
        f"At the offered rate: {plan['offered_s']} s open loop; latency is from the time at which each request was due (corrected). "
        f"Flat out: {plan['flat_out_s']} s closed loop. A request is given up after {plan['timeout_s']} s and counts with that time.",
        f"Runs are interleaved (A B … B A; rounds of two runs each: {plan['rounds']}): median (least – greatest). Lag is that of "
        "the worst run.",
        f"The highest rate is that of sluice-load --slo with runs of {plan['search_s']} s (searches: {plan['searches']}), where a rate "
        f"breaks when it breaks twice. It is then run for {plan['offered_s']} s for the columns beside it. Where that run does not hold "
        f"the SLO, less is tried, down to {LOWERED_TO[-1]:.0%} of it: what is reported was seen to hold that long. none: nothing did. "
        "UNFINISHED: the search was given up, and its rate is the highest that held and that no later run, at it or below it, refuted. "
        "≥: the generator could not offer more.",
        "CPU is that of all threads of the server, user and system, until everything acknowledged was in Redis; that of Redis and of the "
        "kernel's work for the client is not in it. At a low rate most of it is waking up; flat out it is the work. "
        "RSS is from the middle of a run.",
        "Found in Redis: LLEN after each run against the samples of all 2xx. What is found beyond these was stored, and its answer came "
        "too late, not at all, or in the run before; it could hide as many losses, which only `sluice-load verify` would tell.",
        "A run is INVALID if it measured the generator; the first table counts those of all of a row's figures, and its lag is that at the "
        "offered rate. Lag is the generator's own: the wait for a free connection is the server's doing, and not in it.",
    ]
