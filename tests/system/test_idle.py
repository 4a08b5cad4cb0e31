"""What an engine costs that has nothing to do. CPU-sensitive: runs alone."""
# runs: release.io_uring release.epoll asan.io_uring alone

import os
import resource
import subprocess
import sys
import textwrap
import time

import pytest

from harness import HttpConnection, cpu_seconds, rss_bytes, wait_until

IDLE_CONNECTIONS = 10_000
KIB = 1024

# Holds connections that made one request each, in a process of its own: the descriptors are not the test's.
HOLDER = textwrap.dedent("""
    import socket, sys
    port, count = int(sys.argv[1]), int(sys.argv[2])
    connections = []
    for _ in range(count):
        connection = socket.create_connection(("127.0.0.1", port))
        connection.sendall(b"GET /health HTTP/1.1\\r\\nHost: h\\r\\n\\r\\n")
        assert connection.recv(4096).startswith(b"HTTP/1.1 200")
        connections.append(connection)
    print("ready", flush=True)
    sys.stdin.read()
""")

is_sanitized = pytest.mark.skipif(os.environ.get("SLUICE_SANITIZED") == "1", reason="does not apply: a sanitizer's own memory and threads count here")


def ticks_of_a_second(pid: int) -> int:
    before = cpu_seconds(pid)
    time.sleep(1)
    return round((cpu_seconds(pid) - before) * os.sysconf("SC_CLK_TCK"))


@is_sanitized
@pytest.mark.parametrize("sink", ["null", "redis"])
def test_an_idle_engine_uses_no_cpu(starter, sink):
    engine = starter.engine("null:" if sink == "null" else starter.redis().url, cores="0,1")
    with HttpConnection(engine.address) as connection:
        assert connection.request("GET", "/health").status == 200
        time.sleep(0.3)
        assert ticks_of_a_second(engine.pid) <= 2


@is_sanitized
def test_idle_connections_cost_little_memory(starter):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = IDLE_CONNECTIONS + 500
    if hard != resource.RLIM_INFINITY and hard < wanted:
        pytest.skip(f"needs {wanted} descriptors; the hard limit is {hard}")
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    engine = starter.engine("null:", ack="queued", settings={"http.connections_max": IDLE_CONNECTIONS + 100,
                                                             "http.idle_timeout": "120s"})
    with HttpConnection(engine.address) as connection:
        for _ in range(1000):  # warm-up
            assert connection.request("GET", "/health").status == 200
    before = rss_bytes(engine.pid)
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(engine.address[1]), str(IDLE_CONNECTIONS)],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout.readline() == "ready\n"
        assert engine.status()["reactors"][0]["connections"] >= IDLE_CONNECTIONS
        each = (rss_bytes(engine.pid) - before) / IDLE_CONNECTIONS
        print(f"{each:.0f} bytes for each idle connection")
        assert each <= 1 * KIB
        assert ticks_of_a_second(engine.pid) <= 2
    finally:
        holder.stdin.close()
        holder.wait()
    wait_until(lambda: engine.status()["reactors"][0]["connections"] == 0, "the connections are closed")
