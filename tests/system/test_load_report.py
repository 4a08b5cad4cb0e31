"""What sluice-load writes, read by the programs that it is meant for: JSON, CSV, HdrHistogram's Java tools."""
# runs: release long: asan

import csv
import json
import subprocess
from pathlib import Path

import pytest

from harness.engine import BINARY

SAMPLE_REPORT = BINARY.parent / "sluice-load-sample-report"
HDR_JAR = Path("/usr/share/java/hdrhistogram.jar")  # Debian: libhdrhistogram-java


@pytest.fixture(scope="module")
def report(workspace):
    """A folder with every output of one made-up run: 2.4 s of warm-up, 30 s of which one stalls, and a last answer after them."""
    subprocess.run([SAMPLE_REPORT, workspace], check=True, timeout=120)
    return workspace


@pytest.fixture(scope="module")
def result(report):
    return json.loads((report / "run.json").read_text())


def read_hgrm(text: str) -> dict:
    """A plotter's view: 1/(1-percentile) → latency in ms; and the total count."""
    rows = [line.split() for line in text.splitlines() if line and not line.startswith("#") and "Value" not in line]
    points = {float(row[3]): float(row[0]) for row in rows if len(row) == 4 and row[3] != "inf"}
    return {"points": points, "count": max(int(row[2]) for row in rows if len(row) >= 3)}


def test_json_balances(result):
    totals = result["totals"]
    assert result["format"] == "sluice-load/1"
    assert totals["sent"] == totals["responses"] + totals["faults"]["timeout"]
    assert totals["responses"] == totals["succeeded"] + totals["faults"]["bad_status"]
    assert totals["failed"] == sum(totals["faults"].values()) > 0
    assert sum(totals["statuses"].values()) == totals["responses"] == result["latency"]["corrected"]["count"]
    assert len(result["seconds"]) == 34 and sum(second["warmup"] for second in result["seconds"]) == 3
    corrected = result["latency"]["corrected"]["percentiles_ns"]
    assert list(corrected.values()) == sorted(corrected.values())


def test_json_tells_the_stall_apart(result):
    p99 = {name: latency["percentiles_ns"]["99"] for name, latency in result["latency"].items()}
    assert p99["corrected"] > 500e6 > 1e6 > p99["uncorrected"] > p99["lag"] > 0


def test_csv_adds_up_to_the_totals(report, result):
    with open(report / "run.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    for edge in ("begin_s", "end_s"):
        assert [float(row[edge]) for row in rows] == pytest.approx([second[edge] for second in result["seconds"]], abs=1e-3)
    measured = [row for row in rows if row["warmup"] == "0"]
    totals = result["totals"]
    for name in ("planned", "sent", "responses", "succeeded", "failed", "samples", "sent_bytes", "received_bytes"):
        assert sum(int(row[name]) for row in measured) == totals[name], name
    for name, count in totals["faults"].items():
        assert sum(int(row[name]) for row in measured) == count, name
    assert sum(int(row["status_2xx"]) for row in measured) == totals["statuses"]["200"]
    assert sum(int(row["status_5xx"]) for row in measured) == totals["statuses"]["503"]
    assert [int(row["corrected_p99_ns"]) for row in rows] == [second["p99_ns"] for second in result["seconds"]]


@pytest.mark.parametrize("name, file", [("corrected", "run.hgrm"), ("uncorrected", "run.uncorrected.hgrm"), ("lag", "run.lag.hgrm")])
def test_hgrm_is_the_same_distribution(report, result, name, file):
    read = read_hgrm((report / file).read_text())
    assert read["count"] == result["latency"][name]["count"]
    median_ms = read["points"][2.0]
    assert median_ms == pytest.approx(result["latency"][name]["percentiles_ns"]["50"] / 1e6, rel=2e-3, abs=1e-3)


@pytest.mark.skipif(not HDR_JAR.exists(), reason="libhdrhistogram-java is not installed")
class TestHistogramLog:
    """The V2 log, decoded by the Java implementation."""

    @staticmethod
    def java(report, *arguments) -> str:
        # -X: a short program does not repay compiling well.
        command = ["java", "-XX:TieredStopAtLevel=1", "-cp", HDR_JAR, "org.HdrHistogram.HistogramLogProcessor",
                   "-i", report / "run.hlog", *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout

    def test_tags(self, report):
        tags = set(self.java(report, "-listtags").split("\n")[1:]) - {""}
        names = {"corrected", "uncorrected", "lag"}
        assert tags == names | {f"warmup_{name}" for name in names}

    @pytest.mark.parametrize("name", ["corrected", "uncorrected", "lag"])
    def test_the_sum_of_a_tag_is_the_run(self, report, result, name):
        output = report / f"java.{name}"
        self.java(report, "-tag", name, "-o", output)
        summed = output.with_name(output.name + ".hgrm").read_text()
        ours = report / ("run.hgrm" if name == "corrected" else f"run.{name}.hgrm")
        theirs, expected = read_hgrm(summed), read_hgrm(ours.read_text())
        assert theirs == expected, "the table that Java prints is the one that --hgrm writes"
        # One line a second, each with that second's histogram: count and median.
        seconds = [line for line in output.read_text().splitlines() if ": I:" in line]
        measured = [second for second in result["seconds"] if not second["warmup"]]
        assert [int(line.split("I:")[1].split()[0]) for line in seconds] == [second["responses"] for second in measured]
        if name == "corrected":
            medians_ms = [float(line.split("(")[1].split()[0]) for line in seconds]
            assert medians_ms == pytest.approx([second["p50_ns"] / 1e6 for second in measured], rel=2e-3, abs=1e-3)


def test_a_comparison_states_ratios(report):
    comparison = json.loads((report / "comparison.json").read_text())
    baseline, other = comparison["contenders"]
    assert comparison["valid"] and (baseline["runs"], other["runs"]) == (4, 4)
    rate = other["figures"]["rate"]
    assert rate["ratio"] == pytest.approx(4 / 3, rel=0.02) and 1.2 < rate["ratio_low"] <= rate["ratio"] <= rate["ratio_high"] < 1.5
    assert other["figures"]["p99_ns"]["ratio_high"] < 0.01, "only the first one stalls"
    failed = other["figures"]["failed_share"]
    assert failed["ratio_low"] < 1 < failed["ratio_high"], "both fail alike"
    rows = [line.split("|") for line in (report / "comparison.md").read_text().splitlines() if line.startswith("|")]
    assert {len(row) for row in rows} == {9} and len(rows) == 4
