"""collectd, as Debian has it, pointed at Sluice: what it sends is stored, and what it loses by itself.

It sends each of its buffers once, whatever is answered. So what is refused is lost, and a journal in front of Redis
keeps the engine from refusing.
"""
# runs: release.io_uring

import json
import re
import socket

import pytest

from harness import Child, stream_entries, wait_until
from harness.databases import find_program
from harness.engine import PROJECT

COLLECTD = find_program("collectd")
FILES = PROJECT / ".deps/prefix/usr"
# As docs/senders.md has them.
SETTINGS = re.search(r"^(LoadPlugin write_http\n.*?)^```", (PROJECT / "docs/senders.md").read_text(), re.MULTILINE | re.DOTALL)[1]
FIRST_S = 1_700_000_000


class Collectd:
    """It reads nothing by itself: a test hands it values by its plugin unixsock, and tells it when to send them."""

    def __init__(self, directory, url: str):
        files = FILES if str(FILES) in COLLECTD else COLLECTD.rsplit("/", 2)[0]
        self._path = directory / "collectd.sock"
        (directory / "collectd.conf").write_text(f"""
            Hostname "node"
            FQDNLookup false
            BaseDir "{directory}"
            PIDFile "{directory}/collectd.pid"
            PluginDir "{files}/lib/collectd"
            TypesDB "{files}/share/collectd/types.db"
            Interval 10
            WriteThreads 1
            LoadPlugin unixsock
            <Plugin unixsock>
              SocketFile "{self._path}"
              DeleteSocket true
            </Plugin>
            """ + SETTINGS.replace("http://sluice:8080/collectd", url))
        self._child = Child([COLLECTD, "-f", "-C", directory / "collectd.conf"], directory, "collectd")
        self._commands = socket.socket(socket.AF_UNIX)
        wait_until(self._connects, "collectd listens")
        self._answers = self._commands.makefile("rb")
        self._number = self._marks_count = 0

    def _connects(self) -> bool:
        assert self._child.exit_code is None, self._child.output()
        return self._path.exists() and self._commands.connect_ex(str(self._path)) == 0

    def _ask(self, command: str) -> list[str]:
        """The lines of the answer. The first begins with how many more there are, or with a negative number."""
        self._commands.sendall(command.encode() + b"\n")
        first = self._answers.readline().decode()
        return [first, *(self._answers.readline().decode() for _ in range(int(first.split()[0])))]

    def put(self, *values: str) -> None:
        """Each as PUTVAL has it. Returns when the last buffer was answered, or could not be sent."""
        for value in values:
            assert self._ask("PUTVAL " + value)[0].startswith("0 "), value
        # Values wait in a queue, which one thread empties: when it has seen this one, it has written all before it.
        self._marks_count += 1
        assert self._ask(f"PUTVAL node/test/gauge-mark interval=10 {FIRST_S + self._marks_count}:{self._marks_count}")[0].startswith("0 ")
        wait_until(lambda: float(self._ask("GETVAL node/test/gauge-mark")[-1].partition("=")[2] or 0) == self._marks_count, "collectd has written")
        self._ask("FLUSH plugin=write_http/sluice")

    def send(self, count: int) -> set[int]:
        """Numbers from where it left off, as values of one series; they are handed over in buffers of 4 KiB."""
        numbers = range(self._number, self._number + count)
        self._number += count
        self.put(*(f"node/test/gauge-number interval=10 {FIRST_S + number}:{number}" for number in numbers))
        return set(numbers)

    def kill(self) -> None:
        self._child.kill()
        self._commands.close()

    def output(self) -> str:
        return self._child.output()


@pytest.fixture
def collectd(workspace, tmp_path):
    if COLLECTD is None:
        pytest.skip("collectd is not here: run tools/setup test")
    started = []

    def start(engine, query: str = "") -> Collectd:
        started.append(Collectd(workspace, "http://{}:{}/collectd".format(*engine.address) + query))
        return started[0]
    yield start
    for one in started:
        one.kill()


def numbers(server) -> set[int]:
    return {int(entry[b"value"]) for entry in stream_entries(server.client()) if entry[b"type"] == b"test/gauge-number"}


def test_collectd_at_work(starter, collectd):
    server = starter.redis()
    client = collectd(starter.engine(server.url))
    sent = client.send(300)
    assert numbers(server) == sent
    client.put(f"node/if-eth0/if_octets interval=10 {FIRST_S}.125:1:2", f"node/load/load interval=10 {FIRST_S}:0.5:U:1.5",
               f'"node/a \\"b\\" c/gauge" interval=10 {FIRST_S}:U')
    octets, load, undefined = [entry for entry in stream_entries(server.client()) if not entry[b"type"].startswith(b"test/")]
    assert (octets[b"device_id"], octets[b"type"], octets[b"ts"]) == (b"node", b"if-eth0/if_octets", b"%d125000000" % FIRST_S)
    assert json.loads(octets[b"values"]) == {"rx": 1, "tx": 2}
    assert json.loads(octets[b"metadata"]) == {"plugin": "if", "plugin_instance": "eth0", "type": "if_octets", "interval": 10.0,
                                               "dstypes": ["derive", "derive"]}
    assert json.loads(load[b"values"]) == {"shortterm": 0.5, "midterm": "NaN", "longterm": 1.5}
    assert (undefined[b"value"], undefined[b"type"].decode()) == (b"NaN", 'a "b" c/gauge')


def test_what_collectd_loses_by_itself(starter, collectd):
    """Whatever it is answered, and where nobody answers."""
    server = starter.redis(persistent=True)
    engine = starter.engine(server.url, settings={"sink.redis.backoff_max": "200ms", "ack_timeout": "1s"})
    client = collectd(engine)
    kept = client.send(20)
    assert engine.admin("POST", "/stop").status == 200
    client.send(20)
    assert engine.admin("POST", "/start").status == 200
    kept |= client.send(20)
    engine.kill()
    client.send(20)
    engine.start()
    kept |= client.send(20)
    server.kill()
    wait_until(lambda: engine.admin("GET", "/ready").status == 503, "the sink has noticed")
    undecided = client.send(20)  # refused, and stored all the same where the batch outlives the outage
    server.start()
    wait_until(lambda: engine.admin("GET", "/ready").status == 200, "the sink is back")
    kept |= client.send(20)
    # An answer that a slow disk held back for more than ack_timeout was a refusal of what is stored soon.
    wait_until(lambda: numbers(server) >= kept, "what is kept has arrived")
    assert numbers(server) - undecided == kept, "what was refused is sent once only"


def test_a_journal_keeps_what_collectd_would_lose(starter, collectd, tmp_path):
    server = starter.redis(persistent=True)
    engine = starter.engine(server.url, settings={"sink.redis.backoff_max": "200ms", "journal.directory": tmp_path})
    client = collectd(engine)
    sent = client.send(20)
    server.kill()
    sent |= client.send(20)
    server.start()
    sent |= client.send(20)
    wait_until(lambda: numbers(server) == sent, "each value arrives")
