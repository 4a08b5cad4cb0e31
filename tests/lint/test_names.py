#!/usr/bin/env python3
"""Names say their unit and what they decide: in headers, an integer member or parameter ends in a unit, a qualifier or a
word that is a number by itself; a boolean member, and a const function that returns one, begins with is_, has_ or another verb.
Fields of a struct of counts (COUNTERS) are counts without saying so. What lies inside a function is left to its reader.
"""

import re
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
FOLDERS = ("engine", "parsers", "sinks", "tools/load")

UNITS = "ns us ms s seconds bytes count max min bits percent permille kib mib".split()
NUMBERS = ("index fd port id ids slot sequence seq number generation partition offset position size length depth seed hash mask crc "
           "flags events revents status errno code version level core lane reactor epoch digits exponent width height "
           "argc byte bit rate turn i j n value result alignment bound capacity columns copies counter decimals "
           "divisor factor limit mark rank shift").split()
# What is numbered where it stands, and is named by its number: `batch.outcome(command)`, `slots_[bucket]`.
NUMBERED = "bucket command contender device element endpoint entry format kind line producer segment share target thread".split()
# Places in a buffer, a journal or a list; first_ is the place of the first of what follows.
PLACES = "at begin end first from next previous".split()
# As the kernel, Redis and socket(7) call it: user_data of an entry, data of an event, db, family, the error of a call.
FOREIGN = "data db error family".split()
# Values that stand for none, which have no unit: no_timestamp.
NONE = re.compile(r"^(?:no_\w+|nobody|never|unknown)$")
# A count by what was done to how many: samples_stored.
DONE_TO_MANY = re.compile(r"^(?:[a-z]+s)_(?:[a-z]+ed|sent|written|lost)$")
# What they hold are counts, as their names say: `counters.requests` needs no requests_count.
COUNTERS = re.compile(r"(?:Counters|Counts|Figures|Totals|Verdict|Settled|Report|Span|Interval|Second|Gauges|IngestResult|IdempotentAnswer)$")
INTEGER = r"(?:std::)?(?:u?int(?:8|16|32|64)_t|size_t|ptrdiff_t)|unsigned(?: int| long)?|int|long(?: long)?|short"
INTEGER_NAME = re.compile(r"(?<![\w:<.])(?<!<const )(?:std::atomic<)?(?:" + INTEGER + r")>?&? ([a-z]\w*)\s*(?=[;,)={\[])")

VERBS = "is has was are had can may must will would should did does needs met told".split()
BOOLEAN_MEMBER = re.compile(r"(?<![\w:<.(])(?:std::atomic<)?bool>? ([a-z]\w*)\s*(?=[;={])")
BOOLEAN_FUNCTION = re.compile(r"(?<![\w:<.(])bool ([a-z]\w*)\([^()]*\) const\b")
OF_THE_STANDARD = {"empty", "operator"}  # containers call it so; the language does
# Features and options by the name that others gave them: io_uring's defer_taskrun, a setting's name in the file.
SWITCHES = re.compile(r"^(?:RingFeatures|LoopSettings|Redis)$")

TEMPLATE = re.compile(r"template\s*<(?:[^<>]|<[^<>]*>)*>")
SCOPE = re.compile(r"^\s*(?:(?:public|private|protected):\s*)?(?:inline )?(?:namespace\b|extern\b|(?:class|struct|union)\s+"
                   r"(?:(?:alignas\(\w+\)|\[\[\w+\]\])\s*)*([\w:]+)(?=[^()]*$))")


def is_integer_name(name: str) -> bool:
    words = name.rstrip("_").removesuffix("_below").split("_")
    is_place = words[-1] in PLACES or words[0] == "first"
    is_number = words[-1] in (*UNITS, *NUMBERS, *NUMBERED, *FOREIGN) or is_place
    return is_number or bool(NONE.match(name) or DONE_TO_MANY.match(name))


def is_boolean_name(name: str) -> bool:
    """A verb in the third person (takes_post, fits) is as good as is_."""
    first = name.rstrip("_").split("_")[0]
    return first in VERBS or first.endswith("s") or "_is_" in name or "_are_" in name or name in OF_THE_STANDARD


def scopes_of(code: str) -> list:
    """(class, text) of the namespaces and classes of a header, without the bodies of functions: locals are none of members
    and parameters. The class is "" outside of classes."""
    found, names, dropped_depth, begin = {"": ""}, [""], 0, 0
    for brace in re.finditer("[{}]", code):
        text, begin = code[begin:brace.start()], brace.end()
        if dropped_depth == 0:
            found[names[-1]] = found.get(names[-1], "") + text + brace[0]
        if brace[0] == "}":
            if dropped_depth > 0:
                dropped_depth -= 1
            elif len(names) > 1:
                names.pop()
            continue
        head = TEMPLATE.sub("", re.split("[;}]", text)[-1])
        scope = SCOPE.search(head) if dropped_depth == 0 else None
        if scope:
            names.append(scope[1] or "")
        else:
            dropped_depth += 1
    found[names[-1]] = found.get(names[-1], "") + code[begin:]
    return list(found.items())


def code_of(path: Path) -> str:
    text = re.sub(r"^#(?:[^\n]*\\\n)*[^\n]*|//[^\n]*", "", path.read_text(), flags=re.MULTILINE)
    return re.sub(r'"(?:\\.|[^"\\\n])*"', '""', text)


def names_in(code: str) -> set:
    """The names in a header that break the rule."""
    found = set()
    for owner, text in scopes_of(code):
        if not COUNTERS.search(owner):
            found |= {name for name in INTEGER_NAME.findall(text) if not is_integer_name(name)}
        if not SWITCHES.search(owner):
            found |= {name for name in BOOLEAN_MEMBER.findall(text) if not is_boolean_name(name)}
        found |= {name for name in BOOLEAN_FUNCTION.findall(text) if not is_boolean_name(name)}
    return found


def offenders() -> dict:
    """Name: the headers that use it."""
    found = {}
    for folder in FOLDERS:
        for path in sorted((PROJECT / folder).rglob("*.hpp")):
            for name in names_in(code_of(path)):
                found.setdefault(name, []).append(str(path.relative_to(PROJECT)))
    return found


def test_the_rule_knows_good_from_bad():
    assert names_in("struct A { std::uint64_t age_ns = 0; int fd; std::size_t slots_count; bool is_open; bool takes_post() const; };") == set()
    assert names_in("void f(std::uint64_t timeout, std::size_t buffers); struct A { bool open_ = false; bool ready() const; };") == {
        "timeout", "buffers", "open_", "ready"}


def test_a_class_says_what_its_members_are():
    members = "std::uint64_t requests = 0; bool open = false; void add(int n) { int local = n; }"
    assert names_in(f"namespace a {{\nstruct LoopCounters {{ {members} }};\n}}") == {"open"}
    assert names_in(f"template <class T>\nclass Loop : private Base<T> {{ private: {members} }};") == {"requests", "open"}
    assert names_in("struct RingFeatures { bool multishot = false; bool ready() const { bool local = true; return local; } };") == {"ready"}
    assert names_in("struct A { enum class E : int { a, b }; int lanes{0}; int samples_stored = 0; int first_route = 0; };") == {"lanes"}
    assert names_in("struct A { struct Figures { int keys = 0; }; int keys = 0; f(std::span<const int> lanes); explicit A(int size) : size_{size} {} int rest; };") == {"keys", "rest"}


def test_names_say_their_unit_and_what_they_decide():
    found = offenders()
    assert not found, f"no unit, no qualifier, or no verb in front (see {Path(__file__).name}): {found}"
