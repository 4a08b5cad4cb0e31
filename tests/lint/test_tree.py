"""What the tree promises about itself: which code may include what, and that README names nothing that is absent."""

import os
import re
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
SOURCE_DIRECTORIES = ("engine", "parsers", "sinks", "bench", "tests", "tools")
LINES_MAX = 500

INCLUDE = re.compile(r'^\s*#\s*include\s*(?:"([^"]+)"|<([^>]+)>)', re.MULTILINE)
# A C++ or C standard header has no extension and no folder, or is one of C's few.
STANDARD = re.compile(r"^[a-z_]+$|^(stdint|stddef|string|errno|time|math|assert)\.h$")

# Reserving and returning pages is memory, not I/O.
MEMORY = {"sys/mman.h"}
NO_CLOCK = "engine/core/clock.hpp"


class Layer:
    """What one folder may include: project folders, libraries, and system headers."""

    def __init__(self, own, libraries=(), system=None, but_not=()):
        self.own = own                # folders or files of the project
        self.libraries = libraries    # prefixes of <...> paths
        self.system = system          # None: any header that is not a library's; else only these beside the standard ones
        self.but_not = but_not        # project paths that `own` would allow

    def allows(self, quoted: str, bracketed: str) -> bool:
        if quoted:
            return quoted not in self.but_not and (quoted in self.own or quoted.startswith(tuple(f"{prefix}/" for prefix in self.own)))
        if STANDARD.match(bracketed):
            return True
        if bracketed.startswith(LIBRARIES):
            return bracketed.startswith(tuple(self.libraries))
        return self.system is None or bracketed in self.system


LIBRARIES = ("liburing", "linux/io_uring", "llhttp", "simdjson", "hiredis", "concurrentqueue", "hdr/", "toml++", "CLI/", "spdlog", "fmt/",
             "nlohmann", "curl/", "benchmark", "gtest", "gmock")

# DESIGN, "Layout and the direction of dependencies". The longest prefix of a file's path decides.
LAYERS = {
    "engine/core": Layer(["engine/core"], system=MEMORY),
    "engine/io": Layer(["engine/io", "engine/core"], ["liburing", "linux/io_uring"]),
    "engine/http": Layer(["engine/http", "engine/core", "parsers"], system=MEMORY, but_not=[NO_CLOCK]),
    "engine/log": Layer(["engine/log", "engine/core"], ["spdlog", "fmt/"]),
    "engine/config": Layer(["engine/config", "engine/core"], ["toml++", "CLI/"]),
    "engine/admission": Layer(["engine/admission", "engine/core", "engine/log", "sinks"], ["hiredis"]),
    "engine": Layer(["engine", "parsers", "sinks"], ["concurrentqueue", "hdr/", "fmt/", "nlohmann"]),
    "parsers": Layer(["parsers", "engine/core"], ["llhttp", "simdjson"], system=set(), but_not=[NO_CLOCK]),
    "sinks": Layer(["sinks", "engine/core"], ["hiredis"]),
    "tools/load": Layer(["tools/load/command"]),
    "tools/load/plan": Layer(["tools/load/plan", "tools/load/report/results.hpp", "engine/core"]),
    "tools/load/run": Layer(["tools/load/run", "tools/load/plan", "tools/load/report/results.hpp", "engine/io", "engine/core"],
                            ["llhttp", "hdr/", "nlohmann", "zlib"]),
    "tools/load/ledger": Layer(["tools/load/ledger", "engine/core", "engine/config"], ["hiredis", "nlohmann"]),
    "tools/load/command": Layer(["tools/load", "engine/core", "engine/config"], ["CLI/", "toml++", "fmt/", "nlohmann", "hdr/"]),
    "tools/load/report": Layer(["tools/load/report", "engine/core"], ["hdr/", "nlohmann", "fmt/", "curl/"]),
}


def files_below(*directories: str, suffixes: tuple = ()) -> list[Path]:
    found = []
    for directory in directories:
        for folder, _, names in os.walk(PROJECT / directory):
            if "__pycache__" not in folder and "/corpus" not in folder:
                found += [Path(folder) / name for name in names if name.endswith(suffixes or ("",))]
    return sorted(path.relative_to(PROJECT) for path in found)


def layer_of(path: Path) -> Layer:
    return LAYERS[max((prefix for prefix in LAYERS if path.is_relative_to(prefix)), key=len)]


CODE = files_below(*SOURCE_DIRECTORIES, suffixes=(".cpp", ".hpp"))
LAYERED = [path for path in CODE if any(path.is_relative_to(prefix) for prefix in LAYERS)]


def test_there_is_code_to_look_at():
    assert len(LAYERED) > 20


@pytest.mark.parametrize("path", LAYERED, ids=str)
def test_includes_follow_the_layers(path):
    layer = layer_of(path)
    forbidden = [quoted or bracketed for quoted, bracketed in INCLUDE.findall((PROJECT / path).read_text())
                 if not layer.allows(quoted, bracketed)]
    assert not forbidden, f"{path} must not include {forbidden}"


@pytest.mark.parametrize("path", CODE, ids=str)
def test_a_file_holds_one_idea(path):
    assert len((PROJECT / path).read_text().splitlines()) <= LINES_MAX


@pytest.mark.parametrize("path", [path for path in CODE if path.suffix == ".hpp"], ids=str)
def test_a_header_is_guarded_once(path):
    assert (PROJECT / path).read_text().count("#pragma once\n") == 1


def test_nothing_is_left_for_later():
    # Put together here, so that this file does not find itself.
    marks = re.compile(r"\b(" + "|".join(a + b for a, b in (("TO", "DO"), ("FIX", "ME"), ("X", "XX"), ("HA", "CK"))) + r")\b")
    left = [f"{path}:{number}" for path in files_below(*SOURCE_DIRECTORIES, "cmake", "docs")
            for number, line in enumerate((PROJECT / path).read_text(errors="replace").splitlines(), 1) if marks.search(line)]
    assert not left


def test_every_path_that_readme_names_exists():
    readme = (PROJECT / "README.md").read_text()
    made_here = {"build", ".run", ".deps"}
    tops = {entry.name for entry in PROJECT.iterdir()} - made_here - {".git"}
    named = re.findall(r"`([\w.-]+(?:/[\w.+*-]+)*/?)", readme) + re.findall(r"\]\(([\w./-]+)\)", readme)
    paths = {name for name in named if name.split("/")[0] in tops or ("/" in name and name.split("/")[0] in SOURCE_DIRECTORIES)}
    assert len(paths) >= 10, "README does not follow a sample through the files"
    absent = [path for path in sorted(paths) if not list(PROJECT.glob(path.rstrip("/")))]
    assert not absent
