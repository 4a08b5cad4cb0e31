"""A Redis Cluster of one test: primaries and replicas on loopback, joined by hand because that is faster than redis-cli."""

from pathlib import Path
from typing import Callable, Iterable, Optional

from .process import PATIENCE_S, reserve_port, wait_until
from .redis_server import RedisServer

SLOTS = 16384


class ClusterNode(RedisServer):
    def __init__(self, directory: Path, node_timeout_ms: int, arguments: tuple = ()):
        self.bus_port = reserve_port()
        directory.mkdir(parents=True, exist_ok=True)
        super().__init__(directory, arguments=("--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf",
                                               "--cluster-node-timeout", node_timeout_ms, "--cluster-port", self.bus_port,
                                               "--repl-diskless-sync-delay", 0, "--repl-ping-replica-period", 1, *arguments))

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def cluster_info(self) -> dict:
        text = self.raw("CLUSTER", "INFO")
        return dict(line.split(":", 1) for line in text.split("\r\n") if ":" in line)

    def raw(self, *words) -> str:
        """The reply as redis-py reads it off the wire, without its callbacks."""
        with self.client() as client:
            connection = client.connection_pool.get_connection("raw")
            try:
                connection.send_command(*words)
                reply = connection.read_response()
            finally:
                client.connection_pool.release(connection)
        return reply.decode() if isinstance(reply, bytes) else reply


class RedisCluster:
    def __init__(self, directory: Path, primaries: int = 3, replicas: int = 1, node_timeout_ms: int = 1500,
                 arguments: tuple | Callable[[], tuple] = ()):
        """`arguments` may be a function that is asked for those of each node."""
        def node(name: str) -> ClusterNode:
            return ClusterNode(directory / name, node_timeout_ms, arguments() if callable(arguments) else arguments)

        self.primaries = [node(f"primary-{i}") for i in range(primaries)]
        self.replicas = [node(f"replica-{i}") for i in range(primaries * replicas)]

    @property
    def nodes(self) -> list[ClusterNode]:
        return self.primaries + self.replicas

    @property
    def url(self) -> str:
        return "redis-cluster://" + ",".join(node.address for node in self.primaries)

    def start(self) -> "RedisCluster":
        for node in self.nodes:
            node.start()
        first = self.primaries[0]
        share = SLOTS // len(self.primaries)
        for i, node in enumerate(self.primaries):
            end = SLOTS - 1 if node is self.primaries[-1] else (i + 1) * share - 1
            node.raw("CLUSTER", "ADDSLOTSRANGE", i * share, end)
            node.raw("CLUSTER", "SET-CONFIG-EPOCH", i + 1)
        for node in self.nodes[1:]:
            node.raw("CLUSTER", "MEET", "127.0.0.1", first.port, first.bus_port)
        wait_until(lambda: all(node.cluster_info()["cluster_known_nodes"] == str(len(self.nodes)) for node in self.nodes),
                   "all nodes know each other", 20)
        for i, replica in enumerate(self.replicas):
            replica.raw("CLUSTER", "REPLICATE", self.primaries[i % len(self.primaries)].raw("CLUSTER", "MYID"))
        self.wait_healthy(20)
        if self.replicas:
            self.wait_replicated()
        return self

    def wait_healthy(self, timeout_s: float = PATIENCE_S, nodes: Optional[Iterable[ClusterNode]] = None) -> None:
        wait_until(lambda: all(node.cluster_info()["cluster_state"] == "ok" for node in nodes or self.nodes),
                   "the cluster is well", timeout_s)

    def wait_replicated(self, timeout_s: float = PATIENCE_S, primaries: Optional[Iterable[ClusterNode]] = None) -> None:
        """Until each of `primaries` (all) that runs has a replica, and its replicas have caught up."""
        def offsets(node):
            with node.client() as client:
                return client.info("replication")

        def caught_up():
            for primary in primaries or self.primaries:
                if primary.running:
                    info = offsets(primary)
                    slaves = [value for name, value in info.items() if name.startswith("slave") and isinstance(value, dict)]
                    if not slaves or any(s["state"] != "online" or s["offset"] != info["master_repl_offset"] for s in slaves):
                        return False
            return True

        wait_until(caught_up, "the replicas have caught up", timeout_s)

    def owner_of(self, slot: int) -> ClusterNode:
        """By the word of the first node that runs."""
        witness = next(node for node in self.nodes if node.running)
        for begin, end, primary, *_ in witness.raw("CLUSTER", "SLOTS"):
            if begin <= slot <= end:
                return next(node for node in self.nodes if node.port == primary[1])
        raise AssertionError(f"nobody has slot {slot}")

    def slot_of(self, key: str) -> int:
        return self.primaries[0].raw("CLUSTER", "KEYSLOT", key)

    def move_slot(self, slot: int, source: ClusterNode, target: ClusterNode, pause=lambda: None) -> None:
        """As redis-cli --cluster reshard does it; `pause` is called while the key is at the target and the slot is not."""
        target.raw("CLUSTER", "SETSLOT", slot, "IMPORTING", source.raw("CLUSTER", "MYID"))
        source.raw("CLUSTER", "SETSLOT", slot, "MIGRATING", target.raw("CLUSTER", "MYID"))
        keys = source.raw("CLUSTER", "GETKEYSINSLOT", slot, 100)
        if keys:
            source.raw("MIGRATE", "127.0.0.1", target.port, "", 0, 10000, "KEYS", *keys)
        pause()
        owner = target.raw("CLUSTER", "MYID")
        for node in (target, source, *(n for n in self.primaries if n not in (source, target))):
            if node.running:
                node.raw("CLUSTER", "SETSLOT", slot, "NODE", owner)

    def keys(self) -> dict[str, int]:
        """Entries of each stream, over all primaries."""
        found = {}
        for node in self.primaries:
            if node.running:
                with node.client() as client:
                    for key in client.keys("*"):
                        found[key.decode()] = client.xlen(key) if client.type(key) == b"stream" else client.llen(key)
        return found

    def kill(self) -> None:
        for node in self.nodes:
            node.kill()
