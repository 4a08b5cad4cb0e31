"""CPU for a line of InfluxDB's line protocol: of the engine, and of VictoriaMetrics for the same lines.

VictoriaMetrics stores what it takes, and the engine does not: with the null sink it keeps nothing, and in front of Redis
the CPU of Redis is not its own.
"""

import contextlib
import itertools
from pathlib import Path
from typing import Callable, Iterator

from servers import CLIENT_CORE, directory, running_child, running_engine, running_redis
from harness import HttpConnection, cpu_seconds, render_request, reserve_port
from harness.databases import VICTORIA_METRICS
from .figures import Figure, Plan, interleaved, ratio, say

LINES = 1000
CONNECTIONS = 8
BODIES = 16
BEGIN_NS = 1_700_000_000_000_000_000


def body(number: int) -> bytes:
    """As Telegraf's input cpu writes them; ten seconds later with each body."""
    return b"".join(
        b"cpu,cpu=cpu%d,host=host-%d.example.org usage_idle=%.12g,usage_iowait=%.12g,usage_system=%.12g,usage_user=%.12g %d\n"
        % (index % 16, index // 16, 90 + (index + number) % 97 / 13, (index * number) % 31 / 37, index % 7 / 3, number % 11 / 7,
           BEGIN_NS + number * 10**10) for index in range(LINES))


@contextlib.contextmanager
def running_victoria_metrics() -> Iterator[tuple[int, int]]:
    """Pid and port."""
    port = reserve_port()
    with directory() as path:
        command = [VICTORIA_METRICS, f"-httpListenAddr=127.0.0.1:{port}", f"-storageDataPath={path / 'data'}", "-retentionPeriod=100y",
                   "-memory.allowedBytes=512MB", "-loggerLevel=ERROR"]
        with running_child(command, Path(path), port) as child:
            yield child.pid, port


def cpu_us_per_line(pid: int, port: int, target: str, requests: int) -> float:
    """A closed loop of a few connections, and the CPU of all threads of the server."""
    sent = itertools.cycle([render_request("POST", target, body(number)) for number in range(BODIES)])
    rounds = max(1, requests // CONNECTIONS)
    with contextlib.ExitStack() as stack:
        connections = [stack.enter_context(HttpConnection(("127.0.0.1", port))) for _ in range(CONNECTIONS)]
        before = 0.0
        for round_ in range(rounds + 1):
            if round_ == 1:  # the first warms up
                before = cpu_seconds(pid)
            for connection in connections:
                connection.send(next(sent))
            assert all(connection.read_response().status == 204 for connection in connections)
        return (cpu_seconds(pid) - before) * 1e6 / (rounds * CONNECTIONS * LINES)


def lines_figures(plan: Plan) -> list[Figure]:
    if VICTORIA_METRICS is None:
        say("  left out: VictoriaMetrics is not here (tools/setup test)")
        return []
    requests = 200 * plan.seconds

    def measure(pid: int, port: int, target: str) -> Callable[[], float]:
        return lambda: cpu_us_per_line(pid, port, target, requests)

    with running_redis(CLIENT_CORE) as server, running_engine("null:") as null, \
            running_engine(server.url, **{"sink.redis.maxlen": 10_000}) as redis, running_victoria_metrics() as victoria:
        us = interleaved({"null sink": measure(null.pid, null.address[1], "/write"),
                          "Redis": measure(redis.pid, redis.address[1], "/write?ack=stored"),
                          "VictoriaMetrics": measure(*victoria, "/write")}, plan.rounds)
        server.client().flushall()
    return [ratio("CPU per line, VictoriaMetrics, which stores ÷ engine, null sink", us["VictoriaMetrics"], us["null sink"], line=("≥", 3.0)),
            ratio("CPU per line, VictoriaMetrics, which stores ÷ engine in front of Redis, `stored`", us["VictoriaMetrics"], us["Redis"]),
            *(Figure(f"CPU per line, {name}", values, "µs") for name, values in us.items())]
