"""Commits since the last release (tools/last_release): a subject of at most 80 characters that is a sentence without its
full stop, an empty line, and a body that says why."""

import subprocess
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
RELEASE = [line for line in (PROJECT / "tools/last_release").read_text().splitlines() if not line.startswith("#")][0].split()[0]


def messages() -> list:
    """(commit, lines) of each that is no merge."""
    command = ["git", "log", "--no-merges", "--format=%h%n%B%x00", f"{RELEASE}..HEAD"]
    try:
        text = subprocess.run(command, cwd=PROJECT, check=True, capture_output=True, text=True).stdout
    except (subprocess.CalledProcessError, FileNotFoundError):
        pytest.skip(f"no commit {RELEASE} here: no git, or a shallow clone")
    return [(lines[0], lines[1:]) for lines in (message.strip().split("\n") for message in text.split("\0")) if lines[0]]


def is_well_formed(lines: list) -> bool:
    subject = lines[0]
    is_subject = 0 < len(subject) <= 80 and not subject.endswith(".") and not subject.lower().startswith(("wip", "fixup!", "squash!"))
    return is_subject and (len(lines) == 1 or (len(lines) > 2 and lines[1] == ""))


def test_the_rule_knows_good_from_bad():
    assert is_well_formed(["Log: one line for each refusal", "", "Why."])
    for bad in (["x" * 81], ["It ends."], ["wip"], [""], ["Subject", "no empty line"]):
        assert not is_well_formed(bad)


def test_commits_are_well_formed():
    bad = [f"{commit} {lines[0]}" for commit, lines in messages() if not is_well_formed(lines)]
    assert not bad
