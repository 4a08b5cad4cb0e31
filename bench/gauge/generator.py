"""Figures of sluice-load, on the bare responder: what it costs beside wrk, and how late it is itself."""

import json
import os
import re
import subprocess
import tempfile
from typing import Sequence

from servers import CLIENT_CORE, pinned, running_floor
from harness.load import LOAD_BINARY
from .figures import Figure, Plan, interleaved, ratio

CONNECTIONS = 64
PIPELINED = 16

# wrk pipelines only by a script. Without one it sends the same rendered request each time, which is the cheapest it can do.
PIPELINE_SCRIPT = "local r\nfunction init(a) r = string.rep(wrk.format(), %d) end\nfunction request() return r end\n" % PIPELINED


def run(command: Sequence[object]) -> tuple[str, float]:
    """What it printed, and its CPU seconds, user and system."""
    with subprocess.Popen([*pinned(CLIENT_CORE), *map(str, command)], stdout=subprocess.PIPE, text=True) as child:
        printed = child.stdout.read()
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    assert child.returncode == 0, f"{command[0]} ended with {child.returncode}"
    return printed, usage.ru_utime + usage.ru_stime


def wrk_us(port: int, seconds: int, script: str = "") -> float:
    """CPU of `wrk -t1` for each request."""
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as file:
        file.write(script)
        file.flush()
        printed, cpu_s = run(["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", *(["-s", file.name] if script else []),
                              f"http://127.0.0.1:{port}/"])
    return cpu_s / int(re.search(r"(\d+) requests in", printed)[1]) * 1e6


def load_us(port: int, seconds: int, pipeline: int = 1) -> float:
    """CPU of sluice-load for each request."""
    printed, cpu_s = run([LOAD_BINARY, f"http://127.0.0.1:{port}/", "--users", CONNECTIONS, "--pipeline", pipeline, "--duration", f"{seconds}s",
                          "--warmup", "0", "--max-cpu", "100%", "--max-lag", "10s", "--quiet", "--json", "-"])
    return cpu_s / json.loads(printed)["totals"]["responses"] * 1e6


def cpu_figures(plan: Plan) -> list[Figure]:
    figures = []
    with running_floor() as (_, port):
        us = interleaved({"sluice-load": lambda: load_us(port, plan.seconds), "wrk": lambda: wrk_us(port, plan.seconds)}, plan.rounds)
        figures.append(ratio(f"CPU per request, sluice-load ÷ wrk -t1, {CONNECTIONS} connections", us["sluice-load"], us["wrk"], line=("≤", 1.0)))
    with running_floor(PIPELINED) as (_, port):
        us = interleaved({"sluice-load": lambda: load_us(port, plan.seconds, PIPELINED),
                          "wrk": lambda: wrk_us(port, plan.seconds, PIPELINE_SCRIPT)}, plan.rounds)
        figures.append(ratio(f"The same, pipelined ×{PIPELINED}", us["sluice-load"], us["wrk"], line=("≤", 0.7)))
    return figures


def lag_figures(plan: Plan) -> list[Figure]:
    """Its own lag at 10,000 requests/s over 100 connections."""
    def lag_us(port: int) -> float:
        printed, _ = run([LOAD_BINARY, f"http://127.0.0.1:{port}/", "--rate", "10k/s", "--connections", 100, "--duration", f"{plan.seconds}s", "--max-lag", "1s",
                          "--quiet", "--json", "-"])
        return json.loads(printed)["own_lag_p99_ns"] / 1e3

    with running_floor() as (_, port):
        lags = interleaved({"lag": lambda: lag_us(port)}, plan.rounds)["lag"]
    return [Figure("Own lag of sluice-load, p99, 10,000 requests/s, 100 connections", lags, "µs", line=("≤", 100))]
