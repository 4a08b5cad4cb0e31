"""TLS to Redis: whom the engine trusts, what it says when it does not, and that everything that asks Redis speaks it."""
# runs: release.io_uring asan.io_uring

import subprocess
import tempfile
from pathlib import Path

import pytest
import redis

from harness import Authority, Child, device_ids, reserve_port, sample, wait_until
from harness.engine import BINARY, CLEAN_ENVIRONMENT
from harness.journal import journal
from harness.load import LOAD_BINARY, OK, SETUP_FAILED, run_load
from harness.tenants import new_token, tenant_table, write_tenants

FAST = {"sink.redis.backoff_min": "10ms", "sink.redis.backoff_max": "50ms", "admission.interval": "50ms"}


@pytest.fixture(scope="module")
def authority(workspace):
    return Authority(workspace / "redis-ca", "Redis CA")


@pytest.fixture(scope="module")
def pair(authority):
    return authority.issue("redis")


def tls_arguments(authority, pair, port: int, *more) -> tuple:
    return ("--tls-port", port, "--tls-cert-file", pair[0], "--tls-key-file", pair[1], "--tls-ca-cert-file", authority.certificate,
            "--tls-auth-clients", "no", *more)


class TlsRedis:
    """A Redis with two ports: the test uses the plain one."""

    def __init__(self, starter, authority, pair, *more):
        self.port = reserve_port()
        self.server = starter.redis(arguments=tls_arguments(authority, pair, self.port, *more))
        self.plain_url = self.server.url

    @property
    def url(self) -> str:
        return f"rediss://localhost:{self.port}"

    def show(self, pair) -> None:
        self.client().execute_command("CONFIG", "SET", "tls-cert-file", str(pair[0]), "tls-key-file", str(pair[1]))

    def client(self, **options) -> redis.Redis:
        return self.server.client(**options)


@pytest.fixture
def secure(starter, authority, pair):
    return TlsRedis(starter, authority, pair)


def post(engine, device: str = "d", ack: str = "stored"):
    with engine.connect() as connection:
        return connection.post(sample(device), query=f"?ack={ack}")


def trusting(authority, **more) -> dict:
    return {**FAST, "sink.redis.tls_ca": authority.certificate, **{f"sink.redis.{name}": value for name, value in more.items()}}


def last_error(engine) -> str:
    return engine.status()["sinks"][0]["last_error"]


def wait_ready(engine) -> None:
    wait_until(lambda: engine.admin("GET", "/ready").status == 200, "the engine is ready")


# --- whom it trusts ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_samples_arrive(starter, authority, secure, host):
    engine = starter.engine(f"rediss://{host}:{secure.port}", settings=trusting(authority))
    with engine.connect() as connection:
        for i in range(50):
            assert connection.post(sample(f"d{i}")).status == 200
    assert device_ids(secure.client()) == [f"d{i}" for i in range(50)]
    assert f"sink=rediss://{host}:{secure.port}" in engine.log()
    wait_until(lambda: engine.status()["admission"]["last_error"] == "", "the watcher speaks TLS, too")
    assert engine.status()["sinks"][0]["connection_failures"] == 0


@pytest.mark.parametrize("fault, sentence", [
    ("another CA", "its certificate is signed by CN=Redis CA, and not by whom"),
    ("expired", "its certificate expired on "),
    ("another name", "its certificate is for DNS:redis.test, and not for localhost; connect by a name that it has, or set "
                     "sink.redis.tls_server_name to one"),
    ("for clients", "its certificate is not meant for servers"),
])
def test_whoever_cannot_be_trusted_is_told_and_tried_again(starter, authority, pair, secure, tmp_path, fault, sentence):
    settings = trusting(authority)
    if fault == "another CA":
        settings["sink.redis.tls_ca"] = trusted = tmp_path / "trusted.pem"
        trusted.write_bytes(Authority(tmp_path / "other").certificate.read_bytes())
    secure.show({"another CA": pair, "expired": authority.issue("old", days=-1), "another name": authority.issue("other", ["DNS:redis.test"]),
                 "for clients": authority.issue("client-only", usage="clientAuth")}[fault])
    engine = starter.engine(secure.url, until="/status", settings={**settings, "ack_timeout": "200ms"})
    beginning = f"no TLS with localhost:{secure.port} (127.0.0.1): "
    wait_until(lambda: last_error(engine).startswith(beginning + sentence), f"the sink says why; {last_error(engine)}")
    assert post(engine).status == 503
    assert sentence in engine.admin("GET", "/ready").body.decode()
    wait_until(lambda: "event=sink_unreachable" in engine.log() and sentence in engine.log(), "the log tells")
    wait_until(lambda: sentence in engine.status()["admission"]["last_error"], "so does the watcher")
    # Mended at the server, or in the file that is trusted: the next connection finds out.
    if fault == "another CA":
        trusted.write_bytes(authority.certificate.read_bytes())
    secure.show(pair)
    wait_ready(engine)
    assert post(engine).status == 200


def test_a_name_may_be_set_and_verification_switched_off(starter, authority, secure):
    secure.show(authority.issue("set", ["DNS:redis.test"]))
    engine = starter.engine(secure.url, settings=trusting(authority, tls_server_name="redis.test"))
    assert post(engine, "named").status == 200
    careless = starter.engine(secure.url, settings={**FAST, "sink.redis.tls_verify": "false"})
    assert post(careless, "careless").status == 200
    assert "event=redis_not_verified" in careless.log() and "event=redis_not_verified" not in engine.log()


@pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])
def test_a_redis_that_wants_a_certificate(starter, authority, pair, version):
    secure = TlsRedis(starter, authority, pair, "--tls-auth-clients", "yes", "--tls-protocols", version)
    stranger = starter.engine(secure.url, until="/status", settings=trusting(authority))
    wait_until(lambda: "sink.redis.tls_certificate" in last_error(stranger), "the sentence says what to set")
    assert f"no TLS with localhost:{secure.port}" in last_error(stranger) or "closed the connection" in last_error(stranger)
    wait_until(lambda: "sink.redis.tls_certificate" in stranger.status()["admission"]["last_error"], "so does the watcher's")
    certificate, key = authority.issue("engine", usage="clientAuth")
    engine = starter.engine(secure.url, settings=trusting(authority, tls_certificate=certificate, tls_key=key))
    assert post(engine).status == 200


def test_plain_and_tls_do_not_mix(starter, authority, secure):
    plain = starter.engine(f"redis://localhost:{secure.port}", until="/status", settings=FAST)
    wait_until(lambda: "if it speaks TLS, sink.url begins with rediss" in last_error(plain), "the plain sink says so")
    wait_until(lambda: "sink.url begins with rediss" in plain.status()["admission"]["last_error"], "so does its watcher")
    sealed = starter.engine(secure.plain_url.replace("redis", "rediss"), until="/status",
                            settings=trusting(authority, connect_timeout="300ms"))
    wait_until(lambda: "if it speaks plain Redis, sink.url begins with redis, not with rediss" in last_error(sealed), "the other, too")
    wait_until(lambda: "if it speaks plain Redis" in sealed.status()["admission"]["last_error"], "and its watcher")


# --- everything that asks Redis ------------------------------------------------------------------------------------


def test_a_cluster(starter, authority):
    pair, ports = authority.issue("node", usage="serverAuth,clientAuth"), []  # nodes are clients of each other

    def arguments() -> tuple:
        ports.append(reserve_port())
        return tls_arguments(authority, pair, ports[-1], "--tls-cluster", "yes", "--tls-replication", "yes")

    cluster = starter.cluster(primaries=2, replicas=0, arguments=arguments)
    url = f"rediss-cluster://127.0.0.1:{ports[0]}"
    engine = starter.engine(url, settings=trusting(authority, partitions=16))
    for i in range(32):
        assert post(engine, f"d{i}").status == 200
    assert sum(cluster.keys().values()) == 32
    assert all(node.client().dbsize() > 0 for node in cluster.primaries)
    assert {node["address"] for node in engine.status()["sinks"][0]["cluster"]["nodes"]} == {f"127.0.0.1:{port}" for port in ports}
    wait_until(lambda: engine.status()["admission"]["last_error"] == "", "the watcher asks all nodes")
    # A redirect leads to a port that speaks TLS, too.
    slot = cluster.slot_of("telemetry:{0}")
    source = cluster.owner_of(slot)
    target = next(node for node in cluster.primaries if node is not source)
    cluster.move_slot(slot, source, target)
    for i in range(32):
        assert post(engine, f"d{i}").status == 200
    assert sum(cluster.keys().values()) == 64


def test_sentinels(starter, authority, pair, workspace):
    secure = TlsRedis(starter, authority, pair)
    directory, plain, port = Path(tempfile.mkdtemp(dir=workspace)), reserve_port(), reserve_port()
    config = directory / "sentinel.conf"
    options = dict(zip(*[iter(tls_arguments(authority, pair, port, "--tls-replication", "yes"))] * 2))
    config.write_text("".join(f"{name[2:]} {value}\n" for name, value in options.items())
                      + f"port {plain}\nbind 127.0.0.1\ndir {directory}\nsentinel monitor main 127.0.0.1 {secure.port} 1\n")
    sentinel = Child(["redis-server", config, "--sentinel"], directory, "sentinel")
    try:
        def knows() -> bool:
            try:
                with redis.Redis(port=plain) as client:
                    return not client.sentinel_master("main")["is_disconnected"]
            except (redis.RedisError, KeyError):
                return False
        wait_until(knows, "the sentinel has reached the primary")
        engine = starter.engine(f"rediss-sentinel://localhost:{port}/main", settings=trusting(authority))
        assert post(engine).status == 200
        assert device_ids(secure.client()) == ["d"]
    finally:
        sentinel.kill()


def test_exactly_once(starter, authority, secure, tmp_path):
    engine = starter.engine(secure.url, settings=trusting(authority, exactly_once="true", instance="e") | {"journal.directory": tmp_path / "journal"})
    for i in range(5):
        assert post(engine, f"d{i}", ack="journaled").status == 200
    client = secure.client()
    wait_until(lambda: sum(client.xlen(key) for key in client.smembers("telemetry:streams")) == 5, "all are delivered")


def test_replay_verify_and_check_config(starter, authority, pair, secure, tmp_path):
    certificate, key = authority.issue("tools", usage="clientAuth")
    secure.client().execute_command("CONFIG", "SET", "tls-auth-clients", "yes")
    directory = tmp_path / "journal"
    engine = starter.engine(f"journal:{directory}")
    ledger = tmp_path / "ledger"
    run = run_load("http://{}:{}/telemetry".format(*engine.address), "--sample", "--users", 2, "--requests", 40, "--ledger", ledger)
    assert run.exit_code == OK, run.messages
    shown = {"tls_ca": authority.certificate, "tls_certificate": certificate, "tls_key": key}
    replayed = journal("replay", directory, "--to", secure.url, *[word for name, value in shown.items()
                                                                    for word in ("--set", f"sink.redis.{name}={value}")])
    assert replayed.returncode == 0 and f"40 samples delivered to {secure.url}" in replayed.stderr, replayed.stderr

    def verify(*options):
        done = subprocess.run([LOAD_BINARY, "verify", "--ledger", ledger, "--redis", secure.url, *options], capture_output=True, text=True, timeout=60)
        return done.returncode, done.stdout + done.stderr
    options = ("--redis-cert", certificate, "--redis-key", key)
    code, output = verify("--redis-ca", authority.certificate, *options)
    assert code == OK and "nothing that was acknowledged is lost" in output, output
    assert verify("--redis-insecure", *options)[0] == OK
    code, output = verify(*options)
    assert code == SETUP_FAILED and "whom this system does not trust" in output, output
    code, output = verify("--redis-ca", authority.certificate, "--redis-server-name", "redis.test", *options)
    assert code == SETUP_FAILED and "and not for redis.test" in output, output

    file = tmp_path / "sluice.toml"

    def check(**settings):
        lines = [f"{name} = '{value}'" for name, value in settings.items()]
        file.write_text(f"sink.url = '{secure.url}'\n[sink.redis]\n" + "\n".join(lines))
        done = subprocess.run([BINARY, "check-config", "--connect", file], capture_output=True, text=True, env=CLEAN_ENVIRONMENT, timeout=60)
        return done.returncode, done.stdout + done.stderr
    code, output = check(**shown)
    assert code == 0 and f"{secure.url} answers" in output, output
    code, output = check(**{**shown, "tls_ca": certificate})
    assert code == 1 and "and not by whom" in output, output
    code, output = check(**{**shown, "tls_ca": tmp_path / "nothing"})
    assert code == 1 and f"warning: the file of sink.redis.tls_ca {tmp_path / 'nothing'} cannot be opened" in output, output


def test_dead_letters_are_written_and_read_over_tls(starter, secure, authority, tmp_path):
    token = new_token("acme")
    tenants = write_tenants(tmp_path / "t.toml", tenant_table("acme", token.line, more='dead_letter = true\ndeny_types = ["temperature"]'))
    engine = starter.engine(secure.url, settings={**trusting(authority), "tenants.file": tenants})
    with engine.connect() as connection:
        assert connection.post(sample(), headers=[("Authorization", f"Bearer {token.text}")]).status == 400
    wait_until(lambda: secure.client().xlen("telemetry.dead") == 1, "the record is kept")
    config = tmp_path / "sluice.toml"
    config.write_text(f'sink.url = "{secure.url}"\nsink.redis.tls_ca = "{authority.certificate}"\ntenants.file = "{tenants}"\n')
    listed = subprocess.run([BINARY, "dead", "ls", "--config", config], env=CLEAN_ENVIRONMENT, text=True, capture_output=True, timeout=30)
    assert listed.returncode == 0 and '"letters":1' in listed.stdout, listed


# --- passwords -----------------------------------------------------------------------------------------------------


def test_a_password_of_the_service_is_rotated_and_never_shown(starter, authority, pair, tmp_path):
    secure = TlsRedis(starter, authority, pair, "--requirepass", "hush-1")
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    (credentials / "ca").write_bytes(authority.certificate.read_bytes())
    password = credentials / "redis-password"
    password.write_text("hush-1\n")
    password.chmod(0o644)
    environment = {"CREDENTIALS_DIRECTORY": str(credentials)}
    settings = trusting(authority, tls_ca="ca", password_file="redis-password")
    engine = starter.engine(secure.url, settings=settings, environment=environment)
    assert post(engine).status == 200
    assert f'event=redis_password_open reason="every user of this machine can read {password}"' in engine.log()

    secure.client(password="hush-1").config_set("requirepass", "hush-2")
    password.write_text("hush-2\n")
    secure.client(password="hush-2").execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    wait_until(lambda: engine.status()["sinks"][0]["connects"] == 2, "the engine connects with the new one")
    assert post(engine).status == 200

    words = [word for name, value in settings.items() for word in ("--set", f"{name}={value}")]
    printed = subprocess.run([BINARY, "print-config", "--effective", "--set", f"sink.url={secure.url}", *words], capture_output=True, text=True,
                             env={**CLEAN_ENVIRONMENT, **environment}, timeout=60)
    assert str(password) in printed.stdout, printed.stderr
    for text in (engine.log(), engine.admin("GET", "/status").body.decode(), engine.metrics(), printed.stdout):
        assert "hush" not in text


def test_a_private_password_file_is_not_warned_of(starter, authority, pair, tmp_path):
    secure = TlsRedis(starter, authority, pair, "--requirepass", "hush")
    password = tmp_path / "password"
    password.write_text("hush\n")
    password.chmod(0o640)
    engine = starter.engine(secure.url, settings=trusting(authority, password_file=password))
    assert post(engine).status == 200
    assert "event=redis_password_open" not in engine.log()
