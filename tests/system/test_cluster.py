"""Redis Cluster: partitions over three primaries, slots that move, primaries that go; nothing lost, nothing out of order."""
# runs: release.io_uring release.epoll asan.io_uring

import json
import subprocess
import time

import pytest

from harness import wait_until
from harness.load import LOAD_BINARY, OK

PARTITIONS = {"sink.redis.partitions": 12, "sink.redis.backoff_min": "10ms", "sink.redis.backoff_max": "200ms"}


class LedgeredLoad:
    """sluice-load that keeps a ledger, beside what the test does to the servers."""

    def __init__(self, engine, directory, seconds, *options):
        self.ledger = directory / "ledger"
        command = [LOAD_BINARY, "http://{}:{}/telemetry".format(*engine.address), "--sample", "--rate", "2k", "--duration",
                   f"{seconds}s", "--connections", 8, "--devices", 400, "--timeout", "20s", "--ledger", self.ledger,
                   "--max-lag", "30s", "--max-cpu", "100%", "--quiet", *options]
        self._process = subprocess.Popen([str(word) for word in command], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)

    def wait(self):
        _, messages = self._process.communicate(timeout=120)
        assert self._process.returncode in (0, 1, 3), messages.decode()

    def kill(self):
        if self._process.poll() is None:
            self._process.kill()
            self._process.communicate()

    def verify(self, url):
        """The sums of `sluice-load verify`, which asks for what was acknowledged."""
        path = self.ledger.parent / "verdict.json"
        done = subprocess.run([str(w) for w in (LOAD_BINARY, "verify", "--ledger", self.ledger, "--redis", url, "--json", path)],
                              capture_output=True, text=True, timeout=120)
        assert path.exists(), done.stdout + done.stderr
        return json.loads(path.read_text())["total"]


@pytest.fixture
def loads():
    started = []
    yield started
    for load in started:
        load.kill()


def cluster_of(engine):
    return engine.status()["sinks"][0]["cluster"]


@pytest.fixture(scope="module")
def cluster(module_starter):
    """Three primaries without replicas; tests leave all of them running, and every slot owned."""
    return module_starter.cluster(replicas=0)


@pytest.mark.parametrize("layout", ["fields", "packed", "list"])
def test_each_partition_goes_to_the_primary_of_its_slot(starter, cluster, loads, tmp_path, layout):
    for node in cluster.primaries:
        node.raw("FLUSHALL")
    engine = starter.engine(cluster.url, settings={**PARTITIONS, "sink.redis.layout": layout})
    loads.append(LedgeredLoad(engine, tmp_path, 1, "--batch", 5))
    loads[0].wait()
    verdict = loads[0].verify(cluster.url)
    assert verdict["acknowledged"] > 100 and verdict["lost"] == verdict["duplicated"] == verdict["reordered"] == 0, verdict
    counters = cluster_of(engine)
    assert counters["redirects_moved"] == counters["redirects_ask"] == 0
    keys = cluster.keys()
    if layout == "list":
        assert list(keys) == ["telemetry_queue"] and "cluster_of_one" in engine.log()
    else:
        assert sorted(keys) == sorted(f"telemetry:{{{p}}}" for p in range(12)) and "cluster_of_one" not in engine.log()
        assert [node["state"] for node in counters["nodes"]] == ["ready"] * 3
        assert sum(node["partitions"] for node in counters["nodes"]) == 12
    assert 'sluice_cluster_redirects_total{kind="moved"} 0' in engine.metrics()


def partition_slots(cluster):
    return [cluster.slot_of(f"telemetry:{{{p}}}") for p in range(12)]


def wait_for_ask(engine, before):
    """While a key is at the target and its slot is not: until the engine was told so (nothing may come for it for a while)."""
    end = time.monotonic() + 1.0
    while cluster_of(engine)["redirects_ask"] <= before and time.monotonic() < end:
        time.sleep(0.01)


def test_slots_move_under_load(starter, cluster, loads, tmp_path):
    for node in cluster.primaries:
        node.raw("FLUSHALL")
    engine = starter.engine(cluster.url, settings=PARTITIONS)
    loads.append(LedgeredLoad(engine, tmp_path, 5, "--pipeline", 16))
    wait_until(lambda: len(cluster.keys()) == 12, "all partitions have samples")
    for slot in partition_slots(cluster):
        source = cluster.owner_of(slot)
        target = cluster.primaries[(cluster.primaries.index(source) + 1) % 3]
        before = cluster_of(engine)["redirects_ask"]
        cluster.move_slot(slot, source, target, pause=lambda: wait_for_ask(engine, before))
    loads[0].wait()
    counters = cluster_of(engine)
    assert counters["redirects_moved"] > 0 and counters["redirects_ask"] > 0 and counters["refreshes"] > 1, counters
    verdict = loads[0].verify(cluster.url)
    assert verdict["acknowledged"] > 100, verdict
    # What is redirected was not executed: not even a duplicate may come of it.
    assert verdict["lost"] == verdict["duplicated"] == verdict["reordered"] == 0, (verdict, counters, engine.log()[-3000:])


def ask_to_take_over(replica) -> None:
    """A planned failover that was not done within 5 s is given up by Redis, without a word: it is asked for again then."""
    asked_at = 0.0

    def is_primary() -> bool:
        nonlocal asked_at
        if "role:master" in replica.raw("INFO", "replication"):
            return True
        if time.monotonic() - asked_at > 6:
            asked_at = time.monotonic()
            replica.raw("CLUSTER", "FAILOVER")
        return False

    wait_until(is_primary, "the replica is primary")


def test_a_primary_dies_under_load(starter, loads, tmp_path):
    cluster = starter.cluster(replicas=1, arguments=("--cluster-replica-validity-factor", 0))
    engine = starter.engine(cluster.url, settings={**PARTITIONS, "ack_timeout": "20s"})
    loads.append(LedgeredLoad(engine, tmp_path, 7, "--pipeline", 16))
    wait_until(lambda: len(cluster.keys()) == 12, "all partitions have samples")
    # First as planned: the replica takes over and the old primary answers MOVED.
    planned = cluster.replicas[0]
    ask_to_take_over(planned)
    cluster.primaries[0], cluster.replicas[0] = planned, cluster.primaries[0]
    wait_until(lambda: planned.address in [node["address"] for node in cluster_of(engine)["nodes"]], "the engine knows")
    # Then by force. Replication is asynchronous, so what was confirmed and not yet replicated would be lost with the primary,
    # whoever wrote it: it executes nothing more before it dies, and has replicated what it did.
    victim = cluster.primaries[1]
    victim.raw("CLIENT", "PAUSE", "60000", "WRITE")
    cluster.wait_replicated()
    victim.kill()
    promoted = cluster.replicas[1]
    wait_until(lambda: "role:master" in promoted.raw("INFO", "replication"), "the replica is promoted", 20)
    cluster.primaries[1] = promoted
    wait_until(lambda: engine.admin("GET", "/ready").status == 200, "the engine delivers again", 20)
    assert promoted.address in [node["address"] for node in cluster_of(engine)["nodes"]]
    loads[0].wait()
    engine.wait_delivered(20)
    verdict = loads[0].verify(f"redis-cluster://{promoted.address}")
    assert verdict["acknowledged"] > 100, verdict
    assert verdict["lost"] == verdict["reordered"] == 0, verdict


def test_a_journal_in_front(starter, cluster, loads, tmp_path):
    for node in cluster.primaries:
        node.raw("FLUSHALL")
    (tmp_path / "journal").mkdir()
    engine = starter.engine(cluster.url, settings={**PARTITIONS, "journal.directory": tmp_path / "journal"})
    loads.append(LedgeredLoad(engine, tmp_path, 1, "--batch", 5))
    loads[0].wait()
    wait_until(lambda: engine.status()["forwarder"]["delivered"] == engine.status()["forwarder"]["journaled"], "all is delivered")
    verdict = loads[0].verify(cluster.url)
    assert verdict["acknowledged"] > 100 and verdict["lost"] == verdict["duplicated"] == 0, verdict
    assert len(engine.status()["forwarder"]["cluster"]["nodes"]) == 3
    assert "sluice_cluster_node_ready{" in engine.metrics()
