"""Prometheus 2 and 3 and vmagent, as Debian has them, pointed at Sluice: every value that they scraped arrives, whatever
happens to the engine and to Redis meanwhile. Prometheus 3 sends remote write 2.0.
"""
# runs: release.io_uring

import http.server
import json
import threading
import time
import urllib.request

import pytest

from harness import Child, reserve_port, wait_until
from harness.databases import find_program
from harness.engine import PROJECT
from harness.tenants import MeteredTenant


class Target:
    """Something to scrape: a counter that goes up by one with each scrape."""

    def __init__(self):
        target = self
        self.count = 0

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                target.count += 1
                body = f"# TYPE probe_total counter\nprobe_total {target.count}\n".encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()


def scrape_config(port: int) -> dict:
    return {"global": {"scrape_interval": "100ms", "scrape_timeout": "100ms"},
            "scrape_configs": [{"job_name": "probe", "static_configs": [{"targets": [f"127.0.0.1:{port}"]}]}]}


NEWER_PROMETHEUS = PROJECT / ".deps/newer/usr/bin/prometheus"


def prometheus_command(directory, target: Target, url: str, token: str, program=None, **of_remote_write) -> list:
    queue = {"batch_send_deadline": "100ms", "min_backoff": "30ms", "max_backoff": "200ms", "max_shards": 1}
    config = {**scrape_config(target.port), "remote_write": [{"url": url, "queue_config": queue, "authorization": {"credentials": token}, **of_remote_write}]}
    (directory / "prometheus.yml").write_text(json.dumps(config))  # YAML takes JSON
    return [program or find_program("prometheus"), f"--config.file={directory / 'prometheus.yml'}",
            f"--storage.tsdb.path={directory / 'prometheus'}", f"--web.listen-address=127.0.0.1:{reserve_port()}",
            "--log.level=warn"]


def newer_prometheus_command(directory, target: Target, url: str, token: str) -> list:
    command = prometheus_command(directory, target, url, token, NEWER_PROMETHEUS, protobuf_message="io.prometheus.write.v2.Request")
    return [*command, "--enable-feature=metadata-wal-records"]


def vmagent_command(directory, target: Target, url: str, token: str) -> list:
    (directory / "vmagent.yml").write_text(json.dumps(scrape_config(target.port)))
    return [find_program("vmagent"), f"-promscrape.config={directory / 'vmagent.yml'}", f"-remoteWrite.url={url}", f"-remoteWrite.bearerToken={token}",
            f"-remoteWrite.tmpDataPath={directory / 'vmagent'}", f"-httpListenAddr=127.0.0.1:{reserve_port()}",
            "-remoteWrite.flushInterval=100ms", "-memory.allowedBytes=64MB", "-loggerLevel=WARN"]


AGENTS = {"prometheus": prometheus_command, "prometheus 3": newer_prometheus_command, "vmagent": vmagent_command}


def scraped_values(command: list, server) -> set[int]:
    """What the agent must have delivered. On a loaded machine a scrape is late now and then, and its value is nobody's:
    Prometheus is asked what it holds; of vmagent, which holds nothing that can be asked for, all values count.
    """
    for word in map(str, command):
        if word.startswith("--web.listen-address="):
            with urllib.request.urlopen(f"http://{word.split('=')[1]}/api/v1/query?query=probe_total[1h]", timeout=20) as response:
                [series] = json.load(response)["data"]["result"]
                return {int(value) for _, value in series["values"]}
    values = values_of(server)
    return set(range(min(values), max(values) + 1))


def values_of(server) -> list[int]:
    """Of the counter, in the order in which they arrived."""
    entries = [{name.decode(): value.decode() for name, value in fields.items()}
               for _, fields in server.client().xrange("telemetry")]
    return [int(float(entry["value"])) for entry in entries if entry["type"] == "probe_total" and entry["value"] != "NaN"]


@pytest.fixture
def target():
    target = Target()
    yield target
    target.close()


@pytest.mark.parametrize("name", AGENTS)
def test_every_value_arrives(starter, workspace, target, name):
    if not (NEWER_PROMETHEUS.exists() if name == "prometheus 3" else find_program(name)):
        pytest.skip(f"{name} is not here: run tools/setup test")
    server = starter.redis(persistent=True)
    directory = workspace / name.replace(" ", "")
    directory.mkdir()
    tenant = MeteredTenant(directory / "tenants.toml")
    engine = starter.engine(server.url, settings={"sink.redis.backoff_max": "200ms", "ack_timeout": "1s", **tenant.settings})
    url = "http://{}:{}/api/v1/write".format(*engine.address)
    command = AGENTS[name](directory, target, url, tenant.token)
    agent = Child(command, directory, "agent")
    try:
        def arrives(what: str) -> None:
            now = target.count
            wait_until(lambda: max(values_of(server), default=0) > now, f"{name}: values arrive {what}")

        arrives("at first")
        assert engine.admin("POST", "/stop").status == 200
        time.sleep(0.5)
        assert engine.admin("POST", "/start").status == 200
        arrives("after a pause")
        server.kill()
        time.sleep(0.5)
        server.start()
        arrives("after Redis was away")
        engine.kill()
        time.sleep(0.5)
        engine.start()
        arrives("after the engine was killed")
        tenant.lower_quota_for(engine, 1.5)
        arrives("after the quota was spent")
        scraped = scraped_values(command, server)
        # vmagent: 2 s later, beside newer values.
        wait_until(lambda: scraped <= set(values_of(server)), f"{name}: what was refused is sent again")
    finally:
        agent.kill()
    assert len(scraped) > 10
    [first] = [fields for _, fields in server.client().xrange("telemetry", count=1)]
    assert {b"device_id", b"ts", b"type", b"metadata"} <= set(first)
    kinds = {fields.get(b"prometheus") for _, fields in server.client().xrange("telemetry") if fields[b"type"] == b"probe_total"}
    assert (b'{"kind":"counter"}' in kinds) == (name == "prometheus 3"), "2.0 brings the metadata with each series"
