#!/usr/bin/python3
"""The table of folders in docs/architecture.md: what a folder owns and on which thread it runs is written there by hand; what it may
include, and its rights, come from cmake/rooms.cmake.

    tests/lint/rooms_table.py           prints the table as it should be
    tests/lint/rooms_table.py --write   writes it between the markers of docs/architecture.md; a new folder gets "?"
"""

import re
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
PAGE = PROJECT / "docs/architecture.md"
BEGIN, END = "<!-- rooms:begin -->\n", "<!-- rooms:end -->"
HEAD = "| folder | owns | thread | may include | rights |\n|---|---|---|---|---|\n"
UNKNOWN = "?"


def rows() -> list[tuple[str, dict[str, list[str]]]]:
    """Each row of cmake/rooms.cmake, in its order: the folder, and its USES, LIBRARIES and MAY."""
    found = []
    for folder, words in re.findall(r"^room\(([\w/]+)\s*([^)]*)\)", (PROJECT / "cmake/rooms.cmake").read_text(), re.MULTILINE):
        lists = {"USES": [], "LIBRARIES": [], "MAY": []}
        current = None
        for word in words.split():
            if word in lists:
                current = lists[word]
            else:
                current.append(word)
        found.append((folder, lists))
    return found


def rooms() -> dict[str, dict[str, list[str]]]:
    return dict(rows())


def table_in(page: str) -> str:
    """What stands between the markers; an error if there are none."""
    if page.count(BEGIN) != 1 or page.count(END) != 1:
        raise ValueError(f"docs/architecture.md must have {BEGIN.strip()} and {END}, once each")
    return page[page.index(BEGIN) + len(BEGIN):page.index(END)]


def written_by_hand(table: str) -> dict[str, tuple[str, str]]:
    """Of each folder: what it owns, and its thread."""
    return {folder: (owns, thread) for folder, owns, thread in re.findall(r"^\| `([\w/]+)` \| (.*?) \| (.*?) \|", table, re.MULTILINE)}


def expected(table: str) -> str:
    known = written_by_hand(table)
    rows = []
    for folder, lists in rooms().items():
        owns, thread = known.get(folder, (UNKNOWN, UNKNOWN))
        includes = ", ".join(lists["USES"] + [f"*{library}*" for library in lists["LIBRARIES"]]) or "nothing"
        rows.append(f"| `{folder}` | {owns} | {thread} | {includes} | {', '.join(lists['MAY']) or 'none'} |\n")
    return HEAD + "".join(rows)


def main() -> None:
    page = PAGE.read_text()
    table = table_in(page)
    if sys.argv[1:] == ["--write"]:
        PAGE.write_text(page.replace(table, expected(table)))
    else:
        print(expected(table), end="")


if __name__ == "__main__":
    main()
