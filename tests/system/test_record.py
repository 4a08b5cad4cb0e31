"""`bench/record` writes a line that can be compared with the next one, and compares two."""
# runs: release

import copy
import json
import os
import re
import subprocess
import sys

import pytest

from harness.engine import CLEAN_ENVIRONMENT, PROJECT

sys.path.insert(0, str(PROJECT / "bench"))

from gauge import records  # noqa: E402

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
            assert 0 < figures["min_ns"] <= figures["low_ns"] <= figures["median_ns"] <= figures["high_ns"] <= figures["max_ns"]
            assert figures["items_per_second"] > 0


def test_a_filter_that_matches_nothing_is_an_error(tmp_path):
    output = tmp_path / "results.ndjson"
    finished = record("--filter", "no_such_benchmark", "--output", output)
    assert finished.returncode == 2 and "no_such_benchmark" in finished.stderr
    assert not output.exists()


# --- comparing, with made-up records -------------------------------------------------------------------------------------------


def benchmark(*times_ns: float) -> dict:
    return records.summary(times_ns)


OLD = {"version": "1.0.0", "commit": "aaaaaaaaaaaa", "date": "2026-01-01T00:00:00+00:00", "repetitions": 5,
       "machine": {"cpu": "A", "cores": 2, "kernel": "6.1", "compiler": "g++ 12"},
       "benchmarks": {"even": benchmark(100, 101, 102, 103, 104), "worse": benchmark(100, 101, 102, 103, 104),
                      "better": benchmark(2000, 2010, 2020, 2030, 2040), "wild": benchmark(100, 110, 120, 130, 140),
                      "gone": benchmark(1, 1, 1, 1, 1)}}
NEW = {**OLD, "version": "1.1.0", "commit": "bbbbbbbbbbbb",
       "benchmarks": {"even": benchmark(100, 101, 102, 103, 500), "worse": benchmark(118, 119, 120, 121, 122),
                      "better": benchmark(1000, 1005, 1010, 1015, 1020), "wild": benchmark(120, 125, 135, 150, 160),
                      "fresh": benchmark(1, 1, 1, 1, 1)}}


@pytest.fixture
def results(tmp_path):
    path = tmp_path / "results.ndjson"
    path.write_text(f"{json.dumps(OLD)}\n{json.dumps(NEW)}\n")
    return path


def compare(results, *arguments, names=("1.0.0", "1.1.0")) -> subprocess.CompletedProcess:
    return record("--results", results, "--compare", *names, *arguments)


def changed(path, **members):
    """Another file, whose record is NEW with these members."""
    other = path.with_name("other.ndjson")
    other.write_text(json.dumps({**copy.deepcopy(NEW), **members}) + "\n")
    return other


def test_each_benchmark_gets_ratio_spread_and_verdict(results):
    done = compare(results)
    assert done.returncode == 0 and not done.stderr
    rows = {cells[0]: cells[1:] for line in done.stdout.splitlines()
            if line.startswith("| ") and (cells := [cell.strip() for cell in line.strip("|").split("|")])}
    assert rows["worse"] == ["102 ns", "120 ns", "1.176", "1.155 – 1.198", "slower"]
    assert rows["better"] == ["2.02 µs", "1.01 µs", "0.500", "0.495 – 0.505", "faster"]
    assert rows["even"][2:] == ["1.000", "0.981 – 1.020", "same within noise"], "one outlier is left out"
    assert rows["wild"][4] == "same within noise" and float(rows["wild"][2]) > 1.1, "its spread hides the difference"
    assert "gone" not in rows and "fresh" not in rows
    assert "\n1 faster, 1 slower, 2 same within noise\n" in done.stdout
    assert "only in the old record: gone" in done.stdout and "only in the new record: fresh" in done.stdout
    for text in ("1.0.0", "aaaaaaaaaaaa", "1.1.0", "bbbbbbbbbbbb", "cpu A", "cores 2", "kernel 6.1", "compiler g++ 12", "5 repetitions"):
        assert text in done.stdout


@pytest.mark.parametrize("limit, exit_code, names", [("10%", 1, "worse"), ("17.5%", 1, "worse"), ("18%", 0, "none")])
def test_the_exit_code_tells_what_is_slower(results, limit, exit_code, names):
    done = compare(results, "--slower-than", limit)
    assert done.returncode == exit_code
    assert done.stdout.splitlines()[-1] == f"slower by more than {limit[:-1]} %: {names}", "wild is within noise"


@pytest.mark.parametrize("member, value", [("cpu", "B"), ("cores", 4)])
def test_another_machine_is_refused(results, member, value):
    other = changed(results, machine={**OLD["machine"], member: value})
    done = compare(results, names=("last", other))
    assert done.returncode == 2 and f"{member} differs: {OLD['machine'][member]}, {value}" in done.stderr and not done.stdout
    done = compare(results, "--across-machines", names=("last", other))
    assert done.returncode == 0 and f"warning: {member} differs" in done.stdout


@pytest.mark.parametrize("members, warning", [
    ({"machine": {**OLD["machine"], "compiler": "g++ 13"}}, "compiler differs: g++ 12, g++ 13"),
    ({"machine": {**OLD["machine"], "kernel": "6.2"}}, "kernel differs: 6.1, 6.2"),
    ({"commit": "bbbbbbbbbbbb-dirty"}, "the new record is of a tree with changes"),
    ({"repetitions": 3}, "the new record has fewer than 5 repetitions"),
    ({"commit": OLD["commit"]}, "both records are of one commit")])
def test_what_weakens_a_comparison_is_said(results, members, warning):
    done = compare(results, names=("1.0.0", changed(results, **members)))
    assert done.returncode == 0 and f"warning: {warning}" in done.stdout
    assert "warning" not in compare(results).stdout


def test_a_record_has_several_names(results):
    commits = [OLD["commit"], NEW["commit"]]
    for names in (("1.0.0", "1.1.0"), ("aaaa", "bbbbbb"), ("last~1", "last"), ("last~1", results)):
        assert re.findall(r"commit (\w+)", compare(results, names=names).stdout) == commits


@pytest.mark.parametrize("names, reason", [
    (("1.0.0", "2.0.0"), "there is no record 2.0.0"), (("last~2", "last"), "there is no record last~2"),
    (("last~x", "last"), "there is no record last~x")])
def test_a_record_that_is_not_there_is_an_error(results, names, reason):
    done = compare(results, names=names)
    assert done.returncode == 2 and reason in done.stderr


def test_what_is_no_record_is_an_error(results):
    (other := results.with_name("other.ndjson")).write_text("{}\n")
    assert compare(results, names=("last", other)).returncode == 2
    other.write_text("nonsense\n")
    assert compare(results, names=("last", other)).returncode == 2
    nothing_in_common = changed(results, benchmarks={"fresh": benchmark(1)})
    assert compare(results, names=("1.0.0", nothing_in_common)).returncode == 2
    assert record("--slower-than", "10%").returncode == 2, "for --compare only"
    assert compare(results, "--slower-than", "much").returncode == 2


def test_this_version_has_a_record():
    """bench/record is run at each release; records of 0.1.0 have no low_ns and high_ns, and are compared by min_ns and max_ns."""
    version = re.search(r"project\(sluice VERSION (\S+)", (PROJECT / "CMakeLists.txt").read_text())[1]
    assert version in {one["version"] for one in records.read_records(PROJECT / "bench/results.ndjson")}
    assert record("--compare", "0.1.0", "0.1.0").returncode == 0
