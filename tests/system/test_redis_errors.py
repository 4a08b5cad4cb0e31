"""Redis is there and says no: for a while (OOM, READONLY), or until an operator mends it (WRONGTYPE, password)."""
# runs: release.io_uring release.epoll asan.io_uring

import json
import signal

import pytest
import redis

from harness import Load, device_ids, reserve_port, sample, stream_entries, wait_until

SETTINGS = {"ack_timeout": "2s", "sink.redis.backoff_max": "200ms"}


class Trouble:
    """A state of Redis in which XADD fails, and its end."""

    def __init__(self, code: str, begin, end):
        self.code, self.begin, self.end = code, begin, end


def fill_memory(client: redis.Redis) -> None:
    client.config_set("maxmemory-policy", "noeviction")
    client.config_set("maxmemory", 1)


def replace_stream_by_string(client: redis.Redis) -> None:
    """In one step, so that no sample can come between; what the stream held is kept in another."""
    with client.pipeline(transaction=True) as transaction:
        transaction.xadd("telemetry", {"device_id": "none"}).rename("telemetry", "elsewhere").set("telemetry", "text")
        transaction.execute()


TROUBLES = {
    "OOM": Trouble("sink_busy", fill_memory, lambda client: client.config_set("maxmemory", 0)),
    "READONLY": Trouble("sink_busy", lambda client: client.replicaof("127.0.0.1", reserve_port()),
                        lambda client: client.replicaof("NO", "ONE")),
    "NOREPLICAS": Trouble("sink_busy", lambda client: client.config_set("min-replicas-to-write", 1),
                          lambda client: client.config_set("min-replicas-to-write", 0)),
    "WRONGTYPE": Trouble("sink_refused", replace_stream_by_string,
                         lambda client: client.delete("telemetry")),
    "NOPERM": Trouble("sink_refused", lambda client: client.execute_command("ACL", "SETUSER", "default", "-xadd"),
                      lambda client: client.execute_command("ACL", "SETUSER", "default", "+xadd")),
}


@pytest.fixture(params=TROUBLES)
def last_error(request):
    return TROUBLES[request.param]


def post(engine, device_id: str, ack: str):
    with engine.connect() as connection:
        return connection.post(sample(device_id), query=f"?ack={ack}")


def wait_stored(engine, device_id: str) -> None:
    wait_until(lambda: post(engine, device_id, "stored").status == 200, "samples are stored again")


def test_stored_is_refused_with_the_reason(starter, last_error):
    server = starter.redis()
    engine = starter.engine(server.url, settings=SETTINGS)
    last_error.begin(server.client())
    response = post(engine, "refused", "stored")
    assert (response.status, response.code) == (503, last_error.code)
    assert int(response.header("Retry-After")) >= 1
    last_error.end(server.client())
    wait_stored(engine, "after")
    assert "refused" not in device_ids(server.client())


def test_ready_and_the_log_say_that_stored_is_refused(starter, last_error):
    """Nothing is kept, so nothing stalls: what was refused says it alone, for some seconds or until a sample is stored."""
    server = starter.redis()
    engine = starter.engine(server.url, settings=SETTINGS)
    last_error.begin(server.client())
    assert post(engine, "refused", "stored").status == 503
    ready = engine.admin("GET", "/ready")
    assert (ready.status, ready.code) == (503, "not_ready")
    assert engine.status()["ready"] is False
    line = wait_until(lambda: next((line for line in engine.log().splitlines() if "event=sink_refuses " in line), None), "a line")
    assert f"class={'busy' if last_error.code == 'sink_busy' else 'refused'}" in line
    assert "reason=" in line and "refuses" in line
    for _ in range(30):
        post(engine, "refused", "stored")
    assert engine.log().count("event=sink_refuses ") <= 2
    last_error.end(server.client())
    wait_stored(engine, "after")
    wait_until(lambda: engine.admin("GET", "/ready").status == 200, "/ready turns 200")
    wait_until(lambda: "event=sink_restored " in engine.log().splitlines()[-1], "the log says that it is over")


def test_a_refusal_does_not_count_for_ever(starter):
    """Whoever waits for /ready sends nothing meanwhile: what was refused counts for 5 s."""
    server = starter.redis()
    engine = starter.engine(server.url, settings=SETTINGS)
    TROUBLES["WRONGTYPE"].begin(server.client())
    assert post(engine, "refused", "stored").status == 503
    ready = engine.admin("GET", "/ready")
    assert ready.status == 503 and "WRONGTYPE" in ready.json()["error"], ready.body
    wait_until(lambda: engine.admin("GET", "/ready").status == 200, "/ready turns 200")


def test_queued_is_kept_until_it_is_mended(starter, last_error):
    server = starter.redis()
    engine = starter.engine(server.url, settings=SETTINGS)
    last_error.begin(server.client())
    for number in range(20):
        assert post(engine, f"kept-{number}", "queued").status == 200
    wait_until(lambda: engine.status()["sinks"][0]["last_error"], "/status names the last_error")
    last_error.end(server.client())
    engine.wait_delivered()
    assert device_ids(server.client()) == [f"kept-{number}" for number in range(20)]


def test_both_levels_under_load(starter, last_error):
    server = starter.redis()
    engine = starter.engine(server.url, settings=SETTINGS)
    loads = [Load(engine.address, clients=3, ack=ack, name=ack).start() for ack in ("queued", "stored")]
    for load in loads:
        load.wait_for(100)
    client = server.client()
    last_error.begin(client)
    # With the code of the last_error, or with ack_timeout: `queued` samples in front are kept and hold up what follows.
    wait_until(lambda: loads[1].refused.total() > 5, "stored is refused")
    last_error.end(client)
    for load in loads:
        load.wait_for(len(load.acknowledged) + 100)
        load.stop()
    engine.wait_delivered()
    kept = device_ids(client) + device_ids(client, "elsewhere")
    for load in loads:
        load.assert_promises_kept([device_id for device_id in kept if device_id.startswith(load.name)], exactly_once=False)


def partition_of(device: str, partitions: int) -> int:
    """docs/consumers.md."""
    value = 0xcbf29ce484222325
    for byte in device.encode():
        value = (value ^ byte) * 0x100000001b3 % 2**64
    return (value ^ value >> 32) % partitions


@pytest.mark.parametrize("layout", ["fields", "packed"])
def test_a_client_is_told_what_to_send_again(starter, layout):
    """One of four streams cannot be written: the answer says which records failed, and sending those again stores the rest."""
    server = starter.redis()
    client = server.client()
    engine = starter.engine(server.url, settings={**SETTINGS, "sink.redis.partitions": 4, "sink.redis.layout": layout})
    client.set("telemetry:{1}", "text")
    records = [sample(f"d{index}") for index in range(60)]
    records[7] = {"device_id": "not a sample"}
    records[30] = {"device_id": "nor this"}
    with engine.connect() as connection:
        response = connection.post(records)
    answer = response.json()
    assert (response.status, response.code) == (503, "sink_refused"), answer
    expected = {index for index, record in enumerate(records) if "type" in record and partition_of(record["device_id"], 4) == 1}
    told = {index for first, last in answer["failed_records"] for index in range(first, last + 1)}
    assert told == expected and answer["failed"] == len(expected) and answer["stored"] == 58 - len(expected)
    assert answer["rejected"] == 2 and [error["index"] for error in answer["errors"]] == [7, 30]

    def stored() -> list[str]:
        devices = []
        for partition in range(4):
            entries = stream_entries(client, f"telemetry:{{{partition}}}") if client.type(f"telemetry:{{{partition}}}") == b"stream" else []
            devices += [json.loads(line)["device_id"] for entry in entries for line in entry.get(b"ndjson", b"").splitlines()]
            devices += [entry[b"device_id"].decode() for entry in entries if b"device_id" in entry]
        return devices
    assert sorted(stored()) == sorted(record["device_id"] for index, record in enumerate(records)
                                      if "type" in record and index not in expected)
    client.delete("telemetry:{1}")
    with engine.connect() as connection:
        assert connection.post([records[index] for index in sorted(told)]).status == 200
    assert sorted(stored()) == sorted(record["device_id"] for record in records if "type" in record), "each is stored once"


def test_a_wrong_password(starter):
    server = starter.redis(arguments=("--requirepass", "right"))
    engine = starter.engine(f"redis://:wrong@127.0.0.1:{server.port}", until="/health", settings=SETTINGS)
    assert post(engine, "kept", "queued").status == 200
    ready = wait_until(lambda: (answer := engine.admin("GET", "/ready")).status == 503 and answer, "/ready says no")
    assert "WRONGPASS" in ready.json()["error"] or "password" in ready.json()["error"].lower(), ready.body
    assert b"wrong" not in engine.admin("GET", "/status").body.replace(b"WRONGPASS", b"")
    server.client(password="right").config_set("requirepass", "wrong")
    engine.wait_delivered()
    assert device_ids(server.client(password="wrong")) == ["kept"]


def test_a_password_that_changes_while_connected(starter):
    server = starter.redis(arguments=("--requirepass", "first"))
    engine = starter.engine(f"redis://:first@127.0.0.1:{server.port}", settings=SETTINGS)
    assert post(engine, "before", "stored").status == 200
    client = server.client(password="first")
    client.config_set("requirepass", "second")
    client.client_kill_filter(_type="normal", skipme=True)
    assert post(engine, "kept", "queued").status == 200
    server.client(password="second").config_set("requirepass", "first")
    engine.wait_delivered()
    assert device_ids(server.client(password="first")) == ["before", "kept"]


def test_something_that_is_not_redis(starter):
    """A peer that speaks another protocol is a reason to reconnect, not to crash."""
    other = starter.engine("null:", ack="queued")
    engine = starter.engine("redis://{}:{}".format(*other.address), until="/health",
                            settings={**SETTINGS, "drain_timeout": "100ms"})
    assert post(engine, "lost cause", "queued").status == 200
    assert wait_until(lambda: engine.status()["sinks"][0]["last_error"], "/status names the last_error")
    assert engine.admin("GET", "/health").status == 200
    engine.signal(signal.SIGTERM)
    assert engine.wait_exit() == 1
