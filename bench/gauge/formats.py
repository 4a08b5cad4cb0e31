"""CPU of the engine per sample, in each format and content coding, beside the same samples as plain NDJSON."""

import gzip
import json
from dataclasses import dataclass
from typing import Callable

from servers import running_engine
from harness import Engine, cpu_seconds
from harness.protobuf import fixed64, number, real, text
from .figures import Figure, Plan, interleaved, ratio

SAMPLES = 1000
CONNECTIONS = 8
NS = 1_700_000_123_456_789_012
PROTOBUF, NDJSON = ("Content-Type", "application/x-protobuf"), ("Content-Type", "application/x-ndjson")


@dataclass(frozen=True)
class Body:
    target: str
    content: bytes
    headers: tuple


def lines(records) -> Body:
    return Body("/telemetry?precision=ns", b"".join(json.dumps(record, separators=(",", ":")).encode() + b"\n" for record in records),
                (NDJSON,))


def value(index: int) -> float:
    return 20 + index / 100


def remote_write() -> tuple[Body, Body]:
    """A series for each sample, as Prometheus sends them, in Snappy."""
    import snappy  # tools/setup test installs it; other figures do without
    all_labels = [{"__name__": "node_cpu_seconds_total", "cpu": str(index % 64), "instance": f"host-{index % 16}.example.org:9100",
                   "job": "node", "mode": "idle"} for index in range(SAMPLES)]
    request = b"".join(
        text(1, b"".join(text(1, text(1, name) + text(2, label)) for name, label in labels.items())
             + text(2, real(1, value(index)) + number(2, NS // 10**6))) for index, labels in enumerate(all_labels))
    as_json = lines({"device_id": labels["instance"], "type": labels["__name__"], "value": value(index), "timestamp": NS,
                     "metadata": {name: label for name, label in labels.items() if name != "__name__"}}
                    for index, labels in enumerate(all_labels))
    return Body("/api/v1/write", snappy.compress(request), (PROTOBUF, ("Content-Encoding", "snappy"))), as_json


def otlp() -> tuple[Body, Body]:
    """One resource, ten metrics of a hundred points each."""
    def attributes(field: int, pairs: dict) -> bytes:
        return b"".join(text(field, text(1, name) + text(2, text(1, content))) for name, content in pairs.items())

    resource = {"service.name": "shop", "host.name": "host-1.example.org"}
    points = [(f"http.server.duration.{index // 100}", {"route": f"/items/{index % 100}", "method": "GET"}, value(index))
              for index in range(SAMPLES)]
    metrics = b"".join(
        text(2, text(1, points[first][0]) + text(3, "ms")
             + text(5, b"".join(text(1, fixed64(3, NS) + real(4, number_) + attributes(7, pairs))
                                for _, pairs, number_ in points[first:first + 100]))) for first in range(0, SAMPLES, 100))
    request = text(1, text(1, attributes(1, resource)) + text(2, text(1, text(1, "app.metrics") + text(2, "1.4.2")) + metrics))
    as_json = lines({"device_id": "host-1.example.org", "type": name, "value": number_, "unit": "ms", "timestamp": NS, "metadata": pairs,
                     "otlp": {"kind": "gauge", "resource": resource, "scope": {"name": "app.metrics", "version": "1.4.2"}}}
                    for name, pairs, number_ in points)
    return Body("/v1/metrics", request, (PROTOBUF,)), as_json


def telemetry() -> tuple[Body, Body]:
    """parsers/telemetry/telemetry.proto."""
    batch = b"".join(text(1, text(1, f"sensor-{index % 500}") + text(2, "temperature") + text(3, real(1, value(index)))
                          + text(4, "celsius") + fixed64(6, NS + index)) for index in range(SAMPLES))
    as_json = lines({"device_id": f"sensor-{index % 500}", "type": "temperature", "value": value(index), "unit": "celsius",
                     "timestamp": NS + index} for index in range(SAMPLES))
    return Body("/telemetry", batch, (PROTOBUF,)), as_json


def cpu_us_per_sample(engine: Engine, body: Body, requests: int) -> float:
    """A closed loop of a few connections. The engine's CPU, which waiting does not add to."""
    connections = [engine.connect() for _ in range(CONNECTIONS)]
    try:
        before = 0.0
        request = request_of(body)
        for round_ in range(requests // CONNECTIONS + 1):
            if round_ == 1:  # the first warms up
                before = cpu_seconds(engine.pid)
            for connection in connections:
                connection.send(request)
            assert all(connection.read_response().status in (200, 204) for connection in connections)
        return (cpu_seconds(engine.pid) - before) * 1e6 / (requests // CONNECTIONS * CONNECTIONS * SAMPLES)
    finally:
        for connection in connections:
            connection.close()


def request_of(body: Body) -> bytes:
    head = "".join(f"{name}: {content}\r\n" for name, content in body.headers)
    return f"POST {body.target} HTTP/1.1\r\nHost: h\r\n{head}Content-Length: {len(body.content)}\r\n\r\n".encode() + body.content


def measured(bodies: dict[str, Body], plan: Plan) -> dict[str, list[float]]:
    requests = 750 * plan.seconds

    def measure(body: Body) -> Callable[[], float]:
        return lambda: cpu_us_per_sample(engine, body, requests)
    with running_engine("null:") as engine:
        return interleaved({name: measure(body) for name, body in bodies.items()}, plan.rounds)


def format_figures(plan: Plan) -> list[Figure]:
    figures = []
    for name, (own, as_json) in {"remote write": remote_write(), "OTLP": otlp(), "telemetry.proto": telemetry()}.items():
        us = measured({name: own, "NDJSON": as_json}, plan)
        figures += [ratio(f"CPU per sample, {name} ÷ NDJSON of the same samples", us[name], us["NDJSON"], line=("≤", 1.0)),
                    Figure(f"CPU per sample, {name}", us[name], "µs")]
    return figures


def coding_figures(plan: Plan) -> list[Figure]:
    import snappy
    import zstandard
    plain = telemetry()[1]
    compressors = {"gzip": gzip.compress, "zstd": zstandard.ZstdCompressor().compress, "snappy": snappy.compress}
    bodies = {name: Body(plain.target, compress(plain.content), (NDJSON, ("Content-Encoding", name)))
              for name, compress in compressors.items()}
    us = measured({"plain": plain, **bodies}, plan)
    bounds = {"gzip": 1.6, "zstd": 1.25, "snappy": 1.25}
    return [ratio(f"CPU per sample, {name} ({len(plain.content) / len(body.content):.1f} : 1) ÷ uncompressed", us[name], us["plain"],
                  line=("≤", bounds[name])) for name, body in bodies.items()]
