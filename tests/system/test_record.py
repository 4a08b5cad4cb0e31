"""`bench/record` writes a line that can be compared with the next one."""
# runs: release

import json
import os
import subprocess

from harness.engine import CLEAN_ENVIRONMENT, PROJECT

BENCH = os.environ.get("SLUICE_BENCH", str(PROJECT / "build/release/sluice-bench"))


def record(*arguments) -> subprocess.CompletedProcess:
    return subprocess.run([PROJECT / "bench/record", "--repetitions", "3", "--min-time", "0.001", *arguments], capture_output=True,
                          text=True, timeout=120, env={**CLEAN_ENVIRONMENT, "SLUICE_BENCH": BENCH})


def test_each_run_adds_a_line(tmp_path):
    output = tmp_path / "results.ndjson"
    for _ in range(2):
        assert record("--filter", "queue_one_thread|encoder/list", "--output", output).returncode == 0
    lines = [json.loads(line) for line in output.read_text().splitlines()]
    assert len(lines) == 2
    for line in lines:
        assert line["version"] and line["commit"] and line["date"] and line["repetitions"] == 3
        assert line["machine"]["kernel"] == os.uname().release and line["machine"]["cores"] >= 1 and line["machine"]["cpu"]
        assert set(line["benchmarks"]) == {"queue_one_thread", "encoder/list"}
        for figures in line["benchmarks"].values():
            assert 0 < figures["min_ns"] <= figures["median_ns"] <= figures["max_ns"]
            assert figures["items_per_second"] > 0


def test_a_filter_that_matches_nothing_is_an_error(tmp_path):
    output = tmp_path / "results.ndjson"
    finished = record("--filter", "no_such_benchmark", "--output", output)
    assert finished.returncode == 2 and "no_such_benchmark" in finished.stderr
    assert not output.exists()
