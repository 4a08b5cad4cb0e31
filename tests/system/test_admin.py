"""The admin listener: state, controls, and the shapes that TelemetryHub's clients rely on."""
# runs: release.io_uring release.epoll asan.io_uring tsan.io_uring tsan.epoll fast user

import re

import pytest

from harness import HttpConnection, Load, assert_conserved, device_ids, render_request, sample

# An answer that only leaves when something else wakes the reactor would come with the next timer, seconds later.
ANSWER_WITHIN_S = 2


@pytest.fixture
def engine(starter):
    return starter.engine("null:", ack="queued")


def post(engine):
    with engine.connect() as connection:
        return connection.post(sample())


def test_status_has_the_members_of_telemetryhub(engine):
    status = engine.status()
    assert status["state"] == "running"
    assert status["latest_sample"] is None or isinstance(status["latest_sample"], dict)
    assert status["metrics"].keys() >= {"samples_processed", "samples_dropped", "pool_jobs_processed", "pool_jobs_queued",
                                        "pool_num_threads"}
    assert all(isinstance(value, int) for value in status["metrics"].values())


def test_status_describes_the_engine(engine):
    status = engine.status()
    assert status["version"] and status["ack"] == "queued" and status["uptime_s"] >= 0
    [reactor] = status["reactors"]
    assert reactor["core"] == 0 and reactor["connections"] == 0
    assert {"received", "accepted", "delivered", "in_flight", "rejected", "dropped"} <= reactor["samples"].keys()
    assert status["sinks"][0]["state"] == "ready" and not status["sinks"][0]["last_error"]


def test_samples_processed_counts_samples(engine):
    with engine.connect() as connection:
        assert connection.post([sample(f"d{index}") for index in range(5)]).status == 200
    engine.wait_delivered()
    assert engine.status()["metrics"]["samples_processed"] == 5


def test_stages_have_latencies(starter):
    engine = starter.engine(starter.redis().url)
    with engine.connect() as connection:
        for _ in range(50):
            assert connection.post(sample()).status == 200
    stages = engine.status()["latency"]["stages"]
    assert len(stages) >= 4
    for name, stage in stages.items():
        assert stage["count"] > 0, name
        assert 0 <= stage["p50_us"] <= stage["p90_us"] <= stage["p99_us"] <= stage["p999_us"] <= stage["max_us"], name


def test_stop_refuses_telemetry_and_start_takes_it_again(engine):
    assert post(engine).status == 200
    stopped = engine.admin("POST", "/stop")
    assert (stopped.status, stopped.json()["ok"]) == (200, True)
    assert engine.status()["state"] == "paused"

    refused = post(engine)
    assert (refused.status, refused.code) == (503, "paused") and not refused.closes
    assert int(refused.header("Retry-After")) >= 1
    ready = engine.admin("GET", "/ready")
    assert ready.status == 503 and "paused" in ready.body.decode().lower()
    assert engine.admin("GET", "/health").status == 200
    with engine.connect() as connection:
        assert connection.request("GET", "/ready").status == 503
        assert connection.request("GET", "/health").status == 200

    started = engine.admin("POST", "/start")
    assert (started.status, started.json()["ok"]) == (200, True)
    assert engine.status()["state"] == "running" and engine.admin("GET", "/ready").status == 200
    assert post(engine).status == 200


def test_start_and_stop_may_be_repeated(engine):
    for target in ("/start", "/start", "/stop", "/stop", "/start"):
        assert engine.admin("POST", target).json()["ok"] is True
    assert post(engine).status == 200


def test_stop_still_delivers_what_was_accepted(starter):
    server = starter.redis()
    engine = starter.engine(server.url)
    server.client().client_pause(500)
    with engine.connect() as connection:
        assert connection.post(sample("accepted"), query="?ack=queued").status == 200
    assert engine.admin("POST", "/stop").status == 200
    engine.wait_delivered()
    assert device_ids(server.client()) == ["accepted"]


def test_stop_under_load_keeps_the_books(starter):
    server = starter.redis()
    engine = starter.engine(server.url)
    load = Load(engine.address, clients=8, ack="stored").start()
    for _ in range(5):
        load.wait_for(len(load.acknowledged) + 50)
        assert engine.admin("POST", "/stop").status == 200
        assert engine.admin("POST", "/start").status == 200
    load.stop()
    assert_conserved(engine.status())
    load.assert_promises_kept(device_ids(server.client()))


def test_reset_is_refused_while_running(engine):
    response = engine.admin("POST", "/reset")
    assert (response.status, response.code) == (400, "not_paused")
    assert response.json()["error"] == "Cannot reset while measuring. Stop gateway first."


def test_reset_zeroes_the_counters(engine):
    assert post(engine).status == 200
    with engine.connect() as connection:
        assert connection.post([sample(), {}]).status == 207
    engine.wait_delivered()
    engine.admin("POST", "/stop")
    response = engine.admin("POST", "/reset")
    assert response.status == 200 and response.json()["ok"] is True and response.json()["message"]
    status = engine.status()
    assert status["metrics"]["samples_processed"] == 0
    samples = status["reactors"][0]["samples"]
    assert (samples["received"], samples["accepted"], samples["delivered"]) == (0, 0, 0)
    assert sum(samples["rejected"].values()) == 0
    assert all(stage["count"] == 0 for stage in status["latency"]["stages"].values())
    iterations = {name: int(value) for name, value in re.findall(r"^(sluice_loop_iteration\w+){\S+ (\d+)$", engine.metrics(), re.MULTILINE)}
    assert iterations["sluice_loop_iteration_seconds_count"] < iterations["sluice_loop_iterations_total"]
    engine.admin("POST", "/start")
    assert post(engine).status == 200
    engine.wait_delivered()
    assert engine.status()["metrics"]["samples_processed"] == 1


def test_reset_keeps_the_books_while_samples_are_in_flight(starter):
    server = starter.redis()
    engine = starter.engine(server.url)
    server.client().client_pause(700)
    with engine.connect() as connection:
        assert connection.post(sample("in-flight"), query="?ack=queued").status == 200
    engine.admin("POST", "/stop")
    assert engine.admin("POST", "/reset").status == 200
    assert_conserved(engine.status())
    engine.wait_delivered()
    assert_conserved(engine.status())


@pytest.mark.parametrize("method, target, status", [
    ("POST", "/telemetry", 404), ("GET", "/nothing", 404), ("GET", "/start", 405), ("POST", "/status", 405), ("PUT", "/metrics", 405)])
def test_what_the_admin_listener_does_not_do(engine, method, target, status):
    body = b"" if method in ("POST", "PUT") else None
    assert engine.admin(method, target, body).status == status


def test_the_admin_listener_says_where_telemetry_is_taken(engine):
    assert engine.admin("POST", "/telemetry", b"").json()["where"] == "/telemetry at the address of listen"
    assert engine.admin("GET", "/status/").json()["where"] == "/status"


@pytest.mark.parametrize("target, allow", [("/status", "GET, HEAD, OPTIONS"), ("/stop", "POST, OPTIONS"), ("*", "GET, HEAD, POST, OPTIONS")])
def test_options_of_the_admin_listener(engine, target, allow):
    response = engine.admin("OPTIONS", target)
    assert (response.status, response.header("Allow")) == (204, allow)
    assert engine.status()["state"] == "running"


def test_the_data_listener_serves_no_controls(engine):
    with engine.connect() as connection:
        for method, target in (("GET", "/status"), ("GET", "/metrics"), ("POST", "/start"), ("POST", "/stop"), ("POST", "/reset")):
            assert connection.request(method, target, b"" if method == "POST" else None).status == 404


def test_one_address_serves_both(starter):
    engine = starter.engine("null:", ack="queued", admin_on_data_listener=True)
    with engine.connect(ANSWER_WITHIN_S) as connection:
        assert connection.post(sample()).status == 200
        assert connection.request("GET", "/status").json()["state"] == "running"
        assert connection.request("GET", "/metrics").status == 200
        assert connection.request("POST", "/stop", b"").json()["ok"] is True
        assert connection.post(sample()).status == 503
        assert connection.request("POST", "/reset", b"").status == 200
        assert connection.request("POST", "/start", b"").json()["ok"] is True
        assert connection.post(sample()).status == 200


def test_one_address_serves_both_from_every_reactor(starter):
    engine = starter.engine("null:", ack="queued", cores="0,1", admin_on_data_listener=True)
    for _ in range(20):
        with engine.connect(ANSWER_WITHIN_S) as connection:
            assert len(connection.request("GET", "/status").json()["reactors"]) == 2


def test_the_admin_listener_survives_bad_clients(engine):
    idle = [HttpConnection(engine.admin_address) for _ in range(50)]
    for connection in idle:
        connection.send(render_request("GET", "/status")[:20])
    assert engine.admin("GET", "/status").status == 200
    for connection in idle:
        connection.close()
    with HttpConnection(engine.admin_address) as connection:
        connection.send(b"NONSENSE\r\n\r\n")
        assert connection.read_response().status == 400
    assert engine.admin("GET", "/status").status == 200


def test_admin_requests_beyond_what_may_wait_are_refused_and_none_is_forgotten(starter):
    """At a shared listener, reactors pass them on: a bounded number waits for the admin thread."""
    # None is given up for its time: under a sanitizer 800 answers take longer than the default.
    engine = starter.engine("null:", ack="queued", admin_on_data_listener=True, settings={"ack_timeout": "1m"})
    connections = [engine.connect(timeout_s=60) for _ in range(8)]
    for connection in connections:
        connection.send(render_request("GET", "/status") * 100)
    responses = [connection.read_response() for connection in connections for _ in range(100)]
    refused = [response for response in responses if response.status != 200]
    assert all((response.status, response.code) == (503, "admin_timeout") for response in refused)
    # How many depends on how fast the admin thread is; mailbox_test shows where the bound lies.
    assert len(refused) < len(responses)
    for connection in connections:
        assert connection.request("GET", "/status").status == 200
        connection.close()
