"""`replicated`: a primary and a real replica that works, dies, and freezes."""
# runs: release.io_uring release.epoll asan.io_uring

import pytest

from harness import Load, device_ids, sample, wait_until

SETTINGS = {"sink.redis.replicas": 1, "sink.redis.replicas_timeout": "300ms"}


@pytest.fixture
def primary(starter):
    return starter.redis()


def confirms(server, replicas: int) -> bool:
    """Whether `WAIT` counts them. Twice: a replica's first word ends its synchronization, and only then is it sent more."""
    client = server.client(single_connection_client=True)
    return all(client.set("probe", 1) and client.wait(replicas, 500) >= replicas for _ in range(2))


def start_replica(starter, primary, replicas: int = 1):
    replica = starter.redis(arguments=("--replicaof", "127.0.0.1", primary.port))
    wait_until(lambda: confirms(primary, replicas), "the replicas confirm")
    return replica


@pytest.fixture
def replica(starter, primary):
    # The primary ships its data set at once, instead of waiting 5 s for further replicas.
    primary.client().config_set("repl-diskless-sync-delay", 0)
    return start_replica(starter, primary)


@pytest.fixture
def engine(starter, primary, replica):
    return starter.engine(primary.url, settings=SETTINGS)


def post(engine, device_id: str, ack: str):
    with engine.connect() as connection:
        return connection.post(sample(device_id), query=f"?ack={ack}")


def test_what_is_replicated_is_on_the_replica(engine, primary, replica):
    load = Load(engine.address, clients=8, ack="replicated").start()
    load.wait_for(200)
    load.stop()
    assert not load.refused
    load.assert_promises_kept(device_ids(primary.client()))
    assert load.acknowledged <= set(device_ids(replica.client()))
    replication = engine.status()["sinks"][0]["replication"]
    assert 0 < replication["waits"] <= len(load.acknowledged) and replication["waits_short"] == 0


def test_several_records_name_their_level(engine):
    with engine.connect() as connection:
        response = connection.post([sample("a"), sample("b"), {"device_id": "c"}], query="?ack=replicated")
    assert response.status == 207
    assert (response.json()["ack"], response.json()["accepted"]) == ("replicated", 2)


@pytest.mark.parametrize("harm", ["kill", "freeze"])
def test_a_replica_that_is_gone(engine, primary, replica, harm):
    assert post(engine, "before", "replicated").json()["ack"] == "replicated"
    getattr(replica, harm)()
    response = post(engine, "while gone", "replicated")
    assert (response.status, response.code) == (503, "not_replicated")
    assert "may be stored" in response.json()["error"]
    assert int(response.header("Retry-After")) >= 1
    assert post(engine, "stored", "stored").status == 200
    assert post(engine, "queued", "queued").status == 200
    engine.wait_delivered()
    assert device_ids(primary.client()) == ["before", "while gone", "stored", "queued"]
    assert "sluice_sink_waits_short_total{sink=\"0\"} 1" in engine.metrics()
    assert engine.admin("GET", "/ready").status == 200, "`stored` is taken and delivered"

    replica.thaw() if harm == "freeze" else replica.start()
    wait_until(lambda: post(engine, "after", "replicated").status == 200, "the replica confirms again")
    wait_until(lambda: "while gone" in device_ids(replica.client()), "the replica has caught up")


def test_levels_share_batches_under_load_while_the_replica_is_gone(engine, primary, replica):
    loads = [Load(engine.address, clients=4, ack=ack, name=ack).start() for ack in ("stored", "replicated", "queued")]
    for load in loads:
        load.wait_for(50)
    replica.kill()
    stored, replicated, queued = loads
    wait_until(lambda: replicated.refused["not_replicated"] >= 4, "requests are answered not_replicated")
    for load in loads:
        load.stop()
    engine.wait_delivered()
    assert not stored.refused and not queued.refused
    assert set(replicated.refused) == {"not_replicated"}
    in_stream = set(device_ids(primary.client()))
    for load in loads:
        assert load.acknowledged | load.undecided <= in_stream
    assert engine.status()["samples"]["dropped"] == {}


def test_a_wait_that_is_forbidden_is_told(starter, primary, replica):
    primary.client().execute_command("ACL", "SETUSER", "writer", "on", ">pen", "~telemetry", "+xadd")
    engine = starter.engine(primary.url, settings={**SETTINGS, "sink.redis.user": "writer", "sink.redis.password": "pen"})
    response = post(engine, "a", "replicated")
    assert response.code == "not_replicated" and "WAIT is not allowed" in response.json()["error"]
    wait_until(lambda: "event=sink_wait_refused" in engine.log(), "the log tells")
    assert "NOPERM" in engine.log()
    assert post(engine, "b", "stored").status == 200
    assert "NOPERM" in engine.status()["sinks"][0]["last_error"], "it does not go away by itself"
    assert engine.admin("GET", "/ready").status == 200
    waits = {"wait", "waitaof"} & primary.client().command().keys()  # WAITAOF is there since Redis 7.2
    primary.client().execute_command("ACL", "SETUSER", "writer", *(f"+{name}" for name in waits))
    assert post(engine, "c", "replicated").status == 200
    wait_until(lambda: "event=sink_restored" in engine.log(), "the log tells that it is well")


def test_two_replicas_are_more_than_one(starter, primary, replica):
    engine = starter.engine(primary.url, settings={**SETTINGS, "sink.redis.replicas": 2}, ack="replicated")
    assert post(engine, "a", "replicated").code == "not_replicated"
    start_replica(starter, primary, replicas=2)
    with engine.connect() as connection:
        assert connection.post(sample("b")).json()["ack"] == "replicated", "the key ack has set it"


@pytest.mark.parametrize("has_journal", [False, True])
def test_the_level_is_not_offered(starter, primary, has_journal, tmp_path):
    settings = {"sink.redis.replicas": 1, "journal.directory": tmp_path} if has_journal else {}
    engine = starter.engine(primary.url, settings=settings)
    response = post(engine, "a", "replicated")
    assert (response.status, response.code) == (400, "ack_unavailable")
