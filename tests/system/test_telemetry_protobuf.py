"""POST /telemetry as Protocol Buffers: by the classes that protoc makes of parsers/telemetry/telemetry.proto."""
# runs: release.io_uring release.epoll asan.io_uring

import importlib.util
import json
import subprocess

import pytest

from test_redis_errors import SETTINGS, partition_of

from harness import assert_conserved, stream_entries, wait_until
from harness.engine import PROJECT
from harness.protobuf import fixed64, number, real, text, varint

BATCH = "application/x-protobuf"
SAMPLE = BATCH + "; proto=sluice.v1.TelemetrySample"
DELIMITED = "application/x-protobuf-delimited"
NOW_NS = 1_700_000_123_456_789_012


@pytest.fixture(scope="module")
def messages(workspace):
    subprocess.run(["protoc", f"--proto_path={PROJECT / 'parsers/telemetry'}", f"--python_out={workspace}", "telemetry.proto"], check=True)
    spec = importlib.util.spec_from_file_location("telemetry_pb2", workspace / "telemetry_pb2.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def post(http, message, content_type=BATCH, query="", headers=()):
    body = message if isinstance(message, bytes) else message.SerializeToString()
    return http.post(body, query=query, content_type=content_type, headers=headers)


def simple(messages, device="d1", value=21.5, **more):
    return messages.TelemetrySample(device_id=device, type="temperature", value=messages.Value(number=value), **more)


def delimited(*samples) -> bytes:
    return b"".join(varint(len(data)) + data for data in (sample.SerializeToString() for sample in samples))


def entries(stack) -> list[dict]:
    return [{name.decode(): value.decode() for name, value in fields.items()} for _, fields in stack.redis.xrange("telemetry")]


def test_the_same_sample_as_json(stack, http, messages):
    sample = simple(messages, unit="C", timestamp_ns=NOW_NS, priority=messages.HIGH)
    sample.metadata.add(name="room", value=messages.Value(text="a\"b"))
    sample.others.add(name="fw", value=messages.Value(natural=3))
    for content_type, body in ((SAMPLE, sample), (BATCH, messages.TelemetryBatch(samples=[sample])), (DELIMITED, delimited(sample))):
        assert post(http, body, content_type).status == 200
    as_json = {"device_id": "d1", "type": "temperature", "value": 21.5, "unit": "C", "timestamp": NOW_NS, "priority": "HIGH",
               "metadata": {"room": "a\"b"}, "fw": 3}
    assert http.post(json.dumps(as_json, separators=(",", ":")), query="?precision=ns").status == 200
    stored = entries(stack)
    assert len(stored) == 4 and all(entry == stored[0] for entry in stored), stored


@pytest.mark.parametrize("kind, value, expected", [
    ("number", 27.0, "27.0"), ("number", -0.0, "-0.0"), ("number", 5e-324, "5e-324"), ("number", float("nan"), "NaN"),
    ("number", float("-inf"), "-Infinity"), ("integer", -2**63, str(-2**63)), ("natural", 2**64 - 1, str(2**64 - 1)),
    ("flag", False, "false"), ("text", "", ""), ("text", "é\n\"", "é\n\"")])
def test_kinds_of_values(stack, http, messages, kind, value, expected):
    sample = messages.TelemetrySample(device_id="d", type="t", value=messages.Value(**{kind: value}))
    assert post(http, sample, SAMPLE).status == 200
    assert entries(stack)[0]["value"] == expected


def test_a_batch_of_one_device(stack, http, messages):
    batch = messages.TelemetryBatch(device_id="one", base_ns=NOW_NS)
    for number in range(1000):
        batch.samples.add(type="t", value=messages.Value(integer=number), delta_ns=number - 500)
    response = post(http, batch)
    assert (response.status, response.json()["accepted"]) == (200, 1000)
    stored = entries(stack)
    assert {entry["device_id"] for entry in stored} == {"one"}
    assert [int(entry["ts"]) for entry in stored] == [NOW_NS + number - 500 for number in range(1000)]


def test_values_and_times(stack, http, messages):
    sample = messages.TelemetrySample(device_id="d", metadata_json='{"a": [1, {"b": null}]}')
    for name, value in (("x", messages.Value(number=1)), ("y", messages.Value(flag=True)), ("z", messages.Value(text="t"))):
        sample.values.add(name=name, value=value)
    assert post(http, sample, SAMPLE).status == 200
    [entry] = entries(stack)
    assert json.loads(entry["values"]) == {"x": 1.0, "y": True, "z": "t"} and json.loads(entry["metadata"]) == {"a": [1, {"b": None}]}
    assert int(entry["ts"]) > NOW_NS, "the time of arrival"


def bad(messages) -> dict:
    """By the code of the refusal, which is JSON's."""
    def of(**more):
        return messages.TelemetrySample(**{"device_id": "d", "type": "t", "value": messages.Value(number=1), **more})

    def named(*names):
        return [messages.Field(name=name, value=messages.Value(flag=True)) for name in names]
    return {
        "missing_device_id": of(device_id=""), "bad_device_id": of(device_id="x" * 129), "bad_type": of(type="a\nb"),
        "bad_unit": of(unit="u" * 65), "missing_value": of(value=None), "ambiguous_value": of(values=named("a")),
        "bad_value": of(value=messages.Value()), "duplicate_member": of(value=None, values=named("a", "a")),
        "too_many_values": of(value=None, values=named(*map(str, range(1025)))), "too_many_members": of(metadata=named(*map(str, range(65)))),
        "bad_timestamp": of(timestamp_ns=2**63), "bad_priority": of(priority=4), "bad_metadata": of(metadata_json="[]"),
        "sample_too_large": of(metadata_json=json.dumps({"a": "x" * 17000})),
        "malformed_message": text(1, b"\xff")}


def test_bad_samples_refuse_themselves(stack, http, messages):
    for code, sample in bad(messages).items():
        data = sample if isinstance(sample, bytes) else sample.SerializeToString()
        single = post(http, data, SAMPLE)
        expected = "bad_device_id" if code == "malformed_message" else code
        assert (single.status, single.code) == (400, expected), code
        good = text(1, simple(messages).SerializeToString())
        response = post(http, good + text(1, data) + good)
        assert (response.status, response.json()["accepted"]) == (207, 2), code
        assert [(error["index"], error["code"]) for error in response.json()["errors"]] == [(1, expected)]
    assert_conserved(stack.engine.status())


@pytest.mark.parametrize("metadata", ['{', '{} {}', '{},"unit":"x"', '{"a":1},"priority":"LOW"', '{"a":1}}', '1', '"x"', '{"a":1,"a":2}', '{"a":01}'])
def test_metadata_must_be_one_object(stack, http, messages, metadata):
    assert post(http, simple(messages, metadata_json=metadata), SAMPLE).status == 400
    assert stack.redis.xlen("telemetry") == 0


def test_what_is_no_message(stack, http, messages):
    whole = messages.TelemetryBatch(samples=[simple(messages)]).SerializeToString()
    for content_type, body in ((BATCH, whole[:-1]), (BATCH, b'{"device_id":"d"}'), (DELIMITED, b"\x05ab"), (DELIMITED, b"\xff")):
        response = post(http, body, content_type)
        assert (response.status, response.code) == (400, "invalid_protobuf"), body
    broken = post(http, text(1, b"\x0a\x09x"))
    assert (broken.status, broken.json()["errors"][0]["code"]) == (400, "malformed_message")
    assert post(http, b"").code == "empty_body" and post(http, text(2, "device")).code == "no_samples"
    assert stack.redis.xlen("telemetry") == 0


def test_names_of_messages_and_types(stack, http, messages):
    sample = simple(messages)
    batch = messages.TelemetryBatch(samples=[sample])
    for content_type in (BATCH, "application/protobuf", "Application/Vnd.Google.Protobuf", BATCH + "; proto=sluice.v1.TelemetryBatch",
                         BATCH + ';proto="sluice.v1.TelemetryBatch"'):
        assert post(http, batch, content_type).status == 200
    for content_type in (BATCH + "; proto=sluice.v1.Telemetry", BATCH + "; proto=", "application/x-proto"):
        response = post(http, batch, content_type)
        assert (response.status, response.code) == (415, "unsupported_media_type")
        assert "application/x-protobuf" in response.header("Accept")
    assert post(http, sample, SAMPLE, query="?ack=queued").json()["ack"] == "queued"
    assert post(http, sample, SAMPLE, query="?acks=queued").code == "unknown_parameter"
    stack.engine.wait_delivered()


def test_a_long_batch(stack, http, messages):
    batch = messages.TelemetryBatch()
    for number in range(30_000):
        batch.samples.add(device_id=f"d{number}", type="temperature", value=messages.Value(number=number / 7), timestamp_ns=NOW_NS + number)
    assert post(http, batch).json()["accepted"] == 30_000
    assert len(stream_entries(stack.redis)) == 30_000


def test_a_key_belongs_to_the_media_type(stack, http):
    """One body that both decoders read: white space to JSON is a tag to Protocol Buffers."""
    parts = [b'[{"device_id":"a",', b'"type":"t",', b'"value":1},', b'{"x":1}]']
    body = b"".join(b"\n " + part.ljust(32) for part in parts)
    key = [("Idempotency-Key", "two-readings")]
    assert http.post(body, headers=key).status == 207
    response = post(http, body, headers=key)
    assert (response.status, response.code) == (422, "idempotency_mismatch")


def test_a_field_of_another_type_is_unknown(stack, http):
    sample = text(1, "d") + text(2, "t") + text(3, real(1, 5.0))
    for field in (text(6, b"zz"), number(6, 5), text(11, b"zz"), text(7, b"zz"), fixed64(7, 2), number(1, 9), fixed64(9, 3)):
        assert post(http, number(99, 1234567) + field + sample, SAMPLE).status == 200
    now = max(int(entry["ts"]) for entry in entries(stack))
    assert all(now - 60 * 10**9 < int(entry["ts"]) and "priority" not in entry for entry in entries(stack))


def test_delimited_samples_may_be_named(http, messages):
    body = delimited(simple(messages), simple(messages))
    assert post(http, body, DELIMITED + ";proto=sluice.v1.TelemetrySample").json()["accepted"] == 2
    assert post(http, body, DELIMITED + ";proto=sluice.v1.TelemetryBatch").status == 415


def test_space_around_metadata_json(stack, http, messages):
    assert post(http, simple(messages, metadata_json=' {"a":\n1}\n'), SAMPLE).status == 200
    assert json.loads(entries(stack)[0]["metadata"]) == {"a": 1}


# --- answers -----------------------------------------------------------------------------------------------------------

ACCEPTS = [("Accept", BATCH)]


def result_of(messages, response):
    assert response.header("Content-Type") == BATCH
    result = messages.TelemetryResult()
    result.ParseFromString(response.body)
    assert result.SerializeToString() == response.body, "as libprotobuf would write it"
    return result


def test_success_as_a_message(stack, http, messages):
    two = messages.TelemetryBatch(samples=[simple(messages), simple(messages)])
    for body, content_type, count in ((simple(messages), SAMPLE, 1), (two, BATCH, 2), (delimited(*two.samples), DELIMITED, 2)):
        for query, level in (("", "stored"), ("?ack=queued", "queued")):
            response = post(http, body, content_type, query, ACCEPTS)
            assert (response.status, response.header("Sluice-Ack")) == (200, level)
            assert result_of(messages, response) == messages.TelemetryResult(accepted=count, ack=level)
    assert_conserved(stack.engine.status())


def test_refused_samples_as_a_message(stack, http, messages):
    """What JSON would tell, index by index."""
    for code, sample in bad(messages).items():
        data = sample if isinstance(sample, bytes) else sample.SerializeToString()
        good = text(1, simple(messages).SerializeToString())
        for body, status in ((good + text(1, data) + good, 207), (text(1, data), 400)):
            as_json, response = post(http, body), post(http, body, headers=ACCEPTS)
            assert as_json.status == response.status == status, code
            result, expected = result_of(messages, response), as_json.json()
            assert (result.accepted, result.rejected, result.ack) == (expected["accepted"], 1, expected.get("ack", ""))
            *whole, error = result.errors
            assert [(one.code, one.HasField("index")) for one in whole] == [(expected.get("code"), False)] * (status == 400)
            told = {"index": error.index, "code": error.code, "error": error.error} | ({"offset": error.offset} if error.HasField("offset") else {})
            assert [told] == expected["errors"] and error.HasField("index")


def test_more_errors_than_are_told(stack, http, messages):
    response = post(http, text(1, b"") * 1000, headers=ACCEPTS)
    result = result_of(messages, response)
    assert (response.status, result.accepted, result.rejected, len(result.errors)) == (400, 0, 1000, 101)
    assert [error.index for error in result.errors[1:]] == list(range(100))


def test_refused_requests_as_a_message(stack, http, messages):
    sample = simple(messages)
    for body, content_type, query, more in (
            (sample, SAMPLE, "?acks=queued", ()), (b"\x0a\x09x", BATCH, "", ()), (b"", BATCH, "", ()),
            (sample, BATCH + "; proto=sluice.v1.Telemetry", "", ()), (sample, SAMPLE, "", [("Content-Encoding", "br")]),
            (sample, SAMPLE, "?ack=journaled", ()), (messages.TelemetrySample(device_id="d"), SAMPLE, "", ())):
        as_json, response = post(http, body, content_type, query, more), post(http, body, content_type, query, [*ACCEPTS, *more])
        assert response.status == as_json.status >= 400
        [error] = result_of(messages, response).errors
        expected = as_json.json()
        assert (error.code, error.error, error.HasField("index")) == (expected["code"], expected["error"], False)
        assert (error.offset if error.HasField("offset") else None) == expected.get("offset"), error.code
        for header in ("Accept", "Accept-Encoding"):
            assert response.header(header) == as_json.header(header)
    stack.engine.admin("POST", "/stop")
    paused = post(http, sample, SAMPLE, headers=ACCEPTS)
    stack.engine.admin("POST", "/start")
    assert (paused.status, paused.header("Retry-After")) == (503, "1")
    assert [error.code for error in result_of(messages, paused).errors] == ["paused"]


def test_what_to_send_again_as_a_message(starter, messages):
    """Redis refuses a part of the samples: as JSON has it."""
    server = starter.redis()
    engine = starter.engine(server.url, settings={**SETTINGS, "sink.redis.partitions": 4})
    server.client().set("telemetry:{2}", "text")
    batch = messages.TelemetryBatch(samples=[simple(messages, f"d{number}") for number in range(60)])
    batch.samples.add(device_id="d60")
    failed = {number for number in range(60) if partition_of(f"d{number}", 4) == 2}
    with engine.connect() as http:
        response = post(http, batch, headers=ACCEPTS)
    result = result_of(messages, response)
    assert (response.status, result.accepted, result.stored, result.failed) == (503, 0, 60 - len(failed), len(failed))
    told = {index for one in result.failed_records for index in range(one.first_index, one.last_index + 1)}
    assert told == failed
    assert [(error.code, error.index) for error in result.errors] == [("sink_refused", 0), ("missing_value", 60)]
    server.client().delete("telemetry:{2}")
    wait_until(lambda: engine.connect().request("GET", "/ready").status == 200, "Redis is tried again")


@pytest.mark.parametrize("accept, is_message", [
    (None, False), ("*/*", False), ("application/json", False), ("application/x-protobuf", True), ("APPLICATION/X-Protobuf; q=0.5", True),
    ("application/json, application/x-protobuf;q=0.9", True), ("application/x-protobuf;q=0", False), ("application/x-protobuf;q=0.0, */*", False),
    ("application/x-protobuf-delimited", False)])
def test_what_is_accepted(http, messages, accept, is_message):
    headers = [("Accept", accept)] if accept else []
    response = post(http, simple(messages), SAMPLE, headers=headers)
    assert (response.status, response.header("Content-Type")) == (200, BATCH if is_message else "application/json")
    as_json = http.post({"device_id": "d", "type": "t", "value": 1}, headers=headers)
    assert (as_json.status, as_json.header("Content-Type")) == (200, "application/json"), "JSON is answered as JSON"


def test_a_key_is_answered_as_a_message_again(stack, http, messages):
    key = [*ACCEPTS, ("Idempotency-Key", "a-message")]
    first, second = (post(http, simple(messages), SAMPLE, headers=key) for _ in range(2))
    assert first.body == second.body and result_of(messages, second).accepted == 1
    assert (first.header("Idempotent-Replayed"), second.header("Idempotent-Replayed")) == (None, "true")
    assert stack.redis.xlen("telemetry") == 1
