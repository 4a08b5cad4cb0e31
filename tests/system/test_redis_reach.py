"""Reaching Redis: what the log names, what Redis says when it turns an engine away, and passwords from files."""
# runs: release.io_uring release.epoll asan.io_uring

import os
import subprocess

import pytest

from harness import sample, wait_until
from harness.engine import BINARY, CLEAN_ENVIRONMENT

FAST = {"sink.redis.backoff_min": "10ms", "sink.redis.backoff_max": "50ms", "admission.interval": "50ms"}


def post(engine):
    with engine.connect() as connection:
        return connection.post(sample("d"))


def last_error(engine) -> str:
    return engine.status()["sinks"][0]["last_error"]


def test_the_log_names_the_server_that_was_reached(starter):
    server = starter.redis()
    engine = starter.engine(f"redis://localhost:{server.port}")
    wait_until(lambda: "event=sink_connected" in engine.log(), "the log tells")
    assert f'server="localhost:{server.port} (127.0.0.1)"' in engine.log()
    assert "event=admission_connected" in engine.log()


@pytest.fixture
def with_hosts(tmp_path):
    """Runs a command with these lines as its /etc/hosts, in a mount namespace of its own."""
    hosts = tmp_path / "hosts"
    prefix = ["unshare", "--mount", "sh", "-c", 'mount --bind "$0" /etc/hosts && exec "$@"', hosts]

    def prepared(*lines: str) -> list:
        hosts.write_text("".join(f"{line}\n" for line in lines))
        if subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode != 0:
            pytest.skip("this user may not mount")
        return prefix

    return prepared


def test_every_address_of_a_name_is_tried(starter, with_hosts):
    server = starter.redis()
    prefix = with_hosts("127.0.0.1 localhost", "127.0.0.2 redis.test", "127.0.0.3 redis.test", "127.0.0.1 redis.test")
    engine = starter.engine(f"redis://redis.test:{server.port}", prefix=prefix, settings=FAST)
    assert post(engine).status == 200
    reached = f'server="redis.test:{server.port} (127.0.0.1)"'
    wait_until(lambda: f"event=sink_connected sink=0 {reached}" in engine.log(), "the log tells which")
    wait_until(lambda: f"event=admission_connected {reached}" in engine.log(), "the watcher, too")
    assert engine.status()["sinks"][0]["connection_failures"] == 0, "an attempt fails when no address is left"
    # A loss is one failure, whatever the other addresses say.
    for losses in range(1, 4):
        server.client().execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        wait_until(lambda: engine.status()["sinks"][0]["connects"] == losses + 1, "the engine is back")
        assert engine.status()["sinks"][0]["connection_failures"] == losses
    server.kill()
    wait_until(lambda: "(127.0.0.1), Connection refused (127.0.0." in last_error(engine), "all are named, the last good one first")
    server.start()
    wait_until(lambda: engine.admin("GET", "/ready").status == 200, "the engine is back")


def test_what_all_addresses_lack_is_told(starter, with_hosts):
    server = starter.redis(arguments=("--requirepass", "secret", "--bind", "127.0.0.1", "127.0.0.2", "127.0.0.3"))
    prefix = with_hosts("127.0.0.1 localhost", "127.0.0.2 redis.test", "127.0.0.3 redis.test")
    engine = starter.engine(f"redis://redis.test:{server.port}", until="/status", prefix=prefix, settings=FAST)
    wait_until(lambda: "event=redis_setup_unknown" in engine.log(), "the log advises")


def test_too_many_clients(starter):
    server = starter.redis(arguments=("--maxclients", 1))
    with server.client(single_connection_client=True) as other:
        other.ping()
        engine = starter.engine(server.url, until="/status", settings=FAST)
        sentence = f"Redis at 127.0.0.1:{server.port} refuses: ERR max number of clients reached"
        wait_until(lambda: last_error(engine) == sentence, "/status has Redis' own sentence")
        assert sentence in engine.admin("GET", "/ready").body.decode()
        wait_until(lambda: "event=sink_unreachable" in engine.log(), "the log tells")
        assert sentence in engine.log()
        wait_until(lambda: "max number of clients" in engine.status()["admission"]["last_error"], "so does the watcher")
        other.config_set("maxclients", 100)
    wait_until(lambda: engine.admin("GET", "/ready").status == 200, "the engine comes in")
    assert post(engine).status == 200


def test_a_password_that_is_missing(starter):
    server = starter.redis(arguments=("--requirepass", "secret"))
    engine = starter.engine(server.url, until="/status", settings=FAST)
    wait_until(lambda: "NOAUTH" in last_error(engine), "Redis refuses")
    wait_until(lambda: "event=redis_setup_unknown" in engine.log(), "the log advises")
    line = next(line for line in engine.log().splitlines() if "event=redis_setup_unknown" in line)
    assert "sink.redis.password_file" in line and "ACL" not in line and "\\x" not in line


def test_a_password_is_rotated_without_a_restart(starter, tmp_path):
    server = starter.redis(arguments=("--requirepass", "old"))
    file = tmp_path / "password"
    engine = starter.engine(server.url, until="/status", settings={**FAST, "sink.redis.password_file": file})
    wait_until(lambda: "cannot be read: No such file" in last_error(engine), "the file is named")
    file.write_text("old\n")
    wait_until(lambda: engine.admin("GET", "/ready").status == 200, "the engine has read it")
    assert post(engine).status == 200

    server.client(password="old").config_set("requirepass", "new")
    file.write_text("new\n")
    server.client(password="new").execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    wait_until(lambda: engine.status()["sinks"][0]["connects"] == 2, "the engine connects with the new one")
    assert post(engine).status == 200
    wait_until(lambda: engine.status()["admission"]["last_error"] == "", "the watcher has it, too")
    assert "secret_on_command_line" not in engine.log()
    assert "old" not in engine.log() and "new" not in engine.log()


def test_a_user_behind_sentinels_has_the_password_from_the_file(starter, tmp_path):
    (tmp_path / "password").write_text("pen\n")
    sentinels = starter.sentinels()
    with sentinels.primary.client() as client:
        client.execute_command("ACL", "SETUSER", "writer", "on", ">pen", "~telemetry", "+xadd")
    engine = starter.engine(sentinels.url, settings={**FAST, "sink.redis.user": "writer",
                                                     "sink.redis.password_file": tmp_path / "password"})
    assert post(engine).status == 200


@pytest.mark.parametrize("arguments, option", [
    (["--sink", "redis://:pen@127.0.0.1:{port}"], "--sink"),
    (["--sink", "redis://127.0.0.1:{port}", "--set", "sink.redis.password=pen"], "--set sink.redis.password"),
])
def test_a_password_on_the_command_line_works_and_is_warned_of(starter, arguments, option):
    server = starter.redis(arguments=("--requirepass", "pen"))
    url = arguments[1].format(port=server.port)
    settings = dict([arguments[3].split("=")]) if len(arguments) > 2 else {}
    engine = starter.engine(url, settings=settings)
    assert post(engine).status == 200
    wait_until(lambda: "event=secret_on_command_line" in engine.log(), "the log warns")
    line = next(line for line in engine.log().splitlines() if "event=secret_on_command_line" in line)
    assert option in line and "level=warn" in line and "sink.redis.password_file" in line
    assert ":pen" not in engine.log() and "=pen" not in engine.log()


def test_a_replay_warns_of_it_too(tmp_path):
    run = subprocess.run([BINARY, "journal", "replay", tmp_path / "none", "--to", "redis://:pen@127.0.0.1:1"],
                         env=dict(CLEAN_ENVIRONMENT, LC_ALL="C"), capture_output=True, text=True, timeout=30, check=False)
    assert "--to holds a password" in run.stderr and ":pen" not in run.stderr, run.stderr
    assert os.EX_OK != run.returncode
