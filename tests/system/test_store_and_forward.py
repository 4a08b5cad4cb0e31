"""`journal.directory` in front of Redis: the engine answers while Redis is away, and Redis gets everything afterwards, in order."""
# runs: release.io_uring release.epoll asan.io_uring tsan.io_uring user

import re
import signal
import tempfile
import time
from pathlib import Path

import pytest

from harness import Load, device_ids, sample, stream_entries, wait_until

# Short waits show recovery within a test.
QUICK = {"sink.redis.backoff_max": "200ms", "sink.redis.connect_timeout": "1s", "sink.redis.reply_timeout": "1s"}


@pytest.fixture
def directory(workspace):
    return Path(tempfile.mkdtemp(dir=workspace))


@pytest.fixture
def server(starter):
    return starter.redis(persistent=True)


@pytest.fixture
def start_engine(starter, server, directory):
    def start(until: str = "/ready", **settings):
        return starter.engine(server.url, until=until, settings={**QUICK, "journal.directory": directory, **settings})
    return start


def post(engine, device_id: str, ack: str = "journaled", **members):
    with engine.connect() as connection:
        return connection.post(sample(device_id, **members), query=f"?ack={ack}")


def wait_forwarded(server, ids: set, timeout_s: float = 30) -> list[str]:
    wait_until(lambda: ids <= set(device_ids(server.client())), "Redis has every sample", timeout_s)
    return device_ids(server.client())


def test_samples_pass_through_the_journal(start_engine, server):
    engine = start_engine()
    for level, given in (("queued", "queued"), ("journaled", "journaled"), ("stored", "journaled")):
        assert post(engine, level, level).json()["ack"] == given
    assert wait_forwarded(server, {"queued", "journaled", "stored"}) == ["queued", "journaled", "stored"]
    wait_until(lambda: engine.status()["forwarder"]["delivered_samples"] == 3, "the forwarder's count")
    assert engine.status()["forwarder"]["state"] == "ready"
    wait_until(lambda: "sluice_forwarder_is_behind 0" in engine.metrics(), "it is not behind")


def test_single_samples_are_noted_as_delivered(start_engine, server):
    engine = start_engine()
    for name in ("a", "b", "c"):
        assert post(engine, name).status == 200
        wait_until(lambda: device_ids(server.client())[-1:] == [name], "Redis has it")
        wait_until(lambda: "sluice_forwarder_is_behind 0" in engine.metrics(), "and the position is kept", 20)


def closing_line(engine) -> dict:
    """Ends it in order; the fields of its last line."""
    engine.signal(signal.SIGTERM)
    assert engine.wait_exit() == 0, engine.log()
    [closing] = re.findall(r" event=stopped (.*)", engine.log())
    return dict(re.findall(r"(\w+)=(\w+)", closing))


def test_journaled_and_delivered_are_told_apart(start_engine, server):
    server.stop()
    engine = start_engine()
    for name in ("a", "b", "c"):
        assert post(engine, name).status == 200
    forwarder = wait_until(lambda: (found := engine.status()["forwarder"])["undelivered_samples"] == 3 and found, "all wait for Redis")
    assert forwarder["undelivered_bytes"] > 3 * len('{"device_id":"a"}') and forwarder["oldest_undelivered_s"] >= 0
    wait_until(lambda: engine.status()["forwarder"]["oldest_undelivered_s"] > 0.2, "they get older")
    metrics = engine.metrics()
    assert "\nsluice_forwarder_undelivered_samples 3\n" in metrics
    assert "\nsluice_forwarder_undelivered_bytes " in metrics and "\nsluice_forwarder_oldest_undelivered_seconds " in metrics
    counts = closing_line(engine)
    assert [counts[name] for name in ("accepted", "journaled", "delivered", "undelivered", "lost")] == ["3", "3", "0", "3", "0"]

    engine = start_engine()  # what it finds is counted, too
    wait_until(lambda: engine.status()["forwarder"]["undelivered_samples"] == 3, "what the first engine left is counted")
    assert post(engine, "d").status == 200
    wait_until(lambda: engine.status()["forwarder"]["undelivered_samples"] == 4, "and what comes after it")
    server.start()
    wait_forwarded(server, {"a", "b", "c", "d"})
    backlog = ("undelivered_samples", "undelivered_bytes", "oldest_undelivered_s")
    wait_until(lambda: (found := engine.status()["forwarder"]) and not any(found[name] for name in backlog), "nothing is left")
    counts = closing_line(engine)
    assert [counts[name] for name in ("accepted", "journaled", "delivered", "undelivered", "lost")] == ["1", "1", "4", "0", "0"]


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_an_outage_of_redis_is_not_noticed_by_clients(start_engine, server, end):
    engine = start_engine()
    load = Load(engine.address, clients=8, ack="journaled").start()
    load.wait_for(100)
    getattr(server, end)()
    wait_until(lambda: engine.status()["forwarder"]["last_error"], "the forwarder says what is wrong")
    load.wait_for(len(load.acknowledged) + 500)  # answered meanwhile
    assert engine.admin("GET", "/ready").status == 200
    server.start()
    load.wait_for(len(load.acknowledged) + 100)
    load.stop()
    assert not load.refused
    # A connection that breaks leaves open what Redis ran: that is sent again.
    stored = wait_forwarded(server, load.acknowledged)
    assert set(stored) == load.acknowledged
    numbers = {f"load-{client}": 0 for client in range(8)}
    for device_id in dict.fromkeys(stored):  # first occurrences come in the order in which they were sent
        client, number = device_id.rsplit("-", 1)
        assert int(number) == numbers[client]
        numbers[client] += 1


def test_a_killed_engine_forwards_what_it_acknowledged_when_it_is_back(start_engine, server):
    engine = start_engine()
    server.stop()
    load = Load(engine.address, clients=8, ack="journaled").start()
    load.wait_for(300)
    engine.signal(signal.SIGKILL)
    assert engine.wait_exit() == -signal.SIGKILL
    load.stop()
    server.start()
    start_engine()
    stored = wait_forwarded(server, load.acknowledged)
    assert set(stored) <= load.acknowledged | load.undecided
    assert len(stored) == len(set(stored)), "nothing was sent before, so nothing comes twice"


def test_an_engine_that_stops_orderly_leaves_nothing_to_do(start_engine, server):
    engine = start_engine()
    load = Load(engine.address, clients=4, ack="journaled").start()
    load.wait_for(300)
    engine.signal(signal.SIGTERM)
    assert engine.wait_exit() == 0
    load.stop()
    count = len(device_ids(server.client()))
    load.assert_promises_kept(device_ids(server.client()))
    start_engine()
    time.sleep(0.5)
    assert len(stream_entries(server.client())) == count, "what was delivered is not delivered again"


def test_a_full_journal_refuses_and_drains_by_itself(start_engine, server):
    engine = start_engine(**{"journal.segment_size": "2MiB", "journal.size_max": "4MiB"})
    server.stop()
    accepted = []
    for number in range(1000):
        response = post(engine, f"d{number}", note="x" * 12_000)
        if response.status != 200:
            break
        accepted.append(f"d{number}")
    assert (response.status, response.code) == (503, "sink_busy")
    assert int(response.header("Retry-After")) >= 1
    assert engine.admin("GET", "/ready").status == 503
    server.start()
    wait_until(lambda: engine.admin("GET", "/ready").status == 200, "it takes samples again")
    assert post(engine, "last").status == 200
    assert wait_forwarded(server, {"last"}) == [*accepted, "last"]


def test_a_start_without_redis(start_engine, server):
    server.stop()
    engine = start_engine()
    assert post(engine, "early").status == 200
    server.start()
    assert wait_forwarded(server, {"early"}) == ["early"]
