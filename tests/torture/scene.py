"""What one round plays with: its store, an engine in one life after another, the disk of its journal, and the load."""

import json
import random
import re
import signal
import time
from pathlib import Path
from typing import Optional

from harness import Child, Engine, assert_conserved, wait_until
from harness.engine import SIGNS_OF_A_BUG
from harness.load import LOAD_BINARY

from .cluster_store import ClusterStore
from .disk import ForgetfulDisk, SmallDisk
from .levels import QUICK, SEGMENTS, Level
from .refusals import Refusals
from .store import Store
from .traffic import Traffic

SMALL_DISK_BYTES = 24 * 1024 * 1024
USERS = 6  # of the load, with a thread and a connection each: so each device has one connection, and its order is promised
LOAD_TIMEOUT_S = 3


class Broken(AssertionError):
    """A promise that was not kept, as a sentence."""


class Scene:
    """`needs` as needs_of() of faults.py tells. Every method that begins something leaves its end to another."""

    def __init__(self, directory: Path, level: Level, needs: set[str], traffic: Traffic, random_: random.Random, library: Optional[Path]):
        self.directory = directory
        self.level = level
        self.random = random_
        self.reported_undelivered = 0   # by engines that were stopped orderly
        self.killed_engines = 0
        self.reconnects = 0             # of the load
        self.journal = directory / "journal"
        self.ledger = directory / "ledger"
        self.store = ClusterStore(directory) if level.has_cluster else Store(directory, level.has_replica)
        self.small_disk: Optional[SmallDisk] = None
        self.power: Optional[ForgetfulDisk] = None
        self.engine: Optional[Engine] = None
        self.refusals: Optional[Refusals] = None  # the last ones
        self._needs = needs
        self._traffic = traffic
        self._library = library
        self._load: Optional[Child] = None
        self._life_begin = 0            # in the engine's log
        self._start_is_due = False      # the engine refused it, because of a disk_error

    def open(self) -> None:
        """Starts everything but the load."""
        self.journal.mkdir()
        if "small disk" in self._needs:
            self.small_disk = SmallDisk(self.journal, SMALL_DISK_BYTES)
        if "power" in self._needs:
            sync_us = self.random.choice((0, 1_000, 5_000))
            self.power = ForgetfulDisk(self.journal, self.directory / "shadow", self._library, sync_us)
        self.engine = Engine(self.directory, self._open_sink(), ack=self.level.ack, cores=self.random.choice(("0", "0,1")),
                             backend=self.random.choice(("auto", "auto", "epoll")), settings=self._settings(),
                             environment=self.power.environment if self.power else None)
        self.start_engine()

    def _open_sink(self) -> str:
        if not self.level.has_redis:
            return f"journal:{self.journal}"
        return self.store.open("network" in self._needs, self.random)

    def _settings(self) -> dict:
        settings = dict(QUICK)
        if self.level.has_journal:
            settings.update(SEGMENTS)
            if self.level.has_redis:
                settings["journal.directory"] = self.journal
        if self.level.has_redis:
            settings["sink.redis.layout"] = self.random.choice(self.level.layouts)
            settings["sink.redis.partitions"] = self.random.choice((1, 1, 3))
        return {**settings, **dict(self.level.settings)}

    # --- the engine's lives ---

    def start_engine(self) -> None:
        assert not self.engine.running, "a second engine would be left behind"
        log = self.directory / "engine.log"
        self._life_begin = len(self.engine.log()) if log.exists() else 0
        try:
            self.engine.start("/health")
        except AssertionError:
            # It does not start on a broken disk, and says so; whoever mends the disk starts it again.
            is_refusal = self.power is not None and self.power.is_failing and self.engine.wait_exit() == 1
            if not is_refusal or ": Input/output error" not in self.engine.log()[self._life_begin:]:
                raise
            self._start_is_due = True

    def mend_disk(self) -> None:
        self.power.work()
        if self._start_is_due:
            self._start_is_due = False
            self.start_engine()

    def look(self) -> dict:
        """The engine's /status, of which the conservation law holds at any time."""
        status = self.engine.status()
        assert_conserved(status)
        return status

    def kill_engine(self) -> None:
        self.look()
        self.engine.signal(signal.SIGKILL)
        self.engine.wait_exit()
        self.killed_engines += 1

    def lose_power(self) -> None:
        self.kill_engine()
        self.power.lose_power(self.random)

    def terminate_engine(self) -> None:
        """SIGTERM: it ends in time, with an exit code and a closing line that agree."""
        self.look()
        self.engine.signal(signal.SIGTERM)
        code = self.engine.wait_exit()
        closing = re.findall(r" event=stopped (.*)", self.engine.log()[self._life_begin:])
        if len(closing) != 1:
            raise Broken(f"an engine that got SIGTERM ended with {code} and without a closing line")
        counts = dict(re.findall(r"(\w+)=(\w+)", closing[0]))
        lost = int(counts["lost"])
        # What reactors settled; behind a journal `delivered` is the forwarder's.
        has_forwarder = "event=forwarder_stopped" in self.engine.log()[self._life_begin:]
        settled = int(counts["journaled"]) + (0 if has_forwarder else int(counts["delivered"]))
        is_conserved = (counts["conserved"] == "true"
                        and int(counts["received"]) == int(counts["accepted"]) + int(counts["rejected"])
                        and int(counts["accepted"]) == settled + int(counts["dropped"]) + lost)
        if not is_conserved:
            raise Broken(f"the closing line breaks the conservation law: {closing[0]}")
        if code != (1 if lost else 0):
            raise Broken(f"exit code {code} after: {closing[0]}")
        self.reported_undelivered += lost

    # --- the load ---

    def start_load(self) -> None:
        batch = self.random.choice(((), (), ("--batch", 4)))
        if self._traffic.is_fat:
            batch = ()
        rate = 1500 if self._traffic.is_fat else self.random.choice((1500, 3000, 6000)) // (2 if batch else 1)
        command = [LOAD_BINARY, "http://{}:{}".format(*self.engine.address), *self._traffic.options(), *batch, "--rate", rate, "--duration", "60s",
                   "--warmup", 0, "--timeout", f"{LOAD_TIMEOUT_S}s", "--threads", USERS, "--connections", USERS, "--devices", 5 * USERS,
                   "--device-prefix", "device-", "--ledger", self.ledger, "--json", self.directory / "load.json", "--quiet"]
        self._load = Child(command, self.directory, "load")
        wait_until(self.ledger.exists, "the load begins")
        self.wait_load()

    def wait_load(self) -> None:
        """Waits until the load, which pauses between its attempts to connect, has been answered once more."""
        size = self.ledger.stat().st_size
        wait_until(lambda: self.ledger.stat().st_size > size, "the load is answered", timeout_s=10, pause_s=0.005)

    def stop_load(self) -> None:
        self._load.signal(signal.SIGINT)
        code = self._load.wait(LOAD_TIMEOUT_S + 10)
        result = self.directory / "load.json"
        if code not in (0, 1, 3) or not result.exists():  # 1: most requests failed; 3: it measured itself. No matter here
            raise Broken(f"sluice-load ended with {code}: {self._load.output()[-500:]}")
        self.reconnects = json.loads(result.read_text())["totals"]["connects"] - USERS

    # --- the end ---

    def wait_settled(self, timeout_s: float) -> float:
        """Waits until all that was accepted is where it belongs; how long that took, in s."""
        begin = time.monotonic()

        def is_settled() -> bool:
            status = self.look()
            if any(reactor["samples"]["in_flight"] for reactor in status["reactors"]):
                return False
            return "forwarder" not in status or "\nsluice_forwarder_is_behind 0" in self.engine.metrics()

        wait_until(is_settled, "everything accepted is delivered", timeout_s)
        return time.monotonic() - begin

    def finish(self) -> None:
        """An orderly end, with nothing left undelivered."""
        before = self.reported_undelivered
        self.terminate_engine()
        if self.reported_undelivered != before:
            raise Broken("the last engine left samples undelivered although nothing was in its way")
        found = [sign for sign in SIGNS_OF_A_BUG if sign in self.engine.log()]
        if found:
            raise Broken(f"the engine printed {found}")

    def close(self) -> None:
        """Ends whatever still runs."""
        if self._load is not None:
            self._load.kill()
        if self.engine is not None:
            self.engine.kill()
        self.store.close()
        if self.small_disk is not None:
            self.small_disk.close()
