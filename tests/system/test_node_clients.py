"""The OpenTelemetry SDK and InfluxDB's client for JavaScript, from npm, pointed at Sluice: whatever they say is delivered
is stored, and they give nothing up while the engine is paused, or killed and started again.
"""
# runs: release.io_uring

import os
import shutil
import subprocess
import time

import pytest

from harness import wait_until
from harness.engine import PROJECT

MODULES = PROJECT / ".deps/npm/node_modules"
CLIENTS = PROJECT / "tests/system/clients"


class Client:
    """A script of clients/, which goes on until it is closed; its lines are numbers, or begin with `failed`."""

    def __init__(self, directory, script: str, *arguments: str):
        if not shutil.which("node") or not MODULES.exists():
            pytest.skip("node or the clients are not here: run tools/setup test")
        self._output = open(directory / f"{script}.log", "w+")
        self._process = subprocess.Popen(["node", str(CLIENTS / script), *arguments], stdin=subprocess.PIPE, stdout=self._output,
                                         stderr=subprocess.STDOUT, env={**os.environ, "NODE_PATH": str(MODULES)})

    def lines(self) -> list[str]:
        with open(self._output.name) as file:
            return file.read().splitlines()

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


def stored(server, field: str) -> set[int]:
    return {int(float(fields[field.encode()])) for _, fields in server.client().xrange("telemetry")}


def drive(engine, client: Client, gives_nothing_up: bool = False) -> None:
    """A run with a pause, a kill and a start. Who gives nothing up is waited for: what is to be sent again when it is closed
    is lost in it.
    """
    def goes_on(what: str) -> None:
        seen = len(client.numbers())
        wait_until(lambda: len(client.numbers()) > seen + 3, f"something is delivered {what}")

    goes_on("at first")
    assert engine.admin("POST", "/stop").status == 200
    time.sleep(1.2)
    assert engine.admin("POST", "/start").status == 200
    goes_on("after a pause")
    engine.kill()
    time.sleep(0.3)
    engine.start()
    goes_on("after the engine was killed")
    if gives_nothing_up:
        everything = set(range(1, max(client.numbers()) + 1))
        wait_until(lambda: everything <= client.numbers(), "all that was refused is delivered")
    client.close()


@pytest.mark.parametrize("kind, compression", [("proto", "gzip"), ("http", "none")])
def test_opentelemetry(starter, workspace, kind, compression):
    server = starter.redis()
    engine = starter.engine(server.url)
    client = Client(workspace, "otlp.js", kind, "http://{}:{}/v1/metrics".format(*engine.address), compression)
    try:
        drive(engine, client)
    finally:
        client.kill()
    lines = [line for line in client.lines() if line.startswith("failed") and "ECONN" not in line and "hang up" not in line]
    assert not lines, "what was answered 503 is sent again; what met no engine is the client's to drop"
    assert client.numbers() <= stored(server, "value") and len(client.numbers()) > 10


def test_influxdb(starter, workspace):
    server = starter.redis()
    engine = starter.engine(server.url)
    client = Client(workspace, "influx.js", "http://{}:{}".format(*engine.address))
    try:
        drive(engine, client, gives_nothing_up=True)
    finally:
        client.kill()
    assert not [line for line in client.lines() if line.startswith("failed")], client.lines()
    values = {int(fields[b"values"].split(b":")[1].rstrip(b"}")) for _, fields in server.client().xrange("telemetry")}
    assert client.numbers() <= values


def test_influxdb_for_javascript_is_not_told_when_to_come_back(starter):
    """It takes the seconds of Retry-After for milliseconds."""
    engine = starter.engine("null:")
    assert engine.admin("POST", "/stop").status == 200
    with engine.connect() as http:
        for agent, is_told in (("influxdb-client-js/1.35.0", False), ("influxdb-client-python/1.40.0", True), ("", True)):
            response = http.request("POST", "/api/v2/write", b"m f=1", [("User-Agent", agent)])
            assert (response.status, response.header("Retry-After") is not None) == (503, is_told)
        assert http.request("POST", "/write", b"m f=1", [("User-Agent", "influxdb-client-js/1")]).header("Retry-After")
