"""The ledger: every acknowledged sample is found again, in every layout, and what is missing is named."""
# runs: release long: asan

import contextlib
import json
import re
import resource
import signal
import socket
import subprocess
import threading

import pytest
import redis

from harness import reserve_port, wait_until
from harness.load import BAD_USAGE, LOAD_BINARY, OK, SETUP_FAILED, THRESHOLD_MISSED, Connection, LoadTarget, run_load

LOST = THRESHOLD_MISSED


def url_of(engine) -> str:
    return "http://{}:{}/telemetry".format(*engine.address)


def verify(ledger, redis_url, *options):
    path = ledger.parent / "verdict.json"
    done = subprocess.run([str(word) for word in (LOAD_BINARY, "verify", "--ledger", ledger, "--redis", redis_url, "--json", path, *options)],
                          capture_output=True, text=True, timeout=120)
    return done.returncode, done.stdout + done.stderr, json.loads(path.read_text()) if path.exists() else None


@pytest.mark.parametrize("settings", [
    {"sink.redis.layout": "fields"},
    {"sink.redis.layout": "fields", "sink.redis.partitions": 3},
    {"sink.redis.layout": "json"},
    {"sink.redis.layout": "list"},
    {"sink.redis.layout": "packed"},
], ids=["fields", "partitions", "json", "list", "packed"])
def test_all_that_was_acknowledged_is_found(starter, tmp_path, settings):
    server = starter.redis()
    engine = starter.engine(server.url, settings=settings)
    ledger = tmp_path / "ledger"
    run = run_load(url_of(engine), "--sample", "--users", 4, "--requests", 300, "--batch", 5, "--devices", 20, "--ledger", ledger)
    assert run.exit_code == OK and run.totals["samples"] == 1500, run.messages
    code, output, verdict = verify(ledger, server.url)
    assert code == OK, output
    assert verdict["total"] == {"acknowledged": 1500, "found": 1500, "lost": 0, "duplicated": 0, "reordered": 0, "unacknowledged": 0}
    assert len(verdict["devices"]) == 20


def test_a_run_does_not_find_the_samples_of_another(starter, tmp_path):
    server = starter.redis()
    stores = starter.engine(server.url, settings={"sink.redis.layout": "fields"})

    async def forget(connection: Connection):
        while True:
            await connection.request()
            connection.answer()

    def load(url, name):
        run = run_load(url, "--sample", "--users", 2, "--requests", 200, "--devices", 10, "--ledger", tmp_path / name)
        assert run.exit_code == OK, run.messages
        return verify(tmp_path / name, server.url)

    for _ in range(2):  # without a ledger each run has the devices and seqs of the one before
        assert run_load(url_of(stores), "--sample", "--users", 2, "--requests", 100).exit_code == OK

    assert load(url_of(stores), "first")[0] == OK
    with LoadTarget(forget) as target:
        code, output, verdict = load(target.url, "second")
    assert code == LOST, output
    assert verdict["total"]["acknowledged"] == verdict["total"]["lost"] == 200
    code, output, verdict = load(url_of(stores), "third")
    assert code == OK, output
    assert verdict["total"] == {"acknowledged": 200, "found": 200, "lost": 0, "duplicated": 0, "reordered": 0, "unacknowledged": 0}
    assert "400 samples are of devices that are not this ledger's" in output


def test_lost_duplicated_reordered_and_unacknowledged_are_told_apart(starter, tmp_path):
    server = starter.redis()
    redis = server.client()
    ledger = tmp_path / "ledger"
    ledger.write_text("a 0 1\na 1 3\nb 0 2\nc 0 1\nb 2 1")  # the last line is cut short

    def store(device, seq):
        redis.xadd("telemetry", {"device_id": device, "seq": seq, "type": "t"})

    for device, seq in (("a", 0), ("a", 2), ("a", 1), ("a", 2), ("b", 0), ("b", 1), ("b", 2)):
        store(device, seq)
    redis.xadd("telemetry", {"x": "y"})
    store("d1", 2**64 - 1)
    code, output, verdict = verify(ledger, server.url)
    assert code == LOST
    assert "ACKNOWLEDGED SAMPLES ARE LOST" in output and "1 entry in Redis has no device" in output
    assert "1 sample is of devices that are not this ledger's" in output
    assert verdict["total"] == {"acknowledged": 7, "found": 5, "lost": 2, "duplicated": 1, "reordered": 1, "unacknowledged": 1}
    assert verdict["devices"]["a"]["lost_first"] == [3] and verdict["devices"]["c"]["lost"] == 1
    assert verdict["devices"]["b"] == {"acknowledged": 2, "found": 2, "lost": 0, "duplicated": 0, "reordered": 0,
                                       "unacknowledged": 1, "lost_first": []}


@contextlib.contextmanager
def ledgered_load(engine, ledger, *options):
    """sluice-load beside what the test does to the servers; it ends with the `with` at the latest."""
    words = (LOAD_BINARY, url_of(engine), "--sample", *options, "--connections", 8, "--ledger", ledger, "--quiet")
    load = subprocess.Popen([str(word) for word in words], stderr=subprocess.DEVNULL)
    try:
        yield load
    finally:
        if load.poll() is None:
            load.kill()
            load.wait()


def test_a_ledger_survives_an_engine_that_is_killed(starter, tmp_path):
    server = starter.redis()
    engine = starter.engine(server.url)
    ledger = tmp_path / "ledger"
    with ledgered_load(engine, ledger, "--rate", "2000/s", "--duration", "2s") as load:
        while not ledger.exists() or ledger.stat().st_size < 4000:
            assert load.poll() is None
        engine.signal(9)
        engine.wait_exit()
        load.wait(30)
    code, output, verdict = verify(ledger, server.url)
    assert code == OK, output
    assert verdict["total"]["acknowledged"] > 100 and verdict["total"]["lost"] == 0


def test_a_ledger_survives_a_redis_that_is_killed(starter, tmp_path):
    server = starter.redis(persistent=True)
    engine = starter.engine(server.url)
    ledger = tmp_path / "ledger"
    with ledgered_load(engine, ledger, "--rate", "1000/s", "--duration", "4s") as load:
        wait_until(lambda: ledger.exists() and ledger.stat().st_size > 4000, "samples are acknowledged")
        server.kill()
        server.start()
        size = ledger.stat().st_size
        wait_until(lambda: ledger.stat().st_size > size, "samples are acknowledged again")
        load.wait(60)
    code, output, verdict = verify(ledger, server.url)
    assert code == OK, output
    assert verdict["total"]["acknowledged"] > 200 and verdict["total"]["lost"] == 0


def test_a_ledger_that_cannot_be_written_costs_the_rest_of_the_run_only(tmp_path):
    async def serve(connection: Connection):
        while True:
            await connection.request()
            connection.answer()

    def limit_files():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000))

    path = tmp_path / "result.json"
    with LoadTarget(serve) as target:
        words = (LOAD_BINARY, target.url, "--sample", "--rate", "2000/s", "--duration", "30s", "--warmup", 0, "--ledger", tmp_path / "ledger", "--json", path)
        done = subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=120, preexec_fn=limit_files)
    assert done.returncode == SETUP_FAILED
    assert "cannot write the ledger" in done.stderr and "requests" in done.stdout  # the summary is there, too
    assert 0 < json.loads(path.read_text())["totals"]["responses"] < 30_000


def test_a_run_that_could_not_begin_leaves_no_ledger(tmp_path):
    ledger = tmp_path / "ledger"
    for _ in range(2):
        run = run_load(f"http://127.0.0.1:{reserve_port()}/", "--sample", "--ledger", ledger)
        assert run.exit_code == SETUP_FAILED and "Connection refused" in run.messages
    assert not ledger.exists()


def test_a_ledger_is_never_overwritten(tmp_path):
    ledger = tmp_path / "ledger"
    ledger.write_text("a 0 1\n")
    run = run_load("http://127.0.0.1:1/", "--sample", "--ledger", ledger)
    assert run.exit_code == SETUP_FAILED and "File exists" in run.messages
    assert ledger.read_text() == "a 0 1\n"


@pytest.mark.parametrize("body", [
    "{}",
    '{"device_id":"x-{device}","seq":{seq}}',
    '{"device_id":"{device}","values":{"seq":{seq}}}',
    '{"device_id":"{device}","seq":"{seq}"}',
    '{"device_id":"{device}","seq":1{seq}}',
    '[{"device_id":"{device}","seq":{seq}},{"device_id":"{device}","seq":{seq}}]',
    "device {device} seq {seq}",
])
def test_a_ledger_needs_samples_that_can_be_found_again(tmp_path, body):
    run = run_load("http://127.0.0.1:1/", "--body", body, "--ledger", tmp_path / "ledger")
    assert run.exit_code == BAD_USAGE and "{seq}" in run.messages


@pytest.mark.parametrize("body", [
    '{"device_id":"{device}","seq":{seq},"at":"{ts}","ms":{ts:ms},"v":{float:-1:2.5},"k":"{choice:a|b}"}',
    '[{"seq":{seq},"device_id":"{device}"}]',
])
def test_a_ledger_takes_samples_that_can_be_found_again(tmp_path, body):
    run = run_load("http://127.0.0.1:1/", "--body", body, "--ledger", tmp_path / "ledger")
    assert run.exit_code == SETUP_FAILED, run.messages  # nobody listens
    assert not (tmp_path / "ledger").exists()


def test_a_ledger_needs_a_device_for_each_connection(tmp_path):
    run = run_load("http://127.0.0.1:1/", "--sample", "--connections", 21, "--devices", 20, "--ledger", tmp_path / "ledger")
    assert run.exit_code == BAD_USAGE and "--devices" in run.messages


@pytest.mark.parametrize("text", ["a\n", "a 1\n", "a b c\n", "a 1 2 3x\n", " \n", "a 18446744073709551615 9\n", "a 9007199254740991 1\n"])
def test_what_is_no_ledger_is_refused(starter, tmp_path, text):
    ledger = tmp_path / "ledger"
    ledger.write_text(text)
    code, output, _ = verify(ledger, "redis://127.0.0.1:1")
    assert code == SETUP_FAILED and "line 1" in output


def test_a_ledger_without_a_line_proves_nothing(tmp_path):
    ledger = tmp_path / "ledger"
    for make in (ledger.mkdir, lambda: (ledger.rmdir(), ledger.write_text("")), lambda: ledger.write_text("a 0 1")):
        make()
        code, output, _ = verify(ledger, "redis://127.0.0.1:1")
        assert code == SETUP_FAILED and "ledger" in output, output


def test_a_member_named_like_a_layout_hides_no_sample(starter, tmp_path):
    server = starter.redis()
    redis = server.client()
    ledger = tmp_path / "ledger"
    ledger.write_text("a 0 3\n")
    for seq, extra in enumerate(({"json": "{}"}, {"ndjson": "x"}, {"x": "y"})):
        redis.xadd("telemetry", {**extra, "device_id": "a", "seq": seq})
    code, output, verdict = verify(ledger, server.url)
    assert code == OK and verdict["total"]["found"] == 3, output


def test_a_redis_that_is_not_there(tmp_path):
    ledger = tmp_path / "ledger"
    ledger.write_text("a 0 1\n")
    for url, server in (("redis://127.0.0.1:1", "127.0.0.1:1"), ("redis+unix:///nope", "/nope"), ("redis-cluster://127.0.0.1:1,127.0.0.1:2", "127.0.0.1:2")):
        code, output, _ = verify(ledger, url)
        assert code == SETUP_FAILED and f"Redis at {server}: " in output and output.endswith("; --redis says which Redis is asked\n"), output


@pytest.mark.parametrize("options, told", [
    (("--stream", "nope"), 'there is no stream "nope"; it holds the streams "events", "telemetry" and the list "queue"'),
    (("--list", "nope"), 'there is no list "nope"; it holds'),
    (("--stream", "word"), '"word" is a string and no stream; it holds'),
])
def test_a_key_that_is_not_there_is_no_loss(starter, tmp_path, options, told):
    server = starter.redis()
    redis = server.client()
    ledger = tmp_path / "ledger"
    ledger.write_text("a 0 1\n")
    redis.set("word", "x")
    code, output, verdict = verify(ledger, server.url)
    assert code == SETUP_FAILED and verdict is None, output
    assert 'Redis: there is no stream "telemetry", and there is no list "telemetry_queue"; it holds no stream and no list' in output
    for stream in ("telemetry", "events"):
        redis.xadd(stream, {"device_id": "a", "seq": 0})
    redis.rpush("queue", "{}")
    assert verify(ledger, server.url)[0] == OK
    (tmp_path / "verdict.json").unlink()
    code, output, verdict = verify(ledger, server.url, *options)
    told_in_any_order = told.replace('"events", "telemetry"', '"telemetry", "events"')
    assert code == SETUP_FAILED and (told in output or told_in_any_order in output) and "LOST" not in output, output
    assert verdict is None, "and no verdict is written"


def test_a_verdict_on_standard_output_stands_there_alone(starter, tmp_path):
    server = starter.redis()
    ledger = tmp_path / "ledger"
    ledger.write_text("a 0 1\n")
    for fields in ({"device_id": "a", "seq": 0}, {"device_id": "other", "seq": 0}, {"x": "y"}):
        server.client().xadd("telemetry", fields)
    done = subprocess.run([str(LOAD_BINARY), "verify", "--ledger", str(ledger), "--redis", server.url, "--json", "-"],
                          capture_output=True, text=True, timeout=120)
    assert done.returncode == OK and json.loads(done.stdout)["total"]["found"] == 1
    assert re.search(r"^all 1 device ", done.stderr, re.MULTILINE), done.stderr
    assert "\n1 sample is of devices that are not this ledger's\n1 entry in Redis has no device and seq of ours\n" in done.stderr
    assert "nothing that was acknowledged is lost" in done.stderr


def stored_sample(redis) -> None:
    redis.xadd("telemetry", {"device_id": "a", "seq": 0})


def test_verify_asks_sentinels_that_want_a_password(starter, tmp_path):
    sentinels = starter.sentinels()
    ledger = tmp_path / "ledger"
    ledger.write_text("a 0 1\n")
    with sentinels.primary.client() as primary:
        stored_sample(primary)
        primary.execute_command("ACL", "SETUSER", "reader", "on", ">pen", "~*", "+@all")
    for port in sentinels.ports:
        with redis.Redis(port=port) as client:
            client.execute_command("ACL", "SETUSER", "reader", "on", ">pen", "+@all")
            client.execute_command("ACL", "SETUSER", "default", "off")
    assert verify(ledger, sentinels.url)[0] == SETUP_FAILED
    code, output, _ = verify(ledger, sentinels.url.replace("://", "://reader:pen@"))
    assert code == OK, output


def test_verify_takes_the_credentials_that_the_engine_takes(starter, tmp_path, monkeypatch):
    server = starter.redis(arguments=("--requirepass", "pen"))
    ledger = tmp_path / "ledger"
    ledger.write_text("a 0 1\n")
    stored_sample(server.client(password="pen"))
    code, output, _ = verify(ledger, server.url)
    assert code == SETUP_FAILED and f"Redis at 127.0.0.1:{server.port}: NOAUTH" in output and "required; --redis takes user and password" in output, output
    monkeypatch.setenv("SLUICE_SINK_REDIS_PASSWORD", "pen")
    monkeypatch.setenv("SLUICE_LISTEN", "nonsense that is none of its business")
    code, output, _ = verify(ledger, server.url)
    assert code == OK, output


def test_verify_finds_a_redis_on_the_other_family_of_its_name(starter, tmp_path):
    """The name leads to an IPv4 address at which nobody listens, and to ::1."""
    hosts = tmp_path / "hosts"
    hosts.write_text("127.0.0.9 both.test\n::1 both.test\n")
    in_such_a_net = ["unshare", "--mount", "sh", "-c", 'mount --bind "$0" /etc/hosts && exec "$@"', str(hosts)]
    if subprocess.run([*in_such_a_net, "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("this user may not mount")
    server = starter.redis(arguments=("--bind", "127.0.0.1", "::1"))
    stored_sample(server.client())
    (tmp_path / "ledger").write_text("a 0 1\n")
    done = subprocess.run([*in_such_a_net, str(LOAD_BINARY), "verify", "--ledger", str(tmp_path / "ledger"), "--redis",
                           f"redis://both.test:{server.port}"], capture_output=True, text=True, timeout=120)
    assert done.returncode == OK, done.stderr


@contextlib.contextmanager
def refusing_server(address: str, port: int, reply: bytes):
    """Answers `reply` to whatever comes on a connection, one connection after the other. `address` is IPv6."""
    with socket.create_server((address, port), family=socket.AF_INET6) as listener:
        def serve():
            while True:
                try:
                    client, _ = listener.accept()
                except OSError:
                    return  # shut down below
                with client, contextlib.suppress(ConnectionResetError):
                    while client.recv(4096):
                        client.sendall(reply)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


def test_verify_leaves_an_address_of_its_name_that_tells_nothing(starter, tmp_path):
    """The name leads to ::1, where a password is wanted, and to 127.0.0.1."""
    hosts = tmp_path / "hosts"
    hosts.write_text("127.0.0.1 both.test\n::1 both.test\n")
    in_such_a_net = ["unshare", "--mount", "sh", "-c", 'mount --bind "$0" /etc/hosts && exec "$@"', str(hosts)]
    if subprocess.run([*in_such_a_net, "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("this user may not mount")
    server = starter.redis()
    stored_sample(server.client())
    refusal = b"-NOAUTH Authentication required.\r\n"
    with refusing_server("::1", server.port, refusal):
        (tmp_path / "ledger").write_text("a 0 1\n")
        done = subprocess.run([*in_such_a_net, str(LOAD_BINARY), "verify", "--ledger", str(tmp_path / "ledger"), "--redis",
                               f"redis://both.test:{server.port}"], capture_output=True, text=True, timeout=120)
    assert done.returncode == OK, done.stderr


@pytest.mark.parametrize("url", ["null:", "journal:/tmp/x", "redis://u:HUSH@h:port", "http://h"])
def test_what_is_no_redis_is_refused(tmp_path, url):
    ledger = tmp_path / "ledger"
    ledger.write_text("a 0 1\n")
    code, output, _ = verify(ledger, url)
    assert code == BAD_USAGE and "--redis is " in output and "HUSH" not in output and "journal:directory" not in output, output
