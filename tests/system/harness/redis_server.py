"""A redis-server of one test: own directory, own port or unix socket, stopped by pid."""

import signal
from pathlib import Path
from typing import Optional

import redis

from .process import Child, reserve_port, wait_until


class RedisServer:
    def __init__(self, directory: Path, unix: bool = False, persistent: bool = False, arguments: tuple = ()):
        """`persistent` keeps every answered command across kill() and start(), as AOF with fsync always does."""
        self.directory = directory
        self.port = 0 if unix else reserve_port()
        self.socket_path: Optional[Path] = directory / "redis.sock" if unix else None
        listen = ["--port", self.port, "--bind", "127.0.0.1"]
        if self.socket_path:
            listen = ["--port", 0, "--unixsocket", self.socket_path]
        durability = ["--appendonly", "yes", "--appendfsync", "always"] if persistent else ["--appendonly", "no"]
        self._command = ["redis-server", *listen, *durability, "--save", "", "--dir", directory, *arguments]
        self._child: Optional[Child] = None

    @property
    def url(self) -> str:
        return f"redis+unix://{self.socket_path}" if self.socket_path else f"redis://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        return self._child.pid

    @property
    def running(self) -> bool:
        return self._child is not None and self._child.exit_code is None

    def client(self, **options) -> redis.Redis:
        if self.socket_path:
            return redis.Redis(unix_socket_path=str(self.socket_path), **options)
        return redis.Redis(port=self.port, **options)

    def start(self) -> "RedisServer":
        self._child = Child(self._command, self.directory, "redis")

        def answers():
            assert self._child.exit_code is None, f"redis-server ended:\n{self._child.output()}"
            try:
                return self.client().ping()
            except redis.AuthenticationError:
                return True
            except redis.ConnectionError:  # BusyLoadingError is one, too
                return False

        wait_until(answers, "redis-server answers")
        return self

    def stop(self) -> None:
        """An orderly end; nothing if it does not run."""
        if self._child and self._child.exit_code is None:
            self._child.signal(signal.SIGCONT)
            self._child.signal(signal.SIGTERM)
            self._child.wait(10)

    def kill(self) -> None:
        if self._child:
            self._child.kill()

    def freeze(self) -> None:
        self._child.signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._child.signal(signal.SIGCONT)
