"""Clients that are slow, leave in the middle, or never read: refused or dropped, and the others do not notice."""
# runs: release.io_uring release.epoll asan.io_uring asan.epoll

import json
import socket
import struct
import threading
import time

import pytest

from harness import HttpConnection, Load, assert_conserved, device_ids, render_request, rss_bytes, sample, wait_until

MIB = 1024 * 1024
BODY = json.dumps(sample()).encode()
POST = render_request("POST", "/telemetry", BODY)
HEALTH = render_request("GET", "/health")


@pytest.fixture(scope="module")
def hasty(module_starter):
    """An engine with short deadlines."""
    return module_starter.engine("null:", ack="queued", settings={
        "http.header_timeout": "500ms", "http.body_timeout": "500ms", "http.idle_timeout": "500ms",
        "http.write_timeout": "1s"})


def assert_refused_in_time(connection, code: str) -> None:
    begin = time.monotonic()
    response = connection.read_response()
    assert (response.status, response.code) == (408, code) and response.closes
    assert time.monotonic() - begin < 30
    assert connection.read_to_end() == b""


def test_a_slow_header(hasty):
    with hasty.connect() as connection:
        connection.send(POST[:30])
        assert_refused_in_time(connection, "header_timeout")


def test_a_header_that_trickles(hasty):
    """The deadline is for the whole header: a byte now and then does not prolong it."""
    with hasty.connect() as connection:
        stop = threading.Event()

        def trickle():
            for byte in POST[:30] + b"x" * 1000:
                if stop.wait(0.05):
                    return
                try:
                    connection.send(bytes([byte]))
                except OSError:
                    return

        thread = threading.Thread(target=trickle)
        thread.start()
        try:
            assert connection.read_response().code == "header_timeout"
        finally:
            stop.set()
            thread.join()


def test_a_slow_body(hasty):
    with hasty.connect() as connection:
        connection.send(POST[:-5])
        assert_refused_in_time(connection, "body_timeout")


def test_a_slow_chunked_body(hasty):
    with hasty.connect() as connection:
        connection.send(b"POST /telemetry HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel")
        assert_refused_in_time(connection, "body_timeout")


def test_an_idle_connection_is_closed_without_a_word(hasty):
    with hasty.connect() as connection:
        assert connection.request("GET", "/health").status == 200
        assert connection.read_to_end() == b""


def test_a_connection_without_a_request_is_closed(hasty):
    with hasty.connect() as connection:
        connection.read_to_end()  # returns: with 408 or without a word, but it ends


def test_many_slow_clients_do_not_slow_the_others(hasty):
    slow = [hasty.connect() for _ in range(300)]
    for connection in slow:
        connection.send(POST[:30])
    with hasty.connect() as healthy:
        for _ in range(100):
            assert healthy.post(BODY).status == 200
    for connection in slow:
        connection.close()


def reset(connection) -> None:
    """Closes with RST instead of FIN."""
    connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


@pytest.mark.parametrize("leave", [pytest.param(lambda connection: connection.close(), id="FIN"), pytest.param(reset, id="RST")])
@pytest.mark.parametrize("sent", [
    pytest.param(b"", id="nothing sent"), pytest.param(POST[:20], id="mid-header"), pytest.param(POST[:-5], id="mid-body"),
    pytest.param(POST, id="before the answer"), pytest.param(POST * 100, id="before 100 answers"),
    pytest.param(POST * 3 + POST[:-5], id="after some, mid-body")])
def test_clients_that_leave(stack, leave, sent):
    """Nothing of an unfinished request is accepted; finished ones may be; the engine goes on."""
    for _ in range(20):
        connection = stack.connect()
        connection.send(sent)
        leave(connection)
    wait_until(lambda: stack.engine.status()["reactors"][0]["connections"] == 0, "their connections are closed")
    stack.engine.wait_delivered()
    assert_conserved(stack.engine.status())
    complete = sent.count(BODY)
    assert stack.redis.xlen("telemetry") <= 20 * complete
    with stack.connect() as connection:
        assert connection.post(sample("after")).status == 200
    assert device_ids(stack.redis)[-1] == "after"


def test_a_client_that_leaves_mid_response(stack):
    """Answers larger than the socket buffers, and a client that resets while they are sent."""
    for _ in range(5):
        connection = stack.connect()
        connection.socket.settimeout(1)
        try:
            connection.send(HEALTH * 20_000)
        except (TimeoutError, OSError):
            pass
        reset(connection)
    with stack.connect() as connection:
        assert connection.request("GET", "/health").status == 200


def test_a_client_that_never_reads(starter):
    engine = starter.engine("null:", ack="queued", settings={"http.write_timeout": "2s", "http.body_memory": "32MiB"})
    resident = rss_bytes(engine.pid)
    deaf = []
    for _ in range(10):
        connection = engine.connect()
        # Else the client's kernel would take megabytes of answers on its behalf.
        connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.socket.settimeout(0.2)
        try:
            # Both kernels may take up to tcp_wmem and tcp_rmem of requests (36 MiB on one machine): more than that.
            for _ in range(128 * MIB // len(HEALTH * 1000)):
                connection.send(HEALTH * 1000)
        except TimeoutError:
            pass  # what is wanted: the engine stopped reading
        else:
            pytest.fail("the engine took 128 MiB of requests of a client that reads none of the answers")
        deaf.append(connection)

    load = Load(engine.address, clients=2, ack="queued").start()
    load.wait_for(200)
    load.stop()
    # What they sent ahead is kept in http.body_memory, and their answers within a small bound each.
    assert rss_bytes(engine.pid) - resident < 48 * MIB
    wait_until(lambda: engine.status()["reactors"][0]["connections"] <= 1, "write_timeout closes them")
    for connection in deaf:
        connection.close()


def test_a_client_that_reads_slowly(starter):
    """Its next answers wait behind megabytes that the kernel holds: it is not cut off as long as it reads."""
    engine = starter.engine("null:", ack="queued", settings={"http.write_timeout": "1s"})
    with HttpConnection(engine.address, receive_buffer_bytes=4096) as connection:
        connection.socket.settimeout(0.2)
        try:
            for _ in range(60):
                connection.send(HEALTH * 1000)
        except TimeoutError:
            pass  # the engine reads no further until answers are read
        connection.socket.settimeout(10)
        end = time.monotonic() + 4
        while time.monotonic() < end:
            assert connection.socket.recv(4096)
            time.sleep(0.02)
        assert engine.status()["reactors"][0]["write_timeouts"] == 0
        wait_until(lambda: engine.status()["reactors"][0]["write_timeouts"] == 1, "it reads no more, and is cut off")


def test_a_body_may_take_all_the_memory(starter):
    """The bound is on what arrives, not on what its block is rounded to: 40,000 bytes fit 64 KiB."""
    engine = starter.engine("null:", ack="queued", settings={"http.body_max": "64KiB", "http.body_memory": "64KiB"})
    for size in (40_000, 65_536):
        body = b" " * (size - len(BODY)) + BODY
        chunks = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in (body[at:at + 1000] for at in range(0, size, 1000)))
        for framing in (b"Content-Length: %d\r\n\r\n%s" % (size, body), b"Transfer-Encoding: chunked\r\n\r\n%s0\r\n\r\n" % chunks):
            request = b"POST /telemetry HTTP/1.1\r\nHost: h\r\n" + framing
            with engine.connect() as connection:
                connection.send(request[:20_000])
                time.sleep(0.02)
                connection.send(request[20_000:])
                assert connection.read_response().status == 200, (size, framing[:20])


def test_a_body_of_many_records_leaves_nothing_behind(starter):
    """A million records in one body: no more memory is kept than the block of the body itself."""
    engine = starter.engine("null:", ack="queued", settings={"ack_timeout": "60s"})
    resident = rss_bytes(engine.pid)
    with engine.connect() as connection:
        response = connection.post(b"[" + b"1," * (MIB - 2) + b"1]")
    assert response.code == "all_records_refused" and response.json()["rejected"] == MIB - 1, response.body
    assert rss_bytes(engine.pid) - resident < 6 * MIB
    assert engine.status()["reactors"][0]["body_bytes_in_use"] == 0


def test_memory_of_bodies_is_given_back_to_the_system(starter):
    engine = starter.engine("null:", ack="queued")
    resident = rss_bytes(engine.pid)
    with engine.connect() as connection:
        assert connection.post(b" " * (8 * MIB - len(BODY)) + BODY).status == 200
    assert rss_bytes(engine.pid) - resident > 7 * MIB, "or this test shows nothing"
    # io_uring's receive buffers (2 MiB) stay.
    wait_until(lambda: rss_bytes(engine.pid) - resident < 4 * MIB, "what nobody uses is given back")


@pytest.mark.parametrize("ack", ["queued", "stored"])
def test_the_time_for_an_answer_begins_when_the_body_is_read(starter, ack):
    """Reading it takes many times ack_timeout: no sink is waited for meanwhile."""
    engine = starter.engine("null:", ack="queued", settings={"ack_timeout": "10ms"})
    with engine.connect() as connection:
        body = b"[" + b"1," * (4 * MIB - 2) + b"1]"
        response = connection.request("POST", f"/telemetry?ack={ack}", body)
    assert response.code == "all_records_refused" and response.json()["rejected"] == 4 * MIB - 1, response.body


def test_a_slow_reader_is_not_idle(starter):
    """Idle time is the time between requests: it does not run while an answer waits to be read."""
    engine = starter.engine("null:", ack="queued", admin_on_data_listener=True,
                            settings={"http.idle_timeout": "1s", "http.write_timeout": "60s"})
    with HttpConnection(engine.address, receive_buffer_bytes=16 * 1024) as connection:
        connection.send(render_request("GET", "/metrics") * 600)
        time.sleep(3)
        assert [connection.read_response().status for _ in range(600)] == [200] * 600
        assert connection.read_to_end() == b"", "now it is idle"
    counters = engine.status()["reactors"][0]
    assert (counters["write_timeouts"], counters["idle_timeouts"]) == (0, 1)


def test_bodies_share_a_bounded_memory(starter):
    """Many half-sent large bodies: the engine refuses with 503 rather than grow, and recovers."""
    engine = starter.engine("null:", ack="queued", settings={
        "http.body_max": "1MiB", "http.body_memory": "4MiB", "http.body_timeout": "10s"})
    resident = rss_bytes(engine.pid)
    connections = [engine.connect() for _ in range(40)]
    head = b"POST /telemetry HTTP/1.1\r\nHost: h\r\nContent-Length: 900000\r\n\r\n"
    refused = 0
    for connection in connections:
        connection.socket.settimeout(1)
        try:
            connection.send(head + b" " * 800_000)
            response = connection.read_response()
        except (TimeoutError, OSError):
            continue  # it is waiting for the rest of the body
        assert (response.status, response.code) == (503, "body_memory_full")
        assert int(response.header("Retry-After")) >= 1
        refused += 1
    assert refused >= 30
    assert rss_bytes(engine.pid) - resident < 32 * MIB
    for connection in connections:
        connection.close()
    wait_until(lambda: engine.status()["reactors"][0]["connections"] == 0, "the connections are closed")
    with engine.connect() as connection:
        assert connection.post(b" " * 800_000 + BODY).status == 200
