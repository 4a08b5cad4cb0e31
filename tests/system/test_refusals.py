"""Every refusal of engine/core/refusal.hpp that a client can provoke on the data listener, with its status and code.

The last test compares this table with the header, so that a new refusal without a test is a failure.
"""
# runs: release.io_uring release.epoll asan.io_uring

import gzip
import json
import re
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest

from harness import assert_conserved, render_request, sample, stream_entries
from harness.engine import PROJECT

DECLARATION = re.compile(r"^\s*X\((\w+),\s*(\w+),\s*(\d{3}), \"(.*)\"\)", re.MULTILINE)


class Declared(NamedTuple):
    scope: str
    status: int
    sentence: str


DECLARED = {code: Declared(scope, int(status), sentence) for code, scope, status, sentence
            in DECLARATION.findall((PROJECT / "engine/core/refusal.hpp").read_text())}

# Refusals that need a state of the engine, and the file whose test brings it about.
IN_OTHER_FILES = {
    "header_timeout": "test_slow_clients.py", "body_timeout": "test_slow_clients.py",
    "body_memory_full": "test_slow_clients.py",
    "not_paused": "test_admin.py", "paused": "test_admin.py",
    **dict.fromkeys(("unauthorized", "forbidden", "credential_too_long", "cross_origin", "quota_exceeded", "type_not_allowed",
                     "missing_member", "value_out_of_range", "timestamp_too_old", "timestamp_too_new"), "test_tenants.py"),
    "overloaded": "test_redis_outage.py", "not_ready": "test_redis_outage.py", "ack_timeout": "test_redis_outage.py",
    "sink_busy": "test_redis_errors.py", "sink_refused": "test_redis_errors.py",
    "not_replicated": "test_replicated.py",
    "redis_memory": "test_admission.py", "stream_full": "test_admission.py", "consumers_behind": "test_admission.py",
    "draining": "test_drain.py", "too_many_batches": "test_protocol.py",
    "sink_unavailable": "test_breaker.py",
    "wrong_json_type": "test_otlp.py", "unsupported_signal": "test_otlp.py", "bad_attribute": "test_otlp.py",
    "malformed_message": "test_telemetry_protobuf.py", "bad_value_list": "test_collectd.py",
    "missing_number": "test_otlp.py", "bad_quantile": "test_otlp.py", "enum_by_name": "test_otlp.py", "mixed_series": "test_remote_write.py",
    "invalid_protobuf": "test_remote_write.py", "missing_name": "test_remote_write.py",
    "bad_label": "test_remote_write.py", "bad_symbol": "test_remote_write.py", "bad_histogram": "test_remote_write.py",
    "bad_idempotency_key": "test_idempotency.py", "idempotency_unavailable": "test_idempotency.py",
    "idempotency_in_progress": "test_idempotency.py", "idempotency_mismatch": "test_idempotency.py",
    "idempotency_full": "test_idempotency.py",
    **dict.fromkeys(("malformed_line", "bad_measurement", "bad_tag", "missing_fields", "bad_field", "bad_field_value",
                     "unclosed_string", "bad_line_timestamp", "bad_line_precision",
                     "bad_kept_parameter"), "test_influx.py"),
}
# A reactor that does not answer the admin thread cannot be had from outside: stopping the process stops both.
NOT_FROM_OUTSIDE = {"admin_timeout"}


def raw(lines: str, body: bytes = b"") -> bytes:
    """A request from its header lines, which are separated by '|'."""
    return lines.replace("|", "\r\n").encode("latin-1") + b"\r\n\r\n" + body


def telemetry(body: bytes, *headers: tuple[str, str], query: str = "") -> bytes:
    return render_request("POST", f"/telemetry{query}", body, headers)


def record(**members) -> bytes:
    return telemetry(json.dumps(sample(**members)).encode())


ONE = json.dumps(sample()).encode()
CHUNKED = "POST /telemetry HTTP/1.1|Host: h|Transfer-Encoding: chunked"
DEEP = b'{"device_id":"a","type":"t","value":1,"metadata":' + b'{"a":' * 32 + b"1" + b"}" * 32 + b"}"

CASES = {
    "malformed_request_line": [
        raw("NONSENSE"), raw("GET  HTTP/1.1|Host: h"), raw("GET  /health HTTP/1.1|Host: h"), raw("GET /health"),
        raw("GET /health HTTX/1.1|Host: h"), b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\r\n\r\n",
        *(raw(f"GET /health HTTP/{version}|Host: h") for version in ("1", "01.1", " 1.1", "1.10", "2", "0.9", "1.x")),
        b"\r\n" * 9 + raw("GET /health HTTP/1.1|Host: h"),
    ],
    "malformed_header": [
        raw("GET /health HTTP/1.1|Host: h|No colon"), raw("GET /health HTTP/1.1|Host: h|Bad name: x"),
        raw("GET /health HTTP/1.1|Host: h|X: a\x00b"), raw("GET /health HTTP/1.1|Host: h|: empty name"),
        raw("GET /health HTTP/1.1|Host: h|X: a\x01b"),
    ],
    "malformed_chunk": [
        raw(CHUNKED, b"zz\r\n"), raw(CHUNKED, b"-5\r\nhello\r\n"), raw(CHUNKED, b"0x5\r\nhello\r\n0\r\n\r\n"),
        raw(CHUNKED, b"3\r\nabcX\r\n0\r\n\r\n"), raw(CHUNKED, b"fffffffffffffffff\r\n"), raw(CHUNKED, b"\r\n"),
    ],
    "bad_content_length": [
        raw(f"POST /telemetry HTTP/1.1|Host: h|Content-Length: {length}")
        for length in ("-1", "+5", "5 5", "0x10", "ten", "1,1", "99999999999999999999999", "")
    ] + [raw("POST /telemetry HTTP/1.1|Host: h|Content-Length: 3|Content-Length: 4", b"{} "),
         raw("POST /telemetry HTTP/1.1|Host: h|Content-Length: 2|Content-Length: 2", b"{}")],
    "conflicting_framing": [
        raw("POST /telemetry HTTP/1.1|Host: h|Content-Length: 5|Transfer-Encoding: chunked", b"0\r\n\r\n"),
        raw("POST /telemetry HTTP/1.1|Host: h|Transfer-Encoding: chunked|Content-Length: 5", b"0\r\n\r\n"),
    ],
    "missing_host": [raw("GET /health HTTP/1.1"), raw("GET /health HTTP/1.1|X-Host: h")],
    "duplicate_host": [raw("GET /health HTTP/1.1|Host: h|Host: h"), raw("GET /health HTTP/1.1|Host: a|host: b")],
    "bad_host": [raw(f"GET /health HTTP/1.1|Host: {host}") for host in (
        "a b", "a/b", "user@a", "[", "a:b:c", "%zz", "::1", "[::1", "[::1]x", "a:-1", ":80")],
    "bad_target": [raw(f"GET {target} HTTP/1.1|Host: h") for target in (
        "*", "http:///health", "http://u@h/health", "ftp://h/health", "https://h/health", "http://[/health", "/health#x", "/health?x=%zz", "/<health>")],
    "body_too_large": [
        raw("POST /telemetry HTTP/1.1|Host: h|Content-Length: 1000000000"),
        raw(CHUNKED, b"900000\r\n" + b" " * 0x900000),
    ],
    "target_too_long": [raw("GET /health?" + "x" * 8192 + " HTTP/1.1|Host: h"), b"GET /" + b"x" * 9000,
                        raw("GET" + " " * 20000 + "/health HTTP/1.1|Host: h")],
    "headers_too_large": [
        raw("GET /health HTTP/1.1|Host: h|X: " + "x" * 16384),
        raw("GET /health HTTP/1.1|Host: h" + "".join(f"|X-{index}: x" for index in range(101))),
        b"GET /health HTTP/1.1\r\nHost: h\r\nX: " + b"x" * 32768,
        b"GET /health HTTP/1.1\r\nHost: h\r\nX:" + b" " * 32768, raw(CHUNKED, b"1;" + b"x" * 32768), raw(CHUNKED, b"0" * 32768),
        raw(CHUNKED, b"0\r\nX: " + b"x" * 32768),
    ],
    "unknown_transfer_coding": [
        raw("POST /telemetry HTTP/1.1|Host: h|Transfer-Encoding: " + coding)
        for coding in ("gzip, chunked", "identity, chunked", "gzip|Transfer-Encoding: chunked")
    ],
    "bad_transfer_encoding": [
        raw("POST /telemetry HTTP/1.1|Host: h|Transfer-Encoding: " + coding)
        for coding in ("gzip", "identity", "", ",", "chunked, chunked", "chunked, gzip", "xchunked", "chunked;q=1", '"chunked"')
    ],
    "method_not_implemented": [raw("BREW /health HTTP/1.1|Host: h"), raw("get /health HTTP/1.1|Host: h"),
                               raw("CONNECT h:80 HTTP/1.1|Host: h:80"), raw("DESCRIBE /health HTTP/1.1|Host: h"), b"M" * 20000],
    "unsupported_version": [raw("GET /health HTTP/2.0|Host: h"), raw("GET /health HTTP/3.0|Host: h"),
                            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
    "expectation_failed": [raw("POST /telemetry HTTP/1.1|Host: h|Content-Length: 2|Expect: 200-ok", b"{}")],
    "not_found": [render_request("GET", "/"), render_request("GET", "/healthy"), render_request("POST", "/telemetry/", ONE),
                  render_request("GET", "/status"), render_request("GET", "/metrics"), render_request("POST", "/stop", b""),
                  render_request("GET", "/%68ealth"), render_request("OPTIONS", "/unknown")],
    "method_not_allowed": [render_request("GET", "/telemetry"), render_request("PUT", "/telemetry", ONE),
                           render_request("DELETE", "/health"), render_request("POST", "/health", b"")],
    "unsupported_media_type": [telemetry(ONE, ("Content-Type", kind)) for kind in
                               ("text/plain", "application/x-proto", "application/jsonx", "application/xml; a=application/json")],
    "unsupported_encoding": [telemetry(ONE, ("Content-Encoding", coding)) for coding in ("br", "lz4", "compress", "gzip, zstd", "gzip;q=1", "*")],
    "invalid_compression": [telemetry(ONE, ("Content-Encoding", coding))
                            for coding in ("gzip", "x-gzip", "deflate", "zstd", "snappy", "x-snappy-framed")],
    "compression_bomb": [telemetry(gzip.compress(b" " * 2_000_000), ("Content-Encoding", "gzip"))],
    "bad_ack": [telemetry(ONE, query=f"?ack={level}") for level in ("", "STORED", "none")],
    "ack_unavailable": [telemetry(ONE, query=f"?ack={level}") for level in ("journaled", "replicated")],
    "bad_precision": [telemetry(ONE, query=f"?precision={precision}") for precision in ("", "m", "seconds", "MS")],
    "unknown_parameter": [telemetry(ONE, query=query) for query in ("?acks=queued", "?ACK=queued", "?ack=queued&x=1", "?=1")],
    "repeated_parameter": [telemetry(ONE, query=query) for query in ("?ack=stored&ack=queued", "?precision=s&precision=s")],
    "empty_body": [telemetry(b""), render_request("POST", "/telemetry"), raw(CHUNKED, b"0\r\n\r\n")],
    "invalid_json": [telemetry(body) for body in (
        b"{", b"[", b"nonsense", b'{"device_id":"a","type":"t","value":NaN}', b'{"device_id":"a","type":"t","value":Infinity}',
        b'{"device_id":"a","type":"t","value":1,}', b'{"device_id":"a","type":"t","value":01}', b"{'device_id':'a'}",
        ONE + b"x", b"[" + ONE + b",]", b'{"device_id":"a\nb","type":"t","value":1}', ONE[:-1],
        b'{"device_id":"\\ud800","type":"t","value":1}', b"/**/" + ONE)],
    "several_values": [telemetry(body) for body in (ONE + ONE, ONE + b"\n" + ONE + b"\n", b"[" + ONE + b"][" + ONE + b"]")],
    "invalid_utf8": [telemetry(b'{"device_id":"%s","type":"t","value":1}' % text) for text in (
        b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf5\x80\x80\x80", b"\xe2\x82")],
    "json_too_deep": [telemetry(DEEP)],
    "no_samples": [telemetry(b"[]"), telemetry(b" [ ] "), telemetry(b"\n\n", ("Content-Type", "application/x-ndjson")),
                   telemetry(b"  ", ("Content-Type", "application/x-ndjson"))],
    "all_records_refused": [telemetry(b"[{}]"), telemetry(b"[1,2]"), telemetry(b"{}\n{}\n", ("Content-Type", "application/x-ndjson"))],
    "not_an_object": [telemetry(body) for body in (b"7", b'"text"', b"null", b"true")],
    "duplicate_member": [telemetry(b'{"device_id":"a","device_id":"b","type":"t","value":1}'),
                         telemetry(b'{"device_id":"a","type":"t","value":1,"x":1,"\\u0078":2}'),
                         telemetry(b'{"device_id":"a","values":{"v":1,"v":2}}'),
                         telemetry(b'{"device_id":"a","type":"t","value":1,"metadata":{"m":1,"m":1}}')],
    "too_many_members": [record(**{f"m{index}": index for index in range(65)}),
                         telemetry(json.dumps({"device_id": "a", "type": "t", "value": 1,
                                               "metadata": {f"v{index}": 1 for index in range(65)}}).encode())],
    "too_many_values": [telemetry(json.dumps({"device_id": "a", "values": {f"{index}": 1 for index in range(1025)}}).encode())],
    "sample_too_large": [record(note="x" * 16384), record(metadata={"note": "x" * 16384})],
    "missing_device_id": [record(device_id=None), telemetry(b'{"invalid_field":"bad_data"}'), telemetry(b"{}")],
    "bad_device_id": [telemetry(b'{"device_id":%s,"type":"t","value":1}' % value) for value in (
        b'""', b"7", b"null", b"[]", b'"%s"' % (b"x" * 129), b'"a\\u0000b"', b'"a\\r\\nb"', b'"\\u007f"', b'"\\u0085"')],
    "missing_value": [record(type=None, value=None), record(value=None), record(type=None)],
    "ambiguous_value": [record(values={"v": 1}), record(type=None, values={"v": 1})],
    "bad_type": [record(type=""), record(type=7), record(type="x" * 129), record(type="a\nb")],
    "bad_value": [telemetry(b'{"device_id":"a","type":"t","value":%s}' % value) for value in (b"null", b"[1]", b"{}")],
    "bad_unit": [record(unit=7), record(unit="x" * 65), record(unit="a\tb")],
    "bad_values": [telemetry(b'{"device_id":"a","values":%s}' % values) for values in (
        b"{}", b"[]", b"7", b'{"a":null}', b'{"a":[1]}', b'{"a":{}}')],
    "bad_timestamp": [record(timestamp=value) for value in (
        "yesterday", "", "2025-13-01T00:00:00Z", "2025-02-30T00:00:00Z", "2025-12-29", -1, True, [1], {},
        "1969-12-31T23:59:59Z", "2263-01-01T00:00:00Z", "2025-12-29T25:00:00Z", "2025-12-29T17:03:57Zjunk")],
    "bad_priority": [record(priority=value) for value in ("low", "URGENT", "", 1, True)],
    "bad_metadata": [record(metadata=value) for value in ("text", 7, [1], True)],
    "number_out_of_range": [telemetry(b'{"device_id":"a","type":"t","value":%s}' % value) for value in (
        b"1e999", b"-1e999", b"99999999999999999999999")],
    "malformed_record": [],  # seen in 207 answers only: test_happy_path.py
    "several_values_in_line": [],  # likewise, below
}

PARAMETERS = [pytest.param(code, request, id=f"{code}-{index}")
              for code, requests in CASES.items() for index, request in enumerate(requests)]


@pytest.mark.parametrize("code, request_bytes", PARAMETERS)
def test_refusal(stack, http, code, request_bytes):
    declared = DECLARED[code]
    http.send(request_bytes)
    response = http.read_response()
    assert (response.status, response.code) == (declared.status, code)
    answer = response.json()
    assert answer["ok"] is False and answer["error"] == declared.sentence
    assert response.header("Content-Type") == "application/json"
    if declared.scope == "connection":
        assert response.closes
        assert http.read_to_end() == b""
    else:
        assert not response.closes
        assert http.request("GET", "/health").status == 200
    assert stack.redis.xlen("telemetry") == 0


def methods_in(response) -> set[str]:
    return {name.strip() for name in response.header("Allow").split(",")}


@pytest.mark.parametrize("target, method, allowed", [
    ("/telemetry", "GET", {"POST", "OPTIONS"}), ("/health", "POST", {"GET", "HEAD", "OPTIONS"}),
    ("/ready", "DELETE", {"GET", "HEAD", "OPTIONS"})])
def test_405_names_what_is_allowed(stack, http, target, method, allowed):
    assert methods_in(http.request(method, target, b"" if method == "POST" else None)) == allowed


@pytest.mark.parametrize("target, allowed", [
    ("/telemetry", {"POST", "OPTIONS"}), ("/telemetry?ack=queued", {"POST", "OPTIONS"}),
    ("/health", {"GET", "HEAD", "OPTIONS"}), ("*", {"GET", "HEAD", "POST", "OPTIONS"}),
    ("http://h", {"GET", "HEAD", "POST", "OPTIONS"}), ("http://h/telemetry", {"POST", "OPTIONS"})])
def test_options_names_what_is_allowed(stack, http, target, allowed):
    for body in (None, b"{}"):
        response = http.request("OPTIONS", target, body)
        assert (response.status, response.body, response.closes) == (204, b"", False)
        assert methods_in(response) == allowed
    assert stack.redis.xlen("telemetry") == 0


def test_415_tells_what_is_taken(stack, http):
    """RFC 9110 sections 15.5.16 and 12.5.3: Accept-Encoding only where the coding is the reason."""
    coding = http.post(sample(), headers=[("Content-Encoding", "br")])
    assert (coding.status, coding.header("Accept")) == (415, None)
    assert coding.header("Accept-Encoding") == "gzip, zstd, deflate, snappy"
    media_type = http.post(sample(), content_type="text/plain")
    assert (media_type.status, media_type.header("Accept-Encoding")) == (415, None)
    assert media_type.header("Accept") == "application/json, application/x-ndjson, application/x-protobuf, application/x-protobuf-delimited"
    for taken in media_type.header("Accept").split(", ")[:2]:
        assert http.post(sample(), content_type=taken).status == 200


@pytest.mark.parametrize("method, target, where", [
    ("GET", "/status", "/status at the address of admin.listen"), ("GET", "/metrics/", "/metrics at the address of admin.listen"),
    ("POST", "/telemetry/", "/telemetry"), ("POST", "/Telemetry", "/telemetry"), ("GET", "/nothing", None)])
def test_404_says_where_it_is(stack, http, method, target, where):
    response = http.request(method, target, b"" if method == "POST" else None)
    assert (response.status, response.json().get("where")) == (404, where)


@pytest.mark.parametrize("query, code, nearest", [
    ("?acks=queued", "unknown_parameter", "ack"), ("?ACK=queued", "unknown_parameter", "ack"),
    ("?Precison=ms", "unknown_parameter", "precision"), ("?verbose=1", "unknown_parameter", None),
    ("?%61ck=%71ueued", None, None), ("?ack=st%6Fred", None, None), ("?ack=%7queued", "bad_target", None)])
def test_parameters_are_decoded_or_refused(stack, http, query, code, nearest):
    answer = http.post(sample(), query=query).json()
    assert (answer.get("code"), answer.get("nearest")) == (code, nearest)
    assert code or answer["ack"] == ("queued" if "ueued" in query else "stored")


def test_an_error_says_where_in_the_body(stack, http):
    response = http.post(b'{"device_id":"a","type":"t","value":}')
    assert (response.code, response.json()["offset"]) == ("invalid_json", 36)


@pytest.mark.parametrize("body, code, offset", [
    (ONE[:-1], "invalid_json", len(ONE) - 1),  # cut short
    (ONE[:20], "invalid_json", 20),
    (b"[" + ONE + b"," + ONE[:-1], "invalid_json", 2 * len(ONE) + 1),
    (ONE + b" garbage", "invalid_json", len(ONE) + 1),
    (ONE + b"]", "invalid_json", len(ONE)),
    (b'{"device_id":"a","type":"t","value":tru}', "invalid_json", 39),
    (b'{"device_id":"a\x01"}', "invalid_json", 15),
    (b'{"device_id":"a\xff"}', "invalid_utf8", 15),
    (ONE + ONE, "several_values", len(ONE)),
    (b"\n" + ONE + b"\n" + ONE, "several_values", len(ONE) + 2),
])
def test_the_byte_where_the_text_breaks(stack, http, body, code, offset):
    """In a JSON body, and in a line of NDJSON."""
    response = http.post(body)
    assert (response.code, response.json()["offset"]) == (code, offset)
    assert (code == "several_values") == ("--data-binary" in response.json()["error"])
    if body.startswith((b"[", b"\n")):
        return
    response = http.post(ONE + b"\r\n" + body + b"\n" + ONE, content_type="application/x-ndjson")
    [error] = response.json()["errors"]
    in_line = {"invalid_json": "malformed_record", "several_values": "several_values_in_line"}
    assert (error["index"], error["code"], error["offset"]) == (1, in_line.get(code, code), len(ONE) + 2 + offset)
    assert (code == "several_values") == ("--data-binary" in error["error"])


def test_curl_that_strips_line_ends_is_told(stack, tmp_path):
    """`-d @file` removes the line feeds of NDJSON; `--data-binary` keeps them."""
    (tmp_path / "lines").write_bytes(ONE + b"\n" + ONE + b"\n")
    url = "http://{}:{}/telemetry".format(*stack.engine.address)
    for option, kind, code in [("-d", "application/x-ndjson", "several_values_in_line"), ("-d", "application/json", "several_values"),
                               ("--data-binary", "application/json", "several_values"), ("--data-binary", "application/x-ndjson", None)]:
        ran = subprocess.run(["curl", "-s", "-H", f"Content-Type: {kind}", option, f"@{tmp_path / 'lines'}", url],
                             capture_output=True, text=True, timeout=30, check=True)
        answer = json.loads(ran.stdout)
        if code is None:
            assert (answer["ok"], answer["accepted"]) == (True, 2)
            continue
        error = answer["errors"][0] if "errors" in answer else answer
        assert error["code"] == code and "--data-binary" in error["error"], answer


@pytest.mark.parametrize("timestamp, ts", [
    ("2016-12-31T23:59:60Z", 1483228799_999999999), ("2017-01-01T00:59:60.5+01:00", 1483228799_999999999),
    ("2025-12-29T17:03:57.12345678909Z", 1767027837_123456789), ("2025-12-29T17:03:57-00", 1767027837_000000000),
    ("2025-12-29T17:03:57-00:00", 1767027837_000000000), (b"-0", 0), (b"-0.0", 0),
])
def test_time_stamps_that_need_a_rule(stack, http, timestamp, ts):
    value = timestamp if isinstance(timestamp, bytes) else json.dumps(timestamp).encode()
    assert http.post(b'{"device_id":"a","type":"t","value":1,"timestamp":%s}' % value).status == 200
    [entry] = stream_entries(stack.redis)
    assert int(entry[b"ts"]) == ts


@pytest.mark.parametrize("members", [
    {"device_id": "x" * 128}, {"device_id": "\u00e4" * 64}, {"type": "x" * 128}, {"unit": "x" * 64}, {"unit": None},
    {"note": "x" * 15000}, {f"m{index}": index for index in range(60)}, {"priority": "LOW"}, {"priority": "HIGH"},
    {"metadata": {}}, {"timestamp": 0}, {"timestamp": "1970-01-01T00:00:00Z"},
])
def test_the_bounds_themselves_are_accepted(stack, http, members):
    assert http.post(sample(**members)).status == 200


def test_32_levels_are_accepted(stack, http):
    nested = b'{"a":' * 31 + b"1" + b"}" * 31
    assert http.post(b'{"device_id":"a","type":"t","value":1,"metadata":' + nested + b"}").status == 200


def test_an_error_body_never_repeats_client_bytes(stack, http):
    response = http.request("GET", '/<script>"secret"')
    assert b"secret" not in response.body


def test_every_refusal_is_counted_under_its_code(module_starter):
    engine = module_starter.engine(module_starter.redis().url, ack="queued")
    for code, requests in CASES.items():
        for request in requests:
            with engine.connect() as connection:
                connection.send(request)
                connection.read_response()
    status = engine.status()
    assert_conserved(status)
    reactor = status["reactors"][0]
    for code, requests in CASES.items():
        counters = reactor["samples"]["rejected"] if DECLARED[code].scope == "record" else reactor["requests_refused"]
        assert counters.get(code, 0) >= len(requests), f"{code}: {counters}"


def test_every_declared_refusal_has_a_test():
    assert set(DECLARED) == set(CASES) | set(IN_OTHER_FILES) | NOT_FROM_OUTSIDE
    for code, file_name in IN_OTHER_FILES.items():
        assert f'"{code}"' in (Path(__file__).parent / file_name).read_text(), f"{file_name} does not test {code}"
