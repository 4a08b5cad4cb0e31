"""The TLS listener: what clients speak with it, record by record, and how it ends."""
# runs: release.io_uring release.epoll asan.io_uring asan.epoll

import gzip
import json
import signal
import ssl
import subprocess
import threading
import time

import pytest

from harness import Authority, HttpConnection, RecordClient, TlsConnection, render_request, sample, tls_settings, wait_until
from harness.engine import BINARY, CLEAN_ENVIRONMENT

VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]
POST = render_request("POST", "/telemetry", json.dumps(sample()).encode(), [("Content-Type", "application/json")])


@pytest.fixture(scope="module")
def authority(workspace):
    return Authority(workspace / "ca")


@pytest.fixture(scope="module")
def pair(authority):
    return authority.issue("server")


@pytest.fixture(scope="module")
def server(module_starter, pair):
    address, settings = tls_settings(pair)
    engine = module_starter.engine("null:", ack="queued", settings=settings)
    engine.tls_address = address
    return engine


@pytest.fixture(params=VERSIONS, ids=["1.2", "1.3"])
def version(request):
    return request.param


@pytest.fixture
def context(authority, version):
    return authority.client(version)


def tls_counters(engine) -> dict:
    return engine.status()["reactors"][0]["tls"]


def failures(engine) -> dict:
    return tls_counters(engine)["handshakes"]["failed"]


def wait_failure(engine, reason: str, before: dict) -> None:
    wait_until(lambda: failures(engine).get(reason, 0) > before.get(reason, 0), f"a handshake fails as {reason}")


# --- what clients do ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("option", ["--tls-max 1.2", "--tlsv1.3"])
def test_curl_posts(server, authority, option):
    url = "https://localhost:{}/telemetry".format(server.tls_address[1])
    command = ["curl", "-sS", "--cacert", authority.certificate, *option.split(), "--json", json.dumps(sample()), url, url]
    finished = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.count('"ok":true') == 2


def test_requests_follow_each_other_on_a_connection(server, context):
    with TlsConnection(server.tls_address, context) as connection:
        for _ in range(20):
            assert connection.post(sample()).status == 200
        assert connection.request("GET", "/health").status == 200
        assert connection.request("GET", "/status").status == 404, "admin routes are those of the admin listener"


def test_pipelined_requests_are_answered_in_order(server, context):
    with TlsConnection(server.tls_address, context) as connection:
        connection.send((POST + render_request("GET", "/health")) * 200)
        for _ in range(200):
            assert connection.read_response().status == 200
            assert connection.read_response().status == 200


def test_a_body_of_8_mib(server, context):
    record = json.dumps(sample(metadata={"text": "x" * 1000})).encode() + b"\n"
    body = record * (8 * 1024 * 1024 // len(record))
    with TlsConnection(server.tls_address, context, timeout_s=60) as connection:
        for _ in range(2):
            answer = connection.post(body, content_type="application/x-ndjson")
            assert answer.status == 200 and answer.json()["accepted"] == body.count(b"\n")


def test_a_compressed_body(server, context):
    body = gzip.compress(b"".join(json.dumps(sample(device_id=f"d-{i}")).encode() + b"\n" for i in range(5000)))
    with TlsConnection(server.tls_address, context) as connection:
        answer = connection.post(body, content_type="application/x-ndjson", headers=[("Content-Encoding", "gzip")])
        assert answer.status == 200 and answer.json()["accepted"] == 5000


def test_a_refused_request_is_answered_before_its_body_is_sent(server, context):
    with TlsConnection(server.tls_address, context) as connection:
        connection.send(b"POST /nowhere HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\nExpect: 100-continue\r\n\r\n")
        assert connection.read_response().status == 404
        assert connection.read_to_end() == b""


# --- records -----------------------------------------------------------------------------------------------------


def test_records_of_one_byte(server, context):
    with RecordClient(server.tls_address, context) as client:
        client.handshake()
        client.socket.sendall(b"".join(client.sealed(POST[i:i + 1]) for i in range(len(POST))))
        assert client.read().startswith(b"HTTP/1.1 200 ")


def test_records_that_come_in_pieces(server, context):
    """Byte by byte, the handshake too."""
    with RecordClient(server.tls_address, context) as client:
        def send(data: bytes) -> None:
            for i in range(len(data)):
                client.socket.sendall(data[i:i + 1])

        client.handshake(send)
        send(client.sealed(POST))
        assert client.read().startswith(b"HTTP/1.1 200 ")


def test_a_client_that_reads_slowly_gets_all(starter, pair, authority, version):
    address, settings = tls_settings(pair)
    starter.engine("null:", ack="queued", settings=settings)
    with TlsConnection(address, authority.client(version), receive_buffer_bytes=4096) as connection:
        count = 2000
        writer = threading.Thread(target=lambda: connection.send(render_request("GET", "/health") * count))
        writer.start()
        for index in range(count):
            if index % 200 == 0:
                time.sleep(0.02)
            assert connection.read_response().status == 200
        writer.join()


def test_a_mebibyte_of_garbage_ends_one_connection(server, context, seeded_random):
    before = failures(server)
    with HttpConnection(server.tls_address) as client:
        client.socket.settimeout(20)
        try:
            client.send(b"\x16\x03\x01" + seeded_random.randbytes(1024 * 1024))
            client.read_to_end()
        except (ConnectionError, BrokenPipeError):
            pass
    wait_failure(server, "malformed", before)
    with TlsConnection(server.tls_address, context) as connection:
        assert connection.post(sample()).status == 200


def test_garbage_after_the_handshake_ends_one_connection(server, context, seeded_random):
    before = tls_counters(server)["broken_sessions"]
    with RecordClient(server.tls_address, context) as client:
        client.handshake()
        client.socket.sendall(client.sealed(POST))
        assert client.read().startswith(b"HTTP/1.1 200 ")
        client.socket.sendall(b"\x17\x03\x03\x00\x40" + seeded_random.randbytes(64))
        with pytest.raises((ssl.SSLError, EOFError)):
            client.read()
    wait_until(lambda: tls_counters(server)["broken_sessions"] == before + 1, "the broken session is counted")


# --- what is agreed on -------------------------------------------------------------------------------------------


def test_plain_http_is_told_that_the_port_speaks_tls(server):
    before = failures(server)
    with HttpConnection(server.tls_address) as client:
        answer = client.request("GET", "/health")
        assert answer.status == 400 and b"speaks TLS" in answer.body and answer.closes
        assert client.read_to_end() == b""
    wait_failure(server, "plain_http", before)


def test_tls_1_1_is_refused(server):
    before = failures(server)
    command = ["openssl", "s_client", "-connect", "{}:{}".format(*server.tls_address), "-tls1_1", "-cipher", "ALL:@SECLEVEL=0"]
    finished = subprocess.run(command, input="", capture_output=True, text=True, timeout=20)
    assert finished.returncode != 0 and "protocol version" in finished.stderr
    wait_failure(server, "version", before)


def test_only_tls_1_3_where_it_is_the_lowest_version(starter, pair, authority):
    address, settings = tls_settings(pair, min_version="1.3")
    starter.engine("null:", ack="queued", settings=settings)
    with pytest.raises(ssl.SSLError):
        TlsConnection(address, authority.client(ssl.TLSVersion.TLSv1_2))
    with TlsConnection(address, authority.client(ssl.TLSVersion.TLSv1_3)) as connection:
        assert connection.post(sample()).status == 200


@pytest.mark.parametrize("offered, chosen", [(["http/1.1"], "http/1.1"), (["h2", "http/1.1"], "http/1.1"), ([], None)])
def test_alpn(server, context, offered, chosen):
    if offered:
        context.set_alpn_protocols(offered)
    with TlsConnection(server.tls_address, context) as connection:
        assert connection.socket.selected_alpn_protocol() == chosen
        assert connection.post(sample()).status == 200


def test_a_client_that_speaks_no_http_1_1_is_told(server, context):
    before = failures(server)
    context.set_alpn_protocols(["h2"])
    with pytest.raises(ssl.SSLError, match="(?i)no.application.protocol"):
        TlsConnection(server.tls_address, context)
    wait_failure(server, "alpn", before)


def test_sessions_are_resumed(server, context):
    with TlsConnection(server.tls_address, context) as connection:
        assert connection.post(sample()).status == 200
        assert not connection.socket.session_reused
        session = connection.session
    with TlsConnection(server.tls_address, context, session=session) as connection:
        assert connection.socket.session_reused
        assert connection.post(sample()).status == 200


def test_the_time_of_handshakes(server, context):
    count = 'sluice_tls_handshake_seconds_count{core="0"} '

    def counted() -> int:
        return int(server.metrics().split(count)[1].split("\n")[0])

    before = counted()
    for _ in range(3):
        with TlsConnection(server.tls_address, context) as connection:
            assert connection.post(sample()).status == 200
    assert counted() == before + 3


def test_no_session_is_resumed_without_tickets(starter, pair, context):
    address, settings = tls_settings(pair, ticket_lifetime="0s")
    starter.engine("null:", ack="queued", settings=settings)
    with TlsConnection(address, context) as connection:
        assert connection.post(sample()).status == 200
        session = connection.session
        assert session is None or not session.has_ticket
    if session is not None:
        with TlsConnection(address, context, session=session) as connection:
            assert not connection.socket.session_reused


def test_renegotiation_is_refused(server, authority):
    """The connection goes on, and a flood of attempts ends it."""
    command = ["openssl", "s_client", "-connect", "{}:{}".format(*server.tls_address), "-tls1_2", "-CAfile", authority.certificate]
    finished = subprocess.run(command, input="R\n", capture_output=True, text=True, timeout=20)
    assert "no renegotiation" in finished.stderr


# --- ends --------------------------------------------------------------------------------------------------------


def test_the_end_is_said_on_both_sides(server, context):
    """close_notify in front of the end of the stream: what TLS calls an end, and not a truncation."""
    context.options &= ~getattr(ssl, "OP_IGNORE_UNEXPECTED_EOF", 0)
    with TlsConnection(server.tls_address, context) as connection:
        connection.socket.suppress_ragged_eofs = False
        connection.send(render_request("GET", "/health", headers=[("Connection", "close")]))
        assert connection.read_response().closes
        assert connection.read_to_end() == b""


def test_a_client_that_says_its_end_gets_what_it_asked_for(server, context):
    with RecordClient(server.tls_address, context) as client:
        client.handshake()
        sealed = client.sealed(POST)
        try:
            client.tls.unwrap()
        except ssl.SSLWantReadError:
            pass
        client.socket.sendall(sealed + client.records())
        received = b""
        while True:
            more = client.socket.recv(65536)
            if not more:
                break
            received += more
        assert len(received) > 200, "the answer came, and then the end"


def test_an_idle_connection_ends_with_a_close_notify(starter, pair, context):
    address, settings = tls_settings(pair)
    starter.engine("null:", ack="queued", settings={**settings, "http.idle_timeout": "300ms"})
    with TlsConnection(address, context) as connection:
        connection.socket.suppress_ragged_eofs = False
        assert connection.post(sample()).status == 200
        assert connection.read_to_end() == b""


def test_a_drain_answers_and_ends_open_connections(starter, pair, context):
    address, settings = tls_settings(pair)
    engine = starter.engine("null:", ack="queued", settings=settings)
    idle, busy = TlsConnection(address, context), TlsConnection(address, context)
    silent = HttpConnection(address)
    assert idle.post(sample()).status == 200
    busy.send(POST[:-5])
    time.sleep(0.1)
    engine.signal(signal.SIGTERM)
    time.sleep(0.2)
    busy.send(POST[-5:])
    answer = busy.read_response()
    assert answer.status == 200 and answer.closes
    assert idle.read_to_end() == b"" and busy.read_to_end() == b""
    assert engine.wait_exit() == 0
    silent.close()


# --- handshakes that do not come to their end --------------------------------------------------------------------


def test_a_handshake_has_a_time(starter, pair):
    address, settings = tls_settings(pair, handshake_timeout="300ms")
    engine = starter.engine("null:", ack="queued", settings=settings)
    begin = time.monotonic()
    with HttpConnection(address) as silent, HttpConnection(address) as slow:
        slow.send(b"\x16\x03\x01\x02\x00")
        for client in (silent, slow):
            assert client.read_to_end() == b""
    assert time.monotonic() - begin > 0.25
    wait_until(lambda: failures(engine).get("timeout") == 2, "both are counted")


def test_half_open_handshakes_keep_nobody_out(starter, pair, context):
    address, settings = tls_settings(pair, handshake_timeout="60s")
    engine = starter.engine("null:", ack="queued", settings={**settings, "http.connections_max": 300})
    silent = [HttpConnection(address) for _ in range(600)]
    wait_until(lambda: engine.status()["reactors"][0]["connections"] >= 290, "the slots are in use")
    for _ in range(5):
        with TlsConnection(address, context, timeout_s=20) as connection:
            assert connection.post(sample()).status == 200
    assert failures(engine)["evicted"] > 0
    for client in silent:
        client.close()


# --- start -------------------------------------------------------------------------------------------------------


def start_error(pair, **settings) -> str:
    _, more = tls_settings(pair, **settings)
    command = [BINARY, "serve", "--sink", "null:", "--cores", "0", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"]
    for key, value in more.items():
        command += ["--set", f"{key}={value}"]
    finished = subprocess.run(command, capture_output=True, text=True, timeout=30, env=CLEAN_ENVIRONMENT)
    assert finished.returncode in (1, 2), finished.stderr
    return finished.stderr


def test_a_missing_file_is_named(pair, workspace):
    assert f"the certificate file {workspace}/none.pem cannot be opened" in start_error((workspace / "none.pem", pair[1]))
    assert f"the key file {workspace}/none.key cannot be opened" in start_error((pair[0], workspace / "none.key"))


def test_a_key_of_another_certificate_is_refused(authority, pair):
    other = authority.issue("other")
    assert f"the key of {other[1]} is not that of the first certificate in {pair[0]}" in start_error((pair[0], other[1]))


def test_a_key_that_everybody_can_read_is_refused(authority):
    certificate, key = authority.issue("open")
    key.chmod(0o644)
    assert "can be read or written by every user" in start_error((certificate, key))


def test_files_without_what_they_should_hold_are_refused(pair):
    assert "holds no certificate in PEM" in start_error((pair[1], pair[1]))
    no_key = pair[0].parent / "server.csr"
    no_key.chmod(0o600)
    assert "holds no private key in PEM" in start_error((pair[0], no_key))


def test_algorithms_that_nobody_knows_are_refused(pair):
    assert "tls.ciphers" in start_error(pair, ciphers="NONE-OF-THESE")
    assert "tls.groups" in start_error(pair, groups="X0")


def test_a_certificate_needs_its_key(pair):
    assert "tls.listen is" in start_error((pair[0], ""))


def test_an_engine_may_speak_tls_alone(starter, pair, context):
    address, settings = tls_settings(pair)
    engine = starter.engine("null:", ack="queued", settings=settings, listens=False)
    with TlsConnection(address, context) as connection:
        assert connection.post(sample()).status == 200
    with pytest.raises(ConnectionRefusedError):
        engine.connect()
