"""RFC 9112 and RFC 9110 over a real socket: what has one reading is accepted, whatever else is answered 4xx or 5xx and the connection ends.

The grammar itself is tested by tests/unit/http_*_test.cpp, at every cut; here the connection is.
"""
# runs: release.io_uring release.epoll asan.io_uring

import json
import select

import pytest

from harness import device_ids, render_request, sample

BODY = json.dumps(sample()).encode()
LENGTH = b"Content-Length: %d" % len(BODY)
HEAD = b"POST /telemetry HTTP/1.1\r\nHost: h\r\n"
CHUNKS = b"%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY)


def post(*lines: bytes, body: bytes = BODY, first: bytes = HEAD) -> bytes:
    return first + b"".join(line + b"\r\n" for line in lines) + b"\r\n" + body


ACCEPTED = {
    "a tab behind Content-Length": post(LENGTH + b"\t"),
    "tabs around Content-Length": post(LENGTH.replace(b": ", b":\t\t") + b" \t"),
    "a tab behind chunked": post(b"Transfer-Encoding: chunked\t", body=CHUNKS),
    "empty elements around chunked": post(b"Transfer-Encoding: , chunked\t,,", body=CHUNKS),
    "an empty line": b"\r\n" + post(LENGTH),
    "eight empty lines": b"\r\n" * 8 + post(LENGTH),
    "HTTP/1.2": post(LENGTH, first=HEAD.replace(b"1.1", b"1.2")),
    "a long Host": post(LENGTH, first=HEAD.replace(b": h", b": " + b"h" * 192)),
    "a longer Host": post(LENGTH, first=HEAD.replace(b": h", b": " + b"h" * 10_000)),
    "an IPv6 Host": post(LENGTH, first=HEAD.replace(b": h", b": [2001:db8::1]:8080")),
    "a long Content-Type": post(LENGTH, b"Content-Type: application/json; x=" + b"p" * 192),
    "a longer Content-Type": post(LENGTH, b"Content-Type: application/json; x=" + b"p" * 10_000),
    "a target of 8,000 bytes": post(LENGTH, first=HEAD.replace(b"/telemetry", b"/telemetry?ack=stored" + b"&" * 7_979)),
    "a URI": post(LENGTH, first=HEAD.replace(b"/telemetry", b"http://[::1]:80/telemetry?ack=stored")),
    "a head of 16 KiB": post(LENGTH, b"X:" + b" " * (16 * 1024 - len(post(LENGTH, b"X:v", body=b""))) + b"v"),
    "a hundred chunk extensions": post(b"Transfer-Encoding: chunked", body=b"".join(
        b"1;%s=\"%s\"\r\n%c\r\n" % (b"n" * 40, b"v" * 60, byte) for byte in BODY) + b"0\r\n\r\n"),
    "padded chunk sizes": post(b"Transfer-Encoding: chunked", body=b"".join(
        b"00000001\r\n%c\r\n" % byte for byte in BODY) + b"0000\r\nA-Trailer: x\r\n\r\n"),
}


@pytest.mark.parametrize("request_bytes", [pytest.param(value, id=name) for name, value in ACCEPTED.items()])
def test_accepted_and_the_next_request_follows(stack, http, request_bytes):
    http.send(request_bytes * 2)
    for _ in range(2):
        response = http.read_response()
        assert (response.status, response.closes) == (200, False), response
    assert device_ids(stack.redis) == ["sensor-17"] * 2


@pytest.mark.parametrize("line", [b"Connection: close\t", b"Connection:\tclose\t,\tx", b"Connection: x\r\nA: b\r\nConnection: close"])
def test_connection_close_is_read_with_tabs_and_in_lists(stack, http, line):
    http.send(post(LENGTH, line) * 2)
    response = http.read_response()
    assert (response.status, response.closes) == (200, True)
    assert http.read_to_end() == b""
    assert device_ids(stack.redis) == ["sensor-17"]


# What no head and no chunk may be: it goes on for ever. The last is what is repeated.
ENDLESS = {
    "empty lines": (b"", b"\r\n" * 1000, 400),
    "a method": (b"", b"M" * 1000, 501),
    "blanks before the target": (b"POST", b" " * 1000, 414),
    "a target": (b"POST /", b"x" * 1000, 414),
    "blanks behind the target": (b"POST /telemetry", b" " * 1000, 414),
    "a header name": (HEAD, b"N" * 1000, 431),
    "blanks before a header value": (HEAD + b"X:", b" " * 1000, 431),
    "tabs behind a header value": (HEAD + b"X: v", b"\t" * 1000, 431),
    "empty headers": (HEAD, b"X:\r\n", 431),
    "a chunk extension": (post(b"Transfer-Encoding: chunked", body=b"%x;" % len(BODY)), b"e" * 1000, 431),
    "zeros in a chunk size": (post(b"Transfer-Encoding: chunked", body=b""), b"0" * 1000, 431),
    "extensions of many chunks": (post(b"Transfer-Encoding: chunked", body=b""), b"1;" + b"e" * 1000 + b"\r\n \r\n", 431),
    "a trailer": (post(b"Transfer-Encoding: chunked", body=CHUNKS[:-2] + b"X: "), b"v" * 1000, 431),
}


@pytest.mark.parametrize("begin, repeated, status", [pytest.param(*row, id=name) for name, row in ENDLESS.items()])
def test_what_goes_on_for_ever_is_refused_at_the_limit(stack, http, begin, repeated, status):
    """The answer comes while the client sends: no byte of a request escapes the limit of its head (RFC 9112 section 7.1.1)."""
    http.send(begin)
    sent_bytes_max = 64 * 1024  # a head may have 16 KiB
    sent_bytes = 0
    while sent_bytes < sent_bytes_max:
        http.send(repeated)
        sent_bytes += len(repeated)
        if select.select([http.socket], [], [], 0)[0]:
            break
    response = http.read_response()
    assert (response.status, response.closes) == (status, True)
    assert http.read_to_end() == b""
    assert stack.redis.xlen("telemetry") == 0


@pytest.mark.parametrize("request_bytes, status", [
    pytest.param(b"GET * HTTP/1.1\r\nHost: h\r\n\r\n", 400, id="asterisk"), pytest.param(b"BREW / HTTP/1.1\r\nHost: h\r\n\r\n", 501, id="method"),
    pytest.param(b"CONNECT h:80 HTTP/1.1\r\nHost: h:80\r\n\r\n", 501, id="CONNECT"),
    pytest.param(post(b"Transfer-Encoding: gzip", body=CHUNKS), 400, id="no final chunked"),
    pytest.param(post(b"Transfer-Encoding: gzip, chunked", body=CHUNKS), 501, id="another coding"),
    pytest.param(b"GET / HTTP/2.0\r\nHost: h\r\n\r\n", 505, id="version")])
def test_nothing_is_read_behind_a_refusal(stack, http, request_bytes, status):
    answered = render_request("GET", "/health")
    http.send(answered + request_bytes + post(LENGTH) * 3)
    assert http.read_response().status == 200
    response = http.read_response()
    assert (response.status, response.closes) == (status, True)
    assert http.read_to_end() == b""
    assert stack.redis.xlen("telemetry") == 0


def test_a_method_that_is_not_allowed_leaves_the_connection_open(stack, http):
    http.send(post(LENGTH, first=HEAD.replace(b"POST", b"PUT")) + post(LENGTH))
    refused = http.read_response()
    assert (refused.status, refused.closes) == (405, False)
    assert http.read_response().status == 200
    assert device_ids(stack.redis) == ["sensor-17"]
