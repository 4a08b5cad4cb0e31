"""Content-Encoding: every coding on every ingest route, what is refused, and that a body cannot cost more than it may."""
# runs: release.io_uring release.epoll asan.io_uring

import gzip
import json
import zlib
from concurrent.futures import ThreadPoolExecutor

import pytest
import snappy
import zstandard

from harness import assert_conserved, render_request, sample, wait_until
from harness.load import OK, run_load
from harness.snappy_frames import compress_framed

MIB = 1024 * 1024


def raw_deflate(text: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=-15)
    return compressor.compress(text) + compressor.flush()


def compress_zstd(text: bytes) -> bytes:
    return zstandard.ZstdCompressor().compress(text)  # one is no use to two threads


def stream_zstd(text: bytes) -> bytes:
    """Frames that tell no length, as a sender makes that streams."""
    compressor = zstandard.ZstdCompressor(write_content_size=False)
    return compressor.compress(text[:len(text) // 2]) + compressor.compress(text[len(text) // 2:])


# Name in a test's id: Content-Encoding, how it is made.
CODINGS = {
    "gzip": ("gzip", gzip.compress),
    "x-gzip": ("X-GZIP", gzip.compress),
    "gzip members": ("gzip", lambda text: gzip.compress(text[:len(text) // 2]) + gzip.compress(text[len(text) // 2:])),
    "deflate": ("deflate", zlib.compress),
    "raw deflate": ("deflate", raw_deflate),
    "zstd": ("zstd", compress_zstd),
    "zstd stream": ("zstd", stream_zstd),
    "snappy": ("snappy", snappy.compress),
    "snappy framed": ("x-snappy-framed", compress_framed),
    "snappy framed, named a block": ("snappy", compress_framed),
}
every_coding = pytest.mark.parametrize("coding, compress", CODINGS.values(), ids=CODINGS)


def lines_of(count: int, name: str = "d") -> bytes:
    return b"".join(json.dumps(sample(f"{name}{number}", value=number / 7)).encode() + b"\n" for number in range(count))


def encoded(coding: str, *more):
    return [("Content-Encoding", coding), *more]


def post_lines(http, body: bytes, coding: str, query: str = "", headers=()):
    return http.post(body, query=query, content_type="application/x-ndjson", headers=encoded(coding, *headers))


def chunked(target: str, body: bytes, headers, size: int = 1000) -> bytes:
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(body[at:at + size]), body[at:at + size]) for at in range(0, len(body), size))
    return f"POST {target} HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n{lines}\r\n".encode() + chunks + b"0\r\n\r\n"


@every_coding
def test_what_is_stored_is_the_text(stack, http, coding, compress):
    text = lines_of(500)
    plain = http.post(text, content_type="application/x-ndjson")
    assert (plain.status, plain.json()["accepted"]) == (200, 500)
    expected = [entry for _, entry in stack.redis.xrange("telemetry")]
    stack.redis.flushall()
    assert post_lines(http, compress(text), coding).json()["accepted"] == 500
    got = [entry for _, entry in stack.redis.xrange("telemetry")]
    for one, other in zip(expected, got):  # arrival times differ
        one.pop(b"ts"), other.pop(b"ts")
    assert got == expected


@every_coding
def test_one_small_sample(stack, http, coding, compress):
    assert http.post(compress(json.dumps(sample("one")).encode()), headers=encoded(coding)).status == 200
    assert [entry[b"device_id"] for _, entry in stack.redis.xrange("telemetry")] == [b"one"]


@every_coding
def test_line_protocol(stack, http, coding, compress):
    body = compress(b"cpu,host=a usage=0.5\n" * 3000)
    assert http.request("POST", "/api/v2/write", body, encoded(coding)).status == 204
    http.send(chunked("/write", body, encoded(coding), size=37))
    assert http.read_response().status == 204
    assert stack.redis.xlen("telemetry") == 6000


@every_coding
def test_a_long_body_and_requests_behind_it(stack, http, coding, compress):
    """Over 1 MiB of text, read in turns; the connection goes on, in order."""
    text = lines_of(12_000)
    body = compress(text)
    http.send(render_request("POST", "/telemetry", body, encoded(coding, ("Content-Type", "application/x-ndjson"))))
    http.send(render_request("POST", "/telemetry", json.dumps(sample("behind")).encode()))
    http.send(chunked("/telemetry", body, encoded(coding, ("Content-Type", "application/x-ndjson")), size=5000))
    assert http.read_response().json()["accepted"] == 12_000
    assert http.read_response().status == 200
    assert http.read_response().json()["accepted"] == 12_000
    assert stack.redis.xlen("telemetry") == 24_001


def test_bad_records_are_named_by_their_place_in_the_text(stack, http):
    text = lines_of(10) + b'{"device_id":"bad"}\n' + lines_of(5)
    response = post_lines(http, gzip.compress(text), "gzip")
    assert (response.status, response.json()["accepted"], response.json()["rejected"]) == (207, 15, 1)
    assert response.json()["errors"][0]["index"] == 10
    broken = http.post(gzip.compress(b'{"device_id":"d",'), headers=encoded("gzip"))
    assert (broken.status, broken.code) == (400, "invalid_json")
    influx = http.request("POST", "/write", gzip.compress(b"m f=1\nm f=\n"), encoded("gzip"))
    assert influx.status == 400 and "f=" in influx.json()["error"]


# --- refusals --------------------------------------------------------------------------------------------------------

@every_coding
def test_damaged_and_cut_off(stack, http, coding, compress):
    whole = compress(lines_of(200))
    for body in (whole[:-1], whole[:len(whole) // 2], whole[:11], whole + b"\0", whole + b"x" * 100, b"x" * 100, b"\x01"):
        response = post_lines(http, body, coding)
        assert (response.status, response.code, response.closes) == (400, "invalid_compression", False), body[:20]
    assert post_lines(http, whole, coding).status == 200
    assert stack.redis.xlen("telemetry") == 200
    assert_conserved(stack.engine.status())


@pytest.mark.parametrize("coding, compress", [row for row in CODINGS.values() if row[1] is not stream_zstd])
def test_a_text_that_is_empty(http, coding, compress):
    empty = http.post(compress(b""), headers=encoded(coding))
    if empty.code != "invalid_compression":  # no bytes at all make no stream
        assert (empty.status, empty.code) == (400, "empty_body")
        assert http.request("POST", "/write", compress(b""), encoded(coding)).status == 204


@pytest.mark.parametrize("coding", ["br", "lz4", "compress", "gzip, zstd", "gzip,gzip", "gzip;q=1.0"])
@pytest.mark.parametrize("target, body_of", [
    ("/telemetry", lambda response: response.json()["code"]),
    ("/write", lambda response: response.json()["error"]),
    ("/api/v2/write", lambda response: response.json()["message"])])
def test_other_codings(http, coding, target, body_of):
    response = http.request("POST", target, b"m f=1", encoded(coding))
    assert (response.status, response.closes) == (415, False)
    assert response.header("Accept-Encoding") == "gzip, zstd, deflate, snappy"
    assert body_of(response)


def test_codings_that_are_switched_off(starter):
    engine = starter.engine("null:", settings={"http.encodings": "gzip"})
    with engine.connect() as http:
        assert post_lines(http, gzip.compress(lines_of(1)), "gzip").status == 200
        for coding in ("zstd", "deflate", "snappy", "x-snappy-framed"):
            response = post_lines(http, b"x", coding)
            assert (response.status, response.header("Accept-Encoding")) == (415, "gzip")
    none = starter.engine("null:", settings={"http.encodings": "identity"})
    with none.connect() as http:
        response = post_lines(http, gzip.compress(lines_of(1)), "gzip")
        assert (response.status, response.header("Accept-Encoding")) == (415, "identity")
        assert post_lines(http, lines_of(1), "identity").status == 200


# --- bounds ----------------------------------------------------------------------------------------------------------

def blanks(bytes_count: int) -> bytes:
    """A valid body, nearly all of which is white space."""
    return json.dumps(sample("blank")).encode() + b" " * bytes_count


# A coding that shrinks them by more than http.compression_ratio_max. Snappy's 20 to 1 cannot.
@pytest.mark.parametrize("name", ["gzip", "deflate", "raw deflate", "zstd", "zstd stream"])
def test_the_ratio(http, name):
    coding, compress = CODINGS[name]
    small = blanks(MIB - 1000)
    assert len(compress(small)) * 200 < len(small)
    assert http.post(compress(small), headers=encoded(coding)).status == 200, "up to 1 MiB any ratio is fine"
    response = http.post(compress(blanks(2 * MIB)), headers=encoded(coding))
    assert (response.status, response.code, response.closes) == (400, "compression_bomb", False)
    assert http.post(sample("after")).status == 200


@every_coding
def test_the_length_of_the_text(starter, coding, compress):
    engine = starter.engine("null:", settings={"http.body_max": "1MiB", "http.compression_ratio_max": "0"})
    with engine.connect() as http:
        text = blanks(0) + b" " * (MIB - len(blanks(0)))
        assert http.post(compress(text), headers=encoded(coding)).status == 200
        response = http.post(compress(text + b" "), headers=encoded(coding))
        assert (response.status, response.code, response.closes) == (413, "body_too_large", False)
        assert http.post(sample("after")).status == 200
    assert engine.status()["reactors"][0]["body_bytes_in_use"] == 0


def varint(number: int) -> bytes:
    out = b""
    while number > 0x7f:
        out += bytes([number & 0x7f | 0x80])
        number >>= 7
    return out + bytes([number])


@pytest.mark.parametrize("coding, body", [
    ("snappy", varint(2**32 - 1) + b"\0x"), ("snappy", varint(64 * MIB) + b"\0x"),
    ("zstd", b"\x28\xb5\x2f\xfd\xe0" + (2**40).to_bytes(8, "little") + b"\x01\x00\x00"),
    ("gzip", gzip.compress(blanks(0))[:-4] + (2**32 - 1).to_bytes(4, "little"))])
def test_a_length_that_is_a_lie(stack, http, coding, body):
    """It decides the status, at most; never how much memory is taken."""
    before = stack.engine.status()
    for _ in range(20):
        response = http.post(body, headers=encoded(coding))
        assert response.status in (400, 413) and response.code in ("invalid_compression", "body_too_large", "compression_bomb")
    assert stack.engine.status()["reactors"][0]["body_bytes_in_use"] == 0
    assert before["samples"]["accepted"] == stack.engine.status()["samples"]["accepted"]


def test_a_window_of_more_than_8_mib(http):
    for log, status in ((23, 200), (24, 400)):
        parameters = zstandard.ZstdCompressionParameters(window_log=log, write_content_size=0)
        compressor = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
        body = compressor.compress(json.dumps(sample("w")).encode()) + compressor.flush()
        response = http.post(body, headers=encoded("zstd"))
        assert response.status == status, response.body


def test_members_without_text(http):
    text = json.dumps(sample("m")).encode()
    for count, status in ((1023, 200), (1024, 400)):
        assert http.post(gzip.compress(b"") * count + gzip.compress(text), headers=encoded("gzip")).status == status
        empty, whole = (zstandard.ZstdCompressor().compress(part) for part in (b"", text))
        assert http.post(empty * count + whole, headers=encoded("zstd")).status == status


def test_a_text_that_will_never_fit_is_too_large(starter):
    """503 would be repeated without an end."""
    engine = starter.engine("null:", settings={"http.body_max": "1MiB", "http.body_memory": "1MiB", "http.compression_ratio_max": "0"})
    text = lines_of(12_000)[:MIB - 20_000]
    text = text[:text.rindex(b"\n") + 1]
    with engine.connect() as http:
        for compress, coding in ((gzip.compress, "gzip"), (snappy.compress, "snappy")):
            response = post_lines(http, compress(text), coding)
            assert (response.status, response.code) == (413, "body_too_large")
        assert post_lines(http, text, "identity").status == 200


# --- among others ----------------------------------------------------------------------------------------------------

def test_many_at_once(stack):
    """Long and short, compressed and not, on many connections: everything is stored once."""
    def send(number: int) -> int:
        coding, compress = list(CODINGS.values())[number % len(CODINGS)]
        accepted = 0
        with stack.connect() as http:
            for count in (1, 3000, 1, 300):
                response = post_lines(http, compress(lines_of(count, f"c{number}-")), coding)
                assert response.status == 200, response.body
                accepted += response.json()["accepted"]
                assert http.post(sample(f"p{number}")).status == 200
        return accepted
    with ThreadPoolExecutor(20) as pool:
        accepted = sum(pool.map(send, range(20)))
    assert accepted == 20 * 3302
    assert stack.redis.xlen("telemetry") == accepted + 80
    status = stack.engine.status()
    assert_conserved(status)
    assert status["reactors"][0]["body_bytes_in_use"] == 0


def test_clients_that_leave_in_the_middle(stack):
    text = gzip.compress(lines_of(40_000))
    request = render_request("POST", "/telemetry", text, encoded("gzip", ("Content-Type", "application/x-ndjson")))
    for _ in range(5):
        leaving = [stack.connect() for _ in range(4)]
        for connection in leaving:
            connection.send(request)
        for connection in leaving:
            connection.close()
    with stack.connect() as http:
        assert http.post(sample("stays")).status == 200
    wait_until(lambda: stack.engine.status()["reactors"][0]["body_bytes_in_use"] == 0, "all memory is back")
    wait_until(lambda: stack.engine.samples()["in_flight"] == 0, "what was read whole is stored")
    assert_conserved(stack.engine.status())


def test_an_idempotency_key_belongs_to_the_bytes(stack, http):
    text = lines_of(20)
    body = gzip.compress(text, mtime=0)
    key = [("Idempotency-Key", "k-compressed")]
    first, second = (post_lines(http, body, "gzip", headers=key) for _ in range(2))
    assert (first.status, second.status, second.header("Idempotent-Replayed")) == (200, 200, "true")
    for other, coding in ((zstandard.ZstdCompressor().compress(text), "zstd"), (body, "deflate"), (text, "identity")):
        response = post_lines(http, other, coding, headers=key)
        assert (response.status, response.code) == (422, "idempotency_mismatch")
    partly = gzip.compress(text + b"{}\n", mtime=0)
    key = [("Idempotency-Key", "k-partly")]
    first, second = (post_lines(http, partly, "gzip", headers=key) for _ in range(2))
    assert (first.status, second.status) == (207, 207) and first.json()["errors"] == second.json()["errors"]
    assert stack.redis.xlen("telemetry") == 40


def test_figures(starter):
    engine = starter.engine("null:")
    text = lines_of(1000)
    body = gzip.compress(text)
    with engine.connect() as http:
        for _ in range(3):
            assert post_lines(http, body, "gzip").status == 200
        assert post_lines(http, body[:-1], "gzip").status == 400
    compressed = engine.status()["reactors"][0]["compressed"]
    assert compressed["bodies"] == {"gzip": 3}
    assert compressed["bytes"] == {"gzip": 3 * len(body)} and compressed["text_bytes"] == {"gzip": 3 * len(text)}
    assert compressed["time_us"]["gzip"] > 0
    assert f'sluice_decompressed_bytes_total{{core="0",coding="gzip"}} {3 * len(text)}' in engine.metrics()


@pytest.mark.parametrize("encoding", ["identity", "gzip", "zstd", "deflate", "snappy"])
@pytest.mark.parametrize("form", [(), ("--chunked",)])
def test_the_load_generator_sends_it(stack, encoding, form):
    """And its ledger finds every sample."""
    url = "http://{}:{}/telemetry".format(*stack.engine.address)
    run = run_load(url, "--sample", "--ndjson", "--batch", 700, "--encoding", encoding, *form, "--users", 4, "--requests", 40)
    assert run.exit_code == OK, run.messages
    assert run.totals["succeeded"] == 40
    assert stack.redis.xlen("telemetry") == 40 * 700
    bodies = stack.engine.status()["reactors"][0]["compressed"]["bodies"]
    assert encoding == "identity" or bodies[encoding] >= 40
