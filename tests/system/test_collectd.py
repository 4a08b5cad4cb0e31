"""POST /collectd: value lists as collectd's plugin write_http writes them. test_collectd_client.py runs collectd itself."""
# runs: release.io_uring release.epoll

import json
from collections import Counter

import pytest

from harness import assert_conserved, stream_entries

JSON = ("Content-Type", "application/json")


def value_list(**members) -> dict:
    record = {"values": [27.5], "dstypes": ["gauge"], "dsnames": ["value"], "time": 1700000000.125, "interval": 10, "host": "a",
              "plugin": "cpu", "plugin_instance": "0", "type": "percent", "type_instance": "idle", **members}
    return {name: value for name, value in record.items() if value is not None}


def post(http, body, query: str = "", headers=(JSON,)):
    return http.request("POST", "/collectd" + query, body if isinstance(body, bytes) else json.dumps(body).encode(), list(headers))


DISK = value_list(values=[197141504, None], dstypes=["derive", "derive"], dsnames=["read", "write"], plugin="disk", plugin_instance="sda",
                  type="disk_octets", type_instance="", meta={"network:received": True})


def test_value_lists_are_stored(stack, http):
    response = post(http, [value_list(), DISK, value_list(values=[None])])
    assert (response.status, response.json()["ack"]) == (200, "stored")
    first, second, third = [{name.decode(): value.decode() for name, value in entry.items()} for entry in stream_entries(stack.redis)]
    metadata = {"plugin": "cpu", "plugin_instance": "0", "type": "percent", "type_instance": "idle", "interval": 10, "dstypes": ["gauge"]}
    assert json.loads(first.pop("metadata")) == metadata
    assert first == {"device_id": "a", "type": "cpu-0/percent-idle", "value": "27.5", "ts": "1700000000125000000"}
    assert json.loads(second["values"]) == {"read": 197141504, "write": "NaN"} and second["type"] == "disk-sda/disk_octets"
    assert third["value"] == "NaN"


@pytest.mark.parametrize("layout", ["fields", "json", "packed"])
def test_a_value_list_is_the_sample_that_its_record_is(starter, layout):
    """The canonical record, posted as JSON, gives the identical entry in each layout."""
    records = [
        '{"device_id":"a","type":"cpu-0/percent-idle","value":27.5,"timestamp":1700000000125000000,"metadata":{"plugin":"cpu",'
        '"plugin_instance":"0","type":"percent","type_instance":"idle","interval":10,"dstypes":["gauge"]}}',
        '{"device_id":"a","type":"disk-sda/disk_octets","values":{"read":197141504,"write":"NaN"},"timestamp":1700000000125000000,'
        '"metadata":{"plugin":"disk","plugin_instance":"sda","type":"disk_octets","interval":10,"dstypes":["derive","derive"]}}']
    contents = []
    for target, bodies in (("/collectd", [json.dumps([one]) for one in (value_list(), DISK)]), ("/telemetry?precision=ns", records)):
        server = starter.redis()
        engine = starter.engine(server.url, settings={"sink.redis.layout": layout})
        with engine.connect() as http:
            for body in bodies:
                assert http.request("POST", target, body.encode(), [JSON]).status == 200
        contents.append(stream_entries(server.client()))
    assert contents[0] == contents[1] and len(contents[0]) == 2


def test_a_bad_value_list_refuses_itself_only(stack, http):
    before = Counter(stack.engine.status()["reactors"][0]["samples"]["rejected"])
    bodies = {
        "bad_value_list": value_list(values=[1, 2]), "missing_device_id": value_list(host=None), "bad_timestamp": value_list(time=-1),
        "bad_type": value_list(plugin="p" * 129), "bad_device_id": value_list(host="h" * 129), "not_an_object": 7,
        "sample_too_large": value_list(meta={"text": "x" * 17_000}), "too_many_values": value_list(values=[0] * 1025)}
    response = post(http, [value_list(), *bodies.values(), DISK])
    assert response.status == 207 and response.json()["accepted"] == 2
    assert [error["code"] for error in response.json()["errors"]] == list(bodies)
    assert [error["index"] for error in response.json()["errors"]] == list(range(1, len(bodies) + 1))
    assert Counter(stack.engine.status()["reactors"][0]["samples"]["rejected"]) - before == Counter(list(bodies))
    assert_conserved(stack.engine.status())
    assert stack.redis.xlen("telemetry") == 2


def test_text_that_is_no_json_inside_a_value_list(stack, http):
    good = json.dumps(value_list()).encode()
    for bad in (good.replace(b"27.5", b"nan"), good.replace(b'"a"', b'"\xff"'), good.replace(b"27.5", b"27.5,")):
        response = post(http, b"[" + good + b"," + bad + b"," + good + b"]")
        assert (response.status, response.json()["errors"][0]["code"]) == (207, "bad_value_list")
    assert stack.redis.xlen("telemetry") == 6


@pytest.mark.parametrize("body, code", [
    (b"", "empty_body"), (b"[]", "no_samples"), (json.dumps(DISK).encode(), "wrong_json_type"), (b"PUTVAL a/b/c 1:2", "invalid_json"),
    (json.dumps([DISK]).encode()[:-1], "invalid_json"), (json.dumps([DISK]).encode()[:-30], "invalid_json"),
    (b"[" + b"[" * 10_000, "json_too_deep")])
def test_what_is_no_array_is_refused_whole(stack, http, body, code):
    response = post(http, body)
    assert (response.status, response.code) == (400, code)
    assert stack.redis.xlen("telemetry") == 0


def test_how_it_is_asked_for(stack, http):
    assert post(http, [DISK], headers=()).status == 200
    assert post(http, [DISK], headers=[("Content-Type", "text/plain")]).status == 415, "write_http with Format Command"
    assert post(http, [DISK], "?ack=queued&x=y").json()["ack"] == "queued"
    assert http.request("GET", "/collectd").status == 405
    key = [JSON, ("Idempotency-Key", "k")]
    assert [post(http, [value_list(host="once")], headers=key).status for _ in range(2)] == [200, 200]
    assert sum(entry[b"device_id"] == b"once" for entry in stream_entries(stack.redis)) == 1
