#!/usr/bin/env python3
"""tests/lint/clang_check.py BUILD [--shard I/N] [--long]

Reads the sources with clang, as BUILD/compile_commands.json would compile them, and makes no objects. clang-tidy, with
clang's own warnings, reads what changed since the commit of tests/lint/clean_commit, tests aside: each changed source,
and for each changed header that these do not include a source that does. The sources of a folder are read in one go,
which reads their headers once. What follows the flow of values (the static analyzer, optionals) and what looks at every
name of every header takes longer than all the rest and is left out.

--long runs all of clang-tidy on every source by itself, tests too, without precompiled headers: so each includes what it
uses. --shard I/N does the I-th of N parts, from 0.
"""

import argparse
import json
import os
import shlex
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
SOURCES_PER_GROUP = 8
QUICK_CHECKS = ("-clang-analyzer-*,-bugprone-unchecked-optional-access,-bugprone-suspicious-include,"
                "-bugprone-reserved-identifier,-misc-confusable-identifiers,-bugprone-standalone-empty")
ROOMS = ("engine", "parsers", "sinks", "tools")  # elsewhere, files have helpers of equal names


def git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=PROJECT, check=True, capture_output=True, text=True).stdout


def changed_since_clean() -> set | None:
    """Paths of files that differ from the last commit that was found clean; None where git cannot tell: all of them, then."""
    line = [line for line in (PROJECT / "tests/lint/clean_commit").read_text().splitlines() if not line.startswith("#")][0]
    try:
        commit = line.split()[0]
        names = git("diff", "--name-only", "--diff-filter=d", commit) + git("ls-files", "--others", "--exclude-standard")
    except (subprocess.CalledProcessError, FileNotFoundError):
        print(f"clang_check: no commit {line.strip()} here (no git, or a shallow clone): clang-tidy reads every source")
        return None
    return set(names.split("\n"))


class Source:
    def __init__(self, entry: dict):
        self.path = Path(entry["file"])
        self.name = str(self.path.relative_to(PROJECT))
        words = shlex.split(entry["command"])
        self.flags = words[1:words.index("-o")]  # without -o FILE -c FILE


def sources_of(build: Path) -> list:
    entries = json.loads((build / "compile_commands.json").read_text())
    sources = {Source(entry).name: Source(entry) for entry in entries
               if entry["file"].endswith(".cpp") and not Path(entry["file"]).is_relative_to(build)}
    return [sources[name] for name in sorted(sources)]


def tidy(sources: list, scratch: Path, checks: str) -> list:
    """The command that reads `sources`, of one folder, with clang-tidy."""
    target, more = sources[0].path, []
    if len(sources) > 1:
        more = ["-Wno-shadow"]  # of a name in another file
        target = scratch / (sources[0].name.replace("/", "_"))
        target.write_text("".join(f'#include "{source.path}"\n' for source in sources))
    return ["clang-tidy-19", "--quiet", f"--config-file={PROJECT / '.clang-tidy'}", f"--checks={checks}", str(target), "--",
            *sources[0].flags, "-Wno-deprecated-declarations", *more]  # of the standard library, by itself


def groups(sources: list) -> list:
    """Those of one folder that are compiled alike together, few at a time."""
    found = {}
    for source in sources:
        alone = source.name.split("/")[0] not in ROOMS
        found.setdefault(source.name if alone else (os.path.dirname(source.name), *source.flags), []).append(source)
    return [members[first:first + SOURCES_PER_GROUP] for members in found.values()
            for first in range(0, len(members), SOURCES_PER_GROUP)]


def includes(path: Path, known: dict) -> set:
    """The headers of this tree that a file includes, through others too."""
    if path not in known:
        known[path] = set()  # also ends a circle
        for line in path.read_text(errors="replace").splitlines():
            if line.startswith('#include "') and (PROJECT / (name := line.split('"')[1])).is_file():
                known[path] |= {name} | includes(PROJECT / name, known)
    return known[path]


def sources_to_read(sources: list, changed: set) -> list:
    """The changed ones, and as many more as it takes to see each changed header."""
    chosen, known = [source for source in sources if source.name in changed], {}
    unseen = {name for name in changed if name.endswith(".hpp")}
    for source in chosen:
        unseen -= includes(source.path, known)
    for source in sources:
        if seen := unseen & includes(source.path, known):
            chosen.append(source)
            unseen -= seen
    return chosen


def run(command: list) -> bool:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        print(done.stdout + "\n".join(line for line in done.stderr.splitlines() if "warnings generated" not in line), flush=True)
    return done.returncode == 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=Path)
    parser.add_argument("--shard", default="0/1")
    parser.add_argument("--long", action="store_true")
    arguments = parser.parse_args()
    build = arguments.build.resolve()
    part, parts = map(int, arguments.shard.split("/"))
    sources = sources_of(build)
    assert sources, f"no source in {build}/compile_commands.json"
    scratch = build / "tidy"
    scratch.mkdir(exist_ok=True)
    if arguments.long:
        commands = [tidy([source], scratch, "") for source in sources]
    else:
        changed, read = changed_since_clean(), [source for source in sources if not source.name.startswith("tests/")]
        commands = [tidy(group, scratch, QUICK_CHECKS)
                    for group in groups(read if changed is None else sources_to_read(read, changed))]
    commands = commands[part::parts]
    workers_count = (os.cpu_count() or 1) if parts == 1 else 1
    with ThreadPoolExecutor(workers_count) as pool:
        passed = list(pool.map(run, commands))
    print(f"{passed.count(True)} of {len(commands)} clean")
    return 0 if all(passed) else 1


if __name__ == "__main__":
    sys.exit(main())
