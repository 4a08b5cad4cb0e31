"""`/metrics`: an exposition that Prometheus's own checker accepts, with figures that agree with `/status`."""
# runs: release.io_uring release.epoll asan.io_uring

import re
import shutil
import subprocess

import pytest

from harness import sample
from harness.engine import PROJECT

PROMTOOL = shutil.which("promtool") or str(PROJECT / ".deps/prefix/usr/bin/promtool")
SERIES = re.compile(r'^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$')
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


def series(exposition: str) -> list[tuple[str, dict[str, str], float]]:
    """(name, labels, value) of every sample line."""
    parsed = []
    for line in exposition.splitlines():
        if line and not line.startswith("#"):
            match = SERIES.match(line)
            assert match, line
            parsed.append((match[1], dict(LABEL.findall(match[2] or "")), float(match[3])))
    return parsed


def promtool_check(exposition: str) -> None:
    check = subprocess.run([PROMTOOL, "check", "metrics"], input=exposition, capture_output=True, text=True, timeout=120)
    assert check.returncode == 0, check.stdout + check.stderr


@pytest.fixture(scope="module")
def busy(module_starter):
    """An engine that has seen acceptance, refusal and delivery, on two reactors."""
    engine = module_starter.engine(module_starter.redis().url, cores="0,1")
    for index in range(20):
        with engine.connect() as connection:
            assert connection.post([sample(f"d{index}"), {"no": "device"}]).status == 207
            assert connection.post(sample(), query="?ack=queued").status == 200
            assert connection.request("GET", "/nothing").status == 404
    engine.wait_delivered()
    return engine


def test_promtool_accepts_a_fresh_engine(starter):
    promtool_check(starter.engine("null:", ack="queued").metrics())


def test_promtool_accepts_a_busy_engine(busy):
    promtool_check(busy.metrics())


def test_the_content_type_is_prometheus_text(busy):
    assert busy.admin("GET", "/metrics").header("Content-Type").startswith("text/plain; version=0.0.4")


def test_no_series_occurs_twice(busy):
    keys = [(name, tuple(sorted(labels.items()))) for name, labels, _ in series(busy.metrics())]
    assert len(keys) == len(set(keys))


def test_the_figures_are_those_of_status(busy):
    """For each figure of the conservation law some counter family of /metrics adds up to it."""
    sums: dict[str, float] = {}
    for name, _, value in series(busy.metrics()):
        sums[name] = sums.get(name, 0) + value
    samples = busy.samples()
    assert samples["accepted"] == 40 and samples["received"] == 60
    for word, value in samples.items():
        families = [name for name in sums if "samples" in name and word in name]
        assert families, f"no family counts samples {word}"
        assert any(sums[name] == value for name in families), f"{word} is {value}, but {[(n, sums[n]) for n in families]}"


def test_histograms_are_cumulative_and_complete(busy):
    buckets: dict[tuple, list[tuple[float, float]]] = {}
    counts: dict[tuple, float] = {}
    for name, labels, value in series(busy.metrics()):
        if name.endswith("_bucket"):
            bound = float(labels.pop("le"))
            buckets.setdefault((name[:-7], *sorted(labels.items())), []).append((bound, value))
        elif name.endswith("_count"):
            counts[(name[:-6], *sorted(labels.items()))] = value
    assert buckets
    for key, steps in buckets.items():
        bounds, values = zip(*steps)
        assert list(bounds) == sorted(bounds) and list(values) == sorted(values), key
        assert bounds[-1] == float("inf") and values[-1] == counts[key], key


def test_each_iteration_of_a_loop_is_in_its_histogram(busy):
    figures = {(name, labels["core"]): value for name, labels, value in series(busy.metrics()) if labels.keys() == {"core"}}
    for core in ("0", "1"):
        iterations = figures["sluice_loop_iterations_total", core]
        assert iterations > 0 and figures["sluice_loop_iteration_seconds_count", core] == iterations
        assert 0 < figures["sluice_loop_iteration_seconds_sum", core]
        assert figures["sluice_loop_iteration_seconds_max", core] <= figures["sluice_loop_iteration_seconds_sum", core]


def test_every_family_has_help_and_type(busy):
    exposition = busy.metrics()
    types = set(re.findall(r"^# TYPE (\S+) (?:counter|gauge|histogram)$", exposition, re.MULTILINE))
    helps = set(re.findall(r"^# HELP (\S+) .+$", exposition, re.MULTILINE))
    names = {re.sub(r"_(bucket|sum|count)$", "", name) if re.sub(r"_(bucket|sum|count)$", "", name) in types else name
             for name, _, _ in series(exposition)}
    assert names <= types and types == helps
