"""Consumer-aware admission: what of Redis and its consumers closes the engine, opens it again, and shows where."""
# runs: release.io_uring release.epoll asan.io_uring tsan.io_uring

import pytest

from harness import device_ids, ndjson, sample, wait_until

FAST = {"admission.interval": "50ms"}


@pytest.fixture
def server(starter):
    return starter.redis()


def post(engine, count: int = 1, query: str = ""):
    with engine.connect() as connection:
        return connection.post(ndjson(sample(f"d{i}") for i in range(count)), query=query,
                               content_type="application/x-ndjson")


def wait_shedding(engine, code: str):
    wait_until(lambda: engine.status()["admission"]["passed_bound"] == code, "the bound is passed")
    response = post(engine)
    assert (response.status, response.code) == (503, code)
    assert int(response.header("Retry-After")) >= 1
    ready = engine.admin("GET", "/ready")
    assert (ready.status, ready.code) == (503, code)
    assert engine.status()["admission"]["sheds"] is True
    assert f'sluice_admission_bound_passed{{code="{code}"}} 1' in engine.metrics()


def wait_admitting(engine):
    wait_until(lambda: engine.status()["admission"]["passed_bound"] is None, "no bound is passed")
    assert engine.admin("GET", "/ready").status == 200
    assert post(engine).status == 200


def wait_sampled(engine):
    """Two more rounds are over: what was true before the call has been seen."""
    def rounds() -> int:
        admission = engine.status()["admission"]
        return admission["samples"] + admission["failures"]

    before = rounds()
    wait_until(lambda: rounds() >= before + 2, "Redis has been asked again")


@pytest.mark.parametrize("settings", [{}, {"sink.redis.partitions": 4}, {"sink.redis.layout": "list"}])
def test_a_full_stream(starter, server, settings):
    engine = starter.engine(server.url, settings={**FAST, **settings, "admission.stream_length_max": 100})
    client = server.client()
    assert post(engine, 99).status == 200
    wait_sampled(engine)
    assert post(engine, 1).status == 200, "99 are fewer than 100"
    wait_shedding(engine, "stream_full")
    assert engine.status()["admission"]["stream_length"] == 100
    assert post(engine, query="?ack=queued").code == "stream_full"
    with engine.connect() as connection:  # refused by the head already
        connection.send(b"POST /telemetry HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n")
        assert connection.read_response().code == "stream_full"
    if settings:
        client.flushall()
    else:
        client.xtrim("telemetry", maxlen=90, approximate=False)
        wait_sampled(engine)
        assert post(engine).code == "stream_full", "it opens below 90 % of the bound, not at it"
        client.xtrim("telemetry", maxlen=89, approximate=False)
    wait_admitting(engine)
    log = engine.log()
    assert log.count("admission_closed") == 1 and "code=stream_full" in log
    assert log.count("admission_opened") == 1 and "after_s=" in log


def test_a_group_that_does_not_read(starter, server):
    client = server.client()
    client.xgroup_create("telemetry", "dashboard", id="0", mkstream=True)
    client.xgroup_create("telemetry", "archive", id="0")
    engine = starter.engine(server.url, settings={**FAST, "admission.group_lag_max": 50})
    assert post(engine, 60).status == 200
    wait_shedding(engine, "consumers_behind")
    assert engine.status()["admission"]["group_lag"] == 60

    def read(group: str):
        for _, entries in client.xreadgroup(group, "one", {"telemetry": ">"}, count=1000):
            client.xack("telemetry", group, *(entry for entry, _ in entries))

    read("dashboard")
    wait_sampled(engine)
    assert post(engine).code == "consumers_behind", "the slowest group counts"
    read("archive")
    wait_admitting(engine)


def test_a_lag_that_redis_can_not_tell_holds_up_nobody(starter, server):
    client = server.client()
    engine = starter.engine(server.url, settings={**FAST, "admission.group_lag_max": 10})
    assert post(engine, 5).status == 200
    client.xgroup_create("telemetry", "group", id="0")
    client.xdel("telemetry", client.xrange("telemetry")[2][0])  # within the stream: `lag` is nil from here on
    assert client.xinfo_groups("telemetry")[0]["lag"] is None
    assert post(engine, 50).status == 200
    wait_sampled(engine)
    admission = engine.status()["admission"]
    assert admission["group_lag"] is None
    assert admission["last_error"].startswith("Redis does not know the lag of a group of telemetry")
    assert engine.log().count("event=admission_unknown") == 1
    assert post(engine).status == 200


def test_redis_runs_out_of_memory(starter, server):
    client = server.client()
    engine = starter.engine(server.url, settings=FAST)
    assert post(engine).status == 200
    assert engine.status()["admission"]["redis_maxmemory_bytes"] in (0, None)
    used = client.info("memory")["used_memory"]
    client.config_set("maxmemory", int(used / 0.92))
    wait_shedding(engine, "redis_memory")
    assert client.set("other", 1), "Redis itself is not full yet"
    assert len(device_ids(client)) == 1, "nothing of what was refused is there"
    client.config_set("maxmemory", 10 * used)
    wait_admitting(engine)


def test_without_redis_nobody_is_held_up(starter, server):
    engine = starter.engine(server.url, settings={**FAST, "admission.stream_length_max": 10, "sink.redis.backoff_max": "100ms"})
    assert post(engine, 20).status == 200
    wait_shedding(engine, "stream_full")
    server.kill()
    wait_until(lambda: engine.status()["admission"]["passed_bound"] is None, "the bound is given up after a few looks")
    assert engine.status()["admission"]["stream_length"] is None
    assert engine.log().count("event=admission_lapsed") == 1 and "admission_opened" not in engine.log()
    assert f"Redis at 127.0.0.1:{server.port} cannot be asked" in engine.status()["admission"]["last_error"]
    assert post(engine, query="?ack=queued").status == 200
    server.start()
    wait_until(lambda: engine.status()["admission"]["last_error"] == "", "Redis is asked again")
    engine.wait_delivered()


def test_a_silence_does_not_open(starter, server):
    client = server.client()
    engine = starter.engine(server.url, settings={**FAST, "sink.redis.connect_timeout": "300ms"})
    assert post(engine).status == 200
    used = client.info("memory")["used_memory"]
    client.config_set("maxmemory", int(used / 0.92))
    wait_shedding(engine, "redis_memory")
    server.freeze()
    wait_until(lambda: engine.status()["admission"]["failures"] > 0, "Redis does not answer")
    admission = engine.status()["admission"]
    assert (admission["passed_bound"], admission["redis_used_bytes"]) == ("redis_memory", None)
    assert admission["last_error"] == f"Redis at 127.0.0.1:{server.port} cannot be asked: no answer within 0.3 s"
    assert post(engine, query="?ack=queued").code == "redis_memory"
    server.thaw()
    wait_sampled(engine)
    assert engine.status()["admission"]["passed_bound"] == "redis_memory"
    client.config_set("maxmemory", 10 * used)
    wait_admitting(engine)
    assert "admission_lapsed" not in engine.log()


def test_retry_after_is_at_least_the_interval(starter, server):
    engine = starter.engine(server.url, settings={"admission.interval": "3s", "admission.stream_length_max": 5})
    assert post(engine, 9).status == 200
    response = wait_until(lambda: (answer := post(engine)).status == 503 and answer, "the bound is passed")
    assert response.code == "stream_full"
    assert int(response.header("Retry-After")) in (2, 3)  # until the next look


def test_a_user_who_may_not_ask(starter, server):
    server.client().execute_command("ACL", "SETUSER", "writer", "on", ">pen", "~telemetry", "+xadd", "+xlen")
    engine = starter.engine(server.url, settings={**FAST, "sink.redis.user": "writer", "sink.redis.password": "pen",
                                                  "admission.group_lag_max": 1, "admission.stream_length_max": 30})
    assert post(engine, 10).status == 200
    wait_sampled(engine)
    admission = engine.status()["admission"]
    assert (admission["stream_length"], admission["group_lag"], admission["redis_used_bytes"]) == (10, None, None)
    assert admission["last_error"].startswith("Redis refuses XINFO GROUPS: NOPERM") and "; INFO memory: NOPERM" in admission["last_error"]
    assert "level=info event=redis_setup_unknown" in engine.log()
    assert engine.log().count("admission_unknown") == 1, "told once, not every round"
    assert post(engine, 20).status == 200
    wait_shedding(engine, "stream_full")


def test_a_journal_in_front_takes_it_all(starter, server, tmp_path):
    engine = starter.engine(server.url, settings={**FAST, "admission.stream_length_max": 10, "journal.directory": tmp_path})
    assert post(engine, 20).status == 200
    wait_until(lambda: engine.status()["admission"]["passed_bound"] == "stream_full", "the bound is passed")
    assert engine.status()["admission"]["sheds"] is False
    assert post(engine, 20).status == 200
    assert engine.admin("GET", "/ready").status == 200


def test_it_can_be_switched_off(starter, server):
    server.client().config_set("maxmemory", 1_000_000_000)
    engine = starter.engine(server.url, settings={"admission.interval": "0s"})
    used = server.client().info("memory")["used_memory"]
    server.client().config_set("maxmemory", int(used / 0.95))  # above admission.memory_max
    assert post(engine, 5).status == 200
    assert "admission" not in engine.status()
    assert "sluice_admission" not in engine.metrics()


@pytest.mark.parametrize("is_away", [False, True])
def test_without_an_interval_the_setup_is_told_once(starter, server, is_away):
    if is_away:
        server.kill()
    engine = starter.engine(server.url, until="/health", settings={"admission.interval": "0s"})
    if is_away:
        server.start()
    wait_until(lambda: "level=warn event=redis_not_persistent" in engine.log(), "the setup is told")
    assert engine.log().count("level=warn event=redis_unbounded") == 1
    assert "admission_unknown" not in engine.log()
    wait_until(lambda: "sluice-admission" not in [client["name"] for client in server.client().client_list()], "its connection is closed")


BOUNDED = ("--maxmemory", "1gb")


@pytest.mark.parametrize("arguments, events", [
    ((*BOUNDED, "--maxmemory-policy", "allkeys-lru"), ["level=warn event=redis_evicts", "level=warn event=redis_not_persistent"]),
    ((*BOUNDED, "--save", "60 1"), ["level=info event=redis_not_persistent"]),
    ((*BOUNDED, "--appendonly", "yes", "--appendfsync", "everysec"), ["level=info event=redis_fsync"]),
    ((*BOUNDED, "--appendonly", "yes", "--appendfsync", "always"), []),
    (("--appendonly", "yes", "--appendfsync", "always"), ["level=warn event=redis_unbounded"]),
])
def test_a_setup_that_can_lose_the_stream_is_told(starter, arguments, events):
    server = starter.redis(arguments=arguments)
    engine = starter.engine(server.url, settings=FAST)
    wait_sampled(engine)
    told = [line for line in engine.log().splitlines() if "event=redis_" in line]
    assert len(told) == len(events)
    for event in events:
        assert any(event in line and "change=" in line for line in told), told


@pytest.mark.parametrize("bound", ["sink.redis.maxlen", "admission.stream_length_max"])
def test_a_bound_of_the_stream_is_a_bound(starter, server, bound):
    engine = starter.engine(server.url, settings={**FAST, bound: 1_000_000})
    wait_sampled(engine)
    assert "level=info event=redis_unbounded" in engine.log()


def test_a_setup_is_told_of_again_after_a_reconnect(starter, server):
    engine = starter.engine(server.url, settings={**FAST, "sink.redis.backoff_max": "100ms"})
    wait_sampled(engine)
    assert engine.log().count("redis_not_persistent") == 1
    server.client().client_kill_filter(_type="normal", skipme=True)
    wait_until(lambda: engine.log().count("redis_not_persistent") == 2, "the new connection has looked again")
