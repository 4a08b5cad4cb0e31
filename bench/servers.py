"""Servers that bench/figures and bench/compare measure, each pinned to a core. None outlives its `with`."""

import contextlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Iterator, Optional, Sequence

PROJECT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(PROJECT / "tests/system"))
sys.dont_write_bytecode = True

from harness import Child, Engine, HttpConnection, RedisServer, reserve_port, wait_until  # noqa: E402
from harness.databases import find_program  # noqa: E402
from harness.engine import BINARY  # noqa: E402

SERVER_CORE, CLIENT_CORE = 0, 1
FLOOR = Path(os.environ.get("SLUICE_FLOOR", PROJECT / "build/release/sluice-floor"))
BENCH = Path(os.environ.get("SLUICE_BENCH", PROJECT / "build/release/sluice-bench"))
NGINX = find_program("nginx")


def pinned(core: int) -> list[str]:
    return ["taskset", "-c", str(core)]


@contextlib.contextmanager
def directory() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="sluice-bench-") as path:
        yield Path(path)


@contextlib.contextmanager
def running_engine(sink: str, ack: str = "queued", backend: Optional[str] = None, binary: Path = BINARY, **settings) -> Iterator[Engine]:
    with directory() as path:
        engine = Engine(path, sink, ack=ack, prefix=pinned(SERVER_CORE), backend=backend, binary=binary,
                        settings={"log.level": "warn", **settings})
        try:
            yield engine.start()
        finally:
            engine.finish()


@contextlib.contextmanager
def running_child(command: Sequence[object], path: Path, port: int) -> Iterator[Child]:
    """A program pinned to the servers' core, once it accepts connections."""
    child = Child([*pinned(SERVER_CORE), *command], path, "server")

    def accepts():
        assert child.exit_code is None, f"{command[0]} ended:\n{child.output()}"
        try:
            HttpConnection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            return False
        return True

    try:
        wait_until(accepts, f"{command[0]} listens")
        yield child
    finally:
        child.kill()


@contextlib.contextmanager
def running_floor(responses_per_recv: int = 1) -> Iterator[tuple[int, int]]:
    """Yields pid and port."""
    port = reserve_port()
    with directory() as path, running_child([FLOOR, port, "--responses-per-recv", responses_per_recv], path, port) as child:
        yield child.pid, port


@contextlib.contextmanager
def running_nginx(pair: Optional[tuple[Path, Path]] = None) -> Iterator[tuple[int, int]]:
    """nginx that answers `return 200` with the same body, one process, nothing logged; over TLS with the certificate and
    key of `pair`. Yields pid and port."""
    port = reserve_port()
    with directory() as path:
        temporary = " ".join(f"{kind}_temp_path {path}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        answer = '{"ok":true,"message":"Telemetry received","ack":"queued"}'
        tls = f" ssl_certificate {pair[0]}; ssl_certificate_key {pair[1]}; ssl_protocols TLSv1.2 TLSv1.3;" if pair else ""
        (path / "nginx.conf").write_text(
            f"daemon off; master_process off; pid {path}/pid; error_log stderr;\n"
            "events { worker_connections 4096; }\n"
            f"http {{ access_log off; keepalive_requests 1000000000; default_type application/json; {temporary}\n"
            f"  server {{ listen 127.0.0.1:{port} backlog=4096{' ssl' if pair else ''};{tls} location / {{ return 200 '{answer}'; }} }} }}\n")
        with running_child([NGINX, "-p", path, "-c", path / "nginx.conf", "-e", "stderr"], path, port) as child:
            yield child.pid, port


@contextlib.contextmanager
def running_redis(core: int) -> Iterator[RedisServer]:
    with directory() as path:
        server = RedisServer(path)
        try:
            server.start()
            subprocess.run(["taskset", "-a", "-c", "-p", str(core), str(server.pid)], check=True, capture_output=True)
            yield server
        finally:
            server.kill()
