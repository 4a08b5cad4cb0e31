"""admin.metrics_listen: what scrapers and load balancers read, apart from the controls."""
# runs: release.io_uring release.epoll asan.io_uring fast

import subprocess

import pytest

from harness import HttpConnection, reserve_port
from harness.engine import BINARY, CLEAN_ENVIRONMENT
from harness.tenants import new_token


def ask(address, method: str, target: str, *headers):
    with HttpConnection(address) as connection:
        return connection.request(method, target, b"" if method == "POST" else None, headers)


@pytest.mark.parametrize("shared", [False, True])
def test_it_serves_three_pages_and_no_more(starter, tmp_path, shared):
    """Without a token, where the controls need one."""
    secret = new_token("admin")
    (tmp_path / "admin").write_text(secret.text + "\n")
    scraped = ("127.0.0.1", reserve_port())
    by_socket = tmp_path / "metrics.sock"
    engine = starter.engine("null:", ack="queued", admin_on_data_listener=shared,
                            admin_headers=[("Authorization", f"Bearer {secret.text}")],
                            settings={"admin.metrics_listen": f"127.0.0.1:{scraped[1]},unix:{by_socket}",
                                      "admin.token_file": tmp_path / "admin"})
    for address in (scraped, str(by_socket)):
        answer = ask(address, "GET", "/metrics")
        assert answer.status == 200 and b"sluice_build_info" in answer.body
        assert ask(address, "GET", "/ready").status == ask(address, "GET", "/health").status == 200
        assert ask(address, "POST", "/metrics").status == 405
        for target in ("/metrics", "/stop", "/nothing"):
            answer = ask(address, "POST", target, ("Origin", "http://evil.test"))
            assert (answer.status, answer.code) == (403, "cross_origin")
        for method, target, key in (("GET", "/status", "admin.listen"), ("POST", "/stop", "admin.listen"), ("POST", "/reset", "admin.listen"),
                                    ("POST", "/telemetry", "listen"), ("GET", "/", None)):
            answer = ask(address, method, target)
            assert answer.status == 404, target
            assert answer.json().get("where", "").partition(" at the address of ")[2] == (key or ""), answer
    assert ask(engine.admin_address, "GET", "/metrics").status == 401
    assert engine.status()["state"] == "running"


def test_it_may_not_be_another_listener():
    port = reserve_port()
    done = subprocess.run([BINARY, "serve", "--sink", "null:", "--listen", f"127.0.0.1:{port}", "--set", f"admin.metrics_listen=127.0.0.1:{port}"],
                          env=CLEAN_ENVIRONMENT, text=True, capture_output=True, timeout=30)
    assert done.returncode == 2 and "admin.metrics_listen" in done.stderr and "must not collide with listen" in done.stderr
