"""How long it takes until the engine says 2xx again: a client of its own, since the load waits between its attempts."""

import json
import threading
import time
from pathlib import Path
from typing import Optional

from harness import HttpConnection, render_request

PAUSE_S = 0.002


class Prober:
    """Asks from `start()` until the first 2xx. What was acknowledged goes to a ledger of its own; every attempt is a new
    device, since their order on changing connections is not promised."""

    def __init__(self, address: tuple[str, int], ledger: Path):
        self._address = address
        self._ledger = ledger
        self._attempts = 0
        self._thread: Optional[threading.Thread] = None
        self._stop = threading.Event()
        self._recovered_s: Optional[float] = None

    def start(self) -> None:
        self._recovered_s = None
        self._stop.clear()
        self._thread = threading.Thread(target=self._run, args=(time.monotonic(),), daemon=True)
        self._thread.start()

    def wait(self, timeout_s: float) -> Optional[float]:
        """Seconds from `start()` to the first 2xx; None if none came in time."""
        self._thread.join(timeout_s)
        self._stop.set()
        self._thread.join()
        return self._recovered_s

    def _run(self, begin: float) -> None:
        while not self._stop.is_set():
            if self._is_acknowledged():
                self._recovered_s = time.monotonic() - begin
                return
            time.sleep(PAUSE_S)

    def _is_acknowledged(self) -> bool:
        self._attempts += 1
        device = f"probe-{self._attempts}"
        body = json.dumps({"device_id": device, "seq": 0, "type": "t", "value": 1}).encode()
        try:
            with HttpConnection(self._address, timeout_s=3) as connection:
                connection.send(render_request("POST", "/telemetry", body))
                status = connection.read_response().status
        except (OSError, EOFError):
            return False
        if not 200 <= status <= 299:
            return False
        with open(self._ledger, "a") as ledger:
            ledger.write(f"{device} 0 1\n")
        return True
