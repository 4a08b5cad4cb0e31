"""Every query of every dashboard returns data: a real Prometheus and a real InfluxDB 1.6 watch real engines under load.

Their configuration is that of tools/deploy/monitoring, with addresses of this machine and shorter intervals. Three engines
have between them all that a panel may be about: TLS, a replica, a consumer group; tenants, a journal, exactly once; a cluster.
"""
# runs: release.io_uring

import gzip
import json
import math
import re
import shlex
import socket
import subprocess
import time
import urllib.parse
from pathlib import Path

import pytest
import yaml

from harness import Authority, Child, RedisServer, TlsConnection, ndjson, reserve_port, sample, tls_settings, wait_until
from harness.databases import INFLUXD, InfluxDb, fetch, find_program
from harness.engine import BINARY, CLEAN_ENVIRONMENT, PROJECT
from harness.load import LOAD_BINARY, PATIENT
from harness.tenants import new_token, tenant_table, write_tenants

STACK = PROJECT / "tools/deploy/monitoring"
PROMETHEUS, NODE_EXPORTER = find_program("prometheus"), find_program("prometheus-node-exporter")
MISSING = [name for name, program in (("prometheus", PROMETHEUS), ("prometheus-node-exporter", NODE_EXPORTER), ("influxd", INFLUXD)) if program is None]
pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"{', '.join(MISSING)} not here: run tools/setup test")

PASSWORD = "a password, with marks: @:/"
INTERVAL = "500ms"
DATABASES = {uid: source["jsonData"]["dbName"] for source in yaml.safe_load((STACK / "grafana/provisioning/datasources/sluice.yaml").read_text())["datasources"]
             if source["type"] == "influxdb" and (uid := source["uid"])}
DASHBOARDS = [json.loads(file.read_text()) for file in sorted((STACK / "grafana/dashboards").glob("*.json"))]

# Grafana's variables and macros, as they would be with "All" chosen, at this test's intervals.
PROMQL = {"$instance": ".*", "$node": ".*", "$__rate_interval": "3s"}
INFLUXQL = {"$run": ".*", "$phase": ".*", "$timeFilter": "time > now() - 10m", "$__interval": "1s"}


def replaced(text: str, variables: dict[str, str]) -> str:
    for name, value in variables.items():
        text = text.replace(name, value)
    assert "$" not in re.sub(r"\$/", "", text), text
    return text


class Prometheus:
    """With the stack's own configuration and rules."""

    def __init__(self, directory: Path, engines: list[str], node: str, influxdb_url: str):
        self.url = f"http://127.0.0.1:{reserve_port()}"
        self.began_s = time.time()
        for name in ("recording.yml", "alerts.yml"):
            text = (STACK / "prometheus" / name).read_text()
            (directory / name).write_text(re.sub(r"^    interval: \w+$", f"    interval: {INTERVAL}", text, flags=re.MULTILINE))
        config = yaml.safe_load((STACK / "prometheus/prometheus.yml").read_text())
        config["global"] = {"scrape_interval": INTERVAL, "scrape_timeout": INTERVAL, "evaluation_interval": INTERVAL}
        targets = {"sluice": engines, "node": [node], "prometheus": [self.url.removeprefix("http://")]}
        for job in config["scrape_configs"]:
            job["static_configs"] = [{"targets": targets[job["job_name"]]}]
        [write] = config["remote_write"]
        write["url"] = write["url"].replace("http://influxdb:8086", influxdb_url)
        write["basic_auth"]["password_file"] = str(directory / "password")
        write["queue_config"] = {"batch_send_deadline": "300ms"}
        (directory / "password").write_text(PASSWORD)
        (directory / "prometheus.yml").write_text(json.dumps(config))  # YAML takes JSON
        self._child = Child([PROMETHEUS, f"--config.file={directory / 'prometheus.yml'}", f"--storage.tsdb.path={directory / 'prometheus'}",
                             f"--web.listen-address={self.url.removeprefix('http://')}", "--log.level=warn"], directory, "prometheus")
        wait_until(self._is_ready, "Prometheus is ready")

    def _is_ready(self) -> bool:
        assert self._child.exit_code is None, self._child.output()
        try:
            return bool(fetch(self.url + "/-/ready"))
        except OSError:
            return False

    def ask(self, path: str, **parameters) -> list:
        answer = json.loads(fetch(f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"))
        return answer["data"]["result"] if isinstance(answer["data"], dict) else answer["data"]

    def values(self, expression: str) -> list[float]:
        """All values since the start, of all series, a second apart; those that are no number are none."""
        series = self.ask("query_range", query=expression, start=self.began_s, end=time.time(), step=1)
        return [float(value) for one in series for _, value in one["values"] if not math.isnan(float(value))]

    def log(self) -> str:
        return self._child.output()

    def kill(self) -> None:
        self._child.kill()


def metrics_address() -> str:
    return f"127.0.0.1:{reserve_port()}"


class Engines:
    """The three, and traffic of each kind that a panel counts."""

    def __init__(self, starter, workspace: Path):
        self.scraped = [metrics_address() for _ in range(3)]
        self._starter, self._workspace = starter, workspace
        self._start_plain()
        self._start_journaled()
        self.clustered = starter.engine(starter.cluster(replicas=0).url, settings={"sink.redis.partitions": 8, "admin.metrics_listen": self.scraped[2]})

    def _start_plain(self) -> None:
        full = dict(line.split(" ", 1) for line in (STACK / "redis.conf").read_text().splitlines() if line.startswith("maxmemory"))
        server = self._starter.redis(arguments=("--repl-diskless-sync-delay", 0, *(word for name, value in full.items() for word in (f"--{name}", value))))
        self._starter.redis(arguments=("--replicaof", "127.0.0.1", server.port))
        server.client().xgroup_create("telemetry", "readers", id="0", mkstream=True)
        authority = Authority(self._workspace / "tls")
        self._tls_address, settings = tls_settings(authority.issue("server"))
        self._tls = authority.client()
        self.plain = self._starter.engine(server.url, settings={
            **settings, "sink.redis.replicas": 1, "admission.interval": "200ms", "admission.group_lag_max": 1_000_000, "admin.metrics_listen": self.scraped[0]})

    def _start_journaled(self) -> None:
        self._token = new_token("acme")
        tenants = write_tenants(self._workspace / "tenants.toml", tenant_table("acme", self._token.line, more='dead_letter = true\nallow_types = ["temperature"]\n'))
        self.journaled = self._starter.engine(self._starter.redis(persistent=True).url, settings={
            "journal.directory": self._workspace / "journal", "sink.redis.exactly_once": "true", "tenants.file": tenants, "admin.metrics_listen": self.scraped[1]})

    def send(self, number: int) -> None:
        """One round of what devices and agents do well and wrong."""
        with self.plain.connect() as connection:
            assert connection.post([sample(f"d{number}"), {"no": "device"}]).status == 207
            assert connection.post(sample(), query="?ack=replicated").status in (200, 503)
            packed = gzip.compress(ndjson([sample()] * 50))
            headers = [("Content-Type", "application/x-ndjson"), ("Content-Encoding", "gzip")]
            assert connection.request("POST", "/telemetry", packed, headers).status == 200
            keyed = [("Content-Type", "application/json"), ("Idempotency-Key", f"key-{number}")]
            assert [connection.request("POST", "/telemetry", json.dumps(sample()).encode(), keyed).status for _ in range(2)] == [200, 200]
            assert connection.post(b"no JSON").status == 400
        with TlsConnection(self._tls_address, self._tls) as connection:
            assert connection.post(sample()).status == 200
        with socket.create_connection(self._tls_address, timeout=10) as connection:
            connection.sendall(b"GET / HTTP/1.1\r\n\r\n")
            connection.recv(1)
        with self.journaled.connect() as connection:
            headers = [("Authorization", f"Bearer {self._token.text}"), ("Content-Type", "application/json")]
            body = json.dumps([sample(), sample(type="humidity")]).encode()
            assert connection.request("POST", "/telemetry", body, headers).status == 207
        with self.clustered.connect() as connection:
            assert connection.post([sample(f"d{index}") for index in range(20)]).status == 200


# One endpoint that answers as it should, one that does not exist: its answers are faults.
SCENARIO = """name = "panels"
[load]
rate = "200/s"
connections = 4
duration = "5s"
warmup = "1s"
[[endpoint]]
name = "ingest"
path = "/telemetry"
weight = 9
body = '{"device_id":"{device}","type":"temperature","value":{float:10.0:90.0}}'
[[endpoint]]
name = "nowhere"
path = "/nowhere"
"""


class Stack:
    def __init__(self):
        self._started = []

    def start(self, starter, workspace: Path) -> None:
        self.influxdb = self._keep(InfluxDb(workspace, "sluice", PASSWORD))
        for statement in (STACK / "influxdb/databases.iql").read_text().strip().split(";"):
            self.influxdb.query(statement)
        self.engines = Engines(starter, workspace)
        node = f"127.0.0.1:{reserve_port()}"
        self._keep(Child([NODE_EXPORTER, f"--web.listen-address={node}", "--log.level=warn"], workspace, "node_exporter"))
        nobody = "127.0.0.1:1"  # so that an alert is pending
        self.prometheus = self._keep(Prometheus(workspace, [*self.engines.scraped, nobody], node, self.influxdb.url))
        self._load_the_engine(workspace)

    def _load_the_engine(self, workspace: Path) -> None:
        (workspace / "scenario.toml").write_text(SCENARIO)
        influx = self.influxdb.url.replace("://", f"://sluice:{urllib.parse.quote(PASSWORD, safe='')}@")
        load = Child([LOAD_BINARY, "http://{}:{}".format(*self.engines.plain.address), "--scenario", workspace / "scenario.toml", "--influx", influx, *PATIENT],
                     workspace, "load", CLEAN_ENVIRONMENT)
        number = 0
        while load.exit_code is None:
            self.engines.send(number := number + 1)
            time.sleep(0.1)
        assert "InfluxDB" not in load.output(), load.output()

    def rows(self, query: str, uid: str) -> list:
        """The values of a query's rows that are one, without time and tags."""
        rows = self.influxdb.query(replaced(query, INFLUXQL), DATABASES[uid])
        tags = {"time", "instance", "class", "run", "phase", "status", "fault", "endpoint"}
        return [value for row in rows for name, value in row.items() if name not in tags and value is not None]

    def data(self, target: dict) -> list:
        if "expr" in target:
            return self.prometheus.values(replaced(target["expr"], PROMQL))
        return self.rows(target["query"], target["datasource"]["uid"])

    def _keep(self, server):
        self._started.append(server)
        return server

    def kill(self) -> None:
        for server in self._started:
            server.kill()


@pytest.fixture(scope="module")
def stack(module_starter, workspace):
    stack = Stack()
    try:
        stack.start(module_starter, workspace)
        yield stack
    finally:
        stack.kill()


def targets() -> dict[str, dict]:
    panels = [(dashboard["uid"], panel) for dashboard in DASHBOARDS for one in dashboard["panels"] for panel in [one, *one.get("panels", [])]]
    return {f"{uid}: {panel['title']}, {target['refId']}: {target.get('expr', target.get('query'))}": target
            for uid, panel in panels for target in panel.get("targets", [])}


def test_every_query_of_every_panel_returns_data(stack):
    empty = targets()
    assert len(empty) > 200

    def all_have_data() -> bool:
        for name in [name for name, target in empty.items() if stack.data(target)]:
            del empty[name]
        return not empty

    try:
        wait_until(all_have_data, "every query returns data", 15, 0.5)
    except AssertionError:
        raise AssertionError("no data:\n" + "\n".join(empty) + "\n" + stack.prometheus.log()[-2000:]) from None


def test_the_variables_have_values(stack):
    for variable in (variable for dashboard in DASHBOARDS for variable in dashboard["templating"]["list"]):
        if variable["datasource"]["type"] == "prometheus":
            series, label = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["query"]["query"]).groups()
            assert stack.prometheus.ask(f"label/{label}/values", **{"match[]": series}), variable["name"]
        else:
            assert stack.influxdb.query(variable["query"], DATABASES[variable["datasource"]["uid"]]), variable["name"]


def test_influxdb_has_the_engines_figures(stack):
    """As Prometheus has them, and without buckets."""
    database = DATABASES["sluice-influxdb-engine"]
    measurements = {row["name"] for row in stack.influxdb.query("SHOW MEASUREMENTS", database)}
    assert {"up", "sluice_samples_accepted_total", "process_cpu_seconds_total", "sluice:ack_seconds:p99_5m"} <= measurements
    assert not [name for name in measurements if name.endswith("_bucket") or name.startswith("node_")]
    accepted = {"format": "json", "core": "0", "instance": stack.engines.scraped[0]}
    selector = ",".join(f'{name}="{value}"' for name, value in accepted.items())
    where = " AND ".join(f"\"{name}\" = '{value}'" for name, value in accepted.items())

    def are_equal() -> bool:
        [series] = stack.prometheus.ask("query", query=f"sluice_samples_accepted_total{{{selector}}}")
        [row] = stack.influxdb.query(f'SELECT last("value") FROM "sluice_samples_accepted_total" WHERE {where}', database)
        return float(series["value"][1]) == row["last"] > 1000
    wait_until(are_equal, "InfluxDB has what Prometheus has")


def test_the_health_check_of_compose_sees_whether_the_engine_is_ready(stack):
    [command, *arguments] = yaml.safe_load((STACK / "compose.yaml").read_text())["services"]["sluice"]["healthcheck"]["test"]
    assert command == "CMD"

    def exit_code(port: int) -> int:
        assert arguments[-1].count("/8082") == 1
        words = [*arguments[:-1], arguments[-1].replace("/8082", f"/{port}")]
        return subprocess.run(words, capture_output=True, timeout=20).returncode

    port = int(stack.engines.scraped[2].split(":")[1])
    assert exit_code(port) == 0, shlex.join(arguments)
    assert exit_code(reserve_port()) != 0
    assert stack.engines.clustered.admin("POST", "/stop").status == 200
    assert exit_code(port) != 0
    assert stack.engines.clustered.admin("POST", "/start").status == 200


def test_a_wrong_password_is_told(stack):
    """What docs/monitoring.md says that one sees."""
    url = stack.influxdb.url.replace("://", "://sluice:wrong@")
    done = subprocess.run([LOAD_BINARY, "http://{}:{}/telemetry".format(*stack.engines.plain.address), "--sample", "--requests", "20", "--influx", url, *PATIENT],
                          capture_output=True, text=True, timeout=60, env=CLEAN_ENVIRONMENT)
    assert "401" in done.stderr, done.stderr


def test_the_settings_of_the_stack_are_taken(workspace):
    done = subprocess.run([BINARY, "check-config", STACK / "sluice.toml"], capture_output=True, text=True, timeout=60, env=CLEAN_ENVIRONMENT)
    assert done.returncode == 0, done.stdout + done.stderr
    (workspace / "redis").mkdir()
    lines = [line for line in (STACK / "redis.conf").read_text().splitlines() if not line.startswith(("bind ", "dir "))]
    (workspace / "redis/redis.conf").write_text("\n".join(lines))
    server = RedisServer(workspace / "redis", arguments=("--include", workspace / "redis/redis.conf")).start()
    try:
        assert server.client().config_get("maxmemory*")["maxmemory"] == str(512 << 20)
        assert server.client().config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
        assert server.client().config_get("appendonly") == {"appendonly": "yes"}
    finally:
        server.kill()
