"""Commits since the last release (tools/last_release): a subject of at most 80 characters that is a sentence without its
full stop, an empty line, and a body that says why. Commits up to BODIES_AFTER may do without a body; merges are not looked
at."""

import re
import subprocess
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
RELEASE = [line for line in (PROJECT / "tools/last_release").read_text().splitlines() if not line.startswith("#")][0].split()[0]

BODIES_AFTER = "d568a5e"  # from here on each has one


def messages(since: str) -> list:
    """(commit, lines) of each that is no merge."""
    command = ["git", "log", "--no-merges", "--format=%h%n%B%x00", f"{since}..HEAD"]
    try:
        text = subprocess.run(command, cwd=PROJECT, check=True, capture_output=True, text=True).stdout
    except (subprocess.CalledProcessError, FileNotFoundError):
        pytest.skip(f"no commit {since} here: no git, or a shallow clone")
    return [(lines[0], lines[1:]) for lines in (message.strip().split("\n") for message in text.split("\0")) if lines[0]]


def is_well_formed(lines: list) -> bool:
    subject = lines[0]
    is_subject = 0 < len(subject) <= 80 and not subject.endswith(".") and not subject.lower().startswith(("wip", "fixup!", "squash!"))
    return is_subject and (len(lines) == 1 or has_body(lines))


def has_body(lines: list) -> bool:
    """Lines that only sign or name (`Signed-off-by: …`) say no why."""
    return len(lines) > 2 and lines[1] == "" and any(line.strip() and not re.match(r"[\w-]+-by: ", line) for line in lines[2:])


def test_the_rule_knows_good_from_bad():
    assert is_well_formed(["Log: one line for each refusal", "", "Why."])
    for bad in (["x" * 81], ["It ends."], ["wip"], [""], ["Subject", "no empty line"]):
        assert not is_well_formed(bad)
    for bare in (["Subject"], ["Subject", ""], ["Subject", "", "Signed-off-by: A <a@b>"]):
        assert not has_body(bare)


def test_commits_are_well_formed():
    bad = [f"{commit} {lines[0]}" for commit, lines in messages(RELEASE) if not is_well_formed(lines)]
    assert not bad


def test_commits_say_why():
    bare = [f"{commit} {lines[0]}" for commit, lines in messages(BODIES_AFTER) if not has_body(lines)]
    assert not bare, f"no body: each commit after {BODIES_AFTER} has one"
