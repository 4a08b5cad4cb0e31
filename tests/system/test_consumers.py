"""The listings of docs/consumers.md: each is taken from the page and run against an engine and a Redis."""
# runs: release.io_uring

import importlib.util
import json
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from harness import Child, RedisServer, sample, stream_entries, wait_until
from harness.engine import PROJECT

LISTINGS = {name: text for name, text in
            ((re.match(r"(?:# |/\* )([\w.]+):", text)[1], text) for text in
             re.findall(r"^```(?:python|c)\n(.*?)^```", (PROJECT / "docs/consumers.md").read_text(), re.MULTILINE | re.DOTALL))}
DEPENDENCIES = PROJECT / ".deps/prefix/usr"  # where tools/setup puts what the system lacks


@pytest.fixture
def listings(tmp_path):
    """The programs of the page, in a directory."""
    for name, text in LISTINGS.items():
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.fixture
def server(starter):
    """A Redis with the user that the page describes."""
    server = starter.redis()
    server.client().execute_command("ACL", "SETUSER", "reader", "on", ">secret", "~telemetry*", "+xreadgroup", "+xgroup|create",
                                    "+xautoclaim", "+xack", "+xread", "+smembers", "+xinfo|groups", "+xpending", "+xtrim")
    return server


def reader_url(server: RedisServer) -> str:
    return f"redis://reader:secret@127.0.0.1:{server.port}"


def module(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


def post(engine, content, **options) -> None:
    with engine.connect() as connection:
        assert connection.post(content, **options).status == 200


class Program:
    """A consumer that runs until the test ends it."""

    def __init__(self, command, directory):
        self.child = Child(command, directory, "consumer")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.child.kill()

    def lines(self, count: int) -> list[str]:
        def written():
            assert self.child.exit_code is None, self.child.output()
            lines = self.child.output().splitlines()
            return len(lines) >= count and lines
        return wait_until(written, f"{count} lines of the consumer")


VALUES = [27.5, "27.50", True, "true", "", 7]
SAMPLES = [sample(f"d{index}", value=value, timestamp=1767027837000000000 + index, metadata={"zone": index})
           for index, value in enumerate(VALUES)]


def test_consume_in_python(starter, server, listings):
    engine = starter.engine(server.url)
    client = server.client(decode_responses=True)
    post(engine, SAMPLES)
    post(engine, {"device_id": "several", "timestamp": 0, "values": {"a": 1, "b": "x"}})
    # What consumers had been given when they were killed: this one, and another one a while ago.
    client.xgroup_create("telemetry", "g", id="0")
    own = [entry_id for entry_id, _ in client.xreadgroup("g", "c", {"telemetry": ">"}, count=2)[0][1]]
    others = [entry_id for entry_id, _ in client.xreadgroup("g", "gone", {"telemetry": ">"}, count=1)[0][1]]
    client.xclaim("telemetry", "g", "gone", 0, others, idle=100_000)
    client.xdel("telemetry", own[0])  # trimmed meanwhile
    with Program([sys.executable, listings / "consume.py", reader_url(server), "telemetry", "g", "c"], listings) as consumer:
        lines = consumer.lines(7)
        post(engine, sample("later"))
        lines = consumer.lines(8)
        wait_until(lambda: client.xpending("telemetry", "g")["pending"] == 0, "all is acknowledged")
    assert lines[0] == f"{own[0]} is lost"
    read = [json.loads(line) for line in lines[1:]]
    for entry, sent in zip(read, SAMPLES[1:]):
        assert (type(entry["value"]), entry["value"]) == (type(sent["value"]), sent["value"])
        assert (entry["device_id"], entry["ts"], entry["metadata"]) == (sent["device_id"], sent["timestamp"], sent["metadata"])
    assert (read[5]["device_id"], read[5]["ts"], read[5]["values"]) == ("several", 0, {"a": 1, "b": "x"})
    assert [entry["device_id"] for entry in read] == ["d1", "d2", "d3", "d4", "d5", "several", "later"]


def compiled(source):
    """The program; skips where there is no compiler or no hiredis for it."""
    if shutil.which("gcc") is None:
        pytest.skip("missing: gcc")
    program = source.with_suffix("")
    libraries = [["-lhiredis"], ["-I", DEPENDENCIES / "include", DEPENDENCIES / "lib/x86_64-linux-gnu/libhiredis.a"]]
    for library in libraries:
        ran = subprocess.run(["gcc", "-std=c17", "-Wall", "-Wextra", "-Werror", source, *library, "-o", program],
                             capture_output=True, text=True, timeout=60, check=False)
        if ran.returncode == 0:
            return program
        if not re.search(r"hiredis/hiredis.h: No such file|cannot find -lhiredis|libhiredis.a: No such file", ran.stderr):
            pytest.fail(ran.stderr)
    pytest.skip("missing: hiredis for C (libhiredis-dev)")


def test_consume_in_c(starter, server, listings):
    program = compiled(listings / "consume.c")
    engine = starter.engine(server.url)
    client = server.client(decode_responses=True)
    post(engine, SAMPLES)
    client.xgroup_create("telemetry", "g", id="0")
    own = [entry_id for entry_id, _ in client.xreadgroup("g", "c", {"telemetry": ">"}, count=2)[0][1]]
    client.xdel("telemetry", own[0])
    with Program([program, "127.0.0.1", server.port, "telemetry", "g", "c"], listings) as consumer:
        lines = consumer.lines(len(SAMPLES))
        post(engine, {"device_id": "several", "timestamp": 5, "values": {"a": 1}})
        lines = consumer.lines(len(SAMPLES) + 1)
        wait_until(lambda: client.xpending("telemetry", "g")["pending"] == 0, "all is acknowledged")
    assert lines[0] == f"{own[0]} is lost"
    assert [line.split(" ", 1)[1] for line in lines[1:]] == [
        "d1 1767027837000000001 string 27.50", "d2 1767027837000000002 bool true", "d3 1767027837000000003 string true",
        "d4 1767027837000000004 string ", "d5 1767027837000000005 number 7", 'several 5000000000 object {"a": 1}']


def test_unpack_and_partitions(starter, server, listings):
    engine = starter.engine(server.url, settings={"sink.redis.layout": "packed", "sink.redis.partitions": 4})
    records = [{**sample(f"d{index}", value=index), "note": "a\u2028b\u0085c"} for index in range(50)]
    lines = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
    post(engine, lines.encode(), content_type="application/x-ndjson")
    samples_of = module(listings / "unpack.py").samples_of
    stream_of = module(listings / "partitions.py").stream_of
    read = []
    for number in range(4):
        stream = f"telemetry:{{{number}}}"
        samples = [one for entry in stream_entries(server.client(decode_responses=True), stream) for one in samples_of(entry)]
        assert samples and all(stream_of(one["device_id"], 4) == stream for one in samples)
        read += samples
    assert sorted(read, key=lambda one: one["value"]) == records
    assert stream_of("d", 1) == "telemetry"


def test_trim_leaves_what_a_group_needs(starter, server, listings):
    engine = starter.engine(server.url)
    client = server.client(decode_responses=True)
    post(engine, [sample(f"d{index}") for index in range(10)])
    ids = [entry_id for entry_id, _ in client.xrange("telemetry")]

    def trim() -> list[str]:
        subprocess.run([sys.executable, listings / "trim.py", reader_url(server), "telemetry"], check=True, timeout=60)
        return [entry_id for entry_id, _ in client.xrange("telemetry")]

    assert trim() == ids, "there is no group yet"
    for group, count in (("slow", 4), ("fast", 8)):
        client.xgroup_create("telemetry", group, id="0")
        client.xreadgroup(group, "c", {"telemetry": ">"}, count=count)
    assert trim() == ids, "nothing is acknowledged"
    client.xack("telemetry", "fast", *ids[:8])
    client.xack("telemetry", "slow", ids[0], ids[1], ids[3])
    assert trim() == ids[2:], "the third is pending"
    client.xack("telemetry", "slow", ids[2])
    assert trim() == ids[3:], "up to the last that the slow group was given"


def test_store_once(listings):
    store_once = module(listings / "store_once.py")
    database = store_once.open_database(listings / "samples")
    one = {"device_id": "d", "ts": 1, "type": "t", "value": 1.5}
    several = {"device_id": "d", "ts": 1, "values": {"a": 1}}
    assert store_once.store(database, [one, several, one]) == 2
    assert store_once.store(database, [one, {**one, "ts": 2}]) == 1
    assert database.execute("SELECT count(*) FROM sample").fetchone() == (3,)


def test_exactly_once_over_kills(starter, server, listings, tmp_path):
    settings = {"journal.directory": tmp_path / "journal", "sink.redis.exactly_once": "true"}
    (tmp_path / "journal").mkdir()
    engine = starter.engine(server.url, settings=settings)
    devices = [f"d{index}" for index in range(2000)]
    for at in range(0, len(devices), 500):
        post(engine, [sample(device) for device in devices[at:at + 500]])
    database = sqlite3.connect(listings / "samples")

    def read() -> list[str]:
        try:
            return [device for device, in database.execute("SELECT device_id FROM sample")]
        except sqlite3.OperationalError:  # it has no tables yet
            return []

    for count in (1, 700, 1400, len(devices)):
        with Program([sys.executable, listings / "exactly_once.py", reader_url(server), listings / "samples"], listings) as consumer:
            wait_until(lambda: len(read()) >= count, f"{count} samples are read")
            consumer.child.signal(signal.SIGKILL)
    assert sorted(read()) == sorted(devices)


def test_every_listing_is_run():
    text = Path(__file__).read_text()
    assert LISTINGS and not [name for name in LISTINGS if f'"{name}"' not in text]
