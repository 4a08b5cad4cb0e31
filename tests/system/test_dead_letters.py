"""Dead letters: records of tenants that were refused are kept, shown, and sent again after a fix."""
# runs: release.io_uring release.epoll asan.io_uring

import json
import signal
import socket
import subprocess
import threading
import time

import pytest

from harness import ndjson, reserve_port, sample, stream_entries, wait_until
from harness.engine import BINARY, CLEAN_ENVIRONMENT
from harness.tenants import new_token, tenant_table, write_tenants

STRICT = 'dead_letter = true\nallow_types = ["temperature"]\n'


@pytest.fixture(scope="module")
def tokens():
    return {name: new_token(name) for name in ("acme", "other", "silent")}


class Setup:
    """`acme` has a stream of its own and keeps letters, `other` keeps them beside the stream of all, `silent` keeps none."""

    def __init__(self, directory, tokens, url: str):
        self.directory, self.tokens = directory, tokens
        self.tenants = self.write(STRICT)
        self.config = directory / "sluice.toml"
        self.config.write_text(f'[sink]\nurl = "{url}"\n[tenants]\nfile = "{self.tenants}"\n')
        self.token_file = directory / "acme.token"
        self.token_file.write_text(tokens["acme"].text + "\n")

    def write(self, acme: str) -> str:
        return write_tenants(self.directory / "t.toml",
                             tenant_table("acme", self.tokens["acme"].line, more=f'stream = "telemetry.acme"\n{acme}'),
                             tenant_table("other", self.tokens["other"].line, more=STRICT),
                             tenant_table("silent", self.tokens["silent"].line, more='allow_types = ["temperature"]'))

    def dead(self, action: str, *options, code: int = 0) -> list[dict]:
        done = subprocess.run([str(word) for word in (BINARY, "dead", action, "--config", self.config, *options)], env=CLEAN_ENVIRONMENT,
                              text=True, capture_output=True, timeout=60)
        assert done.returncode == code, done.stdout + done.stderr
        self.said = done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]


def bearer(token):
    return [("Authorization", f"Bearer {token.text}")]


def send(engine, token, target: str, body: bytes, *headers):
    with engine.connect() as connection:
        return connection.request("POST", target, body, [*bearer(token), *headers])


def letters(server, stream: str = "telemetry.acme.dead") -> list[dict]:
    return [{name.decode(): value.decode(errors="replace") for name, value in entry.items()} for entry in stream_entries(server.client(), stream)]


def wait_letters(server, count: int, stream: str = "telemetry.acme.dead") -> list[dict]:
    wait_until(lambda: len(letters(server, stream)) >= count, f"{stream} has {count} letters")
    assert len(letters(server, stream)) == count
    return letters(server, stream)


@pytest.fixture
def setup(starter, tokens, tmp_path):
    server = starter.redis()
    setup = Setup(tmp_path, tokens, server.url)
    engine = starter.engine(server.url, settings={"tenants.file": setup.tenants})
    return setup, engine, server


def test_refused_records_are_kept_with_their_reason(setup, tokens):
    setup, engine, server = setup
    good, wind = sample("good"), {**sample("windy"), "type": "wind"}
    before = time.time_ns()
    answer = send(engine, tokens["acme"], "/telemetry?precision=ms", json.dumps([good, wind, {"device_id": "d", "note": "}]"}]).encode())
    assert answer.status == 207 and answer.json()["accepted"] == 1
    lines = ndjson([good, wind]) + b'{"device_id":broken}\n'
    assert send(engine, tokens["acme"], "/telemetry", lines, ("Content-Type", "application/x-ndjson")).status == 207
    assert send(engine, tokens["acme"], "/write", b"temperature,host=a v=1\nwind,host=b v=2\nno line at all\n").status == 400
    assert send(engine, tokens["acme"], "/telemetry", json.dumps({**wind, "note": "x" * 5000}).encode()).status == 400
    kept = wait_letters(server, 7)
    assert [(one["reason"], one["format"]) for one in kept] == \
        [("type_not_allowed", "json"), (kept[1]["reason"], "json"), ("type_not_allowed", "json"), ("malformed_record", "json"),
         ("type_not_allowed", "influx"), (kept[5]["reason"], "influx"), ("type_not_allowed", "json")]
    assert json.loads(kept[0]["raw"]) == wind and kept[0]["device_id"] == "windy" and kept[0]["precision"] == "ms"
    assert kept[1]["raw"] == '{"device_id": "d", "note": "}]"}' and "device_id" not in kept[1]
    assert kept[3]["raw"] == '{"device_id":broken}'
    assert [one["raw"] for one in kept[4:6]] == ["wind,host=b v=2", "no line at all"]
    assert [one["path"] for one in kept] == ["/telemetry?precision=ms"] * 2 + ["/telemetry"] * 2 + ["/write"] * 2 + ["/telemetry"]
    assert len(kept[6]["raw"]) == 4096 and int(kept[6]["cut"]) > 5000
    assert all(one["tenant"] == "acme" and one["error"] and before <= int(one["received"]) <= time.time_ns() for one in kept)
    assert send(engine, tokens["silent"], "/telemetry", json.dumps(wind).encode()).status == 400
    assert send(engine, tokens["other"], "/telemetry", json.dumps(wind).encode()).status == 400
    assert [one["tenant"] for one in wait_letters(server, 1, "telemetry.dead")] == ["other"]
    assert 'sluice_dead_letters_total{result="written"} 8' in engine.metrics()
    assert engine.status()["tenants_file"]["dead_letters"] == 8


def test_they_are_listed_shown_and_sent_again(setup, tokens):
    setup, engine, server = setup
    assert send(engine, tokens["acme"], "/telemetry", ndjson([{**sample(name), "type": "wind"} for name in ("a", "b")]),
                ("Content-Type", "application/x-ndjson")).status == 400
    assert send(engine, tokens["acme"], "/api/v2/write?precision=s", b"wind,host=c v=2 1700000000\nsun,host=d v=1\n").status == 400
    wait_letters(server, 4)
    assert {line["tenant"]: line["letters"] for line in setup.dead("ls")} == {"acme": 4, "other": 0, "silent": 0}
    assert setup.dead("ls", "--tenant", "acme")[0]["reasons"] == {"type_not_allowed": 4}
    assert [json.loads(line["raw"])["device_id"] for line in setup.dead("show", "--tenant", "acme")[:2]] == ["a", "b"]
    to = ("--tenant", "acme", "--to", "http://{}:{}".format(*engine.address), "--token-file", setup.token_file)
    other_file = setup.directory / "other.token"
    for text, options, what in ((tokens["other"].text, ("--token-file", other_file), "is one of tenant other, not of acme"),
                                ("slc_nobody", ("--token-file", other_file), "stands not in the file of tenants"),
                                ("", ("--token-file", other_file), "is no token"), ("", (), "replay needs --token-file")):
        other_file.write_text(text + "\n")
        setup.dead("replay", *to[:4], *options, code=2)
        assert what in setup.said and len(letters(server)) == 4
    assert not letters(server, "telemetry.dead")
    setup.dead("replay", *to, code=1)
    assert "0 records taken, 4 refused again, 0 left" in setup.said
    wait_letters(server, 4)
    setup.write('dead_letter = true\nallow_types = ["temperature", "wind"]\n')
    engine.signal(signal.SIGHUP)
    wait_until(lambda: "tenants_reloaded" in engine.log(), "the reload")
    setup.dead("replay", *to, code=1)
    assert "3 records taken, 1 refused again, 0 left" in setup.said
    assert sorted(entry[b"device_id"] for entry in stream_entries(server.client(), "telemetry.acme")) == [b"a", b"b", b"c"]
    [again] = wait_letters(server, 1)
    assert again["raw"].startswith("sun,")
    assert [entry[b"ts"] for entry in stream_entries(server.client(), "telemetry.acme") if entry[b"device_id"] == b"c"] == [b"1700000000000000000"]


def test_a_record_is_stored_as_it_would_have_been(setup, tokens):
    """At its own path, with its parameters, and with the time of its arrival where it has none."""
    setup, engine, server = setup
    collectd = {"host": "e", "plugin": "wind", "type": "gauge", "values": [1], "dsnames": ["value"], "dstypes": ["gauge"]}
    with engine.connect() as connection:
        for lines in (b"# a note\nwind,host=a v=1 400000\n", b'wind,host=b v="x\ny"\n'):
            assert connection.request("POST", f"/write?u=acme&p={tokens['acme'].text}&db=my%20db&rp=r&precision=h", lines).status == 400
    assert send(engine, tokens["acme"], "/api/v2/write?bucket=b&org=o&precision=ms", b"wind,host=c v=1\n").status == 400
    assert send(engine, tokens["acme"], "/telemetry", json.dumps({**sample("d"), "type": "wind"}).encode()).status == 400
    assert send(engine, tokens["acme"], "/collectd", json.dumps([collectd]).encode(), ("Content-Type", "application/json")).status == 400
    kept = wait_letters(server, 5)
    assert [one["path"] for one in kept] == ["/write?precision=h&db=my%20db&rp=r"] * 2 + ["/api/v2/write?precision=ms&bucket=b&org=o",
                                                                                           "/telemetry", "/collectd"]
    assert kept[0]["raw"] == "wind,host=a v=1 400000" and kept[1]["raw"] == 'wind,host=b v="x\ny"'
    received = [int(one["received"]) for one in kept]
    setup.write('dead_letter = true\n')
    engine.signal(signal.SIGHUP)
    wait_until(lambda: "tenants_reloaded" in engine.log(), "the reload")
    setup.dead("replay", "--tenant", "acme", "--to", "http://{}:{}".format(*engine.address), "--token-file", setup.token_file)
    assert "5 records taken, 0 refused again, 0 left" in setup.said and not letters(server)
    stored = {entry[b"device_id"]: entry for entry in stream_entries(server.client(), "telemetry.acme")}
    hour_ns, ms_ns = 3600 * 10**9, 10**6
    assert {device: int(entry[b"ts"]) for device, entry in stored.items()} == {
        b"a": 400000 * hour_ns, b"b": received[1] // hour_ns * hour_ns, b"c": received[2] // ms_ns * ms_ns, b"d": received[3], b"e": received[4]}
    assert (stored[b"b"][b"db"], stored[b"b"][b"rp"]) == (b"my db", b"r") and (stored[b"c"][b"bucket"], stored[b"c"][b"org"]) == (b"b", b"o")
    assert json.loads(stored[b"b"][b"values"]) == {"v": "x\ny"}


class Answerer:
    """A server that gives each request the same bytes, and ends the connection."""

    def __init__(self, answer: bytes):
        self._answer, self.requests = answer, 0
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = "http://127.0.0.1:{}".format(self._socket.getsockname()[1])
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self):
        while True:
            client, _ = self._socket.accept()
            with client:
                text = client.recv(65536)
                if text == b"end":
                    return
                self.requests += 1
                client.sendall(self._answer)

    def end(self):
        with socket.create_connection(self._socket.getsockname()) as client:
            client.sendall(b"end")
        self._thread.join()
        self._socket.close()


def test_a_letter_goes_only_when_its_record_is_safe(setup, tokens):
    setup, engine, server = setup
    assert send(engine, tokens["acme"], "/telemetry", ndjson([{**sample(name), "type": "wind"} for name in ("a", "b")]),
                ("Content-Type", "application/x-ndjson")).status == 400
    before = wait_letters(server, 2)
    refused = json.dumps({"code": "all_records_refused", "accepted": 0, "rejected": 1, "errors": [{"index": 0, "code": "type_not_allowed"}]})
    for head, body, requests, said in (
            ("200 OK", "{}", 1, "does not say that the record is stored"),
            ("204 No Content\r\nSluice-Ack: queued", "", 1, "does not say that the record is stored"),
            ("207 Multi-Status", "{}", 1, "answers 207"),
            ("400 Bad Request", '{"code":"ack_unavailable","error":"No."}', 2, "2 left, which cannot be sent again (the first: the engine answers 400 ack_una"),
            ("400 Bad Request", refused, 2, "no new letter was found, so the old one stays"),
            ("503 Service Unavailable", '{"code":"sink_busy","error":"Later."}', 1, "answers 503 sink_busy: Later."),
            ("429 Too Many Requests", "{}", 1, "answers 429"),
            ("204", None, 1, "no answer, or not a whole one")):
        length = "" if body is None else f"\r\nContent-Length: {len(body)}\r\n\r\n{body}"
        answerer = Answerer(f"HTTP/1.1 {head}{length}".encode())
        try:
            setup.dead("replay", "--tenant", "acme", "--to", answerer.url, "--token-file", setup.token_file, code=1)
        finally:
            answerer.end()
        assert said in setup.said and answerer.requests == requests, setup.said
        assert letters(server) == before


def test_letters_never_are_in_the_way(starter, tokens, tmp_path):
    """Without Redis they wait, and beyond that are dropped; with a sink that is none they are counted."""
    wind = ndjson([{**sample(str(number)), "type": "wind"} for number in range(500)])
    json_lines = ("Content-Type", "application/x-ndjson")
    for url, waiting in ((f"redis://127.0.0.1:{reserve_port()}", 512), ("null:", 0)):
        setup = Setup(tmp_path, tokens, url)
        engine = starter.engine(url, ack="queued", until="/health", settings={"tenants.file": setup.tenants, "drain_timeout": "200ms",
                                                                             "sink.redis.connect_timeout": "1s"})
        for _ in range(4):
            assert send(engine, tokens["acme"], "/telemetry", wind, json_lines).status in (207, 400)
        assert engine.status()["tenants_file"]["dead_letters_dropped"] >= 2000 - waiting
    for setting, what in (("sink.url=null:", "is no Redis"), ("tenants.file=", "there are no tenants")):
        setup.dead("ls", "--set", setting, code=2)
        assert what in setup.said


def test_a_cluster_keeps_them_where_the_stream_is(starter, tokens, tmp_path):
    cluster = starter.cluster(replicas=0)
    setup = Setup(tmp_path, tokens, cluster.url)
    engine = starter.engine(cluster.url, settings={"tenants.file": setup.tenants, "sink.redis.partitions": 3})
    for name in ("acme", "other"):
        assert send(engine, tokens[name], "/telemetry", json.dumps({**sample(name), "type": "wind"}).encode()).status == 400
    wait_until(lambda: {"telemetry.acme.dead", "telemetry.dead"} <= cluster.keys().keys(), "both streams are there")
    assert {line["tenant"]: line["letters"] for line in setup.dead("ls")} == {"acme": 1, "other": 1, "silent": 0}
