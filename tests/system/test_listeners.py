"""Several addresses to listen on, one of them a Unix socket: each serves its own routes, all share the connections."""
# runs: release.io_uring release.epoll asan.io_uring asan.epoll user

import json
import os
import signal
import socket
import stat
import subprocess
import threading
import time
from pathlib import Path

import pytest

from harness import HttpConnection, reserve_port, sample, wait_until
from harness.engine import BACKEND, BINARY, CLEAN_ENVIRONMENT


@pytest.fixture
def admin_socket(workspace):
    return workspace / f"admin-{reserve_port()}.sock"


def data_addresses(engine, *more) -> list:
    return [engine.address, *more]


def start(starter, admin_socket, **options):
    """Two data addresses, and a Unix socket for the admin routes."""
    second = ("127.0.0.1", reserve_port())
    engine = starter.engine("null:", ack="queued", more_listen=["{}:{}".format(*second)], admin_socket=admin_socket, **options)
    return engine, data_addresses(engine, second)


def run_with_admin(path: Path) -> subprocess.CompletedProcess:
    """An engine that cannot start."""
    command = [BINARY, "serve", "--sink", "null:", "--cores", "0", "--listen", f"127.0.0.1:{reserve_port()}", "--admin", f"unix:{path}",
               "--backend", BACKEND or "auto"]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, env=CLEAN_ENVIRONMENT)


def get(address, target: str) -> int:
    with HttpConnection(address) as connection:
        return connection.request("GET", target).status


def post_status(address) -> int:
    with HttpConnection(address) as connection:
        return connection.post(sample()).status


@pytest.mark.parametrize("cores", ["0", "0,1"])
def test_two_data_addresses_and_a_unix_socket_for_admin(starter, admin_socket, cores):
    engine, addresses = start(starter, admin_socket, cores=cores)
    for address in addresses * 10:
        assert post_status(address) == 200
        assert get(address, "/status") == 404, "admin routes are those of the admin listener"
    assert get(str(admin_socket), "/telemetry") == 404
    engine.wait_delivered()
    assert engine.samples()["delivered"] == 20
    assert "listen={}:{},{}:{}".format(*addresses[0], *addresses[1]) in engine.log()
    assert f"admin=unix:{admin_socket}" in engine.log()


def test_curl_asks_the_unix_socket(starter, admin_socket):
    engine, _ = start(starter, admin_socket)
    assert stat.S_IMODE(os.stat(admin_socket).st_mode) == 0o660
    command = ["curl", "-sS", "--unix-socket", str(admin_socket), "http://sluice/status"]
    finished = subprocess.run(command, capture_output=True, text=True, timeout=20)
    assert finished.returncode == 0, finished.stderr
    assert json.loads(finished.stdout)["state"] == "running"
    assert get(str(admin_socket), "/metrics") == 200


@pytest.mark.parametrize("cores", ["0", "0,1"])
def test_telemetry_comes_through_a_unix_socket_too(starter, workspace, admin_socket, cores):
    path = workspace / f"data-{reserve_port()}.sock"
    engine = starter.engine("null:", ack="queued", more_listen=[f"unix:{path}"], admin_socket=admin_socket, cores=cores)
    for address in [engine.address, str(path)] * 10:
        assert post_status(address) == 200
    engine.signal(signal.SIGTERM)
    assert engine.wait_exit() == 0
    assert not path.exists()


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
        return True
    except OSError:
        return False


@pytest.mark.skipif(not has_ipv6(), reason="no IPv6 address here")
def test_both_versions_of_ip_share_a_port(starter):
    port = reserve_port()
    engine = starter.engine("null:", ack="queued", more_listen=[f"0.0.0.0:{port}", f"[::]:{port}"])
    for address in data_addresses(engine, ("127.0.0.1", port), ("::1", port)):
        assert post_status(address) == 200


@pytest.mark.skipif(not has_ipv6(), reason="no IPv6 address here")
def test_the_ipv6_wildcard_alone_serves_both_versions(starter):
    port = reserve_port()
    starter.engine("null:", ack="queued", more_listen=[f"[::]:{port}"])
    for address in [("127.0.0.1", port), ("::1", port)]:
        assert post_status(address) == 200


def test_an_admin_address_that_is_one_of_several_serves_both_there_and_only_there(starter):
    other = ("127.0.0.1", reserve_port())
    engine = starter.engine("null:", ack="queued", more_listen=["{}:{}".format(*other)], admin_on_data_listener=True)
    assert post_status(engine.address) == 200 and get(engine.address, "/status") == 200
    assert post_status(other) == 200 and get(other, "/status") == 404


def test_addresses_share_the_limit_of_connections(starter, admin_socket):
    """Four connections, eight clients at two addresses: half of them wait, wherever they came, and come next."""
    engine, addresses = start(starter, admin_socket, settings={"http.connections_max": 4})
    clients = [HttpConnection(addresses[number % 2], timeout_s=20) for number in range(8)]
    for number, client in enumerate(clients):
        client.send(b"GET /health HTTP/1.1\r\nHost: h\r\n\r\n")
    wait_until(lambda: engine.status()["reactors"][0]["connections"] == 4, "all slots are in use")
    time.sleep(0.3)
    status = engine.status()["reactors"][0]
    assert status["connections"] == 4 and status["accept_pauses"] > 0
    waiting = list(clients)
    while waiting:
        served = next(client for client in waiting if has_answer(client))
        assert served.read_response().status == 200
        served.close()
        waiting.remove(served)


def has_answer(client: HttpConnection) -> bool:
    client.socket.settimeout(0.5)
    try:
        return bool(client.socket.recv(1, socket.MSG_PEEK))
    except TimeoutError:
        return False
    finally:
        client.socket.settimeout(20)


def test_a_drain_ends_all_listeners(starter, admin_socket):
    engine, addresses = start(starter, admin_socket, settings={"drain_timeout": "10s"})
    held = [HttpConnection(address) for address in addresses]
    for connection in held:  # a request that is half there keeps the engine from ending
        connection.send(b"POST /telemetry HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\n{")
    time.sleep(0.1)
    engine.signal(signal.SIGTERM)

    def is_refused(address) -> bool:
        try:
            HttpConnection(address, timeout_s=2).close()
            return False
        except ConnectionRefusedError:
            return True

    for address in addresses:
        wait_until(lambda: is_refused(address), f"{address} refuses connections", timeout_s=5)
    assert engine.wait_exit() == 0
    assert not admin_socket.exists()


def test_a_socket_file_of_a_killed_engine_is_replaced(starter, admin_socket):
    engine, _ = start(starter, admin_socket)
    engine.signal(signal.SIGKILL)
    engine.wait_exit()
    assert admin_socket.exists()
    next_engine, _ = start(starter, admin_socket)
    assert get(str(admin_socket), "/ready") == 200
    assert next_engine.running


def test_a_socket_that_is_in_use_is_an_error_and_stays(starter, admin_socket):
    first, _ = start(starter, admin_socket)
    finished = run_with_admin(admin_socket)
    assert finished.returncode == 1 and "another program listens there" in finished.stderr
    assert get(str(admin_socket), "/ready") == 200 and first.running


def test_a_file_that_is_no_socket_is_an_error_and_stays(workspace):
    path = workspace / "precious"
    path.write_text("precious")
    finished = run_with_admin(path)
    assert finished.returncode == 1 and "a file that is no socket" in finished.stderr
    assert path.read_text() == "precious"


def test_many_clients_at_all_addresses(starter, admin_socket):
    engine, addresses = start(starter, admin_socket, cores="0,1")
    failures = []

    def client(address) -> None:
        try:
            for _ in range(20):
                assert post_status(address) == 200
        except Exception as failure:  # told by the test's own thread
            failures.append(failure)

    threads = [threading.Thread(target=client, args=(address,)) for address in addresses * 8]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    engine.wait_delivered()
    assert engine.samples()["delivered"] == 20 * len(threads)
