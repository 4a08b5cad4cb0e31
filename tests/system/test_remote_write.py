"""Prometheus remote write: which message a request has, what is stored, and what clients are told."""
# runs: release.io_uring release.epoll asan.io_uring

import json

import pytest
import snappy
import zstandard

from harness import assert_conserved, wait_until
from harness.protobuf import number, real, text, varint

V1_TYPE = "application/x-protobuf"
V2_TYPE = "application/x-protobuf;proto=io.prometheus.write.v2.Request"
NOW_MS = 1_700_000_123_456


def sample_v1(value: float, ms: int = NOW_MS) -> bytes:
    return real(1, value) + number(2, ms)


def series_v1(labels: dict, *samples: bytes) -> bytes:
    """A field of prometheus.WriteRequest."""
    return text(1, b"".join(text(1, text(1, name) + text(2, value)) for name, value in labels.items())
                + b"".join(text(2, sample) for sample in samples))


def up(device: str = "a:9100", value: float = 1) -> bytes:
    return series_v1({"__name__": "up", "instance": device, "job": "node"}, sample_v1(value))


def request_v2(series: list[tuple[list[str], list[bytes]]]) -> bytes:
    """io.prometheus.write.v2.Request of series with labels (name, value, …) and further fields."""
    symbols = [""]
    body = b""
    for labels, parts in series:
        refs = b"".join(varint(len(symbols) + index) for index in range(len(labels)))
        symbols += labels
        body += text(5, text(1, refs) + b"".join(parts))
    return b"".join(text(4, symbol) for symbol in symbols) + body


def write(http, body: bytes, content_type: str = V1_TYPE, coding="snappy", target="/api/v1/write", headers=()):
    compress = {"snappy": snappy.compress, "zstd": zstandard.ZstdCompressor().compress, None: bytes}[coding]
    lines = [("Content-Type", content_type)] if content_type else []
    lines += [("Content-Encoding", coding)] if coding else []
    return http.request("POST", target, compress(body), [*lines, ("X-Prometheus-Remote-Write-Version", "0.1.0"), *headers])


def written(response) -> tuple:
    return tuple(int(response.header(f"X-Prometheus-Remote-Write-{kind}-Written")) for kind in ("Samples", "Histograms", "Exemplars"))


def entries(stack) -> list[dict]:
    return [{name.decode(): value.decode() for name, value in fields.items()} for _, fields in stack.redis.xrange("telemetry")]


@pytest.mark.parametrize("target", ["/api/v1/write", "/api/v1/push"])
@pytest.mark.parametrize("coding", ["snappy", "zstd", None])
@pytest.mark.parametrize("content_type", [
    V1_TYPE, None, V1_TYPE + "; proto=prometheus.WriteRequest", 'Application/X-Protobuf ; PROTO="prometheus.WriteRequest"; q=1'])
def test_v1(stack, http, target, coding, content_type):
    response = write(http, up() + up("b:9100", 0.5), content_type, coding, target)
    assert (response.status, response.body, response.header("Sluice-Ack")) == (204, b"", "stored")
    assert written(response) == (2, 0, 0)
    first, second = entries(stack)
    assert first == {"device_id": "a:9100", "ts": str(NOW_MS * 10**6), "type": "up", "value": "1.0",
                     "metadata": '{"instance":"a:9100","job":"node"}'}
    assert (second["device_id"], second["value"]) == ("b:9100", "0.5")


def test_v2(stack, http):
    exemplar = text(4, text(1, varint(5) + varint(6)) + real(2, 0.25) + number(3, NOW_MS))
    histogram = text(3, number(1, 3) + real(3, 4.5) + number(15, NOW_MS))
    body = request_v2([
        (["__name__", "requests_total", "instance", "a", "trace_id", "t"], [text(2, sample_v1(7)), text(5, number(1, 1))]),
        (["__name__", "latency", "instance", "a"], [histogram])])
    response = write(http, body, V2_TYPE)
    assert (response.status, written(response)) == (204, (1, 1, 0))
    counter, latency = entries(stack)
    assert json.loads(counter["prometheus"]) == {"kind": "counter"} and counter["value"] == "7.0"
    assert json.loads(latency["values"]) == {"count": 3, "sum": 4.5} and json.loads(latency["histogram"])["schema"] == 0
    response = write(http, request_v2([(["__name__", "m", "a", "b", "trace_id", "t"][:4] + ["trace_id", "t"],
                                        [text(2, sample_v1(7)), exemplar])]), V2_TYPE)
    assert (response.status, written(response)) == (204, (1, 0, 1))


# What a 1.0 receiver takes for an empty request is refused, so that the sender knows.
@pytest.mark.parametrize("content_type", [
    "application/x-protobuf;proto=io.prometheus.write.v3.Request", "application/x-protobuf;proto=", "application/json",
    "application/x-protobuf;proto=prometheus.writerequest", "text/plain", "application/x-protobufs"])
def test_other_messages(stack, http, content_type):
    response = write(http, up(), content_type)
    assert (response.status, response.closes, response.header("Accept")) == (415, False, "application/x-protobuf")
    assert b"unsupported_media_type" in response.body and response.header("Content-Type").startswith("text/plain")
    assert stack.redis.xlen("telemetry") == 0


@pytest.mark.parametrize("content_type", [V1_TYPE, V2_TYPE])
def test_nothing_is_no_error(http, content_type):
    for body in (b"", text(9, b"unknown")):
        for coding in (None, "snappy"):
            assert write(http, body, content_type, coding).status == 204
    metadata = text(3, number(1, 1) + text(2, "up") + text(4, "help"))
    assert (write(http, metadata).status, written(write(http, metadata))) == (204, (0, 0, 0))


@pytest.mark.parametrize("content_type", [V1_TYPE, V2_TYPE])
def test_what_is_no_message(stack, http, content_type):
    for body in (b"x", up()[:-1], b'{"device_id":"d","type":"t","value":1}', b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"):
        response = write(http, body, content_type)
        assert (response.status, written(response)) == (400, (0, 0, 0)), body
        assert b"invalid_protobuf" in response.body
    response = http.request("POST", "/api/v1/write", b"\xff\xff", [("Content-Encoding", "snappy"), ("Content-Type", content_type)])
    assert response.status == 400 and b"invalid_compression" in response.body
    assert stack.redis.xlen("telemetry") == 0


def test_good_series_are_stored_beside_bad_ones(stack, http):
    bad = series_v1({"job": "nameless"}, sample_v1(1), sample_v1(2))
    response = write(http, up("first") + bad + up("last"))
    assert (response.status, written(response), response.header("Sluice-Ack")) == (400, (2, 0, 0), "stored")
    assert response.body == (b"Refused 2 of 4 records, the others are stored. The first, record 1: "
                             b"A series needs the label __name__. (missing_name)\n")
    assert [entry["device_id"] for entry in entries(stack)] == ["first", "last"]
    only_bad = write(http, bad)
    assert (only_bad.status, written(only_bad), only_bad.header("Sluice-Ack")) == (400, (0, 0, 0), None)
    assert_conserved(stack.engine.status())


REFUSED = {
    "invalid_protobuf": (V1_TYPE, up() + b"\x0a"),
    "missing_name": (V1_TYPE, series_v1({"job": "j"}, sample_v1(1))),
    "bad_label": (V1_TYPE, series_v1({"__name__": "x", "": "v"}, sample_v1(1))),
    "bad_symbol": (V2_TYPE, text(4, "") + text(5, text(1, varint(0) + varint(9)) + text(2, sample_v1(1)))),
    "mixed_series": (V2_TYPE, request_v2([(["__name__", "h"], [text(2, sample_v1(1)), text(3, number(1, 3) + number(15, NOW_MS))])])),
    "bad_histogram": (V1_TYPE, text(1, text(1, text(1, "__name__") + text(2, "h")) + text(4, text(11, number(2, 3))))),
}


@pytest.mark.parametrize("code", REFUSED)
def test_the_code_of_a_refusal(http, code):
    content_type, body = REFUSED[code]
    response = write(http, body, content_type)
    assert response.status == 400 and f"({code})".encode() in response.body


def test_a_thousand_series_with_one_bad(stack, http):
    body = b"".join(up(f"d{index}") if index != 500 else series_v1({"__name__": "x"}, sample_v1(1, -5)) for index in range(1000))
    assert written(write(http, body)) == (999, 0, 0)
    assert stack.redis.xlen("telemetry") == 999


def test_levels_and_keys(stack, http):
    response = write(http, up(), target="/api/v1/write?ack=queued&unknown=1&precision=s")
    assert (response.status, response.header("Sluice-Ack")) == (204, "queued")
    key = [("Idempotency-Key", "rw-1")]
    first, second = (write(http, up("once"), headers=key) for _ in range(2))
    assert (first.status, second.status, second.header("Idempotent-Replayed")) == (204, 204, "true")
    assert written(first) == written(second) == (1, 0, 0)
    wait_until(lambda: stack.redis.xlen("telemetry") == 2, "both are stored, once")


def test_what_may_be_sent_again_is_503(stack, http):
    assert stack.engine.admin("POST", "/stop").status == 200
    for content_type in (V1_TYPE, V2_TYPE):
        response = write(http, up(), content_type)
        assert (response.status, written(response)) == (503, (0, 0, 0)) and int(response.header("Retry-After")) >= 1
    assert stack.engine.admin("POST", "/start").status == 200
    assert write(http, up()).status == 204


def test_json_layouts(starter):
    """The canonical record, for consumers that read JSON."""
    server = starter.redis()
    engine = starter.engine(server.url, settings={"sink.redis.layout": "json"})
    with engine.connect() as http:
        assert write(http, up()).status == 204
    [(_, entry)] = server.client().xrange("telemetry")
    assert json.loads(entry[b"json"]) == {"device_id": "a:9100", "type": "up", "value": 1.0, "timestamp": NOW_MS * 10**6,
                                          "metadata": {"instance": "a:9100", "job": "node"}}


def test_the_message_of_the_other_version(stack, http):
    """It would seem empty, and be answered as stored."""
    v2 = request_v2([(["__name__", "x"], [text(2, sample_v1(1))])])
    for body, content_type in ((v2, V1_TYPE), (up(), V2_TYPE)):
        response = write(http, body, content_type)
        assert response.status == 400 and b"invalid_protobuf" in response.body
    assert stack.redis.xlen("telemetry") == 0


def test_bodies_that_are_all_work(stack, http):
    """Pairs of references to a long text, in labels and in exemplars: none is looked at more often than it may be."""
    long_name = text(4, "") + text(4, b"a" * 16000)
    labels = text(5, text(1, b"\x01\x00" * 1_000_000) + text(2, sample_v1(1)))
    assert b"too_many_members" in write(http, long_name + labels, V2_TYPE).body
    symbols = text(4, "") + text(4, b"a" * 3_000_000) + text(4, "__name__") + text(4, "m")
    exemplar = text(4, text(1, b"\x01\x01" * 400))
    response = write(http, symbols + text(5, text(1, b"\x02\x03") + text(2, sample_v1(1)) + exemplar * 1000), V2_TYPE)
    assert (response.status, written(response)) == (204, (1, 0, 0))


def test_an_empty_body_may_say_that_it_is_compressed(http):
    for coding in ("snappy", "gzip", "zstd"):
        for target in ("/api/v1/write", "/write"):
            assert http.request("POST", target, b"", [("Content-Encoding", coding)]).status == 204
        assert http.request("POST", "/v1/metrics", b"", [("Content-Encoding", coding)]).status == 200
        assert http.post(b"", headers=[("Content-Encoding", coding)]).code == "empty_body"


def test_histograms_that_are_cut_off(http):
    named = text(1, text(1, "__name__") + text(2, "h"))
    for histogram in (real(2, 1.0) + text(11, number(2, 1)) + text(13, b"x" * 9), text(11, number(2, 1)) + text(12, b"\x02\x80"),
                      text(11, b"\xff"), text(16, b"xxx")):
        assert b"bad_histogram" in write(http, text(1, named + text(4, histogram))).body
    assert written(write(http, text(1, named + text(4, text(1, "x") + number(15, 5))))) == (0, 1, 0), "an unknown field"
