"""Tenants: what tokens cost, what a tenant far over its quota costs another, and whether the time of a refusal tells anything."""

import contextlib
import json
import random
import socket
import statistics
import subprocess
import time
from pathlib import Path
from typing import Iterator

from servers import CLIENT_CORE, directory, pinned, running_engine
from harness import Engine, render_request
from harness.load import LOAD_BINARY
from harness.tenants import Token, new_token, tenant_table, write_tenants
from .figures import Figure, Plan, interleaved, ratio
from .traffic import BODY, Traffic, cpu_us_per_request

QUOTA_FACTOR = 100
SHARE_OF_HIGHEST_RATE = 0.4  # of what a closed loop reaches
REFUSALS_PER_SECOND_AND_ADDRESS = 4  # beyond 10 the engine closes the connection; two addresses may be counted as one


@contextlib.contextmanager
def running_engine_of(path: Path, *tables: str) -> Iterator[Engine]:
    with running_engine("null:", **{"tenants.file": write_tenants(path / "tenants.toml", *tables)}) as engine:
        yield engine


def token_figures(plan: Plan, path: Path) -> list[Figure]:
    token = new_token("acme")
    known, open_to_all = Traffic(token=token.text), Traffic()
    with running_engine_of(path, tenant_table("acme", token.line)) as guarded, running_engine("null:") as plain:
        us = interleaved({
            "tokens": lambda: cpu_us_per_request(guarded.pid, guarded.address[1], known, plan.seconds),
            "unused": lambda: cpu_us_per_request(plain.pid, plain.address[1], known, plan.seconds),
            "none": lambda: cpu_us_per_request(plain.pid, plain.address[1], open_to_all, plan.seconds)}, plan.rounds)
    return [ratio("CPU per request, a token that is checked ÷ no tenants, no token", us["tokens"], us["none"], line=("≤", 1.03)),
            ratio("CPU per request, a token that is checked ÷ the same request without tenants", us["tokens"], us["unused"])]


class Loads:
    """Runs of sluice-load, each with the token of one tenant."""

    def __init__(self, engine: Engine, path: Path):
        self._url = f"http://127.0.0.1:{engine.address[1]}/telemetry"
        self._path = path

    def start(self, token: Token, *options: object, nice: int = 0) -> subprocess.Popen:
        tokens = self._path / token.id
        tokens.write_text(token.text + "\n")
        tokens.chmod(0o600)
        command = [*pinned(CLIENT_CORE), "nice", "-n", nice, LOAD_BINARY, self._url, "--sample", "--tenants", tokens, *options,
                   "--warmup", 0, "--max-cpu", "100%", "--max-lag", "10s", "--min-rate", "1%", "--quiet", "--json", "-"]
        return subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)


def report(load: subprocess.Popen) -> dict:
    return json.loads(load.communicate()[0])


def neighbour_figures(plan: Plan, path: Path) -> list[Figure]:
    """A tenant within its quota, beside one at QUOTA_FACTOR times its own. The other's generator has the lowest priority on
    their core: what is measured is the engine, and what is left of the core's turns."""
    good, greedy = new_token("good"), new_token("greedy")
    with running_engine_of(path, tenant_table("good", good.line)) as engine:
        highest = report(Loads(engine, path).start(good, "--users", 64, "--duration", "2s"))["totals"]["responses"] / 2
    rate = highest * SHARE_OF_HIGHEST_RATE
    lost: list[float] = []
    refused: list[float] = []
    with running_engine_of(path, tenant_table("good", good.line),
                           tenant_table("greedy", greedy.line, more=f"quota = {{ requests_per_s = {rate / QUOTA_FACTOR:.0f} }}")) as engine:
        loads = Loads(engine, path)

        def p99_ms() -> float:
            run = report(loads.start(good, "--rate", 1000, "--connections", 32, "--duration", f"{plan.seconds}s"))
            lost.append(run["totals"]["sent"] - run["totals"]["succeeded"])
            return run["latency"]["corrected"]["percentiles_ns"]["99"] / 1e6

        def beside_ms() -> float:
            other = loads.start(greedy, "--rate", f"{rate:.0f}", "--connections", 64, "--duration", f"{plan.seconds + 2}s", nice=19)
            time.sleep(1)
            try:
                return p99_ms()
            finally:
                statuses = report(other)["totals"]["statuses"]
                refused.append(statuses.get("429", 0) / sum(statuses.values()))

        ms = interleaved({"beside": beside_ms, "alone": p99_ms}, plan.rounds)
    return [ratio(f"p99 of a tenant beside one at {QUOTA_FACTOR} times its quota ÷ alone", ms["beside"], ms["alone"], line=("≤", 1.5)),
            Figure("p99 of that tenant, alone", ms["alone"], "ms"),
            Figure("Requests of that tenant that failed", [sum(lost)], "", line=("≤", 0)),
            Figure("The other's requests in a second", [rate], "/s"),
            Figure("of which were refused", refused, "")]


def refusals_ns(engine: Engine, tokens: dict[str, str], seconds: int) -> dict[str, list[int]]:
    """The time from request to 401, by the name of the token. Tokens take turns at random; so do the addresses of the client,
    because an engine lets an address fail only so often."""
    requests = {name: render_request("POST", "/telemetry", BODY.encode(), [("Authorization", f"Bearer {token}")]) for name, token in tokens.items()}
    clients = []
    for number in range(250):
        client = socket.create_connection(engine.address, source_address=(f"127.1.0.{number + 1}", 0), timeout=10)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        clients.append(client)
    times: dict[str, list[int]] = {name: [] for name in tokens}
    try:
        for _ in range(seconds * REFUSALS_PER_SECOND_AND_ADDRESS):
            begin = time.monotonic()
            for client in clients:
                name = random.choice(list(requests))
                sent = time.perf_counter_ns()
                client.sendall(requests[name])
                answer = client.recv(4096)
                times[name].append(time.perf_counter_ns() - sent)
                assert answer.startswith(b"HTTP/1.1 401 ") and b"Connection: close" not in answer, answer
            time.sleep(max(0.0, begin + 1.05 / REFUSALS_PER_SECOND_AND_ADDRESS - time.monotonic()))
    finally:
        for client in clients:
            client.close()
    return times


def difference_and_error_ns(of: list[int], beside: list[int]) -> tuple[float, float]:
    """Of the means without the slowest tenth, and the standard error of that difference."""
    kept = [sorted(values)[:len(values) * 9 // 10] for values in (of, beside)]
    error = sum(statistics.variance(values) / len(values) for values in kept) ** 0.5
    return statistics.fmean(kept[0]) - statistics.fmean(kept[1]), error


def with_letter_changed(text: str, index: int) -> str:
    return text[:index] + ("A" if text[index] != "A" else "Q") + text[index:][1:]


def timing_figures(plan: Plan, path: Path) -> list[Figure]:
    """Whether the time of a refusal tells how much of a token is right. The part behind `slc_` is public."""
    token = new_token("acme")
    tokens = {"first": with_letter_changed(token.text, len(f"slc_{token.id}_")), "last": with_letter_changed(token.text, len(token.text) - 1),
              "unknown": new_token("acme").text}
    with running_engine_of(path, tenant_table("acme", token.line)) as engine:
        times = refusals_ns(engine, tokens, plan.seconds * plan.rounds)
    secret_ns, secret_error_ns = difference_and_error_ns(times["last"], times["first"])
    public_ns, public_error_ns = difference_and_error_ns(times["first"], times["unknown"])
    return [Figure("Time to a 401, median", [statistics.median(times["unknown"])], "ns"),
            Figure("Wrong in the last letter, longer than wrong in the first of the secret", [secret_ns], f"ns (standard error {secret_error_ns:.0f})"),
            Figure("that in standard errors", [abs(secret_ns) / secret_error_ns], "", line=("≤", 3.0)),
            Figure("A wrong secret of a known id, longer than an unknown id", [public_ns], f"ns (standard error {public_error_ns:.0f})")]


def tenant_figures(plan: Plan) -> list[Figure]:
    with directory() as path:
        return [*token_figures(plan, path), *neighbour_figures(plan, path), *timing_figures(plan, path)]
