"""A reader of stderr that has stopped or gone: delivery and the end do not wait for it."""
# runs: release.io_uring release.epoll tsan.io_uring

import json
import os
import signal
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from harness import device_ids, reserve_port, sample, wait_until
from harness.engine import BINARY, CLEAN_ENVIRONMENT
from harness.load import LOAD_BINARY, PATIENT


@contextmanager
def log_pipe(directory, is_full: bool):
    """A named pipe that this process can read and does not; `to` starts a program with it as stderr."""
    path = directory / "stderr.pipe"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    filler = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
    if is_full:
        try:
            while os.write(filler, b"x" * 4096):
                pass
        except BlockingIOError:
            pass
    try:
        yield reader, ["sh", "-c", f'exec "$@" 2>{path}', "sh"]
    finally:
        os.close(reader)
        os.close(filler)


def read_all(fd: int) -> str:
    text = b""
    while True:
        try:
            part = os.read(fd, 1 << 16)
        except BlockingIOError:
            return text.decode()
        if not part:
            return text.decode()
        text += part


def sink_state(engine) -> str:
    return engine.status()["sinks"][0]["state"]


def deliver_through_an_outage(engine, server) -> None:
    """Redis is killed and started again; the sink logs both."""
    server.kill()
    wait_until(lambda: sink_state(engine) != "ready", "the sink has noticed")
    server.start()
    wait_until(lambda: engine.admin("GET", "/ready").status == 200, "the sink is ready")
    with engine.connect() as connection:
        assert [connection.post(sample(f"d{number}")).status for number in range(5)] == [200] * 5
    assert device_ids(server.client()) == [f"d{number}" for number in range(5)]


def test_a_full_pipe_holds_up_nothing(starter, tmp_path):
    server = starter.redis()
    with log_pipe(tmp_path, is_full=True) as (_, to):
        engine = starter.engine(server.url, prefix=to, settings={"sink.redis.backoff_max": "200ms"})
        deliver_through_an_outage(engine, server)
        engine.signal(signal.SIGTERM)
        assert engine.wait_exit() == 0


def test_a_second_signal_ends_it_although_the_pipe_is_full(starter, tmp_path):
    server = starter.redis()
    with log_pipe(tmp_path, is_full=True) as (_, to):
        engine = starter.engine(server.url, prefix=to, settings={"drain_timeout": "60s"})
        server.kill()
        with engine.connect() as connection:
            assert connection.post(sample(), query="?ack=queued").status == 200
        engine.signal(signal.SIGTERM)
        time.sleep(1.1)
        engine.signal(signal.SIGTERM)
        assert engine.wait_exit(timeout_s=30) == 1


def test_a_reader_that_comes_back_reads_the_lines_up_to_the_last(starter, tmp_path):
    server = starter.redis()
    with log_pipe(tmp_path, is_full=True) as (reader, to):
        engine = starter.engine(server.url, prefix=to, settings={"sink.redis.backoff_max": "200ms"})
        deliver_through_an_outage(engine, server)
        engine.signal(signal.SIGTERM)
        log = ""

        def has_ended():
            nonlocal log
            log += read_all(reader)
            return not engine.running

        wait_until(has_ended, "the engine ends")
        assert engine.wait_exit() == 0
        log += read_all(reader)
    for event in ("listening", "sink_unreachable", "draining", "stopped"):
        assert f"event={event} " in log, log[-3000:]
    assert "log_lines_dropped" not in log


def test_lines_for_a_reader_that_has_gone_are_counted(starter, tmp_path):
    server = starter.redis()
    with log_pipe(tmp_path, is_full=False) as (reader, to):
        engine = starter.engine(server.url, prefix=to, settings={"sink.redis.backoff_max": "200ms"})
        wait_until(lambda: "event=listening" in read_all(reader), "the engine logs")
    deliver_through_an_outage(engine, server)
    lines = [line for line in engine.metrics().splitlines() if line.startswith("sluice_log_lines_dropped_total ")]
    assert float(lines[0].split()[1]) >= 1 and engine.status()["log_lines_dropped"] >= 1
    engine.signal(signal.SIGTERM)
    assert engine.wait_exit() == 0


def test_a_start_that_fails_ends_although_the_pipe_is_full(starter, tmp_path):
    engine = starter.engine("null:", ack="queued")
    with log_pipe(tmp_path, is_full=True) as (_, to):
        finished = subprocess.run([*to, str(BINARY), "serve", "--sink", "null:", "--cores", "0", "--listen",
                                   "{}:{}".format(*engine.address), "--admin", f"127.0.0.1:{reserve_port()}"],
                                  timeout=60, env=CLEAN_ENVIRONMENT)
    assert finished.returncode == 1


def test_a_replay_does_not_wait_for_a_reader(starter, tmp_path):
    """Its progress goes to a full pipe; Redis is away for the first seconds, which is told each second."""
    journal = tmp_path / "journal"
    engine = starter.engine(f"journal:{journal}", ack="journaled")
    with engine.connect() as connection:
        assert [connection.post(sample(f"d{number}")).status for number in range(5)] == [200] * 5
    engine.signal(signal.SIGTERM)
    assert engine.wait_exit() == 0
    server = starter.redis()
    server.kill()
    with log_pipe(tmp_path, is_full=True) as (_, to):
        with subprocess.Popen([*to, str(BINARY), "journal", "replay", str(journal), "--to", server.url, "--set",
                               "sink.redis.backoff_max=200ms"], env=CLEAN_ENVIRONMENT) as replay:
            try:
                time.sleep(2.5)
                server.start()
                assert replay.wait(timeout=60) == 0
            finally:
                replay.kill()
    assert device_ids(server.client()) == [f"d{number}" for number in range(5)]


def test_a_load_does_not_wait_for_a_reader(starter, tmp_path):
    engine = starter.engine("null:", ack="queued")
    report = tmp_path / "report.json"
    with log_pipe(tmp_path, is_full=True) as (_, to):
        finished = subprocess.run([*to, str(LOAD_BINARY), "http://{}:{}/health".format(*engine.address), "--rate",
                                   "100/s", "--duration", "3s", "--warmup", "0", "--json", str(report), *PATIENT],
                                  timeout=60, env=CLEAN_ENVIRONMENT, stdout=subprocess.DEVNULL)
    assert finished.returncode == 0
    assert json.loads(report.read_text())["totals"]["succeeded"] >= 200


def test_the_flags_of_the_open_file_are_left_as_they_are(starter, tmp_path):
    """O_NONBLOCK would reach every process that has the same terminal or pipe."""
    with log_pipe(tmp_path, is_full=False) as (_, to):
        engine = starter.engine("null:", ack="queued", prefix=to)
        info = Path(f"/proc/{engine.pid}/fdinfo/2").read_text()
        assert not int(info.split("flags:")[1].split()[0], 8) & os.O_NONBLOCK


@pytest.mark.parametrize("command", [
    pytest.param((BINARY, "serve", "--listen", "nonsense"), id="a setting"),
    pytest.param((BINARY, "serve", "--nope"), id="an option"),
    pytest.param((BINARY, "frobnicate"), id="a command"),
    pytest.param((BINARY, "check-config", "/nope"), id="a file"),
    pytest.param((BINARY, "journal", "cat", "/nope"), id="a journal"),
    pytest.param((LOAD_BINARY, "--nope"), id="an option of the load generator"),
    pytest.param((LOAD_BINARY, "http://127.0.0.1:9/", "--duration", "1s"), id="no server"),
    pytest.param((LOAD_BINARY, "verify", "--ledger", "/nope", "--redis", "redis://127.0.0.1:9"), id="no ledger"),
])
def test_a_refused_start_does_not_wait_for_the_reader(tmp_path, command):
    with log_pipe(tmp_path, is_full=True) as (_, to):
        finished = subprocess.run([*to, *map(str, command)], env=CLEAN_ENVIRONMENT, stdout=subprocess.DEVNULL,
                                  stdin=subprocess.DEVNULL, timeout=60)
    assert finished.returncode in (1, 2, 4)
