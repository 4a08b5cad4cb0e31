"""No further thread may be made: a start ends with a sentence that names the limit, and a stop needs none."""
# runs: release.io_uring release.epoll fast

import signal
import subprocess
import tempfile
from pathlib import Path

import pytest

from harness import as_user, reserve_port, sample
from harness.engine import BACKEND, BINARY, CLEAN_ENVIRONMENT
from harness.load import LOAD_BINARY, LoadTarget
from test_load_stop import at_once

ENGINE_THREADS_MIN = 6  # main, log, end, a reactor, admin, sink
START_FAILED = 1
SETUP_FAILED = 4


def run_limited(limit: int, *command) -> subprocess.CompletedProcess:
    """`command` of an ordinary user who may have `limit` processes and threads; main is the first."""
    return subprocess.run([*as_user(f"ulimit -u {limit}"), *map(str, command)], env=CLEAN_ENVIRONMENT, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=60, cwd="/")


def assert_names_the_limit(finished: subprocess.CompletedProcess, program: str, limit: int) -> None:
    [line] = [line for line in finished.stderr.splitlines() if "cannot start a thread" in line]
    assert line.startswith(f"{program}: cannot start a thread: Resource temporarily unavailable; RLIMIT_NPROC (ulimit -u) is {limit}, ")
    assert "terminate" not in finished.stderr


@pytest.mark.parametrize("limit", range(1, ENGINE_THREADS_MIN))
@pytest.mark.parametrize("sink", ["null:", "redis"])
def test_an_engine_does_not_start(sink, limit):
    url = sink if sink == "null:" else f"redis://127.0.0.1:{reserve_port()}"
    finished = run_limited(limit, BINARY, "serve", "--sink", url, "--cores", "0", "--backend", BACKEND or "io_uring",
                           "--listen", f"127.0.0.1:{reserve_port()}", "--admin", f"127.0.0.1:{reserve_port()}")
    assert finished.returncode == START_FAILED, finished.stderr
    assert_names_the_limit(finished, "sluice", limit)


def test_a_stop_needs_no_thread(starter):
    server = starter.redis()
    engine = starter.engine(server.url, prefix=as_user())
    # By its own user: root needs a capability that a container may lack.
    subprocess.run([*as_user(), "prlimit", "--pid", str(engine.pid), "--nproc=1:1"], check=True)
    with engine.connect() as connection:
        assert connection.post(sample()).status == 200
    engine.signal(signal.SIGTERM)
    assert engine.wait_exit() == 0
    assert "event=stopped" in engine.log() and "delivered=1" in engine.log()


@pytest.fixture
def directory():
    """Everybody may write there; tmp_path is this user's alone."""
    with tempfile.TemporaryDirectory() as path:
        Path(path).chmod(0o777)
        yield Path(path)


@pytest.mark.parametrize("options", [
    pytest.param((), id="the first load thread"),
    pytest.param(("--threads", 3, "--connections", 3), id="a further load thread"),
    pytest.param(("--ledger", "{directory}/ledger", "--sample"), id="the ledger's thread"),
    pytest.param(("--influx", "http://127.0.0.1:9", "--influx-database", "db"), id="the exporter's thread"),
    pytest.param(("--slo", "p99<5ms"), id="a search"),
])
def test_a_run_does_not_begin(directory, options):
    limit = 2 if "--threads" in options else 1
    with LoadTarget(at_once) as target:
        finished = run_limited(limit, LOAD_BINARY, target.url, "--duration", "1s",
                               *(str(word).format(directory=directory) for word in options))
    assert finished.returncode == SETUP_FAILED, finished.stderr
    assert_names_the_limit(finished, "sluice-load", limit)
    assert not (directory / "ledger").exists()
