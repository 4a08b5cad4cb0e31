"""The stack of tools/deploy/monitoring on this machine: a real Prometheus and a real InfluxDB 1.6 watch real engines under load.

Configuration, rules and databases are those of the stack, with addresses of this machine and shorter intervals. Three
engines have between them all that a panel may be about: TLS, a replica, a consumer group; tenants, a journal, exactly
once; a cluster. Owned by the one who made the Stack, who also kills it.
"""

import gzip
import json
import math
import re
import socket
import time
import urllib.parse
from pathlib import Path

import yaml

from .databases import InfluxDb, fetch, find_program
from .engine import CLEAN_ENVIRONMENT, PROJECT
from .load import LOAD_BINARY, PATIENT
from .process import Child, reserve_port, wait_until
from .tenants import new_token, tenant_table, write_tenants
from .tls import Authority, TlsConnection, tls_settings
from .traffic import ndjson, sample

STACK = PROJECT / "tools/deploy/monitoring"
PROGRAMS = {name: find_program(name) for name in ("prometheus", "prometheus-node-exporter", "prometheus-redis-exporter", "influxd")}
MISSING = [name for name, program in PROGRAMS.items() if program is None]

PASSWORD = "a password, with marks: @:/"
INTERVAL = "500ms"
DATABASES = {uid: source["jsonData"]["dbName"] for source in yaml.safe_load((STACK / "grafana/provisioning/datasources/sluice.yaml").read_text())["datasources"]
             if source["type"] == "influxdb" and (uid := source["uid"])}
COMPOSE = yaml.safe_load((STACK / "compose.yaml").read_text())
DASHBOARDS = [json.loads(file.read_text()) for file in sorted((STACK / "grafana/dashboards").glob("*.json"))]

# Grafana's variables and macros, as they would be with "All" chosen, at this test's intervals.
PROMQL = {"$instance": ".*", "$node": ".*", "$redis": ".*", "$__rate_interval": "3s"}
INFLUXQL = {"$run": ".*", "$phase": ".*", "$timeFilter": "time > now() - 10m", "$__interval": "1s"}


def replaced(text: str, variables: dict[str, str]) -> str:
    for name, value in variables.items():
        text = text.replace(name, value)
    assert "$" not in re.sub(r"\$/", "", text), text
    return text


def stack_configuration(directory: Path, targets: dict[str, list[str]], influxdb_url: str) -> dict:
    """prometheus.yml of the stack for this machine, its rules beside it in `directory`. `targets`: addresses by job."""
    for name in ("recording.yml", "alerts.yml"):
        text = (STACK / "prometheus" / name).read_text()
        (directory / name).write_text(re.sub(r"^    interval: \w+$", f"    interval: {INTERVAL}", text, flags=re.MULTILINE))
    config = yaml.safe_load((STACK / "prometheus/prometheus.yml").read_text())
    for job in config["scrape_configs"]:
        if job["job_name"] in targets:
            job["static_configs"] = [{"targets": targets[job["job_name"]]}]
    [write] = config["remote_write"]
    write["url"] = write["url"].replace("http://influxdb:8086", influxdb_url)
    write["basic_auth"]["password_file"] = str(directory / "password")
    (directory / "password").write_text(PASSWORD)
    return config


class Prometheus:
    """With a configuration, but for its intervals, which are short; it scrapes itself where that names 127.0.0.1:9090."""

    def __init__(self, directory: Path, config: dict):
        address = f"127.0.0.1:{reserve_port()}"
        self.url = f"http://{address}"
        self.began_s = time.time()
        config = {**config, "global": {"scrape_interval": INTERVAL, "scrape_timeout": INTERVAL, "evaluation_interval": INTERVAL}}
        for write in config.get("remote_write", []):
            write["queue_config"] = {"batch_send_deadline": "300ms"}
        file = directory / "prometheus.yml"
        file.write_text(json.dumps(config).replace("127.0.0.1:9090", address))  # YAML takes JSON
        self._child = Child([PROGRAMS["prometheus"], f"--config.file={file}", f"--storage.tsdb.path={directory / 'prometheus'}",
                             f"--web.listen-address={address}", "--log.level=warn"], directory, "prometheus")
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

    def series(self, expression: str, until_s: float) -> list[tuple[dict, list[tuple[float, float]]]]:
        """Since the start, a second apart: of each series the labels, and times (s) with values; values that are no number are none."""
        answer = self.ask("query_range", query=expression, start=until_s - int(until_s - self.began_s), end=until_s, step=1)
        return [(one["metric"], points) for one in answer if (points := [(time_s, float(text)) for time_s, text in one["values"] if not math.isnan(float(text))])]

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
        self.redis = server = self._starter.redis(arguments=("--repl-diskless-sync-delay", 0, *(word for name, value in full.items() for word in (f"--{name}", value))))
        self._starter.redis(arguments=("--replicaof", "127.0.0.1", server.port))
        self._client = server.client()
        self._client.xgroup_create("telemetry", "readers", id="0", mkstream=True)
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
        """One round of what devices and agents do well and wrong; and a consumer that forgets to acknowledge now and then."""
        entries = self._client.xreadgroup("readers", "worker", {"telemetry": ">"}, count=500)
        if entries and number % 5:
            self._client.xack("telemetry", "readers", *(entry for entry, _ in entries[0][1]))
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
duration = "{duration}s"
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
    """`load_ended_s`: when the load had ended. `ports`: addresses of services whose health compose checks."""

    def __init__(self):
        self._started = []

    def start(self, starter, workspace: Path, duration_s: int = 5) -> None:
        """Ends when the load has ended, which is there for that long."""
        self.influxdb = self._keep(InfluxDb(workspace, "sluice", PASSWORD))
        for statement in (STACK / "influxdb/databases.iql").read_text().strip().split(";"):
            self.influxdb.query(statement)
        self.engines = Engines(starter, workspace)
        node = self._exporter(workspace, "prometheus-node-exporter", "web.listen-address", "log.level=warn")
        of_redis = self._exporter(workspace, "prometheus-redis-exporter", "web.listen-address", f"redis.addr={self.engines.redis.url}")
        nobody = "127.0.0.1:1"  # so that an alert is pending
        targets = {"sluice": [*self.engines.scraped, nobody], "node": [node], "redis": [of_redis]}
        self.prometheus = self._keep(Prometheus(workspace, stack_configuration(workspace, targets, self.influxdb.url)))
        self.ports = {"prometheus": self.prometheus.url, "node-exporter": node, "redis-exporter": of_redis, "sluice": self.engines.scraped[2]}
        self._load_the_engine(workspace, duration_s)

    def _exporter(self, workspace: Path, program: str, listen_option: str, *options: str) -> str:
        """Its address. Its environment is that of compose.yaml."""
        address = f"127.0.0.1:{reserve_port()}"
        service = COMPOSE["services"][program.removeprefix("prometheus-")]
        words = [f"--{option}" for option in (f"{listen_option}={address}", *options)]
        self._keep(Child([PROGRAMS[program], *words], workspace, program, {**CLEAN_ENVIRONMENT, **service.get("environment", {})}))
        return address

    def _load_the_engine(self, workspace: Path, duration_s: int) -> None:
        (workspace / "scenario.toml").write_text(SCENARIO.replace("{duration}", str(duration_s)))
        influx = self.influxdb.url.replace("://", f"://sluice:{urllib.parse.quote(PASSWORD, safe='')}@")
        load = Child([LOAD_BINARY, "http://{}:{}".format(*self.engines.plain.address), "--scenario", workspace / "scenario.toml", "--influx", influx, *PATIENT],
                     workspace, "load", CLEAN_ENVIRONMENT)
        number = 0
        while load.exit_code is None:
            self.engines.send(number := number + 1)
            time.sleep(0.1)
        self.load_ended_s = time.time()
        assert "InfluxDB" not in load.output(), load.output()

    def series(self, target: dict, until_s: float = math.inf) -> list[tuple[dict, list[tuple[float, float]]]]:
        """What a panel's query returns: of each series its labels, and times (s) with values. For InfluxDB the label `col` is the column."""
        end_s = min(until_s, time.time())
        if "expr" in target:
            return self.prometheus.series(replaced(target["expr"], PROMQL), end_s)
        macros = {**INFLUXQL, "$timeFilter": f"{INFLUXQL['$timeFilter']} AND time < {int(end_s * 1000)}ms"}
        answer = self.influxdb.series(replaced(target["query"], macros), DATABASES[target["datasource"]["uid"]], epoch="ms")
        return [({**one.get("tags", {}), "col": column}, points) for one in answer for index, column in enumerate(one["columns"])
                if column != "time" and (points := [(row[0] / 1000, row[index]) for row in one["values"] if row[index] is not None])]

    def _keep(self, server):
        self._started.append(server)
        return server

    def kill(self) -> None:
        for server in self._started:
            server.kill()
