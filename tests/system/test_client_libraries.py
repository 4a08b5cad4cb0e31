"""Client libraries that hold data and send it again by themselves, pointed at Sluice: the OpenTelemetry SDK and InfluxDB's
client for JavaScript, from npm, and InfluxDB's client for Python. Whatever they say is delivered is stored, and they give
nothing up while the engine is paused, Redis is away, the engine is killed and started again, or their quota is spent.

test_influx_clients.py has the client of InfluxDB 1, test_remote_write_clients.py Prometheus and vmagent.
"""
# runs: release.io_uring

import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import NamedTuple

import pytest

from harness import Engine, RedisServer, wait_until
from harness.engine import PROJECT
from harness.tenants import MeteredTenant

MODULES = PROJECT / ".deps/npm/node_modules"
PACKAGES = PROJECT / ".deps/prefix/usr/lib/python3/dist-packages"
CLIENTS = PROJECT / "tests/system/clients"


class Client:
    """A script of clients/, which goes on until it is closed; its lines are numbers, or begin with `failed`."""

    def __init__(self, directory, script: str, *arguments: str):
        is_python = script.endswith(".py")
        if not (PACKAGES / "influxdb_client" if is_python else MODULES).exists() or not shutil.which("node"):
            pytest.skip("the clients are not here: run tools/setup test")
        self._output = open(directory / f"{script}.log", "w+")
        self._process = subprocess.Popen(["/usr/bin/python3" if is_python else "node", str(CLIENTS / script), *arguments],
                                         stdin=subprocess.PIPE, stdout=self._output, stderr=subprocess.STDOUT,
                                         env={**os.environ, "NODE_PATH": str(MODULES), "PYTHONDONTWRITEBYTECODE": "1"})

    def lines(self) -> list[str]:
        return Path(self._output.name).read_text().splitlines()

    def numbers(self) -> set[int]:
        return {int(line) for line in self.lines() if line.isdigit()}

    def close(self) -> None:
        self._process.stdin.close()
        assert self._process.wait(60) == 0, self.lines()
        self._output.close()

    def kill(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()


class Scene(NamedTuple):
    engine: Engine
    server: RedisServer
    tenant: MeteredTenant


def pause(scene: Scene) -> None:
    assert scene.engine.admin("POST", "/stop").status == 200
    time.sleep(1.2)
    assert scene.engine.admin("POST", "/start").status == 200


def take_redis_away(scene: Scene) -> None:
    scene.server.kill()
    wait_until(lambda: scene.engine.admin("GET", "/ready").status == 503, "the sink has noticed")
    time.sleep(0.5)
    scene.server.start()


def kill(scene: Scene) -> None:
    scene.engine.kill()
    time.sleep(0.3)
    scene.engine.start()


def spend_quota(scene: Scene) -> None:
    scene.tenant.lower_quota_for(scene.engine, 1.2)


TROUBLES = {"after a pause": pause, "after Redis was away": take_redis_away, "after the engine was killed": kill,
            "after the quota was spent": spend_quota}


def run(starter, workspace, script: str, arguments, gives_nothing_up: bool) -> tuple[Client, RedisServer]:
    """The client and the Redis after a run with each trouble. Who gives nothing up is waited for: what is to be sent again
    when it is closed is lost in it.
    """
    server = starter.redis(persistent=True)
    tenant = MeteredTenant(workspace / f"{time.monotonic_ns()}.toml")
    engine = starter.engine(server.url, settings={"sink.redis.backoff_max": "200ms", "ack_timeout": "1s", **tenant.settings})
    client = Client(workspace, script, *arguments("http://{}:{}".format(*engine.address), tenant.token))

    def goes_on(what: str) -> None:
        seen = len(client.numbers())
        wait_until(lambda: len(client.numbers()) > seen + 3, f"something is delivered {what}")

    try:
        goes_on("at first")
        for what, trouble in TROUBLES.items():
            trouble(Scene(engine, server, tenant))
            goes_on(what)
        if gives_nothing_up:
            everything = set(range(1, max(client.numbers()) + 1))
            wait_until(lambda: everything <= client.numbers(), "all that was refused is delivered")
        client.close()
    finally:
        client.kill()
    return client, server


@pytest.mark.parametrize("kind, compression", [("proto", "gzip"), ("http", "none")])
def test_opentelemetry(starter, workspace, kind, compression):
    client, server = run(starter, workspace, "otlp.js", lambda url, token: (kind, url + "/v1/metrics", compression, token), False)
    lines = [line for line in client.lines() if line.startswith("failed") and "ECONN" not in line and "hang up" not in line]
    assert not lines, "what was answered 503 is sent again; what met no engine is the client's to drop"
    stored = {int(float(fields[b"value"])) for _, fields in server.client().xrange("telemetry")}
    assert client.numbers() <= stored and len(client.numbers()) > 10


@pytest.mark.parametrize("script, arguments", [("influx.js", lambda url, token: (url, token)),
                                               ("influx_v2.py", lambda url, token: (url + "/influx", str(PACKAGES), token))], ids=["js", "py"])
def test_influxdb(starter, workspace, script, arguments):
    client, server = run(starter, workspace, script, arguments, True)
    assert not [line for line in client.lines() if line.startswith("failed")], client.lines()
    stored = {int(fields[b"values"].split(b":")[1].rstrip(b"}")) for _, fields in server.client().xrange("telemetry")}
    assert client.numbers() <= stored


def test_influxdb_for_javascript_is_not_told_when_to_come_back(starter):
    """It takes the seconds of Retry-After for milliseconds."""
    engine = starter.engine("null:")
    assert engine.admin("POST", "/stop").status == 200
    with engine.connect() as http:
        for agent, is_told in (("influxdb-client-js/1.35.0", False), ("influxdb-client-python/1.40.0", True), ("", True)):
            response = http.request("POST", "/api/v2/write", b"m f=1", [("User-Agent", agent)])
            assert (response.status, response.header("Retry-After") is not None) == (503, is_told)
        assert http.request("POST", "/write", b"m f=1", [("User-Agent", "influxdb-client-js/1")]).header("Retry-After")
