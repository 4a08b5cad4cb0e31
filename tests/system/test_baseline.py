"""The gateway that Sluice replaces, as an opponent: what it stores, what it refuses, and where it starves."""
# runs: release

import json
import os
import signal
import subprocess
import threading
from pathlib import Path

import pytest

from harness import Child, HttpConnection, Response, reserve_port, sample, stream_entries, wait_until
from harness.engine import CLEAN_ENVIRONMENT, PROJECT

BINARY = Path(os.environ.get("SLUICE_BASELINE_BIN", PROJECT / "build/release/baseline-gateway")).resolve()


class Baseline:
    def __init__(self, directory: Path, redis_url: str, *arguments: str):
        self.address = ("127.0.0.1", reserve_port())
        self._child = Child([BINARY, "--listen", "{}:{}".format(*self.address), "--redis", redis_url, *arguments], directory,
                            "baseline", CLEAN_ENVIRONMENT)
        wait_until(self._answers, "the baseline gateway answers")

    def _answers(self) -> bool:
        try:
            with self.connect() as connection:
                return connection.request("GET", "/health", headers=[("Connection", "close")]).json() == {"status": "ok"}
        except OSError:
            return False

    def connect(self) -> HttpConnection:
        return HttpConnection(self.address)

    def ask(self, method: str, path: str) -> Response:
        with self.connect() as connection:
            # cpp-httplib waits for a body where no length is told.
            return connection.request(method, path, b"" if method == "POST" else None, headers=[("Connection", "close")])

    def metrics(self) -> dict:
        return self.ask("GET", "/metrics").json()

    def stop(self) -> int:
        self._child.signal(signal.SIGTERM)
        return self._child.wait(20)

    def kill(self) -> None:
        self._child.kill()


@pytest.fixture
def start_baseline(tmp_path):
    started = []

    def start(redis_url: str, *arguments: str) -> Baseline:
        started.append(Baseline(tmp_path, redis_url, *arguments))
        return started[-1]

    yield start
    for baseline in started:
        baseline.kill()


def post_all(baseline: Baseline, records: list) -> None:
    with baseline.connect() as connection:
        for record in records:
            response = connection.post(record)
            assert response.status == 200 and response.json() == {"ok": True, "message": "Telemetry received"}


def test_samples_arrive_as_the_processing_service_reads_them(starter, start_baseline):
    redis_server = starter.redis()
    baseline = start_baseline(redis_server.url)
    records = [sample(f"d{number}") for number in range(100)]
    post_all(baseline, records)
    assert baseline.stop() == 0  # delivers what is queued
    stored = [json.loads(redis_server.client().lpop("telemetry_queue")) for _ in records]
    assert stored == records


FULL = {"timestamp": "2025-12-29T17:03:57.123Z", "priority": "MEDIUM", "value": 27.3, "firmware": "x",
        "metadata": {"location": "zone-3", "firmware_version": "2.3.1"}}


def test_it_stores_the_very_fields_that_sluice_stores(starter, start_baseline):
    baseline_redis, sluice_redis = starter.redis(), starter.redis()
    baseline = start_baseline(baseline_redis.url, "--layout", "fields")
    engine = starter.engine(sluice_redis.url)
    records = [sample("full", **FULL), sample("motion", type="motion", value=1, unit=None, timestamp=1767027837123)]
    bodies = [json.dumps(record, separators=(",", ":")).encode() for record in records]
    post_all(baseline, bodies)
    with engine.connect() as connection:
        assert all(connection.post(body).status == 200 for body in bodies)
    assert baseline.stop() == 0
    stored = stream_entries(baseline_redis.client())
    assert stored == stream_entries(sluice_redis.client())
    assert [list(entry) for entry in stored] == [list(entry) for entry in stream_entries(sluice_redis.client())], "their order"


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"invalid_field":"bad_data"}', b'{"device_id":"d","type":"t"}',
                                  b'{"device_id":"","type":"t","value":1}', b'{"device_id":"d","type":"t","value":"x"}'])
def test_what_is_no_sample_is_refused(starter, start_baseline, body):
    redis_server = starter.redis()
    baseline = start_baseline(redis_server.url)
    with baseline.connect() as connection:
        response = connection.post(body)
        assert response.status == 400 and response.json()["error"]
        if not body:
            assert response.json() == {"error": "Empty request body"}
    assert baseline.stop() == 0
    assert redis_server.client().dbsize() == 0


def test_a_connection_holds_its_thread(starter, start_baseline):
    """The design's flaw, which comparisons show: clients beyond the threads wait until a connection ends."""
    baseline = start_baseline(starter.redis().url, "--threads", "2", "--keepalive-max", "0")
    with baseline.connect() as one, baseline.connect() as two:
        assert one.post(sample("one")).status == two.post(sample("two")).status == 200
        with baseline.connect() as third:
            answers = []
            waiter = threading.Thread(target=lambda: answers.append(third.post(sample("three")).status))
            waiter.start()
            waiter.join(0.5)
            assert not answers
            one.close()
            waiter.join(10)
            assert answers == [200]


def test_a_connection_ends_after_so_many_requests(starter, start_baseline):
    baseline = start_baseline(starter.redis().url, "--keepalive-max", "3")
    with baseline.connect() as connection:
        assert [connection.post(sample()).closes for _ in range(3)] == [False, False, True]


def test_it_delivers_when_redis_comes_back(starter, start_baseline):
    redis_server = starter.redis()
    baseline = start_baseline(redis_server.url)
    post_all(baseline, [sample("before")])
    wait_until(lambda: redis_server.client().llen("telemetry_queue") == 1, "the first is stored")
    redis_server.stop()
    post_all(baseline, [sample(f"d{number}") for number in range(10)])
    assert baseline.metrics()["samples_processed"] == 1
    redis_server.start()
    wait_until(lambda: redis_server.client().llen("telemetry_queue") == 10, "those that waited are stored")
    assert baseline.stop() == 0


def test_what_it_could_not_deliver_is_said(starter, start_baseline):
    redis_server = starter.redis()
    baseline = start_baseline(redis_server.url)
    redis_server.stop()
    post_all(baseline, [sample("lost")])
    assert baseline.stop() == 1


def test_start_stop_and_reset_answer_as_the_original(starter, start_baseline):
    redis_server = starter.redis()
    baseline = start_baseline(redis_server.url)
    post_all(baseline, [sample("one"), sample("two")])
    wait_until(lambda: baseline.metrics()["samples_processed"] == 2, "both are stored")
    assert baseline.ask("GET", "/status").json()["state"] == "measuring"
    refused = baseline.ask("POST", "/reset")
    assert (refused.status, refused.json()) == (400, {"error": "Cannot reset while measuring. Stop gateway first."})
    stopped = baseline.ask("POST", "/stop")
    assert (stopped.status, stopped.json()) == (200, {"ok": True})
    reset = baseline.ask("POST", "/reset")
    assert reset.status == 200 and reset.json()["ok"] is True and reset.json()["message"]
    status = baseline.ask("GET", "/status").json()
    assert status["state"] == "stopped" and status["latest_sample"] is None
    assert status["metrics"] == {"samples_processed": 0, "samples_dropped": 0, "pool_jobs_processed": 0, "pool_jobs_queued": 0,
                                 "pool_num_threads": 8}
    started = baseline.ask("POST", "/start")
    assert (started.status, started.json()) == (200, {"ok": True})
    post_all(baseline, [sample("three")])
    wait_until(lambda: baseline.metrics()["samples_processed"] == 1, "what came since the reset is counted")
    assert baseline.metrics()["pool_jobs_processed"] == 1 and baseline.stop() == 0
    assert redis_server.client().llen("telemetry_queue") == 3


def test_a_reset_hides_no_loss_from_the_exit_code(starter, start_baseline):
    redis_server = starter.redis()
    redis_server.client().set("telemetry_queue", "no list")  # Redis refuses RPUSH
    baseline = start_baseline(redis_server.url)
    post_all(baseline, [sample("lost")])
    wait_until(lambda: baseline.metrics()["samples_dropped"] == 1, "it is dropped")
    baseline.ask("POST", "/stop")
    baseline.ask("POST", "/reset")
    assert baseline.metrics()["samples_dropped"] == 0 and baseline.stop() == 1


def test_help_is_text():
    done = subprocess.run([BINARY, "--help"], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0 and "--layout list|fields=list" in done.stdout
    assert all(letter.isprintable() or letter == "\n" for letter in done.stdout)
    refused = subprocess.run([BINARY, "--layout", "packed"], capture_output=True, text=True, timeout=120)
    assert refused.returncode == 2 and refused.stderr.startswith("--layout: packed not in {list,fields}")
