"""Requests as clients send them that cannot be had here: Telegraf, the OpenTelemetry Collector, Fluent Bit.

Targets, headers, codings and chunks are those of their sources. Each is answered as its client takes for success, and
while the engine is paused or Redis away as its client takes for "keep it and send it again".
"""
# runs: release.io_uring

import gzip
from typing import NamedTuple

import pytest
import snappy

from harness import stream_entries, wait_until
from harness.protobuf import fixed64, number, real, text

NS = 1_700_000_000_000_000_000
LINES = b"cpu,host=%s usage=0.5,ticks=7i 1700000000000000000\n"
# Telegraf drops what is answered with one of these in a 5xx.
DROPPING_PHRASES = (b"partial write", b"points beyond retention policy", b"unable to parse", b"retention policy not found",
                    b"hinted handoff queue not empty", b"database not found")
GO = [("Accept-Encoding", "gzip")]


def write_request(host: bytes) -> bytes:
    labels = b"".join(text(1, text(1, name) + text(2, value)) for name, value in (("__name__", "up"), ("instance", host)))
    return text(1, labels + text(2, real(1, 1.0) + number(2, NS // 10**6)))


def metrics(host: bytes) -> bytes:
    attribute = text(1, "host.name") + text(2, text(1, host))
    point = fixed64(3, NS) + real(4, 1.0)
    return text(1, text(1, text(1, attribute)) + text(2, text(2, text(1, "up") + text(5, text(1, point)))))


class Shape(NamedTuple):
    target: str
    headers: list
    body: object  # of a host's name
    success: tuple
    is_chunked: bool = False


LINE_TYPE = [("Content-Type", "text/plain; charset=utf-8"), ("Content-Encoding", "gzip")]
PROTOBUF_TYPE = ("Content-Type", "application/x-protobuf")
FLUENT_BIT = [("User-Agent", "Fluent-Bit")]
SHAPES = {
    # plugins/outputs/influxdb/http.go: the body is a reader without a length; 204 alone is success.
    "Telegraf, outputs.influxdb": Shape(
        "/write?consistency=any&db=telegraf", [("User-Agent", "Telegraf/1.30.0 Go/1.22.1"), *LINE_TYPE, *GO],
        lambda host: gzip.compress(LINES % host), (204,), True),
    # plugins/outputs/influxdb_v2/http.go
    "Telegraf, outputs.influxdb_v2": Shape(
        "/api/v2/write?bucket=telegraf&org=any",
        [("User-Agent", "Telegraf/1.30.0 Go/1.22.1"), ("Authorization", "Token any"), *LINE_TYPE, *GO],
        lambda host: gzip.compress(LINES % host), (200, 201, 202, 204, 206, 207, 208), True),
    # exporter/otlphttpexporter/otlp.go
    "OpenTelemetry Collector": Shape(
        "/v1/metrics", [("User-Agent", "OpenTelemetry Collector Contrib/0.115.0 (linux/amd64)"), PROTOBUF_TYPE,
                        ("Content-Encoding", "gzip"), *GO], lambda host: gzip.compress(metrics(host)), range(200, 300)),
    # plugins/out_influxdb/influxdb.c
    "Fluent Bit, influxdb": Shape("/write?db=fluentbit&precision=n", FLUENT_BIT, lambda host: LINES % host, (200, 204)),
    # plugins/out_opentelemetry/opentelemetry.c
    "Fluent Bit, opentelemetry": Shape("/v1/metrics", [PROTOBUF_TYPE, *FLUENT_BIT, ("Content-Encoding", "gzip")],
                                       lambda host: gzip.compress(metrics(host)), range(200, 206)),
    # plugins/out_prometheus_remote_write/remote_write.c
    "Fluent Bit, prometheus_remote_write": Shape(
        "/api/v1/write", [PROTOBUF_TYPE, ("X-Prometheus-Remote-Write-Version", "0.1.0"), ("Content-Encoding", "snappy"), *FLUENT_BIT],
        lambda host: snappy.compress(write_request(host)), range(200, 206)),
}


def send(http, shape: Shape, host: bytes):
    body = shape.body(host)
    if not shape.is_chunked:
        return http.request("POST", shape.target, body, shape.headers)
    lines = [f"POST {shape.target} HTTP/1.1", "Host: sluice:8080", *(f"{name}: {value}" for name, value in shape.headers)]
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:10], body[10:]))
    http.send("\r\n".join([*lines, "Transfer-Encoding: chunked"]).encode() + b"\r\n\r\n" + chunks + b"0\r\n\r\n")
    return http.read_response()


def assert_is_kept(response, name: str) -> None:
    assert response.status == 503, name
    assert not any(phrase in response.body for phrase in DROPPING_PHRASES), name
    assert 1 <= int(response.header("Retry-After")) <= (5 if "elemetry" in name else 60), name


def test_each_is_taken_or_kept(starter):
    server = starter.redis(persistent=True)
    engine = starter.engine(server.url, settings={"sink.redis.backoff_max": "200ms", "ack_timeout": "300ms"})
    hosts = {name: b"host-%d" % index for index, name in enumerate(SHAPES)}
    with engine.connect() as http:
        assert engine.admin("POST", "/stop").status == 200
        for name, shape in SHAPES.items():
            assert_is_kept(send(http, shape, hosts[name]), name)
        assert engine.admin("POST", "/start").status == 200
        assert server.client().xlen("telemetry") == 0
        server.kill()
        wait_until(lambda: engine.admin("GET", "/ready").status == 503, "the sink has noticed")
        for name, shape in SHAPES.items():
            assert_is_kept(send(http, shape, hosts[name]), name)
        server.start()
        wait_until(lambda: engine.admin("GET", "/ready").status == 200, "the sink is back")
        for name, shape in SHAPES.items():
            response = send(http, shape, hosts[name])
            assert response.status in shape.success and response.header("Sluice-Ack") == "stored", name
    assert {entry[b"device_id"] for entry in stream_entries(server.client())} == set(hosts.values())


def test_telegraf_makes_its_database(stack, http):
    form = [("User-Agent", "Telegraf/1.30.0 Go/1.22.1"), ("Content-Type", "application/x-www-form-urlencoded"), *GO]
    response = http.request("POST", "/query", b"q=CREATE+DATABASE+%22telegraf%22", form)
    assert response.status == 200 and "error" not in response.json()["results"][0]


@pytest.mark.parametrize("target", ["/v1/traces", "/v1/logs"])
def test_a_collector_with_other_signals_keeps_its_metrics(http, target):
    """404 is given up by every client of OTLP; it goes on with its metrics."""
    headers = [PROTOBUF_TYPE, ("Content-Encoding", "gzip")]
    assert http.request("POST", target, gzip.compress(b""), headers).status == 404
