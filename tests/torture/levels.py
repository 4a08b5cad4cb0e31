"""The acknowledgement levels, each with the engine that gives it and with what it promises (docs/journal.md)."""

import subprocess
from dataclasses import dataclass

from harness import engine as engine_module

# Short waits show recovery within a round. The load's own time-out is longer than any of them.
QUICK = {"ack_timeout": "1s", "drain_timeout": "1s", "sink.redis.backoff_max": "200ms", "sink.redis.connect_timeout": "500ms",
         "sink.redis.reply_timeout": "1s"}
SEGMENTS = {"journal.segment_size": "2MiB", "journal.size_max": "64MiB"}


@dataclass(frozen=True)
class Level:
    name: str
    ack: str
    has_redis: bool = True
    has_replica: bool = False
    has_cluster: bool = False
    has_journal: bool = False
    survives_engine: bool = True    # else what an engine held that was killed may be lost
    has_duplicates: bool = True     # may have: at least once
    keeps_order_of_refused: bool = False  # also while Redis refuses and takes again within what is on the wire
    layouts: tuple = ("fields", "fields", "json", "packed", "list")
    settings: tuple = ()            # beside QUICK and those of the journal; pairs
    sign: str = ""                  # in what `sluice print-config` writes, of an engine that has the level


LEVELS = {level.name: level for level in (
    Level("queued", "queued", survives_engine=False),
    Level("stored", "stored"),
    Level("replicated", "replicated", has_replica=True,                    # a primary without any file, and a replica
          settings=(("sink.redis.replicas", 1), ("sink.redis.replicas_timeout", "300ms")), sign="\nreplicas = "),
    Level("cluster", "stored", has_cluster=True, layouts=("fields", "json", "packed"),
          settings=(("sink.redis.partitions", 12),), sign="redis-cluster://"),
    Level("journaled", "journaled", has_journal=True),                     # store-and-forward: a journal in front of Redis
    Level("embedded", "journaled", has_redis=False, has_journal=True),     # journal:DIR, and nothing behind it
    Level("exactly_once", "journaled", has_journal=True, has_duplicates=False, keeps_order_of_refused=True, layouts=("fields", "json"),
          settings=(("sink.redis.exactly_once", "true"), ("sink.redis.instance", "torture")), sign="\nexactly_once = "),
)}


def offered(configuration: str) -> list[Level]:
    """Those that the engine whose `print-config` wrote `configuration` has."""
    return [level for level in LEVELS.values() if level.sign in configuration]


def print_config() -> str:
    return subprocess.run([engine_module.BINARY, "print-config"], capture_output=True, text=True, check=True, timeout=20,
                          env=engine_module.CLEAN_ENVIRONMENT).stdout
