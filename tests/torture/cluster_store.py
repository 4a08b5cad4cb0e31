"""A Redis Cluster as the store of a scene: three primaries with appendfsync always, each with a replica."""

import random
import time
from pathlib import Path
from typing import Optional

import redis

from harness import wait_until

# Longer than any fault but the loss of a primary, so that no replica takes over by itself: replication is asynchronous, so that
# may lose what was acknowledged. Nodes hear of one another's roles within about half of it.
NODE_TIMEOUT_MS = 4000
ALWAYS = ("--appendonly", "yes", "--appendfsync", "always")
PARTITIONS = 12
MOVED_SLOTS = 4
PAUSE_MS = 60_000  # of a primary that is about to be lost
# A takeover that is asked for again begins anew; after 5 s (Redis' CLUSTER_MF_TIMEOUT) a node gives up by itself.
ASK_AGAIN_S = 6
TAKEOVER_TIMEOUT_S = 20


class ClusterStore:
    """`primary` is the one that the present fault is about."""

    proxy = None

    def __init__(self, directory: Path):
        from harness.redis_cluster import RedisCluster

        self._cluster = RedisCluster(directory / "cluster", node_timeout_ms=NODE_TIMEOUT_MS, arguments=ALWAYS)
        self._random: Optional[random.Random] = None
        self._index = 0  # of the primary that is to be replaced
        self._lost = None           # who was
        self._is_frozen = False

    @property
    def primary(self):
        return self._cluster.primaries[self._index]

    @property
    def url(self) -> str:
        return self._cluster.url

    def open(self, _: bool, random_: random.Random) -> str:
        self._random = random_
        self._cluster.start()
        return self._cluster.url

    def choose(self) -> None:
        """Another primary, for what is done next."""
        self._index = self._random.randrange(len(self._cluster.primaries))

    def client(self) -> redis.Redis:
        return self.primary.client()

    def reshard(self) -> None:
        """Moves the slots of some partitions to other primaries, each with a pause in which its key is at neither for all."""
        self._cluster.wait_healthy()
        for partition in self._random.sample(range(PARTITIONS), MOVED_SLOTS):
            slot = self._cluster.slot_of(f"telemetry:{{{partition}}}")
            source = self._cluster.owner_of(slot)
            target = self._random.choice([node for node in self._cluster.primaries if node is not source])
            self._cluster.move_slot(slot, source, target, pause=lambda: time.sleep(self._random.uniform(0, 0.05)))

    def begin_takeover(self) -> None:
        """As planned: the replica waits until it has all that the primary took, and becomes the primary."""
        self._choose_replaceable().raw("CLUSTER", "FAILOVER")

    def lose_primary(self) -> None:
        """It is away for longer than the node time-out, so that its replica takes over by itself. What it took last it has
        passed on: it takes nothing more before it goes. What `stored` says of a primary that had not is: lost."""
        self._choose_replaceable()
        self.client().execute_command("CLIENT", "PAUSE", PAUSE_MS, "WRITE")
        self._cluster.wait_replicated(primaries=[self.primary])
        self._lost = self.primary
        self._is_frozen = self._random.random() < 0.5
        self._lost.freeze() if self._is_frozen else self._lost.kill()

    def replace_primary(self) -> None:
        """The replica has taken over; who was lost comes back and finds out that it is the replica now."""
        replica = self._cluster.replicas[self._index]
        wait_until(lambda: "role:master" in replica.raw("INFO", "replication"), "the replica has taken over", TAKEOVER_TIMEOUT_S)
        self._cluster.replicas[self._index], self._cluster.primaries[self._index] = self._lost, replica
        self._lost.thaw() if self._is_frozen else self._lost.start()
        wait_until(lambda: "role:slave" in self._lost.raw("INFO", "replication"), "who was lost is the replica", TAKEOVER_TIMEOUT_S)
        if self._is_frozen:
            self._lost.raw("CLIENT", "UNPAUSE")

    def _choose_replaceable(self):
        """A primary whose replica can take its place: the replica."""
        self.choose()
        self._cluster.wait_healthy()
        wait_until(self._roles_are_known, "every node knows who is a replica", TAKEOVER_TIMEOUT_S)
        replica = self._cluster.replicas[self._index]
        wait_until(lambda: "master_link_status:up" in replica.raw("INFO", "replication"), "the replica follows its primary")
        return replica

    def _roles_are_known(self) -> bool:
        """Who still takes a replica for a primary would not vote for it, and it would not ask again for four node time-outs."""
        count = len(self._cluster.replicas)
        return all(node.raw("CLUSTER", "NODES").count(" slave ") + node.raw("CLUSTER", "NODES").count(",slave ") == count
                   for node in self._cluster.nodes)

    def wait_takeover(self) -> None:
        promoted = self._cluster.replicas[self._index]
        asked_at = time.monotonic()

        def is_primary() -> bool:
            nonlocal asked_at
            if "role:master" in promoted.raw("INFO", "replication"):
                return True
            if time.monotonic() - asked_at > ASK_AGAIN_S:
                asked_at = time.monotonic()
                promoted.raw("CLUSTER", "FAILOVER")
            return False

        wait_until(is_primary, "the replica is primary", TAKEOVER_TIMEOUT_S)
        self._cluster.replicas[self._index], self._cluster.primaries[self._index] = self.primary, promoted

    def close(self) -> None:
        self._cluster.kill()
