"""sluice-load over TLS, against the engine: whom it trusts, what it resumes, what it reports; and headers that hold secrets."""
# runs: release asan

import json
import os
import re
import subprocess

import pytest

from harness import Authority, tls_settings
from harness.load import FAILED, LOAD_BINARY, OK, PATIENT, SETUP_FAILED, Connection, LoadTarget, run_load

REQUESTS = 40
VERSIONS = ["1.2", "1.3"]


@pytest.fixture(scope="module")
def authority(workspace):
    return Authority(workspace / "ca")


@pytest.fixture(scope="module")
def clients(workspace):
    return Authority(workspace / "clients", "Clients' CA")


def start(starter, pair, **settings):
    address, all_settings = tls_settings(pair, **settings)
    engine = starter.engine("null:", ack="queued", settings=all_settings)
    engine.tls_url = "https://{}:{}/telemetry".format(*address)
    return engine


@pytest.fixture(scope="module")
def server(module_starter, authority):
    return start(module_starter, authority.issue("server"))


def load(engine, *options, users=2):
    return run_load(engine.tls_url, "--sample", "--users", users, "--requests", REQUESTS, *options)


def handshakes(engine) -> dict:
    """As the engine counts them: by (version, resumed)."""
    pattern = r'sluice_tls_handshakes_total\{.*?version="([\d.]+)",resumed="(\w+)".*?\} (\d+)'
    found = {}
    for version, resumed, count in re.findall(pattern, engine.metrics()):
        found[version, resumed] = found.get((version, resumed), 0) + int(count)
    return found


def since(engine, before: dict) -> dict:
    return {key: count - before.get(key, 0) for key, count in handshakes(engine).items() if count != before.get(key, 0)}


@pytest.mark.parametrize("version", VERSIONS)
def test_requests_over_connections_that_are_kept(server, authority, version):
    before = handshakes(server)
    run = load(server, "--ca", authority.certificate, "--tls-version", version)
    assert run.exit_code == OK, run.messages
    run.assert_conserved()
    assert run.statuses == {"200": REQUESTS} and run.totals["connects"] == 2
    assert since(server, before) == {(version, "false"): 2}
    tls = run.result["tls"]
    assert tls["agreed"].startswith(f"TLS {version}, ") and tls["verified"] and not tls["failures"]
    assert tls["handshakes"]["before_run"]["latency"]["count"] == 2
    assert tls["handshakes"]["full"]["latency"]["count"] == tls["handshakes"]["resumed"]["latency"]["count"] == 0
    assert f"TLS          TLS {version}, " in run.messages and "certificate was verified" in run.messages


@pytest.mark.parametrize("resumes", [False, True], ids=["full", "resumed"])
@pytest.mark.parametrize("version", VERSIONS)
def test_handshakes_are_full_or_resumed(server, authority, tmp_path, version, resumes):
    before = handshakes(server)
    run = load(server, "--ca", authority.certificate, "--tls-version", version, "--reconnect-every", 2,
               "--html", tmp_path / "page.html", *(["--tls-resume"] if resumes else []))
    assert run.exit_code == OK, run.messages
    run.assert_conserved()
    counted = since(server, before)
    figures = run.result["tls"]["handshakes"]
    kind, other = ("resumed", "full") if resumes else ("full", "resumed")
    assert figures["before_run"]["latency"]["count"] == 2
    latency = figures[kind]["latency"]
    assert REQUESTS / 2 - 2 <= latency["count"] <= REQUESTS / 2 and figures[other]["latency"]["count"] == 0
    assert figures[kind]["rate"] == pytest.approx(latency["count"] / run.result["duration_s"])
    assert 0 < latency["min_ns"] <= latency["percentiles_ns"]["50"] <= latency["percentiles_ns"]["99"] <= latency["max_ns"]
    assert f"<th scope=\"row\">{kind}</th><td>{latency['count']}</td>" in (tmp_path / "page.html").read_text()
    # The engine may be done with a handshake of each connection whose client the end of the run has stopped.
    assert 0 <= counted.get((version, str(resumes).lower()), 0) - latency["count"] - (0 if resumes else 2) <= 2
    assert counted.get((version, str(not resumes).lower()), 0) == (2 if resumes else 0)


def test_an_open_loop_with_pipelines_and_long_bodies(server, authority, tmp_path):
    line = json.dumps({"device_id": "{device}", "type": "temperature", "value": 1.5, "metadata": {"text": "x" * 900}})
    (tmp_path / "body").write_text("[" + ",".join([line] * 60) + "]")
    run = run_load(server.tls_url, "--ca", authority.certificate, "--body-file", tmp_path / "body", "--rate", "500/s", "--requests", 200,
                   "--connections", 3, "--pipeline", 4)
    assert run.exit_code == OK, run.messages
    run.assert_conserved()
    assert run.statuses == {"200": 200}


# --- trust -------------------------------------------------------------------------------------------------------


def refused(run, sentence: str) -> None:
    """It does not begin."""
    assert run.exit_code == SETUP_FAILED and run.result is None, run.messages
    assert sentence in run.messages, run.messages


def test_a_server_that_nobody_vouches_for_is_refused(server):
    refused(load(server), "TLS failed: the server's certificate is not trusted: unable to get local issuer certificate; --ca FILE")


def test_another_authority_is_not_enough(server, clients):
    refused(load(server, "--ca", clients.certificate), "TLS failed: the server's certificate is not trusted")


def test_another_name_is_refused(server, authority):
    refused(load(server, "--ca", authority.certificate, "--server-name", "example.org"),
            "TLS failed: the server's certificate is not for example.org; --server-name")


def test_another_name_may_be_expected(starter, authority):
    engine = start(starter, authority.issue("named", ["DNS:telemetry.example.org"]))
    refused(load(engine, "--ca", authority.certificate), "not for 127.0.0.1")
    assert load(engine, "--ca", authority.certificate, "--server-name", "telemetry.example.org").exit_code == OK


def test_insecure_takes_any_and_says_so(server):
    run = load(server, "--insecure", "--server-name", "example.org")
    assert run.exit_code == OK, run.messages
    assert run.result["tls"]["verified"] is False and "NOT verified" in run.messages


def test_a_server_without_tls_is_told(server, authority):
    url = "https://{}:{}/telemetry".format(*server.address)
    refused(run_load(url, "--sample", "--ca", authority.certificate, "--requests", 5), "what the server sent is not TLS; without TLS")


def test_a_server_that_gives_up_is_told():
    async def serve(connection: Connection):
        await connection.writer.drain()

    with LoadTarget(serve) as target:
        refused(run_load(target.url.replace("http://", "https://"), "--sample", "--requests", 5), " within the handshake")


def test_a_comparison_of_plain_and_tls(server, authority, tmp_path):
    plain = "http://{}:{}/telemetry".format(*server.address)
    command = [LOAD_BINARY, "compare", plain, server.tls_url, "--sample", "--users", 1, "--duration", "100ms", "--rounds", 2,
               "--ca", authority.certificate, "--json", tmp_path / "json", *PATIENT]
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=60)
    assert done.returncode == OK, done.stderr
    assert "https://" in (tmp_path / "json").read_text()


def test_a_file_that_is_no_certificate_is_named(server, tmp_path):
    (tmp_path / "ca.pem").write_text("no certificate\n")
    refused(load(server, "--ca", tmp_path / "ca.pem"), "holds no certificate in PEM")


@pytest.mark.parametrize("version", VERSIONS)
def test_clients_show_their_certificate(starter, authority, clients, version):
    engine = start(starter, authority.issue("strict"), client="required", client_ca=clients.certificate)
    trusted = ("--ca", authority.certificate, "--tls-version", version)
    certificate, key = clients.issue("generator", usage="clientAuth")
    run = load(engine, *trusted, "--cert", certificate, "--key", key, "--reconnect-every", 4, "--tls-resume")
    assert run.exit_code == OK and run.result["tls"]["handshakes"]["resumed"]["latency"]["count"] > 0, run.messages
    # TLS 1.3 tells a client that it is refused behind the handshake: then the run has begun.
    run = run_load(engine.tls_url, "--sample", *trusted, "--users", 1, "--duration", "500ms")
    sentence = "the server ended it: "
    if version == "1.2":
        return refused(run, sentence)
    assert run.exit_code == FAILED, run.messages
    assert set(run.faults) <= {"tls", "interrupted"} and run.faults["tls"] > 0, run.faults
    assert any(sentence in failure["sentence"] and failure["count"] > 0 for failure in run.result["tls"]["failures"])
    assert "certificate required" in run.messages


# --- headers from a file -----------------------------------------------------------------------------------------


def test_headers_of_a_file_are_sent_as_they_are_and_never_shown(tmp_path):
    path = tmp_path / "headers"
    path.write_text("# of the test\n\nAuthorization: Bearer slc_{seq}_secret\r\nX-Trace:{{device}\n")
    path.chmod(0o600)
    heads = []

    async def serve(connection: Connection):
        while True:
            heads.append((await connection.request()).head)
            connection.answer()

    with LoadTarget(serve) as target:
        run = run_load(target.url, "--sample", "--users", 1, "--requests", 3, "--header-file", path, "--header", "X-Other: {device}",
                       "--html", tmp_path / "page.html")
    assert run.exit_code == OK, run.messages
    assert len(heads) == 3
    for head in heads:
        assert b"\r\nAuthorization: Bearer slc_{seq}_secret\r\n" in head and b"\r\nX-Trace: {{device}\r\n" in head
        assert b"\r\nX-Other: device-" in head
    shown = run.messages + json.dumps(run.result) + (tmp_path / "page.html").read_text()
    assert "secret" not in shown and str(path) in shown
    assert "can be read" not in run.messages


def test_a_file_that_others_can_read_is_warned_of(tmp_path):
    async def serve(connection: Connection):
        while True:
            await connection.request()
            connection.answer()

    path = tmp_path / "headers"
    path.write_text("Authorization: Bearer x\n")
    path.chmod(0o644)
    with LoadTarget(serve) as target:
        run = run_load(target.url, "--sample", "--users", 1, "--requests", 3, "--header-file", path)
    assert run.exit_code == OK
    assert "can be read by every user of this machine; chmod o-r mends that" in run.messages


@pytest.mark.parametrize("threads", [1, 2])
def test_connections_have_tokens_in_turn(tmp_path, threads):
    path = tmp_path / "tokens"
    path.write_text("# three tenants\nslc_a\nslc_bb\n\nslc_{seq}\n")
    path.chmod(0o600)
    tokens = {}

    async def serve(connection: Connection):
        while True:
            head = (await connection.request()).head.decode()
            tokens.setdefault(connection.number, set()).add(head.partition("\r\nAuthorization: Bearer ")[2].partition("\r\n")[0])
            connection.answer()

    with LoadTarget(serve) as target:
        run = run_load(target.url, "--sample", "--users", 6, "--threads", threads, "--requests", 60, "--tenants", path)
    assert run.exit_code == OK, run.messages
    assert all(len(sent) == 1 for sent in tokens.values()), tokens
    assert sorted(sent.pop() for sent in tokens.values()) == sorted(["slc_a", "slc_bb", "slc_{seq}"] * 2)
    assert "slc_" not in run.messages + json.dumps(run.result)


def test_tokens_beside_a_header_that_says_the_same_are_refused(tmp_path):
    (tmp_path / "tokens").write_text("slc_a\n")
    done = subprocess.run([LOAD_BINARY, "http://127.0.0.1:1/", "--tenants", tmp_path / "tokens", "--header", "authorization: x"],
                          capture_output=True, text=True)
    assert done.returncode == 2 and "--tenants: the header Authorization is given already" in done.stderr


@pytest.mark.parametrize("text, why", [("A: b\nsecret\n", "line 2 is no header"), ("Host: secret\n", "line 1 has a header that sluice-load"),
                                       ("A: secret\x01\n", "line 1 is no header"), ("# none\n", "is empty")])
def test_a_line_that_is_no_header_is_told_without_it(tmp_path, text, why):
    (tmp_path / "headers").write_text(text)
    done = subprocess.run([LOAD_BINARY, "http://127.0.0.1:1/", "--header-file", tmp_path / "headers"], capture_output=True, text=True)
    assert done.returncode == 2 and why in done.stderr and "secret" not in done.stderr.replace(os.fspath(tmp_path), "")
