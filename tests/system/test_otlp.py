"""OpenTelemetry metrics over HTTP, as Protocol Buffers and as JSON: what is stored, and what clients are told."""
# runs: release.io_uring release.epoll asan.io_uring

import base64
import gzip
import json

import pytest

from harness import assert_conserved, wait_until
from harness.protobuf import fields, fixed64, number, real, text, zigzag

PROTOBUF, JSON = "application/x-protobuf", "application/json"
NOW_NS = 1_700_000_123_456_789_012
every_encoding = pytest.mark.parametrize("encoding", [PROTOBUF, JSON])


# --- one request, written twice: as a JSON value, and from it as Protocol Buffers ------------------------------------

def request(*metrics: dict, resource=None, scope=None) -> dict:
    scope_metrics = {"scope": scope or {"name": "lib", "version": "1.0"}, "metrics": list(metrics)}
    return {"resourceMetrics": [{"resource": {"attributes": resource or [string("service.name", "shop")]},
                                 "scopeMetrics": [scope_metrics]}]}


def string(key: str, value: str) -> dict:
    return {"key": key, "value": {"stringValue": value}}


def point(value=None, time_ns: int = NOW_NS, attributes=(), **more) -> dict:
    values = {} if value is None else {"asInt": str(value)} if isinstance(value, int) else {"asDouble": value}
    return {"timeUnixNano": str(time_ns), "attributes": list(attributes), **values, **more}


def gauge(name: str, *points: dict, unit: str = "") -> dict:
    return {"name": name, "unit": unit, "gauge": {"dataPoints": list(points)}}


def repeated(number_: int, items, encode) -> bytes:
    return b"".join(text(number_, encode(item)) for item in items)


def any_value(value: dict) -> bytes:
    [(kind, content)] = value.items()
    return {"stringValue": lambda: text(1, content), "boolValue": lambda: number(2, int(content)),
            "intValue": lambda: number(3, int(content)), "doubleValue": lambda: real(4, content),
            "arrayValue": lambda: text(5, repeated(1, content["values"], any_value)),
            "kvlistValue": lambda: text(6, repeated(1, content["values"], key_value)),
            "bytesValue": lambda: text(7, base64.b64decode(content))}[kind]()


def key_value(pair: dict) -> bytes:
    return text(1, pair["key"]) + text(2, any_value(pair["value"]))


def times(item: dict) -> bytes:
    start = fixed64(2, int(item["startTimeUnixNano"])) if "startTimeUnixNano" in item else b""
    return start + fixed64(3, int(item["timeUnixNano"]))


def number_point(item: dict) -> bytes:
    out = times(item)
    out += fixed64(6, int(item["asInt"])) if "asInt" in item else b""
    out += real(4, float(item["asDouble"])) if "asDouble" in item else b""
    return out + repeated(7, item["attributes"], key_value) + (number(8, item["flags"]) if "flags" in item else b"")


def optional(item: dict, **numbers: int) -> bytes:
    return b"".join(real(field, item[name]) for name, field in numbers.items() if name in item)


def histogram_point(item: dict) -> bytes:
    return (times(item) + fixed64(4, int(item["count"])) + optional(item, sum=5, min=11, max=12)
            + b"".join(fixed64(6, int(count)) for count in item["bucketCounts"])
            + b"".join(real(7, bound) for bound in item["explicitBounds"]) + repeated(9, item["attributes"], key_value))


def buckets(item: dict) -> bytes:
    return number(1, zigzag(item["offset"])) + b"".join(number(2, int(count)) for count in item["bucketCounts"])


def exponential_point(item: dict) -> bytes:
    return (repeated(1, item["attributes"], key_value) + times(item) + fixed64(4, int(item["count"])) + optional(item, sum=5, min=12, max=13)
            + number(6, zigzag(item["scale"])) + fixed64(7, int(item["zeroCount"])) + text(8, buckets(item["positive"])))


def summary_point(item: dict) -> bytes:
    return (times(item) + fixed64(4, int(item["count"])) + optional(item, sum=5)
            + repeated(6, item["quantileValues"], lambda one: real(1, one["quantile"]) + real(2, one["value"]))
            + repeated(7, item["attributes"], key_value))


KINDS = {"gauge": (5, number_point), "sum": (7, number_point), "histogram": (9, histogram_point),
         "exponentialHistogram": (10, exponential_point), "summary": (11, summary_point)}


def metric(item: dict) -> bytes:
    out = text(1, item["name"]) + text(3, item.get("unit", ""))
    for name, (field, encode) in KINDS.items():
        if name in item:
            data = repeated(1, item[name]["dataPoints"], encode)
            data += number(2, item[name]["aggregationTemporality"]) if "aggregationTemporality" in item[name] else b""
            data += number(3, int(item[name]["isMonotonic"])) if "isMonotonic" in item[name] else b""
            out += text(field, data)
    return out


def as_protobuf(value: dict) -> bytes:
    def scope_metrics(item):
        scope = text(1, item["scope"]["name"]) + text(2, item["scope"]["version"])
        return text(1, scope) + repeated(2, item["metrics"], metric)

    def resource_metrics(item):
        return text(1, repeated(1, item["resource"]["attributes"], key_value)) + repeated(2, item["scopeMetrics"], scope_metrics)
    return repeated(1, value["resourceMetrics"], resource_metrics)


def send(http, value: dict, encoding: str, target: str = "/v1/metrics", headers=()):
    body = json.dumps(value).encode() if encoding == JSON else as_protobuf(value)
    return http.request("POST", target, body, [("Content-Type", encoding), *headers])


def told(response, encoding: str) -> tuple:
    """What the partial success or the Status says: a number and a text."""
    assert response.header("Content-Type") == encoding
    if encoding == JSON:
        value = response.json()
        partial = value.get("partialSuccess")
        return (int(partial["rejectedDataPoints"]), partial["errorMessage"]) if partial else (value["code"], value["message"])
    parts = dict(fields(response.body))
    if response.status == 200:
        parts = dict(fields(parts[1]))
    return parts[1], parts[2].decode()


def entries(stack) -> list[dict]:
    return [{name.decode(): value.decode() for name, value in fields.items()} for _, fields in stack.redis.xrange("telemetry")]


# --- what is stored ---------------------------------------------------------------------------------------------------

@every_encoding
def test_a_gauge(stack, http, encoding):
    response = send(http, request(gauge("temperature", point(21.5, attributes=[string("room", "a")]), unit="Cel")), encoding)
    assert (response.status, response.header("Sluice-Ack"), response.header("Content-Type")) == (200, "stored", encoding)
    assert response.body == (b"{}" if encoding == JSON else b"")
    [entry] = entries(stack)
    assert {name: entry[name] for name in ("device_id", "ts", "type", "value", "unit", "metadata")} == {
        "device_id": "shop", "ts": str(NOW_NS), "type": "temperature", "value": "21.5", "unit": "Cel", "metadata": '{"room":"a"}'}
    assert json.loads(entry["otlp"]) == {"kind": "gauge", "resource": {"service.name": "shop"}, "scope": {"name": "lib", "version": "1.0"}}


EVERYTHING = request(
    {"name": "requests", "sum": {"aggregationTemporality": 2, "isMonotonic": True, "dataPoints": [
        point(7, startTimeUnixNano=str(NOW_NS - 10**9), attributes=[
            string("device.id", "d1"), {"key": "ok", "value": {"boolValue": True}}, {"key": "n", "value": {"intValue": "-9007199254740993"}},
            {"key": "f", "value": {"doubleValue": 0.5}}, {"key": "raw", "value": {"bytesValue": "AAECAw=="}},
            {"key": "list", "value": {"arrayValue": {"values": [{"stringValue": "é\""}, {"intValue": "1"}]}}},
            {"key": "map", "value": {"kvlistValue": {"values": [string("k", "v")]}}}])]}},
    {"name": "latency", "unit": "ms", "histogram": {"aggregationTemporality": 1, "dataPoints": [
        {"timeUnixNano": str(NOW_NS), "count": "6", "sum": 10.5, "min": 0.25, "max": 4.0, "bucketCounts": ["1", "2", "3"],
         "explicitBounds": [1.0, 2.5], "attributes": []}]}},
    {"name": "sizes", "exponentialHistogram": {"aggregationTemporality": 1, "dataPoints": [
        {"timeUnixNano": str(NOW_NS), "count": "5", "sum": 1.5, "scale": -3, "zeroCount": "2",
         "positive": {"offset": -2, "bucketCounts": ["1", "2"]}, "attributes": []}]}},
    {"name": "rpc", "summary": {"dataPoints": [
        {"timeUnixNano": str(NOW_NS), "count": "4", "sum": 2.5, "attributes": [],
         "quantileValues": [{"quantile": 0.5, "value": 1.0}, {"quantile": 0.99, "value": 2.0}]}]}})


@every_encoding
def test_every_kind(stack, http, encoding):
    assert send(http, EVERYTHING, encoding).status == 200
    requests, latency, sizes, rpc = entries(stack)
    assert (requests["device_id"], requests["value"], latency["unit"]) == ("d1", "7", "ms")
    assert json.loads(requests["metadata"]) == {"device.id": "d1", "ok": True, "n": -9007199254740993, "f": 0.5, "raw": "AAECAw==",
                                                "list": ["é\"", 1], "map": {"k": "v"}}
    otlp = json.loads(requests["otlp"])
    assert (otlp["kind"], otlp["temporality"], otlp["monotonic"], otlp["start"]) == ("sum", "cumulative", True, NOW_NS - 10**9)
    assert json.loads(latency["values"]) == {"count": 6, "sum": 10.5, "min": 0.25, "max": 4.0}
    assert json.loads(latency["histogram"]) == {"bounds": [1.0, 2.5], "counts": [1, 2, 3]}
    assert json.loads(sizes["histogram"]) == {"scale": -3, "zero_count": 2, "zero_threshold": 0.0,
                                              "positive": {"offset": -2, "counts": [1, 2]}}
    assert json.loads(rpc["values"]) == {"count": 4, "sum": 2.5, "q0.5": 1.0, "q0.99": 2.0}


def test_both_encodings_store_the_same(stack, http):
    stored = []
    for encoding in (PROTOBUF, JSON):
        stack.redis.flushall()
        assert send(http, EVERYTHING, encoding).status == 200
        stored.append(entries(stack))
    assert stored[0] == stored[1]


@every_encoding
def test_which_attribute_names_the_device(stack, http, encoding):
    names = ["service.name", "service.instance.id", "host.name", "host.id", "device_id", "device.id"]
    for count in range(1, len(names) + 1):
        resource = [string(name, f"of {name}") for name in names[:count]]
        assert send(http, request(gauge("g", point(1.0)), resource=resource), encoding).status == 200
    of_point = [string("host.name", "point")]
    assert send(http, request(gauge("g", point(1.0, attributes=of_point)), resource=[string("host.name", "resource")]), encoding).status == 200
    assert send(http, request(gauge("g", point(1.0)), resource=[string("other", "x")]), encoding).status == 200
    assert [entry["device_id"] for entry in entries(stack)] == [f"of {name}" for name in names] + ["point", "unknown"]


@every_encoding
def test_values_that_are_no_numbers(stack, http, encoding):
    points = [point("Infinity"), point("-Infinity"), point("NaN"), point(flags=1)]
    assert send(http, request(gauge("g", *points)), encoding).status == 200
    assert [(entry["value"], entry.get("stale")) for entry in entries(stack)] == [
        ("Infinity", None), ("-Infinity", None), ("NaN", None), ("NaN", "true")]


@every_encoding
def test_a_time_of_arrival(stack, http, encoding):
    assert send(http, request(gauge("g", point(1, time_ns=0))), encoding).status == 200
    assert int(entries(stack)[0]["ts"]) > NOW_NS


@every_encoding
@pytest.mark.parametrize("size", [10, 5000])
def test_gzip_and_chunks(stack, http, encoding, size):
    """As the exporters of OpenTelemetry send: they know no length."""
    value = request(gauge("g", *(point(index / 4) for index in range(size))))
    body = gzip.compress(json.dumps(value).encode() if encoding == JSON else as_protobuf(value))
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(body[at:at + 700]), body[at:at + 700]) for at in range(0, len(body), 700))
    http.send(f"POST /v1/metrics HTTP/1.1\r\nHost: h\r\nContent-Type: {encoding}\r\nContent-Encoding: gzip\r\n"
              "Transfer-Encoding: chunked\r\n\r\n".encode() + chunks + b"0\r\n\r\n")
    assert http.read_response().status == 200
    assert stack.redis.xlen("telemetry") == size


# --- what is refused --------------------------------------------------------------------------------------------------

@every_encoding
def test_good_points_are_stored_beside_bad_ones(stack, http, encoding):
    bad = {"name": "h", "histogram": {"dataPoints": [{"timeUnixNano": "1", "count": "1", "bucketCounts": ["1"], "explicitBounds": [1.0],
                                                      "attributes": []}]}}
    response = send(http, request(gauge("a", point(1)), bad, gauge("", point(1), point(2)), gauge("b", point(2), point())), encoding)
    assert response.status == 200
    rejected, message = told(response, encoding)
    assert rejected == 4 and "data point 1" in message and "(bad_histogram)" in message
    assert [entry["type"] for entry in entries(stack)] == ["a", "b"]
    assert_conserved(stack.engine.status())


REFUSED = {
    "bad_histogram": {"name": "h", "histogram": {"dataPoints": [
        {"timeUnixNano": "1", "count": "1", "bucketCounts": ["1", "2"], "explicitBounds": ["NaN"], "attributes": []}]}},
    "bad_quantile": {"name": "s", "summary": {"dataPoints": [
        {"timeUnixNano": "1", "count": "1", "attributes": [], "quantileValues": [{"quantile": 1.5, "value": 1.0}]}]}},
    "missing_number": gauge("g", point()),
    "enum_by_name": {"name": "s", "sum": {"aggregationTemporality": "AGGREGATION_TEMPORALITY_DELTA", "dataPoints": [point(1)]}},
    "wrong_json_type": gauge("g", {"timeUnixNano": "x", "asInt": "1", "attributes": []}),
    "bad_type": gauge("x" * 129, point(1)),
    "bad_timestamp": gauge("g", point(1, time_ns=2**63)),
    "duplicate_member": gauge("g", point(1, attributes=[string("a", "1"), string("a", "2")])),
    "too_many_members": gauge("g", point(1, attributes=[string(f"a{index}", "") for index in range(65)])),
    "bad_device_id": gauge("g", point(1, attributes=[string("device.id", "x" * 129)])),
    "sample_too_large": gauge("g", point(1, attributes=[string("a", "x" * 17000)])),
}


@pytest.mark.parametrize("code", REFUSED)
def test_points_that_are_refused(http, code):
    for encoding in (JSON,) if code in ("bad_histogram", "enum_by_name", "wrong_json_type") else (PROTOBUF, JSON):
        response = send(http, request(REFUSED[code]), encoding)
        rejected, message = told(response, encoding)
        assert (response.status, rejected) == (200, 1) and message.endswith(f"({code})")


def test_attributes_that_are_no_text(http):
    body = text(1, text(1, text(1, text(1, "k") + text(2, text(1, b"\xff")))) + text(2, text(2, metric(gauge("g", point(1))))))
    response = http.request("POST", "/v1/metrics", body, [("Content-Type", PROTOBUF)])
    assert told(response, PROTOBUF)[1].endswith("({})".format("bad_attribute"))


@every_encoding
def test_nothing_is_no_error(http, encoding):
    for value in ({"resourceMetrics": []}, request(), request(gauge("g"))):
        response = send(http, value, encoding)
        assert (response.status, response.body) == (200, b"{}" if encoding == JSON else b"")
    assert http.request("POST", "/v1/metrics", b"" if encoding == PROTOBUF else b"{}", [("Content-Type", encoding)]).status == 200


@pytest.mark.parametrize("body, code", [
    (b"{", "invalid_json"), (b"[]", "wrong_json_type"), (b'{"resourceMetrics":{}}', "wrong_json_type"),
    (b'{"resourceMetrics":[{"scopeMetrics":1}]}', "wrong_json_type"), (b'{"resourceMetrics":[1]}', "wrong_json_type"),
    (b'{"resourceMetrics":[],"resourceMetrics":[]}', "duplicate_member"),
    (b'{"a":"\xff"}', "invalid_utf8"), (b'{"a":' + b"[" * 600 + b"]" * 600 + b"}", "json_too_deep"), (b"{} {}", "invalid_json")])
def test_json_that_is_no_message(stack, http, body, code):
    response = http.request("POST", "/v1/metrics", body, [("Content-Type", JSON)])
    assert (response.status, told(response, JSON)[0]) == (400, 3) and told(response, JSON)[1].endswith(f"({code})")
    assert stack.redis.xlen("telemetry") == 0


@pytest.mark.parametrize("body", [b"x", as_protobuf(EVERYTHING)[:-1], b'{"resourceMetrics":[]}', b"\x0b\x0c",
                                  text(1, text(2, text(2, metric({**gauge("g", point(1)), "sum": {"dataPoints": []}}))))])
def test_what_is_no_message(stack, http, body):
    response = http.request("POST", "/v1/metrics", body, [("Content-Type", PROTOBUF)])
    assert (response.status, told(response, PROTOBUF)[0]) == (400, 3)
    assert told(response, PROTOBUF)[1].endswith("(invalid_protobuf)")
    assert stack.redis.xlen("telemetry") == 0


def test_json_has_a_bound_of_its_own(http):
    value = request(gauge("g", *(point(index) for index in range(20_000))))
    assert len(json.dumps(value)) > 2**20 > len(as_protobuf(value))
    response = send(http, value, JSON)
    assert (response.status, response.closes) == (413, False)
    assert send(http, value, PROTOBUF).status == 200


def test_nested_values(http):
    def nested(levels: int) -> dict:
        value = {"stringValue": "x"}
        for _ in range(levels):
            value = {"arrayValue": {"values": [value]}}
        return gauge("g", point(1, attributes=[{"key": "a", "value": value}]))
    for encoding in (PROTOBUF, JSON):
        response = send(http, request(nested(29)), encoding)
        assert (response.status, response.body) == (200, b"{}" if encoding == JSON else b"")
        assert told(send(http, request(nested(30)), encoding), encoding)[1].endswith("(json_too_deep)")
    value = text(1, "x")
    for _ in range(3000):  # some 15 KiB: the lengths grow
        value = text(5, text(1, value))
    deep = text(1, text(2, text(2, text(1, "g") + text(5, text(1, real(4, 1.0) + text(7, text(1, "a") + text(2, value)))))))
    response = http.request("POST", "/v1/metrics", deep, [("Content-Type", PROTOBUF)])
    assert told(response, PROTOBUF)[1].endswith("(json_too_deep)") or told(response, PROTOBUF)[1].endswith("(sample_too_large)")
    assert told(send(http, request(nested(60)), JSON), JSON)[1].endswith("(json_too_deep)")


def test_other_types_and_methods(http):
    response = http.request("POST", "/v1/metrics", b"x", [("Content-Type", "text/plain")])
    assert (response.status, response.header("Accept")) == (415, "application/x-protobuf, application/json")
    assert response.header("Content-Type").startswith("text/plain")
    assert http.request("GET", "/v1/metrics").status == 405


@every_encoding
@pytest.mark.parametrize("signal", ["v1/traces", "v1/logs", "v1development/profiles"])
def test_other_signals(http, encoding, signal):
    response = http.request("POST", f"/{signal}", b"anything", [("Content-Type", encoding)])
    assert (response.status, response.closes, told(response, encoding)[0]) == (404, False, 12)
    assert "({})".format("unsupported_signal") in told(response, encoding)[1]


@every_encoding
def test_what_may_be_sent_again_is_503(stack, http, encoding):
    assert stack.engine.admin("POST", "/stop").status == 200
    response = send(http, request(gauge("g", point(1))), encoding)
    assert (response.status, told(response, encoding)[0]) == (503, 14) and 1 <= int(response.header("Retry-After")) <= 5
    assert stack.engine.admin("POST", "/start").status == 200
    assert send(http, request(gauge("g", point(1))), encoding).status == 200


def test_levels_and_keys(stack, http):
    response = send(http, EVERYTHING, JSON, "/v1/metrics?ack=queued&x=y")
    assert (response.status, response.header("Sluice-Ack")) == (200, "queued")
    key = [("Idempotency-Key", "otlp-1")]
    first, second = (send(http, request(gauge("g", point(1), point())), PROTOBUF, headers=key) for _ in range(2))
    assert first.body == second.body and second.header("Idempotent-Replayed") == "true"
    wait_until(lambda: stack.redis.xlen("telemetry") == 5, "each is stored, once")


@pytest.mark.parametrize("field, value, is_taken", [
    ("asInt", "9223372036854775807", True), ("asInt", "9223372036854775808", False), ("asInt", 18446744073709551615, False),
    ("asInt", -9223372036854775808, True), ("flags", -1, False), ("timeUnixNano", -1, False), ("timeUnixNano", "18446744073709551615", True)])
def test_integers_of_json_have_their_range(http, field, value, is_taken):
    response = send(http, request(gauge("g", {"timeUnixNano": "1", "asInt": "1", "attributes": [], field: value})), JSON)
    assert response.status == 200 and (b"(wrong_json_type)" not in response.body) == is_taken, response.body


def test_a_refused_coding_is_told_in_the_encoding_of_the_request(http):
    for encoding in (PROTOBUF, JSON):
        response = http.request("POST", "/v1/metrics", b"x", [("Content-Type", encoding), ("Content-Encoding", "br")])
        assert (response.status, told(response, encoding)[0]) == (415, 3)


@every_encoding
def test_no_recorded_value_is_none(stack, http, encoding):
    assert send(http, request(gauge("g", point(7, flags=1))), encoding).status == 200
    assert [(entry["value"], entry["stale"]) for entry in entries(stack)] == [("NaN", "true")]


def test_lists_that_are_cut_off(http):
    def of(data: int, item: bytes) -> bytes:
        return text(1, text(2, text(2, text(1, "m") + text(data, text(1, item)))))
    for data, item, code in ((9, text(6, b"x" * 9), "bad_histogram"), (10, text(8, text(2, b"\x80")), "bad_histogram"),
                             (11, text(6, b"\x09\x00"), "bad_quantile")):
        response = http.request("POST", "/v1/metrics", of(data, item), [("Content-Type", PROTOBUF)])
        assert told(response, PROTOBUF)[1].endswith(f"({code})")


def test_a_summary_has_a_bound(http):
    quantiles = [{"quantile": index / 2000, "value": 1.0} for index in range(1100)]
    summary = {"name": "s", "summary": {"dataPoints": [{"timeUnixNano": "1", "count": "1", "attributes": [], "quantileValues": quantiles}]}}
    message = told(send(http, request(summary), JSON), JSON)[1]
    assert message.endswith("(too_many_values)") or message.endswith("(sample_too_large)")


@every_encoding
def test_many_long_resources(stack, http, encoding):
    """Each is written once, in a turn of its own."""
    resource = [{"key": f"k{index}", "value": {"stringValue": "x" * 200}} for index in range(60)]
    value = {"resourceMetrics": [request(gauge("g", point(1)), resource=resource)["resourceMetrics"][0] for _ in range(60)]}
    assert send(http, value, encoding).status == (200 if encoding == PROTOBUF or len(json.dumps(value)) <= 2**20 else 413)
