"""TLS: what it costs beside plain HTTP, and beside nginx with the same certificate."""

import contextlib
import json
import ssl
import subprocess
import time
from pathlib import Path
from typing import Iterator, Optional

from servers import CLIENT_CORE, directory, pinned, running_engine, running_nginx
from harness import HttpConnection, cpu_seconds, reserve_port, rss_bytes
from harness.load import LOAD_BINARY
from harness.tls import Authority, TlsConnection
from .figures import Figure, Plan, interleaved, ratio
from .traffic import Traffic, cpu_us_per_request

Pair = tuple[Path, Path]  # certificate and key

ALGORITHMS = {"ECDSA P-256": ("ec", "-pkeyopt", "ec_paramgen_curve:P-256"), "RSA-2048": ("rsa:2048",)}
VERSIONS = ("1.2", "1.3")
IDLE_CONNECTIONS = 2000
STORM_PER_S = 1000


@contextlib.contextmanager
def running_tls_engine(pair: Pair) -> Iterator[tuple[int, int]]:
    """Yields pid and port of the TLS listener."""
    port = reserve_port()
    with running_engine("null:", **{"tls.listen": f"127.0.0.1:{port}", "tls.certificate": pair[0], "tls.key": pair[1]}) as engine:
        yield engine.pid, port


def load(port: int, *options: object, wait: bool = True):
    """sluice-load against a TLS port. Its report, or the process."""
    command = [*pinned(CLIENT_CORE), LOAD_BINARY, f"https://127.0.0.1:{port}/telemetry", "--insecure", "--sample", *options,
               "--warmup", 0, "--max-cpu", "100%", "--max-lag", "10s", "--threshold", "errors<=0%", "--quiet", "--json", "-"]
    process = subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE, text=True)
    return report(process) if wait else process


def report(process: subprocess.Popen) -> dict:
    text = process.communicate()[0]
    assert process.returncode == 0, text
    return json.loads(text)


def cpu_us_per_handshake(pid: int, port: int, version: str, resumes: bool, seconds: int) -> float:
    """Of connections with a handshake and one request each."""
    options = ["--users", 8, "--reconnect-every", 1, "--tls-version", version, *(["--tls-resume"] if resumes else [])]
    load(port, *options, "--duration", "1s")
    before = cpu_seconds(pid)
    count = load(port, *options, "--duration", f"{seconds}s")["totals"]["responses"]
    return (cpu_seconds(pid) - before) / count * 1e6


def handshake_figures(plan: Plan, authority: Authority) -> list[Figure]:
    figures = []
    seconds, rounds = min(plan.seconds, 2), min(plan.rounds, 3)  # eight comparisons
    for algorithm, words in ALGORITHMS.items():
        pair = authority.issue(algorithm.replace(" ", "-"), algorithm=words)
        with running_tls_engine(pair) as engine, running_nginx(pair) as nginx:
            for version in VERSIONS:
                for resumes in (False, True):
                    us = interleaved({
                        "engine": lambda: cpu_us_per_handshake(*engine, version, resumes, seconds),
                        "nginx": lambda: cpu_us_per_handshake(*nginx, version, resumes, seconds)}, rounds)
                    name = f"{'resumed' if resumes else 'full'} handshake and a request, TLS {version}, {algorithm}"
                    figures += [ratio(f"CPU of a {name} ÷ nginx", us["engine"], us["nginx"], line=("≤", 1.0)),
                                Figure(f"CPU of a {name}", us["engine"], "µs")]
    return figures


def request_figures(plan: Plan, pair: Pair) -> list[Figure]:
    """Connections that stay."""
    plain, sealed = Traffic(), Traffic(scheme="https")
    with running_engine("null:") as engine, running_tls_engine(pair) as tls_engine, running_nginx(pair) as nginx:
        us = interleaved({
            "plain": lambda: cpu_us_per_request(engine.pid, engine.address[1], plain, plan.seconds),
            "TLS": lambda: cpu_us_per_request(*tls_engine, sealed, plan.seconds),
            "nginx": lambda: cpu_us_per_request(*nginx, sealed, plan.seconds)}, plan.rounds)
    return [ratio("CPU per request, TLS ÷ plain, 64 connections", us["TLS"], us["plain"], line=("≤", 1.5)),
            ratio("CPU per request, TLS ÷ nginx's TLS `return 200`, 64 connections", us["TLS"], us["nginx"], line=("≤", 1.0)),
            Figure("CPU per request, TLS, 64 connections", us["TLS"], "µs")]


def idle_bytes(pid: int, port: int, context: Optional[ssl.SSLContext]) -> float:
    """Memory for each of IDLE_CONNECTIONS that have had a request."""
    def connect():
        return TlsConnection(("127.0.0.1", port), context) if context else HttpConnection(("127.0.0.1", port))

    def asked():
        connection = connect()
        connection.request("GET", "/health")
        return connection

    connections = [asked() for _ in range(100)]  # tables, pools
    before = rss_bytes(pid)
    connections += [asked() for _ in range(IDLE_CONNECTIONS)]
    time.sleep(0.5)
    each = (rss_bytes(pid) - before) / IDLE_CONNECTIONS
    for connection in connections:
        connection.close()
    return each


def memory_figures(authority: Authority, pair: Pair) -> list[Figure]:
    with running_tls_engine(pair) as engine, running_nginx(pair) as nginx:
        engine_bytes = idle_bytes(*engine, authority.client())
        nginx_bytes = idle_bytes(*nginx, authority.client())
    return [Figure("Memory of an idle TLS connection ÷ nginx", [engine_bytes / nginx_bytes], line=("≤", 1.1)),
            Figure("Memory of an idle TLS connection", [engine_bytes], "bytes"),
            Figure("Memory of an idle TLS connection, nginx", [nginx_bytes], "bytes")]


def p99_ms(port: int, seconds: int) -> float:
    """Of clients whose connections stay."""
    result = load(port, "--rate", 1000, "--connections", 32, "--duration", f"{seconds}s")
    return result["latency"]["corrected"]["percentiles_ns"]["99"] / 1e6


def storm_figures(plan: Plan, pair: Pair) -> list[Figure]:
    """Established clients beside STORM_PER_S new connections a second. All clients share a core, which adds to both."""
    with running_tls_engine(pair) as (_, port):
        def stormy() -> float:
            storm = load(port, "--rate", STORM_PER_S, "--connections", 64, "--reconnect-every", 1, "--duration",
                         f"{plan.seconds + 2}s", wait=False)
            try:
                time.sleep(1)
                return p99_ms(port, plan.seconds)
            finally:
                report(storm)

        ms = interleaved({"storm": stormy, "calm": lambda: p99_ms(port, plan.seconds)}, plan.rounds)
    rise = sorted(after - before for after, before in zip(ms["storm"], ms["calm"]))
    return [Figure(f"p99 of established clients, rise with {STORM_PER_S:,} handshakes a second", rise, "ms", line=("≤", 1.0)),
            Figure("p99 of established clients", ms["calm"], "ms")]


def tls_figures(plan: Plan) -> list[Figure]:
    with directory() as path:
        authority = Authority(path)
        pair = authority.issue("server")
        return [*request_figures(plan, pair), *handshake_figures(plan, authority), *memory_figures(authority, pair),
                *storm_figures(plan, pair)]
