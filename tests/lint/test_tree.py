"""What the tree promises about itself: which folder may use what (cmake/rooms.cmake), and that README names nothing that is absent."""

import os
import re
from pathlib import Path

import pytest

import rooms_table

PROJECT = Path(__file__).resolve().parents[2]
SOURCE_DIRECTORIES = ("engine", "parsers", "sinks", "bench", "tests", "tools")
LINES_MAX = 500

INCLUDE = re.compile(r'^\s*#\s*include\s*(?:"([^"]+)"|<([^>]+)>)', re.MULTILINE)

class Room:
    """One row of cmake/rooms.cmake."""

    def __init__(self, folder: str, lists: dict[str, list[str]]):
        self.folder = folder
        self.folders = [folder] + lists["USES"]
        self.headers = [prefix for library in lists["LIBRARIES"] for prefix in HEADERS[library]]
        self.rights = set(lists["MAY"])

    def allows(self, quoted: str, bracketed: str) -> bool:
        if quoted:
            return os.path.dirname(quoted) in self.folders
        return not bracketed.startswith(LIBRARY_HEADERS) or bracketed.startswith(tuple(self.headers))


# What the headers of each library begin with.
HEADERS = {
    "liburing": ["liburing", "linux/io_uring"], "llhttp": ["llhttp"], "simdjson": ["simdjson"], "hiredis": ["hiredis"], "hiredis_ssl": ["hiredis/hiredis_ssl"],
    "concurrentqueue": ["concurrentqueue"], "hdr_histogram": ["hdr/"], "tomlplusplus": ["toml++"], "cli11": ["CLI/"],
    "fmt": ["fmt/"], "nlohmann_json": ["nlohmann"], "xxhash": ["xxhash"], "curl": ["curl/"], "openssl": ["openssl/"], "zlib": ["zlib"], "libdeflate": ["libdeflate"], "zstd": ["zstd"], "snappy": ["snappy"],
}
LIBRARY_HEADERS = tuple(prefix for prefixes in HEADERS.values() for prefix in prefixes) + ("benchmark", "gtest", "gmock")

ROWS = rooms_table.rows()
ROOMS = {folder: Room(folder, lists) for folder, lists in ROWS}

# What a file does that needs a right, by what it names. Reserving pages and the processor's own instructions are
# memory and arithmetic, not calls of the kernel that a simulation would replace. To sleep is of the clock: a simulation lets
# its own time pass instead, and no other thread is concerned.
RIGHTS = {
    "clock": re.compile(r"engine/core/clock\.hpp|clock_gettime|_clock::now|\bstd::time\(|\bsleep_(?:for|until)\b"),
    "random": re.compile(r"engine/core/random_seed\.hpp|random_device|getrandom|sys/random\.h"),
    "system": re.compile(r"#\s*include\s*<(?!sys/mman\.h|[en]mmintrin\.h)[\w/]+\.h>|#\s*include\s*<f(?:stream|ilesystem)>"),
    "thread": re.compile(r"#\s*include\s*<(?:thread|mutex|shared_mutex|condition_variable|semaphore|future|pthread\.h)>"),
}
C_STANDARD = re.compile(r"#\s*include\s*<(?:stdint|stddef|string|errno|time|math|assert|pthread)\.h>")


def used_rights(text: str) -> set:
    own = C_STANDARD.sub("", text)
    own = re.sub(r"#\s*include\s*<(?:%s)[^>]*>" % "|".join(map(re.escape, LIBRARY_HEADERS)), "", own)
    return {right for right, pattern in RIGHTS.items() if pattern.search(text if right != "system" else own)}


def test_rights_are_found_where_they_hide():
    assert used_rights('#include "engine/core/random_seed.hpp"\n') == {"random"}
    assert used_rights('#include "engine/core/clock.hpp"\n') == {"clock"}
    assert used_rights("#include <fstream>\n") == used_rights("#include <sys/socket.h>\n") == {"system"}
    assert used_rights("#include <thread>\nstd::this_thread::sleep_for(1s);\n") == {"clock", "thread"}
    assert used_rights("#include <random>\n#include <string.h>\n#include <sys/mman.h>\n") == set()


def files_below(*directories: str, suffixes: tuple = ()) -> list[Path]:
    found = []
    for directory in directories:
        for folder, _, names in os.walk(PROJECT / directory):
            if "__pycache__" not in folder and "/corpus" not in folder:
                found += [Path(folder) / name for name in names if name.endswith(suffixes or ("",))]
    return sorted(path.relative_to(PROJECT) for path in found)


CODE = files_below(*SOURCE_DIRECTORIES, suffixes=(".cpp", ".hpp"))
IN_ROOMS = [path for path in CODE if path.parts[0] in ("engine", "parsers", "sinks") or path.is_relative_to("tools/load")]


def test_every_folder_has_a_row_and_every_row_a_folder():
    assert {str(path.parent) for path in IN_ROOMS} == set(ROOMS)
    assert len(ROWS) == len(ROOMS), "a folder has two rows"


def test_in_engine_only_main_lies_loose():
    assert [path.name for path in IN_ROOMS if path.parent == Path("engine")] == ["main.cpp"]


@pytest.mark.parametrize("path", IN_ROOMS, ids=str)
def test_a_file_includes_what_its_room_may_use(path):
    room = ROOMS[str(path.parent)]
    forbidden = [quoted or bracketed for quoted, bracketed in INCLUDE.findall((PROJECT / path).read_text())
                 if not room.allows(quoted, bracketed)]
    assert not forbidden, f"{path} must not include {forbidden}: see cmake/rooms.cmake"


def test_rooms_form_no_circle():
    def reached_from(folder, seen):
        for used in ROOMS[folder].folders[1:]:
            if used not in seen:
                seen.add(used)
                reached_from(used, seen)
        return seen

    assert not [folder for folder in ROOMS if folder in reached_from(folder, set())]


@pytest.mark.parametrize("folder", ROOMS)
def test_a_room_uses_what_its_row_says_and_no_less(folder):
    texts = [(PROJECT / path).read_text() for path in IN_ROOMS if str(path.parent) == folder]
    used = {os.path.dirname(quoted) for text in texts for quoted, _ in INCLUDE.findall(text) if quoted}
    assert not set(ROOMS[folder].folders) - used - {folder}, "in the row, but not included"
    assert set().union(*map(used_rights, texts)) == ROOMS[folder].rights, "the rights of the row are not those that it uses"


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
