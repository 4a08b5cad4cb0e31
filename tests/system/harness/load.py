"""`sluice-load` as a test runs it, and servers that answer as a test says."""

import asyncio
import json
import os
import subprocess
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Awaitable, Callable, Optional

from .process import PATIENCE_S, reserve_port

PROJECT = Path(__file__).resolve().parents[3]
LOAD_BINARY = Path(os.environ.get("SLUICE_LOAD_BIN", PROJECT / "build/release/sluice-load")).resolve()

OK, THRESHOLD_MISSED, BAD_USAGE, INVALID, SETUP_FAILED = range(5)
FAILED = THRESHOLD_MISSED  # most requests failed

# A machine that runs tests is no quiet one: unless a test is about them, these bounds are out of the way.
PATIENT = ("--max-lag", "10s", "--max-cpu", "100%", "--min-sent", "0%", "--min-rate", "0%")
# The same for tests in which the server is judged by what was sent and achieved.
PATIENT_WITH_GENERATOR = PATIENT[:4]


def beside(bounds: tuple[str, ...], options: tuple) -> list[str]:
    """Those of `bounds` that `options` do not set themselves."""
    pairs = zip(bounds[::2], bounds[1::2])
    return [word for name, value in pairs if name not in options for word in (name, value)]


@dataclass(frozen=True)
class LoadRun:
    exit_code: int
    messages: str  # standard error, and behind it standard output, which has the summary
    result: Optional[dict]  # --json; None if the run did not begin

    @property
    def totals(self) -> dict:
        return self.result["totals"]

    @property
    def faults(self) -> dict:
        """Only those that occurred."""
        return {name: count for name, count in self.totals["faults"].items() if count}

    @property
    def statuses(self) -> dict:
        return self.totals["statuses"]

    def percentile_ns(self, latency: str, percentile: str) -> int:
        return self.result["latency"][latency]["percentiles_ns"][percentile]

    def assert_conserved(self) -> None:
        """Each planned request ended once: with a response, or under a fault that is none."""
        without_response = sum(count for name, count in self.faults.items() if name not in ("bad_status", "bad_body"))
        totals = self.totals
        assert totals["planned"] == totals["responses"] + without_response, totals
        assert totals["succeeded"] + totals["failed"] == totals["planned"], totals
        assert totals["sent"] <= totals["planned"], totals


def run_load(url: str, *options: object, timeout_s: float = 2 * PATIENCE_S, bounds: tuple[str, ...] = PATIENT) -> LoadRun:
    with tempfile.TemporaryDirectory(prefix="sluice-load-") as directory:
        path = Path(directory) / "result.json"
        command = [LOAD_BINARY, url, "--json", path, *options, *beside(bounds, options)]
        done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=timeout_s)
        assert done.returncode in range(5), f"exit code {done.returncode}:\n{done.stderr}"
        text = path.read_text() if path.exists() else ""
        return LoadRun(done.returncode, done.stderr + done.stdout, json.loads(text) if text else None)


@dataclass(frozen=True)
class Request:
    head: bytes
    body: bytes

    @property
    def target(self) -> str:
        return self.head.split(b" ", 2)[1].decode()


class Connection:
    """One client's connection, for the coroutine that serves it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int):
        self._reader = reader
        self.writer = writer
        self.number = number  # of the server's connections, from 0

    async def request(self) -> Request:
        """The next request; raises IncompleteReadError when the client has closed."""
        head = await self._reader.readuntil(b"\r\n\r\n")
        length = 0
        for line in head.lower().split(b"\r\n"):
            if line.startswith(b"content-length:"):
                length = int(line.partition(b":")[2])
        return Request(head, await self._reader.readexactly(length))

    def answer(self, body: bytes = b"{}", status: str = "200 OK", headers: bytes = b"") -> None:
        self.writer.write(b"HTTP/1.1 %s\r\nContent-Length: %d\r\n%s\r\n%s" % (status.encode(), len(body), headers, body))


Serve = Callable[[Connection], Awaitable[None]]


class LoadTarget:
    """An HTTP server whose behaviour is the coroutine `serve`, run once for each connection; then it is closed."""

    def __init__(self, serve: Serve):
        self._serve = serve
        self._count = 0
        self._port = reserve_port()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run)
        self._started = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}/telemetry"

    def __enter__(self) -> "LoadTarget":
        self._thread.start()
        assert self._started.wait(10)
        return self

    def __exit__(self, *_) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._accept, "127.0.0.1", self._port, backlog=1000))
        self._started.set()
        self._loop.run_forever()
        server.close()
        tasks = asyncio.all_tasks(self._loop)
        for task in tasks:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        self._loop.close()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = Connection(reader, writer, self._count)
        self._count += 1
        try:
            await self._serve(connection)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()
