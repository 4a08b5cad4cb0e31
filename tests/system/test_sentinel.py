"""Redis Sentinel: the engine finds the primary, and finds it again when another one is promoted."""
# runs: release.io_uring release.epoll

import redis

from harness import device_ids, sample, wait_until
from test_cluster import LedgeredLoad, loads  # noqa: F401 (a fixture)


def post(engine, device_id: str):
    with engine.connect() as connection:
        return connection.post(sample(device_id))


def length_at(server) -> int:
    """0 while it takes its new role: a sentinel then closes the connections of its clients."""
    try:
        with server.client() as client:
            return client.xlen("telemetry")
    except redis.ConnectionError:
        return 0


def test_delivery_goes_on_at_the_promoted_replica(starter, loads, tmp_path):  # noqa: F811
    sentinels = starter.sentinels()
    engine = starter.engine(sentinels.url, settings={"ack_timeout": "20s", "sink.redis.backoff_max": "200ms"})
    loads.append(LedgeredLoad(engine, tmp_path, 6, "--pipeline", 16))
    with sentinels.primary.client() as primary:
        wait_until(lambda: primary.xlen("telemetry") > 500, "samples arrive")
        # Replication is asynchronous: it executes nothing more before it dies, and has replicated what it did.
        primary.execute_command("CLIENT", "PAUSE", "60000", "WRITE")
    wait_until(sentinels.is_replicated, "the replica has caught up")
    sentinels.primary.kill()
    at_promotion = length_at(sentinels.replica)
    wait_until(lambda: length_at(sentinels.replica) > at_promotion + 500, "delivery goes on at the replica", 20)
    loads[0].wait()
    engine.wait_delivered(20)
    verdict = loads[0].verify(sentinels.url)
    assert verdict["acknowledged"] > 100, verdict
    assert verdict["lost"] == verdict["reordered"] == 0, verdict


def test_a_primary_that_hangs_is_left_when_another_is_promoted(starter):
    """Its connection stays open and answers nothing: the reply timeout would find it only after ten minutes."""
    sentinels = starter.sentinels()
    engine = starter.engine(sentinels.url, settings={"ack_timeout": "60s", "sink.redis.reply_timeout": "10m"})
    assert post(engine, "before").status == 200
    wait_until(sentinels.is_replicated, "the replica has caught up")
    sentinels.primary.freeze()
    try:
        assert post(engine, "meanwhile").status == 200
        assert "another server is primary by now" in engine.log()
        with sentinels.replica.client() as replica:
            assert {"before", "meanwhile"} <= set(device_ids(replica))
    finally:
        sentinels.primary.thaw()


def test_a_user_who_may_not_ask_for_the_role(starter):
    sentinels = starter.sentinels()
    for server in (sentinels.primary, sentinels.replica):
        server.client().execute_command("ACL", "SETUSER", "writer", "on", ">pen", "~telemetry", "+xadd")
    engine = starter.engine(sentinels.url, settings={"sink.redis.user": "writer", "sink.redis.password": "pen"})
    assert post(engine, "d").status == 200
