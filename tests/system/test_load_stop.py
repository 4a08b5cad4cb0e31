"""A run that is ended early, by Ctrl-C: what it reports is what was measured until then."""
# runs: release long: asan

import asyncio
import json
import signal
import subprocess
import time

from harness.load import INVALID, LOAD_BINARY, PATIENT, Connection, LoadRun, LoadTarget


async def at_once(connection: Connection):
    while True:
        await connection.request()
        connection.answer()


async def silent_after_ten(connection: Connection):
    for _ in range(10):
        await connection.request()
        connection.answer()
    await connection.request()
    await asyncio.sleep(30)


def stop(serve, directory, *options, after_s: float) -> tuple[LoadRun, float]:
    """The run, and how long the process lived, in s."""
    path = directory / "result.json"
    with LoadTarget(serve) as target:
        words = (LOAD_BINARY, target.url, "--warmup", "0", "--json", path, *options, *PATIENT)
        begin = time.monotonic()
        with subprocess.Popen([str(word) for word in words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as load:
            time.sleep(after_s)
            load.send_signal(signal.SIGINT)
            summary, progress = load.communicate(timeout=120)
        lived_s = time.monotonic() - begin
    return LoadRun(load.returncode, progress + summary, json.loads(path.read_text())), lived_s


def test_a_healthy_server_is_given_no_faults(tmp_path):
    run, _ = stop(at_once, tmp_path, "--rate", "1000/s", "--duration", "30s", after_s=1.5)
    assert run.exit_code == INVALID and "interrupted" in run.messages and "stopping" in run.messages
    assert run.faults == {}
    run.assert_conserved()
    assert " s left" not in run.messages.split("stopping")[1]


def test_what_a_server_does_not_answer_is_not_awaited(tmp_path):
    run, lived_s = stop(silent_after_ten, tmp_path, "--rate", "100/s", "--duration", "30s", "--connections", 4, after_s=1.5)
    assert run.exit_code == INVALID
    run.assert_conserved()
    assert set(run.faults) == {"interrupted"}  # none has timed out
    # The second in which answers were awaited is no part of the run.
    assert run.result["duration_s"] < lived_s - 1
    assert run.totals["responses"] == 40
    assert abs(run.result["achieved_rate"] * run.result["duration_s"] - 40) < 1


def test_users_are_stopped_too(tmp_path):
    run, lived_s = stop(silent_after_ten, tmp_path, "--users", 3, "--duration", "30s", after_s=1)
    run.assert_conserved()
    assert run.faults == {"interrupted": 3} and run.totals["responses"] == 30
    assert run.result["duration_s"] < lived_s - 1
