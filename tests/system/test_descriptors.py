"""More clients than file descriptors. CPU-sensitive: runs alone."""
# runs: release.io_uring release.epoll asan.io_uring asan.epoll alone

import os
import signal
import threading
import time

from harness import HttpConnection, cpu_seconds, render_request, sample, wait_until

CLIENTS = 200
DESCRIPTORS = 64


def start(starter):
    return starter.engine("null:", ack="queued", prefix=["prlimit", f"--nofile={DESCRIPTORS}:{DESCRIPTORS}"])


def test_clients_are_served_as_slots_free_up(starter):
    engine = start(starter)
    served = []

    def client(number: int) -> None:
        with HttpConnection(engine.address, timeout_s=30) as connection:
            assert connection.post(sample(f"d{number}")).status == 200
            time.sleep(0.05)  # holds its slot for a while
            served.append(number)

    threads = [threading.Thread(target=client, args=(number,)) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(served) == CLIENTS


def test_a_full_engine_rests(starter):
    """All slots taken by idle clients and more waiting: the engine must neither spin nor flood its log."""
    engine = start(starter)
    os.kill(engine.pid, signal.SIGSTOP)  # all wait in the backlog when it goes on: none may be dropped from there
    connections = [engine.connect() for _ in range(CLIENTS)]
    for connection in connections:
        connection.send(render_request("GET", "/health"))
    os.kill(engine.pid, signal.SIGCONT)
    time.sleep(0.5)

    seconds = 2.0
    log_lines, cpu = len(engine.log().splitlines()), cpu_seconds(engine.pid)
    time.sleep(seconds)
    assert cpu_seconds(engine.pid) - cpu < 0.5 * seconds, "CPU while full"
    assert len(engine.log().splitlines()) - log_lines <= seconds + 1, engine.log()[-2000:]

    assert engine.status()["reactors"][0]["accept_pauses"] > 0, "or this test shows nothing"
    assert "event=accept_paused " in engine.log(), engine.log()
    answered = [connection for connection in connections if has_answer(connection)]
    assert answered, "nobody was served"
    # (That the status could be asked for at all: the admin endpoints have descriptors left.)
    for connection in answered:  # those who are in are served on
        assert connection.request("GET", "/health").status == 200
    for connection in connections:
        connection.close()

    def newcomer_is_served():
        try:
            with HttpConnection(engine.address, timeout_s=2) as connection:
                return connection.request("GET", "/health").status == 200
        except OSError:
            return False

    wait_until(newcomer_is_served, "a newcomer is served once slots are free")


def has_answer(connection: HttpConnection) -> bool:
    connection.socket.settimeout(0.01)
    try:
        connection.read_response()
    except TimeoutError:
        return False
    finally:
        connection.socket.settimeout(60)
    return True
