"""Where samples go in Redis: layouts, partitions, trimming, and the ways to reach and enter a Redis."""
# runs: release.io_uring release.epoll asan.io_uring

import json

import pytest

from harness import device_ids, ndjson, sample, stream_entries


def start(starter, server, **settings):
    settings = {f"sink.redis.{name}": value for name, value in settings.items()}
    return starter.engine(server.url, settings=settings)


def post_batch(engine, count: int) -> list[dict]:
    records = [sample(f"d{index}", value=index, timestamp=1767027837000000000 + index) for index in range(count)]
    with engine.connect() as connection:
        assert connection.post(ndjson(records), content_type="application/x-ndjson").status == 200
    return records


def test_json_keeps_the_sample_as_it_came(starter):
    server = starter.redis()
    engine = start(starter, server, layout="json")
    raw = b'{ "device_id":"a" , "type":"t","value":1.50, "\\u0065xtra":[1, 2] }'
    with engine.connect() as connection:
        assert connection.post(b"  " + raw + b"\n").status == 200
        assert connection.post(b"[" + raw + b" ," + raw + b"]").status == 200
    assert [entry[b"json"] for entry in stream_entries(server.client())] == [raw] * 3


def test_list_feeds_the_telemetryhub_processing_service(starter):
    server = starter.redis()
    engine = start(starter, server, layout="list")
    records = post_batch(engine, 100)
    client = server.client()
    assert [json.loads(client.lpop("telemetry_queue")) for _ in records] == records
    assert client.lpop("telemetry_queue") is None


def test_packed_makes_one_entry_of_a_batch(starter):
    server = starter.redis()
    engine = start(starter, server, layout="packed")
    records = post_batch(engine, 2000)
    engine.wait_delivered()
    entries = stream_entries(server.client())
    assert len(entries) < 200, "packed is to make far fewer entries than samples"
    unpacked = []
    for entry in entries:
        lines = [json.loads(line) for line in entry[b"ndjson"].splitlines()]
        stamps = [line["timestamp"] for line in lines]
        assert (int(entry[b"n"]), int(entry[b"first_ts"]), int(entry[b"last_ts"])) == (len(lines), min(stamps), max(stamps))
        unpacked += lines
    assert unpacked == records


def test_packed_writes_each_record_on_one_line(starter):
    """A sample may hold line breaks between its members; an ndjson line may not."""
    server = starter.redis()
    engine = start(starter, server, layout="packed")
    with engine.connect() as connection:
        assert connection.post(b'{\r\n "device_id":"a",\n "type":"t", "value":1\n}').status == 200
    [entry] = stream_entries(server.client())
    assert int(entry[b"n"]) == 1
    assert [json.loads(line)["device_id"] for line in entry[b"ndjson"].splitlines()] == ["a"]


@pytest.mark.parametrize("layout", ["fields", "packed"])
def test_partitions_keep_a_device_together(starter, layout):
    server = starter.redis()
    engine = start(starter, server, layout=layout, partitions=4)
    with engine.connect() as connection:
        for number in range(5):
            body = ndjson(sample(f"d{device}", value=number) for device in range(100))
            assert connection.post(body, content_type="application/x-ndjson").status == 200
    client = server.client()
    assert sorted(client.keys()) == [b"telemetry:{%d}" % partition for partition in range(4)]
    seen: dict[str, list[int]] = {}
    for partition in range(4):
        entries = stream_entries(client, f"telemetry:{{{partition}}}")
        records = ([json.loads(line) for entry in entries for line in entry[b"ndjson"].splitlines()] if layout == "packed"
                   else [{"device_id": entry[b"device_id"].decode(), "value": int(entry[b"value"])} for entry in entries])
        devices = {record["device_id"] for record in records}
        assert devices and not devices & seen.keys(), "a device is in two partitions"
        for record in records:
            seen.setdefault(record["device_id"], []).append(record["value"])
    assert len(seen) == 100 and all(values == list(range(5)) for values in seen.values())


def test_maxlen_trims_the_stream(starter):
    server = starter.redis()
    engine = start(starter, server, maxlen=1000)
    post_batch(engine, 5000)
    # `MAXLEN ~` trims whole nodes of stream-node-max-entries (100) entries.
    assert 1000 <= server.client().xlen("telemetry") <= 1100


@pytest.mark.parametrize("layout", ["fields", "json", "packed"])
def test_maxage_trims_the_stream(starter, layout):
    server = starter.redis(arguments=("--stream-node-max-entries", 1))  # `MINID ~` trims whole nodes
    client = server.client()
    hour_ago_ms = server.client().time()[0] * 1000 - 3600 * 1000
    for age_s in (7200, 60):
        client.xadd("telemetry", {"device_id": f"{age_s} s old"}, id=f"{hour_ago_ms + (3600 - age_s) * 1000}-0")
    engine = start(starter, server, maxage="1h", layout=layout)
    post_batch(engine, 3)
    entries = stream_entries(client)
    assert entries[0] == {b"device_id": b"60 s old"}, "what is older than an hour is gone, and nothing else"
    assert len(entries) == (2 if layout == "packed" else 4)


def test_another_stream_name(starter):
    server = starter.redis()
    engine = start(starter, server, stream="plant-7")
    post_batch(engine, 1)
    assert device_ids(server.client(), "plant-7") == ["d0"]


def test_unix_socket(starter):
    server = starter.redis(unix=True)
    engine = starter.engine(server.url)
    post_batch(engine, 10)
    assert server.client().xlen("telemetry") == 10


def test_another_database(starter):
    server = starter.redis()
    engine = starter.engine(f"{server.url}/3")
    post_batch(engine, 10)
    assert server.client().xlen("telemetry") == 0
    assert server.client(db=3).xlen("telemetry") == 10


def test_password_only(starter):
    server = starter.redis(arguments=("--requirepass", "s3cret"))
    engine = starter.engine(f"redis://:s3cret@127.0.0.1:{server.port}")
    post_batch(engine, 10)
    assert server.client(password="s3cret").xlen("telemetry") == 10
    assert "s3cret" not in engine.log() and b"s3cret" not in engine.admin("GET", "/status").body


def test_acl_user_that_may_only_add(starter):
    server = starter.redis(arguments=("--user", "writer", "on", ">pa:ss@word", "~telemetry", "+xadd"))
    engine = starter.engine(f"redis://writer:pa%3Ass%40word@127.0.0.1:{server.port}")
    post_batch(engine, 10)
    assert server.client().xlen("telemetry") == 10


def test_user_and_password_from_settings(starter):
    server = starter.redis(arguments=("--user", "writer", "on", ">s3cret", "~telemetry", "+xadd"))
    engine = start(starter, server, user="writer", password="s3cret")
    post_batch(engine, 10)
    assert server.client().xlen("telemetry") == 10


def test_null_sink_counts_and_discards(starter):
    engine = starter.engine("null:", ack="queued")
    post_batch(engine, 100)
    engine.wait_delivered()
    assert engine.samples()["delivered"] == 100


def test_null_sink_promises_nothing(starter):
    """Whatever level a client asks for: its requests are taken, and the answer says that nothing is kept."""
    engine = starter.engine("null:")
    with engine.connect() as connection:
        for query in ("", "?ack=queued", "?ack=journaled", "?ack=stored", "?ack=replicated"):
            for content in (sample("a"), [sample("a"), sample("b")], [sample("a"), {}]):
                response = connection.post(content, query=query)
                assert response.status in (200, 207) and response.json()["ack"] == "none", response.body
        assert connection.post(sample("a"), query="?ack=none").code == "bad_ack"


def test_fields_keep_the_kind_of_a_value(starter):
    server = starter.redis()
    engine = start(starter, server)
    values = [1.5, "1.5", True, "true", False, "", 0]
    with engine.connect() as connection:
        assert connection.post([sample("a", value=value, value_type="mine") for value in values]).status == 200
    kinds = {b"bool": lambda text: text == b"true", b"string": bytes.decode, None: json.loads}
    entries = stream_entries(server.client())
    read = [kinds[entry.get(b"value_type")](entry[b"value"]) for entry in entries]
    assert [(type(value), value) for value in read] == [(type(value), value) for value in values]
    assert all(entry[b"member.value_type"] == b"mine" for entry in entries)


def test_status_shows_the_latest_sample_as_it_came(starter):
    server = starter.redis()
    engine = start(starter, server)
    numbers = b'{ "device_id":"a" , "type":"t","value":27.30, "n":12345678901234567.89,"e":1E2,"u":"\\u00e9" }'
    long = b'{"device_id":"b","type":"t","value":1,"note":"%s"}' % (b"x" * 16000)
    with engine.connect() as connection:
        for raw in (numbers, long, b'{"device_id":"c","type":"t","value":2}'):
            assert connection.post(b"[" + numbers + b"," + raw + b"]").status == 200
            assert b'"latest_sample":' + raw + b"," in engine.admin("GET", "/status").body
            assert engine.status()["latest_sample"] == json.loads(raw)


def test_several_reactors_share_a_redis(starter):
    server = starter.redis()
    engine = starter.engine(server.url, cores="0,1")
    connections = [engine.connect() for _ in range(40)]
    for index, connection in enumerate(connections):
        assert connection.post(sample(f"d{index}")).status == 200
        connection.close()
    assert sorted(device_ids(server.client())) == sorted(f"d{index}" for index in range(40))
    accepted = [reactor["samples"]["accepted"] for reactor in engine.status()["reactors"]]
    assert len(accepted) == 2 and sum(accepted) == 40
