"""tools/torture: a short run keeps every promise, and a broken one is found and told."""
# runs: release

import os
import re
import subprocess

import pytest

from harness.engine import BINARY, PROJECT

KEPT, BROKEN, BAD_USAGE, SETUP_FAILED = 0, 1, 2, 4


def torture(*arguments, **environment) -> subprocess.CompletedProcess:
    command = [PROJECT / "tools/torture", *arguments]
    return subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=280, env={**os.environ, **environment})


def test_a_short_run(seeded_random):
    run = torture("--rounds", 10, "--seed", seeded_random.randrange(2**32))
    assert run.returncode == KEPT, run.stdout + run.stderr
    rows = dict(re.findall(r"^(\w+) +(\d+) +0 +\d", run.stdout, re.MULTILINE))  # level, rounds, none of them broken
    assert {"queued", "stored", "journaled", "embedded"} <= rows.keys() and rows["all"] == "10", run.stdout
    # Ten rounds are ten formats, but where the disk gets full, which is JSON.
    [formats] = re.findall(r"^formats  (.*)", run.stdout, re.MULTILINE)
    rounds = dict(one.rsplit(" ", 1) for one in formats.split(", "))
    others = [count for name, count in rounds.items() if name != "json"]
    assert len(others) >= 5 and set(others) == {"1"}, formats
    assert not run.stderr


def test_a_disk_that_lies_is_found_out(tmp_path):
    """Without its fdatasync the journal loses what it acknowledged, and only a power loss can show that."""
    run = torture("--rounds", 3, "--seed", 1, "--level", "embedded", "--only", "power_loss", TORTURE_DISK_LIES="1", TMPDIR=str(tmp_path))
    if "skipped power_loss" in run.stdout:
        pytest.skip(run.stdout)
    assert run.returncode == BROKEN, run.stdout + run.stderr
    assert re.search(r"\d+ of \d+ acknowledged samples are not in the journal", run.stdout)
    assert re.search(r"lost of the ledger's row: (device-\d+|probe-\d+) \d+ \d+", run.stdout)
    assert re.search(r"repeat it with: tools/torture --seed 1 --round \d --level embedded --only power_loss", run.stdout)
    assert not list(tmp_path.iterdir()), "without --keep nothing stays"


def test_an_early_acknowledgement_is_found_out(tmp_path):
    """An engine that answers before the journal has anything loses it with the power."""
    run = torture("--rounds", 4, "--seed", 1, "--level", "embedded", "--only", "power_loss", TORTURE_REAL_BIN=str(BINARY),
                  SLUICE_BIN=str(PROJECT / "tests/torture/early_ack"), TMPDIR=str(tmp_path))
    if "skipped power_loss" in run.stdout:
        pytest.skip(run.stdout)
    assert run.returncode == BROKEN, run.stdout + run.stderr
    assert re.search(r"\d+ of \d+ acknowledged samples are not in the journal", run.stdout)
    # Its line, the summary and the way to repeat it call a round by the same number.
    broken = re.findall(r"^ *(\d+)/4 embedded .* BROKEN ", run.stdout, re.MULTILINE)
    assert f"BROKEN: {', '.join(broken)}" in run.stdout
    assert re.findall(r"--seed 1 --round (\d+) ", run.stdout) == broken


def test_exactly_once_keeps_order_also_while_redis_refuses(seeded_random):
    run = torture("--rounds", 3, "--seed", seeded_random.randrange(2**32), "--level", "exactly_once", "--only", "refusal")
    assert run.returncode == KEPT, run.stdout + run.stderr
    [faults] = re.findall(r"^refusal +(\d+)", run.stdout, re.MULTILINE)
    assert int(faults) >= 3


@pytest.mark.parametrize("arguments", [("--level", "magnetic"), ("--only", "earthquake"), ("--rounds", "0"), ("--minutes", "-1"), ("--round", "0"), ("extra",)])
def test_wrong_command_lines(arguments):
    assert torture(*arguments).returncode == BAD_USAGE


def test_what_is_missing_is_named():
    run = torture("--rounds", 1, SLUICE_BIN="/nonexistent/sluice")
    assert run.returncode == SETUP_FAILED and "/nonexistent/sluice is not there" in run.stderr
