"""What a real run of sluice-load writes: files that agree with one another, progress, sweeps and comparisons."""
# runs: release long: asan

import asyncio
import csv
import fcntl
import json
import os
import pty
import re
import select
import signal
import socket
import struct
import subprocess
import termios
import threading
import time
from datetime import datetime

import pytest

from harness.load import BAD_USAGE, INVALID, LOAD_BINARY, OK, PATIENT, SETUP_FAILED, THRESHOLD_MISSED, Connection, LoadTarget, run_load


async def answer_all(connection: Connection):
    while True:
        await connection.request()
        connection.answer()


def answer_bytes(connection: socket.socket):
    """Answers each piece that comes, as of a client that waits for its answers."""
    with connection:
        while connection.recv(65536):
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")


@pytest.fixture(scope="module")
def target():
    with LoadTarget(answer_all) as server:
        yield server


def load(*options):
    return subprocess.run([str(word) for word in (LOAD_BINARY, *options)], capture_output=True, text=True, timeout=120)


def start(*options):
    return subprocess.Popen([str(word) for word in (LOAD_BINARY, *options)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_all_outputs_of_one_run_agree(target, tmp_path):
    run = run_load(target.url, "--sample", "--rate", "300/s", "--duration", "2s", "--warmup", "1s", "--csv", tmp_path / "run.csv",
                   "--hgrm", tmp_path / "run.hgrm", "--hlog", tmp_path / "run.hlog", "--html", tmp_path / "run.html")
    assert run.exit_code == OK, run.messages
    assert run.totals["planned"] == 600 and run.result["warmup_s"] == 1 and run.result["duration_s"] == 2
    rows = list(csv.DictReader((tmp_path / "run.csv").open()))
    measured = [row for row in rows if row["warmup"] == "0"]
    assert sum(int(row["planned"]) for row in measured) == 600
    assert sum(int(row["planned"]) for row in rows) == 900
    for name in ("run.hgrm", "run.uncorrected.hgrm", "run.lag.hgrm", "run.hlog", "run.html"):
        assert (tmp_path / name).stat().st_size > 500, name
    assert len(re.findall(r"^ +\d+ s ", run.messages, re.M)) == 3, "one line of progress for each second"
    environment = run.result["environment"]
    assert "pytest" in environment["server_command_line"] and "--rate 300/s" in environment["command_line"]


def test_no_second_is_made_up(target, tmp_path):
    run = run_load(target.url, "--rate", "50/s", "--duration", "1200ms", "--warmup", "300ms", "--csv", tmp_path / "run.csv")
    rows = list(csv.DictReader((tmp_path / "run.csv").open()))
    seconds = run.result["seconds"]
    assert [row["begin_s"] for row in rows[:3]] == ["0.000", "0.300", "1.300"]
    assert len(rows) == len(seconds) and [second["end_s"] for second in seconds[:3]] == [0.3, 1.3, 1.5]
    for row in rows[3:]:  # after the end: only if something came
        assert int(row["sent"]) + int(row["responses"]) + int(row["failed"]) > 0 or float(row["end_s"]) - float(row["begin_s"]) >= 0.1, row


def test_a_run_begins_when_its_connections_are_open(tmp_path):
    # With so short a queue the second connection is not open before somebody accepts the first.
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        command = [LOAD_BINARY, "http://127.0.0.1:%d/" % listener.getsockname()[1], "--users", 2, "--duration", "200ms", "--warmup", "0",
                   "--timeout", "5s", "--quiet", "--hlog", tmp_path / "run.hlog", "--json", tmp_path / "run.json"]
        process = subprocess.Popen([str(word) for word in command], stderr=subprocess.PIPE)
        try:
            assert select.select([listener], [], [], 20)[0]
            time.sleep(1)
            accepting_at_s = time.time()
            for _ in range(2):
                connection = listener.accept()[0]
                threading.Thread(target=answer_bytes, args=(connection,), daemon=True).start()
            process.communicate(timeout=120)
        finally:
            process.kill()
            process.wait()
    start_s = float(re.search(r"StartTime: ([\d.]+)", (tmp_path / "run.hlog").read_text())[1])
    assert start_s >= accepting_at_s - 0.01
    began_at = datetime.fromisoformat(json.loads((tmp_path / "run.json").read_text())["began_at"].replace("Z", "+00:00"))
    assert began_at.timestamp() == int(start_s)


def test_a_stalled_second_has_no_latency(tmp_path):
    async def serve(connection: Connection):
        await connection.request()
        await asyncio.sleep(2.5)
        connection.answer()

    with LoadTarget(serve) as server:
        run = run_load(server.url, "--users", 1, "--duration", "2s", "--warmup", "0", "--csv", tmp_path / "run.csv")
    first = next(csv.DictReader((tmp_path / "run.csv").open()))
    assert first["sent"] == "1" and first["responses"] == "0"
    assert {first[name] for name in first if name.startswith(("corrected", "uncorrected"))} == {""}
    assert int(first["lag_p99_ns"]) > 0
    assert run.result["seconds"][0]["p99_ns"] is None


def test_no_output_has_a_secret(target, tmp_path):
    names = [tmp_path / name for name in ("run.json", "run.html", "run.csv", "run.hlog")]
    done = load(target.url + "?api_key=HUSH1", "--requests", 5, "--header", "Authorization: Bearer HUSH2", "--influx", "http://u:HUSH3@127.0.0.1:1",
                "--influx-bucket", "b", "--influx-org", "o", "--influx-token", "HUSH4", "--json", names[0], "--html", names[1],
                "--csv", names[2], "--hlog", names[3])
    assert "api_key" in names[0].read_text() and "--influx-token" in names[1].read_text()
    for text in (done.stdout, done.stderr, *(name.read_text() for name in names)):
        assert "HUSH" not in text


def test_quiet_says_nothing(target):
    done = load(target.url, "--requests", 10, "--users", 1, "--quiet", "--max-cpu", "100%", "--max-lag", "10s")
    assert (done.returncode, done.stdout, done.stderr) == (OK, "", "")


def test_quiet_says_what_is_wrong(target):
    short = ("--duration", "60ms", "--warmup", "0", "--quiet", *PATIENT)
    done = load(target.url, "--threshold", "p50<1ns", "p50<10s", *short)
    assert done.returncode == THRESHOLD_MISSED and done.stdout == ""
    assert re.fullmatch(r"sluice-load: MISSED: p50<1ns \(.+\)\n", done.stderr), done.stderr
    done = load(target.url, "--sweep", "100,200", "--threshold", "p50<1ns", *short)
    assert done.returncode == THRESHOLD_MISSED and done.stdout == "" and done.stderr.count("MISSED: p50<1ns") == 2, done.stderr
    for options in (("--sweep", "100"), ("--slo", "errors<1%", "--rate", "50/s", "--rate-max", "50/s")):
        done = load(target.url, *options, *short)
        assert (done.returncode, done.stdout, done.stderr) == (OK, "", "")
    done = load(target.url, "--slo", "p50<1ns", "--rate", "50/s", "--rate-max", "50/s", *short)
    assert (done.returncode, done.stdout, done.stderr) == (THRESHOLD_MISSED, "", "no rate was found that holds\n")


def test_a_file_that_cannot_be_written_is_told_before_the_run(target):
    done = load(target.url, "--json", "/nonexistent/x.json")
    assert done.returncode == SETUP_FAILED and "/nonexistent/x.json" in done.stderr


def test_a_sweep_has_a_line_for_each_rate(target):
    done = load(target.url, "--sweep", "100,200/s", "--duration", "500ms", "--warmup", "0", *PATIENT)
    assert done.returncode == OK, done.stderr
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["planned", "100/s", "200/s"]


def test_a_sweep_keeps_what_it_is_asked_to_keep(target, tmp_path):
    done = load(target.url, "--sweep", "100,200", "--duration", "200ms", "--json", tmp_path / "curve.json", "--max-lag", "10s",
                "--threshold", "p50<1ns")
    assert done.returncode == THRESHOLD_MISSED and done.stdout.count("misses p50<1ns") == 2, done.stdout
    curve = json.loads((tmp_path / "curve.json").read_text())
    assert [round(run["planned_rate"]) for run in curve["runs"]] == [100, 200] and curve["highest_rate"] is None
    for option in ("--ledger", "--csv", "--html", "--hgrm", "--hlog", "--influx"):
        done = load(target.url, "--sample", "--slo", "p99<1s", option, tmp_path / "x")
        assert done.returncode == BAD_USAGE and option in done.stderr and not (tmp_path / "x").exists()


def test_a_generator_that_is_late_does_not_make_the_server_slow(target):
    done = load(target.url, "--slo", "p99<10s", "--rate", "100/s", "--rate-max", "100/s", "--duration", "100ms", "--max-lag", "1ns")
    assert done.returncode == INVALID and "server may hold more" in done.stderr, done.stdout


def test_the_highest_rate_is_found_where_the_server_refuses_more():
    # Refuses all once more than 400 requests come in a second of its clock.
    counts: dict[int, int] = {}

    async def serve(connection: Connection):
        while True:
            await connection.request()
            second = int(time.monotonic() * 4)
            counts[second] = counts.get(second, 0) + 1
            connection.answer(status="200 OK" if counts[second] <= 100 else "503 Service Unavailable")

    with LoadTarget(serve) as server:
        done = load(server.url, "--slo", "errors<1%", "--rate", "100/s", "--duration", "600ms", "--warmup", "0",
                    "--connections", 20, "--max-lag", "10s", "--max-cpu", "100%")
    assert done.returncode == OK, done.stderr
    found = float(re.search(r"highest rate that holds: (\d+)/s", done.stdout)[1])
    assert 300 < found < 450, done.stdout


def test_targets_take_turns(target):
    done = load("compare", target.url, target.url + "2", "--rate", "200/s", "--duration", "300ms", "--warmup", "0", "--rounds", 2,
                *PATIENT)
    assert done.returncode == OK, done.stderr
    order = [line.split(": ")[0][-1] for line in done.stderr.splitlines()]
    assert order == ["y", "2", "2", "y"]
    assert done.stdout.count("http://") == 2


def test_a_target_is_told_apart_from_itself(target, tmp_path):
    done = load("compare", target.url, target.url, "--requests", 20, "--users", 1, "--rounds", 2, "--json", "-", *PATIENT)
    assert done.returncode == OK, done.stderr
    assert [one["name"] for one in json.loads(done.stdout)["contenders"]] == [target.url + " #1", target.url + " #2"]
    assert f"| {target.url} #2 | 2 |" in done.stderr, "the table leaves standard output to the JSON"


def test_an_interrupted_comparison_keeps_its_complete_rounds(target, tmp_path):
    path = tmp_path / "comparison.json"
    process = start("compare", target.url + "1", target.url + "2", "--requests", 20, "--users", 1, "--rounds", 1000, "--json", path, *PATIENT)
    for _ in range(3):  # the first round, and of the second one run at least
        process.stderr.readline()
    process.send_signal(signal.SIGINT)
    table, messages = process.communicate(timeout=120)
    assert process.returncode == INVALID, messages
    comparison = json.loads(path.read_text())
    runs = {one["runs"] for one in comparison["contenders"]}
    assert len(runs) == 1 and 1 <= runs.pop() < 1000
    assert comparison["ended_early"].startswith("interrupted, after ") and comparison["valid"]
    assert "Ended early: interrupted, after " in table


def test_a_comparison_keeps_its_rounds_when_a_target_goes_away(target, tmp_path):
    path = tmp_path / "comparison.json"
    with LoadTarget(answer_all) as leaving:
        process = start("compare", target.url, leaving.url, "--requests", 20, "--users", 1, "--rounds", 1000, "--json", path, *PATIENT)
        for _ in range(3):
            process.stderr.readline()
    table, messages = process.communicate(timeout=120)
    assert process.returncode == SETUP_FAILED, messages
    comparison = json.loads(path.read_text())
    assert {one["runs"] for one in comparison["contenders"]} <= set(range(1, 1000))
    assert "Connection refused" in comparison["ended_early"] and "Ended early: " + leaving.url in table


def progress_on_a_terminal(columns: int, *options) -> list[str]:
    """The lines that it writes over one another."""
    terminal, its_end = pty.openpty()
    fcntl.ioctl(its_end, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    process = subprocess.Popen([str(word) for word in (LOAD_BINARY, *options)], stdout=subprocess.DEVNULL, stderr=its_end)
    os.close(its_end)
    written = b""
    try:
        while piece := os.read(terminal, 65536):
            written += piece
    except OSError:  # EIO: nobody has the other end any more
        pass
    os.close(terminal)
    assert process.wait(10) in range(4)
    return re.findall("\r([^\r\n]*)\x1b\\[K", written.decode())


@pytest.mark.parametrize("columns", [200, 80, 40, 12])
def test_progress_fits_the_terminal_and_tells_errors_by_status(columns):
    async def serve(connection: Connection):
        while True:
            for status in ("503 Service Unavailable", "429 Too Many Requests", "200 OK"):
                await connection.request()
                connection.answer(status=status)

    with LoadTarget(serve) as server:
        lines = progress_on_a_terminal(columns, server.url, "--sample", "--rate", "60/s", "--duration", "1s", "--warmup", "0",
                                       "--connections", 3, *PATIENT)
    assert lines and all(len(line) < columns for line in lines), lines
    assert "/s" in lines[0] or columns == 12
    if columns >= 80:
        assert re.search(r"failed 429: \d+  503: \d+(  |$)", lines[0]) and "bad_status" not in lines[0], lines[0]
    if columns == 200:
        assert "lag p99" in lines[0]


def test_an_interrupted_run_reports_what_it_has(target, tmp_path):
    path = tmp_path / "run.json"
    process = start(target.url, "--rate", "100/s", "--duration", "60s", "--json", path)
    for line in process.stderr:
        if " s " in line:
            break
    process.send_signal(signal.SIGINT)
    summary, _ = process.communicate(timeout=120)
    assert process.returncode == INVALID and "INVALID: The run was interrupted." in summary
    result = json.loads(path.read_text())
    assert 0 < result["duration_s"] < 30 or result["totals"]["responses"] == 0
