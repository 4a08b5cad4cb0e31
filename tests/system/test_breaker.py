"""The circuit breaker: while Redis is away or refuses, `stored` is refused at the door, at once and before its body is read;
`queued` goes on; and it closes by itself when Redis is back."""
# runs: release.io_uring release.epoll asan.io_uring

import time

import pytest

from harness import Load, device_ids, render_request, sample, wait_until

# A request that waited for ack_timeout would show: nothing here may take half as long.
ACK_TIMEOUT_S = 20
SETTINGS = {"ack_timeout": f"{ACK_TIMEOUT_S}s", "sink.redis.backoff_min": "100ms", "sink.redis.backoff_max": "400ms",
            "sink.redis.reply_timeout": "500ms", "sink.redis.connect_timeout": "500ms"}
LARGE = 1024 * 1024


@pytest.fixture
def server(starter):
    return starter.redis(persistent=True)


@pytest.fixture
def engine(starter, server):
    return starter.engine(server.url, settings=SETTINGS)


def post(engine, device_id: str, ack: str):
    with engine.connect() as connection:
        return connection.post(sample(device_id), query=f"?ack={ack}")


def breaker(engine) -> dict:
    return engine.status()["sinks"][0]["breaker"]


def wait_breaker(engine, *states: str) -> None:
    wait_until(lambda: breaker(engine)["state"] in states, f"the breaker is {' or '.join(states)}")


def wait_open(engine) -> None:
    """A half-open one may close with the next reply, but not while Redis is away."""
    wait_breaker(engine, "open", "half_open")


def refused_count(engine, code: str = "sink_unavailable") -> int:
    return sum(reactor["requests_refused"].get(code, 0) for reactor in engine.status()["reactors"])


def head_only(content_length: int, *headers: tuple[str, str], ack: str = "stored") -> bytes:
    return render_request("POST", f"/telemetry?ack={ack}", None, [("Content-Length", str(content_length)), *headers])


def test_stored_is_refused_at_once_and_queued_goes_on(engine, server):
    assert breaker(engine) == {"state": "closed", "opens": 0, "failures": 0}
    server.stop()
    wait_open(engine)
    begin = time.monotonic()
    for _ in range(10):
        response = post(engine, "refused", "stored")
        assert (response.status, response.code) == (503, "sink_unavailable")
        assert not response.closes
        assert 1 <= int(response.header("Retry-After")) <= 60
    assert time.monotonic() - begin < ACK_TIMEOUT_S / 2
    for number in range(5):
        assert post(engine, f"kept-{number}", "queued").status == 200
    assert refused_count(engine) == 10
    assert engine.samples()["received"] == 5, "nothing of a refused request is looked at"
    server.start()
    wait_breaker(engine, "closed")  # by itself: nobody sends anything
    assert post(engine, "after", "stored").status == 200
    assert device_ids(server.client()) == [*(f"kept-{number}" for number in range(5)), "after"]
    assert breaker(engine)["opens"] == 1


def test_the_body_is_not_read_before_the_answer(engine, server):
    server.stop()
    wait_open(engine)
    with engine.connect() as connection:  # a large one: the connection ends
        connection.send(head_only(LARGE))
        response = connection.read_response()
        assert (response.status, response.code, response.closes) == (503, "sink_unavailable", True)
        assert connection.read_to_end() == b""
    with engine.connect() as connection:  # that is on its way already: the answer is not lost by a reset
        connection.send(head_only(LARGE) + b" " * LARGE)
        assert connection.read_response().code == "sink_unavailable"
        assert connection.read_to_end() == b""
    with engine.connect() as connection:  # a small one is discarded when it comes, and the connection goes on
        connection.send(head_only(100))
        response = connection.read_response()
        assert (response.status, response.code, response.closes) == (503, "sink_unavailable", False)
        connection.send(b"x" * 100)
        assert connection.post(sample("kept"), query="?ack=queued").status == 200
    with engine.connect() as connection:  # who asks is not told to go on
        connection.send(head_only(100, ("Expect", "100-continue")))
        response = connection.read_response()
        assert (response.status, response.code, response.closes) == (503, "sink_unavailable", True)
    assert refused_count(engine) == 4
    assert engine.status()["reactors"][0]["body_bytes_in_use"] == 0
    server.start()
    engine.wait_delivered()


def test_all_interfaces_tell_its_state(engine, server):
    assert 'sluice_sink_breaker_state{sink="0",state="closed"} 1' in engine.metrics()
    server.stop()
    wait_open(engine)
    told = breaker(engine)
    assert told["opens"] == 1 and told["failures"] >= 3
    assert 0 <= told.get("retry_in_s", 0) <= 0.4
    metrics = engine.metrics()
    assert 'sluice_sink_breaker_opens_total{sink="0"} 1' in metrics
    assert 'sluice_sink_breaker_state{sink="0",state="closed"} 0' in metrics
    ready = engine.admin("GET", "/ready")
    assert (ready.status, ready.code) == (503, "not_ready")
    assert ready.json()["breaker"] in ("open", "half_open") and "circuit breaker" in ready.json()["error"]
    opened = wait_until(lambda: [line for line in engine.log().splitlines() if "event=sink_breaker " in line], "the log says it")
    assert "level=warn" in opened[0] and "state=open" in opened[0] and "failures=" in opened[0] and "reason=" in opened[0]
    server.start()
    wait_breaker(engine, "closed")
    wait_until(lambda: engine.admin("GET", "/ready").status == 200, "/ready turns 200")
    wait_until(lambda: "event=sink_breaker sink=0 state=closed after_s=" in engine.log(), "the log says that it is over")
    assert engine.log().count("event=sink_breaker ") == 2, engine.log()


def test_a_frozen_redis_and_no_reactor_waits_for_it(engine, server):
    with engine.connect() as connection:
        assert connection.post(sample("before"), query="?ack=stored").status == 200
        server.freeze()
        assert connection.post(sample("kept"), query="?ack=queued").status == 200
        frozen = time.monotonic()
        wait_open(engine)
        assert connection.post(sample("refused"), query="?ack=stored").code == "sink_unavailable"
        time.sleep(max(0.0, 3 - (time.monotonic() - frozen)))
    longest_us = engine.status()["reactors"][0]["loop_iteration_us_max"]
    assert 0 < longest_us < 1_500_000, "half of the time that Redis did not answer"
    server.thaw()
    wait_breaker(engine, "closed")
    engine.wait_delivered()
    assert post(engine, "after", "stored").status == 200
    assert set(device_ids(server.client())) == {"before", "kept", "after"}


def test_out_of_memory_lets_a_few_requests_try(engine, server):
    """Redis answers PING but takes no samples, and nothing is kept: only samples can show when it takes them again."""
    client = server.client()
    client.config_set("maxmemory-policy", "noeviction")
    client.config_set("maxmemory", 1)
    codes = [post(engine, f"refused-{number}", "stored").code for number in range(10)]
    assert codes[:3] == ["sink_busy"] * 3
    assert "sink_unavailable" in codes[3:]
    busy_before = refused_count(engine, "sink_busy")
    opens_before = breaker(engine)["opens"]
    begin = time.monotonic()
    with engine.connect() as connection:
        for number in range(300):
            assert connection.post(sample("refused"), query="?ack=stored").status == 503
            time.sleep(0.005)
    took_s = time.monotonic() - begin
    tried = refused_count(engine, "sink_busy") - busy_before
    assert 1 <= tried <= 2 + took_s / 0.05, "one for each pause, which is no shorter than half of backoff_min"
    assert breaker(engine)["opens"] == opens_before == 1
    client.config_set("maxmemory", 0)
    wait_until(lambda: post(engine, "after", "stored").status == 200, "samples are stored again")
    assert breaker(engine)["state"] == "closed"
    assert "refused" not in device_ids(client)


def test_ready_lets_clients_come_back_after_a_refusal(engine, server):
    """A load balancer that waited for a success would never send the sample that shows it."""
    client = server.client()
    client.config_set("maxmemory-policy", "noeviction")
    client.config_set("maxmemory", 1)
    wait_until(lambda: post(engine, "refused", "stored").code == "sink_unavailable", "it opens")
    assert engine.admin("GET", "/ready").status == 503
    wait_until(lambda: engine.admin("GET", "/ready").status == 200, "/ready turns 200")
    assert breaker(engine)["state"] == "half_open"
    client.config_set("maxmemory", 0)
    assert post(engine, "after", "stored").status == 200
    assert breaker(engine)["state"] == "closed"


def test_queued_samples_that_are_kept_are_the_attempt(engine, server):
    client = server.client()
    client.config_set("maxmemory-policy", "noeviction")
    client.config_set("maxmemory", 1)
    assert post(engine, "kept", "queued").status == 200
    wait_open(engine)
    assert post(engine, "refused", "stored").code == "sink_unavailable"
    client.config_set("maxmemory", 0)
    wait_breaker(engine, "closed")
    engine.wait_delivered()
    assert device_ids(client) == ["kept"]


def test_it_can_be_switched_off(starter, server):
    engine = starter.engine(server.url, settings={**SETTINGS, "ack_timeout": "1s", "sink.redis.breaker_failures": 0})
    server.stop()
    wait_until(lambda: engine.status()["sinks"][0]["connection_failures"] > 5, "it has tried")
    assert post(engine, "late", "stored").code == "ack_timeout"
    assert breaker(engine)["state"] == "closed"
    server.start()
    engine.wait_delivered()


def test_retry_after_grows_with_the_backlog(starter, server):
    engine = starter.engine(server.url, settings={**SETTINGS, "batch.count": 8, "batch.size": "32KiB", "sink.redis.breaker_failures": 0})
    load = Load(engine.address, clients=4, ack="queued").start()
    load.wait_for(500)
    server.freeze()
    wait_until(lambda: load.refused, "the buffers are full")
    load.stop()
    answers = wait_until(lambda: (answer := post(engine, "refused", "stored")).status == 503
                         and int(answer.header("Retry-After")) > 1 and answer, "nothing drains: stay away longer", timeout_s=30)
    assert int(answers.header("Retry-After")) <= 60
    server.thaw()
    engine.wait_delivered()


def test_a_full_engine_refuses_a_large_body_by_its_head(starter, server):
    engine = starter.engine(server.url, settings={**SETTINGS, "batch.count": 5, "batch.size": "32KiB"})
    server.stop()
    with engine.connect() as connection:
        wait_until(lambda: connection.post(sample("kept", note="x" * 8000), query="?ack=queued").status == 503, "it is full")
        connection.send(head_only(LARGE, ack="queued"))
        response = connection.read_response()
        assert (response.status, response.code, response.closes) == (503, "overloaded", True)
    server.start()
    engine.wait_delivered()


def test_with_a_journal_it_is_the_forwarders(starter, server, tmp_path):
    engine = starter.engine(server.url, settings={**SETTINGS, "journal.directory": tmp_path})
    server.stop()
    wait_until(lambda: engine.status()["forwarder"]["breaker"]["state"] != "closed", "the forwarder's breaker opens")
    for ack in ("queued", "journaled", "stored"):
        assert post(engine, f"kept-{ack}", ack).status == 200, "the journal takes it"
    assert 'sluice_sink_breaker_opens_total{sink="forwarder"} 1' in engine.metrics()
    assert 'sluice_sink_breaker_opens_total{sink="0"} 0' in engine.metrics()
    assert engine.admin("GET", "/ready").status == 200
    server.start()
    wait_until(lambda: len(device_ids(server.client())) == 3, "Redis has every sample")
    wait_until(lambda: engine.status()["forwarder"]["breaker"]["state"] == "closed", "it is closed again")


def test_a_stranded_sample_does_not_keep_clients_away(starter, server):
    server.kill()
    engine = starter.engine(server.url, settings={"sink.redis.backoff_max": "2s"}, until="/health")
    assert post(engine, "stranded", "queued").status == 200
    for _ in range(5):
        response = wait_until(lambda: (answer := post(engine, "refused", "stored")).code == "sink_unavailable" and answer, "the breaker is open")
        assert int(response.header("Retry-After")) <= 2, "it is tried again every 2 s at most"
        time.sleep(0.3)
    server.start()
    engine.wait_delivered()
