"""The Redis of a scene: alone with appendfsync always, or one without any file and a replica; and the proxy before it."""

import random
import time
from pathlib import Path
from typing import Optional

import redis

from harness import RedisServer, wait_until

from .fault_proxy import FaultProxy

# Redis 7 would wait 5 s for more replicas before it sends them the data.
SYNC_AT_ONCE = ("--repl-diskless-sync-delay", "0")
LAG_S_MAX = 0.1


class Store:
    def __init__(self, directory: Path, has_replica: bool):
        self.primary: Optional[RedisServer] = None
        self.replica: Optional[RedisServer] = None
        self.proxy: Optional[FaultProxy] = None
        self._directory = directory
        self._has_replica = has_replica
        self._link: Optional[FaultProxy] = None  # from the replica to the primary
        self._random: Optional[random.Random] = None
        self._servers: list[RedisServer] = []

    def open(self, needs_proxy: bool, random_: random.Random) -> str:
        """Starts it; the URL at which the engine finds it, whoever is the primary."""
        self._random = random_
        if not self._has_replica:
            self.primary = self._start(persistent=True)
        else:
            self.primary = self._start(arguments=SYNC_AT_ONCE)
            self._add_replica()
        if not needs_proxy and not self._has_replica:
            return self.primary.url
        self.proxy = FaultProxy(self.primary.port, random_).start()
        return f"redis://127.0.0.1:{self.proxy.port}"

    @property
    def url(self) -> str:
        """Of the primary, past the proxy."""
        return self.primary.url

    def choose(self) -> None:
        """There is only one."""

    def client(self) -> redis.Redis:
        return self.primary.client()

    def lose_primary(self) -> None:
        """Its machine is gone, with what the replica lags behind; that becomes the primary, but nobody is led to it yet."""
        self._link.stall()
        time.sleep(self._random.uniform(0, LAG_S_MAX))
        self.primary.kill()
        self._link.stop()
        self.primary = self.replica
        self.client().replicaof("NO", "ONE")

    def lead_to_primary(self) -> None:
        self.proxy.retarget(self.primary.port)
        self._add_replica()

    def close(self) -> None:
        for proxy in (self.proxy, self._link):
            if proxy is not None:
                proxy.stop()
        for server in self._servers:
            server.kill()

    def _start(self, **options) -> RedisServer:
        directory = self._directory / f"redis-{len(self._servers)}"
        directory.mkdir()
        server = RedisServer(directory, **options)
        self._servers.append(server)
        return server.start()

    def _add_replica(self) -> None:
        self._link = FaultProxy(self.primary.port, self._random).start()
        self.replica = self._start(arguments=(*SYNC_AT_ONCE, "--replicaof", "127.0.0.1", self._link.port))
        client = self.replica.client()
        wait_until(lambda: client.info("replication")["master_link_status"] == "up", "the replica follows the primary")
