"""What a well-behaved client gets: samples in, exactly those in the stream, and answers that say so."""
# runs: release.io_uring release.epoll asan.io_uring asan.epoll tsan.io_uring tsan.epoll fast user

import json

import pytest

from harness import assert_conserved, device_ids, ndjson, sample, stream_entries

NDJSON = "application/x-ndjson"


def test_one_sample_is_in_the_stream_when_it_is_answered(stack, http):
    response = http.post(sample(timestamp="2025-12-29T17:03:57.123Z", priority="MEDIUM",
                                metadata={"location": "zone-3"}, firmware="2.3.1"))
    assert response.status == 200
    assert response.header("Content-Type") == "application/json"
    answer = response.json()
    assert answer["ok"] is True and answer["ack"] == "stored" and answer["message"] == "Telemetry received"

    [entry] = stream_entries(stack.redis)
    assert entry[b"device_id"] == b"sensor-17"
    assert entry[b"ts"] == b"1767027837123000000"
    assert (entry[b"type"], entry[b"value"], entry[b"unit"]) == (b"temperature", b"27.3", b"celsius")
    assert entry[b"priority"] == b"MEDIUM"
    assert json.loads(entry[b"metadata"]) == {"location": "zone-3"}
    assert entry[b"firmware"] == b"2.3.1"


def test_an_array_is_a_batch(stack, http):
    response = http.post([sample(f"d{index}") for index in range(50)])
    assert response.status == 200 and response.json()["ok"] is True
    assert device_ids(stack.redis) == [f"d{index}" for index in range(50)]


def test_ndjson_is_a_batch(stack, http):
    body = ndjson(sample(f"d{index}") for index in range(1000))
    response = http.post(body, content_type=NDJSON)
    assert response.status == 200 and response.json()["ok"] is True
    assert device_ids(stack.redis) == [f"d{index}" for index in range(1000)]


@pytest.mark.parametrize("body", [
    pytest.param(b'{"device_id":"a","type":"t","value":1}', id="no final newline"),
    pytest.param(b'{"device_id":"a","type":"t","value":1}\r\n', id="CRLF"),
    pytest.param(b'\n\n{"device_id":"a","type":"t","value":1}\n\n', id="blank lines"),
])
def test_ndjson_line_ends(stack, http, body):
    assert http.post(body, content_type=NDJSON).status == 200
    assert device_ids(stack.redis) == ["a"]


@pytest.mark.parametrize("content_type", ["application/json", "application/json; charset=utf-8", "Application/JSON"])
def test_content_type_is_compared_as_media_types_are(stack, http, content_type):
    assert http.post(sample(), content_type=content_type).status == 200


@pytest.mark.parametrize("value, stored", [
    (27.3, b"27.3"), (0, b"0"), (-1, b"-1"), (True, b"true"), (False, b"false"), ("open", b"open"),
    ("line\r\nbreak", b"line\r\nbreak"), ("\u00e4\u20ac\U0001f600", "\u00e4\u20ac\U0001f600".encode()),
])
def test_value_kinds(stack, http, value, stored):
    assert http.post(sample(value=value)).status == 200
    assert [entry[b"value"] for entry in stream_entries(stack.redis)] == [stored]


def test_values_of_several_measurements(stack, http):
    values = {"temperature": 21.5, "open": True, "mode": "auto"}
    assert http.post({"device_id": "multi", "values": values}).status == 200
    [entry] = stream_entries(stack.redis)
    assert json.loads(entry[b"values"]) == values


@pytest.mark.parametrize("query, timestamp, stored", [
    ("", 1767027837, 1767027837000000000),
    ("", 1767027837123, 1767027837123000000),
    ("", 1767027837123456, 1767027837123456000),
    ("", 1767027837123456789, 1767027837123456789),
    ("", "2025-12-29T17:03:57Z", 1767027837000000000),
    ("", "2025-12-29T18:03:57.5+01:00", 1767027837500000000),
    ("?precision=s", 1767027837, 1767027837000000000),
    ("?precision=ms", 1767027837123, 1767027837123000000),
    ("?precision=ms", 5, 5000000),
    ("?precision=us", 5, 5000),
    ("?precision=ns", 5, 5),
])
def test_timestamps_become_nanoseconds(stack, http, query, timestamp, stored):
    assert http.post(sample(timestamp=timestamp), query=query).status == 200
    assert [int(entry[b"ts"]) for entry in stream_entries(stack.redis)] == [stored]


def test_arrival_time_stands_in_for_a_missing_timestamp(stack, http):
    seconds, microseconds = stack.redis.time()
    assert http.post(sample()).status == 200
    [entry] = stream_entries(stack.redis)
    # The stamp is the arrival, seen from Redis's clock of the same machine: within the length of this test.
    assert 0 <= int(entry[b"ts"]) / 1e9 - (seconds + microseconds / 1e6) < 10


@pytest.mark.parametrize("ack", ["queued", "stored"])
def test_ack_is_chosen_by_the_request_and_named_in_the_answer(stack, http, ack):
    response = http.post(sample(), query=f"?ack={ack}")
    assert response.status == 200 and response.json()["ack"] == response.header("Sluice-Ack") == ack
    stack.engine.wait_delivered()
    assert device_ids(stack.redis) == ["sensor-17"]


def test_query_parameters_combine(stack, http):
    response = http.post(sample(timestamp=7), query="?precision=us&ack=queued")
    assert response.status == 200 and response.json()["ack"] == "queued"
    stack.engine.wait_delivered()
    assert [entry[b"ts"] for entry in stream_entries(stack.redis)] == [b"7000"]


def test_samples_of_one_device_keep_their_order(stack, http):
    for number in range(200):
        assert http.post(sample("one-device", value=number), query="?ack=queued").status == 200
    stack.engine.wait_delivered()
    assert [int(entry[b"value"]) for entry in stream_entries(stack.redis)] == list(range(200))


def test_a_batch_reports_each_refused_record(stack, http):
    response = http.post([sample("a"), {"invalid_field": "bad_data"}, sample("b"), 7, sample("c", priority="URGENT")])
    assert (response.status, response.header("Sluice-Ack")) == (207, "stored")
    answer = response.json()
    assert (answer["accepted"], answer["rejected"]) == (2, 3)
    assert [(error["index"], error["code"]) for error in answer["errors"]] == [
        (1, "missing_device_id"), (3, "not_an_object"), (4, "bad_priority")]
    assert all(error["error"] for error in answer["errors"])
    assert device_ids(stack.redis) == ["a", "b"]


def test_an_ndjson_batch_refuses_broken_lines_only(stack, http):
    lines = [json.dumps(sample("a")).encode(), b'{"device_id":', b"\xff\xfe", json.dumps(sample("b")).encode()]
    response = http.post(b"\n".join(lines), content_type=NDJSON)
    assert response.status == 207
    answer = response.json()
    assert (answer["accepted"], answer["rejected"]) == (2, 2)
    assert [error["index"] for error in answer["errors"]] == [1, 2]
    assert answer["errors"][0]["code"] == "malformed_record"
    assert device_ids(stack.redis) == ["a", "b"]


def test_a_batch_of_refused_records_only_is_refused(stack, http):
    response = http.post([{"a": 1}, {"b": 2}])
    assert response.status == 400 and response.code == "all_records_refused" and response.header("Sluice-Ack") is None
    assert [error["code"] for error in response.json()["errors"]] == ["missing_device_id"] * 2
    assert stack.redis.xlen("telemetry") == 0


def test_a_batch_lists_the_first_hundred_errors_and_counts_all(stack, http):
    response = http.post([{"a": 1}] * 150 + [sample()])
    assert response.status == 207
    answer = response.json()
    assert (answer["accepted"], answer["rejected"]) == (1, 150)
    assert [error["index"] for error in answer["errors"]] == list(range(100))


def test_broken_json_at_the_end_of_an_array_refuses_all_of_it(stack, http):
    response = http.post(json.dumps([sample(f"d{index}") for index in range(500)])[:-1].encode())
    assert response.status == 400 and response.code == "invalid_json"
    assert stack.redis.xlen("telemetry") == 0


def test_a_large_body_spans_many_receive_buffers_and_batches(stack, http):
    records = [sample(f"d{index}", note="x" * 500) for index in range(5000)]
    response = http.post(ndjson(records), content_type=NDJSON)
    assert response.status == 200
    assert device_ids(stack.redis) == [record["device_id"] for record in records]


def test_health_and_ready(stack, http):
    response = http.request("GET", "/health")
    assert (response.status, response.json()) == (200, {"status": "ok"})
    assert http.request("GET", "/ready").status == 200


def test_the_figures_add_up(stack, http):
    before = stack.engine.status()["reactors"][0]["samples"]
    assert http.post([sample("a"), {"no": "device"}]).status == 207
    assert http.post(sample("b"), query="?ack=queued").status == 200
    stack.engine.wait_delivered()
    status = stack.engine.status()
    assert_conserved(status)
    after = status["reactors"][0]["samples"]
    grown = {name: after[name] - before[name] for name in ("received", "accepted", "delivered")}
    assert grown == {"received": 3, "accepted": 2, "delivered": 2}
    refused = after["rejected"]["missing_device_id"] - before["rejected"].get("missing_device_id", 0)
    assert refused == 1
