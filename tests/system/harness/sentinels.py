"""A primary, its replica and three Sentinels of one test."""

from pathlib import Path

import redis

from .process import Child, reserve_port, wait_until
from .redis_server import RedisServer

NAME = "main"


class Sentinels:
    def __init__(self, directory: Path, down_after_ms: int = 800):
        self.primary = RedisServer(self._made(directory / "primary"))
        self.replica = RedisServer(self._made(directory / "replica"),
                                   arguments=("--replicaof", f"127.0.0.1 {self.primary.port}", "--repl-diskless-sync-delay", 0,
                                              "--repl-ping-replica-period", 1))
        self._directories = [self._made(directory / f"sentinel-{i}") for i in range(3)]
        self.ports = [reserve_port() for _ in self._directories]
        self._down_after_ms = down_after_ms
        self._children: list[Child] = []

    @staticmethod
    def _made(directory: Path) -> Path:
        directory.mkdir(parents=True)
        return directory

    @property
    def url(self) -> str:
        return "redis-sentinel://" + ",".join(f"127.0.0.1:{port}" for port in self.ports) + "/" + NAME

    def start(self) -> "Sentinels":
        self.primary.start()
        self.replica.start()
        wait_until(self.is_replicated, "the replica has caught up")
        for directory, port in zip(self._directories, self.ports):
            # A Sentinel writes what it learns into its configuration.
            config = directory / "sentinel.conf"
            config.write_text(f"port {port}\nbind 127.0.0.1\ndir {directory}\n"
                              f"sentinel monitor {NAME} 127.0.0.1 {self.primary.port} 2\n"
                              f"sentinel down-after-milliseconds {NAME} {self._down_after_ms}\n"
                              f"sentinel failover-timeout {NAME} 4000\n")
            self._children.append(Child(["redis-server", config, "--sentinel"], directory, "sentinel"))
        wait_until(lambda: all(self._knows_all(port) for port in self.ports), "the sentinels know each other", 20)
        return self

    def _knows_all(self, port: int) -> bool:
        try:
            with redis.Redis(port=port) as client:
                state = client.sentinel_master(NAME)
                return state["num-other-sentinels"] == 2 and state["num-slaves"] == 1
        except redis.RedisError:
            return False

    def is_replicated(self) -> bool:
        with self.primary.client() as client:
            info = client.info("replication")
        replica = info.get("slave0")
        return bool(replica) and replica["state"] == "online" and replica["offset"] == info["master_repl_offset"]

    def kill(self) -> None:
        for child in self._children:
            child.kill()
        self.replica.kill()
        self.primary.kill()
