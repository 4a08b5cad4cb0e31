"""Which kernel interface the engine runs on: asked for, forbidden, and found out by itself."""
# runs: release asan

import subprocess
import sys
from pathlib import Path

import pytest

from harness import device_ids, ndjson, reserve_port, sample
from harness.engine import BINARY, CLEAN_ENVIRONMENT

FORBID = Path(__file__).parent / "harness/forbid_io_uring.py"


def forbidding(action: str, call: str = "setup") -> list:
    return [sys.executable, FORBID, action, call]


def run_forbidden(*arguments: str) -> subprocess.CompletedProcess:
    command = [*forbidding("EPERM"), BINARY, "serve", "--sink", "null:", "--cores", "0", "--listen", f"127.0.0.1:{reserve_port()}",
               "--admin", f"127.0.0.1:{reserve_port()}", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, env=CLEAN_ENVIRONMENT)


def fallback_lines(engine) -> list[str]:
    return [line for line in engine.log().splitlines() if "falling_back_to_epoll" in line]


def assert_works(engine, redis_server) -> None:
    with engine.connect() as connection:
        assert connection.post(sample("one")).status == 200
        assert connection.post(ndjson(sample(f"d{i}") for i in range(1000)), content_type="application/x-ndjson").status == 200
    assert sorted(device_ids(redis_server.client())) == sorted(["one", *(f"d{i}" for i in range(1000))])


def test_io_uring_that_is_forbidden_but_asked_for_exits_3():
    finished = run_forbidden("--backend", "io_uring")
    assert finished.returncode == 3
    assert "io_uring" in finished.stderr and "seccomp" in finished.stderr
    assert len(finished.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize("action, call", [("EPERM", "setup"), ("ENOSYS", "setup"), ("EPERM", "enter")])
def test_auto_falls_back_to_epoll_and_says_why(starter, action, call):
    redis_server = starter.redis()
    engine = starter.engine(redis_server.url, backend="auto", cores="0,1", prefix=forbidding(action, call))
    assert engine.status()["io_backend"] == "epoll"
    [line] = fallback_lines(engine)
    assert "seccomp" in line
    assert "backend=epoll" in engine.log()
    assert_works(engine, redis_server)


def test_auto_is_io_uring_where_that_works(starter):
    redis_server = starter.redis()
    engine = starter.engine(redis_server.url, backend="auto")
    if fallback_lines(engine):
        pytest.skip(f"io_uring is not available here: {fallback_lines(engine)[0]}")
    assert engine.status()["io_backend"] == "io_uring"
    assert "backend=io_uring" in engine.log()
    assert_works(engine, redis_server)


def test_epoll_that_is_asked_for_does_not_touch_io_uring(starter):
    redis_server = starter.redis()
    engine = starter.engine(redis_server.url, backend="epoll", prefix=forbidding("kill"))
    assert engine.status()["io_backend"] == "epoll"
    assert not fallback_lines(engine)
    assert_works(engine, redis_server)


def test_the_environment_chooses_too(starter):
    in_environment = {"SLUICE_IO_BACKEND": "epoll"}
    assert starter.engine("null:", backend=None, environment=in_environment).status()["io_backend"] == "epoll"


def test_an_unknown_backend_is_named():
    finished = run_forbidden("--backend", "kqueue")
    assert finished.returncode == 2
    assert "kqueue" in finished.stderr and "io_uring" in finished.stderr and "epoll" in finished.stderr
