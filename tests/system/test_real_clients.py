"""curl, wrk, hey and h2load against the engine: what they count as answered is what the stream holds."""
# runs: release.io_uring release.epoll asan.io_uring

import json
import re
import shutil
import subprocess

import pytest

from harness import device_ids, ndjson, sample, stream_entries

WRK_SCRIPT = """
-- Unique device_ids: thread, then number.
local threads = 0
function setup(thread) thread:set("id", threads); threads = threads + 1 end
function init(arguments) number = 0 end
function request()
  number = number + 1
  return wrk.format("POST", "/telemetry", {["Content-Type"] = "application/json"},
    string.format('{"device_id":"wrk-%d-%d","type":"temperature","value":21.5}', id, number))
end
"""


def needs(program: str):
    return pytest.mark.skipif(not shutil.which(program), reason=f"{program} is not installed")


def run(*command) -> str:
    finished = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=120)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return finished.stdout


def url(stack, target: str = "/telemetry") -> str:
    return "http://{}:{}".format(*stack.engine.address) + target


@needs("curl")
def test_curl_one_sample(stack):
    answer = run("curl", "-sS", "--fail", "--json", json.dumps(sample("curl")), url(stack))
    assert json.loads(answer)["ok"] is True
    assert device_ids(stack.redis) == ["curl"]


@needs("curl")
def test_curl_uploads_a_file(stack, tmp_path):
    """Large enough that curl asks with Expect: 100-continue; then the same chunked, from standard input."""
    body = tmp_path / "samples.ndjson"
    body.write_bytes(ndjson(sample(f"d{index}", note="x" * 200) for index in range(5000)))
    for data in (["--data-binary", f"@{body}"], ["-T", body, "-X", "POST", "-H", "Transfer-Encoding: chunked"]):
        status = run("curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", "-H", "Content-Type: application/x-ndjson", *data, url(stack))
        assert status == "200"
    assert len(device_ids(stack.redis)) == 10_000


@needs("curl")
@pytest.mark.parametrize("options", [["--http1.0"], ["--http1.1"], ["-I"], ["-H", "Connection: close"]])
def test_curl_health(stack, options):
    assert run("curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", *options, url(stack, "/health")) == "200"


@needs("wrk")
@pytest.mark.parametrize("ack", ["stored", "queued"])
def test_wrk(stack, tmp_path, ack):
    script = tmp_path / "post.lua"
    script.write_text(WRK_SCRIPT.replace("/telemetry", f"/telemetry?ack={ack}"))
    connections = 50
    report = run("wrk", "-t", 2, "-c", connections, "-d", "2s", "-s", script, url(stack, ""))
    assert "Non-2xx" not in report and "Socket errors" not in report, report
    answered = int(re.search(r"(\d+) requests in", report)[1])
    stack.engine.wait_delivered()
    ids = device_ids(stack.redis)
    assert len(ids) == len(set(ids))
    # wrk stops without waiting: up to one more sample a connection was stored, and its answer not counted.
    assert answered <= len(ids) <= answered + connections


@needs("hey")
def test_hey(stack):
    report = run("hey", "-n", 5000, "-c", 50, "-m", "POST", "-T", "application/json", "-d", json.dumps(sample("hey")), url(stack))
    assert re.search(r"\[200\]\s+5000 responses", report), report
    assert stack.redis.xlen("telemetry") == 5000


@needs("hey")
def test_hey_without_keep_alive(stack):
    report = run("hey", "-n", 1000, "-c", 20, "-disable-keepalive", "-m", "POST", "-d", json.dumps(sample("hey")),
                 "-T", "application/json", url(stack))
    assert re.search(r"\[200\]\s+1000 responses", report), report
    assert stack.redis.xlen("telemetry") == 1000


@needs("h2load")
@pytest.mark.parametrize("pipelined", [1, 16])
def test_h2load(stack, tmp_path, pipelined):
    body = tmp_path / "body.json"
    body.write_text(json.dumps(sample("h2load", metadata={"zone": 3})))
    report = run("h2load", "--h1", "-n", 5000, "-c", 20, "-m", pipelined, "-d", body, "-H", "Content-Type: application/json", url(stack))
    assert re.search(r"status codes: 5000 2xx, 0 3xx, 0 4xx, 0 5xx", report), report
    entries = stream_entries(stack.redis)
    assert len(entries) == 5000
    assert all(entry[b"metadata"] == b'{"zone": 3}' for entry in entries)
