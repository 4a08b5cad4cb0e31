"""docs/permissions.md: with just what its rows name, a user of Redis can do each thing."""
# runs: release.io_uring release.epoll

import re
import subprocess

import pytest
import redis

from harness import sample, wait_until
from harness.engine import BINARY, CLEAN_ENVIRONMENT, PROJECT

PAGE = (PROJECT / "docs/permissions.md").read_text()


def allowed(row: str) -> list[str]:
    """The commands that the page's rows of this beginning name."""
    commands = []
    for line in PAGE.splitlines():
        if line.startswith("| " + row):
            commands += re.findall(r"`(\+[a-z|-]+)`", line.replace("\\|", "|"))
    assert commands, row
    return commands


def known_to(server, commands: list[str]) -> list[str]:
    """Without those that this version of Redis has not."""
    names = server.client().command()
    return [command for command in commands if command[1:].split("|")[0] in names]


def make_user(server, rows: list[str], key: str) -> dict:
    commands = [command for row in rows for command in allowed(row)]
    server.client().execute_command("ACL", "SETUSER", "writer", "on", ">pen", f"~{key}", *known_to(server, commands))
    return {"sink.redis.user": "writer", "sink.redis.password": "pen", "admission.interval": "50ms"}


def post(engine, query: str = ""):
    with engine.connect() as connection:
        return connection.post(sample("d"), query=query)


@pytest.mark.parametrize("layout", ["fields", "json", "packed"])
def test_streams(starter, layout):
    server = starter.redis()
    engine = starter.engine(server.url, settings={**make_user(server, ["layouts `fields`"], "telemetry*"), "sink.redis.layout": layout})
    assert post(engine).status == 200


def test_lists(starter):
    server = starter.redis()
    engine = starter.engine(server.url, settings={**make_user(server, ["layout `list`"], "telemetry_queue"), "sink.redis.layout": "list"})
    assert post(engine).status == 200


def test_admission_and_remarks(starter):
    server = starter.redis()
    settings = make_user(server, ["layouts `fields`", "admission", "remarks"], "telemetry*")
    engine = starter.engine(server.url, settings={**settings, "admission.group_lag_max": 5})
    assert post(engine).status == 200
    wait_until(lambda: engine.status()["admission"]["samples"] > 0, "Redis has told everything")
    assert engine.status()["admission"]["last_error"] == ""
    assert "redis_setup_unknown" not in engine.log()


def test_exactly_once(starter, tmp_path):
    server = starter.redis()
    settings = make_user(server, ["`sink.redis.exactly_once`"], "telemetry:*")
    engine = starter.engine(server.url, settings={**settings, "journal.directory": tmp_path, "sink.redis.exactly_once": "true"})
    assert post(engine).status == 200
    wait_until(lambda: server.client().scard("telemetry:streams") == 1
               and server.client().xlen(server.client().srandmember("telemetry:streams")) == 1, "it is delivered")


@pytest.mark.parametrize("row, key, settings", [
    ("layouts `fields`", "telemetry*", {}),
    ("layout `list`", "telemetry_queue", {"sink.redis.layout": "list"}),
    ("`sink.redis.exactly_once`", "telemetry:*", {"sink.redis.exactly_once": "true"}),
])
def test_check_config_asks_for_no_more(starter, tmp_path, row, key, settings):
    server = starter.redis()
    settings = {**make_user(server, [row], key), **settings, "sink.url": server.url}
    if "sink.redis.exactly_once" in settings:
        settings["journal.directory"] = tmp_path / "journal"
    (tmp_path / "sluice.toml").write_text("")
    arguments = [word for name, value in settings.items() for word in ("--set", f"{name}={value}")]

    def check() -> subprocess.CompletedProcess:
        return subprocess.run([BINARY, "check-config", "--connect", tmp_path / "sluice.toml", *arguments],
                              capture_output=True, text=True, env=CLEAN_ENVIRONMENT)

    done = check()
    assert done.returncode == 0 and ": ok" in done.stdout, done
    if row != "layout `list`":  # which needs MULTI to be tried
        server.client().execute_command("ACL", "SETUSER", "writer", "-xadd")
        refused = check()
        assert refused.returncode == 1 and "NOPERM" in refused.stderr, refused
    assert server.client().dbsize() == 0


def test_a_replicated_sample(starter):
    server = starter.redis()
    settings = make_user(server, ["layouts `fields`", "`replicated`"], "telemetry*")
    engine = starter.engine(server.url, settings={**settings, "sink.redis.replicas": 1, "sink.redis.replicas_timeout": "50ms"})
    assert post(engine, "?ack=replicated").code == "not_replicated", "there is no replica"
    assert "sink_wait_refused" not in engine.log() and engine.status()["sinks"][0]["replication"]["waits_short"] == 1


def test_a_cluster(starter):
    cluster = starter.cluster()
    for node in cluster.nodes:
        settings = make_user(node, ["layouts `fields`", "Redis Cluster"], "telemetry*")
    engine = starter.engine(cluster.url, settings={**settings, "sink.redis.partitions": 8})
    for _ in range(20):
        assert post(engine).status == 200


def test_sentinels_that_want_a_user(starter):
    sentinels = starter.sentinels()
    for server in (sentinels.primary, sentinels.replica):
        settings = make_user(server, ["layouts `fields`", "Sentinel, on the servers"], "telemetry*")
    for port in sentinels.ports:
        with redis.Redis(port=port) as client:
            client.execute_command("ACL", "SETUSER", "writer", "on", ">pen", *allowed("Sentinel, on the sentinels"))
            client.execute_command("ACL", "SETUSER", "default", "off")
    engine = starter.engine(sentinels.url, settings=settings)
    assert post(engine).status == 200
