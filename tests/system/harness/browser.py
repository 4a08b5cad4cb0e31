"""A headless Chromium that tests look at pages with, over the DevTools protocol on a pipe: no library, no port.

The protocol: https://chromedevtools.github.io/devtools-protocol/. With --remote-debugging-pipe the browser reads
commands on descriptor 3 and writes answers and events on 4, each a JSON object that ends with a NUL byte.
"""

import fcntl
import json
import os
import select
import shutil
import subprocess
import time
from pathlib import Path

CHROMIUM = shutil.which("chromium")
TIMEOUT_S = 60


class Browser:
    """One page at a time. `requests` and `complaints` are those of the last page that `open` showed."""

    def __init__(self, directory: Path):
        browser_reads, self._commands = os.pipe()
        self._answers, browser_writes = os.pipe()
        # Out of the way of 3 and 4, where the browser expects them.
        ends = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 10) for fd in (browser_reads, browser_writes)]

        def place_ends() -> None:
            os.dup2(ends[0], 3)
            os.dup2(ends[1], 4)

        # No sandbox: tests may run as root. Nobody listens at the proxy, so that the browser itself cannot call home.
        command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
                   "--proxy-server=http://127.0.0.1:1", "--remote-debugging-pipe", f"--user-data-dir={directory / 'chromium'}",
                   "about:blank"]
        with open(directory / "chromium.log", "ab") as log:
            self._process = subprocess.Popen(command, preexec_fn=place_ends, pass_fds=(3, 4),
                                             stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        for fd in (browser_reads, browser_writes, *ends):
            os.close(fd)
        self._buffer = b""
        self._last_id = 0
        self._session = None
        self._events: list[dict] = []
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Network", "Runtime", "Log", "Page"):
            self._call(f"{domain}.enable")

    def close(self) -> None:
        os.close(self._commands)  # it ends when nobody commands it
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._answers)

    def _receive(self) -> dict:
        deadline = time.monotonic() + TIMEOUT_S
        while b"\0" not in self._buffer:
            readable, _, _ = select.select([self._answers], [], [], max(0, deadline - time.monotonic()))
            received = os.read(self._answers, 1 << 16) if readable else b""
            if not received:
                raise AssertionError("the browser is silent" if not readable else "the browser has ended")
            self._buffer += received
        message, _, self._buffer = self._buffer.partition(b"\0")
        return json.loads(message)

    def _call(self, method: str, **parameters) -> dict:
        self._last_id += 1
        command = {"id": self._last_id, "method": method, "params": parameters}
        if self._session:
            command["sessionId"] = self._session
        os.write(self._commands, json.dumps(command).encode() + b"\0")
        while True:
            message = self._receive()
            if message.get("id") == self._last_id:
                assert "error" not in message, message
                return message["result"]
            self._events.append(message)

    def open(self, page: Path, width: int = 1000, dark: bool = False, media: str = "screen") -> None:
        self._events = []
        self._call("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self._call("Emulation.setEmulatedMedia", media=media, features=[scheme])
        self._call("Page.navigate", url=page.as_uri())
        while not any(event["method"] == "Page.loadEventFired" for event in self._events):
            self._events.append(self._receive())

    def _of(self, *methods: str) -> list[dict]:
        return [event["params"] for event in self._events if event["method"] in methods]

    @property
    def requests(self) -> list[str]:
        """What the page asked for, itself left out."""
        return [params["request"]["url"] for params in self._of("Network.requestWillBeSent") if params["type"] != "Document"]

    @property
    def complaints(self) -> list[str]:
        """What a console would show: log entries, console calls, uncaught exceptions."""
        return [json.dumps(params) for params in self._of("Log.entryAdded", "Runtime.consoleAPICalled", "Runtime.exceptionThrown")]

    def evaluate(self, expression: str):
        """The value of a JavaScript expression in the page, which must be JSON."""
        answer = self._call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")
