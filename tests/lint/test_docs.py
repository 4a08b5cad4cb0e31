"""What the documentation promises: README stays short, whatever a page names exists, and its tables are those of the code."""

import os
import re
from pathlib import Path

import pytest

import rooms_table

PROJECT = Path(__file__).resolve().parents[2]
README_BYTES_MAX = 16 * 1024
PAGES = [PROJECT / "README.md", PROJECT / "CHANGELOG.md", *sorted((PROJECT / "docs").glob("*.md"))]
TOPS = ("engine", "parsers", "sinks", "bench", "tests", "tools", "cmake", "docs", ".ci")
TEXTS = (".md", ".cpp", ".hpp", ".c", ".py", ".cmake", ".txt", ".toml", ".json", ".sh", "")
# Tables that a test compares with the code: the page, and the name in its markers.
GENERATED = [("docs/errors.md", "errors"), ("docs/architecture.md", "rooms"), ("docs/observability.md", "log-events"),
             ("docs/configuration.md", "keys"), ("docs/metrics.md", "metrics")]
# Markdown that a program of the tree writes where it is told to.
WRITTEN_ELSEWHERE = {"report.md", "comparison.md"}


def files_of_the_tree() -> list[Path]:
    found = [path for path in PROJECT.iterdir() if path.is_file() and path.name != ".git"]
    for top in TOPS:
        for folder, _, names in os.walk(PROJECT / top):
            if "__pycache__" not in folder and "/corpus" not in folder and "/corpora" not in folder:
                found += [Path(folder) / name for name in names]
    return sorted(path for path in found if path.suffix in TEXTS)


def anchor(heading: str) -> str:
    """What GitHub makes of a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def anchors(page: Path) -> set[str]:
    return {anchor(heading) for heading in re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)}


def without_programs(page: Path) -> str:
    """A fenced block with the name of a language is a program: a test of its own runs it."""
    return re.sub(r"^```\w+\n.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)


def commands(page: Path) -> list[str]:
    """Lines of a page's code blocks, indented or fenced, continuation lines joined, what stands behind two spaces (a remark) cut off."""
    text = without_programs(page).replace("\\\n", " ")
    fenced = [line for block in re.findall(r"^```\n(.*?)^```", text, re.MULTILINE | re.DOTALL) for line in block.splitlines() if line]
    indented = re.findall(r"^(?: {4}|\t)(\S.*)$", text, re.MULTILINE)
    return [re.split(r"\s{2,}(?=[^-'\"{/])", line.strip())[0] for line in fenced + indented]


def test_readme_is_short():
    assert (PROJECT / "README.md").stat().st_size <= README_BYTES_MAX, "tables and details go to docs/"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page):
    links = re.findall(r"\]\(([^)\s]+)\)", page.read_text())
    lost = []
    for link in links:
        if re.match(r"\w+://", link):
            continue
        path, _, fragment = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (fragment and fragment not in anchors(target)):
            lost.append(link)
    assert not lost


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_path_exists(page):
    named = re.findall(r"`([\w.-]+(?:/[\w.+*-]+)+/?)`", page.read_text())
    absent = [name for name in named if name.split("/")[0] in TOPS and not list(PROJECT.glob(name.rstrip("/")))]
    assert not absent


def test_every_page_is_linked_from_readme():
    readme = (PROJECT / "README.md").read_text()
    assert not [page.name for page in PAGES if page.parent.name == "docs" and f"(docs/{page.name})" not in readme]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_name_programs_of_the_tree(page):
    programs = set()
    for file in [PROJECT / "CMakeLists.txt", *(PROJECT / "bench").rglob("CMakeLists.txt"), *(PROJECT / "tests").rglob("CMakeLists.txt")]:
        programs |= set(re.findall(r"add_executable\(([\w-]+)", file.read_text()))
    wrong = []
    for command in commands(page):
        words = [word for word in re.split(r"[\s=&|;<>]+", command) if word]
        for word in words:
            if word.startswith("build/release/") and word.removeprefix("build/release/") not in programs:
                wrong.append(word)
            if re.fullmatch(r"(?:%s)/[\w./-]+" % "|".join(TOPS), word) and not (PROJECT / word).exists():
                wrong.append(word)
    assert not wrong


@pytest.mark.parametrize("page, name", GENERATED, ids=[name for _, name in GENERATED])
def test_a_compared_table_has_its_markers(page, name):
    text = (PROJECT / page).read_text()
    begin, end = f"<!-- {name}:begin -->\n", f"<!-- {name}:end -->"
    assert text.count(begin) == 1 and text.count(end) == 1 and text.index(begin) < text.index(end)
    table = text[text.index(begin) + len(begin):text.index(end)]
    assert ("\n" + table).count("\n| ") > 3, "the table is empty"


def test_every_marker_is_known():
    marked = {(str(page.relative_to(PROJECT)), name) for page in PAGES
              for name in re.findall(r"<!-- ([\w-]+):begin -->", page.read_text())}
    assert marked == set(GENERATED)


def test_the_table_of_folders_is_that_of_the_rooms():
    table = rooms_table.table_in((PROJECT / "docs/architecture.md").read_text())
    assert set(rooms_table.written_by_hand(table)) == set(rooms_table.rooms()), "a folder has no row, or a row no folder"
    assert table == rooms_table.expected(table), "run tests/lint/rooms_table.py --write"
    unknown = [folder for folder, words in rooms_table.written_by_hand(table).items()
               if rooms_table.UNKNOWN in words or not all(words)]
    assert not unknown, "say what the folder owns, and on which thread it runs"


def test_the_table_of_log_events_is_complete():
    page = (PROJECT / "docs/observability.md").read_text()
    table = page[page.index("<!-- log-events:begin -->"):page.index("<!-- log-events:end -->")]
    told = {event for cell in re.findall(r"^\| (`[^|]*) \|", table, re.MULTILINE) for event in re.findall(r"`(\w+)`", cell)}
    logged = set()
    for file in (PROJECT / "engine").rglob("*.cpp"):
        text = file.read_text()
        # The names that stand in front of a line's fields; remarks on Redis are built in one place and logged in another.
        for call in re.findall(r"(?:log::(?:debug|info|warn|error|line|write)|_\.line|event_line)\(([^;{]*)", text):
            logged |= set(re.findall(r'"([a-z0-9]+(?:_[a-z0-9]+)*)"', call))
        logged |= set(re.findall(r'\{[\w!.= ]+,\s*"(redis_\w+)"', text))
    assert len(logged) > 20, "the calls of the log look otherwise than this test thinks"
    assert told == logged


def test_the_tests_that_http_md_names_exist():
    page = (PROJECT / "docs/http.md").read_text()
    goldens = re.findall(r'^        \{"([^"]+)",', (PROJECT / "tests/support/http_goldens.hpp").read_text(), re.MULTILINE)
    sources = "".join(file.read_text() for folder in ("unit", "property") for file in (PROJECT / "tests" / folder).glob("*.cpp"))
    suites = {f"{suite}.{name}" for suite, name in re.findall(r"^TEST(?:_F)?\((\w+), (\w+)\)", sources, re.MULTILINE)}
    systems = {f"{file.name}::{name}" for file in (PROJECT / "tests/system").glob("test_*.py")
               for name in re.findall(r"^def (test_\w+)", file.read_text(), re.MULTILINE)}
    named = {"golden": re.findall(r'`"([^"`]{2,})"`', page), "suite": re.findall(r"`([A-Z]\w+\.[A-Z]\w+)`", page),
             "system": re.findall(r"`(test_\w+\.py::\w+)`", page)}
    known = {"golden": set(goldens), "suite": suites, "system": systems}
    assert all(len(names) > 10 for names in named.values())
    assert not {kind: lost for kind in named if (lost := sorted(set(named[kind]) - known[kind]))}


def test_the_table_of_libraries_is_that_of_the_build():
    names = re.findall(r"^dependency\((\w+)|^add_library\(dep::(\w+)", (PROJECT / "cmake/dependencies.cmake").read_text(), re.MULTILINE)
    page = (PROJECT / "docs/dependencies.md").read_text()
    assert set(re.findall(r"^\| \[[^|]*\| `(\w+)` \|", page, re.MULTILINE)) == {first or second for first, second in names}


def text_below(*folders: str) -> str:
    return "".join(path.read_text(errors="replace") for folder in folders for path in sorted((PROJECT / folder).rglob("*")) if path.suffix in (".cpp", ".hpp"))


def test_every_configuration_key_exists():
    keys = set(re.findall(r'"((?:[a-z]+\.)+[a-z_]+|listen|cores|ack\w*|drain_\w+|retry_after)"', (PROJECT / "engine/config/keys.cpp").read_text()))
    assert len(keys) > 40, "keys are declared otherwise than this test thinks"
    groups = {key.split(".")[0] for key in keys if "." in key}
    unknown = {f"{page.name}: {name}" for page in PAGES for line in re.findall(r"`([^`]+)`", without_programs(page))
               for name in re.findall(r"(?<![\w.\[/-])((?:%s)(?:\.[a-z_]+)+)(?![\w.(]|\[)" % "|".join(groups), line)
               if name not in keys and not name.endswith((".cpp", ".hpp", ".html", ".toml"))}
    unknown |= {f"{page.name}: {name}" for page in PAGES for name in re.findall(r"--set[ =]([a-z_.]+)=", page.read_text()) if name not in keys}
    assert not unknown


def test_every_metric_exists():
    source = text_below("engine", "tools/load")
    unknown = {f"{page.name}: {name}" for page in PAGES for name in re.findall(r"\bsluice_[a-z_]+", page.read_text())
               if name not in source and not (name.endswith("_") and name in source)}
    assert not unknown


def test_every_option_in_a_command_exists():
    sources = {"sluice": text_below("engine/config", "engine/journal_tool"), "sluice-load": text_below("tools/load")}
    unknown = []
    for page in PAGES:
        for command in commands(page):
            program = command.split()[0].split("/")
            if program[0] in ("tools", "bench", "tests"):
                folder = PROJECT / "/".join(program)
                source = folder.read_text() + "".join(path.read_text() for path in [*(PROJECT / "bench/compare").glob("*.py"), *(PROJECT / "tests/torture").glob("*.py")])
            elif program[-1] in sources:
                source = sources[program[-1]]
            else:
                continue
            unknown += [f"{page.name}: {command}" for option in re.findall(r"(?<=\s)--([a-z][a-z-]+)", command) if f"--{option}" not in source]
    assert not unknown


def test_nothing_refers_to_a_document_that_is_not_here():
    headings = anchors(PROJECT / "README.md")
    # Put together here, so that this file does not find itself.
    outside = re.compile("|".join(("\\.\\./sha" + "red", "\\bDES" + "IGN\\b", "\\bHOU" + "SE\\b", "\\bCAPABIL" + "ITIES\\b",
                                   "\\brefer" + "ence/", "/sha" + "red/")))
    lost = []
    for path in files_of_the_tree():
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
            place = f"{path.relative_to(PROJECT)}:{number}"
            lost += [f"{place}: {word}" for word in outside.findall(line)]
            for name in re.findall(r"(?<![\w/*}.-])/?([\w./-]*\w\.md)\b", line):
                places = (PROJECT / name, path.parent / name, PROJECT / "docs" / name)
                if name not in WRITTEN_ELSEWHERE and not any(file.exists() for file in places):
                    lost.append(f"{place}: {name}")
            for heading in re.findall(r"README, [\"']([^\"']+)[\"']", line):
                if anchor(heading) not in headings:
                    lost.append(f"{place}: README, {heading}")
    assert not lost


def test_every_source_file_that_is_named_exists():
    files = [str(path.relative_to(PROJECT)) for path in files_of_the_tree()]
    comment = re.compile(r"(?://|#(?!\s*include)|\"\"\")(.*)$")
    lost = []
    for path in files_of_the_tree():
        if path.suffix not in (".cpp", ".hpp", ".py", ".cmake", ".txt"):
            continue
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
            for name in re.findall(r"(?<![\w/<.*])((?:\w+/)*[a-z]\w*\.(?:hpp|cpp))\b", "".join(comment.findall(line))):
                if not any(file == name or file.endswith("/" + name) for file in files):
                    lost.append(f"{path.relative_to(PROJECT)}:{number}: {name}")
            for name in re.findall(r"(?<![\w/<.-])((?:engine|parsers|sinks|bench|tools)(?:/\w+)+)(?![\w/*{]|\.[\w*{])", "".join(comment.findall(line))):
                if not list(PROJECT.glob(name)) and not list(PROJECT.glob(name + ".*")):
                    lost.append(f"{path.relative_to(PROJECT)}:{number}: {name}")
    assert not lost
