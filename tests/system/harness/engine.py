"""The engine under test: the real binary, its listeners, its end."""

import os
import signal
import ssl
import time
from pathlib import Path
from typing import Mapping, Optional, Sequence

from .http_client import HttpConnection, Response
from .process import PATIENCE_S, Child, reserve_port, wait_until
from .tls import TlsConnection

PROJECT = Path(__file__).resolve().parents[3]
BINARY = Path(os.environ.get("SLUICE_BIN", PROJECT / "build/release/sluice")).resolve()
# The backend of every engine that does not choose its own (None: the engine's default); ctest runs the suite over each.
BACKEND = os.environ.get("SLUICE_TEST_BACKEND")

# The engine takes SLUICE_… from its environment as settings: those of whoever runs the tests must not reach it.
CLEAN_ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("SLUICE_")}

# What a bug prints, whatever the exit code is.
SIGNS_OF_A_BUG = ("CHECK failed", "AddressSanitizer", "LeakSanitizer", "ThreadSanitizer", "runtime error:", "terminate called")


def assert_conserved(status: dict) -> None:
    """The conservation law, per reactor and per format: what was accepted is what was settled."""
    by_format = status.get("formats")  # bench/figures --against meets engines that have none
    formats = [figures["samples"] for name, figures in (by_format or {}).items() if name != "none"]
    for samples in [reactor["samples"] for reactor in status["reactors"]] + formats:
        assert samples["received"] == samples["accepted"] + sum(samples["rejected"].values()), samples
        assert samples["accepted"] == (samples["delivered"] + sum(samples["dropped"].values())
                                       + samples["in_flight"]), samples
    for name in ("received", "accepted", "delivered", "in_flight"):
        assert by_format is None or sum(samples[name] for samples in formats) == status["samples"][name], name


class Engine:
    """`sluice serve` on loopback ports of its own.

    `finish()`, which the fixtures call, asserts the conservation law, ends the engine with SIGTERM, and fails
    unless it exits with 0 and has reported no bug. A test that ends the engine itself says so with `wait_exit()`.
    """

    def __init__(self, directory: Path, sink: str, ack: Optional[str] = None, cores: str = "0",
                 settings: Optional[Mapping[str, object]] = None, prefix: Sequence[str] = (),
                 environment: Optional[Mapping[str, str]] = None, admin_on_data_listener: bool = False,
                 backend: Optional[str] = BACKEND, binary: Path = BINARY,
                 more_listen: Sequence[str] = (), admin_socket: Optional[Path] = None,
                 admin_context: Optional[ssl.SSLContext] = None, listens: bool = True,
                 admin_headers: Sequence[tuple[str, str]] = ()):
        self.address = ("127.0.0.1", reserve_port())
        self.admin_address = self.address if admin_on_data_listener else ("127.0.0.1", reserve_port())
        admin = "{}:{}".format(*self.admin_address)
        if admin_socket:
            self.admin_address, admin = str(admin_socket), f"unix:{admin_socket}"
        self._admin_context = admin_context  # of an admin listener that speaks TLS
        self._directory = directory
        self._admin_headers = admin_headers
        self._environment = {**CLEAN_ENVIRONMENT, **(environment or {})}
        listen = ",".join(["{}:{}".format(*self.address), *more_listen]) if listens else ""
        self._command = [*prefix, binary, "serve", "--listen", listen,
                         "--admin", admin, "--cores", cores, "--sink", sink]
        self._backend = backend
        if backend:
            self._command += ["--backend", backend]
        if ack:
            self._command += ["--ack", ack]
        for key, value in (settings or {}).items():
            self._command += ["--set", f"{key}={value}"]
        self._child: Optional[Child] = None
        self._expected_exit_seen = False

    def start(self, until: str = "/ready") -> "Engine":
        """Starts it and waits until the admin listener answers 200 to `until`."""
        self._child = Child(self._command, self._directory, "engine", self._environment)

        def answers():
            assert self._child.exit_code is None, f"the engine ended with {self._child.exit_code}:\n{self.log()}"
            try:
                return self.admin("GET", until).status == 200
            except OSError:
                return False

        try:
            wait_until(answers, f"the engine answers 200 to {until}")
        except AssertionError:
            self._child.kill()
            raise
        return self

    @property
    def pid(self) -> int:
        return self._child.pid

    @property
    def running(self) -> bool:
        return self._child is not None and self._child.exit_code is None

    def log(self) -> str:
        """What it has logged so far: a thread of its own writes the lines, perhaps a little later."""
        deadline = time.monotonic() + 5
        while self.running and time.monotonic() < deadline and self._has_lines_waiting():
            time.sleep(0.005)
        return self._child.output()

    def _has_lines_waiting(self) -> bool:
        """False also where it does not answer any more."""
        try:
            with self._connect_admin(2) as connection:
                return connection.request("GET", "/status", headers=self._admin_headers).json()["log_lines_waiting"] > 0
        except (OSError, EOFError):
            return False

    def connect(self, timeout_s: float = PATIENCE_S) -> HttpConnection:
        return HttpConnection(self.address, timeout_s)

    def admin(self, method: str, target: str, body: Optional[bytes] = None) -> Response:
        with self._connect_admin() as connection:
            return connection.request(method, target, body, self._admin_headers)

    def _connect_admin(self, timeout_s: float = PATIENCE_S) -> HttpConnection:
        if self._admin_context:
            return TlsConnection(self.admin_address, self._admin_context, timeout_s)
        return HttpConnection(self.admin_address, timeout_s)

    def status(self) -> dict:
        """Asks again where reactors did not answer within the engine's second: on a machine that stalls they may not."""
        def ask() -> Optional[Response]:
            response = self.admin("GET", "/status")
            return None if response.status == 503 and response.code == "admin_timeout" else response
        response = wait_until(ask, "the reactors answer the admin thread")
        assert response.status == 200, response
        return response.json()

    def metrics(self) -> str:
        response = self.admin("GET", "/metrics")
        assert response.status == 200, response
        return response.body.decode()

    def samples(self) -> dict:
        """The samples counters, summed over the reactors."""
        total = {"received": 0, "accepted": 0, "delivered": 0, "in_flight": 0}
        for reactor in self.status()["reactors"]:
            for name in total:
                total[name] += reactor["samples"][name]
        return total

    def wait_delivered(self, timeout_s: float = PATIENCE_S) -> None:
        """Waits until everything accepted has been delivered."""
        wait_until(lambda: self.samples()["in_flight"] == 0, "everything accepted is delivered", timeout_s)

    def wait_settings_used(self, generation: int) -> None:
        """Waits until each reactor uses these settings, or later ones."""
        def are_used() -> bool:
            return all(reactor["settings_generation"] >= generation for reactor in self.status()["reactors"])
        wait_until(are_used, "the reactors use the new settings")

    def signal(self, number: int) -> None:
        self._child.signal(number)

    def kill(self) -> None:
        """Ends it at once, if it runs."""
        if self._child is not None:
            self._child.kill()

    def wait_exit(self, timeout_s: float = PATIENCE_S) -> int:
        """The exit code; the test judges it."""
        code = self._child.wait(timeout_s)
        self._expected_exit_seen = True
        return code

    def finish(self) -> None:
        if self._child is None:
            return
        try:
            if self.running:
                status = self.status()
                assert_conserved(status)
                if self._backend in ("io_uring", "epoll"):
                    assert status["io_backend"] == self._backend
                self.signal(signal.SIGTERM)
                assert self.wait_exit() == 0, f"the engine's end; its log:\n{self.log()[-3000:]}"
            assert self._expected_exit_seen, f"the engine ended by itself with {self._child.exit_code}:\n{self.log()[-3000:]}"
        finally:
            self._child.kill()
        found = [sign for sign in SIGNS_OF_A_BUG if sign in self.log()]
        assert not found, f"the engine printed {found}:\n{self.log()[-6000:]}"
