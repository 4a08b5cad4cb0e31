"""Rounds until they are done or time is up, and what came of them. The command line of tools/torture."""

import argparse
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Optional

from harness import engine as engine_module
from harness.load import LOAD_BINARY

from . import disk, levels
from .faults import FAULTS, NEEDS_LIBRARY, applicable
from .report import line_of, table_of
from .round import Result, run_round

KEPT, BROKEN, BAD_USAGE, SETUP_FAILED = 0, 1, 2, 4
INTERRUPTED = 130

DESCRIPTION = """\
Causes faults in the engine and Redis under load, then checks that every acknowledged sample is stored.

Each round starts a Redis, an engine and sluice-load --ledger, does one to six faults at moments drawn from the seed, waits
until the engine is well again, and compares the ledger with Redis and the journal. Rounds go through all formats of
sluice-load, in an order of the seed, with content codings drawn from it. The conservation law is checked before
each end of an engine, and an engine that was stopped in order must report correctly what it left undelivered."""

PROMISES = """\
levels:
  queued        an engine that is killed may lose samples (they are shown); one that lives or is stopped in order loses
                none but those that it reports
  stored        nothing is lost (Redis: appendfsync always); duplicates are allowed
  replicated    nothing is lost when a primary that keeps nothing is lost and its replica takes over
  cluster       Redis Cluster, appendfsync always: nothing is lost; slots move, replicas that have all take over
  journaled     a journal in front of Redis: nothing is lost, in the journal or in Redis; power losses included
  embedded      journal:DIR, no Redis: nothing is lost, as sluice journal export tells
  exactly_once  nothing is lost and nothing stands twice
Levels that the engine does not have are left out. Order is judged where no connection of the load broke, and beside the
fault refusal only at exactly_once: elsewhere a sample that Redis refused may come after later ones. Not covered: Sentinel.

exit codes: 0 every promise was kept; 1 one was broken (seed, round, rows of the ledger and how to repeat are printed);
            2 wrong command line; 4 the setup is missing (binaries, redis-server)."""


def parse(arguments: list[str]) -> argparse.Namespace:
    faults = "\n".join(f"  {fault.name:<13} {fault.help}" for fault in FAULTS.values())
    parser = argparse.ArgumentParser(prog="tools/torture", description=DESCRIPTION, epilog=f"{PROMISES}\n\nfaults:\n{faults}",
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, metavar="N", help="how many rounds (default 20, or as many as --minutes allows)")
    parser.add_argument("--minutes", type=float, metavar="M", help="begin no round after this time")
    parser.add_argument("--seed", type=int, metavar="S", help="of all random draws (default: a new one, which is printed)")
    parser.add_argument("--level", metavar="LIST", help=f"of {','.join(levels.LEVELS)} (default: all that the engine has), in turn")
    parser.add_argument("--only", metavar="LIST", help="only these faults")
    parser.add_argument("--round", type=int, metavar="N", help="only this round of the seed, counted from 1; with the --level and --only of its run")
    parser.add_argument("--keep", action="store_true", help="keep the directory of a round that broke a promise")
    options = parser.parse_args(arguments)
    if (options.rounds is not None and options.rounds < 1) or (options.minutes is not None and options.minutes <= 0):
        parser.error("--rounds and --minutes must be positive")
    options.only = set(options.only.split(",")) if options.only else set()
    if options.round is not None and options.round < 1:
        parser.error("--round counts from 1")
    if unknown := options.only - FAULTS.keys():
        parser.error(f"no such fault: {', '.join(sorted(unknown))}")
    options.level = options.level.split(",") if options.level else None
    if unknown := set(options.level or ()) - levels.LEVELS.keys():
        parser.error(f"no such level: {', '.join(sorted(unknown))}")
    return options


def missing_setup() -> Optional[str]:
    for binary in (engine_module.BINARY, LOAD_BINARY):
        if not os.access(binary, os.X_OK):
            return f"{binary} is not there: build it (cmake --build --preset release --target sluice sluice-load)"
    return None if shutil.which("redis-server") else "redis-server is not installed: run tools/setup"


def find_unavailable(directory: Path) -> dict[str, str]:
    """The faults that this machine cannot do, and why."""
    unavailable = {}
    if hindrance := disk.build_library(directory):
        unavailable.update({name: hindrance for name in NEEDS_LIBRARY})
    mount_point = directory / "mount"
    mount_point.mkdir()
    try:
        disk.SmallDisk(mount_point, 1 << 20).close()
    except OSError as refusal:
        unavailable["disk_full"] = str(refusal)
    mount_point.rmdir()
    return unavailable


def chosen_levels(names: Optional[list[str]], only: set[str], unavailable: set[str]) -> list[levels.Level]:
    """Those asked for, without those that the engine has not or at which no fault of `only` makes sense (a sentence says so)."""
    offered = levels.offered(levels.print_config())
    chosen = []
    for level in (levels.LEVELS[name] for name in names) if names else offered:
        if level not in offered:
            print(f"torture: skipped {level.name}: this engine does not have it")
        elif only and not any(fault.name in only for fault in applicable(level, unavailable)):
            print(f"torture: skipped {level.name}: none of {', '.join(sorted(only))} can be done to it")
        else:
            chosen.append(level)
    return chosen


def complain(sentence: str) -> int:
    print(f"torture: {sentence}", file=sys.stderr)
    return SETUP_FAILED


def main(arguments: list[str]) -> int:
    options = parse(arguments)
    if hindrance := missing_setup():
        return complain(hindrance)
    directory = Path(tempfile.mkdtemp(prefix="sluice-torture-"))
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: what was started is ended
    try:
        return campaign(options, directory)
    except KeyboardInterrupt:
        print("torture: interrupted", file=sys.stderr)
        return INTERRUPTED
    finally:
        if not options.keep or not any(path.is_dir() for path in directory.iterdir()):
            shutil.rmtree(directory)


def campaign(options: argparse.Namespace, directory: Path) -> int:
    unavailable = find_unavailable(directory)
    for fault, why in unavailable.items():
        print(f"torture: skipped {fault}: {why}")
    chosen = chosen_levels(options.level, options.only, set(unavailable))
    if not chosen:
        return complain("nothing is left to do")
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(2**32)
    rounds_max = options.rounds or (10**9 if options.minutes else 20)
    numbers = range(1, rounds_max + 1) if options.round is None else range(options.round, options.round + 1)
    print(f"torture: --seed {seed}", flush=True)
    begin = time.monotonic()
    results: list[Result] = []
    for number in numbers:
        if options.minutes and time.monotonic() - begin > options.minutes * 60:
            break
        result = run_round(seed, number, chosen[(number - 1) % len(chosen)], directory, directory / "disk.so", options.only,
                           set(unavailable), options.keep)
        results.append(result)
        elapsed_s = time.monotonic() - begin
        left_s = (len(numbers) - len(results)) * elapsed_s / len(results)
        if options.minutes:
            left_s = min(left_s, max(0.0, options.minutes * 60 - elapsed_s))
        print(line_of(result, f"{number:>4}/{numbers[-1] if len(numbers) < 10**9 else '…'}", left_s), flush=True)
        tell_failures(result, seed, options, chosen)
    print("\n" + table_of(results))
    broken = [result for result in results if result.failures]
    print(f"\n{len(results)} rounds in {(time.monotonic() - begin) / 60:.1f} min; "
          + (f"{len(broken)} BROKEN: " + ", ".join(str(result.number) for result in broken) if broken else "every promise was kept"))
    return BROKEN if broken else KEPT


def tell_failures(result: Result, seed: int, options: argparse.Namespace, chosen: list[levels.Level]) -> None:
    if not result.failures:
        return
    for failure in result.failures:
        print(f"     {failure}")
    for row in result.rows:
        print(f"     lost of the ledger's row: {row}")
    only = f" --only {','.join(sorted(options.only))}" if options.only else ""
    names = ",".join(level.name for level in chosen)
    print(f"     repeat it with: tools/torture --seed {seed} --round {result.number} --level {names}{only} --keep", flush=True)
