"""A request that never reaches its endpoint (framing, limits, slowness, the method, a drain) is refused in the shape of
its path: each path against each refusal."""
# runs: release.io_uring release.epoll

import re
import signal
from typing import NamedTuple

import pytest

from harness import wait_until
from harness.engine import PROJECT
from harness.protobuf import fields

SENTENCES = dict(re.findall(r'^\s*X\((\w+),\s*\w+,\s*\d{3}, "(.*)"\)', (PROJECT / "engine/core/refusal.hpp").read_text(), re.MULTILINE))
V2_CODES = {400: "invalid", 405: "method not allowed", 413: "request too large", 417: "invalid", 431: "invalid", 503: "unavailable"}
PROTOBUF, JSON = "application/x-protobuf", "application/json"


# --- the shapes ------------------------------------------------------------------------------------------------------

def sluice(response, code: str) -> None:
    assert response.header("Content-Type") == JSON and response.json()["ok"] is False
    assert (response.code, response.json()["error"]) == (code, SENTENCES[code])


def influx_v1(response, code: str) -> None:
    assert response.json() == {"error": ("timeout: " if response.status == 503 else "") + SENTENCES[code]}
    assert (response.header("X-Influxdb-Error"), response.header("X-Influxdb-Version")) == (SENTENCES[code], "1.8.10")


def influx_v2(response, code: str) -> None:
    assert response.json() == {"code": V2_CODES[response.status], "message": SENTENCES[code]}
    assert response.header("X-Platform-Error-Code") == V2_CODES[response.status] and response.header("X-Influxdb-Build") == "OSS"


def prometheus(response, code: str) -> None:
    assert response.header("Content-Type") == "text/plain; charset=utf-8"
    assert response.body.decode() == f"{SENTENCES[code]} ({code})\n"
    assert [response.header(f"X-Prometheus-Remote-Write-{kind}-Written") for kind in ("Samples", "Histograms", "Exemplars")] == ["0"] * 3


def otlp(response, code: str) -> tuple:
    number = {405: 12, 503: 14}.get(response.status, 3)
    if response.header("Content-Type") == JSON:
        assert response.json() == {"code": number, "message": f"{SENTENCES[code]} ({code})"}
    else:
        assert dict(fields(response.body)) == {1: number, 2: f"{SENTENCES[code]} ({code})".encode()}
    return response.header("Content-Type")


def otlp_protobuf(response, code: str) -> None:
    assert otlp(response, code) == PROTOBUF


def otlp_json(response, code: str) -> None:
    assert otlp(response, code) == JSON


class Path(NamedTuple):
    target: str
    assert_shape: callable
    headers: str = ""
    method: str = "POST"

    def head(self, lines: str, method: str = "") -> bytes:
        return f"{method or self.method} {self.target} HTTP/1.1\r\nHost: h\r\n{self.headers}{lines}\r\n\r\n".encode()


INGEST = [
    Path("/telemetry", sluice), Path("/write?db=d", influx_v1), Path("/influx/write", influx_v1), Path("/api/v2/write?bucket=b", influx_v2),
    Path("/influx/api/v2/write", influx_v2, "User-Agent: influxdb-client-js/1.35\r\n"), Path("/api/v1/write", prometheus),
    Path("/api/v1/push", prometheus, "Content-Type: application/x-protobuf;proto=io.prometheus.write.v2.Request\r\n"),
    Path("/v1/metrics", otlp_protobuf), Path("/v1/metrics", otlp_protobuf, "Content-Type: application/x-protobuf\r\n"),
    Path("/v1/metrics?x=y", otlp_json, "Content-Type: Application/JSON ; charset=utf-8\r\n"),
]
PATHS = [*INGEST, Path("/v1/traces", otlp_json, "Content-Type: application/json\r\n"), Path("/query", influx_v1), Path("/ping", influx_v1, "", "GET"),
         Path("/api/v2/ping", influx_v2, "", "GET"), Path("/influx/health", influx_v2, "", "GET"), Path("/health", sluice, "", "GET")]
every_path = pytest.mark.parametrize("path", PATHS, ids=lambda path: f"{path.method} {path.target} {path.headers.strip()}".strip())

CHUNKED = "Transfer-Encoding: chunked"
# What follows the headers of the path, what follows the head, the code and the status.
AT_ONCE = [
    ("Content-Length: 1000000", b"", "body_too_large", 413),
    (CHUNKED, b"fffffff\r\n", "body_too_large", 413),
    ("Content-Length: 1x", b"", "bad_content_length", 400),
    ("Content-Length: 1\r\nContent-Length: 1", b"x", "bad_content_length", 400),
    ("Content-Length: 1\r\n" + CHUNKED, b"0\r\n\r\n", "conflicting_framing", 400),
    (CHUNKED, b"x\r\n", "malformed_chunk", 400),
    ("Content-Length: 1\r\nExpect: 200-ok", b"x", "expectation_failed", 417),
    ("bad header: x", b"", "malformed_header", 400),
    ("Host: again", b"", "duplicate_host", 400),
    ("X: " + "x" * 17000, b"", "headers_too_large", 431),
]


def assert_retry_after(response, path: Path, shortest_s: int) -> None:
    """At most 5 s for OTLP; nothing for a client that would take it for milliseconds."""
    value = response.header("Retry-After")
    if response.status != 503 or "influxdb-client-js" in path.headers:
        assert value is None
    else:
        assert int(value) >= (min(5, shortest_s) if path.assert_shape in (otlp_json, otlp_protobuf) else shortest_s)
        assert path.assert_shape not in (otlp_json, otlp_protobuf) or int(value) <= 5


@pytest.fixture(scope="module")
def small(module_starter):
    """An engine with short times and a small bound for bodies."""
    return module_starter.engine("null:", ack="queued", settings={
        "http.body_max": "64KiB", "http.body_memory": "1MiB", "http.header_timeout": "300ms", "http.body_timeout": "300ms", "retry_after": "7s"})


@every_path
def test_framing_and_limits(small, path):
    for lines, body, code, status in AT_ONCE:
        if path.target == "/v1/traces" and lines == CHUNKED:
            continue  # its head is refused, if it is seen before the body
        with small.connect() as http:
            http.send(path.head(lines) + body)
            response = http.read_response()
            assert (response.status, response.closes) == (status, True), lines[:60]
            path.assert_shape(response, code)
            assert http.read_to_end() == b""


@every_path
def test_a_body_that_grows(small, path):
    if path.target == "/v1/traces":
        return  # its head is refused before
    with small.connect() as http:
        http.send(path.head(CHUNKED) + 3 * (b"7530\r\n" + b" " * 30000 + b"\r\n"))
        response = http.read_response()
        assert response.status == 413
        path.assert_shape(response, "body_too_large")


@every_path
def test_methods(small, path):
    with small.connect() as http:
        http.send(path.head("Content-Length: 0", "DELETE"))
        response = http.read_response()
        assert (response.status, response.closes) == (405, False)
        assert response.header("Allow") == {"/query": "GET, HEAD, POST, OPTIONS"}.get(
            path.target, "POST, OPTIONS" if path.method == "POST" else "GET, HEAD, OPTIONS")
        path.assert_shape(response, "method_not_allowed")


def test_clients_that_are_too_slow(small):
    """408 where a client may send again after one; elsewhere clients drop what is answered 4xx, so it is 503."""
    for cut, code in ((slice(0, -2), "header_timeout"), (slice(0, None), "body_timeout")):
        paths = [path for path in PATHS if path.target != "/v1/traces" or code == "header_timeout"]
        connections = [small.connect() for _ in paths]
        for path, http in zip(paths, connections):
            http.send(path.head("Content-Length: 9")[cut])
        for path, http in zip(paths, connections):
            response = http.read_response()
            assert response.status == (408 if path.assert_shape is sluice else 503), path
            path.assert_shape(response, code)
            assert_retry_after(response, path, 7)
            http.close()


def test_errors_before_a_path_is_known(small):
    for request, code in ((b"\n", "malformed_request_line"), (b"POST /write", "header_timeout"), (b"POST /write HTTP/2.0\r\n", "unsupported_version"),
                          (b"POST  /write HTTP/1.1\r\n", "malformed_request_line"), (b"POST /wr\x01ite HTTP/1.1\r\n", None),
                          (b"HEAD /ping HTTP/1.1\r\nHost: h\r\n\r\n\n", "malformed_request_line")):
        with small.connect() as http:
            http.send(request)
            if request.startswith(b"HEAD"):  # the error behind it is of no request
                assert http.read_response(to_head=True).status == 204
            response = http.read_response()
            sluice(response, code or response.code)
            assert http.read_to_end() == b""


def test_no_memory_for_bodies(starter):
    engine = starter.engine("null:", ack="queued", settings={"http.body_max": "64KiB", "http.body_memory": "64KiB", "retry_after": "7s"})
    with engine.connect() as holder:
        holder.send(b"POST /telemetry HTTP/1.1\r\nHost: h\r\nContent-Length: 65536\r\n\r\nx")
        wait_until(lambda: engine.status()["reactors"][0]["body_bytes_in_use"] >= 60_000, "the memory is in use")
        for path in INGEST:
            with engine.connect() as http:
                http.send(path.head("Content-Length: 9") + b"x")
                response = http.read_response()
                assert response.status == 503, path
                path.assert_shape(response, "body_memory_full")
                assert_retry_after(response, path, 7)


def test_a_drain(starter):
    engine = starter.engine("null:", ack="queued", settings={"drain_timeout": "600ms", "retry_after": "7s"})
    connections = [engine.connect() for _ in INGEST]
    requests = [path.head("Content-Length: 9") + b"x" for path in INGEST]
    for request, http in zip(requests, connections):
        http.send(request)
    wait_until(lambda: engine.status()["reactors"][0]["received_bytes"] >= sum(map(len, requests)), "they have arrived")
    engine.signal(signal.SIGTERM)
    for path, http in zip(INGEST, connections):
        response = http.read_response()
        assert (response.status, response.closes) == (503, True), path
        path.assert_shape(response, "draining")
        assert_retry_after(response, path, 7)
        http.close()
    assert engine.wait_exit() == 0


def test_a_key_that_is_in_progress(starter):
    """409 where a client may send again after one."""
    server = starter.redis()
    engine = starter.engine(server.url, settings={"retry_after": "7s", "ack_timeout": "20s"})
    server.client().client_pause(3000)
    bodies = {sluice: b'{"device_id":"a","type":"t","value":1}', influx_v1: b"m f=1", influx_v2: b"m f=1"}
    paths = [path for path in INGEST if path.assert_shape in bodies]
    firsts = [engine.connect() for _ in paths]
    requests = [path.head(f"Idempotency-Key: k{index}\r\nContent-Length: {len(bodies[path.assert_shape])}") + bodies[path.assert_shape]
                for index, path in enumerate(paths)]
    for request, http in zip(requests, firsts):
        http.send(request)
    wait_until(lambda: engine.samples()["accepted"] == len(paths), "they wait")
    for path, request in zip(paths, requests):
        with engine.connect() as http:
            http.send(request)
            response = http.read_response()
        assert response.status == (409 if path.assert_shape is sluice else 503), path
        path.assert_shape(response, "idempotency_in_progress")
        if path.assert_shape is not sluice:
            assert_retry_after(response, path, 7)
    for http in firsts:
        assert http.read_response().status in (200, 204)
        http.close()
