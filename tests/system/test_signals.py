"""Signals: those that stop the engine drain it, the others leave it running and are logged; a repeat is no second one."""
# runs: release.io_uring release.epoll fast

import os
import signal
import time

import pytest

from harness import device_ids, sample, wait_until
from test_shutdown import engine_with_undeliverable_samples

SAMPLES = 200


def engine_with_queued_samples(starter, **settings):
    """200 samples are acknowledged, and only in memory: Redis is away."""
    server = starter.redis(persistent=True)
    engine = starter.engine(server.url, settings={"sink.redis.backoff_max": "200ms", "drain_timeout": "50s", **settings})
    server.kill()
    with engine.connect() as connection:
        for start in range(0, SAMPLES, 20):
            body = [sample(f"d{number}") for number in range(start, start + 20)]
            assert connection.post(body, query="?ack=queued").status == 200
    return engine, server


def lines_of(engine, event: str) -> list[str]:
    return [line for line in engine.log().splitlines() if f" event={event} " in line]


def test_signals_without_a_meaning_lose_nothing(starter):
    engine, server = engine_with_queued_samples(starter)
    engine.signal(signal.SIGHUP)
    wait_until(lambda: any("signal=SIGHUP " in line for line in lines_of(engine, "signal_ignored")), "SIGHUP is logged")
    for name in ("USR1", "USR2", "ALRM", "STKFLT", "TRAP", "SYS", "PIPE", "XFSZ", "IO", "VTALRM", "PROF"):
        engine.signal(getattr(signal, f"SIG{name}"))
        assert engine.status()["state"] == "running", name
    time.sleep(1.1)  # one line a second
    engine.signal(signal.SIGRTMIN + 3)
    wait_until(lambda: "signal=SIGRTMIN+3 " in lines_of(engine, "signal_ignored")[-1], "SIGRTMIN+3 is logged")
    server.start()
    engine.wait_delivered()
    assert len(device_ids(server.client())) == SAMPLES


@pytest.mark.parametrize("number", [signal.SIGQUIT, signal.SIGPWR, signal.SIGXCPU])
def test_signals_that_stop_drain(starter, number):
    engine, server = engine_with_queued_samples(starter)
    engine.signal(number)
    wait_until(lambda: engine.status()["state"] == "draining", "it drains")
    server.start()
    assert engine.wait_exit() == 0
    assert len(device_ids(server.client())) == SAMPLES
    [line] = lines_of(engine, "draining")
    assert f"signal={number.name}" in line


def test_signals_that_the_parent_ignores_are_taken_all_the_same(starter):
    """nohup ignores SIGHUP; a shell ignores SIGINT and SIGQUIT of what it starts in the background."""
    engine = starter.engine("null:", ack="queued", prefix=["sh", "-c", "trap '' HUP INT QUIT; exec \"$@\"", "sh"])
    engine.signal(signal.SIGHUP)
    wait_until(lambda: lines_of(engine, "signal_ignored"), "SIGHUP is logged")
    engine.signal(signal.SIGINT)
    assert engine.wait_exit() == 0


def test_a_repeat_within_a_second_is_the_same_signal(starter):
    engine, server = engine_with_queued_samples(starter)
    for _ in range(3):
        engine.signal(signal.SIGTERM)
        time.sleep(0.005)
    wait_until(lambda: engine.status()["state"] == "draining", "it drains")
    server.start()
    assert engine.wait_exit() == 0
    assert len(device_ids(server.client())) == SAMPLES
    [line] = lines_of(engine, "stopped")
    assert f"delivered={SAMPLES} " in line and "undelivered=0" in line
    assert not lines_of(engine, "stopping_at_once")


def test_the_limit_of_cpu_tells_it_again_and_means_one_stop(starter):
    """The kernel sends SIGXCPU for each second of CPU above RLIMIT_CPU."""
    engine, server = engine_with_queued_samples(starter)
    engine.signal(signal.SIGXCPU)
    wait_until(lambda: engine.status()["state"] == "draining", "it drains")
    time.sleep(1.1)
    engine.signal(signal.SIGXCPU)
    time.sleep(0.1)
    assert engine.running
    server.start()
    assert engine.wait_exit() == 0
    assert len(device_ids(server.client())) == SAMPLES


def test_stopping_at_once_tells_the_totals(starter):
    engine = engine_with_undeliverable_samples(starter, "60s")
    engine.signal(signal.SIGTERM)
    wait_until(lambda: engine.status()["state"] == "draining", "it drains")
    time.sleep(1.1)
    engine.signal(signal.SIGTERM)
    assert engine.wait_exit() == 1
    [line] = lines_of(engine, "stopping_at_once")
    for field in ("received=7", "accepted=7", "delivered=0", "undelivered=7", "conserved=true"):
        assert field in line.split(), line


def test_a_second_signal_ends_the_forwarders_drain(starter, tmp_path):
    """Behind a journal the reactors are done at once; then the forwarder has its own time for a Redis that is silent."""
    server = starter.redis()
    (tmp_path / "journal").mkdir()
    engine = starter.engine(server.url, ack="journaled", settings={"journal.directory": tmp_path / "journal", "drain_timeout": "60s"})
    server.freeze()
    with engine.connect() as connection:
        assert connection.post(sample()).status == 200
    engine.signal(signal.SIGTERM)
    time.sleep(1.2)
    assert engine.running, "the forwarder waits for Redis"
    engine.signal(signal.SIGTERM)
    assert engine.wait_exit(timeout_s=30) == 1
    assert lines_of(engine, "stopping_at_once")


def test_a_terminal_that_is_closed_ends_nothing(starter, tmp_path):
    """The engine leads the session of a terminal: SIGHUP comes, and every write to the terminal fails."""
    server = starter.redis()
    master, terminal = os.openpty()
    path = os.ttyname(terminal)
    # Opening a terminal makes it that of the session, which Child has begun.
    engine = starter.engine(server.url, prefix=["sh", "-c", f'exec "$@" <>{path} >&0 2>&0', "sh"],
                            settings={"sink.redis.backoff_max": "200ms"})
    assert os.read(master, 4096)
    os.close(terminal)
    os.close(master)
    server.kill()
    server.start()
    with engine.connect() as connection:
        wait_until(lambda: connection.post(sample("after")).status == 200, "samples are stored")
    assert engine.status()["log_lines_dropped"] >= 1
    engine.signal(signal.SIGTERM)
    assert engine.wait_exit() == 0
    assert "after" in device_ids(server.client())
