"""Redis Cluster while primaries are away: what still goes through, what is refused at once, and that the engine comes back."""
# runs: release.io_uring release.epoll asan.io_uring

import pytest

from harness import ndjson, sample, wait_until

PARTITIONS_COUNT = 12
SETTINGS = {"sink.redis.partitions": PARTITIONS_COUNT, "sink.redis.backoff_min": "10ms", "sink.redis.backoff_max": "100ms",
            "sink.redis.connect_timeout": "500ms", "batch.count": 48, "admission.interval": "100ms"}


def partition_of(device: str) -> int:
    """As sinks/redis/layout/partition.hpp has it."""
    value = 0xcbf29ce484222325
    for byte in device.encode():
        value = (value ^ byte) * 0x100000001b3 % 2**64
    return (value ^ value >> 32) % PARTITIONS_COUNT


@pytest.fixture(scope="module")
def cluster(module_starter):
    """Three primaries without replicas, which go on when one of them is away."""
    return module_starter.cluster(replicas=0, arguments=("--cluster-require-full-coverage", "no", "--appendonly", "yes"))


@pytest.fixture
def engine(starter, cluster):
    engine = starter.engine(cluster.url, settings=SETTINGS)
    yield engine
    for node in cluster.primaries:  # else the engine could not deliver, and end well
        if not node.running:
            node.start()
    cluster.wait_healthy()


def devices_by_primary(cluster) -> dict:
    """A device of each partition, by the primary that it goes to."""
    one_each = {}
    for number in range(1000):
        one_each.setdefault(partition_of(f"d{number}"), f"d{number}")
    devices = {node: [] for node in cluster.primaries}
    for partition, device in sorted(one_each.items()):
        devices[cluster.owner_of(cluster.slot_of(f"telemetry:{{{partition}}}"))].append(device)
    assert all(devices.values())
    return devices


def post(engine, devices, ack: str):
    with engine.connect() as connection:
        return connection.post(ndjson(sample(device) for device in devices), query=f"?ack={ack}",
                               content_type="application/x-ndjson")


def sink(engine) -> dict:
    return engine.status()["sinks"][0]


def test_a_primary_that_is_away_costs_the_others_nothing(engine, cluster):
    devices = devices_by_primary(cluster)
    away = cluster.primaries[1]
    well = [device for node, some in devices.items() if node is not away for device in some]
    assert post(engine, well + devices[away], "stored").status == 200
    away.kill()
    wait_until(lambda: sink(engine)["cluster"]["partitions_away"] == len(devices[away]), "the engine knows who is away")
    assert post(engine, devices[away], "stored").code == "sink_unavailable", "nobody waits for it"
    assert post(engine, well[:1] + devices[away][:1], "stored").code == "sink_unavailable", "taken whole or not at all"
    assert post(engine, well, "stored").status == 200
    assert sink(engine)["breaker"]["state"] == "closed"
    assert f"\nsluice_cluster_partitions_away {len(devices[away])}\n" in engine.metrics()
    # Queued samples for it are taken until its share of the batches is full, whichever of its partitions they are for.
    for device in devices[away]:
        while (answer := post(engine, [device] * 500, "queued")).status == 200:
            assert engine.samples()["in_flight"] < 100_000
        assert answer.code == "overloaded"
    for _ in range(3):
        assert post(engine, well, "queued").status == 200
        assert post(engine, well, "stored").status == 200
    away.start()
    wait_until(lambda: sink(engine)["cluster"]["partitions_away"] == 0, "the engine knows that it is back")
    engine.wait_delivered()
    assert post(engine, well + devices[away], "stored").status == 200
    samples = engine.samples()
    assert samples["delivered"] == samples["accepted"]


def test_a_cluster_that_is_away_altogether(engine, cluster):
    for node in cluster.primaries:
        node.kill()
    wait_until(lambda: sink(engine)["breaker"]["state"] != "closed", "the breaker opens")
    assert post(engine, ["d"], "stored").code == "sink_unavailable"
    with engine.connect() as connection:  # by its head alone
        connection.send(b"POST /telemetry HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n")
        assert connection.read_response().code == "sink_unavailable"
    assert post(engine, ["d"], "queued").status == 200
    assert engine.admin("GET", "/ready").json()["breaker"] in ("open", "half_open")
    for node in cluster.primaries:
        node.start()
    wait_until(lambda: sink(engine)["breaker"]["state"] == "closed", "the breaker closes without any request")
    wait_until(lambda: sink(engine)["cluster"]["partitions_away"] == 0, "and so does that of each partition")
    assert post(engine, ["d"], "stored").status == 200
    assert sink(engine)["breaker"]["opens"] >= 1
    engine.wait_delivered()


def test_an_engine_that_starts_without_its_cluster(starter, cluster):
    for node in cluster.primaries:
        node.kill()
    engine = starter.engine(cluster.url, settings=SETTINGS, until="/health")
    try:
        wait_until(lambda: sink(engine)["breaker"]["state"] != "closed", "the breaker opens")
        assert post(engine, ["d"], "stored").code == "sink_unavailable"
    finally:
        for node in cluster.primaries:
            node.start()
    wait_until(lambda: engine.admin("GET", "/ready").status == 200, "the engine is well")
    assert post(engine, ["d"], "stored").status == 200


def test_primaries_go_one_after_the_other(starter):
    """With one partition one node alone is connected. In the end none is left that the first map named as a primary."""
    cluster = starter.cluster(replicas=1, arguments=("--cluster-replica-validity-factor", 0, "--appendonly", "yes"))
    engine = starter.engine("redis-cluster://" + ",".join(node.address for node in cluster.nodes),
                            settings={**SETTINGS, "sink.redis.partitions": 1, "ack_timeout": "20s"})
    assert post(engine, ["d"], "stored").status == 200
    owner = cluster.primaries.index(cluster.owner_of(cluster.slot_of("telemetry")))
    for index in [i for i in range(3) if i != owner] + [owner]:
        cluster.wait_replicated(primaries=[cluster.primaries[index]])
        cluster.primaries[index].kill()
        promoted = cluster.replicas[index]
        wait_until(lambda: "role:master" in promoted.raw("INFO", "replication"), "the replica is promoted", 20)
        cluster.primaries[index] = promoted
        cluster.wait_healthy(20, cluster.primaries)
        wait_until(lambda: engine.admin("GET", "/ready").status == 200, "the engine delivers", 20)
        assert post(engine, ["d"], "stored").status == 200
    assert sink(engine)["cluster"]["nodes"][0]["address"] == cluster.primaries[owner].address
    assert cluster.primaries[owner].raw("XLEN", "telemetry") == 4
