"""`replicated` with a Redis Cluster: what is acknowledged survives a primary that is killed and whose replica takes over."""
# runs: release.io_uring release.epoll asan.io_uring

from harness import Load, device_ids, ndjson, sample, wait_until

PARTITIONS_COUNT = 12
SETTINGS = {"sink.redis.partitions": PARTITIONS_COUNT, "sink.redis.replicas": 1, "sink.redis.replicas_timeout": "300ms",
            "ack_timeout": "10s",  # each batch has a WAIT, one after the other
            "sink.redis.backoff_min": "10ms", "sink.redis.backoff_max": "100ms"}


def devices_in(nodes) -> list[str]:
    """Of all partitions, as these nodes have them; a replica shows those of its primary."""
    found = []
    for node in nodes:
        with node.client() as client:
            client.execute_command("READONLY")
            for key in client.keys("telemetry:*"):
                found += device_ids(client, key)
    return found


def post_all(engine, name: str):
    """One request whose samples go to every partition."""
    records = [sample(f"{name}-{number}") for number in range(100)]
    with engine.connect() as connection:
        return connection.post(ndjson(records), query="?ack=replicated", content_type="application/x-ndjson")


def replication(engine) -> dict:
    return engine.status()["sinks"][0]["replication"]


def test_acknowledged_samples_survive(starter):
    cluster = starter.cluster(replicas=1, arguments=("--cluster-replica-validity-factor", 0))
    engine = starter.engine(cluster.url, settings=SETTINGS)

    response = wait_until(lambda: (answer := post_all(engine, "first")).status == 200 and answer, "the replicas confirm")
    assert response.json()["ack"] == "replicated"
    assert len(set(devices_in(cluster.primaries))) == len(set(devices_in(cluster.replicas))) == 100
    assert replication(engine)["waits"] >= PARTITIONS_COUNT

    # A request is replicated when each of its primaries is.
    cluster.replicas[2].freeze()
    assert post_all(engine, "one is missing").code == "not_replicated"
    cluster.replicas[2].thaw()
    wait_until(lambda: post_all(engine, "all again").status == 200, "the replica confirms again")

    # Nothing is prepared: the primary dies amid its work. Its replica has all that was acknowledged.
    load = Load(engine.address, clients=12, ack="replicated").start()
    load.wait_for(200)
    victim, promoted = cluster.primaries[0], cluster.replicas[0]
    victim.kill()
    wait_until(lambda: "role:master" in promoted.raw("INFO", "replication"), "the replica is promoted", 20)
    cluster.primaries[0], cluster.replicas[0] = promoted, victim
    # It has no replica yet: its samples are stored, and not replicated.
    wait_until(lambda: post_all(engine, "alone").code == "not_replicated", "the engine delivers to it", 20)
    victim.start()
    wait_until(lambda: post_all(engine, "together").status == 200, "the old primary is its replica", 20)
    load.stop()
    engine.wait_delivered(20)

    stored = devices_in(cluster.primaries)
    assert load.acknowledged and not load.acknowledged - set(stored)
    assert set(load.refused) <= {"not_replicated", "sink_unavailable", "ack_timeout"}, load.refused
    assert "not_replicated" in load.refused or "ack_timeout" in load.refused, "the primary died amid its work"
    assert replication(engine)["waits_short"] > 0
    assert "sluice_sink_waits_short_total" in engine.metrics()
