"""Ambiguous framing: refused, and what stands behind it never becomes a request.

Behind each prefix follows a complete, valid POST. A server that misjudges where the bad request ends takes
it for a request of its own; here the stream must stay empty, whatever comes afterwards.
"""
# runs: release.io_uring release.epoll asan.io_uring

import json
import time

import pytest

from harness import render_request, sample, wait_until

SMUGGLED = render_request("POST", "/telemetry", json.dumps(sample("smuggled")).encode())
HEAD = b"POST /telemetry HTTP/1.1\r\nHost: h\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
TERMINATOR = b"0\r\n\r\n"

CASES = {
    "CL and TE": HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n" + TERMINATOR,
    "TE and CL": HEAD + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n" + TERMINATOR,
    "two equal CLs": HEAD + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
    "two different CLs": HEAD + b"Content-Length: 2\r\nContent-Length: 0\r\n\r\n{}",
    "CL list": HEAD + b"Content-Length: 2, 2\r\n\r\n{}",
    "negative CL": HEAD + b"Content-Length: -2\r\n\r\n{}",
    "signed CL": HEAD + b"Content-Length: +2\r\n\r\n{}",
    "hexadecimal CL": HEAD + b"Content-Length: 0x2\r\n\r\n{}",
    "huge CL": HEAD + b"Content-Length: 18446744073709551618\r\n\r\n{}",
    "CL with inner space": HEAD + b"Content-Length: 1 2\r\n\r\n{}",
    "space before colon": HEAD + b"Content-Length : 2\r\n\r\n{}",
    "tab before colon": HEAD + b"Transfer-Encoding\t: chunked\r\n\r\n" + TERMINATOR,
    "obs-fold": HEAD + b"Transfer-Encoding:\r\n chunked\r\n\r\n" + TERMINATOR,
    "obs-fold of CL": HEAD + b"Content-Length: 2\r\n\t0\r\n\r\n{}",
    "leading space in first header": b"POST /telemetry HTTP/1.1\r\n Host: h\r\nContent-Length: 2\r\n\r\n{}",
    "bare LF": b"POST /telemetry HTTP/1.1\nHost: h\nContent-Length: 2\n\n{}",
    "bare LF in a header": HEAD + b"X: y\nContent-Length: 2\r\n\r\n{}",
    "bare LF at the end": HEAD + b"Content-Length: 2\r\n\n{}",
    "bare CR": HEAD + b"X: a\rContent-Length: 2\r\n\r\n{}",
    "NUL in a name": HEAD + b"Content-Length\0: 2\r\n\r\n{}",
    "NUL in a value": HEAD + b"Content-Length: 2\0\r\n\r\n{}",
    "NUL in the target": b"POST /telemetry\0 HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{}",
    "no Host": b"POST /telemetry HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}",
    "two Hosts": HEAD + b"Host: i\r\nContent-Length: 2\r\n\r\n{}",
    "two equal Hosts": HEAD + b"Host: h\r\nContent-Length: 2\r\n\r\n{}",
    "gzip, chunked": HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n" + TERMINATOR,
    "chunked, gzip": HEAD + b"Transfer-Encoding: chunked, gzip\r\n\r\n" + TERMINATOR,
    "gzip alone": HEAD + b"Transfer-Encoding: gzip\r\n\r\n" + TERMINATOR,
    "empty TE": HEAD + b"Transfer-Encoding:\r\n\r\n" + TERMINATOR,
    "only commas as TE": HEAD + b"Transfer-Encoding: ,\t,\r\n\r\n" + TERMINATOR,
    "comma in quotes in TE": HEAD + b'Transfer-Encoding: x;a="b,", chunked\r\n\r\n' + TERMINATOR,
    "TE with tab and CL": HEAD + b"Transfer-Encoding: chunked\t\r\nContent-Length: 5\r\n\r\n" + TERMINATOR,
    "two CLs, one with a tab": HEAD + b"Content-Length: 2\t\r\nContent-Length: 0\r\n\r\n{}",
    "CL as a trailer": CHUNKED + b"2\r\n{}\r\n0\r\nContent-Length: 5\r\n\r\n",
    "bare LF before the request line": b"\n" + HEAD + b"Content-Length: 2\r\n\r\n{}",
    "two spaces in the request line": b"POST  /telemetry HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{}",
    "tab in the request line": b"POST /telemetry\tHTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{}",
    "RTSP": b"POST /telemetry RTSP/1.0\r\nHost: h\r\nContent-Length: 2\r\n\r\n{}",
    "CONNECT": b"CONNECT h:80 HTTP/1.1\r\nHost: h:80\r\n\r\n",
    "unknown method": b"BREW /telemetry HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{}",
    "asterisk with POST": b"POST * HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{}",
    "target with a user": b"POST http://u@h/telemetry HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{}",
    "chunked twice": HEAD + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n" + TERMINATOR,
    "identity": HEAD + b"Transfer-Encoding: identity\r\n\r\n",
    "identity and CL": HEAD + b"Transfer-Encoding: identity\r\nContent-Length: 2\r\n\r\n{}",
    "xchunked": HEAD + b"Transfer-Encoding: xchunked\r\n\r\n" + TERMINATOR,
    "quoted chunked": HEAD + b'Transfer-Encoding: "chunked"\r\n\r\n' + TERMINATOR,
    "vertical tab": HEAD + b"Transfer-Encoding: \x0bchunked\r\n\r\n" + TERMINATOR,
    "TE with HTTP/1.0": b"POST /telemetry HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n" + TERMINATOR,
    "chunk size garbage": CHUNKED + b"2g\r\n{}\r\n" + TERMINATOR,
    "chunk size with sign": CHUNKED + b"+2\r\n{}\r\n" + TERMINATOR,
    "chunk size with prefix": CHUNKED + b"0x2\r\n{}\r\n" + TERMINATOR,
    "chunk size overflow": CHUNKED + b"10000000000000002\r\n{}\r\n" + TERMINATOR,
    "chunk size and spaces": CHUNKED + b"2 \r\n{}\r\n" + TERMINATOR,
    "chunk size bare LF": CHUNKED + b"2\n{}\r\n" + TERMINATOR,
    "chunk data too long": CHUNKED + b"2\r\n{}x\r\n" + TERMINATOR,
    "chunk extension bare LF": CHUNKED + b"2;a\n=b\r\n{}\r\n" + TERMINATOR,
    "trailer bare LF": CHUNKED + b"2\r\n{}\r\n0\r\nX: y\n\r\n",
    "body without length": b"{}",
    "two versions": b"POST /telemetry HTTP/1.1 HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{}",
    "HTTP/0.9": b"GET /health\r\n",
    "HTTP/2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
}


@pytest.mark.parametrize("prefix", [pytest.param(prefix, id=name) for name, prefix in CASES.items()])
@pytest.mark.parametrize("pause_s", [pytest.param(0, id="at once"), pytest.param(0.02, id="in two parts")])
def test_nothing_passes_behind_bad_framing(stack, http, prefix, pause_s):
    http.send(prefix + (SMUGGLED if not pause_s else b""))
    if pause_s:
        time.sleep(pause_s)
        http.send(SMUGGLED)
    response = http.read_response()
    assert response.status in (400, 501, 505), response
    assert response.closes
    # One answer, then the end: not a second answer, and not a reset that could destroy the first.
    assert http.read_to_end() == b""
    try:
        http.send(SMUGGLED)
    except OSError:
        pass  # the engine has closed: as good as reading and discarding
    time.sleep(0.01)
    assert stack.redis.xlen("telemetry") == 0


def test_a_large_answerless_tail_does_not_reset_the_answer(stack):
    """The client goes on sending for a while after the error; it still reads the error (half-close first)."""
    for _ in range(20):
        with stack.connect() as connection:
            connection.send(CASES["CL and TE"] + b"x" * 200_000)
            response = connection.read_response()
            assert response.status == 400 and response.code == "conflicting_framing"


def test_the_connection_is_closed_even_if_the_client_never_closes(starter):
    engine = starter.engine("null:", ack="queued", settings={"http.idle_timeout": "1s"})
    with engine.connect() as connection:
        connection.send(CASES["CL and TE"])
        assert connection.read_response().status == 400
        assert connection.read_to_end() == b""
        wait_until(lambda: engine.status()["reactors"][0]["connections"] == 0, "the connection is closed")


def test_a_client_that_closes_after_the_answer_frees_its_slot(starter):
    """Lingering waits for the client's end; once that has come there is nothing to wait for."""
    engine = starter.engine("null:", ack="queued", settings={"http.idle_timeout": "600s"})
    for _ in range(10):
        with engine.connect() as connection:
            connection.send(CASES["CL and TE"])
            assert connection.read_response().status == 400
            assert connection.read_to_end() == b""
    wait_until(lambda: engine.status()["reactors"][0]["connections"] == 0, "their slots are free")


def test_a_body_that_looks_like_a_request_is_a_body(stack, http):
    """The reverse: a well-framed body is never read as a request, even if it is one."""
    response = http.post(SMUGGLED)
    assert response.status == 400 and response.code == "invalid_json"
    assert http.request("GET", "/health").status == 200
    assert stack.redis.xlen("telemetry") == 0


def test_get_with_a_body_does_not_smuggle(stack, http):
    http.send(b"GET /health HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n" % len(SMUGGLED) + SMUGGLED)
    assert http.read_response().status in (200, 400, 413)
    http.send(render_request("GET", "/health"))
    try:
        assert http.read_response().json() == {"status": "ok"}
    except (EOFError, ConnectionResetError):
        pass  # refusing a GET with a body by closing is allowed
    assert stack.redis.xlen("telemetry") == 0
