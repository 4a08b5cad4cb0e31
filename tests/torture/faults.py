"""What is done to a scene. Each fault has a beginning and an end, and a part that it takes: two of one part never overlap."""

import signal
import time
from dataclasses import dataclass
from typing import Callable

from .levels import Level
from .refusals import Refusals
from .scene import Scene

CUT_TIMEOUT_S = 3.0


@dataclass(frozen=True)
class Fault:
    name: str
    part: str                                    # engine, redis, network or disk
    begin: Callable[[Scene, float], object]      # takes how long it lasts, in s
    end: Callable[[Scene], object]
    lasts_s: tuple[float, float]                 # from begin to end, at least and at most
    weight: int                                  # how often it is drawn, against the others
    help: str


def _pause(scene: Scene, lasts_s: float) -> None:
    mode = scene.random.choice((b"WRITE", b"ALL"))
    scene.store.client().execute_command("CLIENT", "PAUSE", int(lasts_s * 1000), mode)


def _kill_redis(scene: Scene, _: float) -> None:
    scene.store.choose()
    scene.store.primary.kill()


def _freeze_redis(scene: Scene, _: float) -> None:
    scene.store.choose()
    scene.store.primary.freeze()


def _refuse(scene: Scene, _: float) -> None:
    scene.store.choose()
    scene.refusals = Refusals(scene.store.client(), scene.random).start()


def _await_cut(scene: Scene) -> None:
    scene.store.proxy.was_cut.wait(CUT_TIMEOUT_S)  # none comes where the engine is away
    scene.store.proxy.flow()


def _start_engine(scene: Scene) -> None:
    scene.start_engine()


def _nothing(scene: Scene) -> None:
    """The end of what ends by itself."""


FAULTS = {fault.name: fault for fault in (
    Fault("engine_kill", "engine", lambda scene, _: scene.kill_engine(), _start_engine, (0, 0.15), 8, "kill -9 of the engine, and a new one"),
    Fault("power_loss", "engine", lambda scene, _: scene.lose_power(), _start_engine, (0, 0.15), 4,
          "kill -9 of the engine, and its disk forgets what was not synced"),
    Fault("engine_term", "engine", lambda scene, _: scene.terminate_engine(), _start_engine, (0, 0.1), 2,
          "SIGTERM of the engine: its exit code and closing line have to agree; and a new one"),
    Fault("engine_freeze", "engine", lambda scene, _: scene.engine.signal(signal.SIGSTOP),
          lambda scene: scene.engine.signal(signal.SIGCONT), (0.05, 0.5), 2, "SIGSTOP, then SIGCONT of the engine"),
    Fault("redis_kill", "redis", _kill_redis, lambda scene: scene.store.primary.start(), (0, 0.4), 5,
          "kill -9 of Redis, and a new one with its append-only file"),
    Fault("failover", "redis", lambda scene, _: scene.store.lose_primary(), lambda scene: scene.store.lead_to_primary(), (0, 0.4), 5,
          "kill -9 of the primary, which has no file; the replica takes its place, and gets a replica of its own"),
    Fault("replica_freeze", "redis", lambda scene, _: scene.store.replica.freeze(), lambda scene: scene.store.replica.thaw(),
          (0.05, 0.5), 2, "SIGSTOP, then SIGCONT of the replica"),
    Fault("reshard", "redis", lambda scene, _: scene.store.reshard(), _nothing, (0, 0), 5, "slots of the cluster move to other primaries"),
    Fault("takeover", "redis", lambda scene, _: scene.store.begin_takeover(), lambda scene: scene.store.wait_takeover(), (0, 0.2), 4,
          "CLUSTER FAILOVER: a replica becomes primary, as planned"),
    Fault("primary_loss", "redis", lambda scene, _: scene.store.lose_primary(), lambda scene: scene.store.replace_primary(), (0.1, 1), 2,
          "a primary of the cluster stops or dies, and is away until its replica, which has all that it took, has taken over"),
    Fault("redis_freeze", "redis", _freeze_redis, lambda scene: scene.store.primary.thaw(), (0.05, 1.5), 2,
          "SIGSTOP, then SIGCONT of Redis"),
    Fault("redis_pause", "redis", _pause, _nothing, (0.05, 0.5), 2, "CLIENT PAUSE"),
    Fault("refusal", "redis", _refuse, lambda scene: scene.refusals.wait(), (0.3, 1.2), 3,
          "Redis refuses writes (maxmemory) for short whiles, 30 to 100 times"),
    Fault("reset", "network", lambda scene, _: scene.store.proxy.reset(), _nothing, (0, 0), 2, "RST on every connection to Redis"),
    Fault("stall", "network", lambda scene, _: scene.store.proxy.stall(), lambda scene: scene.store.proxy.flow(), (0.05, 1.5), 2,
          "nothing passes between engine and Redis"),
    Fault("cut", "network", lambda scene, _: scene.store.proxy.cut(), _await_cut, (0, 0), 3, "RST in the middle of a reply"),
    Fault("drip", "network", lambda scene, _: scene.store.proxy.drip(), lambda scene: scene.store.proxy.flow(), (0.1, 0.5), 1,
          "replies pass a few bytes at a time"),
    Fault("disk_full", "disk", lambda scene, _: scene.small_disk.fill(), lambda scene: scene.small_disk.empty(), (0.3, 1.2), 2,
          "the journal's disk has no room"),
    Fault("disk_error", "disk", lambda scene, _: scene.power.fail(), lambda scene: scene.mend_disk(), (0.02, 0.5), 2,
          "fdatasync of the journal fails, and what it should have synced never gets to the disk"),
)}


NEEDS_JOURNAL = {"power_loss", "disk_full", "disk_error"}
NEEDS_LIBRARY = {"power_loss", "disk_error"}  # disk.c


def applicable(level: Level, unavailable: set[str]) -> list[Fault]:
    """The faults that make sense at a level, without those that this machine cannot do."""
    def is_possible(fault: Fault) -> bool:
        if fault.name in unavailable:
            return False
        if fault.name in ("failover", "replica_freeze"):
            return level.has_replica
        if fault.name in ("reshard", "takeover", "primary_loss"):
            return level.has_cluster
        if fault.name == "redis_kill":
            return level.has_redis and not level.has_replica
        if fault.part == "network":
            return level.has_redis and not level.has_cluster  # a proxy cannot be what nodes tell of each other
        if fault.part == "redis":
            return level.has_redis
        return level.has_journal or fault.name not in NEEDS_JOURNAL
    return [fault for fault in FAULTS.values() if is_possible(fault)]


def needs_of(names: set[str]) -> set[str]:
    """What a scene needs beside the engine, so that these faults can be done to it."""
    needs = {FAULTS[name].part for name in names} & {"network"}
    return needs | ({"power"} if names & NEEDS_LIBRARY else set()) | ({"small disk"} if "disk_full" in names else set())


@dataclass(frozen=True)
class Moment:
    """A fault of a plan: after `after_s` of its group it begins, and `lasts_s` later it ends."""
    fault: Fault
    after_s: float
    lasts_s: float


def play(scene: Scene, group: list[Moment], on_last_end: Callable[[], None]) -> None:
    """Does the faults of one group, which may overlap. `on_last_end` is called when the last of them is about to end."""
    steps = [(moment.after_s, 0, moment) for moment in group] + [(moment.after_s + moment.lasts_s, 1, moment) for moment in group]
    steps.sort(key=lambda step: step[:2])
    begin = time.monotonic()
    for index, (at_s, is_end, moment) in enumerate(steps):
        time.sleep(max(0.0, begin + at_s - time.monotonic()))
        if not is_end:
            moment.fault.begin(scene, moment.lasts_s)
            continue
        if index == len(steps) - 1:
            on_last_end()
        moment.fault.end(scene)
