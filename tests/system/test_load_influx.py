"""What sluice-load sends to InfluxDB: into the real databases and out again; and what a bad database costs a run."""
# runs: release

import http.server
import json
import subprocess
import threading

import pytest

from harness.databases import INFLUXD, VICTORIA_METRICS, InfluxDb, VictoriaMetrics
from harness.engine import BINARY, CLEAN_ENVIRONMENT

SAMPLE_EXPORT = BINARY.parent / "sluice-load-sample-export"
RUN = "night, run=7"  # as the sample names itself
REQUEST_TIMEOUT_S = 3.0


def export(*arguments) -> tuple[dict, str]:
    """Sends the made-up run; what it says became of it, and its warnings."""
    environment = {name: value for name, value in CLEAN_ENVIRONMENT.items() if not name.lower().endswith("_proxy")}
    done = subprocess.run([SAMPLE_EXPORT, *arguments], check=True, capture_output=True, text=True, timeout=120, env=environment)
    return json.loads(done.stdout), done.stderr


@pytest.mark.skipif(INFLUXD is None, reason="influxdb is not installed")
def test_influxdb_has_every_count(workspace):
    database = InfluxDb(workspace)
    try:
        database.query("CREATE DATABASE load")
        sent, warnings = export(database.url, "load")
        assert warnings == "" and sent["points_lost"] == 0
        rows = database.query("SELECT sum(responses), count(corrected_p99_ns) FROM sluice_load GROUP BY run, phase", "load")
        by_phase = {row["phase"]: row for row in rows}
        assert {row["run"] for row in rows} == {RUN}
        assert by_phase["measured"]["sum"] == sent["responses"]
        assert by_phase["measured"]["count"] == 31 and by_phase["warmup"]["count"] == 3
        statuses = database.query("SELECT sum(count) FROM sluice_load_status WHERE phase = 'measured' GROUP BY status", "load")
        assert {row["status"]: row["sum"] for row in statuses} == {"200": sent["status_200"], "503": sent["status_503"]}
        faults = database.query("SELECT sum(count) FROM sluice_load_fault WHERE phase = 'measured' GROUP BY fault", "load")
        assert {row["fault"]: row["sum"] for row in faults} == {"timeout": sent["timeouts"], "bad_status": sent["status_503"]}
        points = sum(row["count"] for name, field in (("", "sent"), ("_status", "count"), ("_fault", "count"))
                     for row in database.query(f"SELECT count({field}) FROM sluice_load{name}", "load"))
        assert points == sent["points_written"]

        sent, warnings = export(database.url, "absent")
        assert sent["points_written"] == 0 and "database not found" in warnings
    finally:
        database.kill()


@pytest.mark.skipif(VICTORIA_METRICS is None, reason="victoria-metrics is not installed")
def test_victoria_metrics_has_every_count(workspace):
    database = VictoriaMetrics(workspace)
    try:
        sent, warnings = export(database.url, "example", "load tests", "a-token")
        assert warnings == "" and sent["points_lost"] == 0
        series = database.export('{__name__=~"sluice_load_.*",phase="measured"}')
        assert {one["metric"]["run"] for one in series} == {RUN}
        totals = {(one["metric"]["__name__"], one["metric"].get("status", one["metric"].get("fault"))): sum(one["values"])
                  for one in series}
        assert totals["sluice_load_responses", None] == sent["responses"]
        assert totals["sluice_load_status_count", "200"] == sent["status_200"]
        assert totals["sluice_load_status_count", "503"] == sent["status_503"]
        assert totals["sluice_load_fault_count", "timeout"] == sent["timeouts"]
        latencies = [one for one in series if one["metric"]["__name__"] == "sluice_load_corrected_p99_ns"]
        assert len(latencies) == 1 and len(latencies[0]["values"]) == 31
        steps = {b - a for a, b in zip(latencies[0]["timestamps"], latencies[0]["timestamps"][1:])}
        assert steps == {1000}, "one point a second"
    finally:
        database.kill()


class ScriptedDatabase:
    """Answers each write with the next of `statuses`, the last one for ever; 0: never. Remembers what it was sent."""

    def __init__(self, *statuses: int):
        self.requests: list[tuple[str, dict, str]] = []
        self._remaining = list(statuses)
        self._closing = threading.Event()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                outer.requests.append((self.path, dict(self.headers), body))
                status = outer._remaining.pop(0) if len(outer._remaining) > 1 else outer._remaining[0]
                if status == 0:
                    outer._closing.wait(30)
                    return
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *arguments):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = "http://127.0.0.1:%d" % self._server.server_port
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def __enter__(self) -> "ScriptedDatabase":
        return self

    def __exit__(self, *_) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()


def test_v2_is_addressed_as_documented():
    with ScriptedDatabase(204) as database:
        export(database.url + "/", "my org", "a&b", "secret")
    for path, headers, _ in database.requests:
        assert path == "/api/v2/write?precision=ms&org=my%20org&bucket=a%26b"
        assert headers["Authorization"] == "Token secret"


def test_a_passing_failure_loses_nothing():
    with ScriptedDatabase(503, 204) as database:
        sent, warnings = export(database.url, "load")
    assert sent["points_lost"] == 0 and warnings.count("\n") == 1 and "503" in warnings
    received = {line for _, _, body in database.requests for line in body.splitlines()}
    assert len(received) == sent["points_written"]


def test_a_refusal_is_told_once_and_counted():
    with ScriptedDatabase(401) as database:
        sent, warnings = export(database.url, "load")
    assert sent["points_written"] == 0 and sent["points_lost"] > 100
    assert warnings.count("\n") == 1 and "401" in warnings


def test_a_database_that_never_answers_delays_only_the_end():
    with ScriptedDatabase(0) as database:
        sent, warnings = export(database.url, "load")
    assert sent["points_written"] == 0 and sent["points_lost"] > 100
    assert sent["observed_s"] < REQUEST_TIMEOUT_S, "the run went on while a request waited"
    assert sent["finished_s"] - sent["observed_s"] < 2 * REQUEST_TIMEOUT_S + 5
    assert warnings.count("\n") == 1
