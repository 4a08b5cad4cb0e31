"""Headers say which thread may use what they declare: one with a class that keeps something private, or with virtual
functions or atomics, names it in its opening comment, or above the class. Which word, the reader of the header decides:
"sink thread only", "one owner", "any thread", "made at start-up", "a value"."""

import re
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
FOLDERS = ("engine", "parsers", "sinks", "tools/load")
HEADERS = sorted(path.relative_to(PROJECT) for folder in FOLDERS for path in (PROJECT / folder).rglob("*.hpp"))

THREAD = re.compile(r"\bthreads?\b|\bone owner\b|\bstart-up\b|\ba value\b|^values\b", re.IGNORECASE | re.MULTILINE)
STATEFUL = re.compile(r"^\s*private:|^\s*(?:\[\[nodiscard\]\] )?virtual |\bstd::atomic<", re.MULTILINE)
OPENING = re.compile(r"\A(?://.*\n)+")
ABOVE_A_CLASS = re.compile(r"((?:^//.*\n)+)(?:template.*\n)?(?:class|struct) ", re.MULTILINE)


def names_its_thread(text: str) -> bool:
    comments = OPENING.findall(text) + ABOVE_A_CLASS.findall(text)
    return any(THREAD.search(re.sub(r"^//+ ?", "", comment, flags=re.MULTILINE)) for comment in comments)


def test_the_rule_knows_good_from_bad():
    body = "class A {\n  private:\n    int thread_ = 0;\n};\n"
    for good in ("// A: counts. One owner thread.\n", "#pragma once\n// A value.\n", "// Values: nobody changes them.\n", "// Sink\n// thread only.\n"):
        assert names_its_thread(good + body)
    for bad in ("", "// A: what its owner counts.\n", "// A.\n#pragma once\n// Of threads.\nint i;\n"):
        assert not names_its_thread(bad + body)


@pytest.mark.parametrize("path", [path for path in HEADERS if STATEFUL.search((PROJECT / path).read_text())], ids=str)
def test_a_header_names_its_thread(path):
    assert names_its_thread((PROJECT / path).read_text()), "say in the comment which thread uses it"
