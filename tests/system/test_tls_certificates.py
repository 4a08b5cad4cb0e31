"""Certificates of a running engine: which one a client gets, which clients are taken, reloading, the end of a certificate."""
# runs: release.io_uring release.epoll asan.io_uring

import os
import re
import shutil
import signal
import ssl
import threading
import time

import pytest

from harness import Authority, TlsConnection, render_request, sample, tls_settings, wait_until
from harness.tenants import tenant_table, write_tenants
from harness.tls import openssl

RELOADS = 30


@pytest.fixture(scope="module")
def authority(workspace):
    return Authority(workspace / "ca")


@pytest.fixture(scope="module")
def pair(authority):
    return authority.issue("server")


@pytest.fixture(scope="module")
def clients(workspace):
    """Who signs certificates of clients."""
    return Authority(workspace / "clients", "Client CA")


def start(starter, pair, settings=None, **tls):
    address, more = tls_settings(pair, **tls)
    engine = starter.engine("null:", ack="queued", settings={"log.level": "debug", **more, **(settings or {})})
    return engine, address


def subject(connection: TlsConnection) -> str:
    return dict(part[0] for part in connection.socket.getpeercert()["subject"])["commonName"]


def serial(connection: TlsConnection) -> str:
    return connection.socket.getpeercert()["serialNumber"]


# --- which certificate a client gets -----------------------------------------------------------------------------


def test_the_name_chooses_the_certificate(starter, authority, pair):
    exact, wild = authority.issue("exact", ["DNS:one.example.org"]), authority.issue("wild", ["DNS:*.example.org"])
    _, address = start(starter, pair, more="{}:{},{}:{}".format(*exact, *wild))
    context = authority.client(check_hostname=False)
    for name, wanted in [("localhost", "server"), ("one.example.org", "exact"), ("ONE.example.org", "exact"), ("two.example.org", "wild"),
                         ("a.two.example.org", "server"), ("example.org", "server"), ("other.net", "server")]:
        with TlsConnection(address, context, server_hostname=name) as connection:
            assert subject(connection) == wanted, name
            assert connection.post(sample()).status == 200
    with TlsConnection(address, context, server_hostname=None) as connection:
        assert subject(connection) == "server"


def test_rsa_works_too(starter, authority):
    _, address = start(starter, authority.issue("rsa", algorithm=("rsa:2048",)))
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        with TlsConnection(address, authority.client(version)) as connection:
            assert connection.post(sample()).status == 200


# --- which clients are taken -------------------------------------------------------------------------------------


def is_taken(address, context) -> bool:
    """TLS 1.3 tells a client that it is refused behind the handshake."""
    try:
        with TlsConnection(address, context) as connection:
            return connection.post(sample()).status == 200
    except (ssl.SSLError, ConnectionError, EOFError):
        return False


def shown(authority: Authority, certificate=None, version=None) -> ssl.SSLContext:
    context = authority.client(version)
    if certificate:
        context.load_cert_chain(*certificate)
    return context


def self_signed(directory) -> tuple:
    """A certificate for clients that nobody vouches for, with the name of one that is known."""
    directory.mkdir()
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", 30, "-subj", "/CN=gateway",
            "-addext", "subjectAltName=URI:spiffe://example.org/gateway", "-addext", "extendedKeyUsage=clientAuth",
            "-keyout", directory / "key.pem", "-out", directory / "certificate.pem")
    return directory / "certificate.pem", directory / "key.pem"


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["1.2", "1.3"])
def test_clients_must_show_a_certificate(starter, workspace, authority, pair, clients, version):
    engine, address = start(starter, pair, client="required", client_ca=clients.certificate)
    known = clients.issue("gateway", ["URI:spiffe://example.org/gateway", "DNS:gateway.example.org"], usage="clientAuth")
    stranger = Authority(workspace / f"strangers-{version}").issue("stranger", usage="clientAuth")
    assert is_taken(address, shown(authority, known, version))
    fingerprint = openssl("x509", "-in", known[0], "-noout", "-fingerprint", "-sha256").split("=")[1].strip().replace(":", "").lower()
    line = next(line for line in engine.log().splitlines() if "event=tls_handshake " in line)
    assert f"client_fingerprint={fingerprint}" in line and "client_uri=spiffe://example.org/gateway" in line
    assert "client_name=gateway.example.org" in line
    assert not is_taken(address, shown(authority, None, version))
    assert not is_taken(address, shown(authority, stranger, version))
    assert not is_taken(address, shown(authority, clients.issue("server-only", usage="serverAuth"), version)), "the usage is wrong"
    assert not is_taken(address, shown(authority, self_signed(workspace / f"alone-{version}"), version))
    assert engine.status()["reactors"][0]["tls"]["handshakes"]["failed"]["client_certificate"] == 4


def test_an_expired_certificate_of_a_client_is_refused(starter, authority, pair, clients):
    _, address = start(starter, pair, client="required", client_ca=clients.certificate)
    assert not is_taken(address, shown(authority, clients.issue("late", days=-1, usage="clientAuth")))


def test_an_optional_certificate_is_checked_if_it_is_shown(starter, workspace, authority, pair, clients):
    _, address = start(starter, pair, client="optional", client_ca=clients.certificate)
    stranger = Authority(workspace / "strangers").issue("stranger", usage="clientAuth")
    assert is_taken(address, shown(authority))
    assert is_taken(address, shown(authority, clients.issue("welcome", usage="clientAuth")))
    assert not is_taken(address, shown(authority, stranger))


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["1.2", "1.3"])
def test_a_revoked_certificate_is_refused_from_the_reload_on_also_when_it_resumes(starter, workspace, authority, pair, version):
    clients = Authority(workspace / f"revoking-{version}")
    good, bad = (clients.issue(name, usage="clientAuth") for name in ("good", "bad"))
    engine, address = start(starter, pair, client="required", client_ca=clients.certificate, crl=clients.revoke())
    context = shown(authority, bad, version)
    with TlsConnection(address, context) as connection:
        assert connection.post(sample()).status == 200
        session = connection.session
    with TlsConnection(address, context, session=session) as connection:
        assert connection.post(sample()).status == 200 and connection.socket.session_reused
    clients.revoke(bad)
    reload(engine)
    with pytest.raises((ssl.SSLError, ConnectionError, EOFError)):
        with TlsConnection(address, context, session=session) as connection:
            connection.post(sample())
    assert not is_taken(address, context) and is_taken(address, shown(authority, good, version))


def test_no_ticket_outlives_what_the_client_has_shown(starter, workspace, authority, pair):
    """The end of its certificate, and that of the list in which it was looked for. Renewed tickets end as the first one does."""
    lasts_s = 5
    short, listed = (Authority(workspace / name, name) for name in ("short", "listed"))
    shown_by = {"certificate": short.issue("brief", usage="clientAuth"), "list": listed.issue("long", usage="clientAuth")}
    files = {name: workspace / f"ends.{name}" for name in ("ca", "crl")}
    files["ca"].write_text(short.certificate.read_text() + listed.certificate.read_text())
    started = time.monotonic()
    short.renew(shown_by["certificate"], lasts_s)
    files["crl"].write_text(short.revoke().read_text() + listed.revoke(lasts_s=lasts_s).read_text())
    _, address = start(starter, pair, client="required", client_ca=files["ca"], crl=files["crl"])
    sessions = []
    for name, certificate in shown_by.items():
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            context, session = shown(authority, certificate, version), None
            for is_resumed in (False, True):
                with TlsConnection(address, context, session=session) as connection:
                    assert connection.post(sample()).status == 200 and connection.socket.session_reused == is_resumed, (name, version)
                    session = connection.session
            sessions.append((name, version, context, session))
    assert time.monotonic() - started < lasts_s, "the machine is too slow for this test"
    time.sleep(started + lasts_s + 1.1 - time.monotonic())
    for name, version, context, session in sessions:
        with pytest.raises((ssl.SSLError, ConnectionError, EOFError)):
            with TlsConnection(address, context, session=session) as connection:
                raise AssertionError((name, version, connection.post(sample()).status, connection.socket.session_reused))


def reload_tenants(engine) -> None:
    count = engine.log().count("event=tenants_reloaded")
    engine.signal(signal.SIGHUP)
    wait_until(lambda: engine.log().count("event=tenants_reloaded") > count, "the tenants are read again")


def test_a_certificate_is_a_tenant(starter, pair, authority, tmp_path):
    """By fingerprint, URI and DNS name, and by common name if there is no other name of any kind; the file counts as it is now."""
    clients = Authority(tmp_path / "clients")
    shown_by = {name: clients.issue(name, names=names.split(), usage="clientAuth")
                for name, names in (("one", "URI:spiffe://one"), ("two", "DNS:two.test"), ("three", "DNS:three.test"), ("bare", ""),
                                    ("four", "DNS:four.test"), ("mail", "email:a@mail.test"), ("address", "IP:10.0.0.1"))}
    digest = openssl("x509", "-in", shown_by["three"][0], "-noout", "-fingerprint", "-sha256").strip().partition("=")[2]
    names = {"one": 'uri = "spiffe://one"', "two": 'dns = "two.test"', "three": f'fingerprint = "sha256:{digest.replace(":", "").lower()}"',
             **{name: f'common_name = "{name}"' for name in ("bare", "mail", "address")}}

    def tables(more="", **changed):
        return [tenant_table(name, more=f"certificates = [{{ {which} }}]\n{more}") for name, which in {**names, **changed}.items()]

    path = write_tenants(tmp_path / "t.toml", *tables())
    engine, address = start(starter, pair, client="optional", client_ca=clients.certificate, settings={"tenants.file": path})

    def context_of(name: str):
        context = authority.client()
        context.load_cert_chain(*shown_by[name])
        return context

    def status(context) -> int:
        with TlsConnection(address, context) as connection:
            return connection.post(sample()).status

    assert [status(context_of(name)) for name in shown_by] == [200, 200, 200, 200, 401, 401, 401]
    assert status(authority.client()) == 401
    with TlsConnection(address, context_of("two")) as open_connection:
        assert open_connection.post(sample()).status == 200
        write_tenants(tmp_path / "t.toml", *tables(two='dns = "four.test"'))
        reload_tenants(engine)
        wait_until(lambda: status(context_of("four")) == 200, "the new certificate is the tenant's")
        assert open_connection.post(sample()).status == 401
    with TlsConnection(address, context_of("one")) as open_connection:
        assert open_connection.post(sample()).status == 200
        write_tenants(tmp_path / "t.toml", *tables(more='addresses = ["10.1.0.0/16"]'))
        reload_tenants(engine)
        wait_until(lambda: open_connection.post(sample()).status == 403, "the address is not the tenant's any more")
        assert status(context_of("one")) == 403
    accepted = {one["name"]: one["samples_accepted"] for one in engine.status()["tenants"]}
    assert accepted["three"] == 1 and accepted["two"] >= 3


# --- reloading ---------------------------------------------------------------------------------------------------


def reloads(engine) -> dict:
    return engine.status()["tls"]


def reload(engine, member: str = "reloads_done") -> None:
    before, generation = reloads(engine)[member], engine.status()["settings_generation"]
    engine.signal(signal.SIGHUP)
    wait_until(lambda: reloads(engine)[member] == before + 1, f"{member} rises")
    if member == "reloads_done":
        engine.wait_settings_used(generation + 1)
    else:
        assert engine.status()["settings_generation"] == generation


@pytest.fixture
def live(workspace, authority):
    """A pair of files that a test may replace."""
    folder = workspace / f"live-{time.monotonic_ns()}"
    folder.mkdir()
    copy(authority.issue("first"), folder)
    return folder / "pem", folder / "key"


def copy(pair, folder) -> None:
    """As installers do: each file is there as a whole."""
    for source, name in zip(pair, ("pem", "key")):
        shutil.copy2(source, folder / f"{name}.new")
        os.replace(folder / f"{name}.new", folder / name)


def test_a_hang_up_signal_brings_new_certificates(starter, authority, live):
    engine, address = start(starter, live)
    context = authority.client()
    with TlsConnection(address, context) as old:
        assert subject(old) == "first"
        copy(authority.issue("second"), live[0].parent)
        reload(engine)
        with TlsConnection(address, context) as connection:
            assert subject(connection) == "second" and connection.post(sample()).status == 200
        assert old.post(sample()).status == 200, "a connection goes on with what it began with"
    assert "event=tls_reloaded" in engine.log()


def test_sessions_are_resumed_after_a_reload(starter, authority, live):
    engine, address = start(starter, live)
    context = authority.client()
    with TlsConnection(address, context) as connection:
        connection.post(sample())
        session = connection.session
    reload(engine)
    with TlsConnection(address, context, session=session) as connection:
        assert connection.socket.session_reused


@pytest.mark.parametrize("fault", ["no key", "another key", "garbage", "expired"])
def test_a_reload_that_fails_changes_nothing(starter, authority, live, fault):
    engine, address = start(starter, live, settings={"tls.reload_interval": "0s"})
    if fault == "no key":
        live[1].unlink()
    elif fault == "another key":
        shutil.copy2(authority.issue("second")[1], live[1])
    elif fault == "garbage":
        live[0].write_text("-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n")
    else:
        copy(authority.issue("second", days=-1), live[0].parent)
    reload(engine, "reloads_failed")
    with TlsConnection(address, authority.client()) as connection:
        assert subject(connection) == "first" and connection.post(sample()).status == 200
    assert "event=tls_reload_failed" in engine.log()
    copy(authority.issue("third"), live[0].parent)
    reload(engine)
    with TlsConnection(address, authority.client()) as connection:
        assert subject(connection) == "third"


def test_changed_files_are_seen_also_behind_symbolic_links(starter, workspace, authority):
    """As Kubernetes swaps a volume: the files are links through `..data`, which becomes another directory."""
    volume = workspace / f"volume-{time.monotonic_ns()}"
    for name in ("first", "second"):
        (volume / name).mkdir(parents=True)
        copy(authority.issue(f"volume-{name}"), volume / name)
    (volume / "..data").symlink_to("first")
    for name in ("pem", "key"):
        (volume / name).symlink_to(f"..data/{name}")
    engine, address = start(starter, (volume / "pem", volume / "key"), settings={"tls.reload_interval": "100ms"})
    with TlsConnection(address, authority.client()) as connection:
        assert subject(connection) == "volume-first"
    (volume / "..new").symlink_to("second")
    os.replace(volume / "..new", volume / "..data")
    wait_until(lambda: reloads(engine)["reloads_done"] == 1, "the change is seen")
    with TlsConnection(address, authority.client()) as connection:
        assert subject(connection) == "volume-second"
    time.sleep(0.3)
    assert reloads(engine)["reloads_done"] == 1, "one change is one reload"


def test_no_request_fails_while_certificates_are_reloaded(starter, authority, live):
    engine, address = start(starter, live)
    pairs = [authority.issue(f"turn-{index}") for index in range(2)]
    context, stop, failures, counts = authority.client(), threading.Event(), [], [0, 0]

    def client(index: int) -> None:
        try:
            while not stop.is_set():
                with TlsConnection(address, context) as connection:
                    for _ in range(3):
                        assert connection.post(sample()).status == 200
                        counts[index] += 1
        except Exception as failure:  # told by the test's own thread
            failures.append(failure)

    threads = [threading.Thread(target=client, args=(index,)) for index in range(2)]
    for thread in threads:
        thread.start()
    for turn in range(RELOADS):
        copy(pairs[turn % 2], live[0].parent)
        reload(engine)
    stop.set()
    for thread in threads:
        thread.join()
    assert not failures and min(counts) > 0
    assert reloads(engine)["reloads_failed"] == 0


# --- what operators see ------------------------------------------------------------------------------------------


def test_the_end_of_a_certificate_is_shown_and_warned_of(starter, authority):
    soon = authority.issue("soon", days=10)
    engine, _ = start(starter, soon)
    left_s = float(re.search(r'sluice_tls_certificate_expiry_seconds\{certificate="[^"]*soon.pem"\} ([\d.e+]+)', engine.metrics()).group(1))
    assert 9.9 * 86400 < left_s <= 10 * 86400
    assert re.search(r"level=warn event=certificate_expires name=localhost file=\S*soon.pem days_left=(9|10)\b", engine.log())


def test_an_expired_certificate_is_warned_of_at_start(starter, authority):
    engine, _ = start(starter, authority.issue("over", days=-1))
    assert "event=certificate_expired" in engine.log()


def test_a_good_certificate_is_not_warned_of(starter, pair):
    engine, _ = start(starter, pair)
    assert "event=certificate_exp" not in engine.log()


# --- the admin listener ------------------------------------------------------------------------------------------


def test_the_admin_listener_may_speak_tls(starter, authority, pair):
    settings = {"admin.tls": "true", "tls.certificate": pair[0], "tls.key": pair[1]}
    engine = starter.engine("null:", ack="queued", settings=settings, admin_context=authority.client())
    assert engine.status()["state"] == "running"
    assert "sluice_tls_reloads_total" in engine.metrics()
    reload(engine)
    assert engine.connect().request("GET", "/health").status == 200, "the data listener stays plain"
