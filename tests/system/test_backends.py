"""Which kernel interface the engine runs on: asked for, forbidden, and found out by itself."""
# runs: release asan

import subprocess
import sys
from pathlib import Path

import pytest

from harness import as_user, device_ids, ndjson, reserve_port, sample
from harness.engine import BINARY, CLEAN_ENVIRONMENT

FORBID = Path(__file__).parent / "harness/forbid_io_uring.py"


def forbidding(action: str, call: str = "setup") -> list:
    return [sys.executable, FORBID, action, call]


def run_forbidden(*arguments: str) -> subprocess.CompletedProcess:
    return run(forbidding("EPERM"), *arguments)


def run(prefix: list, *arguments: str) -> subprocess.CompletedProcess:
    command = ["timeout", "20", *prefix, BINARY, "serve", "--sink", "null:", "--cores", "0", "--listen", f"127.0.0.1:{reserve_port()}",
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


@pytest.mark.parametrize("action, call, reason", [
    ("EPERM", "setup", "seccomp"), ("ENOSYS", "setup", "seccomp"), ("EACCES", "setup", "Permission denied"),
    ("ENOMEM", "setup", "locked memory"), ("EPERM", "enter", "seccomp"),
    ("EPERM", "register", "io_uring_register"), ("ENOMEM", "register", "locked memory")])
def test_auto_falls_back_to_epoll_and_says_why(starter, action, call, reason):
    redis_server = starter.redis()
    engine = starter.engine(redis_server.url, backend="auto", cores="0,1", prefix=forbidding(action, call))
    assert engine.status()["io_backend"] == "epoll"
    [line] = fallback_lines(engine)
    assert reason in line
    assert "backend=epoll" in engine.log()
    assert_works(engine, redis_server)


# 300 KiB are enough for one loop, and not for two.
@pytest.mark.parametrize("limit_kib, cores", [(64, "0"), (300, "0,1")])
def test_a_low_limit_on_locked_memory_means_epoll(starter, limit_kib, cores):
    redis_server = starter.redis()
    engine = starter.engine(redis_server.url, backend="auto", cores=cores, prefix=as_user(f"ulimit -l {limit_kib}"))
    if not fallback_lines(engine):
        pytest.skip("this kernel charges no locked memory for a ring (before Linux 6.14)")
    assert engine.status()["io_backend"] == "epoll"
    [line] = fallback_lines(engine)
    assert f"{limit_kib}KiB" in line and "204KiB" in line and "needed_in_all=" in line and "ulimit -l" in line
    assert_works(engine, redis_server)


def test_io_uring_that_is_asked_for_names_the_limit_on_locked_memory():
    finished = run(as_user("ulimit -l 64"), "--backend", "io_uring")
    if finished.returncode == 124:
        pytest.skip("this kernel charges no locked memory for a ring (before Linux 6.14)")
    assert finished.returncode == 3
    assert "64KiB" in finished.stderr and "204KiB" in finished.stderr


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
