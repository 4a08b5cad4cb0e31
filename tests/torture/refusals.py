"""A Redis that refuses writes for short whiles, again and again: shorter than the way of what is on the wire, and longer."""

import random
import threading
import time
from typing import Optional

import redis

COUNT = (30, 100)
REFUSES_S = (*(((0.0002, 0.002),) * 9), (0.01, 0.05))  # one of these each time
TAKES_S = (0.0005, 0.015)


class Refusals:
    """`client` is of the server that refuses, as it does when it is above its maxmemory: OOM. All draws are made at once, so that a
    round repeats."""

    def __init__(self, client: redis.Redis, random_: random.Random):
        self._client = client
        self._whiles_s = [(random_.uniform(*random_.choice(REFUSES_S)), random_.uniform(*TAKES_S))
                          for _ in range(random_.randint(*COUNT))]
        self._failure: Optional[Exception] = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> "Refusals":
        self._thread.start()
        return self

    def wait(self) -> None:
        """Until it is over; Redis takes writes then."""
        self._thread.join()
        if self._failure is not None:
            raise self._failure

    def _run(self) -> None:
        try:
            for refuses_s, takes_s in self._whiles_s:
                self._client.config_set("maxmemory", 1)
                time.sleep(refuses_s)
                self._client.config_set("maxmemory", 0)
                time.sleep(takes_s)
        except redis.RedisError as failure:
            self._failure = failure
