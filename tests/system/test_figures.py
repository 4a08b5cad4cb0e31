"""bench/figures measures what it says. How much comes out is not asserted: these runs are short, and others run beside them."""
# runs: release

import os
import re
import subprocess

import pytest

from harness.engine import BINARY, PROJECT

NAMES = ["append", "generator", "lag"]  # those that need neither an idle machine nor a Redis of their own


def figures(*options) -> subprocess.CompletedProcess:
    return subprocess.run([PROJECT / "bench/figures", *options], capture_output=True, text=True, timeout=120)


def test_every_figure_has_a_name():
    listed = figures("--list").stdout.split()
    assert set(NAMES) < set(listed) and len(listed) == len(set(listed)) == 17
    page = (PROJECT / "docs/performance.md").read_text()
    assert set(re.findall(r"\| `([a-z]+)` \|$", page, re.MULTILINE)) == set(listed), "the page says which command gives which figure"
    assert figures("--only", "nothing").returncode == 2


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="needs two cores")
def test_a_quick_run_gives_ratios():
    done = figures("--quick", "--only", ",".join(NAMES))
    assert done.returncode == 0, done.stderr
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in done.stdout.splitlines()[2:]]
    assert len(rows) == 6, done.stdout
    for name, value, spread, line, aim, verdict in rows:
        assert float(value.split()[0].replace(",", "")) > 0 and verdict in ("holds", "FALLS SHORT"), name


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="needs two cores")
def test_two_binaries_are_compared():
    done = figures("--quick", "--against", BINARY, "--only", "ndjson")
    assert done.returncode == 0, done.stderr
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in done.stdout.splitlines()[2:]]
    assert [name.split(", ")[1] for name, *_ in rows] == ["this ÷ other", "this", "other"], done.stdout
    quotient, this_us, other_us = (float(row[1].split()[0].replace(",", "")) for row in rows)
    assert this_us > 0 and abs(quotient - this_us / other_us) < 0.01 * quotient
    assert rows[0][3] == "≤ 1.03" and rows[0][5] in ("holds", "FALLS SHORT")


def test_what_cannot_be_run_is_refused(tmp_path):
    assert figures("--against", tmp_path / "absent").returncode == 2
    assert figures("--against", BINARY, "--only", "floor").returncode == 2
