"""sluice-load --format: the bodies and heads of each format, and every sample of theirs found again by its ledger."""
# runs: release long: asan

import importlib.util
import json
import re
import subprocess

import pytest

from harness.engine import PROJECT
from harness.load import BAD_USAGE, FAILED, LOAD_BINARY, OK, Connection, LoadTarget, Request, run_load

FORMATS = ("json", "ndjson", "influx", "influx-v2", "remote-write", "remote-write-2", "otlp", "otlp-json", "protobuf", "protobuf-delimited")
PLAIN = ("--encoding", "identity")


def verify(ledger, redis_url) -> dict:
    path = ledger.with_suffix(".json")
    done = subprocess.run([str(word) for word in (LOAD_BINARY, "verify", "--ledger", ledger, "--redis", redis_url, "--json", path)],
                          capture_output=True, text=True, timeout=120)
    assert done.returncode == OK, done.stdout + done.stderr
    return json.loads(path.read_text())["total"]


def codings_of(layout: str) -> list[tuple]:
    """For each format; over all layouts each is sent plain and in codings of every kind."""
    if layout == "fields":
        return [PLAIN] * len(FORMATS)
    codings = [("--encoding", "gzip"), ("--encoding", "zstd"), ("--encoding", "snappy"), ("--encoding", "deflate"), ("--chunked",), ()]
    first = {"json": 0, "packed": 2, "list": 4}[layout]
    return [codings[(first + index) % len(codings)] for index in range(len(FORMATS))]


@pytest.mark.parametrize("layout", ["fields", "json", "packed", "list"])
def test_all_that_was_acknowledged_is_found(starter, tmp_path, layout):
    server = starter.redis()
    engine = starter.engine(server.url, ack="stored", settings={"sink.redis.layout": layout})
    url = "http://{}:{}".format(*engine.address)
    for name, coding in zip(FORMATS, codings_of(layout), strict=True):
        ledger = tmp_path / name
        run = run_load(url, "--format", name, *coding, "--users", 2, "--requests", 40, "--batch", 7, "--devices", 9, "--ledger", ledger)
        assert run.exit_code == OK and run.totals["samples"] == run.totals["succeeded"] * 7 == 280, (name, coding, run.messages)
        assert run.totals["acks"] == {"stored": 40}, (name, run.totals)
        assert verify(ledger, server.url) == {"acknowledged": 280, "found": 280, "lost": 0, "duplicated": 0, "reordered": 0,
                                              "unacknowledged": 0}, (name, coding)


def test_a_scenario_mixes_them(starter, tmp_path):
    server = starter.redis()
    engine = starter.engine(server.url)
    scenario = tmp_path / "mixed.toml"
    scenario.write_text("[load]\nbatch = 3\n" + "".join(f'[[endpoint]]\nname = "{name}"\nformat = "{name}"\n' for name in FORMATS))
    ledger = tmp_path / "ledger"
    run = run_load("http://{}:{}".format(*engine.address), "--scenario", scenario, "--users", 2, "--requests", 400, "--devices", 9, "--ledger", ledger)
    assert run.exit_code == OK, run.messages
    assert {one["name"] for one in run.result["endpoints"] if one["succeeded"] == one["sent"] > 0} == set(FORMATS)
    assert verify(ledger, server.url) == {"acknowledged": 1200, "found": 1200, "lost": 0, "duplicated": 0, "reordered": 0, "unacknowledged": 0}


@pytest.mark.parametrize("endpoint, sentence", [
    ('format = "influx"\nbody = "m f=1"', "format influx makes its own bodies of the built-in sample; leave the body out"),
    ('format = "xml"', 'wrong.toml: format: "xml" is none of json, ndjson, influx, '),
    ("format = 1", "wrong.toml: format must be text, in quotes (line 2)"),
])
def test_an_endpoint_with_a_wrong_format_is_named(tmp_path, endpoint, sentence):
    scenario = tmp_path / "wrong.toml"
    scenario.write_text(f"[[endpoint]]\n{endpoint}\n")
    done = subprocess.run([str(LOAD_BINARY), "http://127.0.0.1:1", "--scenario", str(scenario)], capture_output=True, text=True, timeout=20)
    assert done.returncode == BAD_USAGE and sentence in done.stderr, done.stderr


def request_of(*options) -> Request:
    """The first request that is sent."""
    requests = []

    async def serve(connection: Connection):
        while True:
            requests.append(await connection.request())
            connection.answer(b"")

    with LoadTarget(serve) as target:
        run = run_load(target.url.removesuffix("/telemetry"), *options, "--users", 1, "--requests", 1, "--batch", 3, "--devices", 1)
        assert run.exit_code == OK, run.messages
    return requests[0]


@pytest.mark.parametrize("name, path, headers", [
    ("json", "/telemetry", {"content-type": "application/json"}),
    ("ndjson", "/telemetry", {"content-type": "application/x-ndjson"}),
    ("influx", "/write?db=telemetry", {"content-type": "text/plain; charset=utf-8"}),
    ("influx-v2", "/api/v2/write?org=telemetry&bucket=telemetry", {"content-type": "text/plain; charset=utf-8"}),
    ("remote-write", "/api/v1/write", {"content-type": "application/x-protobuf", "content-encoding": "snappy",
                                       "x-prometheus-remote-write-version": "0.1.0"}),
    ("remote-write-2", "/api/v1/write", {"content-type": "application/x-protobuf;proto=io.prometheus.write.v2.Request",
                                         "content-encoding": "snappy", "x-prometheus-remote-write-version": "2.0.0"}),
    ("otlp", "/v1/metrics", {"content-type": "application/x-protobuf", "accept": "application/x-protobuf"}),
    ("otlp-json", "/v1/metrics", {"content-type": "application/json", "accept": "application/json"}),
    ("protobuf", "/telemetry", {"content-type": "application/x-protobuf;proto=sluice.v1.TelemetryBatch", "accept": "application/json"}),
    ("protobuf-delimited", "/telemetry", {"content-type": "application/x-protobuf-delimited;proto=sluice.v1.TelemetrySample",
                                          "accept": "application/json"}),
])
def test_the_head_is_that_of_such_senders(name, path, headers):
    request = request_of("--format", name)
    lines = dict(line.lower().split(": ", 1) for line in request.head.decode().split("\r\n")[1:] if line)
    assert request.target == path
    assert {name: value for name, value in lines.items() if name not in ("host", "content-length")} == \
        {name: value.lower() for name, value in headers.items()}


def test_the_class_of_protoc_reads_the_batch(workspace):
    subprocess.run(["protoc", f"--proto_path={PROJECT / 'parsers/telemetry'}", f"--python_out={workspace}", "telemetry.proto"], check=True)
    spec = importlib.util.spec_from_file_location("telemetry_pb2", workspace / "telemetry_pb2.py")
    messages = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(messages)
    body = request_of("--format", "protobuf").body
    batch = messages.TelemetryBatch.FromString(body)
    assert batch.device_id == "device-0" and batch.SerializeToString(deterministic=True) == body
    assert [(one.name, one.value.natural) for sample in batch.samples for one in sample.others] == [("seq", 0), ("seq", 1), ("seq", 2)]
    assert all(sample.unit == "celsius" and 15 <= sample.value.number <= 35 for sample in batch.samples)


@pytest.mark.parametrize("rejected, exit_code", [('{"partialSuccess":{"rejectedDataPoints":"1"}}', FAILED), ("{}", OK)])
def test_what_a_partial_success_rejects_is_not_acknowledged(tmp_path, rejected, exit_code):
    async def serve(connection: Connection):
        while True:
            await connection.request()
            connection.answer(rejected.encode())

    ledger = tmp_path / "ledger"
    with LoadTarget(serve) as target:
        run = run_load(target.url, "--format", "otlp-json", "--users", 1, "--requests", 5, "--ledger", ledger)
    assert run.exit_code == exit_code, run.messages
    assert run.faults == ({"bad_body": 5} if exit_code == FAILED else {})
    assert len(ledger.read_text().splitlines() if ledger.exists() else []) == (0 if exit_code == FAILED else 5)


@pytest.mark.parametrize("options, sentence", [
    (("--format", "xml"), '--format: "xml" is none of json, ndjson, influx, influx-v2, '),
    (("--format", "influx", "--body", "m f=1"), "format influx makes its own bodies of the built-in sample; leave the body out"),
    (("--format", "otlp", "--ndjson"), "--ndjson is --format ndjson: give one of them"),
    (("--format", "otlp", "--device-prefix", "a b"), "--device-prefix: with --format otlp it has letters, digits, dots, colons, - and _ only"),
    (("--sample", "--encoding", "br"), '--encoding: "br" is none of gzip, zstd, deflate, snappy, identity'),
    (("--format", "json", "--scenario", "x.toml"), "--scenario says what is sent; leave --sample, --body, --body-file, --format and --method out"),
])
def test_what_does_not_go_together_is_said(options, sentence):
    done = subprocess.run([str(LOAD_BINARY), "http://127.0.0.1:1", *options], capture_output=True, text=True, timeout=20)
    assert done.returncode == BAD_USAGE and sentence in done.stderr, done.stderr


def test_the_help_names_every_format():
    help_text = re.sub(r"\s+", " ", subprocess.run([str(LOAD_BINARY), "--help"], capture_output=True, text=True, check=True).stdout)
    option = help_text[help_text.index("--format "):help_text.index("--batch ")]
    assert all(re.search(rf"(?<![\w-]){name}(?![\w-])", option) for name in FORMATS), option
