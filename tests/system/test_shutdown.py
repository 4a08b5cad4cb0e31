"""SIGTERM: stop accepting, answer what is in flight, deliver everything accepted, or say what was not."""
# runs: release.io_uring release.epoll asan.io_uring tsan.io_uring fast

import json
import signal
import time

import pytest

from harness import HttpConnection, Load, device_ids, render_request, sample, wait_until


def refuses_connections(address) -> bool:
    try:
        HttpConnection(address).close()
    except ConnectionRefusedError:
        return True
    return False


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("ack", ["stored", "queued"])
def test_under_load_the_stream_holds_what_was_answered(starter, ack, number):
    server = starter.redis()
    engine = starter.engine(server.url)
    load = Load(engine.address, clients=16, ack=ack).start()
    load.wait_for(500)
    engine.signal(number)
    assert engine.wait_exit() == 0
    load.stop()
    load.assert_promises_kept(device_ids(server.client()))


def test_several_reactors_and_levels_at_once(starter):
    server = starter.redis()
    engine = starter.engine(server.url, cores="0,1")
    loads = [Load(engine.address, clients=8, ack=ack, name=ack).start() for ack in ("stored", "queued")]
    for load in loads:
        load.wait_for(300)
    engine.signal(signal.SIGTERM)
    assert engine.wait_exit() == 0
    stored = device_ids(server.client())
    for load in loads:
        load.stop()
        load.assert_promises_kept([device_id for device_id in stored if device_id.startswith(load.name)])


def test_an_idle_engine_ends_at_once(starter):
    engine = starter.engine("null:", ack="queued", settings={"drain_timeout": "60s"})
    idle = [engine.connect() for _ in range(10)]
    begin = time.monotonic()
    engine.signal(signal.SIGTERM)
    assert engine.wait_exit() == 0
    assert time.monotonic() - begin < 30, "not after drain_timeout"
    for connection in idle:
        connection.read_to_end()
        connection.close()


# For tests in which Redis is paused for as long as they need.
PATIENT = {"ack_timeout": "60s", "drain_timeout": "60s", "sink.redis.reply_timeout": "60s"}


def pause(server) -> None:
    """Until client_unpause(): nothing is stored."""
    server.client().client_pause(120_000, all=False)


def test_requests_in_flight_are_answered(starter):
    """stored requests that wait for a paused Redis get their answer although SIGTERM has come."""
    server = starter.redis()
    engine = starter.engine(server.url, settings=PATIENT)
    connections = [engine.connect() for _ in range(10)]
    pause(server)
    for index, connection in enumerate(connections):
        connection.send(render_request("POST", "/telemetry", json.dumps(sample(f"d{index}")).encode()))
    wait_until(lambda: engine.samples()["accepted"] == 10, "they wait")
    engine.signal(signal.SIGTERM)
    wait_until(lambda: engine.status()["state"] == "draining", "it drains")
    server.client().client_unpause()
    assert [connection.read_response().status for connection in connections] == [200] * 10
    assert engine.wait_exit() == 0
    assert sorted(device_ids(server.client())) == [f"d{index}" for index in range(10)]


def test_while_draining_no_new_telemetry_comes_in_and_ready_says_so(starter):
    """A connection without a request is closed, nobody can connect, and who waits for Redis gets the answer."""
    server = starter.redis()
    engine = starter.engine(server.url, settings=PATIENT)
    pause(server)
    waiting, late = engine.connect(), engine.connect()
    waiting.send(render_request("POST", "/telemetry", json.dumps(sample("waiting")).encode()))
    assert late.request("GET", "/health").status == 200
    wait_until(lambda: engine.samples()["accepted"] == 1, "the sample is in flight")
    engine.signal(signal.SIGTERM)
    wait_until(lambda: engine.status()["state"] == "draining", "it drains")
    assert engine.admin("GET", "/ready").status == 503
    assert late.read_to_end() == b""
    wait_until(lambda: refuses_connections(engine.address), "connections are refused")
    server.client().client_unpause()
    assert waiting.read_response().status == 200
    assert engine.wait_exit() == 0
    assert device_ids(server.client()) == ["waiting"]


def test_the_admin_answers_while_one_reactor_has_ended(starter):
    """Two reactors drain; the one without work ends at once, the other waits for a paused Redis."""
    server = starter.redis()
    engine = starter.engine(server.url, cores="0,1", settings=PATIENT)
    with engine.connect() as connection:
        assert connection.post(sample("before")).status == 200
    pause(server)
    waiting = engine.connect()
    waiting.send(render_request("POST", "/telemetry", json.dumps(sample("waiting")).encode()))
    wait_until(lambda: engine.samples()["accepted"] == 2, "the sample is in flight")
    engine.signal(signal.SIGTERM)
    wait_until(lambda: engine.status()["state"] == "draining", "it drains")
    time.sleep(0.2)  # for the reactor without work to end
    for _ in range(3):
        status = engine.status()
        assert [reactor["core"] for reactor in status["reactors"]] == [0, 1]
        assert status["samples"]["accepted"] == 2 and status["samples"]["in_flight"] == 1, status["samples"]
        assert "sluice_samples_in_flight" in engine.metrics()
    server.client().client_unpause()
    assert waiting.read_response().status == 200
    assert engine.wait_exit() == 0


def test_while_draining_nobody_can_connect(starter):
    """A listener that is still open, but no longer accepted from, would leave new clients hanging."""
    engine = engine_with_undeliverable_samples(starter, "8s")
    engine.signal(signal.SIGTERM)
    wait_until(lambda: refuses_connections(engine.address), "connections are refused")
    assert engine.running, "it drains still"
    assert engine.wait_exit() == 1


def engine_with_undeliverable_samples(starter, drain_timeout: str):
    server = starter.redis()
    engine = starter.engine(server.url, settings={"drain_timeout": drain_timeout})
    server.kill()
    with engine.connect() as connection:
        for number in range(7):
            assert connection.post(sample(f"d{number}"), query="?ack=queued").status == 200
    return engine


def test_what_could_not_be_delivered_is_reported(starter):
    engine = engine_with_undeliverable_samples(starter, "500ms")
    begin = time.monotonic()
    engine.signal(signal.SIGTERM)
    assert engine.wait_exit() == 1
    assert 0.3 < time.monotonic() - begin
    report = [line for line in engine.log().splitlines() if "7" in line and "deliver" in line]
    assert report, f"no line reports the 7 samples:\n{engine.log()[-2000:]}"


def test_the_second_signal_ends_it_at_once(starter):
    engine = engine_with_undeliverable_samples(starter, "60s")
    engine.signal(signal.SIGTERM)
    wait_until(lambda: engine.status()["state"] == "draining", "it drains")
    time.sleep(1.1)  # within a second it would be the same signal
    begin = time.monotonic()
    engine.signal(signal.SIGTERM)
    assert engine.wait_exit() != 0
    assert time.monotonic() - begin < 30


def test_redis_comes_back_during_the_drain(starter):
    server = starter.redis(persistent=True)
    engine = starter.engine(server.url, settings={"drain_timeout": "30s", "sink.redis.backoff_max": "200ms"})
    server.kill()
    with engine.connect() as connection:
        assert connection.post(sample("kept"), query="?ack=queued").status == 200
    engine.signal(signal.SIGTERM)
    time.sleep(0.5)
    server.start()
    assert engine.wait_exit() == 0
    assert device_ids(server.client()) == ["kept"]


def test_a_client_that_never_reads_does_not_hold_up_the_end(starter):
    engine = starter.engine("null:", ack="queued", settings={"drain_timeout": "2s"})
    with engine.connect() as connection:
        connection.socket.settimeout(0.3)
        try:
            for _ in range(200):
                connection.send(render_request("GET", "/health") * 1000)
        except TimeoutError:
            pass
        engine.signal(signal.SIGTERM)
        assert engine.wait_exit() in (0, 1)


def test_a_half_sent_request_does_not_hold_up_the_end(starter):
    engine = starter.engine("null:", ack="queued", settings={"drain_timeout": "2s"})
    with engine.connect() as connection:
        connection.send(render_request("POST", "/telemetry", json.dumps(sample()).encode())[:-3])
        time.sleep(0.1)
        engine.signal(signal.SIGTERM)
        assert engine.wait_exit() in (0, 1)
