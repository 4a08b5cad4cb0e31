"""One round: a plan drawn from its seed, the faults of it under load, and what became of what was acknowledged."""

import random
import shutil
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Optional

import redis

from . import verdict
from .faults import Fault, Moment, applicable, needs_of, play
from .levels import Level
from .prober import Prober
from .scene import Broken, Scene
from .traffic import Traffic, traffic_of

RECOVERY_TIMEOUT_S = 15.0
SETTLE_TIMEOUT_S = 20.0
GAP_S = (0.05, 0.25)  # of undisturbed load before, between and after faults


@dataclass(frozen=True)
class Plan:
    """Faults in groups: within a group they may overlap, between groups the engine recovers."""
    groups: tuple[tuple[Moment, ...], ...]

    @property
    def faults(self) -> list[Fault]:
        return [moment.fault for group in self.groups for moment in group]

    def text(self) -> str:
        return ", ".join("+".join(moment.fault.name for moment in group) for group in self.groups)


@dataclass
class Result:
    level: Level
    number: int
    plan: Plan
    traffic: Traffic
    counts: verdict.Counts = field(default_factory=verdict.Counts)
    faults: Counter = field(default_factory=Counter)
    recoveries_s: list[float] = field(default_factory=list)
    settled_s: float = 0.0
    failures: list[str] = field(default_factory=list)
    rows: list[str] = field(default_factory=list)
    took_s: float = 0.0


def random_of(seed: int, number: int, level: Level) -> random.Random:
    """A round repeats alone: nothing is drawn from what was drawn for others."""
    return random.Random(f"{seed}/{number}/{level.name}")


def draw_plan(random_: random.Random, faults: list[Fault]) -> Plan:
    def moment(among: list[Fault], latest_s: float) -> Moment:
        [fault] = random_.choices(among, [fault.weight for fault in among])
        return Moment(fault, random_.uniform(0, latest_s), random_.uniform(*fault.lasts_s))

    groups = []
    for _ in range(random_.choice((1, 2, 2, 3))):
        first = moment(faults, 0)
        others = [fault for fault in faults if fault.part != first.fault.part]
        is_pair = others and random_.random() < 0.3
        groups.append((first, moment(others, max(0.1, first.lasts_s))) if is_pair else (first,))
    return Plan(tuple(groups))


def run_round(seed: int, number: int, level: Level, directory: Path, library: Optional[Path], only: set[str], unavailable: set[str],
              keeps: bool) -> Result:
    random_ = random_of(seed, number, level)
    faults = [fault for fault in applicable(level, unavailable) if not only or fault.name in only]
    plan = draw_plan(random_, faults)
    needs = needs_of({fault.name for fault in plan.faults})
    traffic = traffic_of(seed, number, is_fat="small disk" in needs)
    result = Result(level, number, plan, traffic)
    begin = time.monotonic()
    home = directory / f"{number}-{level.name}"
    home.mkdir()
    scene = Scene(home, level, needs, traffic, random_, library)
    try:
        scene.open()
        _hurt(scene, plan, result)
        _judge(scene, result)
    except (AssertionError, OSError, EOFError, redis.RedisError) as failure:
        result.failures.append(str(failure))
    finally:
        scene.close()
    result.took_s = time.monotonic() - begin
    if result.failures and keeps:
        result.failures.append(f"its files are in {home}")
    else:
        shutil.rmtree(home)
    return result


def _hurt(scene: Scene, plan: Plan, result: Result) -> None:
    prober = Prober(scene.engine.address, scene.directory / "probe.ledger")
    scene.start_load()
    for group in plan.groups:
        time.sleep(scene.random.uniform(*GAP_S))
        play(scene, list(group), prober.start)
        result.faults.update(moment.fault.name for moment in group)
        recovered_s = prober.wait(RECOVERY_TIMEOUT_S)
        if recovered_s is None:
            raise Broken(f"no 2xx within {RECOVERY_TIMEOUT_S:.0f} s of the end of {'+'.join(moment.fault.name for moment in group)}")
        result.recoveries_s.append(recovered_s)
        scene.wait_load()
    time.sleep(scene.random.uniform(*GAP_S))
    scene.stop_load()
    result.settled_s = scene.wait_settled(SETTLE_TIMEOUT_S)
    scene.finish()


def _judge(scene: Scene, result: Result) -> None:
    with open(scene.ledger, "a") as ledger:
        probes = scene.directory / "probe.ledger"
        ledger.write(probes.read_text() if probes.exists() else "")
    level = scene.level
    verdicts = {}
    if level.has_redis:
        verdicts["Redis"] = verdict.of_redis(scene.ledger, scene.store.url)
    if level.has_journal and not (level.has_redis and verdict.has_freed_segments(scene.journal)):
        verdicts["the journal"] = verdict.of_journal(scene.ledger, scene.journal, scene.power is not None)
    result.counts = next(iter(verdicts.values())).counts
    for place, one in verdicts.items():
        counts = one.counts
        lost_max = 0
        if not level.survives_engine:
            lost_max = counts.acknowledged if scene.killed_engines else scene.reported_undelivered
        if counts.lost > lost_max:
            result.failures.append(f"{counts.lost} of {counts.acknowledged} acknowledged samples are not in {place}")
            result.rows = one.rows
        if place == "Redis" and counts.duplicated and not level.has_duplicates:
            result.failures.append(f"{counts.duplicated} samples stand twice in {place}")
        # Order is promised on one connection, and each device had one if none was lost; in Redis while it refuses not at every level.
        is_order_promised = place != "Redis" or level.keeps_order_of_refused or not result.faults["refusal"]
        if counts.reordered and scene.reconnects == 0 and is_order_promised:
            result.failures.append(f"{counts.reordered} samples stand in {place} behind a later one of their device")
