"""A run that is ended early, by Ctrl-C: what it reports is what was measured until then."""
# runs: release long: asan

import asyncio
import json
import signal
import subprocess
import time

import pytest

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
    run, _ = stop(at_once, tmp_path, "--rate", "100/s", "--duration", "30s", after_s=1.5)
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


def run_under_signals(directory, *steps) -> tuple[int, dict]:
    """A run of 30 s that is sent signals, with pauses (s) between them. Its exit code and result (empty: none)."""
    path = directory / "result.json"
    with LoadTarget(at_once) as target:
        words = (LOAD_BINARY, target.url, "--rate", "100/s", "--duration", "30s", "--warmup", "0", "--json", path, *PATIENT)
        with subprocess.Popen([str(word) for word in words], stderr=subprocess.DEVNULL) as load:
            time.sleep(1)
            for step in steps:
                if isinstance(step, signal.Signals):
                    load.send_signal(step)
                else:
                    time.sleep(step)
            code = load.wait(120)
    text = path.read_text() if path.exists() else ""
    return code, json.loads(text) if text else {}


IGNORED = [getattr(signal, f"SIG{name}") for name in ("USR1", "USR2", "ALRM", "PIPE", "XFSZ", "IO", "VTALRM", "PROF", "STKFLT", "TRAP",
                                                      "SYS", "RTMIN", "RTMAX")]
TERM, KILLED_BY_TERM = signal.SIGTERM, -signal.SIGTERM


@pytest.mark.parametrize("steps", [
    pytest.param((TERM, 0.005, TERM, 0.005, TERM), id="a repeat is the same signal"),
    pytest.param((signal.SIGHUP,), id="the terminal was closed"),
    pytest.param((signal.SIGQUIT,), id="quit"),
    pytest.param((signal.SIGPWR,), id="the power fails"),
    pytest.param((signal.SIGXCPU, 1.1, signal.SIGXCPU), id="the limit of CPU, told for each second of it"),
    pytest.param((*IGNORED, 0.3, TERM), id="others are ignored"),
])
def test_signals_end_a_run_with_a_report(tmp_path, steps):
    code, result = run_under_signals(tmp_path, *steps)
    assert code == INVALID and 0 < result["duration_s"] < 20 and result["totals"]["responses"] > 0


def test_a_second_signal_ends_the_process(tmp_path):
    path = tmp_path / "result.json"
    with LoadTarget(silent_after_ten) as target:
        words = (LOAD_BINARY, target.url, "--users", 1, "--duration", "30s", "--timeout", "30s", "--json", path, *PATIENT)
        with subprocess.Popen([str(word) for word in words], stderr=subprocess.DEVNULL) as load:
            time.sleep(0.5)
            load.send_signal(TERM)
            time.sleep(0.2)
            load.send_signal(signal.SIGSTOP)  # else the first might have ended it by then
            time.sleep(1.2)
            load.send_signal(TERM)
            load.send_signal(signal.SIGCONT)
            assert load.wait(60) == KILLED_BY_TERM


def run_with(redirection: str, *arguments) -> subprocess.CompletedProcess:
    return subprocess.run(["sh", "-c", f'exec "$@" {redirection}', "sh", str(LOAD_BINARY), *map(str, arguments)],
                          capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize("redirection", [">/dev/full", ">&-"])
def test_what_cannot_be_printed_is_an_error(redirection):
    finished = run_with(redirection, "--help")
    assert finished.returncode == 1 and finished.stderr == "sluice-load: standard output cannot be written\n"


def test_closed_descriptors_are_no_place_for_sockets(tmp_path):
    path = tmp_path / "result.json"
    with LoadTarget(at_once) as target:
        finished = run_with("<&- >&- 2>&-", target.url, "--rate", "100/s", "--duration", "1s", "--warmup", "0", "--json", path, *PATIENT)
    assert finished.returncode == 1, "the summary could not be written"
    result = json.loads(path.read_text())
    assert result["totals"]["failed"] == 0 and result["totals"]["responses"] > 50
