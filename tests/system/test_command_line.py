"""The commands and the configuration: what they print, what they refuse, and with which exit code."""
# runs: release.io_uring release.epoll asan.io_uring fast user

import json
import os
import re
import socket
import subprocess

import pytest

from harness import HttpConnection, reserve_port
from harness.engine import BINARY, CLEAN_ENVIRONMENT, PROJECT


def run(*arguments, environment=None) -> subprocess.CompletedProcess:
    return subprocess.run([str(BINARY), *map(str, arguments)], capture_output=True, text=True, timeout=120,
                          env={**CLEAN_ENVIRONMENT, **(environment or {})})


def assert_refused(finished: subprocess.CompletedProcess, *words: str) -> None:
    """Exit code 2 and one sentence on standard error that has all the words."""
    assert finished.returncode == 2, finished
    assert len(finished.stderr.strip().splitlines()) == 1, finished.stderr
    for word in words:
        assert word in finished.stderr, f"{word!r} is not in {finished.stderr!r}"


def config_file(tmp_path, text: str):
    path = tmp_path / "sluice.toml"
    path.write_text(text)
    return path


def test_version():
    finished = run("--version")
    assert finished.returncode == 0
    declared = re.search(r"project\(sluice VERSION (\S+)", (PROJECT / "CMakeLists.txt").read_text())[1]
    assert declared in finished.stdout


@pytest.mark.parametrize("arguments", [["--help"], ["serve", "--help"], ["check-config", "--help"], ["print-config", "--help"]])
def test_help(arguments):
    finished = run(*arguments)
    assert finished.returncode == 0 and "Usage" in finished.stdout and not finished.stderr


def test_help_names_every_command_and_option():
    assert all(command in run("--help").stdout for command in ("serve", "check-config", "print-config"))
    help_text = run("serve", "--help").stdout
    for option in ("--config", "--listen", "--admin", "--cores", "--sink", "--ack", "--backend", "--log-level", "--set"):
        assert option in help_text


def test_print_config_names_every_key_with_its_bounds():
    finished = run("print-config")
    assert finished.returncode == 0
    for key in ("listen", "cores", "ack", "drain_timeout", "ack_timeout", "body_max", "header_timeout", "layout", "stream",
                "partitions", "maxlen"):
        assert key in finished.stdout, key
    for section in ("[admin]", "[log]", "[http]", "[io]", "[batch]", "[sink.redis]"):
        assert section in finished.stdout or section.strip("[]") + "." in finished.stdout, section


def test_what_print_config_prints_is_a_valid_configuration(tmp_path):
    finished = run("check-config", config_file(tmp_path, run("print-config").stdout))
    assert finished.returncode == 0, finished.stderr


def test_check_config_accepts_a_full_file(tmp_path):
    path = config_file(tmp_path, """
        listen = "127.0.0.1:9000"
        ack = "queued"
        drain_timeout = "5s"
        [http]
        body_max = "2MiB"
        [sink]
        url = "redis://user:secret@127.0.0.1:6379/1"
        [sink.redis]
        layout = "packed"
        partitions = 8
    """)
    finished = run("check-config", path)
    assert finished.returncode == 0, finished.stderr
    assert "secret" not in finished.stdout + finished.stderr


@pytest.mark.parametrize("line, words", [
    pytest.param("lisen = '127.0.0.1:1'", ["lisen"], id="unknown key"),
    pytest.param("listen = 7", ["listen", "7"], id="wrong type"),
    pytest.param("listen = 'localhost'", ["listen", "localhost"], id="no port"),
    pytest.param("listen = '127.0.0.1:70000'", ["listen", "70000"], id="port out of range"),
    pytest.param("ack = 'journaled'", ["ack", "journaled", "sink.url"], id="level not here"),
    pytest.param("drain_timeout = '5 parsecs'", ["drain_timeout", "5 parsecs"], id="wrong unit"),
    pytest.param("drain_timeout = -1", ["drain_timeout", "-1"], id="negative"),
    pytest.param("http.body_max = '1TiB'", ["http.body_max", "1TiB", "64MiB"], id="too large"),
    pytest.param("http.body_max = '1KiB'", ["http.body_max", "1KiB", "64KiB"], id="too small"),
    pytest.param("sink.url = 'http://x'", ["sink.url", "http://x"], id="unknown scheme"),
    pytest.param("sink.redis.layout = 'rows'", ["sink.redis.layout", "rows", "fields"], id="unknown layout"),
    pytest.param("sink.redis.partitions = 0", ["sink.redis.partitions", "0"], id="no partition"),
    pytest.param("ack = 'queued'\nack = 'stored'", ["ack"], id="twice"),
    pytest.param("ack = ", [], id="not TOML"),
])
def test_a_wrong_line_is_named(tmp_path, line, words):
    path = config_file(tmp_path, f"# a comment\n\n{line}\n")
    line_number = 3 + line.count("\n")
    for command in (["check-config", path], ["serve", "--config", path]):
        assert_refused(run(*command), path.name, f":{line_number}", *words)


@pytest.mark.parametrize("arguments, words", [
    (["--listen", "nowhere"], ["nowhere"]), (["--ack", "maybe"], ["maybe", "queued", "stored"]),
    (["--cores", "zero"], ["zero"]), (["--cores", "9999"], ["9999"]), (["--sink", "ftp://x"], ["ftp://x"]),
    (["--set", "no.such.key=1"], ["no.such.key"]), (["--set", "http.body_max"], ["http.body_max"]),
    (["--set", "http.body_max=lots"], ["http.body_max", "lots"]), (["--log-level", "loud"], ["loud"]),
    (["--config", "/nonexistent/sluice.toml"], ["/nonexistent/sluice.toml"]),
])
def test_a_wrong_argument_is_named(arguments, words):
    assert_refused(run("serve", *arguments), *words)


def test_an_unknown_option_or_command_exits_2():
    assert run("serve", "--no-such-option").returncode == 2
    assert run("no-such-command").returncode == 2


def test_a_wrong_environment_variable_is_named():
    assert_refused(run("serve", environment={"SLUICE_ACK": "maybe"}), "SLUICE_ACK", "maybe")


def test_a_secret_in_a_wrong_url_is_not_repeated():
    finished = run("serve", "--sink", "redis://user:hunter2@host:notaport")
    assert finished.returncode == 2 and "hunter2" not in finished.stderr


def test_version_is_a_command_too():
    assert run("version").stdout == run("--version").stdout


# --- what counts, and what this machine lacks ---

def test_check_config_warns_of_what_this_machine_lacks(tmp_path):
    path = config_file(tmp_path, f"""
        cores = "0,8190"
        listen = "198.51.100.7:8080"
        admin.listen = "198.51.100.7:8081"
        journal.directory = "{tmp_path}/new"
    """)
    finished = run("check-config", path)
    assert finished.returncode == 0, finished.stderr
    lines = finished.stdout.splitlines()
    assert lines[-1].startswith(f"{path}: ok, with ")
    warnings = [line for line in lines if line.startswith(f"{path}: warning: ")]
    for words in ("core 8190 does not exist", "listen is 198.51.100.7:8080, but this machine has no address 198.51.100.7", "admin.listen is 198.51.100.7:8081, but", f"journal {tmp_path}/new: does not exist; a start makes it"):
        assert any(words in line for line in warnings), (words, lines)
    assert not (tmp_path / "new").exists()
    assert_refused(run("serve", "--config", path), "core 8190 does not exist")


def test_check_config_says_that_a_start_would_fail(tmp_path):
    finished = run("check-config", config_file(tmp_path, f'sink.url = "journal:{tmp_path}/none/below"'))
    assert finished.returncode == 0
    assert f"warning: journal {tmp_path}/none/below: its parent {tmp_path}/none does not exist" in finished.stdout


@pytest.mark.parametrize("folder", ["/proc", "/sys"])
def test_check_config_does_not_promise_what_the_kernel_refuses(tmp_path, folder):
    path = config_file(tmp_path, f'sink.url = "journal:{folder}/x"')
    assert f"warning: journal {folder}/x: cannot be made: " in run("check-config", path).stdout
    started = run("serve", "--config", path)
    assert started.returncode == 1 and f"journal {folder}/x: cannot be made: " in started.stderr, started.stderr


def test_check_config_applies_the_environment(tmp_path):
    path = config_file(tmp_path, "ack = 'queued'\n")
    finished = run("check-config", path, environment={"SLUICE_ACK_TIMEOUT": "7s"})
    assert finished.returncode == 0
    assert f"{path}: note: ack_timeout is 7s, from environment SLUICE_ACK_TIMEOUT\n" in finished.stdout
    empty = run("check-config", path, environment={"SLUICE_JOURNAL_DIRECTORY": ""})
    assert f"{path}: note: journal.directory is empty, from environment SLUICE_JOURNAL_DIRECTORY\n" in empty.stdout
    assert_refused(run("check-config", path, environment={"SLUICE_ACK": "maybe"}), "SLUICE_ACK", "maybe")
    assert_refused(run("check-config", path, "--set", "batch.count=1"), "--set", "batch.count")


def test_check_config_asks_redis(tmp_path, starter):
    server = starter.redis()
    server.client().xadd("telemetry", {"a": "b"})
    path = config_file(tmp_path, f'sink.url = "{server.url}"')
    finished = run("check-config", "--connect", path)
    assert finished.returncode == 0, finished.stderr
    assert "note: redis" in finished.stdout and "answers; 1 entry is there" in finished.stdout
    for remark in ("redis_unbounded: maxmemory is 0", "redis_not_persistent: appendonly is no"):
        assert f"{path}: warning: {remark}" in finished.stdout, finished.stdout
    count = finished.stdout.count(": warning: ")  # without io_uring that is one more
    assert count >= 2 and finished.stdout.endswith(f"{path}: ok, with {count} warnings\n") and finished.stderr == ""
    assert server.client().xlen("telemetry") == 1, "nothing was written"
    port = reserve_port()
    nobody = run("check-config", "--connect", config_file(tmp_path, f"sink.url = 'redis://127.0.0.1:{port}'"))
    assert nobody.returncode == 1 and ": ok" not in nobody.stdout
    assert nobody.stderr == f"sluice: Redis at 127.0.0.1:{port} cannot be asked: Connection refused\n"
    without = run("check-config", "--connect", config_file(tmp_path, "sink.url = 'null:'"))
    assert without.returncode == 0 and "there is no Redis to ask" in without.stdout


def make_unwritable(server, how: str) -> None:
    client = server.client()
    if how == "password":
        client.config_set("requirepass", "hunter2")
    elif how == "replica":
        client.replicaof("127.0.0.1", reserve_port())
    elif how == "kind":
        client.set("telemetry", "text")
        client.set("telemetry_queue", "text")
    elif how == "user":
        client.execute_command("ACL", "SETUSER", "default", "-xadd", "-rpush")
    elif how == "memory":
        client.config_set("maxmemory", 1)


@pytest.mark.parametrize("layout", ["fields", "list"])
@pytest.mark.parametrize("how, said", [
    ("password", "NOAUTH Authentication required\n"), ("replica", "READONLY "), ("kind", "WRONGTYPE "), ("user", "NOPERM "), ("memory", "OOM "),
])
def test_check_config_says_that_redis_takes_no_samples(tmp_path, starter, layout, how, said):
    server = starter.redis()
    make_unwritable(server, how)
    path = config_file(tmp_path, f'sink.url = "{server.url}"\nsink.redis.layout = "{layout}"')
    finished = run("check-config", "--connect", path)
    key = "telemetry_queue" if layout == "list" else "telemetry"
    assert finished.returncode == 1
    assert finished.stderr.startswith(f"sluice: Redis at 127.0.0.1:{server.port} refuses samples for the key {key}: {said}"), finished
    assert ": ok" not in finished.stdout


@pytest.mark.parametrize("layout, key", [("fields", "telemetry"), ("list", "telemetry_queue")])
def test_check_config_writes_nothing(tmp_path, starter, layout, key):
    server = starter.redis()
    path = config_file(tmp_path, f'sink.url = "{server.url}"\nsink.redis.layout = "{layout}"')
    assert run("check-config", "--connect", path).returncode == 0
    assert server.client().dbsize() == 0
    server.client().execute_command("ACL", "SETUSER", "default", "-multi")
    unknown = run("check-config", "--connect", path)
    assert unknown.returncode == 0, unknown.stderr


def test_check_config_takes_its_file_from_the_environment(tmp_path):
    path = config_file(tmp_path, "ack = 'queued'\n")
    assert f"{path}: ok" in run("check-config", environment={"SLUICE_CONFIG": str(path)}).stdout
    assert_refused(run("check-config"), "check-config takes one file", "SLUICE_CONFIG")


def test_print_config_tells_each_value_and_its_origin(tmp_path):
    path = config_file(tmp_path, "ack = 'queued'\n[sink]\nurl = 'redis://u:hunter2@h'\n")
    finished = run("print-config", "--effective", "--config", path, "--set", "batch.count=64",
                   environment={"SLUICE_SINK_REDIS_PASSWORD": "hunter3"})
    assert finished.returncode == 0, finished.stderr
    lines = finished.stdout.splitlines()
    for line in (f'ack = "queued"  # {path}:1', f'url = "redis://u:***@h:6379"  # {path}:3', "count = 64  # command line --set",
                 'password = "***"  # environment SLUICE_SINK_REDIS_PASSWORD', 'drain_timeout = "10s"  # default'):
        assert line in lines, line
    assert "hunter" not in finished.stdout
    values = json.loads(run("print-config", "--effective", "--format", "json", environment={"SLUICE_ACK": "queued"}).stdout)
    assert {"key": "ack", "value": "queued", "origin": "environment SLUICE_ACK"} in values


# --- habits ---

def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
            probe.bind(("::1", 0))
        return True
    except OSError:
        return False


@pytest.mark.parametrize("host", ["localhost", ""])
def test_a_listener_by_habit_has_both_families(starter, host):
    port, admin_port = reserve_port(), reserve_port()
    engine = starter.engine("null:", ack="queued", more_listen=[f"{host}:{port}"])
    families = ["127.0.0.1", *(["::1"] if has_ipv6() else [])]
    for address in families:
        with HttpConnection((address, port)) as connection:
            assert connection.request("GET", "/health").status == 200
    shown = f"127.0.0.1:{port},[::1]:{port}" if host else f"0.0.0.0:{port},[::]:{port}"
    assert shown in engine.log()
    assert ("event=listening_on_all_interfaces" in engine.log()) == (host == "")
    assert ("event=listening_without_ipv6" in engine.log()) == (not has_ipv6())
    taken = run("serve", "--sink", "null:", "--cores", "0", "--listen", f"{host}:{port}", "--admin", f"127.0.0.1:{admin_port}")
    assert taken.returncode == 1 and str(port) in taken.stderr


def test_words_by_habit(starter):
    engine = starter.engine("null:", settings={"log.level": "INFO", "ack_timeout": "5 sec", "ack": "Queued"})
    assert engine.status()["ack"] == "queued"


def test_command_line_beats_environment_beats_file(tmp_path, starter):
    in_file = {"SLUICE_CONFIG": str(config_file(tmp_path, "ack = 'queued'\n"))}
    assert starter.engine("null:", environment=in_file).status()["ack"] == "queued"
    in_both = {**in_file, "SLUICE_ACK": "stored"}
    assert starter.engine("null:", environment=in_both).status()["ack"] == "stored"
    assert starter.engine("null:", environment=in_both, ack="queued").status()["ack"] == "queued"


def test_a_taken_port_is_named(starter):
    engine = starter.engine("null:", ack="queued")
    port = engine.admin_address[1]
    finished = run("serve", "--sink", "null:", "--cores", "0", "--listen", f"127.0.0.1:{reserve_port()}", "--admin", f"127.0.0.1:{port}")
    assert finished.returncode not in (0, 2) and str(port) in finished.stderr + finished.stdout


def test_two_engines_do_not_share_a_port(starter):
    """SO_REUSEPORT would let a second engine of the same user take half of the connections, unnoticed."""
    engine = starter.engine("null:", ack="queued")
    finished = run("serve", "--sink", "null:", "--cores", "0", "--listen", "{}:{}".format(*engine.address),
                   "--admin", f"127.0.0.1:{reserve_port()}")
    assert finished.returncode not in (0, 2)
    assert str(engine.address[1]) in finished.stderr + finished.stdout


def test_what_kubernetes_sets_is_ignored_and_told(starter):
    names = ("SLUICE_SERVICE_HOST", "SLUICE_PORT", "SLUICE_PORT_8080_TCP_ADDR", "SLUICE_REDIS_MASTER_SERVICE_HOST",
             "SLUICE_ADMIN_PORT", "SLUICE_ADMIN_PORT_80_TCP")
    engine = starter.engine("null:", environment=dict.fromkeys(names, "tcp://10.0.0.1:8080"))
    [line] = [line for line in engine.log().splitlines() if "event=variables_ignored" in line]
    assert "level=info" in line and all(name in line for name in names)


def test_help_of_ack_names_every_level():
    text = " ".join(run("serve", "--help").stdout.split())
    assert "queued, journaled, stored or replicated" in text


def run_with(redirection: str, *arguments) -> subprocess.CompletedProcess:
    return subprocess.run(["sh", "-c", f'exec "$@" {redirection}', "sh", str(BINARY), *map(str, arguments)], capture_output=True,
                          text=True, timeout=120, env=CLEAN_ENVIRONMENT)


@pytest.mark.parametrize("redirection", [">/dev/full", ">&-"])
@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["serve", "--help"], ["print-config"], ["print-metrics"],
                                       ["check-config", "sluice.toml"]], ids=" ".join)
def test_what_cannot_be_printed_is_an_error(tmp_path, redirection, arguments):
    path = config_file(tmp_path, "ack = 'queued'\n")
    finished = run_with(redirection, *[path if word == path.name else word for word in arguments])
    assert finished.returncode == 1
    assert finished.stderr == "sluice: standard output cannot be written\n"


def test_closed_descriptors_are_no_place_for_sockets(starter):
    """Without a stderr the log goes nowhere: not into whatever was opened first."""
    engine = starter.engine(starter.redis().url, prefix=["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh"])
    assert {os.readlink(f"/proc/{engine.pid}/fd/{fd}") for fd in (0, 1, 2)} == {"/dev/null"}
    with engine.connect() as connection:
        assert connection.post({"device_id": "d", "type": "t", "value": 1}).status == 200
    assert engine.status()["log_lines_dropped"] == 0
