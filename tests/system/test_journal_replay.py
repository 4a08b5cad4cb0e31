"""`sluice journal replay` after another one: what it says of what was delivered, and delivering a range again."""
# runs: release.io_uring release.epoll

import json
import signal
import tempfile
from pathlib import Path

import pytest

from harness import device_ids, reserve_port, sample, wait_until
from harness.journal import journal


@pytest.fixture
def directory(workspace):
    return Path(tempfile.mkdtemp(dir=workspace))


def post(engine, record, ack: str = "journaled"):
    with engine.connect() as connection:
        return connection.post(record, query=f"?ack={ack}")


def test_a_replay_says_that_all_was_delivered_before_and_to_what(starter, directory):
    engine = starter.engine(f"journal:{directory}")
    first, second = starter.redis(), starter.redis()
    for name in ("a", "b", "c"):
        assert post(engine, sample(name)).status == 200
    replayed = journal("replay", directory, "--to", first.url)
    assert replayed.returncode == 0 and f"3 samples delivered to {first.url}" in replayed.stderr
    again = journal("replay", directory, "--to", second.url)
    assert again.returncode == 0
    assert f"all that the journal holds was delivered before, to {first.url}: --all delivers it again" in again.stderr
    assert post(engine, sample("d")).status == 200
    assert again.stderr.count(first.url) == 1, "it is said once"
    rest = journal("replay", directory, "--to", second.url)
    assert f"was delivered to {first.url}: if {second.url} is another Redis, --all delivers it there\n" in rest.stderr
    assert device_ids(second.client()) == ["d"] and "1 sample delivered" in rest.stderr
    assert post(engine, sample("e")).status == 200
    same = second.url.replace("127.0.0.1", "localhost")
    assert "another Redis" not in journal("replay", directory, "--to", same).stderr


def test_a_replay_does_not_say_that_something_was_delivered_where_nothing_was(starter, directory):
    engine = starter.engine(f"redis://127.0.0.1:{reserve_port()}", until="/health", settings={"journal.directory": directory, "drain_timeout": "100ms"})
    assert post(engine, sample("a")).status == 200
    engine.signal(signal.SIGTERM)
    engine.wait_exit()
    redis = starter.redis()
    replayed = journal("replay", directory, "--to", redis.url)
    assert replayed.returncode == 0 and "was delivered" not in replayed.stderr, replayed.stderr
    assert device_ids(redis.client()) == ["a"]


def test_a_replay_of_nothing_says_why(starter, directory):
    empty = starter.engine(f"journal:{directory}")
    empty.signal(signal.SIGTERM)
    empty.wait_exit()
    assert "; the journal holds no sample\n" in journal("replay", directory, "--to", starter.redis().url).stderr
    engine = starter.engine(f"journal:{directory}")
    for name in ("a", "b"):
        assert post(engine, sample(name)).status == 200
    exported = [json.loads(line) for line in journal("export", directory).stdout.splitlines()]
    segment, second = exported[1]["segment"], exported[1]["offset"]
    end = json.loads(journal("verify", directory).stdout.splitlines()[-1])["end"]
    redis = starter.redis()

    def replay(*arguments: str) -> tuple[int, str]:
        finished = journal("replay", directory, "--to", redis.url, *arguments)
        return finished.returncode, finished.stderr.strip().splitlines()[-1]

    for arguments, why in ((("--since", "2199-01-01T00:00:00Z"), "no sample of that time or later"),
                           (("--from", f"{end['segment']}:{end['offset']}"), "no sample from there on")):
        code, said = replay(*arguments)
        assert (code, said.rpartition("the journal holds ")[2]) == (0, why)
    for position, why in (("77", f"77:0, but the journal has no segment 77; it has {exported[0]['segment']} to {segment}"),
                          (f"{segment}:{second + 8}", f"{segment}:{second + 8}, where no record begins; sluice journal export tells where each does"),
                          (f"{segment}:{second + 1}", f'"{segment}:{second + 1}", where no record begins: offsets are multiples of 8; see sluice journal replay --help')):
        assert replay("--from", position) == (2, f"sluice: --from is {why}")
    assert redis.client().dbsize() == 0


def test_a_replay_of_a_range_is_a_copy(starter, directory):
    engine = starter.engine(f"journal:{directory}")
    for number in range(4):
        assert post(engine, sample(f"d{number}", timestamp=f"2026-11-30T0{number}:00:00Z")).status == 200
    third = json.loads(journal("export", directory).stdout.splitlines()[2])
    for arguments, wanted in (
            (["--all"], ["d0", "d1", "d2", "d3"]), (["--from", "1"], ["d0", "d1", "d2", "d3"]),
            (["--from", f"{third['segment']}:{third['offset']}"], ["d2", "d3"]),
            (["--since", "2026-11-30T01:00:00Z"], ["d1", "d2", "d3"]), (["--since", "2199-01-01T00:00:00Z"], [])):
        target = starter.redis()
        replayed = journal("replay", directory, "--to", target.url, *arguments)
        assert replayed.returncode == 0, replayed.stderr
        assert f"{len(wanted)} sample{'s' if len(wanted) != 1 else ''} delivered to {target.url}" in replayed.stderr
        assert device_ids(target.client()) == wanted, arguments
    assert json.loads(journal("verify", directory).stdout.splitlines()[-1])["delivered"] is None, "a copy counts for nothing"
    wrong = journal("replay", directory, "--to", target.url, "--since", "yesterday")
    assert wrong.returncode == 2 and '--since is "yesterday"' in wrong.stderr


def test_a_copy_may_be_made_beside_an_engine_that_delivers(starter, directory):
    first, second = starter.redis(), starter.redis()
    engine = starter.engine(first.url, settings={"journal.directory": directory})
    assert post(engine, sample("a")).status == 200
    wait_until(lambda: device_ids(first.client()) == ["a"], "it is delivered")
    assert journal("replay", directory, "--to", second.url).returncode == 1, "another delivers it"
    assert journal("replay", directory, "--to", second.url, "--all").returncode == 0
    assert device_ids(second.client()) == ["a"]
