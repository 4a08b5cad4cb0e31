"""Figures of the journal. Its directory lies in build/, on the disk that the project is on."""

import contextlib
import json
import re
import subprocess
import tempfile
from pathlib import Path
from typing import Iterator

from servers import BENCH, CLIENT_CORE, PROJECT, SERVER_CORE, pinned, running_engine, running_redis
from harness import RedisServer
from harness.engine import BINARY, CLEAN_ENVIRONMENT
from .engine import NDJSON_SAMPLES, redis_benchmark_rate
from .figures import Figure, Plan, interleaved, ratio
from .traffic import Traffic, wrk

APPEND_BYTES = (139, 1000, 10_000)
REPLAY_SAMPLES_PER_S = 400_000  # of journal for each second that a replay shall take


@contextlib.contextmanager
def journal_directory() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="bench-journal-", dir=PROJECT / "build") as path:
        yield Path(path)


def journaled_figures(plan: Plan) -> list[Figure]:
    with journal_directory() as path, running_engine(f"journal:{path}", **{"journal.size_max": "64GiB"}) as engine:
        def rate(ack: str) -> float:
            return wrk(engine.address[1], Traffic(100, query=f"?ack={ack}"), plan.seconds) / plan.seconds

        rates = interleaved({"journaled": lambda: rate("journaled"), "queued": lambda: rate("queued")}, plan.rounds)
        syncs = engine.status()["sinks"][0]["journal"]["syncs"]
    return [ratio("Requests/s, `journaled` ÷ `queued`, 100 connections", rates["journaled"], rates["queued"], line=("≥", 0.50)),
            Figure("Requests/s, `journaled`", rates["journaled"], "/s"),
            Figure("fdatasyncs of all these runs", [syncs], "")]


def append_figures(plan: Plan) -> list[Figure]:
    """Of minima: what else runs only adds."""
    report = subprocess.run([*pinned(CLIENT_CORE), BENCH, "--benchmark_filter=journal", "--benchmark_format=json",
                             "--benchmark_min_time=0.03", f"--benchmark_repetitions={5 * plan.rounds}",
                             "--benchmark_enable_random_interleaving=true"], check=True, capture_output=True, text=True).stdout
    times: dict[str, float] = {}
    for one in json.loads(report)["benchmarks"]:
        if one["run_type"] == "iteration":
            times[one["run_name"]] = min(times.get(one["run_name"], one["cpu_time"]), one["cpu_time"])
    return [Figure(f"Journal append ÷ memcpy + CRC32C of the same bytes, {bytes_:,} B",
                   [times[f"journal_append/{bytes_}"] / times[f"journal_memcpy_crc32c/{bytes_}"]], line=("≤", 2))
            for bytes_ in APPEND_BYTES]


def fill(path: Path, samples: int) -> None:
    with running_engine(f"journal:{path}", **{"journal.size_max": "64GiB"}) as engine:
        while engine.samples()["accepted"] < samples:
            wrk(engine.address[1], Traffic(4, lines=NDJSON_SAMPLES, query="?ack=journaled"), 1)


def replay_rate(path: Path, server: RedisServer) -> float:
    """Samples a second, all of the journal, from the tool's start to its last confirmation."""
    server.client().flushall()
    (path / "delivered").unlink(missing_ok=True)
    done = subprocess.run([*pinned(SERVER_CORE), BINARY, "journal", "replay", path, "--to", server.url], check=True,
                          capture_output=True, text=True, env=CLEAN_ENVIRONMENT)
    samples, seconds = re.search(r"replay: (\d+) samples delivered in ([\d.]+) s$", done.stderr, re.MULTILINE).groups()
    assert server.client().xlen("telemetry") == int(samples)
    return int(samples) / float(seconds)


def replay_figures(plan: Plan) -> list[Figure]:
    with journal_directory() as path, running_redis(CLIENT_CORE) as server:
        fill(path, plan.seconds * REPLAY_SAMPLES_PER_S)
        guess = redis_benchmark_rate(server, 0, 0)
        rates = interleaved({
            "replay": lambda: replay_rate(path, server),
            "redis-benchmark": lambda: redis_benchmark_rate(server, plan.seconds, guess)}, plan.rounds)
        server.client().flushall()
    return [ratio("Replay of a journal ÷ redis-benchmark -P 512, the same commands", rates["replay"], rates["redis-benchmark"], line=("≥", 0.90)),
            Figure("Replay, samples/s", rates["replay"], "/s")]
