"""The same samples in every format: equal in Redis in each layout, in the journal, and after a replay; and the settings of names."""
# runs: release.io_uring release.epoll

import json
import tempfile
from pathlib import Path

import pytest
import snappy

from harness import wait_until
from harness.journal import journal
from harness.protobuf import fixed64, number, real, text

NOW_MS = 1_700_000_123_456
NOW_NS = NOW_MS * 1_000_000
PROTOBUF = "application/x-protobuf"
SAMPLES = [(f"device-{index % 7}", f"type-{index % 3}", value) for index, value in
           enumerate([0.1, -0.0, 27.0, 1e22, 5e-324, -1.5e300, 123456.0, 100000.0, 2.0**53, 1 / 3] * 3)]


def as_json() -> tuple:
    records = [{"device_id": device, "type": kind, "value": value, "timestamp": NOW_NS} for device, kind, value in SAMPLES]
    return "/telemetry?precision=ns", "application/x-ndjson", None, "".join(json.dumps(record) + "\n" for record in records).encode()


def as_lines() -> tuple:
    lines = "".join(f"{kind},device={device} value={value!r} {NOW_NS}\n" for device, kind, value in SAMPLES)
    return "/write", "text/plain", None, lines.encode()


def as_remote_write() -> tuple:
    def label(name: str, value: str) -> bytes:
        return text(1, text(1, name) + text(2, value))
    series = [label("__name__", kind) + label("device_id", device) + text(2, real(1, value) + number(2, NOW_MS))
              for device, kind, value in SAMPLES]
    return "/api/v1/write", PROTOBUF, "snappy", snappy.compress(b"".join(text(1, one) for one in series))


def as_otlp() -> tuple:
    def attribute(key: str, value: str) -> bytes:
        return text(1, key) + text(2, text(1, value))
    metrics = [text(1, kind) + text(5, text(1, fixed64(3, NOW_NS) + real(4, value) + text(7, attribute("device.id", device))))
               for device, kind, value in SAMPLES]
    return "/v1/metrics", PROTOBUF, None, text(1, text(2, b"".join(text(2, metric) for metric in metrics)))


def as_protobuf() -> tuple:
    samples = [text(1, device) + text(2, kind) + text(3, real(1, value)) + fixed64(6, NOW_NS) for device, kind, value in SAMPLES]
    return "/telemetry", PROTOBUF, None, b"".join(text(1, one) for one in samples)


FORMATS = [as_json, as_lines, as_remote_write, as_otlp, as_protobuf]


def post_all(engine) -> None:
    with engine.connect() as connection:
        for make in FORMATS:
            target, content_type, coding, body = make()
            headers = [("Content-Type", content_type)] + ([("Content-Encoding", coding)] if coding else [])
            response = connection.request("POST", target, body, headers)
            assert response.status in (200, 204), (make, response.body)
    engine.wait_delivered()


def of_fields(client) -> list[tuple]:
    return [tuple(entry[name].decode() for name in (b"device_id", b"type", b"value", b"ts")) for _, entry in client.xrange("telemetry")]


def of_records(records) -> list[tuple]:
    """The value as the record writes it."""
    parsed = [json.loads(record, parse_float=str, parse_int=str) for record in records]
    return [(one["device_id"], one["type"], one["value"], one["timestamp"]) for one in parsed]


def of_lists(client) -> list[tuple]:
    return of_records(client.lrange("telemetry_queue", 0, -1))


READERS = {"fields": of_fields, "list": of_lists, "json": lambda client: of_records(entry[b"json"] for _, entry in client.xrange("telemetry")),
           "packed": lambda client: of_records(line for _, entry in client.xrange("telemetry") for line in entry[b"ndjson"].splitlines())}


def assert_equal_in_every_format(stored: list[tuple]) -> None:
    count = len(SAMPLES)
    assert len(stored) == len(FORMATS) * count
    expected = sorted((device, kind, value, str(NOW_NS)) for device, kind, value in SAMPLES)
    for index, make in enumerate(FORMATS):
        of_format = sorted((device, kind, float(value), ts) for device, kind, value, ts in stored[index * count:(index + 1) * count])
        assert of_format == expected, make
    # Of those whose numbers are no text, also in their text.
    texts = [stored[index * count:(index + 1) * count] for index in range(FORMATS.index(as_remote_write), len(FORMATS))]
    assert all(one == texts[0] for one in texts)


@pytest.mark.parametrize("layout", READERS)
def test_equal_in_redis(starter, layout):
    server = starter.redis()
    engine = starter.engine(server.url, settings={"sink.redis.layout": layout})
    post_all(engine)
    assert_equal_in_every_format(READERS[layout](server.client()))


@pytest.mark.parametrize("layout", READERS)
def test_equal_behind_a_journal(starter, workspace, layout):
    server = starter.redis()
    directory = Path(tempfile.mkdtemp(dir=workspace))
    engine = starter.engine(server.url, settings={"sink.redis.layout": layout, "journal.directory": directory})
    post_all(engine)
    read = READERS[layout]
    wait_until(lambda: len(read(server.client())) == len(FORMATS) * len(SAMPLES), "Redis has all")
    assert_equal_in_every_format(read(server.client()))


def test_equal_after_a_replay(starter, workspace):
    directory = Path(tempfile.mkdtemp(dir=workspace))
    engine = starter.engine(f"journal:{directory}")
    post_all(engine)
    server = starter.redis()
    replayed = journal("replay", directory, "--to", server.url)
    assert replayed.returncode == 0, replayed.stderr
    assert_equal_in_every_format(of_fields(server.client()))


def test_settings_of_names(starter):
    server = starter.redis()
    engine = starter.engine(server.url, settings={
        "influx.device_tags": "serial,device", "influx.device_required": "true", "influx.precision": "auto", "influx.keep_database": "false",
        "prometheus.device_labels": "pod,device_id", "otlp.device_attributes": "device.id", "otlp.keep_resource": "false"})
    post_all(engine)
    with engine.connect() as connection:
        response = connection.request("POST", "/write?db=plant", b"m,serial=s,device=d value=1 1700000123\nm,rack=r value=1\n", [])
        assert response.status == 400 and b"(line 2)" in response.body and b"dropped=1" in response.body
    [*_, (_, last)] = server.client().xrange("telemetry")
    assert (last[b"device_id"], last[b"ts"]) == (b"s", b"1700000123000000000") and b"db" not in last
    assert engine.status()["latest_sample"]["device_id"] == "s"
