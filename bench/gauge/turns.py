"""Small requests beside a client that sends bodies of 8 MiB: how much longer they take."""

import gzip
import http.client
import json
import subprocess
import threading
from typing import Iterator, Optional

from contextlib import contextmanager

from servers import CLIENT_CORE, pinned, running_engine
from harness.load import LOAD_BINARY
from .figures import Figure, Plan, interleaved, ratio

BODY_BYTES = 8 * 1024 * 1024 - 1024
RECORD = b'{"device_id":"sensor-00017","type":"temperature","value":27.3,"unit":"celsius","timestamp":1767027837123,"metadata":{"location":"zone-3"}}'


def long_bodies() -> dict[str, tuple[str, bytes]]:
    """Content type and body, by name: lines, and one array."""
    count = BODY_BYTES // (len(RECORD) + 1)
    return {"NDJSON": ("application/x-ndjson", b"\n".join([RECORD] * count)),
            "one array": ("application/json", b"[" + b",".join([RECORD] * count) + b"]")}


def unlike_lines() -> bytes:
    """8 MiB of lines that shrink as telemetry does: no two are alike."""
    record = RECORD.decode().replace("00017", "{0:05}").replace("27.3", "{1}").replace("1767027837123", "{2}")
    record = record.replace("{\"", "{{\"").replace("\"}}", "\"}}}}")
    count = BODY_BYTES // (len(RECORD) + 1)
    return "\n".join(record.format(number * 7919 % 100_000, number * 31 % 4000 / 100, 1767027837123 + number) for number in range(count)).encode()


CODINGS: dict[str, bytes] = {}  # by their name: the same body compressed


def coded_body(coding: str) -> bytes:
    if coding not in CODINGS:
        import zstandard  # tools/setup test installs it; other figures do without
        compress = {"gzip": gzip.compress, "zstd": zstandard.ZstdCompressor().compress}[coding]
        text = unlike_lines()[:BODY_BYTES]
        CODINGS[coding] = compress(text[:text.rindex(b"\n")])
    return CODINGS[coding]


@contextmanager
def sender(port: int, kind: Optional[str]) -> Iterator[list[int]]:
    """One client that posts such bodies one after the other; the statuses of its answers. `kind` None: nobody."""
    stop = threading.Event()
    statuses: list[int] = []

    def send() -> None:
        content_type, body = ("application/x-ndjson", coded_body(kind)) if kind in ("gzip", "zstd") else long_bodies()[kind]
        headers = {"Content-Type": content_type, **({"Content-Encoding": kind} if kind in ("gzip", "zstd") else {})}
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        while not stop.is_set():  # ends: with the measurement
            connection.request("POST", "/telemetry?ack=queued", body, headers)
            response = connection.getresponse()
            response.read()
            statuses.append(response.status)
        connection.close()

    thread = threading.Thread(target=send)
    if kind:
        thread.start()
    try:
        yield statuses
    finally:
        stop.set()
        if kind:
            thread.join()


def p99_us(seconds: int, kind: Optional[str]) -> float:
    """Of 2,000 small requests a second over 16 connections, from the time at which each was due."""
    # Enough batches that the long body does not take those of the small requests.
    with running_engine("null:", **{"batch.count": 1024}) as engine, sender(engine.address[1], kind) as statuses:
        command = [*pinned(CLIENT_CORE), LOAD_BINARY, f"http://127.0.0.1:{engine.address[1]}/telemetry", "--sample", "--rate", "2000/s",
                   "--connections", 16, "--duration", f"{seconds}s", "--max-lag", "1s", "--max-cpu", "100%", "--min-rate", "50%", "--quiet", "--json", "-"]
        done = subprocess.run([str(word) for word in command], check=False, capture_output=True, text=True)
        result = json.loads(done.stdout)
    assert all(status == 200 for status in statuses) and bool(statuses) == bool(kind), statuses
    return result["latency"]["corrected"]["percentiles_ns"]["99"] / 1e3


def turns_figures(plan: Plan) -> list[Figure]:
    us = interleaved({"alone": lambda: p99_us(plan.seconds, None), "NDJSON": lambda: p99_us(plan.seconds, "NDJSON"),
                      "one array": lambda: p99_us(plan.seconds, "one array"), "gzip": lambda: p99_us(plan.seconds, "gzip"),
                      "zstd": lambda: p99_us(plan.seconds, "zstd")}, plan.rounds)
    figures = [Figure("p99 of small requests, alone", us["alone"], "µs")]
    for kind in ("NDJSON", "one array", "gzip", "zstd"):
        figures.append(ratio(f"p99 of small requests beside bodies of 8 MiB ({kind}) ÷ alone", us[kind], us["alone"]))
        more = [beside - alone for beside, alone in zip(us[kind], us["alone"])]
        figures.append(Figure(f"The difference, {kind}", more, "µs", line=("≤", 2000)))
    return figures
