"""Admission by the figures of a whole cluster, and what is told of its primaries at the start."""
# runs: release.io_uring release.epoll asan.io_uring

import subprocess

import pytest

from harness import ndjson, sample, wait_until
from harness.engine import BINARY, CLEAN_ENVIRONMENT

SETTINGS = {"sink.redis.partitions": 12, "admission.interval": "50ms"}


@pytest.fixture(scope="module")
def cluster(module_starter):
    return module_starter.cluster(replicas=0)


@pytest.fixture(autouse=True)
def empty(cluster):
    yield
    for node in cluster.primaries:
        node.raw("CONFIG", "SET", "maxmemory", 0)
        node.raw("FLUSHALL")


def post(engine, count: int = 1):
    with engine.connect() as connection:
        return connection.post(ndjson(sample(f"d{i}") for i in range(count)), content_type="application/x-ndjson")


def admission(engine) -> dict:
    return engine.status()["admission"]


def wait_shedding(engine, code: str):
    wait_until(lambda: admission(engine)["passed_bound"] == code, "the bound is passed")
    assert (post(engine).status, post(engine).code) == (503, code)


def wait_admitting(engine):
    wait_until(lambda: admission(engine)["passed_bound"] is None, "no bound is passed")
    assert post(engine).status == 200


def test_all_streams_count(starter, cluster):
    engine = starter.engine(cluster.url, settings={**SETTINGS, "admission.stream_length_max": 100})
    assert post(engine, 100).status == 200
    wait_shedding(engine, "stream_full")
    assert admission(engine)["stream_length"] == sum(cluster.keys().values()) == 100
    for node in cluster.primaries:
        node.raw("FLUSHALL")
    wait_admitting(engine)


def test_the_slowest_group_counts(starter, cluster):
    engine = starter.engine(cluster.url, settings={**SETTINGS, "admission.group_lag_max": 5})
    key = "telemetry:{7}"
    owner = cluster.owner_of(cluster.slot_of(key))
    owner.raw("XGROUP", "CREATE", key, "group", "$", "MKSTREAM")
    for number in range(6):
        owner.raw("XADD", key, "*", "n", number)
    wait_shedding(engine, "consumers_behind")
    owner.raw("XREADGROUP", "GROUP", "group", "one", "COUNT", 10, "STREAMS", key, ">")
    wait_admitting(engine)


def test_the_fullest_primary_counts(starter, cluster):
    engine = starter.engine(cluster.url, settings=SETTINGS)
    assert post(engine, 50).status == 200
    node = cluster.primaries[2]
    with node.client() as client:
        used = client.info("memory")["used_memory"]
    node.raw("CONFIG", "SET", "maxmemory", int(used / 0.92))
    wait_shedding(engine, "redis_memory")
    assert admission(engine)["redis_maxmemory_bytes"] == int(used / 0.92)
    node.raw("CONFIG", "SET", "maxmemory", 10 * used)
    wait_admitting(engine)


def test_slots_that_move_are_found_again(starter, cluster):
    engine = starter.engine(cluster.url, settings=SETTINGS)
    assert post(engine, 100).status == 200
    slot = cluster.slot_of("telemetry:{3}")
    source = cluster.owner_of(slot)
    target = next(node for node in cluster.primaries if node is not source)
    cluster.move_slot(slot, source, target)
    samples = admission(engine)["samples"]
    wait_until(lambda: admission(engine)["samples"] > samples + 1 and admission(engine)["last_error"] == "", "it has looked again")
    assert admission(engine)["stream_length"] == 100


def test_each_primary_is_remarked_on(starter, cluster):
    engine = starter.engine(cluster.url, settings=SETTINGS)
    wait_until(lambda: admission(engine)["samples"] > 1, "all have been asked")
    told = [line for line in engine.log().splitlines() if "event=redis_not_persistent" in line]
    assert len(told) == 3, told
    for node in cluster.primaries:
        assert any(f"at {node.address} " in line for line in told), told


def test_check_config_tries_each_primary(cluster, tmp_path):
    path = tmp_path / "sluice.toml"
    path.write_text(f"sink.url = '{cluster.url}'\nsink.redis.partitions = 12\n")

    def check() -> subprocess.CompletedProcess:
        return subprocess.run([BINARY, "check-config", "--connect", path], capture_output=True, text=True, env=CLEAN_ENVIRONMENT)

    done = check()
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("redis_not_persistent: at ") == 3 and done.stderr == ""
    assert not cluster.keys(), "nothing was written"
    full = cluster.primaries[1]
    full.raw("CONFIG", "SET", "maxmemory", 1)
    refused = check()
    assert refused.returncode == 1, refused.stdout
    assert f"Redis at {full.address} refuses samples for the key telemetry:" in refused.stderr and "OOM" in refused.stderr
