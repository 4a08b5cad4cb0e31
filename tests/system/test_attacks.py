"""What an untrusted network may try against tenants and TLS, and what others notice of it."""
# runs: release.io_uring release.epoll

import json
import resource
import socket
import subprocess
import threading

import pytest

from harness import Authority, TlsConnection, render_request, sample, stream_entries, tls_settings, wait_until
from harness.engine import BINARY, CLEAN_ENVIRONMENT
from harness.tenants import new_token, tenant_table, write_tenants

HALF_OPEN = 10_000
RECORD_HEADER = b"\x16\x03\x01\x02\x00"  # announces 512 bytes of a handshake


@pytest.fixture
def many_descriptors():
    """Descriptors for both ends of HALF_OPEN connections: this process, and the engine that it starts."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = HALF_OPEN + 2000
    if hard != resource.RLIM_INFINITY and hard < wanted:
        pytest.skip(f"needs {wanted} descriptors; ulimit -Hn is {hard}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_ten_thousand_half_open_handshakes_keep_nobody_out(starter, tmp_path, many_descriptors):
    authority = Authority(tmp_path)
    address, settings = tls_settings(authority.issue("server"), handshake_timeout="60s")
    engine = starter.engine("null:", ack="queued", settings={**settings, "http.connections_max": HALF_OPEN})
    silent = []
    try:
        for number in range(HALF_OPEN + 500):
            silent.append(socket.create_connection(address))
            if number % 2:
                silent[-1].sendall(RECORD_HEADER)
        reactor = lambda: engine.status()["reactors"][0]
        wait_until(lambda: reactor()["tls"]["handshakes"]["failed"].get("evicted", 0) >= 500, "the slots were in use, and the oldest had to go")
        assert reactor()["connections"] >= HALF_OPEN * 0.9, "they go some at a time"
        for _ in range(5):
            with TlsConnection(address, authority.client(), timeout_s=20) as connection:
                assert connection.post(sample()).status == 200
        assert reactor()["tls"]["handshakes"]["failed"].get("timeout", 0) == 0, "who came in was not helped by a time"
    finally:
        for client in silent:
            client.close()


def test_a_tenant_far_over_its_quota_costs_another_nothing(starter, tmp_path):
    greedy, good = new_token("greedy"), new_token("good")
    path = write_tenants(tmp_path / "t.toml", tenant_table("good", good.line, more='stream = "telemetry.good"'),
                         tenant_table("greedy", greedy.line, more="quota = { requests_per_s = 10, burst_s = 0.1 }"))
    server = starter.redis()
    engine = starter.engine(server.url, settings={"tenants.file": path})
    request = render_request("POST", "/telemetry", json.dumps(sample()).encode(), [("Authorization", f"Bearer {greedy.text}")])
    stop = threading.Event()
    statuses: dict[int, int] = {}

    def flood() -> None:
        with engine.connect() as connection:
            while not stop.is_set():
                connection.send(request * 50)
                for _ in range(50):
                    status = connection.read_response().status
                    statuses[status] = statuses.get(status, 0) + 1

    flooder = threading.Thread(target=flood)
    flooder.start()
    try:
        wait_until(lambda: statuses.get(429, 0) > 100, "the quota is used up")
        with engine.connect() as connection:
            for number in range(500):
                answer = connection.post(sample(f"d{number}"), headers=[("Authorization", f"Bearer {good.text}")])
                assert answer.status == 200 and answer.header("Sluice-Ack") == "stored"
        wait_until(lambda: statuses.get(429, 0) > 1000, "the flood has gone on")
    finally:
        stop.set()
        flooder.join()
    assert set(statuses) <= {200, 429} and statuses[429] > 100 * statuses.get(200, 0), statuses
    assert len(stream_entries(server.client(), "telemetry.good")) == 500


@pytest.mark.parametrize("member", ['stream = "telemetry\\r\\nX: y"', 'stream = "a\\u0000b"', 'stream = ""', 'stream = "%s"' % ("x" * 122)])
def test_a_stream_can_carry_no_line(tmp_path, member):
    done = start_with(tmp_path, member)
    assert done.returncode == 2 and "a key of 1 to 121 bytes without control characters" in done.stderr


@pytest.mark.parametrize("name", ["a\\r\\nb", "A", "", "a b", "../a", "x" * 33, 'a\\"b'])
def test_a_name_can_carry_nothing_else(tmp_path, name):
    done = start_with(tmp_path, "", name)
    assert done.returncode == 2 and "\r" not in done.stderr and done.stderr.count("\n") == 1


def start_with(tmp_path, member: str, name: str = "acme") -> subprocess.CompletedProcess:
    path = write_tenants(tmp_path / "t.toml", f'[[tenant]]\nname = "{name}"\n{member}\n')
    return subprocess.run([BINARY, "serve", "--sink", "null:", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--set", f"tenants.file={path}"],
                          env=CLEAN_ENVIRONMENT, text=True, capture_output=True, timeout=30)
