"""Samples, streams, and clients that keep book of what they were promised."""

import itertools
import json
import threading
import time
from collections import Counter
from typing import Iterable

import redis

from .http_client import HttpConnection
from .process import PATIENCE_S


def sample(device_id: str = "sensor-17", **members) -> dict:
    """A sample as TelemetryHub's clients send it; `members` replace or add, None removes."""
    record = {"device_id": device_id, "type": "temperature", "value": 27.3, "unit": "celsius", **members}
    return {name: value for name, value in record.items() if value is not None}


def ndjson(records: Iterable[dict]) -> bytes:
    return b"".join(json.dumps(record).encode() + b"\n" for record in records)


def stream_entries(client: redis.Redis, stream: str = "telemetry") -> list[dict[bytes, bytes]]:
    return [fields for _, fields in client.xrange(stream)]


def device_ids(client: redis.Redis, stream: str = "telemetry") -> list[str]:
    return [fields[b"device_id"].decode() for fields in stream_entries(client, stream)]


class Load:
    """Closed-loop clients, one thread and one connection each; every sample has a device_id of its own.

    `acknowledged` were answered 200, `undecided` were sent and never answered, or answered that the sink did
    not confirm in time: those may be in the stream, the refused may not. Read them after `stop()`.
    """

    # Refusals after which a sample may have been stored nevertheless.
    UNDECIDED_CODES = ("ack_timeout", "not_replicated")

    def __init__(self, address: tuple[str, int], clients: int, ack: str, name: str = "load"):
        self.name = name
        self.acknowledged: set[str] = set()
        self.undecided: set[str] = set()
        self.refused: Counter[str] = Counter()
        self.unexpected: list[str] = []
        self._address = address
        self._target_query = f"?ack={ack}"
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._run, args=(f"{name}-{index}",)) for index in range(clients)]

    def start(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def wait_for(self, count: int, timeout_s: float = PATIENCE_S) -> None:
        """Waits until `count` samples were acknowledged."""
        deadline = time.monotonic() + timeout_s
        while len(self.acknowledged) < count:
            assert time.monotonic() < deadline, f"only {len(self.acknowledged)} of {count} acknowledged; {self.refused}"
            time.sleep(0.01)

    def stop(self) -> "Load":
        self._stop.set()
        for thread in self._threads:
            thread.join()
        assert not self.unexpected, self.unexpected[:5]
        return self

    def _run(self, client_name: str) -> None:
        numbers = itertools.count()
        while not self._stop.is_set():
            try:
                with HttpConnection(self._address) as connection:
                    self._post_until_refused(connection, client_name, numbers)
            except ConnectionRefusedError:
                return  # the engine has ended
            except OSError:
                time.sleep(0.01)

    def _post_until_refused(self, connection: HttpConnection, client_name: str, numbers) -> None:
        while not self._stop.is_set():
            device_id = f"{client_name}-{next(numbers)}"
            try:
                response = connection.post(sample(device_id), self._target_query)
            except (EOFError, OSError):
                with self._lock:
                    self.undecided.add(device_id)
                return
            with self._lock:
                if response.status == 200:
                    self.acknowledged.add(device_id)
                elif response.status == 503:
                    self.refused[response.code] += 1
                    if response.code in self.UNDECIDED_CODES:
                        self.undecided.add(device_id)
                else:
                    self.unexpected.append(f"{response.status} {response.body!r}")
            if response.status != 200:
                time.sleep(0.02)
            if response.closes:
                return

    def assert_promises_kept(self, stored: list[str], exactly_once: bool = True) -> None:
        """`stored` (device ids of the stream) has every acknowledged sample, and none that was refused."""
        missing = self.acknowledged - set(stored)
        assert not missing, f"{len(missing)} acknowledged samples are not in the stream, e.g. {sorted(missing)[:3]}"
        surplus = set(stored) - self.acknowledged - self.undecided
        assert not surplus, f"{len(surplus)} samples are in the stream that were refused, e.g. {sorted(surplus)[:3]}"
        if exactly_once:
            assert len(stored) == len(set(stored)), "samples occur twice"
