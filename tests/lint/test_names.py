#!/usr/bin/env python3
"""Names say their unit and what they decide: in headers, an integer member or parameter ends in a unit, a qualifier or a
word that is a number by itself; a boolean member, and a const function that returns one, begins with is_, has_ or another verb.

names_baseline.txt holds names from before this rule. It may only shrink: a name that no header uses any more must go, and
`tests/lint/test_names.py --shrink` takes it out. New names follow the rule.
"""

import re
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
BASELINE = Path(__file__).with_name("names_baseline.txt")
FOLDERS = ("engine", "parsers", "sinks", "tools/load")

UNITS = "ns us ms s seconds bytes count max min bits percent permille".split()
NUMBERS = ("index fd port id ids slot sequence seq number generation partition offset position size length depth seed hash mask crc "
           "flags events revents status errno code version level core lane reactor epoch digits exponent width height "
           "argc byte bit rate turn i j n value result").split()
INTEGER = r"(?:std::)?(?:u?int(?:8|16|32|64)_t|size_t|ptrdiff_t)|unsigned(?: int| long)?|int|long(?: long)?|short"
INTEGER_NAME = re.compile(r"(?<![\w:<.])(?:std::atomic<)?(?:" + INTEGER + r")>?&? ([a-z]\w*)\s*(?=[;,)={\[])")

VERBS = "is has was are had can may must will would should did does needs".split()
BOOLEAN_MEMBER = re.compile(r"(?<![\w:<.(])(?:std::atomic<)?bool>? ([a-z]\w*)\s*(?=[;={])")
BOOLEAN_FUNCTION = re.compile(r"(?<![\w:<.(])bool ([a-z]\w*)\([^()]*\) const\b")
OF_THE_STANDARD = {"empty"}  # containers call it so


def is_integer_name(name: str) -> bool:
    return name.rstrip("_").split("_")[-1] in (*UNITS, *NUMBERS)


def is_boolean_name(name: str) -> bool:
    """A verb in the third person (takes_post, fits) is as good as is_."""
    first = name.rstrip("_").split("_")[0]
    return first in VERBS or first.endswith("s") or "_is_" in name or "_are_" in name or name in OF_THE_STANDARD


def code_of(path: Path) -> str:
    text = re.sub(r"//[^\n]*", "", path.read_text())
    return re.sub(r'"(?:\\.|[^"\\\n])*"', '""', text)


def names_in(code: str) -> set:
    """The names in a header that break the rule."""
    integers = {name for name in INTEGER_NAME.findall(code) if not is_integer_name(name)}
    booleans = {name for name in BOOLEAN_MEMBER.findall(code) + BOOLEAN_FUNCTION.findall(code) if not is_boolean_name(name)}
    return integers | booleans


def offenders() -> dict:
    """Name: the headers that use it."""
    found = {}
    for folder in FOLDERS:
        for path in sorted((PROJECT / folder).rglob("*.hpp")):
            for name in names_in(code_of(path)):
                found.setdefault(name, []).append(str(path.relative_to(PROJECT)))
    return found


def baseline() -> set:
    return {line for line in BASELINE.read_text().split("\n") if line and not line.startswith("#")}


def test_the_rule_knows_good_from_bad():
    assert names_in("struct A { std::uint64_t age_ns = 0; int fd; std::size_t slots_count; bool is_open; bool takes_post() const; };") == set()
    assert names_in("void f(std::uint64_t timeout, std::size_t buffers); struct A { bool open_ = false; bool ready() const; };") == {
        "timeout", "buffers", "open_", "ready"}


def test_new_names_say_their_unit_and_what_they_decide():
    new = {name: paths for name, paths in offenders().items() if name not in baseline()}
    assert not new, f"no unit, no qualifier, or no verb in front (see {Path(__file__).name}): {new}"


def test_the_baseline_only_shrinks():
    gone = baseline() - set(offenders())
    assert not gone, f"no header uses {sorted(gone)} any more: run tests/lint/test_names.py --shrink"


if __name__ == "__main__":
    if sys.argv[1:] != ["--shrink"]:
        sys.exit(__doc__)
    left = sorted(baseline() & set(offenders()))
    BASELINE.write_text("# Names from before the rule of test_names.py. Take out, never add.\n" + "\n".join(left) + "\n")
    print(f"{len(left)} names left")
