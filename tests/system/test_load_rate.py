"""What becomes of a planned rate: what is sent, what never is, what was achieved of it, and whose fault it is."""
# runs: release long: asan

import asyncio
import fcntl
import json
import os
import subprocess
import time

from harness.load import INVALID, LOAD_BINARY, OK, PATIENT, PATIENT_WITH_GENERATOR, Connection, LoadTarget, run_load


async def at_once(connection: Connection):
    while True:
        await connection.request()
        connection.answer()


def after(seconds: float):
    async def serve(connection: Connection):
        while True:
            await connection.request()
            await asyncio.sleep(seconds)
            connection.answer()

    return serve


def at_most(rate: float):
    """Serves everyone, but no more than `rate` requests a second."""
    free_at = 0.0

    async def serve(connection: Connection):
        nonlocal free_at
        while True:
            await connection.request()
            free_at = max(free_at, time.monotonic()) + 1 / rate
            await asyncio.sleep(free_at - time.monotonic())
            connection.answer()

    return serve


async def silent(connection: Connection):
    await connection.request()
    await asyncio.sleep(30)


def test_a_server_that_achieves_half_of_the_rate_makes_no_valid_run():
    with LoadTarget(at_most(100)) as target:
        options = (target.url, "--rate", "200/s", "--duration", "2s", "--warmup", "0", "--connections", 500)
        run = run_load(*options, bounds=PATIENT_WITH_GENERATOR)
        patient = run_load(*options, "--min-rate", "10%")
    assert run.totals["sent"] == 400  # there were connections enough
    assert run.exit_code == INVALID and "of the planned rate was achieved" in run.messages
    assert run.result["achieved_rate"] < 150
    assert patient.exit_code == OK, patient.messages


def test_a_server_that_keeps_up_is_not_blamed_for_what_it_answers_after_the_end():
    with LoadTarget(after(0.2)) as target:
        run = run_load(target.url, "--rate", "100/s", "--duration", "1s", "--warmup", "0", "--connections", 60,
                       bounds=PATIENT_WITH_GENERATOR)
    assert run.result["achieved_rate"] < 90  # the last 20 answers came later
    assert run.exit_code == OK, run.messages


def test_a_run_by_count_sends_all_however_long_it_takes():
    with LoadTarget(after(0.1)) as target:
        run = run_load(target.url, "--rate", "1000/s", "--requests", 60, "--connections", 2, bounds=PATIENT_WITH_GENERATOR)
    run.assert_conserved()
    assert run.totals["succeeded"] == 60 and not run.faults
    assert run.exit_code == INVALID and "in time" in run.messages
    assert run.result["planned_rate"] == 1000 and run.result["achieved_rate"] < 25


def test_what_is_never_sent_has_not_timed_out():
    with LoadTarget(silent) as target:
        run = run_load(target.url, "--rate", "100/s", "--requests", 30, "--connections", 2, "--timeout", "500ms")
    run.assert_conserved()
    assert set(run.faults) == {"timeout", "never_sent"}
    assert run.faults["timeout"] == run.totals["sent"] < 30


def test_one_request_is_no_rate_of_thousands():
    with LoadTarget(at_once) as target:
        run = run_load(target.url, "--rate", "1/h", "--requests", 1)
    assert run.exit_code == OK, run.messages
    assert run.result["planned_rate"] == run.result["achieved_rate"] == 1 / 3600


def test_a_connection_that_broke_is_opened_again_at_once():
    async def serve(connection: Connection):
        for _ in range(2):
            await connection.request()
            connection.answer()
        await connection.request()
        connection.writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{")

    with LoadTarget(serve) as target:
        run = run_load(target.url, "--rate", "200/s", "--duration", "2s", "--warmup", "0", "--connections", 4)
    run.assert_conserved()
    assert run.totals["sent"] == run.totals["planned"] == 400
    assert set(run.faults) == {"closed_early"} and 130 <= run.faults["closed_early"] <= 140
    assert run.exit_code == OK, run.messages  # the faults tell


def test_to_wait_before_a_new_attempt_is_the_generators_own_lag():
    async def serve(connection: Connection):
        if 1 <= connection.number <= 8:
            return  # closed before anything is asked
        for _ in range(50 if connection.number == 0 else 1000):
            await connection.request()
            connection.answer()

    with LoadTarget(serve) as target:
        run = run_load(target.url, "--rate", "50/s", "--duration", "3s", "--warmup", "0", "--connections", 1)
        undisturbed = run_load(target.url, "--rate", "50/s", "--requests", 1, "--connections", 1)
    run.assert_conserved()
    assert run.result["own_lag_p99_ns"] > 50_000_000
    assert "own lag p99" in run.messages
    assert undisturbed.result["own_lag_p99_ns"] < run.result["own_lag_p99_ns"]


def test_waiting_for_a_connection_is_no_lag_of_the_generators_own():
    with LoadTarget(after(0.1)) as target:
        run = run_load(target.url, "--rate", "40/s", "--duration", "1s", "--warmup", "0", "--connections", 2)
    assert run.percentile_ns("lag", "99") > 300_000_000
    assert run.result["own_lag_p99_ns"] < run.percentile_ns("lag", "99") / 2


def test_a_stalled_reader_does_not_change_what_was_measured(tmp_path):
    """Nobody reads the CSV for longer than the run lasts, so that the seconds cannot be told and are put together."""
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
    os.write(writer, b"x" * 4096)
    path = tmp_path / "result.json"
    with LoadTarget(at_once) as target:
        words = (LOAD_BINARY, target.url, "--rate", "100/s", "--duration", "6s", "--warmup", "0", "--json", path, "--csv", "-",
                 *PATIENT)
        load = subprocess.Popen([str(word) for word in words], stdout=writer, stderr=subprocess.DEVNULL)
        os.close(writer)
        time.sleep(8)
        while os.read(reader, 65536):
            pass
        os.close(reader)
        assert load.wait(20) == OK
    result = json.loads(path.read_text())
    assert len(result["seconds"]) < 6  # it did stall
    assert result["totals"]["responses"] == 600 and result["duration_s"] == 6
    assert 98 <= result["achieved_rate"] <= 100
    assert result["cpu_busiest"] > 0
