"""At log level debug a refused request leaves a line: who, why, where, an excerpt of the body; nothing that may be a secret."""
# runs: release.io_uring release.epoll

import re
import time

import pytest

from harness import render_request, sample, wait_until


@pytest.fixture(scope="module")
def engine(module_starter):
    return module_starter.engine("null:", ack="queued", settings={"log.level": "debug"})


def lines_of(engine) -> list[str]:
    return [line for line in engine.log().splitlines() if " event=request_refused " in line]


def line_about(engine, request: bytes) -> str:
    """The line that the request leaves."""
    time.sleep(1.05)  # at most one line a second
    before = len(lines_of(engine))
    with engine.connect() as connection:
        connection.send(request)
        response = connection.read_response()
        assert response.status >= 400
        peer = "{}:{}".format(*connection.socket.getsockname())
        wait_until(lambda: len(lines_of(engine)) > before, "a line is logged")
    line = lines_of(engine)[-1]
    assert f" level=debug event=request_refused peer={peer} code={response.code} " in line + " ", line
    return line


@pytest.mark.parametrize("body, fields", [
    pytest.param(b'{"device_id":"d1","type":"t","value":1,}', [r"offset=\d+", r'excerpt="\{\\"device_id'], id="invalid JSON"),
    pytest.param(b'{"device_id":"d1"}', [r"index=0", r'excerpt="\{\\"device_id\\":\\"d1\\"\}"'], id="missing member"),
    pytest.param(b'\x1b[2J\nlevel=error event=forged', [r'excerpt="\\x1B\[2J\\x0Alevel=error event=forged"'], id="foreign bytes"),
])
def test_a_body_is_shown_in_part(engine, body, fields):
    line = line_about(engine, render_request("POST", "/telemetry", body))
    for field in fields:
        assert re.search(rf" {field}", line), line


def test_of_a_head_values_are_not_shown(engine):
    line = line_about(engine, b"POST /telemetry?ack=hunter2&token=hunter3 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer hunter4\r\n"
                              b"Content-Length: 2\r\n\r\n{}")
    assert " method=POST path=/telemetry parameters=ack,token" in line and "hunter" not in line


@pytest.mark.parametrize("head", [b"Bad Name: 1\r\n\r\n", b"X: " + b"x" * 20_000, b"Content-Length: x\r\n\r\n"])
def test_the_method_of_a_head_that_was_not_read_whole(engine, head):
    assert " method=POST path=/telemetry" in line_about(engine, b"POST /telemetry HTTP/1.1\r\nHost: x\r\n" + head)


def test_a_garbage_request_line(engine):
    line = line_about(engine, b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n")
    assert "method" not in line and "excerpt" not in line


def test_an_unknown_path(engine):
    assert " method=GET path=/nothing" in line_about(engine, b"GET /nothing?secret=hunter2 HTTP/1.1\r\nHost: x\r\n\r\n")


def test_many_refusals_leave_one_line_a_second(engine):
    time.sleep(1.05)
    before = len(lines_of(engine))
    begin = time.monotonic()
    with engine.connect() as connection:
        for _ in range(200):
            assert connection.post({"no": "device"}).status == 400
        elapsed_s = time.monotonic() - begin
        wait_until(lambda: len(lines_of(engine)) > before, "a line is logged")
        assert len(lines_of(engine)) - before <= elapsed_s + 2
        time.sleep(1.05)
        assert connection.post({"no": "device"}).status == 400
    wait_until(lambda: "suppressed=" in lines_of(engine)[-1], "the next line tells how many were held back")


def test_a_partly_refused_list_names_its_first(engine):
    time.sleep(1.05)
    with engine.connect() as connection:
        assert connection.post([sample(), {"no": "device"}, {}]).status == 207
    wait_until(lambda: " index=1 records_refused=2 " in engine.log(), "the line is logged")


def test_other_levels_are_silent(starter):
    engine = starter.engine("null:", ack="queued")
    with engine.connect() as connection:
        assert connection.post({"no": "device"}).status == 400
    assert not lines_of(engine)
