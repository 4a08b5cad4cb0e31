"""Figures of the engine."""

import subprocess
import time
from dataclasses import dataclass

from servers import CLIENT_CORE, SERVER_CORE, pinned, running_engine, running_floor, running_nginx, running_redis
from harness import Engine, HttpConnection, RedisServer, cpu_seconds, rss_bytes, sample
from .figures import Figure, Plan, interleaved, ratio
from .traffic import XADD, Traffic, cpu_us_per_request, wrk, wrk_command

NDJSON_SAMPLES = 1000
IDLE_CONNECTIONS = 10_000


def floor_figures(plan: Plan) -> list[Figure]:
    """CPU per request against a responder that parses nothing, and against nginx."""
    figures = []
    with running_engine("null:") as engine, running_floor() as floor, running_nginx() as nginx:
        for connections in (64, 512):
            traffic = Traffic(connections)
            us = interleaved({
                "engine": lambda: cpu_us_per_request(engine.pid, engine.address[1], traffic, plan.seconds),
                "floor": lambda: cpu_us_per_request(*floor, traffic, plan.seconds),
                "nginx": lambda: cpu_us_per_request(*nginx, traffic, plan.seconds)}, plan.rounds)
            figures += [
                ratio(f"CPU per request ÷ floor, {connections} connections", us["engine"], us["floor"], line=("≤", 1.10), aim="0.95"),
                ratio(f"CPU per request ÷ nginx `return 200`, {connections} connections", us["engine"], us["nginx"], line=("≤", 1.0)),
                Figure(f"CPU per request, engine, {connections} connections", us["engine"], "µs"),
            ]
    return figures


def pipelined_figures(plan: Plan) -> list[Figure]:
    with running_engine("null:") as engine, running_floor(16) as floor:
        port = engine.address[1]
        us = interleaved({
            "pipelined": lambda: cpu_us_per_request(engine.pid, port, Traffic(pipelined=16), plan.seconds),
            "single": lambda: cpu_us_per_request(engine.pid, port, Traffic(), plan.seconds),
            "floor, pipelined": lambda: cpu_us_per_request(*floor, Traffic(pipelined=16), plan.seconds)}, plan.rounds)
    return [ratio("CPU per request, pipelined ×16 ÷ unpipelined", us["pipelined"], us["single"], line=("≤", 1 / 6), aim="0.125"),
            ratio("CPU per request, pipelined ×16 ÷ floor", us["pipelined"], us["floor, pipelined"])]


def ndjson_figures(plan: Plan) -> list[Figure]:
    with running_engine("null:") as engine:
        port = engine.address[1]
        us = interleaved({
            "batch": lambda: cpu_us_per_request(engine.pid, port, Traffic(16, lines=NDJSON_SAMPLES), plan.seconds) / NDJSON_SAMPLES,
            "alone": lambda: cpu_us_per_request(engine.pid, port, Traffic(), plan.seconds)}, plan.rounds)
    return [ratio("CPU per sample, NDJSON ×1000 ÷ alone", us["batch"], us["alone"], line=("≤", 1 / 25)),
            Figure("CPU per sample, NDJSON ×1000", us["batch"], "µs")]


def redis_benchmark_rate(server: RedisServer, seconds: int, rate_guess: float) -> float:
    """XADDs a second that `redis-benchmark -P 512` reaches with the engine's own words."""
    server.client().flushall()
    count = max(100_000, int(rate_guess * seconds))
    report = subprocess.run([*pinned(SERVER_CORE), "redis-benchmark", "-p", str(server.port), "-P", "512", "-n", str(count),
                             "--csv", *XADD], check=True, capture_output=True, text=True).stdout
    return float(report.strip().splitlines()[-1].split('","')[1])


@dataclass(frozen=True)
class Delivery:
    """What reached Redis in a window of a run."""
    samples_per_s: float
    engine_us: float  # CPU per sample
    redis_us: float


def deliver(engine: Engine, server: RedisServer, seconds: int, core: int) -> Delivery:
    """NDJSON with `stored`, closed loop, from a client on `core`: Redis always has work, and nothing is refused."""
    server.client().flushall()
    traffic = Traffic(connections=16, lines=NDJSON_SAMPLES, query="?ack=stored")

    def books() -> tuple[float, int, float, float]:
        return time.monotonic(), engine.samples()["delivered"], cpu_seconds(engine.pid), cpu_seconds(server.pid)

    with wrk_command(engine.address[1], traffic, seconds + 2, core) as command:
        load = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        try:
            time.sleep(1)
            begin = books()
            time.sleep(seconds)
            end = books()
        finally:
            load.wait()
    elapsed, samples, engine_s, redis_s = (after - before for before, after in zip(begin, end))
    return Delivery(samples / elapsed, engine_s / samples * 1e6, redis_s / samples * 1e6)


def redis_figures(plan: Plan) -> list[Figure]:
    """How full the engine keeps a Redis, and what that costs. With `packed`, Redis leaves most of its core to the client."""
    cpu_ratios: list[float] = []
    with running_redis(CLIENT_CORE) as server, running_engine(server.url) as fields, \
            running_engine(server.url, **{"sink.redis.layout": "packed"}) as packed:
        guess = redis_benchmark_rate(server, 0, 0)

        def rate_of_fields() -> float:
            delivery = deliver(fields, server, plan.seconds, SERVER_CORE)
            cpu_ratios.append(delivery.engine_us / delivery.redis_us)
            return delivery.samples_per_s

        rates = interleaved({
            "fields": rate_of_fields,
            "redis-benchmark": lambda: redis_benchmark_rate(server, plan.seconds, guess),
            "packed": lambda: deliver(packed, server, plan.seconds, CLIENT_CORE).samples_per_s}, plan.rounds)
        server.client().flushall()
    return [
        ratio("Stream fill rate, `fields` ÷ redis-benchmark -P 512", rates["fields"], rates["redis-benchmark"], line=("≥", 0.90), aim="0.98"),
        Figure("CPU per sample, engine ÷ redis-server, `fields`", cpu_ratios, line=("≤", 0.4)),
        ratio("Samples/s, `packed` ÷ `fields`", rates["packed"], rates["fields"], line=("≥", 4.0), aim="8"),
        Figure("Samples/s, `fields`", rates["fields"], "/s"),
        Figure("Samples/s, `packed`", rates["packed"], "/s"),
    ]


def stored_figures(plan: Plan) -> list[Figure]:
    with running_redis(CLIENT_CORE) as server, running_engine(server.url) as engine:
        def rate(ack: str) -> float:
            server.client().flushall()
            return wrk(engine.address[1], Traffic(100, query=f"?ack={ack}"), plan.seconds) / plan.seconds

        rates = interleaved({"stored": lambda: rate("stored"), "queued": lambda: rate("queued")}, plan.rounds)
    return [ratio("Requests/s, `stored` ÷ `queued`, 100 connections", rates["stored"], rates["queued"], line=("≥", 0.60), aim="0.80")]


def idle_figures(plan: Plan) -> list[Figure]:
    with running_redis(CLIENT_CORE) as server, running_engine(server.url) as engine:
        with HttpConnection(engine.address) as connection:
            connection.post(sample())
        time.sleep(0.5)
        before = cpu_seconds(engine.pid)
        time.sleep(plan.idle_seconds)
        share = (cpu_seconds(engine.pid) - before) / plan.idle_seconds * 100
    with running_engine("null:", **{"http.connections_max": IDLE_CONNECTIONS + 100}) as engine:
        wrk(engine.address[1], Traffic(), 1)
        resident = rss_bytes(engine.pid)
        idle = []
        for _ in range(IDLE_CONNECTIONS):
            idle.append(HttpConnection(engine.address))
            idle[-1].request("GET", "/health")
        each = (rss_bytes(engine.pid) - resident) / IDLE_CONNECTIONS
        for connection in idle:
            connection.close()
    return [Figure(f"CPU of an idle engine over {plan.idle_seconds} s", [share], "% of a core", line=("≤", 0.2)),
            Figure(f"Memory for each of {IDLE_CONNECTIONS:,} idle connections", [each], "bytes", line=("≤", 1024))]
