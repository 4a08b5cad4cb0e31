"""`journal:DIR`: what was answered `journaled` is on disk, whatever happens to the engine or to the disk."""
# runs: release.io_uring release.epoll asan.io_uring

import json
import re
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

from harness import Load, device_ids, engine as engine_module, ndjson, reserve_port, sample, stream_entries, wait_until
from harness.journal import journal

SMALL = {"journal.segment_size": "2MiB", "journal.size_max": "4MiB"}


@pytest.fixture
def directory(workspace):
    return Path(tempfile.mkdtemp(dir=workspace))


def samples_of(directory: Path) -> list[dict]:
    finished = journal("cat", directory)
    assert finished.returncode == 0, finished.stderr
    return [json.loads(line) for line in finished.stdout.splitlines()]


def ids_of(directory: Path) -> list[str]:
    return [record["device_id"] for record in samples_of(directory)]


def post(engine, record, ack: str = "journaled"):
    with engine.connect() as connection:
        return connection.post(record, query=f"?ack={ack}")


def fill(engine, ack: str = "journaled") -> tuple[list[str], object]:
    """Posts large samples until one is refused; the device ids that were accepted, and the refusal."""
    accepted = []
    with engine.connect() as connection:
        for number in range(10_000):
            response = connection.post(sample(f"{ack}-{number}", note="x" * 12_000), query=f"?ack={ack}")
            if response.status != 200:
                return accepted, response
            accepted.append(f"{ack}-{number}")
    raise AssertionError("the journal never gets full")


def refused_start(sink: str, *settings: str) -> str:
    """What an engine says that cannot start."""
    finished = subprocess.run([engine_module.BINARY, "serve", "--listen", f"127.0.0.1:{reserve_port()}", "--admin",
                               f"127.0.0.1:{reserve_port()}", "--sink", sink, *settings],
                              capture_output=True, text=True, timeout=120, env=engine_module.CLEAN_ENVIRONMENT)
    assert finished.returncode == 1, finished
    [sentence] = [line for line in finished.stderr.splitlines() if line.startswith("sluice: ")]
    return sentence


@pytest.fixture
def small_disk(directory):
    """A file system of 6 MiB of its own, and how to mount it anew. To be named before `starter`: its engines end first."""
    def mount(options: str) -> subprocess.CompletedProcess:
        return subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", directory], capture_output=True, text=True)

    mounted = mount("size=6m")
    if mounted.returncode != 0:
        pytest.skip(f"mounting a tmpfs is not permitted here: {mounted.stderr.strip()}")
    yield directory, lambda options: mount(f"remount,{options}").check_returncode()
    subprocess.run(["umount", "--lazy", directory], check=True)


def test_levels(starter, directory):
    engine = starter.engine(f"journal:{directory}")
    for asked, given in (("queued", "queued"), ("journaled", "journaled"), ("stored", "journaled")):
        assert post(engine, sample(asked), asked).json()["ack"] == given
    engine.wait_delivered()
    assert ids_of(directory) == ["queued", "journaled", "stored"]
    status = engine.status()
    assert status["ack"] == "journaled"
    assert 1 <= status["sinks"][0]["journal"]["syncs"] <= 3
    assert status["sinks"][0]["journal"]["bytes"] == sum(path.stat().st_size for path in directory.glob("*.log"))
    assert "sluice_journal_bytes_max" in engine.metrics()


def test_a_killed_engine_loses_nothing_that_was_journaled(starter, directory):
    acknowledged, undecided = set(), set()
    for round_ in range(3):
        engine = starter.engine(f"journal:{directory}", cores="0,1", settings={"journal.segment_size": "2MiB"})
        load = Load(engine.address, clients=16, ack="journaled", name=f"round-{round_}").start()
        load.wait_for(400)
        engine.signal(signal.SIGKILL)
        assert engine.wait_exit() == -signal.SIGKILL
        load.stop()
        acknowledged |= load.acknowledged
        undecided |= load.undecided
        verified = journal("verify", directory)
        assert verified.returncode == 0, verified.stdout
        found = ids_of(directory)
        assert len(found) == len(set(found))
        assert acknowledged <= set(found), f"{len(acknowledged - set(found))} samples are lost"
        assert set(found) <= acknowledged | undecided
    summary = json.loads(verified.stdout.splitlines()[-1])
    assert summary["records"] == len(found) and summary["damages"] == 0


def test_reading_beside_the_engine(starter, directory):
    engine = starter.engine(f"journal:{directory}", settings=SMALL)
    load = Load(engine.address, clients=4, ack="journaled").start()
    for _ in range(5):
        before = len(load.acknowledged)
        load.wait_for(before + 50)
        promised = set(load.acknowledged)
        assert journal("verify", directory).returncode == 0
        assert promised <= set(ids_of(directory))
        exported = [json.loads(line) for line in journal("export", directory).stdout.splitlines()]
        assert len({(line["segment"], line["offset"]) for line in exported}) == len(exported)
        assert all(line["sample"]["device_id"] and line["timestamp_ns"] > 1e18 for line in exported)
    load.stop()
    segments = [json.loads(line) for line in journal("ls", directory).stdout.splitlines()]
    assert sum(segment["records"] for segment in segments) == len(ids_of(directory))


def test_damage_is_reported_with_its_place_and_skipped(starter, directory):
    engine = starter.engine(f"journal:{directory}")
    for name in ("a", "b", "c"):
        assert post(engine, sample(name)).status == 200
    engine.signal(signal.SIGTERM)
    assert engine.wait_exit() == 0
    exported = [json.loads(line) for line in journal("export", directory).stdout.splitlines()]
    [segment] = directory.glob("*.log")
    content = bytearray(segment.read_bytes())
    content[exported[1]["offset"] + 40] ^= 4
    segment.write_bytes(content)
    verified = journal("verify", directory)
    assert verified.returncode == 1
    damage = json.loads(verified.stdout.splitlines()[0])
    assert (damage["segment"], damage["offset"]) == (exported[1]["segment"], exported[1]["offset"])
    finished = journal("cat", directory)
    assert finished.returncode == 1 and "damaged" in finished.stderr
    assert [json.loads(line)["device_id"] for line in finished.stdout.splitlines()] == ["a", "c"]
    engine = starter.engine(f"journal:{directory}")
    assert re.search(r"event=sink_recovered .*damaged", engine.log())


def test_a_full_journal_refuses_until_it_was_delivered(starter, directory):
    engine = starter.engine(f"journal:{directory}", settings=SMALL)
    accepted, refusal = fill(engine)
    assert (refusal.status, refusal.code) == (503, "sink_busy")
    assert int(refusal.header("Retry-After")) >= 1
    ready = engine.admin("GET", "/ready")
    assert ready.status == 503 and "bound" in ready.json()["error"]
    assert post(engine, sample("later"), "queued").status == 200  # other levels go on
    assert ids_of(directory) == accepted, "nothing is dropped for room"
    redis = starter.redis()
    replayed = journal("replay", directory, "--to", redis.url)
    assert replayed.returncode == 0, replayed.stderr
    wait_until(lambda: engine.admin("GET", "/ready").status == 200, "it takes samples again")
    engine.wait_delivered()
    assert post(engine, sample("last")).status == 200
    assert journal("replay", directory, "--to", redis.url).returncode == 0
    assert [entry[b"device_id"].decode() for entry in stream_entries(redis.client())] == [*accepted, "later", "last"]


def test_a_full_journal_refuses_at_once_also_behind_queued_samples(starter, directory):
    engine = starter.engine(f"journal:{directory}", settings={**SMALL, "ack_timeout": "20s"})
    fill(engine)
    with engine.connect() as connection:  # they take every place in the pipeline, and wait for room
        for number in range(40):
            assert connection.post(sample(f"kept-{number}", note="x" * 15_000), query="?ack=queued").status == 200
    begin = time.monotonic()
    refusal = post(engine, sample("refused"))
    assert (refusal.status, refusal.code) == (503, "sink_busy")
    assert time.monotonic() - begin < 15, "not after ack_timeout"
    assert journal("replay", directory, "--to", starter.redis().url).returncode == 0
    engine.wait_delivered()
    assert ids_of(directory)[-40:] == [f"kept-{number}" for number in range(40)]
    assert post(engine, sample("taken")).status == 200


def test_a_full_disk_refuses_and_recovers(small_disk, starter):
    directory, remount = small_disk
    engine = starter.engine(f"journal:{directory}", settings={"journal.segment_size": "2MiB"})
    accepted, refusal = fill(engine)
    assert (refusal.status, refusal.code) == (503, "sink_busy")
    assert "No space left" in engine.admin("GET", "/ready").json()["error"]
    assert post(engine, sample("later"), "queued").status == 200
    remount("size=32m")
    wait_until(lambda: engine.admin("GET", "/ready").status == 200, "it takes samples again")
    engine.wait_delivered()
    assert post(engine, sample("last")).status == 200
    assert ids_of(directory) == [*accepted, "later", "last"]


def test_a_full_disk_is_emptied_by_delivery(small_disk, starter):
    """The disk is smaller than journal.size_max: what Redis has makes room all the same."""
    directory, _ = small_disk
    redis = starter.redis(persistent=True)
    engine = starter.engine(redis.url, settings={"journal.directory": directory, "journal.segment_size": "2MiB", "sink.redis.backoff_max": "200ms"})
    redis.stop()
    accepted, refusal = fill(engine)
    assert (refusal.status, refusal.code) == (503, "sink_busy")
    assert "No space left" in engine.admin("GET", "/ready").json()["error"]
    redis.start()
    wait_until(lambda: post(engine, sample("last")).status == 200, "it takes samples again")
    ids = [*accepted, "last"]
    wait_until(lambda: [entry[b"device_id"].decode() for entry in stream_entries(redis.client())] == ids, "Redis has every sample", 20)


def test_a_read_only_file_system(small_disk, starter):
    directory, remount = small_disk
    engine = starter.engine(f"journal:{directory}", settings=SMALL)
    assert post(engine, sample("kept")).status == 200
    engine.signal(signal.SIGTERM)
    assert engine.wait_exit() == 0
    remount("ro")
    assert "Read-only file system" in refused_start(f"journal:{directory}")
    assert ids_of(directory) == ["kept"]  # reading needs no writing


@pytest.mark.parametrize("is_in_front", [False, True])
def test_a_directory_that_is_not_there_is_made(starter, directory, is_in_front):
    made = directory / "made"
    if is_in_front:
        engine = starter.engine(starter.redis().url, settings={"journal.directory": made})
    else:
        engine = starter.engine(f"journal:{made}")
    assert made.stat().st_mode & 0o7777 == 0o700
    assert f"event=journal_directory_made directory={made} mode=0700" in engine.log()
    assert post(engine, sample("first")).status == 200
    assert ids_of(made) == ["first"]


def test_the_parent_of_a_directory_is_not_made(directory):
    sentence = refused_start(f"journal:{directory}/none/below")
    assert f"journal {directory}/none/below: its parent {directory}/none does not exist" in sentence
    assert not (directory / "none").exists()
    assert journal("cat", directory / "none").returncode == 1


def test_two_engines_on_one_directory(starter, directory):
    engine = starter.engine(f"journal:{directory}")
    assert "another process writes this journal" in refused_start(f"journal:{directory}")
    assert post(engine, sample("first")).status == 200
    engine.signal(signal.SIGKILL)
    engine.wait_exit()
    starter.engine(f"journal:{directory}")  # the lock ends with its process
    assert ids_of(directory) == ["first"]


def test_removing_files_unlocks_nothing(starter, directory):
    starter.engine(f"journal:{directory}")
    for path in directory.iterdir():
        if not path.name.endswith(".log"):
            path.unlink()
    assert "another process writes this journal" in refused_start(f"journal:{directory}")


def test_a_journal_deleted_under_its_engine_is_no_promise(starter, directory):
    engine = starter.engine(f"journal:{directory}")
    assert post(engine, sample("first")).status == 200
    for path in directory.iterdir():
        path.unlink()
    refusal = post(engine, sample("second"))
    assert (refusal.status, refusal.code) == (503, "sink_refused")
    assert "No such file" in engine.admin("GET", "/ready").json()["error"]
    wait_until(lambda: post(engine, sample("third")).status == 200, "a new segment is made")
    assert ids_of(directory)[-1:] == ["third"]
    verified = journal("verify", directory)
    assert verified.returncode == 1 and "the segment before this one is missing" in verified.stdout
    shutil.rmtree(directory)
    for _ in range(2):
        assert post(engine, sample("fourth")).status == 503


def test_damage_at_the_very_end_is_reported(starter, directory):
    engine = starter.engine(f"journal:{directory}")
    for name in ("a", "b"):
        assert post(engine, sample(name)).status == 200
    engine.signal(signal.SIGTERM)
    assert engine.wait_exit() == 0
    [segment] = directory.glob("*.log")
    content = segment.read_bytes()
    for damaged in (content[:-20], content[:-20] + b"!" + content[-19:]):
        segment.write_bytes(damaged)
        verified = journal("verify", directory)
        assert verified.returncode == 1 and json.loads(verified.stdout.splitlines()[-1])["damages"] == 1
    engine = starter.engine(f"journal:{directory}")
    assert "are damaged and will be skipped" in engine.log()
    assert ids_of_damaged(directory) == ["a"]


def ids_of_damaged(directory: Path) -> list[str]:
    return [json.loads(line)["device_id"] for line in journal("cat", directory).stdout.splitlines()]


def test_a_disk_without_a_free_block_is_emptied_by_replay(small_disk, starter):
    directory, _ = small_disk
    redis = starter.redis()
    engine = starter.engine(f"journal:{directory}", settings={"journal.segment_size": "2MiB"})
    accepted, _ = fill(engine)
    with open(directory / "other", "wb", buffering=0) as other, pytest.raises(OSError):
        while True:
            other.write(b"x" * 4096)
    for _ in range(3):  # each keeps how far it came
        replayed = journal("replay", directory, "--to", redis.url)
        assert replayed.returncode == 0, replayed.stderr
    assert redis.client().xlen("telemetry") == len(accepted)
    wait_until(lambda: post(engine, sample("last")).status == 200, "it takes samples again")


@pytest.mark.parametrize("target, sentence", [
    ("null:", "replay delivers to Redis"), ("JOURNAL:/tmp", "--to is a journal; replay delivers to Redis"),
])
def test_a_replay_to_nowhere_is_refused(starter, directory, target, sentence):
    engine = starter.engine(f"journal:{directory}")
    assert post(engine, sample("kept")).status == 200
    refused = journal("replay", directory, "--to", target)
    assert refused.returncode == 2 and sentence in refused.stderr
    redis = starter.redis()
    assert journal("replay", directory, "--to", redis.url).returncode == 0
    assert redis.client().xlen("telemetry") == 1


@pytest.mark.parametrize("action", ["ls", "cat", "export", "verify", "replay"])
def test_a_directory_that_is_no_journal(directory, action):
    finished = journal(action, directory, *(["--to", "redis://127.0.0.1:1"] if action == "replay" else []))
    assert finished.returncode == 1 and "there is no journal" in finished.stderr
    assert list(directory.glob("*.log")) == []


@pytest.mark.parametrize("layout", ["fields", "json", "list", "packed"])
def test_a_replay_gives_what_direct_delivery_gives(starter, directory, layout):
    records = [sample(f"d{number % 7}", timestamp=1_700_000_000 + number, value=number, note="n\u00e9", metadata={"n": [number]})
               for number in range(3000)]
    records += [sample("odd", timestamp=5, value=True), {"device_id": "many", "timestamp": 7, "values": {"a": 1, "b": "x"}}]
    settings = {"sink.redis.layout": layout, "sink.redis.partitions": 1 if layout == "list" else 3}
    direct, replayed = starter.redis(), starter.redis()
    engines = [starter.engine(direct.url, settings=settings), starter.engine(f"journal:{directory}")]
    for engine in engines:
        with engine.connect() as connection:
            assert connection.post(ndjson(records), "?precision=ms", "application/x-ndjson").status == 200
        engine.wait_delivered()
    options = [option for key, value in settings.items() for option in ("--set", f"{key}={value}")]
    finished = journal("replay", directory, "--to", replayed.url, *options)
    assert finished.returncode == 0, finished.stderr

    def contents(server) -> dict:
        client, found = server.client(), {}
        for key in sorted(client.keys()):
            if layout == "list":
                found[key] = client.lrange(key, 0, -1)
            elif layout == "packed":  # where one batch ends and the next begins is free
                found[key] = b"".join(entry[b"ndjson"] for entry in stream_entries(client, key))
            else:
                found[key] = stream_entries(client, key)
        return found

    assert contents(replayed) == contents(direct)


@pytest.mark.parametrize("stop_signal", [signal.SIGTERM, signal.SIGPWR])
def test_a_replay_that_is_stopped_goes_on(starter, directory, stop_signal):
    engine = starter.engine(f"journal:{directory}", settings={"journal.segment_size": "2MiB"})
    count = 20_000
    with engine.connect() as connection:
        for begin in range(0, count, 2000):
            body = ndjson(sample(f"d{number % 5}", value=number) for number in range(begin, begin + 2000))
            assert connection.post(body, "", "application/x-ndjson").status == 200
    redis = starter.redis(persistent=True)
    command = [engine_module.BINARY, "journal", "replay", directory, "--to", redis.url, "--set", "sink.redis.backoff_max=200ms"]

    def start() -> subprocess.Popen:
        return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=engine_module.CLEAN_ENVIRONMENT)

    observer = redis.client()
    observer.execute_command("CLIENT", "PAUSE", 60_000, "WRITE")
    stopped = start()
    wait_until(lambda: any("xadd" in client["cmd"] for client in observer.client_list()), "it waits for Redis to take a sample")
    second = journal("replay", directory, "--to", redis.url)
    assert second.returncode == 1 and "another replay" in second.stderr
    for without_a_meaning in (signal.SIGUSR1, signal.SIGSTKFLT, signal.SIGRTMIN):
        stopped.send_signal(without_a_meaning)
    observer.execute_command("CLIENT", "UNPAUSE")
    wait_until(lambda: observer.xlen("telemetry") > 1000, "it delivers", pause_s=0.001)
    stopped.send_signal(stop_signal)
    assert stopped.wait(20) in (0, 1)
    before = redis.client().xlen("telemetry")
    if stopped.returncode == 1:
        assert before < count and "run it again" in stopped.stderr.read()
    killed = start()  # and one that finds its Redis dead for a while
    redis.kill()
    time.sleep(0.3)
    redis.start()
    assert killed.wait(60) == 0
    values = [(entry[b"device_id"], int(entry[b"value"])) for entry in stream_entries(redis.client())]
    assert {value for _, value in values} == set(range(count))
    newest = {f"d{index}".encode(): index - 5 for index in range(5)}
    for device, value in values:  # in order; some may come twice
        assert value <= newest[device] + 5, "a sample was overtaken"
        newest[device] = max(newest[device], value)
    assert journal("replay", directory, "--to", redis.url).returncode == 0
    assert redis.client().xlen("telemetry") == len(values), "what was delivered is not delivered again"


@pytest.mark.parametrize("action", ["ls", "cat", "verify", "export"])
def test_what_cannot_be_printed_is_an_error(starter, directory, action):
    engine = starter.engine(f"journal:{directory}")
    assert post(engine, sample()).status == 200
    finished = subprocess.run(["sh", "-c", 'exec "$@" >/dev/full', "sh", engine_module.BINARY, "journal", action, directory],
                              capture_output=True, text=True, timeout=60, env=engine_module.CLEAN_ENVIRONMENT)
    assert finished.returncode == 1 and "standard output cannot be written" in finished.stderr
