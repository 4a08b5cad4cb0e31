"""Fixtures of the system tests. SLUICE_BIN names the binary, SLUICE_SEED replays random tests."""

import os
import random
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest
import redis

from harness import Engine, HttpConnection, RedisCluster, RedisServer, Sentinels, engine as engine_module


def pytest_sessionstart(session):
    if not os.access(engine_module.BINARY, os.X_OK):
        pytest.exit(f"no engine at {engine_module.BINARY}: build it, or name it with SLUICE_BIN", returncode=1)


@pytest.fixture(scope="module")
def workspace():
    """A short path (a unix socket's is bounded by 107 bytes), removed afterwards."""
    path = Path(tempfile.mkdtemp(prefix="sluice-"))
    yield path
    shutil.rmtree(path)


class Starter:
    """Starts servers in directories of their own and ends them in reverse order of need: engines first."""

    def __init__(self, workspace: Path):
        self._workspace = workspace
        self._engines: list[Engine] = []
        self._redises: list[RedisServer | RedisCluster | Sentinels] = []

    def _directory(self) -> Path:
        return Path(tempfile.mkdtemp(dir=self._workspace))

    def redis(self, **options) -> RedisServer:
        server = RedisServer(self._directory(), **options).start()
        self._redises.append(server)
        return server

    def cluster(self, **options) -> RedisCluster:
        cluster = RedisCluster(self._directory(), **options)
        self._redises.append(cluster)
        return cluster.start()

    def sentinels(self, **options) -> Sentinels:
        sentinels = Sentinels(self._directory(), **options)
        self._redises.append(sentinels)
        return sentinels.start()

    def engine(self, sink: str, until: str = "/ready", **options) -> Engine:
        engine = Engine(self._directory(), sink, **options)
        self._engines.append(engine)
        return engine.start(until)

    def finish(self) -> None:
        try:
            failures = []
            for engine in self._engines:
                try:
                    engine.finish()
                except (AssertionError, OSError, EOFError) as failure:
                    failures.append(str(failure))
            assert not failures, "\n".join(failures)
        finally:
            for server in self._redises:
                server.kill()


@pytest.fixture
def starter(workspace):
    """Servers of one test."""
    starter = Starter(workspace)
    yield starter
    starter.finish()


@pytest.fixture(scope="module")
def module_starter(workspace):
    """Servers that the tests of one file share; only for tests that leave them as they were."""
    starter = Starter(workspace)
    yield starter
    starter.finish()


@dataclass(frozen=True)
class Stack:
    """An engine that delivers to a Redis, with the default settings: layout `fields`, ack `stored`."""
    engine: Engine
    redis_server: RedisServer
    redis: redis.Redis

    def connect(self) -> HttpConnection:
        return self.engine.connect()


@pytest.fixture(scope="module")
def shared_stack(module_starter):
    server = module_starter.redis()
    return Stack(module_starter.engine(server.url), server, server.client())


@pytest.fixture
def stack(shared_stack):
    """The file's engine and Redis, the Redis emptied of what earlier tests sent, `ack=queued` included."""
    shared_stack.engine.wait_delivered()
    shared_stack.redis.flushall()
    return shared_stack


@pytest.fixture
def http(stack):
    """A fresh connection to the data listener of `stack`."""
    with stack.connect() as connection:
        yield connection


@pytest.fixture
def seeded_random():
    """Randomness that a failing run can repeat: pytest shows the printed seed with the failure."""
    seed = int(os.environ.get("SLUICE_SEED") or random.SystemRandom().randrange(2**32))
    print(f"SLUICE_SEED={seed} replays this test")
    return random.Random(seed)
