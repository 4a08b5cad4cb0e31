"""What is sent, and wrk, which sends it."""

import contextlib
import json
import re
import subprocess
import tempfile
from dataclasses import dataclass
from typing import Iterator

from servers import CLIENT_CORE, pinned
from harness import cpu_seconds

# What TelemetryHub's clients send; the time stamp is fixed so that redis-benchmark can send the same bytes.
RECORD = {"device_id": "sensor-17", "type": "temperature", "value": 27.3, "unit": "celsius", "timestamp": 1767027837123}
BODY = json.dumps(RECORD, separators=(",", ":"))
XADD = ["XADD", "telemetry", "*", "device_id", "sensor-17", "ts", "1767027837123000000", "type", "temperature",
        "value", "27.3", "unit", "celsius"]

WRK_SCRIPT = """
wrk.method = "POST"
wrk.headers["Content-Type"] = "%(content_type)s"
%(credentials)s
wrk.body = string.rep('%(line)s', %(lines)d)
local rendered
function init(arguments) rendered = string.rep(wrk.format(), %(pipelined)d) end
function request() return rendered end
"""


@dataclass(frozen=True)
class Traffic:
    """What wrk sends: `lines` samples a body, `pipelined` requests at a time."""
    connections: int = 64
    lines: int = 1
    pipelined: int = 1
    query: str = ""
    scheme: str = "http"
    token: str = ""

    def script(self) -> str:
        batch = self.lines > 1
        credentials = f'wrk.headers["Authorization"] = "Bearer {self.token}"' if self.token else ""
        return WRK_SCRIPT % {"credentials": credentials, "content_type": "application/x-ndjson" if batch else "application/json",
                             "line": BODY + ("\\n" if batch else ""), "lines": self.lines, "pipelined": self.pipelined}


@contextlib.contextmanager
def wrk_command(port: int, traffic: Traffic, seconds: int, core: int) -> Iterator[list[str]]:
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(traffic.script())
        script.flush()
        yield [*pinned(core), "wrk", "-t1", f"-c{traffic.connections}", f"-d{seconds}s", "--timeout", "30s", "-s", script.name,
               f"{traffic.scheme}://127.0.0.1:{port}/telemetry{traffic.query}"]


def wrk(port: int, traffic: Traffic, seconds: int) -> int:
    """Requests that were answered 2xx."""
    with wrk_command(port, traffic, seconds, CLIENT_CORE) as command:
        report = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    refused = re.search(r"Non-2xx or 3xx responses: (\d+)", report)
    return int(re.search(r"(\d+) requests in", report)[1]) - (int(refused[1]) if refused else 0)


def cpu_us_per_request(pid: int, port: int, traffic: Traffic, seconds: int) -> float:
    wrk(port, traffic, 1)  # connections, caches, clock frequency
    before = cpu_seconds(pid)
    requests = wrk(port, traffic, seconds)
    return (cpu_seconds(pid) - before) / requests * 1e6
