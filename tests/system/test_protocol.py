"""HTTP/1.x as clients speak it: connections, framing, pipelining, and bytes that arrive in pieces."""
# runs: release.io_uring release.epoll asan.io_uring fast

import json
import time

import pytest

from harness import device_ids, render_request, sample

BODY = json.dumps(sample()).encode()
POST = render_request("POST", "/telemetry", BODY, [("Content-Type", "application/json")])


def chunked_post(chunks: list[bytes], trailer: bytes = b"") -> bytes:
    encoded = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)
    head = render_request("POST", "/telemetry", headers=[("Content-Type", "application/json"), ("Transfer-Encoding", "chunked")])
    return head + encoded + b"0\r\n" + trailer + b"\r\n"


def assert_ends(connection) -> None:
    assert connection.read_to_end() == b""


def test_a_connection_is_kept_alive(stack, http):
    for _ in range(100):
        response = http.request("GET", "/health")
        assert response.status == 200 and not response.closes


def test_connection_close_is_answered_and_done(stack, http):
    response = http.request("POST", "/telemetry", BODY, [("Connection", "close")])
    assert response.status == 200 and response.closes
    assert_ends(http)


def test_http_1_0_closes_unless_asked_to_stay(stack, http):
    http.send(b"GET /health HTTP/1.0\r\n\r\n")
    assert http.read_response().status == 200
    assert_ends(http)


def test_http_1_0_keep_alive(stack, http):
    for _ in range(2):
        http.send(b"GET /health HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        response = http.read_response()
        assert response.status == 200 and (response.header("Connection") or "").lower() == "keep-alive"


@pytest.mark.parametrize("target", ["/health", "/ready"])
def test_head_answers_like_get_without_the_body(stack, http, target):
    get = http.request("GET", target)
    head = http.request("HEAD", target)
    assert (head.status, head.header("Content-Length")) == (get.status, get.header("Content-Length"))
    assert http.request("GET", target).body == get.body  # nothing of a body stood in between


@pytest.mark.parametrize("chunks", [
    pytest.param([BODY], id="one chunk"),
    pytest.param([BODY[:10], BODY[10:11], BODY[11:]], id="three chunks"),
    pytest.param([BODY[index:index + 1] for index in range(len(BODY))], id="a chunk a byte"),
])
def test_chunked_bodies(stack, http, chunks):
    http.send(chunked_post(chunks))
    assert http.read_response().status == 200
    assert http.request("GET", "/health").status == 200
    assert device_ids(stack.redis) == ["sensor-17"]


def test_chunked_with_trailer_and_extension(stack, http):
    http.send(chunked_post([BODY], trailer=b"Checksum: abc\r\n").replace(b"\r\n{", b";name=value\r\n{", 1))
    assert http.read_response().status == 200
    assert device_ids(stack.redis) == ["sensor-17"]


def test_expect_100_continue(stack, http):
    head, body = POST.split(b"\r\n\r\n")
    http.send(head + b"\r\nExpect: 100-continue\r\n\r\n")
    assert http.read_response().status == 100
    http.send(body)
    assert http.read_response().status == 200
    assert device_ids(stack.redis) == ["sensor-17"]


def test_expect_100_continue_is_not_sent_once_the_body_is_there(stack, http):
    http.send(POST.replace(b"\r\n\r\n", b"\r\nExpect: 100-continue\r\n\r\n"))
    response = http.read_response()
    if response.status == 100:  # RFC 9110 §10.1.1: a server MAY omit it then
        response = http.read_response()
    assert response.status == 200


def test_expect_100_continue_is_refused_before_the_body_is_sent(stack, http):
    http.send(b"POST /telemetry HTTP/1.1\r\nHost: h\r\nContent-Type: text/plain\r\nContent-Length: 1000000\r\n"
              b"Expect: 100-continue\r\n\r\n")
    assert http.read_response().status in (413, 415)


def test_pipelined_requests_are_answered_in_order(stack, http):
    """stored and immediate answers alternate, so the engine has to hold back what it knows already."""
    requests, expected = [], []
    for index in range(64):
        if index % 4 == 3:
            requests.append(render_request("GET", f"/nothing-{index}"))
            expected.append(404)
        elif index % 4 == 2:
            requests.append(render_request("GET", "/health"))
            expected.append(200)
        else:
            requests.append(render_request("POST", "/telemetry", json.dumps(sample(f"d{index}")).encode()))
            expected.append(200)
    http.send(b"".join(requests))
    responses = [http.read_response() for _ in requests]
    assert [response.status for response in responses] == expected
    for index, response in enumerate(responses):
        if index % 4 == 2:
            assert response.json() == {"status": "ok"}
        elif index % 4 != 3:
            assert response.json()["ack"] == "stored"
    assert device_ids(stack.redis) == [f"d{index}" for index in range(64) if index % 4 < 2]


def test_more_pipelined_requests_than_may_wait(stack, http):
    """Beyond limits::pending_per_connection_count_max the engine stops reading; nothing is lost or refused."""
    count = 1000
    http.send(b"".join(render_request("POST", "/telemetry", json.dumps(sample(f"d{index}")).encode())
                       for index in range(count)))
    assert {http.read_response().status for _ in range(count)} == {200}
    assert device_ids(stack.redis) == [f"d{index}" for index in range(count)]


def test_a_half_closed_client_still_gets_its_answers(stack, http):
    http.send(POST * 3)
    http.socket.shutdown(1)
    assert [http.read_response().status for _ in range(3)] == [200] * 3
    assert_ends(http)
    assert stack.redis.xlen("telemetry") == 3


@pytest.mark.parametrize("request_bytes", [
    pytest.param(POST, id="content-length"), pytest.param(chunked_post([BODY[:20], BODY[20:]]), id="chunked")])
def test_a_request_may_be_cut_anywhere(stack, http, request_bytes):
    """Every cut of a request, over a real socket; tests/unit does the same for the connection alone, exhaustively."""
    cuts = range(1, len(request_bytes))
    for cut in cuts:
        http.send(request_bytes[:cut])
        time.sleep(0.001)  # lets the engine see the first part alone
        http.send(request_bytes[cut:])
        assert http.read_response().status == 200, f"cut at {cut}"
    assert stack.redis.xlen("telemetry") == len(cuts)


def test_a_request_may_come_byte_by_byte(stack, http):
    for byte in POST:
        http.send(bytes([byte]))
    assert http.read_response().status == 200
    assert device_ids(stack.redis) == ["sensor-17"]


def test_pipelined_requests_may_be_cut_anywhere(stack, http, seeded_random):
    count = 200
    data = b"".join(render_request("POST", "/telemetry", json.dumps(sample(f"d{index}")).encode())
                    for index in range(count))
    while data:
        size = seeded_random.choice([1, 7, 100, 1000, 5000])
        http.send(data[:size])
        data = data[size:]
        if seeded_random.random() < 0.3:
            time.sleep(0.001)
    assert {http.read_response().status for _ in range(count)} == {200}
    assert device_ids(stack.redis) == [f"d{index}" for index in range(count)]


def test_many_connections_at_once(stack):
    connections = [stack.connect() for _ in range(500)]
    for index, connection in enumerate(connections):
        connection.send(render_request("POST", "/telemetry", json.dumps(sample(f"d{index}")).encode()))
    assert {connection.read_response().status for connection in connections} == {200}
    assert sorted(device_ids(stack.redis)) == sorted(f"d{index}" for index in range(500))
    for connection in connections:
        connection.close()


def test_an_absolute_target_and_a_query_on_get(stack, http):
    assert http.request("GET", "/health?verbose=1").status == 200
    http.send(b"GET http://sluice.test/health HTTP/1.1\r\nHost: sluice.test\r\n\r\n")
    assert http.read_response().status == 200


def test_an_empty_line_before_a_request_is_forgiven(stack, http):
    """RFC 9112 §2.2: a server SHOULD ignore at least one empty line received before the request line."""
    http.send(b"\r\n" + POST)
    assert http.read_response().status == 200


def test_a_body_that_fits_no_idle_engine_is_too_large(starter):
    """To retry would be in vain: 413, where a busy engine says 503."""
    engine = starter.engine("null:", ack="queued", settings={"batch.count": 2, "batch.pipeline_depth": 1})
    lines = b"".join(json.dumps(sample(f"d{i}")).encode() + b"\n" for i in range(2000))
    with engine.connect() as connection:
        headers = [("Content-Type", "application/x-ndjson")]
        response = connection.request("POST", "/telemetry", lines, headers)
        assert response.status == 413 and response.json()["code"] == "too_many_batches", response
        assert connection.request("POST", "/telemetry", lines[:lines.index(b"\n") + 1], headers).status == 200
