"""`tools/run` as a newcomer meets it: in a terminal, with nothing configured, ended by Ctrl-C."""
# runs: release

import json
import os
import pty
import re
import signal
import subprocess
import time

import pytest
import redis

from harness import HttpConnection, reserve_port, sample, wait_until
from harness.engine import BINARY, CLEAN_ENVIRONMENT, PROJECT

CTRL_C = b"\x03"


class Terminal:
    """A program on a pseudo-terminal of its own, so that Ctrl-C is what it is for a user: SIGINT to all in front."""

    def __init__(self, *command: str):
        self.pid, self._master = pty.fork()
        if self.pid == 0:
            os.chdir(PROJECT)
            os.execve(command[0], command, CLEAN_ENVIRONMENT)
        os.set_blocking(self._master, False)
        self.output = ""
        self.status = None

    def read(self) -> str:
        try:
            while chunk := os.read(self._master, 65536):
                self.output += chunk.decode(errors="replace")
        except OSError:
            pass  # nothing to read at the moment, or nobody left to write
        return self.output

    def type(self, keys: bytes) -> None:
        os.write(self._master, keys)

    def has_ended(self) -> bool:
        if self.status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status = os.waitstatus_to_exitcode(status)
        self.read()
        return self.status is not None

    def close(self) -> None:
        if not self.has_ended():
            os.kill(self.pid, signal.SIGTERM)
            wait_until(self.has_ended, "tools/run ends after SIGTERM")
        os.close(self._master)


def redis_answers(port: int) -> bool:
    try:
        return redis.Redis(port=port, socket_timeout=2).ping()
    except redis.RedisError:
        return False


@pytest.fixture
def addresses():
    return [("127.0.0.1", reserve_port()) for _ in range(2)]


@pytest.fixture
def terminal(addresses):
    listen, admin = ("{}:{}".format(*address) for address in addresses)
    terminal = Terminal(str(PROJECT / "tools/run"), "--listen", listen, "--admin", admin)
    yield terminal
    terminal.close()


@pytest.mark.skipif(redis_answers(6379), reason="a Redis answers at 127.0.0.1:6379, so tools/run keeps no journal")
def test_from_nothing_to_a_journaled_sample_and_back(terminal, addresses):
    wait_until(lambda: "journal replay" in terminal.read() or terminal.has_ended(), "tools/run says what to try", timeout_s=240)
    assert not terminal.has_ended(), terminal.output
    commands = re.findall(r"^ +(curl .*?)\r?$", terminal.output, re.MULTILINE)
    assert len(commands) == 2
    for command in commands:  # the very lines that it prints
        finished = subprocess.run(["bash", "-c", f"{command} --fail -sS"], capture_output=True, text=True, timeout=120)
        assert finished.returncode == 0, finished.stderr
    device_id = f"run-{time.time_ns()}"
    with HttpConnection(addresses[0]) as connection:
        assert connection.post(sample(device_id)).status == 200
    read_back = re.search(r"^ +(build/release/sluice journal cat \S+?)\r?$", terminal.output, re.MULTILINE)[1]
    assert re.search(r"build/release/sluice journal replay \S+ --to redis://127\.0\.0\.1:6379", terminal.output)
    # Beside the engine: the journal may be read at any time.
    finished = subprocess.run(["bash", "-c", read_back], capture_output=True, text=True, timeout=120, cwd=PROJECT, env=CLEAN_ENVIRONMENT)
    assert finished.returncode == 0, finished.stderr
    assert json.loads(finished.stdout.splitlines()[-1])["device_id"] == device_id

    terminal.type(CTRL_C)
    wait_until(terminal.has_ended, "tools/run ends after Ctrl-C")
    assert terminal.status == 0, terminal.output
    assert "conserved=true" in terminal.output


@pytest.mark.skipif(redis_answers(6379), reason="a Redis answers at 127.0.0.1:6379, and its stream is not ours")
def test_the_stream_of_the_default_redis_is_bounded(addresses, request):
    holder = subprocess.Popen(["redis-server", "--port", "6379", "--save", ""], stdout=subprocess.DEVNULL)
    try:
        wait_until(lambda: redis_answers(6379) or holder.poll() is not None, "Redis answers")
        if holder.poll() is not None:
            pytest.skip("port 6379 is taken by something that is no Redis")
        terminal = request.getfixturevalue("terminal")
        wait_until(lambda: "XREVRANGE" in terminal.read() or terminal.has_ended(), "tools/run says what to try", timeout_s=240)
        assert "the stream telemetry keeps its last 1000000 samples" in terminal.output
        with redis.Redis(port=6379).monitor() as monitor:
            with HttpConnection(addresses[0]) as connection:
                assert connection.post(sample("d")).status == 200
            commands = (command["command"] for command in monitor.listen())
            assert next(c for c in commands if c.startswith("XADD")).startswith("XADD telemetry MAXLEN ~ 1000000 ")
        terminal.type(CTRL_C)
        wait_until(terminal.has_ended, "tools/run ends after Ctrl-C")
        assert terminal.status == 0, terminal.output
    finally:
        holder.terminate()
        holder.wait()


STREAM = "the stream telemetry keeps its last 1000000 samples; choose another bound with --set sink.redis.maxlen=COUNT"
OTHER = {"SLUICE_SINK_REDIS_STREAM": "other"}


@pytest.mark.parametrize("settings, environment, bound, said", [
    ([], {}, "sink.redis.maxlen=1000000", STREAM),
    ([], OTHER, "sink.redis.maxlen=1000000", STREAM.replace("telemetry", "other")),
    (["sink.redis.partitions=2"], {}, "sink.redis.maxlen=1000000", STREAM.replace("telemetry", "telemetry:{0}")),
    (["sink.redis.layout=packed"], {}, "sink.redis.maxlen=10000", STREAM.replace("1000000", "10000").replace("samples", "batches of samples")),
    (["sink.redis.layout=LIST", "sink.redis.list_key=q"], {}, "admission.stream_length_max=1000000",
     "samples are refused while the list q holds 1000000; choose another bound with --set admission.stream_length_max=COUNT"),
    (["sink.redis.maxage=1h"], {}, "", ""),
    ([], {"SLUICE_SINK_REDIS_MAXAGE": "1h"}, "", ""),
    (["sink.redis.maxlen=5"], {}, "", ""),
    (["admission.interval=0s", "sink.redis.layout=list"], {}, "", ""),
], ids=str)
def test_the_bound_fits_what_is_asked_for(settings, environment, bound, said):
    script = (PROJECT / "tools/run").read_text()
    functions = script[script.index("say() {"):script.index("\ntools/setup build")]
    arguments = [word for setting in settings for word in ("--set", setting)]
    done = subprocess.run(["bash", "-euc", functions + '\nchoose_keys "$@"; choose_bound "$@"; echo "$bound"; echo "$bound_sentence"', "run", *arguments],
                          capture_output=True, text=True, env={**CLEAN_ENVIRONMENT, **environment})
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [bound, said]
    taken = subprocess.run([BINARY, "print-config", "--effective", *arguments, *(["--set", bound] if bound else [])],
                           capture_output=True, text=True, env={**CLEAN_ENVIRONMENT, **environment})
    assert taken.returncode == 0, taken.stderr


def test_a_taken_port_is_named(addresses):
    holder = subprocess.Popen(["redis-server", "--port", str(addresses[0][1]), "--save", ""], stdout=subprocess.DEVNULL)
    try:
        wait_until(lambda: redis_answers(addresses[0][1]), "the port is taken")
        finished = subprocess.run(
            [PROJECT / "tools/run", "--sink", "null:", "--listen", "{}:{}".format(*addresses[0]), "--admin", "{}:{}".format(*addresses[1])],
            capture_output=True, text=True, timeout=240, env=CLEAN_ENVIRONMENT)
        assert finished.returncode not in (0, 2)
        assert str(addresses[0][1]) in finished.stdout + finished.stderr
    finally:
        holder.terminate()
        holder.wait()
