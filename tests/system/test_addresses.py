"""Whose address counts: X-Forwarded-For, the PROXY protocol, bounds of an address, and pages of other origins."""
# runs: release.io_uring release.epoll asan.io_uring

import signal
import struct
import time
from pathlib import Path

import pytest

from harness import HttpConnection, reserve_port, sample, wait_until
from harness.proxies import HAPROXY, NGINX, HaProxy, Nginx
from harness.tenants import new_token, tenant_table, write_tenants
from harness.tls import Authority, TlsConnection, tls_settings

LINE = b"PROXY TCP4 192.0.2.1 198.51.100.2 5123 443\r\n"
SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
BLOCK = SIGNATURE + b"\x21\x11" + struct.pack(">H", 12) + bytes([192, 0, 2, 1, 198, 51, 100, 2, 20, 3, 1, 187])
LOCAL = SIGNATURE + b"\x20\x00\x00\x00"


@pytest.fixture(scope="module")
def near():
    return new_token("near")


@pytest.fixture
def engine_of(starter, near, tmp_path):
    """An engine whose tenant may send from 192.0.2.0/24, which is nobody's here."""
    def make(**settings):
        path = write_tenants(tmp_path / "tenants.toml", tenant_table("near", near.line, more='addresses = ["192.0.2.0/24"]'))
        return starter.engine("null:", ack="queued", settings={"tenants.file": path, "log.level": "debug",
                                                               **{key.replace("__", "."): value for key, value in settings.items()}})
    return make


def post(connection, token, *headers):
    return connection.post(sample(), headers=[("X-Api-Key", token.text), *headers])


def forwarded(value):
    return "X-Forwarded-For", value


def is_closed(connection) -> bool:
    """Without a word: its end, or a reset where something was on its way."""
    try:
        return connection.read_to_end() == b""
    except ConnectionResetError:
        return True


def counts(engine, name: str) -> dict:
    reactors = engine.status()["reactors"]
    assert len(reactors) == 1
    return reactors[0][name]


def test_a_trusted_proxy_tells_the_client(engine_of, near):
    engine = engine_of(proxy__trusted="127.0.0.1,10.0.0.0/8")
    with engine.connect() as connection:
        assert post(connection, near, forwarded("203.0.113.9")).status == 403, "the line in the log is about it"
        assert post(connection, near).status == 403
        assert post(connection, near, forwarded("192.0.2.7")).status == 200
        assert post(connection, near, forwarded("203.0.113.9, 192.0.2.7, 10.1.1.1")).status == 200
        assert post(connection, near, forwarded("203.0.113.9"), forwarded("192.0.2.7"), forwarded("10.1.1.1")).status == 200
        for other in ("203.0.113.9", "192.0.2.7, 203.0.113.9", "192.0.2.7, 203.0.113.9, 10.1.1.1", "192.0.2.7, x", "192.0.2.7,"):
            answer = post(connection, near, forwarded(other))
            assert (answer.status, answer.code) == (403, "forbidden"), other
        assert post(connection, near, forwarded("192.0.2.7:5123")).status == 200
    assert " client=203.0.113.9 " in engine.log() and " peer=127.0.0.1:" in engine.log()


def test_others_are_not_believed(engine_of, near):
    """What a client writes itself counts for nothing, with and without proxies that are trusted."""
    for settings in ({}, {"proxy__trusted": "127.0.0.1,2001:db8::/32"}):
        engine = engine_of(**settings)
        with HttpConnection(engine.address, source="127.0.0.2") as connection:
            for spoofed in ("192.0.2.7", "192.0.2.7, 127.0.0.1", "127.0.0.1"):
                assert post(connection, near, forwarded(spoofed)).status == 403, spoofed
        assert " client=" not in engine.log()


def test_failures_are_the_clients(engine_of):
    """A client that guesses tokens behind a proxy does not shut out the others."""
    engine = engine_of(proxy__trusted="127.0.0.1")

    def failures(client: str) -> list:
        with engine.connect() as connection:
            answers = []
            for _ in range(25):
                connection.send(b"GET /query?q=x HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: " + client.encode() + b"\r\n\r\n")
                answers.append(connection.read_response())
                if answers[-1].closes:
                    break
            return answers

    # 25 of them may lie in two seconds, of which each allows 10.
    assert failures("203.0.113.1")[-1].closes
    assert not failures("203.0.113.2")[0].closes


@pytest.mark.parametrize("header", [LINE, BLOCK, b"PROXY TCP6 ::ffff:192.0.2.1 ::1 1 2\r\n"], ids=["v1", "v2", "mapped"])
def test_the_proxy_protocol_tells_the_client(engine_of, near, header):
    engine = engine_of(proxy__trusted="127.0.0.1", proxy__protocol="v1v2")
    with engine.connect() as connection:
        connection.send(header)
        assert post(connection, near).status == 200
        assert post(connection, near, forwarded("203.0.113.9")).status == 200, "the client is no proxy"
    with engine.connect() as connection:
        for byte in header:
            connection.send(bytes([byte]))
            time.sleep(0.001)
        assert post(connection, near).status == 200
    assert counts(engine, "proxy_headers") == {"v2" if header is BLOCK else "v1": 2}
    assert f'sluice_proxy_headers_total{{core="0",result="{"v2" if header is BLOCK else "v1"}"}} 2' in engine.metrics()


def test_a_proxy_without_a_client_is_not_believed_either(engine_of, near):
    """LOCAL and UNKNOWN keep the proxy's address. What X-Forwarded-For says then may be the client's own word."""
    engine = engine_of(proxy__trusted="127.0.0.1", proxy__protocol="v1v2")
    for header in (LOCAL, b"PROXY UNKNOWN\r\n"):
        with engine.connect() as connection:
            connection.send(header)
            assert post(connection, near, forwarded("192.0.2.7")).status == 403
            assert connection.request("GET", "/ready").status == 200, "a health check"


def test_what_is_no_header_is_closed(engine_of):
    engine = engine_of(proxy__trusted="127.0.0.1", proxy__protocol="v1v2", http__header_timeout="300ms")
    wrong_sum = SIGNATURE + b"\x20\x00" + struct.pack(">H", 7) + b"\x03\x00\x04abcd"
    for sent in (b"GET /health HTTP/1.1\r\nHost: h\r\n\r\n", b"PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n", wrong_sum,
                 SIGNATURE + b"\x20\x00\xff\xff", b"", LINE[:20]):
        with engine.connect() as connection:
            connection.send(sent)
            assert is_closed(connection), sent
    with HttpConnection(engine.address, source="127.0.0.2") as connection:
        assert is_closed(connection)
    with engine.connect() as connection:
        connection.send(LINE[:20])
    wait_until(lambda: counts(engine, "proxy_headers").get("closed") == 1, "the end is seen")
    assert counts(engine, "proxy_headers") == {"malformed": 2, "checksum": 1, "too_long": 1, "timeout": 2, "untrusted": 1, "closed": 1}
    assert "proxy_header_refused" in engine.log()
    with engine.connect() as connection:
        connection.send(LINE + b"GET /health HTTP/1.1\r\nHost: h\r\n\r\n")
        assert connection.read_response().status == 200


def test_a_connection_that_waits_for_a_header_holds_no_drain_up(engine_of):
    engine = engine_of(proxy__trusted="127.0.0.1", proxy__protocol="v1v2", http__header_timeout="10m", drain_timeout="10m")
    with engine.connect():
        wait_until(lambda: engine.status()["reactors"][0]["connections"] == 1, "it is accepted")
        engine.signal(signal.SIGTERM)
        assert engine.wait_exit() == 0


def test_the_header_comes_before_tls(engine_of, near, tmp_path):
    authority = Authority(tmp_path / "ca")
    address, settings = tls_settings(authority.issue("server"))
    engine = engine_of(proxy__trusted="127.0.0.1", proxy__protocol="v1v2", **settings)
    context = authority.client()
    plain = HttpConnection(address)
    plain.send(BLOCK)
    plain.socket = context.wrap_socket(plain.socket, server_hostname="localhost")
    with plain as connection:
        assert post(connection, near).status == 200
    with pytest.raises(OSError):
        TlsConnection(address, context)
    assert counts(engine, "proxy_headers") == {"v2": 1, "malformed": 1}


def test_an_address_has_a_number_of_connections(starter):
    engine = starter.engine("null:", ack="queued", settings={"http.connections_per_address_max": 2})

    def opens(source: str = "127.0.0.1"):
        connection = HttpConnection(engine.address, source=source)
        try:
            assert connection.post(sample()).status == 200
            return connection
        except (EOFError, OSError):
            connection.close()
            return None

    first, second = opens(), opens()
    assert first and second and not opens()
    with opens("127.0.0.2"):
        pass
    assert first.post(sample()).status == 200, "who is there stays"
    first.close()
    wait_until(lambda: (third := opens()) and not third.close(), "its place is free")
    second.close()
    assert counts(engine, "address_connections_refused") >= 1
    assert "sluice_address_connections_refused_total" in engine.metrics()


def test_a_trusted_proxy_may_have_any_number(starter):
    engine = starter.engine("null:", ack="queued", settings={"http.connections_per_address_max": 1, "proxy.trusted": "127.0.0.1",
                                                             "proxy.protocol": "v1v2"})
    connections = [engine.connect() for _ in range(4)]
    for index, connection in enumerate(connections):
        connection.send(LOCAL if index < 3 else LINE)
        assert connection.post(sample()).status == 200
    with engine.connect() as connection:
        connection.send(LINE)
        assert is_closed(connection), "behind the header the client counts"
    with engine.connect() as connection:
        connection.send(LINE.replace(b"192.0.2.1 ", b"192.0.2.2 "))
        assert connection.post(sample()).status == 200
    for connection in connections:
        connection.close()


LINE_PROTOCOL = b"cpu,host=a usage=1 1700000000000000000\n"


def test_an_address_has_a_quota(starter):
    """Refused as a tenant's quota is: 429, and 503 where the clients would throw away what they sent."""
    engine = starter.engine("null:", ack="queued", settings={"quota.address.samples_per_s": 10, "proxy.trusted": "127.0.0.1"})
    with engine.connect() as connection:
        assert connection.post([sample(f"d{index}") for index in range(1000)], headers=[forwarded("192.0.2.7")]).status == 200
        answer = connection.post(sample(), headers=[forwarded("192.0.2.7")])
        assert (answer.status, answer.code) == (429, "quota_exceeded")
        assert answer.header("RateLimit-Policy") == '"samples";q=10;w=1;qu="sluice-samples"'
        wait_s = int(answer.header("Retry-After"))
        assert 60 < wait_s < 100 and answer.header("RateLimit") == f'"samples";r=0;t={wait_s}'
        answer = connection.request("POST", "/write", LINE_PROTOCOL, [forwarded("192.0.2.7")])
        assert answer.status == 503 and answer.header("Retry-After")
        assert connection.post(sample(), headers=[forwarded("192.0.2.8")]).status == 200
        assert connection.post(sample(), headers=[forwarded("2001:db8::1")]).status == 200
        assert connection.post(sample()).status == 200, "the proxy itself"
        assert connection.request("GET", "/ready", headers=[forwarded("192.0.2.7")]).status == 200


@pytest.mark.parametrize("key, value", [("requests_per_s", "1"), ("bytes_per_s", "1B")])
def test_a_peer_has_a_quota(starter, key, value):
    """Without a proxy; a body over the quota passes once."""
    engine = starter.engine("null:", ack="queued", settings={f"quota.address.{key}": value})
    with engine.connect() as connection, HttpConnection(engine.address, source="127.0.0.2") as other:
        assert connection.post(sample()).status == 200
        assert any(connection.post(sample()).status == 429 for _ in range(20))
        assert other.post(sample()).status == 200


ORIGIN = "https://app.example.org"


def cors_of(answer) -> dict:
    return {name: value for name, value in answer.headers if name.lower().startswith("access-control") or name == "Vary"}


def test_pages_of_listed_origins_may_send(engine_of, near):
    engine = engine_of(http__cors_origins=f"http://localhost:3000,{ORIGIN}", proxy__trusted="127.0.0.1")
    ours = {"Access-Control-Allow-Origin": ORIGIN, "Vary": "Origin",
            "Access-Control-Expose-Headers": "Retry-After, RateLimit, RateLimit-Policy, Sluice-Ack"}
    preflight = {**ours, "Access-Control-Allow-Methods": "POST", "Access-Control-Max-Age": "600",
                 "Access-Control-Allow-Headers": "Content-Type, Content-Encoding, Authorization, Idempotency-Key, X-Api-Key"}
    asked = [("Access-Control-Request-Method", "POST"), ("Access-Control-Request-Headers", "authorization,content-type")]
    with engine.connect() as connection:
        for path in ("/telemetry", "/write", "/api/v2/write", "/v1/metrics", "/api/v1/write"):
            answer = connection.request("OPTIONS", path, headers=[("Origin", ORIGIN), *asked])
            assert answer.status == 204 and cors_of(answer) == preflight, path
        answer = post(connection, near, ("Origin", ORIGIN), forwarded("192.0.2.7"))
        assert answer.status == 200 and cors_of(answer) == ours
        for status, headers in ((401, []), (403, [("X-Api-Key", near.text)])):
            answer = connection.post(sample(), headers=[("Origin", ORIGIN), *headers])
            assert answer.status == status and cors_of(answer) == ours and answer.code in ("unauthorized", "forbidden")
        answer = connection.request("GET", "/telemetry", headers=[("Origin", ORIGIN)])
        assert answer.status == 405
        for origin in ("https://app.example.org.evil", "http://app.example.org", "null", "*", "https://app.example.org:8443"):
            for answer in (post(connection, near, ("Origin", origin), forwarded("192.0.2.7")),
                           connection.request("OPTIONS", "/telemetry", headers=[("Origin", origin), *asked])):
                assert answer.status in (200, 204) and not cors_of(answer), origin
        assert not cors_of(post(connection, near, forwarded("192.0.2.7")))
        assert not cors_of(connection.request("OPTIONS", "/ready", headers=[("Origin", ORIGIN), *asked]))
        answer = connection.post("no json", headers=[("X-Api-Key", near.text), ("Origin", ORIGIN), forwarded("192.0.2.7")])
        assert answer.status == 400 and cors_of(answer) == ours
    with engine.connect() as connection:
        connection.send(f"POST /telemetry HTTP/1.1\r\nHost: h\r\nOrigin: {ORIGIN}\r\nContent-Length: x\r\n\r\n".encode())
        answer = connection.read_response()
        assert answer.status == 400 and cors_of(answer) == ours, "also where the framing is wrong"


def test_without_origins_nothing_is_said(starter):
    engine = starter.engine("null:", ack="queued")
    with engine.connect() as connection:
        assert not cors_of(connection.post(sample(), headers=[("Origin", ORIGIN)]))
        answer = connection.request("OPTIONS", "/telemetry", headers=[("Origin", ORIGIN)])
        assert answer.status == 204 and not cors_of(answer)


@pytest.fixture
def proxy_of(workspace):
    proxies = []

    def make(kind):
        directory = Path(workspace) / f"{kind.__name__}-{reserve_port()}"
        directory.mkdir()
        proxies.append(kind(directory))
        return proxies[-1]

    yield make
    for proxy in proxies:
        proxy.kill()


@pytest.fixture
def told(starter, near, tmp_path):
    """An engine whose tenant may send from 127.0.0.9, and a client there and elsewhere behind a proxy."""
    def check(proxy_starter, **settings):
        path = write_tenants(tmp_path / "told.toml", tenant_table("near", near.line, more='addresses = ["127.0.0.9/32"]'))
        engine = starter.engine("null:", ack="queued", settings={"tenants.file": path, "proxy.trusted": "127.0.0.1", **settings})
        proxy = proxy_starter(engine)
        for source, status in (("127.0.0.9", 200), ("127.0.0.8", 403), ("127.0.0.9", 200)):
            with HttpConnection(proxy.address, source=source) as connection:
                assert post(connection, near).status == status, source
                assert post(connection, near).status == status, source
        return engine
    return check


@pytest.mark.skipif(not HAPROXY, reason="haproxy is not installed (tools/setup test)")
@pytest.mark.parametrize("options", ["send-proxy", "send-proxy-v2", "send-proxy-v2 proxy-v2-options crc32c"])
def test_haproxy_with_its_protocol(told, proxy_of, options):
    engine = told(lambda engine: proxy_of(HaProxy).start([engine.address], options), **{"proxy.protocol": "v1v2"})
    assert set(counts(engine, "proxy_headers")) <= {"v2" if "v2" in options else "v1", "closed"}


@pytest.mark.skipif(not HAPROXY, reason="haproxy is not installed (tools/setup test)")
def test_haproxy_with_a_header(told, proxy_of):
    told(lambda engine: proxy_of(HaProxy).start([engine.address], frontend="option forwardfor"))


@pytest.mark.skipif(not NGINX, reason="nginx is not installed (tools/setup test)")
def test_nginx_with_a_header(told, proxy_of):
    told(lambda engine: proxy_of(Nginx).start([engine.address], True, "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;"))
