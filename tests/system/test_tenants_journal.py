"""The journal names the tenant of each sample: forwarder, replay, export and exactly once use it."""
# runs: release.io_uring release.epoll asan.io_uring

import json
import signal
import struct
import tempfile
from pathlib import Path

import pytest

from harness import reserve_port, sample, stream_entries, wait_until
from harness.journal import journal
from harness.tenants import new_token, tenant_table, write_tenants

QUICK = {"sink.redis.backoff_max": "200ms", "sink.redis.connect_timeout": "1s", "drain_timeout": "1s"}


@pytest.fixture(scope="module")
def tokens():
    return {name: new_token(name) for name in ("acme", "other")}


@pytest.fixture
def directory(workspace):
    return Path(tempfile.mkdtemp(dir=workspace))


@pytest.fixture
def tenants(tokens, tmp_path):
    """`acme` has a stream of its own; `other` has none, unless it is told."""
    def write(other: str = "") -> str:
        return write_tenants(tmp_path / "t.toml", tenant_table("acme", tokens["acme"].line, more='stream = "telemetry.acme"'),
                             tenant_table("other", tokens["other"].line, more=other))
    return write


def post(engine, device_id: str, token=None, ack: str = "journaled", **members) -> None:
    headers = [("Authorization", f"Bearer {token.text}")] if token else []
    with engine.connect() as connection:
        assert connection.post(sample(device_id, **members), query=f"?ack={ack}", headers=headers).status == 200


def stop(engine) -> None:
    engine.signal(signal.SIGTERM)
    assert engine.wait_exit() == 0


def stored(server, stream: str) -> list[tuple[bytes, bytes]]:
    return [(entry[b"device_id"], entry.get(b"tenant")) for entry in stream_entries(server.client(), stream)]


def wait_stored(server, **expected) -> None:
    for name, entries in expected.items():
        stream = name.replace("__", ".")
        wait_until(lambda: len(stored(server, stream)) >= len(entries), f"{stream} has its samples")
        assert stored(server, stream) == entries


def versions_of(directory: Path) -> list[int]:
    return [struct.unpack_from("<I", path.read_bytes(), 8)[0] for path in sorted(directory.glob("*.log"))]


def test_the_forwarder_writes_to_the_streams_of_tenants(starter, directory, tenants, tokens):
    """Also where a reload gives a tenant another one."""
    server = starter.redis()
    engine = starter.engine(server.url, settings={**QUICK, "journal.directory": directory, "tenants.file": tenants()})
    post(engine, "a", tokens["acme"], tenant="forged")
    post(engine, "b", tokens["other"])
    wait_stored(server, telemetry__acme=[(b"a", b"acme")], telemetry=[(b"b", b"other")])
    tenants('stream = "telemetry.new"')
    engine.signal(signal.SIGHUP)
    wait_until(lambda: "tenants_reloaded" in engine.log(), "the reload")
    post(engine, "c", tokens["other"])
    post(engine, "d", tokens["acme"])
    wait_stored(server, telemetry__new=[(b"c", b"other")], telemetry__acme=[(b"a", b"acme"), (b"d", b"acme")])
    records = [json.loads(line) for line in journal("export", directory).stdout.splitlines()]
    assert [(record["tenant"], record["sample"]["device_id"]) for record in records] == \
        [("acme", "a"), ("other", "b"), ("other", "c"), ("acme", "d")]
    assert records[0]["sample"]["tenant"] == "forged"


def test_a_journal_of_before_there_were_tenants_is_read(starter, directory, tenants, tokens):
    """And one of after: its samples keep their tenant."""
    sink = f"journal:{directory}"
    engine = starter.engine(sink)
    post(engine, "before")
    stop(engine)
    engine = starter.engine(sink, settings={"tenants.file": tenants()})
    post(engine, "a", tokens["acme"])
    post(engine, "b", tokens["other"])
    stop(engine)
    engine = starter.engine(sink)
    post(engine, "after")
    stop(engine)
    assert versions_of(directory) == [1, 2, 1]
    assert json.loads(journal("verify", directory).stdout.splitlines()[-1])["damages"] == 0
    with_tenants, without = starter.redis(), starter.redis()
    config = directory.parent / "replay.toml"
    config.write_text(f'[tenants]\nfile = "{tenants()}"\n')
    done = journal("replay", directory, "--to", with_tenants.url, "--config", config)
    assert done.returncode == 0, done.stderr
    wait_stored(with_tenants, telemetry=[(b"before", None), (b"b", b"other"), (b"after", None)], telemetry__acme=[(b"a", b"acme")])
    assert journal("replay", directory, "--all", "--to", without.url).returncode == 0
    wait_stored(without, telemetry=[(b"before", None), (b"a", b"acme"), (b"b", b"other"), (b"after", None)])


def test_exactly_once_with_tenants(starter, directory, tenants, tokens):
    """Samples that wait for Redis reach their tenant's stream after a restart, once."""
    settings = {**QUICK, "journal.directory": directory, "sink.redis.exactly_once": "true", "tenants.file": tenants()}
    away = starter.engine(f"redis://127.0.0.1:{reserve_port()}", until="/health", settings=settings)
    post(away, "a", tokens["acme"])
    post(away, "b", tokens["other"])
    stop(away)
    server = starter.redis()
    engine = starter.engine(server.url, settings=settings)
    post(engine, "c", tokens["acme"])

    def streams() -> dict:
        return {key.decode().partition(":")[0]: key.decode() for key in server.client().smembers("telemetry:streams")}

    wait_until(lambda: len(streams()) == 2 and len(stored(server, streams()["telemetry.acme"])) == 2, "Redis has them")
    engine.kill()
    engine.wait_exit()
    engine = starter.engine(server.url, settings=settings)
    post(engine, "d", tokens["other"])
    wait_until(lambda: len(stored(server, streams()["telemetry"])) == 2, "Redis has the last one")
    assert stored(server, streams()["telemetry.acme"]) == [(b"a", b"acme"), (b"c", b"acme")]
    assert stored(server, streams()["telemetry"]) == [(b"b", b"other"), (b"d", b"other")]
    tenants('stream = "telemetry.new"')
    engine.signal(signal.SIGHUP)
    wait_until(lambda: "tenants_reload_failed" in engine.log(), "other streams need a restart")


def test_a_cluster_has_the_streams_of_tenants(starter, tenants, tokens):
    cluster = starter.cluster(replicas=0)
    engine = starter.engine(cluster.url, settings={"sink.redis.partitions": 3, "tenants.file": tenants()})
    for number in range(12):
        post(engine, f"d{number}", tokens["acme" if number % 3 else "other"], ack="stored")
    entries = cluster.keys()
    assert sum(count for key, count in entries.items() if key.startswith("telemetry.acme:{")) == 8
    assert sum(count for key, count in entries.items() if key.startswith("telemetry:{")) == 4
    assert len(entries) > 3
