"""`sink.redis.exactly_once`: nothing is lost and nothing stands twice, whoever is killed."""
# runs: release.io_uring release.epoll asan.io_uring

import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

from harness import sample, wait_until
from harness.engine import BINARY, CLEAN_ENVIRONMENT
from harness.load import LOAD_BINARY
from harness.process import reserve_port
from test_load_ledger import url_of, verify

# Short waits show recovery within a test.
QUICK = {"sink.redis.backoff_max": "200ms", "sink.redis.connect_timeout": "1s", "sink.redis.reply_timeout": "1s",
         "sink.redis.exactly_once": "true"}


@pytest.fixture
def directory(workspace):
    return Path(tempfile.mkdtemp(dir=workspace))


@pytest.fixture
def server(starter):
    return starter.redis(persistent=True)


@pytest.fixture
def start_engine(starter, server, directory):
    def start(**settings):
        return starter.engine(server.url, settings={**QUICK, "journal.directory": directory, **settings})
    return start


def post(engine, *device_ids: str) -> None:
    with engine.connect() as connection:
        for device_id in device_ids:
            assert connection.post(sample(device_id)).status == 200


def streams(server) -> list[str]:
    return sorted(key.decode() for key in server.client().smembers("telemetry:streams"))


def stored(server) -> list[str]:
    return [fields[b"device_id"].decode() for key in streams(server) for _, fields in server.client().xrange(key)]


def wait_stored(server, expected: list[str]) -> None:
    wait_until(lambda: len(stored(server)) >= len(expected), "Redis has every sample", 20)
    assert stored(server) == expected


def exactly_once(engine) -> dict:
    return engine.status()["forwarder"]["exactly_once"]


def last_error(engine) -> str:
    return engine.status()["forwarder"]["last_error"]


def test_streams_are_owned_listed_and_named_alike_after_a_restart(start_engine, server, directory):
    engine = start_engine(**{"sink.redis.instance": "edge-7", "sink.redis.partitions": 2})
    post(engine, "a", "b", "c", "d")
    wait_until(lambda: sorted(stored(server)) == ["a", "b", "c", "d"], "they are stored")
    name = exactly_once(engine)["instance"]
    assert name.startswith("edge-7-")
    assert (directory / "instance").read_text().splitlines()[:3] == [name, "", "telemetry in 2 partitions"]
    assert streams(server) == [f"telemetry:{{0}}:{name}", f"telemetry:{{1}}:{name}"]
    ids = [entry[0] for key in streams(server) for entry in server.client().xrange(key)]
    assert all(entry_id.startswith(b"1-") for entry_id in ids), "positions in the journal's first segment"
    engine.signal(signal.SIGTERM)
    engine.wait_exit()
    # A position that was not kept: everything is sent again, and refused.
    (directory / "delivered").unlink()
    engine = start_engine(**{"sink.redis.partitions": 2})
    wait_until(lambda: exactly_once(engine) == {"instance": name, "duplicates_refused": 4}, "Redis refuses what it has")
    post(engine, "e")
    wait_until(lambda: sorted(stored(server)) == ["a", "b", "c", "d", "e"], "what is new is stored")
    assert "sluice_forwarder_duplicates_refused_total 4" in engine.metrics()


def test_a_journal_that_begins_anew_begins_new_streams(start_engine, server, directory):
    engine = start_engine()
    post(engine, "a", "b")
    wait_stored(server, ["a", "b"])
    engine.signal(signal.SIGKILL)
    engine.wait_exit()
    for path in directory.iterdir():
        path.unlink()
    post(start_engine(), "c")
    wait_until(lambda: sorted(stored(server)) == ["a", "b", "c"], "its low IDs meet no old stream")
    assert len(streams(server)) == 2


@pytest.mark.parametrize("setting, sentence", [
    ("sink.redis.instance=b", "it belongs to the instance a-"),
    ("sink.redis.partitions=4", "its streams are telemetry in 1 partition, and the settings say telemetry in 4 partitions"),
])
def test_a_name_that_does_not_fit_is_refused_at_the_start(start_engine, directory, setting, sentence):
    engine = start_engine(**{"sink.redis.instance": "a"})
    engine.signal(signal.SIGTERM)
    engine.wait_exit()
    ports = [f"127.0.0.1:{reserve_port()}" for _ in range(2)]
    done = subprocess.run([BINARY, "serve", "--listen", ports[0], "--admin", ports[1], "--set", f"journal.directory={directory}",
                           "--set", "sink.redis.exactly_once=true", "--set", setting],
                          capture_output=True, text=True, timeout=120, env=CLEAN_ENVIRONMENT)
    assert done.returncode == 1 and sentence in done.stderr


def test_a_journal_put_back_from_a_copy_is_noticed_at_its_first_sample(start_engine, server, directory, workspace):
    engine = start_engine()
    post(engine, "before")
    wait_stored(server, ["before"])
    engine.signal(signal.SIGTERM)
    engine.wait_exit()
    copy = Path(tempfile.mkdtemp(dir=workspace)) / "copy"
    shutil.copytree(directory, copy)
    engine = start_engine()
    post(engine, "forgotten by the copy")
    wait_stored(server, ["before", "forgotten by the copy"])
    engine.signal(signal.SIGTERM)
    engine.wait_exit()
    shutil.rmtree(directory)
    shutil.copytree(copy, directory)
    engine = start_engine()
    wait_until(lambda: "this journal has sent no entry above" in last_error(engine), "the sink says so")
    post(engine, "after")
    time.sleep(0.3)
    assert stored(server) == ["before", "forgotten by the copy"]
    engine.signal(signal.SIGTERM)
    engine.wait_exit()
    (directory / "instance").unlink()
    start_engine()
    wait_until(lambda: "after" in stored(server), "nothing that was acknowledged is lost")


def test_a_stream_that_somebody_else_wrote_is_not_trusted(start_engine, server, directory):
    engine = start_engine()
    post(engine, "a")
    wait_stored(server, ["a"])
    server.client().xadd(streams(server)[0], {"device_id": "foreign"}, id="9-9")
    post(engine, "b")
    wait_until(lambda: "that this journal did not send" in last_error(engine), "the sink says so")
    engine.signal(signal.SIGKILL)
    engine.wait_exit()
    engine = start_engine()
    assert "that this journal did not send" in last_error(engine), "also after a restart"
    assert engine.status()["forwarder"]["delivered_samples"] == 0
    engine.signal(signal.SIGKILL)
    engine.wait_exit()
    (directory / "instance").unlink()
    start_engine()
    wait_until(lambda: "b" in stored(server), "in streams of a new name")


def test_a_journal_that_was_rolled_back_is_noticed(start_engine, server, directory):
    engine = start_engine()
    post(engine, "a", "b", "c")
    wait_stored(server, ["a", "b", "c"])
    engine.signal(signal.SIGKILL)
    engine.wait_exit()
    for path in directory.glob("*.log"):
        path.unlink()
    (directory / "delivered").unlink(missing_ok=True)
    engine = start_engine()
    wait_until(lambda: "this journal has sent no entry above" in last_error(engine), "the sink says so")
    post(engine, "d")
    time.sleep(0.3)
    assert stored(server) == ["a", "b", "c"] and engine.status()["forwarder"]["delivered_samples"] == 0


def test_what_redis_refuses_leaves_no_gap(start_engine, server):
    engine = start_engine()
    redis = server.client()
    post(engine, "a")
    wait_stored(server, ["a"])
    redis.config_set("maxmemory", "1mb")
    post(engine, "b", "c")
    wait_until(lambda: "OOM" in last_error(engine), "Redis is full")
    assert engine.status()["forwarder"]["state"] == "stalled"
    post(engine, "d")
    redis.config_set("maxmemory", "0")
    wait_stored(server, ["a", "b", "c", "d"])
    wait_until(lambda: last_error(engine) == "", "all is well")


def test_a_partition_whose_key_is_no_stream_holds_the_others_up_and_loses_nothing(start_engine, server):
    engine = start_engine(**{"sink.redis.partitions": 2})
    post(engine, *(f"d{i}" for i in range(8)))
    wait_until(lambda: len(stored(server)) == 8, "both partitions have some")
    redis = server.client()
    taken, free = streams(server)
    redis.rename(taken, "aside")
    redis.set(taken, "no stream")
    post(engine, *(f"e{i}" for i in range(8)))
    wait_until(lambda: "WRONGTYPE" in last_error(engine), "the sink says so")
    redis.rename("aside", taken)
    wait_until(lambda: len(stored(server)) == 16, "all come")
    assert sorted(stored(server)) == [f"{letter}{i}" for letter in "de" for i in range(8)]


def test_replay_goes_on_under_the_same_name(start_engine, server, directory):
    engine = start_engine()
    post(engine, "a")
    wait_stored(server, ["a"])
    server.stop()
    post(engine, "b", "c")
    engine.signal(signal.SIGKILL)
    engine.wait_exit()
    (directory / "delivered").unlink(missing_ok=True)
    server.start()
    done = subprocess.run([BINARY, "journal", "replay", directory, "--to", server.url, "--set", "sink.redis.exactly_once=true"],
                          capture_output=True, text=True, timeout=120, env=CLEAN_ENVIRONMENT)
    assert done.returncode == 0, done.stderr
    assert stored(server) == ["a", "b", "c"] and len(streams(server)) == 1


@pytest.mark.parametrize("layout", ["fields", "json"])
def test_kills_lose_nothing_and_double_nothing(starter, server, directory, start_engine, seeded_random, tmp_path, layout):
    settings = {"sink.redis.layout": layout, "sink.redis.partitions": 3, "ack": "journaled"}
    engine = start_engine(**settings)
    ledger = tmp_path / "ledger"
    for round_number in range(3):
        part = tmp_path / f"ledger-{round_number}"
        load = subprocess.Popen([str(word) for word in (
            LOAD_BINARY, url_of(engine), "--sample", "--rate", "3000/s", "--duration", "2s", "--connections", 8, "--batch", 5, "--devices", 50,
            "--device-prefix", f"r{round_number}-", "--ledger", part, "--quiet")], stderr=subprocess.DEVNULL)
        try:
            time.sleep(seeded_random.uniform(0.3, 0.9))
            server.kill()
            time.sleep(seeded_random.uniform(0.0, 0.2))
            server.start()
            time.sleep(seeded_random.uniform(0.05, 0.6))
            engine.signal(signal.SIGKILL)
            engine.wait_exit()
            load.wait(30)
        finally:
            if load.poll() is None:
                load.kill()
                load.wait()
        with open(ledger, "a") as whole:
            whole.write(part.read_text() if part.exists() else "")  # there is none where nothing was acknowledged
        engine = start_engine(**settings)
    post(engine, "last")
    wait_until(lambda: engine.status()["forwarder"]["delivered"] == engine.status()["forwarder"]["journaled"], "all is delivered", 30)
    code, output, verdict = verify(ledger, server.url)
    total = verdict["total"]
    print(total, exactly_once(engine))
    assert code == 0 and total["lost"] == 0, output
    assert total["duplicated"] == 0 and total["reordered"] == 0, output
    assert total["acknowledged"] > 100
