"""CPU of the engine per sample, in each format and content coding, beside the same samples as plain NDJSON; of telemetry.proto
also for short batches, how long the bodies are, and what a client in Python has to do.
"""

import gzip
import importlib.util
import json
import subprocess
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Callable, Optional

from servers import running_engine
from harness import Engine, cpu_seconds
from harness.engine import PROJECT
from harness.protobuf import fixed64, number, real, text
from .figures import Figure, Plan, interleaved, ratio

SAMPLES = 1000
SHORT_BATCHES = (1, 100)
CHUNK_BYTES = 32 * 1024  # as OpenTelemetry's exporters send them; Telegraf's are of such a size, too
CONNECTIONS = 8
NS = 1_700_000_123_456_789_012
PROTOBUF, NDJSON = ("Content-Type", "application/x-protobuf"), ("Content-Type", "application/x-ndjson")


@dataclass(frozen=True)
class Body:
    target: str
    content: bytes
    headers: tuple
    samples: int = SAMPLES
    is_chunked: bool = False


def lines(records) -> Body:
    records = list(records)
    return Body("/telemetry?precision=ns", b"".join(json.dumps(record, separators=(",", ":")).encode() + b"\n" for record in records),
                (NDJSON,), len(records))


def value(index: int) -> float:
    return 20 + index / 100


def line_protocol() -> tuple[Body, Body]:
    """What Telegraf knows of a processor."""
    names = ("guest", "guest_nice", "idle", "iowait", "irq", "nice", "softirq", "steal", "system", "user")
    all_values = [{f"usage_{name}": value(index) for name in names} for index in range(SAMPLES)]
    all_tags = [{"cpu": f"cpu{index % 64}", "host": f"host-{index % 16}.example.org"} for index in range(SAMPLES)]

    def members(pairs: dict) -> str:
        return ",".join(f"{name}={content}" for name, content in pairs.items())
    body = "".join(f"cpu,{members(tags)} {members(values)} {NS + index}\n" for index, (tags, values) in enumerate(zip(all_tags, all_values)))
    as_json = lines({"device_id": tags["host"], "type": "cpu", "values": values, "timestamp": NS + index, "metadata": tags}
                    for index, (tags, values) in enumerate(zip(all_tags, all_values)))
    return Body("/write", body.encode(), ()), as_json


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


def records(count: int) -> list[dict]:
    return [{"device_id": f"sensor-{index % 500}", "type": "temperature", "value": value(index), "unit": "celsius", "timestamp": NS + index}
            for index in range(count)]


def telemetry(count: int = SAMPLES) -> tuple[Body, Body]:
    """parsers/telemetry/telemetry.proto."""
    batch = b"".join(text(1, text(1, record["device_id"]) + text(2, record["type"]) + text(3, real(1, record["value"]))
                          + text(4, record["unit"]) + fixed64(6, record["timestamp"])) for record in records(count))
    return Body("/telemetry", batch, (PROTOBUF,), count), lines(records(count))


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
        return (cpu_seconds(engine.pid) - before) * 1e6 / (requests // CONNECTIONS * CONNECTIONS * body.samples)
    finally:
        for connection in connections:
            connection.close()


def request_of(body: Body) -> bytes:
    head = "".join(f"{name}: {content}\r\n" for name, content in body.headers)
    framing = "Transfer-Encoding: chunked" if body.is_chunked else f"Content-Length: {len(body.content)}"
    content = chunked(body.content) if body.is_chunked else body.content
    return f"POST {body.target} HTTP/1.1\r\nHost: h\r\n{head}{framing}\r\n\r\n".encode() + content


def chunked(content: bytes) -> bytes:
    chunks = [content[at:at + CHUNK_BYTES] for at in range(0, len(content), CHUNK_BYTES)]
    return b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"


def measured(bodies: dict[str, Body], plan: Plan) -> dict[str, list[float]]:
    def measure(body: Body) -> Callable[[], float]:
        requests = 750 * plan.seconds * min(10, SAMPLES // body.samples)
        return lambda: cpu_us_per_sample(engine, body, requests)
    with running_engine("null:") as engine:
        return interleaved({name: measure(body) for name, body in bodies.items()}, plan.rounds)


def format_figures(plan: Plan) -> list[Figure]:
    figures = []
    for name, (own, as_json), bound in (("line protocol", line_protocol(), 1.3), ("remote write", remote_write(), 1.0),
                                        ("OTLP", otlp(), 1.0), ("telemetry.proto", telemetry(), 1.0)):
        us = measured({name: own, "NDJSON": as_json}, plan)
        figures += [ratio(f"CPU per sample, {name} ÷ NDJSON of the same samples", us[name], us["NDJSON"], line=("≤", bound)),
                    Figure(f"CPU per sample, {name}", us[name], "µs")]
    return [*figures, *protobuf_figures(plan)]


def protobuf_figures(plan: Plan) -> list[Figure]:
    import zstandard
    figures = []
    for count in SHORT_BATCHES:
        own, as_json = telemetry(count)
        us = measured({"telemetry.proto": own, "NDJSON": as_json}, plan)
        figures.append(ratio(f"CPU per sample, telemetry.proto ÷ NDJSON, {count} a request", us["telemetry.proto"], us["NDJSON"]))
    own, as_json = telemetry()
    for coding, compress in (("not compressed", bytes), ("gzip", gzip.compress), ("zstd", zstandard.ZstdCompressor().compress)):
        sizes = [len(compress(body.content)) / SAMPLES for body in (own, as_json)]
        figures.append(Figure(f"bytes per sample, telemetry.proto ÷ NDJSON, {coding} ({sizes[0]:.1f} ÷ {sizes[1]:.1f})", [sizes[0] / sizes[1]]))
    us = interleaved({"protobuf": encoder_of(message_class()), "json": encoder_of(None)}, plan.rounds)
    return [*figures, ratio("time per sample of a client, python3-protobuf ÷ json.dumps", us["protobuf"], us["json"])]


def message_class() -> type:
    """TelemetryBatch, as protoc makes it."""
    with tempfile.TemporaryDirectory() as directory:
        subprocess.run(["protoc", f"--proto_path={PROJECT / 'parsers/telemetry'}", f"--python_out={directory}", "telemetry.proto"], check=True)
        spec = importlib.util.spec_from_file_location("telemetry_pb2", Path(directory) / "telemetry_pb2.py")
        messages = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(messages)
    return messages.TelemetryBatch


def encoder_of(batch_class: Optional[type]) -> Callable[[], float]:
    """What a client needs for a sample, in µs: of its records a body."""
    of_client = records(SAMPLES)

    def as_protobuf() -> bytes:
        batch = batch_class()
        for record in of_client:
            sample = batch.samples.add(device_id=record["device_id"], type=record["type"], unit=record["unit"], timestamp_ns=record["timestamp"])
            sample.value.number = record["value"]
        return batch.SerializeToString()

    def as_json() -> bytes:
        return json.dumps(of_client, separators=(",", ":")).encode()
    encode = as_protobuf if batch_class else as_json

    def measure() -> float:
        encode()
        begin = time.process_time()
        for _ in range(20):
            encode()
        return (time.process_time() - begin) * 1e6 / (20 * SAMPLES)
    return measure


def coding_figures(plan: Plan) -> list[Figure]:
    import snappy
    import zstandard
    plain = telemetry()[1]
    compressors = {"gzip": gzip.compress, "zstd": zstandard.ZstdCompressor().compress, "snappy": snappy.compress}
    bodies = {name: Body(plain.target, compress(plain.content), (NDJSON, ("Content-Encoding", name)))
              for name, compress in compressors.items()}
    us = measured({"plain": plain, "in chunks": replace(plain, is_chunked=True), **bodies}, plan)
    bounds = {"gzip": 1.6, "zstd": 1.25, "snappy": 1.25}
    return [ratio(f"CPU per sample, {name} ({len(plain.content) / len(body.content):.1f} : 1) ÷ uncompressed", us[name], us["plain"],
                  line=("≤", bounds[name])) for name, body in bodies.items()] + [
        ratio("CPU per sample, in chunks of 32 KiB ÷ with a length", us["in chunks"], us["plain"])]
