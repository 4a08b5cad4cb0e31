#!/usr/bin/env python3
"""tests/lint/summary.py RESULTS [--require-all] [--times NAME=SECONDS...]

Reads what ctest --output-junit wrote and prints what a reader of a green run must know too: each skipped test and why.
An entry of ctest may stand for many tests (a file of pytest, a shard of GoogleTest): those are what is counted.
The last line is "N passed, N failed, N skipped". Exits with 1 if a test failed, or with --require-all if one was skipped
that would run elsewhere: a reason that begins with "does not apply" is for what can run nowhere with that preset.
"""

import argparse
import re
import sys
import xml.etree.ElementTree as xml
from collections import Counter
from dataclasses import dataclass, field

PYTEST_TOTAL = re.compile(r"^(?:=+ )?((?:\d+ \w+(?:, )?)+) in [\d.]+s", re.MULTILINE)
PYTEST_SKIP = re.compile(r"^SKIPPED \[(\d+)\] (\S+?):(?:\d+:)? (.*)$", re.MULTILINE)
GTEST_TOTAL = re.compile(r"^\[  (PASSED|FAILED|SKIPPED)  ?\] (\d+) tests?[.,]", re.MULTILINE)
GTEST_SKIP = re.compile(r"^\[  SKIPPED \] ([\w./]+) \(", re.MULTILINE)
GTEST_REASON = re.compile(r"^(\S+:\d+): Skipped\n(.*)", re.MULTILINE)


@dataclass
class Entry:
    """What one entry of ctest tells: how many of its tests passed and failed, and (test, reason) of those skipped."""
    name: str
    passed: int = 0
    failed: int = 0
    skipped: list = field(default_factory=list)
    seconds: float = 0


def skips_of_gtest(output: str, count: int) -> list:
    """The reason stands in front of the line that says SKIPPED and names the test. With --gtest_brief there is no such line:
    then the place in the source is the name. None of the `count` that the last lines tell is left out, whatever was printed."""
    skips, begin = [], 0
    for found in GTEST_SKIP.finditer(output):
        reasons = GTEST_REASON.findall(output, begin, found.start())
        skips.append((found[1], reasons[-1][1].strip() if reasons and reasons[-1][1].strip() else "no reason given"))
        begin = found.end()
    if not skips:
        skips = [(place, reason.strip() or "no reason given") for place, reason in GTEST_REASON.findall(output)]
    return skips + [("?", "no reason given")] * (count - len(skips))


def read_entry(case) -> Entry:
    name, status, output = case.get("name"), case.get("status"), case.findtext("system-out") or ""
    entry = Entry(name, seconds=float(case.get("time") or 0))
    if totals := PYTEST_TOTAL.findall(output):
        counts = Counter({word: int(number) for number, word in re.findall(r"(\d+) (\w+)", totals[-1])})
        entry.passed = counts["passed"] + counts["xfailed"]
        entry.failed = counts["failed"] + counts["error"] + counts["errors"] + counts["xpassed"]
        for number, place, reason in PYTEST_SKIP.findall(output):
            entry.skipped += [(place, reason)] * int(number)
        entry.skipped += [("?", "no reason given")] * (counts["skipped"] - len(entry.skipped))
    elif counts := Counter({word: int(number) for word, number in GTEST_TOTAL.findall(output)}):
        entry.passed, entry.failed, entry.skipped = counts["PASSED"], counts["FAILED"], skips_of_gtest(output, counts["SKIPPED"])
    elif status == "run":
        entry.passed = 1
    why = case.find("skipped").get("message") if case.find("skipped") is not None else status
    if status == "notrun" and not why.startswith("SKIP_"):  # a program that is missing
        entry.failed = 1
    elif status in ("notrun", "disabled") and not entry.skipped:
        entry.skipped.append((name, why))
    if status == "fail" and entry.failed == 0:  # a time-out, a crash
        entry.failed = 1
    return entry


def read(path: str) -> list:
    return [read_entry(case) for case in xml.parse(path).getroot().iter("testcase")]


def reasons(entries: list) -> list:
    """One line for each reason: how often, which tests, where."""
    found = {}
    for entry in entries:
        for test, reason in entry.skipped:
            found.setdefault((reason, test), []).append(entry.name)
    return [f"{test}: {reason} ({', '.join(sorted(set(names)))})" for (reason, test), names in sorted(found.items())]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results")
    parser.add_argument("--require-all", action="store_true")
    parser.add_argument("--times", nargs="*", default=[])
    arguments = parser.parse_args()
    entries = read(arguments.results)
    passed, failed = sum(entry.passed for entry in entries), sum(entry.failed for entry in entries)
    skipped = sum(len(entry.skipped) for entry in entries)

    missed = [reason for entry in entries for _, reason in entry.skipped if not reason.startswith("does not apply")]

    print("\nSUMMARY")
    if arguments.times:
        print("seconds: " + ", ".join(arguments.times))
    slowest = sorted(entries, key=lambda entry: -entry.seconds)[:5]
    print("slowest: " + ", ".join(f"{entry.name} {entry.seconds:.0f} s" for entry in slowest))
    for line in reasons(entries):
        print(f"skipped: {line}")
    for entry in entries:
        if entry.failed:
            print(f"FAILED:  {entry.name}" + (f" ({entry.failed} tests)" if entry.failed > 1 else ""))
    if not entries:
        print("no test matches")
    if arguments.require_all and missed:
        print(f"{len(missed)} of the skipped tests count as failures (--require-all)")
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed or not entries or (arguments.require_all and missed) else 0


if __name__ == "__main__":
    sys.exit(main())
