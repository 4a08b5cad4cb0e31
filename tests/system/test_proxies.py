"""Two engines behind HAProxy and nginx, and one of them is restarted again and again: no request fails."""
# runs: release.io_uring release.epoll

import os
import signal
import threading
from collections import Counter
from pathlib import Path

import pytest

from harness import HttpConnection, sample, wait_until
from harness.proxies import HAPROXY, NGINX, HaProxy, Nginx

RESTARTS = 50 if os.environ.get("SLUICE_LONG") == "1" else 5


class Clients:
    """Closed-loop clients with a connection each, which a proxy has no reason to close. Keeps every answer's status."""

    def __init__(self, address, count: int):
        self.answers: Counter = Counter()
        self._address = address
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._run) for _ in range(count)]

    def __enter__(self) -> "Clients":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    @property
    def has_failed(self) -> bool:
        return any(answer != 200 for answer in list(self.answers))

    def _run(self) -> None:
        with HttpConnection(self._address) as connection:
            while not self._stop.is_set():
                try:
                    response = connection.post(sample())
                    answer = response.status if response.status == 200 else (response.status, response.body[:100])
                except (EOFError, OSError) as failure:
                    answer = repr(failure)
                with self._lock:
                    self.answers[answer] += 1
                if answer != 200:
                    return


@pytest.fixture
def proxy_of(starter, workspace):
    proxies = []

    def make(kind):
        directory = Path(workspace) / f"{kind.__name__}-{len(list(Path(workspace).iterdir()))}"
        directory.mkdir()
        proxies.append(kind(directory))
        return proxies[-1]

    yield make
    for proxy in proxies:
        proxy.kill()


def restart_under_load(proxy, engines) -> None:
    with Clients(proxy.address, count=8) as clients:
        for _ in range(RESTARTS):
            wait_until(lambda: clients.has_failed or all(engine.samples()["accepted"] > 0 for engine in engines),
                       "both engines take part again")
            engines[0].signal(signal.SIGTERM)
            assert engines[0].wait_exit() == 0, engines[0].log()[-3000:]
            engines[0].start()
            if clients.has_failed:
                break
    assert set(clients.answers) == {200}, f"{clients.answers}\n{proxy.log()[-3000:]}"


def engines_of(starter, lame_duck: str):
    return [starter.engine("null:", ack="queued", settings={"drain_lame_duck": lame_duck}) for _ in range(2)]


@pytest.mark.skipif(not HAPROXY, reason="haproxy is not installed (tools/setup test)")
def test_haproxy(starter, proxy_of):
    engines = engines_of(starter, "300ms")
    restart_under_load(proxy_of(HaProxy).start([engine.address for engine in engines]), engines)


@pytest.mark.skipif(not NGINX, reason="nginx is not installed (tools/setup test)")
@pytest.mark.parametrize("keeps_connections, lame_duck", [
    pytest.param(True, "300ms", id="kept connections"), pytest.param(False, "0s", id="a connection for each request")])
def test_nginx(starter, proxy_of, keeps_connections, lame_duck):
    """Without kept connections no lame duck is needed: whoever has connected is accepted and answered."""
    engines = engines_of(starter, lame_duck)
    restart_under_load(proxy_of(Nginx).start([engine.address for engine in engines], keeps_connections), engines)
