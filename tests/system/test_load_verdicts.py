"""What sluice-load says of a run at its end, where it says it, and with which exit code: also where nobody can read it."""
# runs: release long: asan

import asyncio
import csv
import json
import os
import re
import signal
import socket
import subprocess
import time

import pytest

from harness import reserve_port
from harness.load import BAD_USAGE, FAILED, INVALID, LOAD_BINARY, OK, PATIENT, SETUP_FAILED, THRESHOLD_MISSED, Connection, LoadTarget, run_load


def answering(body: bytes = b"{}", status: str = "200 OK"):
    async def serve(connection: Connection):
        while True:
            await connection.request()
            connection.answer(body, status)

    return serve


def load(*words, **options):
    return subprocess.run([str(word) for word in (LOAD_BINARY, *words, *PATIENT)],
                          **{"capture_output": True, "text": True, "timeout": 120, **options})


@pytest.fixture(scope="module")
def target():
    with LoadTarget(answering()) as server:
        yield server


# --- where output goes, and where it cannot go -----------------------------------------------------

def test_the_summary_is_on_standard_output_and_progress_is_not(target):
    done = load(target.url, "--users", 1, "--duration", "1100ms", "--warmup", "0", "--threshold", "errors<1%")
    assert done.returncode == OK
    assert "  requests     " in done.stdout and "holds  errors<1%" in done.stdout and " s  " not in done.stdout
    assert re.search(r"^ +1 s ", done.stderr, re.M) and "requests" not in done.stderr


def test_a_report_on_standard_output_stands_there_alone(target):
    done = load(target.url, "--users", 1, "--requests", 5, "--json", "-")
    assert json.loads(done.stdout)["verdict"] == "ok" and "  requests     5 sent" in done.stderr


def test_a_report_may_name_what_standard_output_was_redirected_to(target, tmp_path):
    path = tmp_path / "both"
    for name in (path, "/dev/stdout"):
        with path.open("wb") as out:
            words = [str(word) for word in (LOAD_BINARY, target.url, "--users", 1, "--requests", 5, "--json", name, *PATIENT)]
            done = subprocess.run(words, stdout=out, stderr=subprocess.PIPE, text=True, timeout=120)
        assert done.returncode == OK and "  requests     5 sent" in done.stderr, done.stderr
        assert json.loads(path.read_text())["verdict"] == "ok"


def test_links_to_one_file_are_one_file(tmp_path):
    (tmp_path / "a").write_text("")
    (tmp_path / "b").hardlink_to(tmp_path / "a")
    done = load("http://127.0.0.1:1/", "--json", tmp_path / "a", "--csv", tmp_path / "b")
    assert done.returncode == BAD_USAGE and "--json and --csv name the same file" in done.stderr, done.stderr


def test_devices_that_keep_nothing_may_be_given_twice(target):
    words = [str(word) for word in (LOAD_BINARY, target.url, "--users", 1, "--requests", 5, "--json", "/dev/null", "--csv", "/dev/null", *PATIENT)]
    assert subprocess.run(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=120).returncode == OK


def closed_pipe() -> int:
    """The writing end of a pipe that nobody reads any more."""
    reader, writer = os.pipe()
    os.close(reader)
    return writer


UNWRITABLE = [pytest.param(lambda: os.open("/dev/full", os.O_WRONLY), id="a full disk"), pytest.param(closed_pipe, id="a closed pipe"),
              pytest.param(None, id="closed")]


def into(opened, number: int, words) -> subprocess.CompletedProcess:
    """sluice-load with descriptor `number` as `opened` makes it; None: closed."""
    name, other = ("stdout", "stderr") if number == 1 else ("stderr", "stdout")
    if opened is None:
        return subprocess.run(["/bin/sh", "-c", f'exec "$@" {number}>&-', "sh", *words], **{other: subprocess.PIPE}, text=True, timeout=120)
    descriptor = opened()
    try:
        return subprocess.run(words, **{name: descriptor, other: subprocess.PIPE}, text=True, timeout=120)
    finally:
        os.close(descriptor)


@pytest.mark.parametrize("opened", UNWRITABLE)
def test_messages_that_cannot_be_written_cost_no_report(target, tmp_path, opened):
    path = tmp_path / "run.json"
    for threshold, code in (("errors<1%", OK), ("p50<1ns", THRESHOLD_MISSED)):
        words = [str(word) for word in (LOAD_BINARY, target.url, "--users", 1, "--requests", 50, "--json", path, "--threshold", threshold, *PATIENT)]
        done = into(opened, 2, words)
        assert done.returncode == code and threshold in done.stdout
        assert json.loads(path.read_text())["totals"]["succeeded"] == 50


@pytest.mark.parametrize("opened", UNWRITABLE)
@pytest.mark.parametrize("command", [["--help"], ["URL", "--users", "1", "--requests", "5"], ["URL", "--sweep", "50", "--duration", "100ms"],
                                     ["compare", "URL", "URL", "--users", "1", "--requests", "5", "--rounds", "2"]], ids=lambda words: words[0])
def test_a_summary_that_cannot_be_written_is_told(target, opened, command):
    words = [target.url if word == "URL" else word for word in command]
    done = into(opened, 1, [str(LOAD_BINARY), *words, *(PATIENT if command != ["--help"] else ())])
    assert done.returncode == 1 and "standard output cannot be written" in done.stderr, done.stderr


@pytest.mark.parametrize("opened", UNWRITABLE)
@pytest.mark.parametrize("command", [["URL", "--users", "1", "--requests", "5", "--quiet", "--json", "-"],
                                     ["URL", "--sweep", "50", "--duration", "100ms", "--quiet", "--json", "-"],
                                     ["compare", "URL", "URL", "--users", "1", "--requests", "5", "--rounds", "2", "--json", "-"]],
                         ids=["run", "sweep", "compare"])
def test_a_report_on_standard_output_that_cannot_be_written_is_told_once(target, opened, command):
    words = [target.url if word == "URL" else word for word in command]
    done = into(opened, 1, [str(LOAD_BINARY), *words, *PATIENT])
    sentences = [line for line in done.stderr.splitlines() if line.startswith("sluice-load: ")]
    assert (done.returncode, sentences) == (1, ["sluice-load: standard output cannot be written"]), done.stderr


# --- the verdict -----------------------------------------------------------------------------------

REFUSING = answering(status="405 Method Not Allowed")


@pytest.mark.parametrize("serve, options, sentence", [
    (REFUSING, (), "20 of 20 requests failed (bad_status: 20; statuses 405: 20)"),
    (REFUSING, ("--threshold", "p99<10s"), "20 of 20 requests failed (bad_status: 20; statuses 405: 20)"),
    (REFUSING, ("--threshold", "p99<10s", "avg<10s", "max<10s", "rate>1/s"), "20 of 20 requests failed"),
    (answering(), ("--status", "204"), "20 of 20 requests failed (bad_status: 20; statuses 200: 20)"),
    (answering(b'{"ok":false}'), ("--check", "ok=true"), "20 of 20 requests failed (bad_body: 20; statuses 200: 20)"),
], ids=["405", "a threshold on latency", "others", "--status", "--check"])
def test_a_run_in_which_all_fails_has_failed(tmp_path, serve, options, sentence):
    path = tmp_path / "run.json"
    with LoadTarget(serve) as target:
        words = (target.url, "--users", 1, "--requests", 20, *options)
        loud = load(*words, "--json", path)
        quiet = load(*words, "--quiet")
        swept = load(target.url, *options, "--sweep", "100", "--duration", "200ms", "--warmup", "0")
        compared = load("compare", target.url, target.url, "--users", 1, "--requests", 20, "--rounds", 2,
                        *(options if "--threshold" not in options else ()))
        allowed = load(*words, "--quiet", "--threshold", "errors<=100%")
    assert loud.returncode == quiet.returncode == swept.returncode == compared.returncode == FAILED
    assert f"\n  FAILED: {sentence}" in loud.stdout and loud.stdout.endswith("--threshold 'errors<N%' says how many may fail.\n")
    assert loud.stdout.splitlines()[-1].startswith("  FAILED")
    assert "sluice-load: FAILED: " + sentence in quiet.stderr and quiet.stdout == ""
    assert " FAILED: " in swept.stdout and "FAILED: " in compared.stderr and "FAILED: " in compared.stdout
    result = json.loads(path.read_text())
    assert result["verdict"] == "failed" and result["failure"].startswith(sentence)
    latency = [one for one in result["thresholds"] if not one["text"].startswith("rate")]
    assert not any(one["holds"] for one in latency) and all("no success" in one["measured"] for one in latency)
    # The user said how many may fail: then that decides alone, and latencies still have nothing to hold.
    assert allowed.returncode == (THRESHOLD_MISSED if "--threshold" in options else OK), allowed.stderr


def test_a_threshold_on_latency_is_judged_on_successes():
    async def serve(connection: Connection):
        while True:
            for _ in range(2):  # slow successes, and refusals at once
                await connection.request()
                await asyncio.sleep(0.1)
                connection.answer()
            await connection.request()
            connection.answer(status="503 Service Unavailable")

    with LoadTarget(serve) as target:
        run = run_load(target.url, "--users", 1, "--requests", 30, "--threshold", "p50<90ms", "p50>99ms", "p1>99ms")
    assert run.exit_code == THRESHOLD_MISSED and [one["holds"] for one in run.result["thresholds"]] == [False, True, True]
    assert " of successes, " in run.result["thresholds"][2]["measured"] and "  of successes " in run.messages
    latency = run.result["latency"]
    assert (latency["corrected"]["count"], latency["succeeded"]["count"], latency["failed"]["count"]) == (30, 20, 10)
    assert latency["succeeded"]["min_ns"] >= 99_000_000 > latency["failed"]["max_ns"]


def test_one_slow_request_of_51_is_the_99th_percentile():
    async def serve(connection: Connection):
        for number in range(51):
            await connection.request()
            await asyncio.sleep(1 if number == 30 else 0)
            connection.answer()

    with LoadTarget(serve) as target:
        run = run_load(target.url, "--users", 1, "--requests", 51, "--threshold", "p99<500ms")
    assert run.exit_code == THRESHOLD_MISSED and run.percentile_ns("corrected", "99") >= 999_000_000, run.messages


def test_no_answer_behind_the_timeout_counts():
    """Those of 100 ms come too late for 50 ms, each of them, over few connections and many, pipelined or not."""
    async def serve(connection: Connection):
        while True:
            await connection.request()
            await asyncio.sleep(0.1)
            connection.answer()

    for options in (("--users", 8), ("--users", 40), ("--users", 4, "--pipeline", 4)):
        with LoadTarget(serve) as target:
            run = run_load(target.url, *options, "--requests", 80, "--timeout", "50ms")
        run.assert_conserved()
        assert run.totals["succeeded"] == 0 and run.faults == {"timeout": 80}, run.faults
        assert run.exit_code == FAILED and run.result["latency"]["uncorrected"]["min_ns"] is not None


def test_answers_within_the_timeout_all_count():
    async def serve(connection: Connection):
        while True:
            await connection.request()
            await asyncio.sleep(0.05)
            connection.answer()

    with LoadTarget(serve) as target:
        run = run_load(target.url, "--users", 8, "--requests", 80, "--timeout", "5s")
    assert run.exit_code == OK and run.totals["succeeded"] == 80, run.messages


def test_a_connection_that_nobody_accepts_in_time_is_a_fault():
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        run = run_load("http://127.0.0.1:%d/" % listener.getsockname()[1], "--users", 3, "--requests", 6, "--timeout", "300ms", "--min-open", "0")
    run.assert_conserved()
    assert run.totals["succeeded"] == 0 and run.exit_code == FAILED, run.messages


def test_a_closed_loop_plans_no_requests(target):
    run = run_load(target.url, "--users", 3, "--requests", 30)
    requests = next(line for line in run.messages.splitlines() if line.startswith("  requests "))
    assert requests == "  requests     30 sent, 30 succeeded, 0 failed (0 %)"
    assert "closed loop, 3 users" in run.messages
    own = next(line for line in run.messages.splitlines() if line.startswith("  own lag p99"))
    assert own.endswith(": the delay of sluice-load itself; the rest of the lag waited for a connection")


def test_a_warm_up_of_half_a_second_gives_times_of_half_seconds(target):
    done = load(target.url, "--rate", "20/s", "--warmup", "500ms", "--duration", "2s")
    assert re.findall(r"^ *([\d.]+) s ", done.stderr, re.M)[:3] == ["0.5", "1.5", "2.5"], done.stderr


@pytest.mark.parametrize("serve, code", [(REFUSING, FAILED), (answering(), INVALID)], ids=["failed", "missed"])
def test_failed_comes_before_invalid_and_invalid_before_missed(serve, code):
    """Each run is INVALID, and FAILED or misses its threshold."""
    invalid = ("--max-lag", "1ns", "--duration", "200ms", "--warmup", "0", "--rate", "100/s", "--connections", 5)
    with LoadTarget(serve) as server:
        for words in ((server.url, "--threshold", "p50<1ns"), (server.url, "--threshold", "p50<1ns", "--sweep", "100,200"),
                      ("compare", server.url, server.url, "--rounds", 2)):
            done = subprocess.run([str(word) for word in (LOAD_BINARY, *words, *invalid)], capture_output=True, text=True, timeout=120)
            assert done.returncode == code and "INVALID: " in done.stdout + done.stderr, done.stdout + done.stderr


# --- a start that fails, and an end that is early ---------------------------------------------------

def test_a_start_that_fails_leaves_the_reports_of_the_last_run(tmp_path):
    names = {option: tmp_path / f"run{option}" for option in ("--json", "--csv", "--hgrm", "--hlog", "--html")}
    for path in names.values():
        path.write_text("of the last run")
    words = [word for option, path in names.items() for word in (option, path)]
    url = f"http://127.0.0.1:{reserve_port()}/"
    done = load(url, *words)
    assert done.returncode == SETUP_FAILED
    searched = load(url, "--slo", "p99<1s", "--json", names["--json"])
    compared = load("compare", url, url, "--json", names["--json"], "--html", names["--html"])
    assert searched.returncode == compared.returncode == SETUP_FAILED
    assert {path.read_text() for path in names.values()} == {"of the last run"}
    assert sorted(tmp_path.iterdir()) == sorted(names.values()), "and makes no empty ones"


@pytest.mark.parametrize("options", [("--slo", "p99<10s", "--duration", "300ms"), ("--sweep", "50,60,70,80,90", "--duration", "2s"),
                                     ("--rate", "50/s", "--duration", "30s")], ids=lambda options: options[0])
def test_a_search_that_is_interrupted_ends_as_a_run_does(target, tmp_path, options):
    path = tmp_path / "run.json"
    words = [str(word) for word in (LOAD_BINARY, target.url, *options, "--warmup", "0", "--json", path, *PATIENT)]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    summary, messages = process.communicate(timeout=120)
    assert process.returncode == INVALID and "interrupted" in summary + messages
    assert json.loads(path.read_text())["format"].startswith("sluice-load")


def test_a_search_without_a_run_has_none_that_stands():
    async def never(connection: Connection):
        await connection.request()

    with LoadTarget(never) as silent:
        words = [str(word) for word in (LOAD_BINARY, silent.url, "--sweep", "50", "--duration", "30s", "--quiet")]
        process = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        messages = process.communicate(timeout=120)[1]
    assert (process.returncode, messages) == (INVALID, "sluice-load: interrupted before the first run had ended\n")


# --- endpoints ------------------------------------------------------------------------------------

def test_endpoints_with_names_have_figures_in_every_output(tmp_path):
    async def serve(connection: Connection):
        while True:
            request = await connection.request()
            if request.target == "/slow":
                await asyncio.sleep(0.03)
            connection.answer(status="503 Service Unavailable" if request.target == "/broken" else "200 OK")

    scenario = tmp_path / "three.toml"
    scenario.write_text("""
        name = "three"
        [[endpoint]]
        name = "slow one"
        path = "/slow"
        [[endpoint]]
        name = "broken"
        path = "/broken"
        [[endpoint]]
        path = "/plain"
        weight = 2
        """)
    outputs = {option: tmp_path / f"run.{option}" for option in ("csv", "hlog", "html", "hgrm")}
    with LoadTarget(serve) as target:
        run = run_load(target.url.rsplit("/", 1)[0], "--scenario", scenario, "--users", 4, "--requests", 400,
                       *(word for option, path in outputs.items() for word in ("--" + option, path)))
    assert run.exit_code == OK, run.messages
    rows = {one["name"]: one for one in run.result["endpoints"]}
    assert list(rows) == ["slow one", "broken", "GET /plain"]
    assert sum(one["sent"] for one in rows.values()) == sum(one["latency"]["corrected"]["count"] for one in rows.values()) == 400
    assert rows["broken"]["failed"] == rows["broken"]["sent"] == run.totals["failed"] == rows["broken"]["statuses"]["503"] > 0
    assert rows["slow one"]["latency"]["corrected"]["min_ns"] >= 29_000_000
    assert rows["slow one"]["latency"]["succeeded"]["count"] == rows["slow one"]["succeeded"] == rows["slow one"]["sent"]
    lines = {line.split("  ")[1]: line.split() for line in run.messages.splitlines() if re.match(r"  (slow one|broken|GET /plain) ", line)}
    for name, one in rows.items():
        assert lines[name][len(name.split()):][:2] == [str(one["sent"]), str(one["failed"])]
    seconds = list(csv.DictReader(outputs["csv"].open()))
    for name, one in rows.items():
        for column in ("sent", "succeeded", "failed"):
            assert sum(int(row[f"endpoint_{name}_{column}"]) for row in seconds) == one[column]
    assert set(re.findall(r"Tag=(endpoint_\w+),", outputs["hlog"].read_text())) == {"endpoint_slow_one", "endpoint_broken", "endpoint_GET__plain"}
    page = outputs["html"].read_text()
    assert "<h2>Endpoints</h2>" in page and '<th scope="row">slow one</th>' in page and "Latency by endpoint" in page
    for number, name in enumerate(("slow_one", "broken", "GET__plain"), 1):
        table = (tmp_path / f"run.endpoint_{number}_{name}.hgrm").read_text()
        assert f"Total count    = {list(rows.values())[number - 1]['sent']:>12}" in table, table[-200:]


# --- requests --------------------------------------------------------------------------------------

def test_path_query_and_headers_are_filled_in():
    heads = []

    async def serve(connection: Connection):
        while True:
            heads.append((await connection.request()).head)
            connection.answer()

    with LoadTarget(serve) as target:
        run = run_load(target.url + "/{device}?n={seq}&id={{id}", "--users", 1, "--requests", 12, "--devices", 1, "--header", "X-Seq: {seq}")
        posted = run_load(target.url, "--users", 1, "--requests", 1, "--method", "POST")
    assert run.exit_code == posted.exit_code == OK, run.messages
    for number, head in enumerate(heads[:12]):
        assert head.startswith(b"GET /telemetry/device-0?n=%d&id={id} HTTP/1.1\r\n" % number) and b"\r\nX-Seq: %d\r\n" % number in head
        assert b"Content-Length" not in head
    assert heads[12].startswith(b"POST /telemetry HTTP/1.1\r\n") and heads[12].endswith(b"\r\nContent-Length: 0\r\n\r\n")


def test_drawn_arrivals_are_all_sent(target):
    run = run_load(target.url, "--rate", "20/s", "--arrivals", "poisson", "--requests", 10, "--connections", 10)
    assert run.exit_code == OK and run.totals["sent"] == 10, run.messages
