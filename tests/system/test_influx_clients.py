"""The client of InfluxDB 1 for Python, as Debian has it, pointed at Sluice: what it was told is stored, is stored."""
# runs: release.io_uring

import json
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from influxdb import InfluxDBClient
from influxdb.exceptions import InfluxDBClientError, InfluxDBServerError

from harness import wait_until
from harness.tenants import MeteredTenant


def client_of(engine, password: str = "password", **options) -> closing:
    host, port = engine.address
    return closing(InfluxDBClient(host, port, "user", password, "metrics", timeout=20, retries=1, **options))


def points(count: int, first: int = 0) -> list[dict]:
    return [{"measurement": "cpu load", "tags": {"host": f"h,{number}", "région": "ü= x"}, "time": 1_700_000_000_000_000_000 + number,
             "fields": {"usage": number / 4, "ticks": number, "idle": number % 2 == 0, "note": 'say "x" \\ ü'}}
            for number in range(first, first + count)]


def stored(server) -> list[dict]:
    return [{name.decode(): value.decode() for name, value in fields.items()} for _, fields in server.client().xrange("telemetry")]


def assert_arrived(entries: list[dict], expected: list[dict]) -> None:
    assert len(entries) == len(expected)
    for entry, point in zip(entries, expected):
        assert (entry["type"], entry["device_id"], int(entry["ts"])) == (point["measurement"], point["tags"]["host"], point["time"])
        assert json.loads(entry["values"]) == point["fields"] and json.loads(entry["metadata"]) == point["tags"]


def test_a_client_at_work(starter):
    server = starter.redis()
    engine = starter.engine(server.url)
    with client_of(engine) as client:
        assert client.ping() == "1.8.10"
        client.create_database("metrics")
        assert client.get_list_database() == [{"name": "telemetry"}]
        assert client.write_points(points(500), batch_size=200)
        assert client.write_points(points(1, 500), time_precision="n", protocol="json")
        assert client.write_points(["m,host=a f=1i 7", "m,host=a f=2i 8"], protocol="line", time_precision="ms")
    entries = stored(server)
    assert_arrived(entries[:501], points(501))
    assert [(entry["ts"], entry["values"]) for entry in entries[501:]] == [("7000000", '{"f":1}'), ("8000000", '{"f":2}')]


def test_a_client_below_influx(starter):
    server = starter.redis()
    with client_of(starter.engine(server.url), path="influx") as client:
        assert client.ping() == "1.8.10" and client.write_points(points(3))
    assert_arrived(stored(server), points(3))


def test_a_client_is_told_of_a_bad_line(starter):
    server = starter.redis()
    with client_of(starter.engine(server.url)) as client, pytest.raises(InfluxDBClientError) as refused:
        client.write_points(["m f=1 1", "bad line", "m f=2 2"], protocol="line")
    assert refused.value.code == 400 and "(line 2)" in str(refused.value)
    assert len(stored(server)) == 2


def write_until_told(client: InfluxDBClient, points_written: list[dict], patience_s: float = 30) -> int:
    """As a program that keeps what was not taken; how often it was refused."""
    refusals = 0
    end = time.monotonic() + patience_s
    while True:
        try:
            assert client.write_points(points_written)
            return refusals
        except (InfluxDBServerError, OSError):
            assert time.monotonic() < end, "it is never taken"
            refusals += 1
            time.sleep(0.1)


def test_nothing_is_lost_while_the_engine_is_paused(starter):
    server = starter.redis()
    engine = starter.engine(server.url)
    with client_of(engine) as client:
        assert engine.admin("POST", "/stop").status == 200
        with pytest.raises(InfluxDBServerError):
            client.write_points(points(5))
        assert engine.admin("POST", "/start").status == 200
        write_until_told(client, points(5))
    assert_arrived(stored(server), points(5))


def test_nothing_is_lost_while_redis_is_away(starter):
    server = starter.redis(persistent=True)
    engine = starter.engine(server.url, settings={"sink.redis.backoff_max": "200ms", "ack_timeout": "300ms"})
    with client_of(engine) as client:
        assert client.write_points(points(5))
        server.kill()
        wait_until(lambda: engine.admin("GET", "/ready").status == 503, "the sink has noticed")
        with pytest.raises(InfluxDBServerError):
            client.write_points(points(5, 5))
        server.start()
        write_until_told(client, points(5, 5))
    times = [int(entry["ts"]) for entry in stored(server)]
    assert set(times) == {point["time"] for point in points(10)}, "perhaps twice, never lost"


def test_nothing_is_lost_when_the_engine_is_killed(starter):
    server = starter.redis()
    engine = starter.engine(server.url)
    with client_of(engine) as client:
        assert client.write_points(points(5))
        engine.kill()
        with pytest.raises((InfluxDBServerError, OSError)):
            client.write_points(points(5, 5))
        engine.start()
        write_until_told(client, points(5, 5))
    assert_arrived(stored(server), points(10))


def test_nothing_is_lost_while_its_quota_is_spent(starter, workspace):
    server = starter.redis()
    tenant = MeteredTenant(workspace / "tenants.toml")
    engine = starter.engine(server.url, settings=tenant.settings)
    written = refusals = 0
    with client_of(engine, tenant.token) as client, ThreadPoolExecutor(1) as other:
        lowered = other.submit(tenant.lower_quota_for, engine, 1.2)
        while not lowered.done():
            refusals += write_until_told(client, points(1, written))
            written += 1
            time.sleep(0.01)
        lowered.result()
    assert refusals > 0
    assert_arrived(stored(server), points(written))
