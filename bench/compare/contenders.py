"""Who is compared: how each is started, what its 2xx promises, and what it cannot do.

All of them do the same work for a sample: RPUSH of the body, as it came, to the list that TelemetryHub's processing
service reads. That is what the old gateway and Webdis can do, and Sluice's layout `list`.
"""

import contextlib
import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable, ContextManager, Iterator, Mapping, Optional

from servers import NGINX, directory, find_program, running_child, running_engine, running_nginx
from harness import RedisServer, reserve_port
from .scenarios import Scenario

LIST = "telemetry_queue"
BASELINE = Path(os.environ.get("SLUICE_BASELINE_BIN", Path(__file__).parents[2] / "build/release/baseline-gateway"))
WEBDIS = find_program("webdis")
WEBDIS_THREADS = 2  # Debian's configuration
QUEUED = "checked, in a memory queue"


@dataclass(frozen=True)
class Server:
    """One that runs."""
    pid: int
    port: int
    path: str = "/telemetry"
    method: str = "POST"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}{self.path}"


@dataclass(frozen=True)
class Contender:
    name: str
    title: str
    promise: str  # completes "a 2xx means: …"
    start: Callable[[RedisServer], ContextManager[Server]]
    stores: bool = True
    lacks: Mapping[str, str] = field(default_factory=dict)  # scenario → why it cannot take part
    remark: str = ""  # explains what it does not let the generator do
    absent: Optional[str] = None  # why it cannot run on this machine

    def cannot(self, scenario: Scenario) -> Optional[str]:
        """Why it cannot take part; None if it can."""
        return self.absent or self.lacks.get(scenario.name) or ("it stores nothing" if scenario.kills and not self.stores else None)


def sluice(backend: str, ack: str) -> Contender:
    @contextlib.contextmanager
    def start(redis: RedisServer) -> Iterator[Server]:
        with running_engine(redis.url, ack, backend, **{"sink.redis.layout": "list"}) as engine:
            yield Server(engine.pid, engine.address[1])

    promise = {"queued": QUEUED, "stored": "checked, and stored by Redis"}[ack]
    return Contender(f"sluice-{backend}-{ack}", f"Sluice {backend}, `{ack}`", promise, start)


def baseline(threads: int) -> Contender:
    @contextlib.contextmanager
    def start(redis: RedisServer) -> Iterator[Server]:
        port = reserve_port()
        command = [BASELINE, "--listen", f"127.0.0.1:{port}", "--threads", threads, "--redis", redis.url]
        with directory() as path, running_child(command, path, port) as child:
            yield Server(child.pid, port)

    return Contender(
        f"baseline-{threads}", f"baseline, {threads} threads", QUEUED, start,
        lacks={"pipelined": "cpp-httplib drops what arrived behind the request that it reads, and clients time out",
               "batches": "a request of the old interface is one sample"},
        remark="it listens with cpp-httplib's backlog of 5, as the original: of connections that come at once, others wait a second")


@contextlib.contextmanager
def start_nginx(_: RedisServer) -> Iterator[Server]:
    with running_nginx() as (pid, port):
        yield Server(pid, port)


@contextlib.contextmanager
def start_webdis(redis: RedisServer) -> Iterator[Server]:
    port = reserve_port()
    settings = {"redis_host": "127.0.0.1", "redis_port": redis.port, "http_host": "127.0.0.1", "http_port": port,
                "threads": WEBDIS_THREADS, "daemonize": False, "database": 0, "verbosity": 0, "logfile": "/dev/null"}
    with directory() as path:
        (path / "webdis.json").write_text(json.dumps(settings))
        with running_child([WEBDIS, path / "webdis.json"], path, port) as child:
            yield Server(child.pid, port, f"/RPUSH/{LIST}", "PUT")


CONTENDERS = [
    *(sluice(backend, ack) for backend in ("io_uring", "epoll") for ack in ("queued", "stored")),
    baseline(8),
    baseline(128),
    Contender("webdis", "Webdis", "stored by Redis, unchecked", start_webdis,
              lacks={"batches": "a request of Webdis is one Redis command, and it does not take arrays apart"},
              absent=None if WEBDIS else "Webdis is not installed (tools/setup compare)"),
    Contender("nginx", "nginx `return 200`", "nothing: an HTTP floor", start_nginx, stores=False,
              absent=None if NGINX else "nginx is not installed (tools/setup compare)"),
]
