"""Two binaries of the engine under the same load: the CPU that each spends on a request, and the ratio."""

import json
import subprocess
from pathlib import Path
from typing import Sequence

from servers import CLIENT_CORE, pinned, running_engine
from harness import cpu_seconds
from harness.engine import BINARY
from harness.load import LOAD_BINARY
from .figures import Figure, Plan, interleaved, ratio

RATIO_MAX = 1.03

# Closed loops of one load thread with the built-in sample.
LOADS: dict[str, tuple[str, list[object]]] = {
    "small": ("64 connections", ["--users", 64]),
    "pipelined": ("64 connections, pipelined ×16", ["--users", 64, "--pipeline", 16]),
    "ndjson": ("16 connections, NDJSON ×1000", ["--users", 16, "--ndjson", "--batch", 1000]),
}


def responses_count(port: int, options: Sequence[object], seconds: int) -> int:
    """Runs sluice-load for `seconds`. Fails if a request was not answered 2xx."""
    command = [*pinned(CLIENT_CORE), LOAD_BINARY, f"http://127.0.0.1:{port}/telemetry", "--sample", *options, "--duration", f"{seconds}s",
               "--warmup", 0, "--max-cpu", "100%", "--max-lag", "10s", "--threshold", "errors<=0%", "--quiet", "--json", "-"]
    done = subprocess.run([str(word) for word in command], check=True, capture_output=True, text=True)
    return json.loads(done.stdout)["totals"]["responses"]


def cpu_us_per_request(binary: Path, options: Sequence[object], seconds: int) -> float:
    """Of an engine of its own: no measurement inherits the memory layout of another."""
    with running_engine("null:", binary=binary) as engine:
        port = engine.address[1]
        responses_count(port, options, 1)  # warm-up: connections, caches, clock frequency
        before = cpu_seconds(engine.pid)
        count = responses_count(port, options, seconds)
        return (cpu_seconds(engine.pid) - before) / count * 1e6


def figures_of(name: str, other: Path, plan: Plan) -> list[Figure]:
    text, options = LOADS[name]
    us = interleaved({
        "this": lambda: cpu_us_per_request(BINARY, options, plan.seconds),
        "other": lambda: cpu_us_per_request(other, options, plan.seconds)}, plan.rounds)
    return [ratio(f"CPU per request, this ÷ other, {text}", us["this"], us["other"], line=("≤", RATIO_MAX)),
            Figure(f"CPU per request, this, {text}", us["this"], "µs"),
            Figure(f"CPU per request, other, {text}", us["other"], "µs")]
