"""Redis goes away and comes back: `stored` is in the stream, `queued` is delivered once it is back.

The Redis of these tests fsyncs every command, so that what it answered OK outlives its own death.
"""
# runs: release.io_uring release.epoll asan.io_uring tsan.io_uring

import re
import time

import pytest

from harness import Load, device_ids, sample, wait_until

# Few and small batches fill up within a test; short waits show recovery within a test.
TIGHT = {"batch.count": 8, "batch.size": "32KiB", "ack_timeout": "1s", "sink.redis.backoff_max": "200ms",
         "sink.redis.reply_timeout": "1s", "sink.redis.connect_timeout": "1s"}


@pytest.fixture
def server(starter):
    return starter.redis(persistent=True)


@pytest.fixture
def engine(starter, server):
    return starter.engine(server.url, settings=TIGHT)


def post(engine, device_id: str, ack: str, **members):
    with engine.connect() as connection:
        return connection.post(sample(device_id, **members), query=f"?ack={ack}")


def wait_accepting(engine) -> None:
    wait_until(lambda: post(engine, "probe", "stored").status == 200, "samples are stored again")


def stored_ids(server) -> list[str]:
    return [device_id for device_id in device_ids(server.client()) if device_id != "probe"]


@pytest.mark.parametrize("end", ["stop", "kill"])
@pytest.mark.parametrize("ack", ["stored", "queued"])
def test_an_outage_under_load(engine, server, end, ack):
    load = Load(engine.address, clients=8, ack=ack).start()
    load.wait_for(200)
    getattr(server, end)()
    time.sleep(1.5)
    server.start()
    before_recovery = len(load.acknowledged)
    load.wait_for(before_recovery + 200)
    load.stop()
    engine.wait_delivered()
    # A connection lost after sending leaves open what Redis ran: such batches are sent again (at least once).
    load.assert_promises_kept(stored_ids(server), exactly_once=False)


def test_several_restarts(engine, server):
    load = Load(engine.address, clients=4, ack="queued").start()
    for _ in range(4):
        load.wait_for(len(load.acknowledged) + 100)
        server.kill()
        server.start()
    load.stop()
    engine.wait_delivered()
    load.assert_promises_kept(stored_ids(server), exactly_once=False)


def test_full_buffers_are_answered_503_and_drain_afterwards(engine, server):
    server.stop()
    accepted = []
    for number in range(100_000):
        response = post(engine, f"d{number}", "queued", note="x" * 8000)
        if response.status != 200:
            break
        accepted.append(f"d{number}")
    assert (response.status, response.code) == (503, "overloaded")
    assert int(response.header("Retry-After")) >= 1
    assert accepted, "an outage must not refuse before the buffers are full"
    with engine.connect() as connection:  # refusing is cheap and does not cost the connection
        for _ in range(50):
            assert connection.post(sample(note="x" * 8000), query="?ack=queued").status == 503
    server.start()
    wait_accepting(engine)
    engine.wait_delivered()
    assert set(stored_ids(server)) == set(accepted)


def test_a_batch_that_does_not_fit_is_refused_whole(engine, server):
    """Nothing of a refused request is accepted, although its first records had room."""
    server.stop()
    with engine.connect() as connection:
        records = [sample(f"whole-{index}", note="x" * 1000) for index in range(1000)]
        response = connection.post(records, query="?ack=queued")
    assert (response.status, response.code) == (413, "too_many_batches")
    assert engine.samples()["accepted"] == 0
    server.start()
    wait_accepting(engine)
    assert stored_ids(server) == []


def test_stored_is_not_answered_while_redis_is_away(starter, server):
    engine = starter.engine(server.url, settings={**TIGHT, "sink.redis.breaker_failures": 0})
    server.stop()
    response = post(engine, "late", "stored")
    assert (response.status, response.code) == (503, "ack_timeout")
    assert int(response.header("Retry-After")) >= 1
    server.start()
    wait_accepting(engine)
    engine.wait_delivered()
    assert stored_ids(server).count("late") == 1  # "may be stored nevertheless", and here it was kept


def test_ready_says_why_not(engine, server):
    assert engine.admin("GET", "/ready").status == 200
    server.stop()
    response = wait_until(lambda: (answer := engine.admin("GET", "/ready")).status == 503 and answer, "/ready turns 503")
    assert response.code == "not_ready"
    assert int(response.header("Retry-After")) >= 1
    assert len(response.json()["error"]) > 10
    assert engine.admin("GET", "/health").status == 200
    assert engine.status()["sinks"][0]["state"] == "connecting"
    assert engine.status()["sinks"][0]["last_error"]
    server.start()
    wait_until(lambda: engine.admin("GET", "/ready").status == 200, "/ready turns 200")
    assert engine.status()["sinks"][0]["state"] == "ready"


def test_a_start_without_redis(starter):
    server = starter.redis(persistent=True)
    server.stop()
    engine = starter.engine(server.url, until="/health", settings=TIGHT)
    assert post(engine, "early", "queued").status == 200
    assert engine.admin("GET", "/ready").status == 503
    server.start()
    engine.wait_delivered()
    assert stored_ids(server) == ["early"]


def test_the_log_does_not_flood_during_an_outage(engine, server):
    def lines_of(event):
        return [line for line in engine.log().splitlines() if f"event={event} " in line]

    lines = len(engine.log().splitlines())
    server.stop()
    time.sleep(3)
    assert len(lines_of("sink_unreachable")) == 1, engine.log()
    assert "level=warn" in lines_of("sink_unreachable")[0] and "sink=0" in lines_of("sink_unreachable")[0]
    assert 'reason="' in lines_of("sink_unreachable")[0]
    assert not lines_of("sink_restored")
    assert len(engine.log().splitlines()) - lines <= 3 + 3, engine.log()
    server.start()
    wait_accepting(engine)
    wait_until(lambda: lines_of("sink_restored"), "the log says that it is over")
    assert float(re.search(r"after_s=([0-9.]+)", lines_of("sink_restored")[0])[1]) >= 2.5


def test_the_log_does_not_flood_while_connections_come_and_go(engine, server):
    """Each second has a line at most, and the last one says how things are."""
    begin = time.monotonic()
    lines = len(engine.log().splitlines())
    for _ in range(20):
        server.client().client_kill_filter(_type="normal", skipme=True)
        time.sleep(0.1)
    wait_accepting(engine)
    def states() -> list[str]:
        return [line for line in engine.log().splitlines() if " sink=0 " in line and "event=sink_connected " not in line]

    wait_until(lambda: "event=sink_restored " in states()[-1], "the log says that it is over")
    told = [line for line in engine.log().splitlines()[lines:] if " sink=0 " in line]  # admission tells of itself
    assert any("event=sink_unreachable " in line for line in told), told
    assert len(told) <= time.monotonic() - begin + 2, told


def test_a_frozen_redis(engine, server):
    """Alive for TCP, answering nothing: what was answered 200 is in the stream, and it goes on after the thaw."""
    load = Load(engine.address, clients=8, ack="stored").start()
    load.wait_for(100)
    server.freeze()
    time.sleep(2.5)
    server.thaw()
    load.wait_for(len(load.acknowledged) + 100)
    load.stop()
    engine.wait_delivered()
    load.assert_promises_kept(stored_ids(server), exactly_once=False)


def test_a_paused_redis(engine, server):
    """CLIENT PAUSE below the reply timeout: answers come late, none fails."""
    load = Load(engine.address, clients=4, ack="stored").start()
    load.wait_for(50)
    server.client().client_pause(400)
    load.wait_for(len(load.acknowledged) + 100)
    load.stop()
    assert not load.refused
    load.assert_promises_kept(stored_ids(server))
