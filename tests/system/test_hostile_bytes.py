"""Bytes made to break out: into JSON, into RESP, into the log. MONITOR shows which commands Redis really ran."""
# runs: release.io_uring release.epoll asan.io_uring asan.epoll

import json
import re
import socket

import pytest

from harness import render_request, sample, stream_entries

# What the engine sends on its own behalf: when it connects, and when it watches how full Redis is.
OWN = {"HELLO", "AUTH", "SELECT", "CLIENT", "PING", "INFO", "ROLE", "XLEN", "XINFO"}
MONITOR_LINE = re.compile(rb'^\+\d+\.\d+ \[\d+ ([^\]]*)\] "([^"]+)"')

INJECTIONS = [
    "\r\nFLUSHALL\r\n", "*1\r\n$8\r\nFLUSHALL\r\n", "$3\r\nfoo\r\n*2\r\n$3\r\nDEL\r\n$9\r\ntelemetry\r\n",
    "\nSHUTDOWN NOSAVE\n", "\x00*1\r\n$8\r\nSHUTDOWN\r\n", "x\r\n+OK\r\n", "\"} {\"device_id\":\"b\"", "%s%n%x", "*", "-1", "\\r\\n",
    "NOMKSTREAM", "MAXLEN", "\u0000", "\u007f", "\u2028",
]


class Monitor:
    """The commands that Redis runs for others than `own_address`, by name, from a raw MONITOR connection."""

    def __init__(self, port: int, own_address: str):
        self._own_address = own_address.encode()
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=120)
        self._file = self._socket.makefile("rb")
        self._socket.sendall(b"MONITOR\r\n")
        assert self._file.readline() == b"+OK\r\n"

    def commands_until(self, last: str) -> set[str]:
        """Names in upper case, up to the first command `last` of our own."""
        names = set()
        while True:
            line = self._file.readline()
            match = MONITOR_LINE.match(line)
            assert match, line
            name = match[2].decode().upper()
            if match[1] != self._own_address:
                names.add(name)
            elif name == last:
                return names

    def close(self) -> None:
        self._file.close()
        self._socket.close()


@pytest.fixture
def monitored(stack):
    monitor = Monitor(stack.redis_server.port, stack.redis.client_info()["addr"])
    yield stack
    stack.engine.wait_delivered()
    stack.redis.echo("end")
    commands = monitor.commands_until("ECHO")
    monitor.close()
    assert commands <= OWN | {"XADD"}, f"Redis ran {commands}"


@pytest.mark.parametrize("text", INJECTIONS)
def test_strings_arrive_as_they_are_or_are_refused(monitored, text):
    """Names are checked for control characters; free text is data, whatever it holds."""
    with monitored.connect() as connection:
        named = connection.post(sample(text))
        has_control = any(ord(character) < 32 or ord(character) == 127 for character in text)
        assert (named.status, named.json().get("code")) == ((400, "bad_device_id") if has_control else (200, None))
        assert connection.post(sample("free", value=text, metadata={"m": text}, **{f"name {text}": text})).status == 200
    entry = stream_entries(monitored.redis)[-1]
    assert entry[b"device_id"] == b"free" and entry[b"value"] == text.encode()
    assert json.loads(entry[b"metadata"]) == {"m": text}
    assert entry[f"name {text}".encode()] == text.encode()
    assert len(stream_entries(monitored.redis)) == (1 if has_control else 2)


@pytest.mark.parametrize("member", ["device_id", "type", "unit", "value", "note", "metadata", "timestamp", "priority"])
def test_half_a_megabyte_in_one_member(monitored, member):
    content = "x" * (512 * 1024)
    with monitored.connect() as connection:
        response = connection.post(sample(**{member: {"m": content} if member == "metadata" else content}))
        assert response.status == 400 and response.code in ("sample_too_large", f"bad_{member}")
        assert connection.post(sample("after")).status == 200
    assert [entry[b"device_id"] for entry in stream_entries(monitored.redis)] == [b"after"]


def test_half_a_megabyte_of_member_name(monitored):
    with monitored.connect() as connection:
        response = connection.post(sample(**{"x" * (512 * 1024): 1}))
        assert response.status == 400 and response.code == "sample_too_large"


@pytest.mark.parametrize("content_type", ["application/json", "application/x-ndjson"])
@pytest.mark.parametrize("body", [
    pytest.param(b"[" * 100_000, id="arrays, open"), pytest.param(b"[" * 100_000 + b"]" * 100_000, id="arrays"),
    pytest.param(b'{"a":' * 100_000, id="objects, open"), pytest.param(b'{"a":' * 100_000 + b"1" + b"}" * 100_000, id="objects"),
    pytest.param(b'{"device_id":"a","type":"t","value":1,"metadata":{"m":' + b"[" * 100_000 + b"]" * 100_000 + b"}}", id="in metadata"),
    pytest.param(b'{"device_id":"a","type":"t","value":1,"other":' + b"[" * 100_000 + b"]" * 100_000 + b"}", id="in another member"),
])
def test_a_hundred_thousand_levels(monitored, body, content_type):
    with monitored.connect() as connection:
        assert connection.post(body, content_type=content_type).status == 400
        assert connection.request("GET", "/health").status == 200
    assert stream_entries(monitored.redis) == []


def test_the_target_and_headers_do_not_reach_redis(monitored):
    with monitored.connect() as connection:
        connection.request("GET", "/telemetry?ack=stored%0d%0aFLUSHALL")
        connection.request("POST", "/telemetry?stream=other&key=x&maxlen=1", json.dumps(sample()).encode())
        connection.request("POST", "/telemetry", json.dumps(sample()).encode(), [("X-Stream", "other"), ("X-Redis", "FLUSHALL")])
    assert monitored.redis.keys() == [b"telemetry"]


def test_client_bytes_are_escaped_in_the_log(starter):
    """With debug logging, too: a client cannot begin a log line or send terminal sequences."""
    engine = starter.engine("null:", ack="queued", settings={"log.level": "debug"})
    for attack in (b"GET /\x1b[31mred HTTP/1.1\r\nHost: h\r\n\r\n", b"GET /a%0aforged=1 HTTP/1.1\r\nHost: h\r\n\r\n",
                   b"\x1b]0;title\x07\r\n\r\n", render_request("GET", "/x\u001b[2J")):
        with engine.connect() as connection:
            connection.send(attack)
            connection.read_response()
    assert not any(character in engine.log() for character in "\x1b\x07\r\x00")
    assert not [line for line in engine.log().splitlines() if line.startswith("forged")]


def test_random_bytes(stack, seeded_random):
    """Mutated requests never crash the engine, and never get more than one answer behind an error."""
    valid = render_request("POST", "/telemetry", json.dumps(sample("mutated")).encode()) * 2
    for _ in range(500):
        mutated = bytearray(valid)
        for _ in range(seeded_random.randint(1, 4)):
            mutated[seeded_random.randrange(len(mutated))] = seeded_random.randrange(256)
        with stack.connect() as connection:
            connection.send(bytes(mutated))
            connection.socket.shutdown(socket.SHUT_WR)
            connection.read_to_end()
    with stack.connect() as connection:
        assert connection.post(sample()).status == 200
