"""tools/compare: what it reports of servers that run, and of made-up ones that lose what they acknowledged."""
# runs: release

import contextlib
import dataclasses
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from harness import wait_until
from harness.engine import CLEAN_ENVIRONMENT, PROJECT
from harness.load import LoadTarget

sys.path.insert(0, str(PROJECT / "bench"))

from compare import load, markdown, measuring, page, search, tables  # noqa: E402
from compare.contenders import CONTENDERS, Server  # noqa: E402
from compare.progress import Progress  # noqa: E402
from compare.results import Cell, Comparison, Crash, Run, Search  # noqa: E402
from compare.scenarios import SCENARIOS  # noqa: E402

# The programs of this build; not what whoever runs the tests has set for engines.
ENVIRONMENT = {**CLEAN_ENVIRONMENT, **{name: os.environ[name] for name in ("SLUICE_BIN", "SLUICE_LOAD_BIN", "SLUICE_BASELINE_BIN")
                                       if name in os.environ}}


def compare(*arguments, timeout_s: float = 120) -> subprocess.CompletedProcess:
    return subprocess.run([PROJECT / "tools/compare", "--no-build", *arguments], capture_output=True, text=True,
                          timeout=timeout_s, env=ENVIRONMENT)


@pytest.fixture(scope="module")
def measured(workspace):
    """A comparison of two contenders, as short as it can be: (report.json, report.md, directory)."""
    done = compare("--only", "sluice-io_uring-queued,baseline-8", "--connections", "8", "--rate", "500", "--rounds", "1",
                   "--seconds", "0.5", "--output", workspace)
    assert done.returncode == 0, done.stderr
    assert " left  connections-8 · baseline-8: p99 " in done.stderr, "progress with the time left"
    return json.loads((workspace / "report.json").read_text()), (workspace / "report.md").read_text(), workspace


def test_every_contender_is_measured_in_both_ways(measured):
    result = measured[0]
    assert result["format"] == "sluice-compare/1" and result["scenarios"] == ["connections-8"]
    assert [cell["contender"] for cell in result["cells"]] == ["sluice-io_uring-queued", "baseline-8"]
    for cell in result["cells"]:
        assert cell["missing"] is None and len(cell["offered"]) == len(cell["flat_out"]) == 2
        for run in cell["offered"]:
            assert run["requests"] == 250 and run["planned_rate"] == 500
        for run in cell["offered"] + cell["flat_out"]:
            assert run["succeeded"] + sum(run["faults"].values()) == run["requests"]
            assert run["samples_found"] >= run["samples_acknowledged"] == run["succeeded"] > 0
            assert 0 < run["percentiles_ms"]["50"] <= run["percentiles_ms"]["99"] <= run["percentiles_ms"]["99.9"]
            assert run["curve"] == sorted(run["curve"]) and run["cpu_s"] > 0 and run["redis_cpu_s"] > 0 and run["rss_bytes"] > 2**20


def test_the_same_is_told_for_readers(measured):
    result, markdown, directory = measured
    head = next(line for line in markdown.splitlines() if line.startswith("| 8 connections, 500 requests/s |"))
    rows = [line for line in markdown.splitlines() if line.startswith("| baseline, 8 threads |")]
    assert rows[0].count("|") == head.count("|") and "checked, in a memory queue" in rows[0]
    acknowledged = sum(run["samples_acknowledged"] for run in result["cells"][1]["offered"] + result["cells"][1]["flat_out"])
    assert f"all {acknowledged:,}" in rows[0]
    page = (directory / "report.html").read_text()
    assert page.count("data:image/svg+xml;base64,") == 3 and "http://" not in page and "src=\"plots" not in page
    for name in ("latency", "cpu"):
        assert (directory / f"plots/{name}.svg").read_text().startswith("<?xml")


def command_line(pid: int) -> str:
    """Empty if it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    except OSError:
        return ""


def descendants(pid: int) -> dict[int, str]:
    """Everything that a process has started, directly or not, with its command line."""
    found = {}
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        found[int(child)] = command_line(int(child))
        with contextlib.suppress(OSError):  # it has ended
            found.update(descendants(int(child)))
    return found


def test_ctrl_c_ends_all_that_it_started(tmp_path):
    command = [PROJECT / "tools/compare", "--no-build", "--only", "sluice-epoll-stored,baseline-8", "--connections", "8", "--seconds", "5",
               "--output", tmp_path / "report"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT, start_new_session=True) as process:
        names = ("redis-server", "baseline-gateway", "sluice serve", "sluice-load")
        wait_until(lambda: all(any(name in line for line in descendants(process.pid).values()) for name in names), "all run", 30)
        started = descendants(process.pid)
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does
        message = process.communicate(timeout=120)[1]
    left = {pid: line for pid, line in started.items() if line and command_line(pid) == line}
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    assert process.returncode == 130 and "all that it started has ended" in message and not left
    assert not (tmp_path / "report").exists()


def test_what_quick_has_no_time_for_is_left_out_and_told_but_not_the_first(tmp_path):
    done = compare("--quick", "--only", "baseline-8", "--scenarios", "connections-100,connections-8,killed", "--spent-s", "570",
                   "--output", tmp_path)
    assert done.returncode == 0, done.stderr
    result, text = json.loads((tmp_path / "report.json").read_text()), (tmp_path / "report.md").read_text()
    assert [cell["scenario"] for cell in result["cells"]] == ["connections-100"] and len(result["cells"][0]["offered"]) == 2
    assert not result["cells"][0]["searches"]
    assert "— under the highest rate: it was not looked for, since --quick had no time left" in text
    for title in ("Small POSTs, 8 connections", "Killed in mid-run: 8 connections, flat out, then SIGKILL"):
        assert f"- {title}: left out, since --quick had no time left of its ten minutes" in text


def test_time_left_follows_from_the_pace_of_what_is_done():
    now_s = 1000.0
    progress = Progress(100, spent_s=300, now_s=lambda: now_s)
    assert (progress.elapsed_s, progress.left_s, progress.will_take_s(7)) == (300, 100, 7)
    now_s += 40
    progress.done(20, "twice as long as expected")
    assert (progress.elapsed_s, progress.left_s, progress.will_take_s(7)) == (340, 160, 14)
    progress.left_out(50, "a server that does not start is no work that was done")
    assert (progress.left_s, progress.will_take_s(7)) == (60, 14)


def test_who_cannot_take_part_takes_no_time():
    able, absent = (dataclasses.replace(CONTENDERS[0], absent=why) for why in (None, "not installed"))
    for scenario in SCENARIOS:
        expected_s = measuring.QUICK.expected_s(scenario, [able])
        assert expected_s > 0 == measuring.QUICK.expected_s(scenario, [absent])
        assert measuring.QUICK.expected_s(scenario, [able, absent, able]) == 2 * expected_s
    baseline = next(one for one in CONTENDERS if one.name == "baseline-8")
    assert {one.name for one in SCENARIOS if not measuring.QUICK.expected_s(one, [baseline])} == {"pipelined", "batches"}


def test_setup_and_build_count_towards_the_ten_minutes(tmp_path):
    """tools/compare in a tree whose setup takes two seconds, and whose comparison prints its arguments."""
    def write(path: Path, text: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)

    write(tmp_path / "tools/compare", (PROJECT / "tools/compare").read_text())
    write(tmp_path / "tools/setup", "#!/bin/sh\nsleep 2\n")
    write(tmp_path / "bin/cmake", "#!/bin/sh\necho cmake $*\n")
    write(tmp_path / "bench/compare/__init__.py", "")
    write(tmp_path / "bench/compare/__main__.py", "import sys\nprint(*sys.argv[1:])\n")
    done = subprocess.run([tmp_path / "tools/compare", "--quick"], capture_output=True, text=True, timeout=120,
                          env={**ENVIRONMENT, "PATH": f"{tmp_path}/bin:{os.environ['PATH']}"})
    *_, built, arguments = done.stdout.splitlines()
    assert built == "cmake --build --preset release --target sluice sluice-load baseline-gateway", "no more than it needs"
    option, spent_s, *rest = arguments.split()
    assert option == "--spent-s" and int(spent_s) >= 1 and rest == ["--quick"]


def test_bad_names_are_refused():
    for arguments, complaint in ((["--only", "apache"], "no such contender: apache"), (["--rounds", "0"], "--rounds must be above 0"),
                                 (["--rate", "5"], "--rate goes with --connections"),
                                 (["--only", "nginx", "--scenarios", "clients"], "none of these contenders takes part")):
        done = compare(*arguments)
        assert done.returncode == 2 and complaint in done.stderr


def made_up_run(acknowledged: int = 1000, found=1000, lag_p99_ms: float = 0.05, **changes) -> Run:
    values = {"duration_s": 1.0, "planned_rate": 1000.0, "requests": 1000, "succeeded": acknowledged,
              "achieved_rate": float(acknowledged), "faults": {},
              "percentiles_ms": {"50": 0.2, "99": 0.9, "99.9": 1.5}, "curve": [(0.0, 0.1), (50.0, 0.2), (99.0, 0.9)],
              "lag_p99_ms": lag_p99_ms, "generator_faults": [], "server_faults": [], "cpu_s": 0.01, "redis_cpu_s": 0.002,
              "rss_bytes": 2**24, "samples_acknowledged": acknowledged, "samples_found": found, "delivery_s": 0.0}
    return Run(**{**values, **changes})


def made_up(*cells: Cell, plan: measuring.Plan = measuring.QUICK) -> tuple[str, str]:
    """report.md, and report.html without plots, of made-up results in the first scenario."""
    comparison = Comparison({"Machine": "made up"}, {**dataclasses.asdict(plan), "redis_core": 1}, [], [SCENARIOS[0].name], list(cells))
    return markdown.report(comparison, SCENARIOS[:1], CONTENDERS), page.report(comparison, SCENARIOS[:1], CONTENDERS, {})


def cell(contender: str, **runs) -> Cell:
    return Cell(contender, SCENARIOS[0].name, **runs)


def rows_of(markdown: str, title: str) -> list[str]:
    return [line for line in markdown.splitlines() if line.startswith(f"| {title} |")]


def test_a_lost_sample_is_shown_wherever_it_was_lost():
    fine, loses = made_up_run(), made_up_run(found=993)
    for runs in ({"offered": [fine, loses]}, {"offered": [fine], "flat_out": [loses]},
                 {"offered": [fine], "flat_out": [fine], "searches": [found_by_search(run=loses)]}):
        text, html = made_up(cell("sluice-epoll-stored", **runs), cell("baseline-8", offered=[fine]))
        assert "**7 LOST** of" in rows_of(text, "Sluice epoll, `stored`")[0]
        assert '<td class="bad"><strong>7 LOST</strong> of' in html
        assert "LOST" not in "".join(rows_of(text, "baseline, 8 threads"))
        assert "all 1,000" in rows_of(text, "baseline, 8 threads")[0]


def test_what_a_crash_loses_is_shown():
    scenario = next(one for one in SCENARIOS if one.kills)
    cells = [Cell("baseline-8", scenario.name, crashes=[Crash(100, 90), Crash(50, 55)]),
             Cell("webdis", scenario.name, crashes=[Crash(70, 71)]), Cell("nginx", scenario.name, missing="it stores nothing")]
    comparison = Comparison({}, {}, [], [scenario.name], cells)
    told = {row[0]: row[2:] for row in tables.crash_table(comparison, scenario, CONTENDERS).rows}
    assert told == {"baseline, 8 threads": ("150", "**10 LOST**"), "Webdis": ("70", "0"), "nginx `return 200`": ("—", "—")}


def test_surplus_of_one_run_hides_no_loss_of_another():
    # Stored without an answer: more is found than was acknowledged.
    runs = [made_up_run(acknowledged=990, found=1000), made_up_run(found=995)]
    assert "| **5 LOST** of 1,990, and 10 more |" in rows_of(made_up(cell("webdis", offered=runs))[0], "Webdis")[0]


def test_a_surplus_is_told_since_it_could_hide_a_loss():
    text, _ = made_up(cell("webdis", offered=[made_up_run(acknowledged=990, found=1000)]))
    assert "| all 990, and 10 more |" in rows_of(text, "Webdis")[0] and "could hide as many losses" in text


def test_a_server_that_stores_nothing_neither_loses_nor_finds():
    text, _ = made_up(cell("nginx", offered=[made_up_run(found=None)]))
    row = rows_of(text, "nginx `return 200`")[0]
    assert "stores nothing" in row and "LOST" not in row and "nothing: an HTTP floor" in row


def test_the_generators_own_error_is_told_and_errors_by_name():
    bad = made_up_run(acknowledged=900, found=900, lag_p99_ms=7.5, generator_faults=["The generator was late: 7.5 ms."],
                      faults={"timeout": 100}, server_faults=["Only 5 of 100 connections could be opened before the start."])
    text, html = made_up(cell("baseline-128", offered=[made_up_run(), bad]))
    row = rows_of(text, "baseline, 128 threads")
    assert "7.50 INVALID in 1 of 2" in row[0] and "5 %: 100 timeout" in row[1]
    note = "- baseline, 128 threads: in 1 of 2 runs, e.g.: Only 5 of 100 connections"
    assert text.index(note) < text.index("## ") and text.count(note) == 2, "below the first table, too"
    assert "The generator was late: 7.5 ms." in html


def test_the_first_table_counts_what_spoils_any_of_its_figures():
    bad = made_up_run(lag_p99_ms=7.5, generator_faults=["The generator was late: 7.5 ms."])
    text, _ = made_up(cell("webdis", offered=[made_up_run()], flat_out=[bad], searches=[found_by_search(run=bad)]))
    assert "| 0.05 INVALID in 2 of 3 |" in rows_of(text, "Webdis")[0]
    assert "| 0.05 |" in rows_of(text, "Webdis")[1], "the table of the offered rate is about that"


@pytest.mark.parametrize("where, runs", [
    ("at the offered rate", lambda late: {"offered": [made_up_run(), late]}),
    ("flat out", lambda late: {"offered": [made_up_run()], "flat_out": [late]}),
    ("at its highest rate", lambda late: {"offered": [made_up_run()], "searches": [found_by_search(run=late)]})])
def test_a_queue_that_grew_is_told_by_the_length_of_the_run(where, runs):
    for delivery_s, duration_s, grew in ((0.06, 0.5, True), (0.04, 0.5, False), (0.4, 5.0, False), (0.6, 5.0, True)):
        text, _ = made_up(cell("baseline-128", **runs(made_up_run(delivery_s=delivery_s, duration_s=duration_s))))
        told = (f"- baseline, 128 threads: {where} the last sample was in Redis {delivery_s:.2f} s after the end of a run of "
                f"{duration_s:g} s")
        assert (told in text) == grew, (delivery_s, duration_s)


@pytest.mark.parametrize("changes, why", [({"searches": 0}, "with --seconds it is not looked for"), ({}, "no search was possible")])
def test_an_empty_column_of_highest_rates_says_why(changes, why):
    runs = {"offered": [made_up_run()], "flat_out": [made_up_run()]}
    plan = dataclasses.replace(measuring.QUICK, **changes)
    assert made_up(cell("webdis", **runs), plan=plan)[0].count(f"- — under the highest rate: {why}.") == 2
    assert "under the highest rate" not in made_up(cell("webdis", **runs, searches=[found_by_search()]), plan=plan)[0]


def test_quick_says_that_it_searches_in_one_scenario_only():
    scenario = next(one for one in SCENARIOS if not one.searches_quick and one.is_paced)
    runs = {"offered": [made_up_run()], "flat_out": [made_up_run()]}
    comparison = Comparison({}, dataclasses.asdict(measuring.QUICK), [], [scenario.name], [Cell("webdis", scenario.name, **runs)])
    notes = tables.limits_table(comparison, scenario, CONTENDERS).notes
    assert notes == ["— under the highest rate: --quick looks for it only in: Small POSTs, 100 connections."]


def test_what_has_no_runs_says_why():
    text, _ = made_up(cell("webdis", missing="Webdis is not installed (tools/setup compare)"),
                                     cell("nginx", offered=[made_up_run(found=None)], searches=[found_by_search(0.0)]))
    assert "- — Webdis: Webdis is not installed" in text
    assert "| none |" in rows_of(text, "nginx `return 200`")[0]


def test_medians_and_spread():
    runs = [made_up_run(cpu_s=cpu_s) for cpu_s in (0.009, 0.012, 0.030)]
    text, _ = made_up(cell("sluice-io_uring-queued", offered=runs))
    rows = rows_of(text, "Sluice io_uring, `queued`")
    assert "| 12.0 / — |" in rows[0] and "| 12.0 (9.00 – 30.0) |" in rows[1]


def test_answers_after_the_end_of_a_run_are_not_part_of_its_rate():
    # 1,000 of 1,200 answers came within the one second of the run; a tenth of all are errors.
    totals = {"succeeded": 1080, "responses": 1200}
    assert load.Report({"achieved_rate": 1000.0, "totals": totals}, []).achieved_rate == 900
    assert load.Report({"achieved_rate": 0.0, "totals": {"succeeded": 0, "responses": 0}}, []).achieved_rate == 0


def test_reasons_of_the_server_are_told_from_the_generators():
    reasons = ["The generator was late: its own lag p99 is 3 ms, more than 2 ms (--max-lag).",
               "Only 84 of 100 connections could be opened before the start (--min-open).",
               "Only 37 % of the planned requests could be sent, less than 99 % (--min-sent): the server limits the rate.",
               "Something new."]
    result = load.Report({"invalid_reasons": reasons}, [])
    assert result.reasons(of_generator=False) == reasons[1:3]
    assert result.reasons(of_generator=True) == [reasons[0], reasons[3]], "what is not known spoils the run"


async def answer_all(connection) -> None:
    while True:
        await connection.request()
        connection.answer()


def search_of(target: LoadTarget, *options: object, give_up_s: float) -> Search:
    server = Server(os.getpid(), int(target.url.split(":")[2].partition("/")[0]))
    return search.search(server, lambda rate: ["--rate", rate, *options], 100, 0.2, 1, give_up_s)


def test_it_reads_what_a_search_found():
    with LoadTarget(answer_all) as target:
        found = search_of(target, "--rate-max", 200, give_up_s=60)
    assert not found.is_unfinished
    # A busy machine may miss the SLO; then it must say so.
    assert found.rate == 200 or "misses" in found.curve or "INVALID" in found.curve, found.curve


def test_a_search_that_takes_too_long_is_told_as_unfinished():
    with LoadTarget(answer_all) as target:
        found = search_of(target, give_up_s=1.5)  # doubling up to what this server cannot do takes longer
    if not found.is_unfinished:  # a busy machine may find the end before: then nothing held
        assert found.rate == 0 and ("misses" in found.curve or "INVALID" in found.curve), found.curve
        return
    assert "given up after 2 s, unfinished" in found.curve
    assert found.rate == 0 or re.search(r"/s .* holds$", found.curve, re.MULTILINE), found.curve


@pytest.mark.parametrize("p99_ms, reasons, is_searched", [
    (1, [], True), (9, [], False), (9, ["The generator was late: 3 ms."], True),
    (9, ["Only 37 % of the planned requests could be sent: the server limits the rate."], False)])
def test_only_what_the_server_itself_cannot_hold_is_not_searched(monkeypatch, p99_ms, reasons, is_searched):
    monkeypatch.setattr(load, "run", lambda *_: load.Report(curve_run(p99_ms, reasons=reasons), []))
    found = Search(800.0, False, False, "searched", None)
    monkeypatch.setattr(search, "search", lambda *_, **__: found)
    monkeypatch.setattr(measuring, "measure", lambda *_: made_up_run())

    class Redis:
        def client(self):
            return self

        def flushall(self):
            pass

    one = cell("webdis")
    measuring.Measuring(Comparison({}, {}, [], [], []), measuring.FULL, Progress(1))._search(
        SCENARIOS[0], CONTENDERS[0], Server(0, 0), one, Redis())
    assert one.searches[0].curve.startswith("searched" if is_searched else "not searched: it does not hold 500/s (p99 9 ms)")


HELD, BROKE, GENERATORS = True, False, None


@pytest.mark.parametrize("tries, rate", [
    ([], 0),
    ([(1000, HELD), (2000, HELD), (4000, BROKE), (4000, BROKE)], 2000),
    ([(1000, HELD), (2000, BROKE), (2000, HELD)], 2000),  # breaks when it breaks twice
    ([(1000, HELD), (2000, HELD), (1998, BROKE)], 1000),  # the same rate: planned rates are of whole requests
    ([(1000, HELD), (2000, HELD), (2000, GENERATORS)], 2000),  # says nothing of the server
    ([(1000, HELD), (2000, HELD), (1500, BROKE), (1500, BROKE)], 1000),  # what a lower rate broke, a higher one does not hold
    ([(1000, HELD), (1000, BROKE)], 0),
    ([(7000, BROKE), (7000, BROKE), (3500, HELD), (5200, BROKE), (5200, BROKE), (4400, BROKE), (4400, HELD), (4800, BROKE), (4800, BROKE),
      (4600, HELD), (4600, BROKE), (4600, BROKE), (4350, HELD), (4350, BROKE), (4350, BROKE)], 3500)])
def test_of_an_unfinished_search_stands_only_what_no_run_refuted(tries, rate):
    assert search.standing_rate([search.Try(*one) for one in tries]) == rate


def curve_run(p99_ms: float = 1.0, failed: int = 0, reasons: tuple = ()) -> dict:
    return {"planned_rate": 500.0, "valid": not reasons, "invalid_reasons": list(reasons), "totals": {"planned": 1000, "failed": failed},
            "latency": {"corrected": {"percentiles_ns": {"99": p99_ms * 1e6}}}}


def test_runs_of_a_search_are_judged_as_it_judges_them():
    runs = [curve_run(), curve_run(p99_ms=5), curve_run(failed=1), curve_run(reasons=("The generator was late: 3 ms.",)),
            curve_run(reasons=("Only 37 % of the planned requests could be sent",))]
    assert [one.holds for one in search.tries_of({"runs": runs})] == [HELD, BROKE, BROKE, GENERATORS, BROKE]


SEARCH = "    3000/s    2000/s ... INVALID: The generator was late: its own lag p99 is 3 ms.\n"


def found_by_search(rate: float = 900.0, run=None, is_generators_limit: bool = False, is_unfinished: bool = False) -> Search:
    return Search(rate, is_generators_limit, is_unfinished, SEARCH, run or made_up_run() if rate else None)


def run_at(rate: float, p99_ms: float, **changes) -> Run:
    return made_up_run(planned_rate=rate, percentiles_ms={"50": 0.2, "99": p99_ms, "99.9": 9.0}, **changes)


@pytest.mark.parametrize("p99s_ms, rate", [([4.9], 1000), ([7.1, 4.9], 900), ([7.1, 6, 4.9], 800), ([9, 9, 9, 9, 9, 9, 4.9], 200),
                                           ([9] * 7, 0)])
def test_a_rate_that_a_longer_run_misses_is_lowered_until_one_holds(p99s_ms, rate):
    left = list(p99s_ms)
    found = search.at_limit(found_by_search(1000.0), lambda at: run_at(at, left.pop(0)))
    assert (round(found.rate), left) == (rate, []) and not found.is_generators_limit
    if rate:
        assert found.run.planned_rate == found.rate and not found.run.slo_missed, "it was seen to hold"
        assert found.curve.endswith("run again for 1 s: holds\n")
    else:
        assert found.run is None and found.refuted_rate == 1000


def test_a_rate_that_was_lowered_for_the_generators_sake_is_a_lower_bound():
    runs = [run_at(1000, 7.1, generator_faults=["The generator was late."]), run_at(900, 4)]
    assert search.at_limit(found_by_search(1000.0), lambda at: runs.pop(0)).is_generators_limit


def test_a_search_whose_rate_no_longer_run_holds_reports_none():
    text, html = made_up(cell("webdis", offered=[made_up_run()], flat_out=[made_up_run()],
                              searches=[search.at_limit(found_by_search(46833.0), lambda at: run_at(at, 6.5))]))
    rows = rows_of(text, "Webdis")
    assert "| none |" in rows[0] and "| none |" in rows[2] and "MISSED" not in text + html
    assert "- Webdis: short runs held up to 46,833/s, and longer ones held neither that nor 20% of it, so no rate is reported." in text


def test_the_report_begins_with_the_verdict_and_then_the_table():
    slow = made_up_run(percentiles_ms={"50": 1.0, "99": 9.0, "99.9": 20.0}, cpu_s=0.03, found=990)
    text, html = made_up(
        cell("sluice-io_uring-queued", offered=[made_up_run()], flat_out=[made_up_run()], searches=[found_by_search(900.0)]),
        cell("sluice-io_uring-stored", offered=[made_up_run()]),
        cell("baseline-8", offered=[slow], flat_out=[slow], searches=[found_by_search(300.0)]),
        cell("webdis", offered=[made_up_run()]), cell("nginx", missing="nginx is not installed"))
    begin = text.splitlines()
    assert begin[2].startswith("At 5,000 requests/s over 100 connections, medians:")
    assert begin[4] == ("- **Sluice io_uring, `queued` beside baseline, 8 threads**: p99 0.90 against 9.00 ms (10.0 × less); CPU 10.0 "
                        "against 30.0 µs a request (3.00 × less); memory 16.0 against 16.0 MiB (the same); highest rate within "
                        "p99 < 5 ms, errors < 0.1 %: 900 against 300, requests/s (3.00 × more); "
                        "acknowledged samples lost: 0 against 20.")
    assert begin[5].startswith("- **Sluice io_uring, `stored` beside Webdis**: p99 0.90 against 0.90 ms (the same); ")
    assert text.index("beside baseline") < text.index("| 100 connections, 5,000 requests/s |") < text.index("- Machine: made up")
    assert html.index("<strong>Sluice io_uring") < html.index("<table>") < html.index("Machine: made up")
    assert "beside nginx" not in text, "what was not measured is in no verdict"


def test_what_an_unfinished_search_tells_is_marked():
    for rate, told in ((900.0, "| 900 UNFINISHED in 1 of 1 |"), (0.0, "| unknown UNFINISHED in 1 of 1 |")):
        text, html = made_up(cell("baseline-128", offered=[made_up_run()], flat_out=[made_up_run()],
                                  searches=[found_by_search(rate, is_unfinished=True)]))
        rows = rows_of(text, "baseline, 128 threads")
        assert told in rows[0] and told in rows[2] and "- UNFINISHED baseline, 128 threads: its search was given up" in text
        assert '<td class="bad">' in html and "<small>UNFINISHED in 1 of 1</small>" in html


def test_a_rate_that_the_generator_limits_is_a_lower_bound():
    for is_generators, told in ((True, "| ≥ 900 |"), (False, "| 900 |")):
        text, html = made_up(cell("sluice-io_uring-queued", offered=[made_up_run()], flat_out=[made_up_run()],
                                  searches=[found_by_search(is_generators_limit=is_generators)]))
        assert all(told in row for row in (rows_of(text, "Sluice io_uring, `queued`")[0], rows_of(text, "Sluice io_uring, `queued`")[2]))
        assert "INVALID: The generator was late" in html, "every rate that was tried"
