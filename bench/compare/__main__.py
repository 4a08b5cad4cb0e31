"""tools/compare's command line."""

import argparse
import resource
import signal
import sys
from dataclasses import asdict, replace
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
DESCRIPTORS = 8192  # of each server and the generator: a thousand connections, and some

HELP = """
Measures Sluice (io_uring and epoll; `queued` and `stored`), the gateway that it replaces (8 and 128 threads), Webdis
and nginx on the same payload and the same Redis, in one run, and writes report.html, report.json, report.md and plots/.

    tools/compare --quick            at most ten minutes, setup and build included: two short runs each. Scenarios that no
                                     longer fit are left out, and named; the first one never is
    tools/compare                    about two hours: longer runs, several rounds, and every scenario's highest rate
    tools/compare --list             the names for --only and --scenarios
    tools/compare --quick --only sluice-io_uring-stored,webdis --scenarios connections-8,batches
    tools/compare --quick --connections 64 --rate 20000

Everyone gets the same offered rate first (latency, CPU, memory), then a closed loop without pauses, then a search for the
highest rate within p99 < 5 ms and errors < 0.1 %. Beside each figure stand what a 2xx promises, how many of the
acknowledged samples were found in Redis, and the load generator's own error. Runs are interleaved, A B … B A.

Wants two cores that do nothing else: servers run on core 0, the load generator on core 1. Ctrl-C ends all it started.
"""


def arguments_of(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tools/compare", description=HELP, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="short runs, one round, one search")
    parser.add_argument("--only", metavar="NAMES", help="these contenders, separated by commas")
    parser.add_argument("--scenarios", metavar="NAMES", help="these scenarios, separated by commas")
    parser.add_argument("--connections", type=int, metavar="N", help="instead of the scenarios: small POSTs over N connections")
    parser.add_argument("--rate", type=int, metavar="N", help="requests/s offered to everyone, with --connections (default 5000)")
    parser.add_argument("--rounds", type=int, metavar="N", help="each measures everyone twice (default 3; 1 with --quick)")
    parser.add_argument("--seconds", type=float, metavar="S", help="of each run, and no search")
    parser.add_argument("--output", type=Path, default=PROJECT / "build/compare", metavar="DIR", help="default: build/compare")
    parser.add_argument("--no-build", action="store_true", help="take build/release as it is, and install nothing")
    parser.add_argument("--spent-s", type=float, default=0, metavar="S", help=argparse.SUPPRESS)  # by tools/compare: setup and build
    parser.add_argument("--list", action="store_true", help="print the names and end")
    arguments = parser.parse_args(words)
    if arguments.rate and not arguments.connections:
        parser.error("--rate goes with --connections; scenarios have their own")
    if arguments.connections and arguments.scenarios:
        parser.error("--connections takes the place of --scenarios")
    for name in ("connections", "rate", "rounds", "seconds"):
        value = getattr(arguments, name)
        if value is not None and value <= 0:
            parser.error(f"--{name} must be above 0")
    arguments.complain = parser.error
    return arguments


def chosen(names: str, all_of_them: list, what: str, complain) -> list:
    """Those of `names`, in their own order."""
    if not names:
        return all_of_them
    wanted = names.split(",")
    unknown = set(wanted) - {one.name for one in all_of_them}
    if unknown:
        complain(f"no such {what}: {', '.join(sorted(unknown))}; --list has the names")
    return [one for one in all_of_them if one.name in wanted]


def compare(arguments: argparse.Namespace) -> None:
    # Imported here, since --help must work before tools/setup has installed what they need.
    from . import measuring
    from .contenders import CONTENDERS
    from .environment import complaints, environment
    from .progress import Progress, clock
    from .results import Comparison
    from .scenarios import SCENARIOS, small_posts

    if arguments.list:
        for title, named in (("contenders", CONTENDERS), ("scenarios", SCENARIOS)):
            print(f"{title}:")
            for one in named:
                print(f"  {one.name:24} {one.title}")
        return
    contenders = chosen(arguments.only, CONTENDERS, "contender", arguments.complain)
    scenarios = chosen(arguments.scenarios, SCENARIOS, "scenario", arguments.complain)
    if arguments.connections:
        scenarios = [small_posts(arguments.connections, arguments.rate or 5000, searches_quick=True)]
    scenarios = [one for one in scenarios if measuring.taking_part(one, contenders)]
    if not scenarios:
        arguments.complain("none of these contenders takes part in these scenarios")
    plan = measuring.QUICK if arguments.quick else measuring.FULL
    if arguments.rounds:
        plan = replace(plan, rounds=arguments.rounds, budget_s=None)
    if arguments.seconds:
        plan = replace(plan, offered_s=arguments.seconds, flat_out_s=arguments.seconds, searches=0)

    comparison = Comparison(environment(), {**asdict(plan), "redis_core": measuring.redis_core()}, complaints(),
                            [scenario.name for scenario in scenarios])
    progress = Progress(sum(plan.expected_s(one, measuring.taking_part(one, contenders)) for one in scenarios), arguments.spent_s)
    for complaint in comparison.notes:
        progress.say(complaint)
    measuring.Measuring(comparison, plan, progress).run(scenarios, contenders)
    from . import report  # matplotlib takes a second to load
    measured = [scenario for scenario in scenarios if comparison.of(scenario.name)]
    report.write(comparison, measured, contenders, arguments.output)
    print(f"compare: done after {clock(progress.elapsed_s)}; see {arguments.output}/report.html", file=sys.stderr)


STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def stop(*_) -> None:
    """The first signal ends everything in order; those after it must not disturb that."""
    for number in STOPS:
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def main() -> int:
    arguments = arguments_of(sys.argv[1:])
    for number in STOPS:
        signal.signal(number, stop)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, DESCRIPTORS)), hard))
    try:
        compare(arguments)
    except KeyboardInterrupt:
        print("compare: interrupted; all that it started has ended, and no report is written", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
