"""The settings of docs/senders.md, as they stand there, with the programs that are here."""
# runs: release.io_uring

import json
import os
import re
import shutil
import subprocess

import pytest

from harness import stream_entries
from harness.databases import find_program
from harness.engine import PROJECT

PAGE = (PROJECT / "docs/senders.md").read_text()
MODULES = PROJECT / ".deps/npm/node_modules"
PACKAGES = PROJECT / ".deps/prefix/usr/lib/python3/dist-packages"


def block(language: str, word: str) -> str:
    [found] = [text for text in re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL) if word in text]
    return found


def here(text: str, engine) -> str:
    """For an engine of a test."""
    host, port = engine.address
    return text.replace("sluice:8080", f"{host}:{port}").replace('"sluice", 8080', f'"{host}", {port}')


def run(command: list, **options) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def types(stack) -> list[bytes]:
    return [entry[b"type"] for entry in stream_entries(stack.redis)]


def test_python_for_influxdb_1(stack):
    run(["/usr/bin/python3", "-c", here(block("python", "from influxdb import"), stack.engine)])
    assert types(stack) == [b"cpu"]


@pytest.mark.skipif(not (PACKAGES / "influxdb_client").exists(), reason="the client is not here: run tools/setup test")
def test_python_for_influxdb_2(stack):
    run(["/usr/bin/python3", "-c", here(block("python", "from influxdb_client import"), stack.engine)],
        env={**os.environ, "PYTHONPATH": str(PACKAGES), "PYTHONDONTWRITEBYTECODE": "1"})
    assert types(stack) == [b"cpu"]


@pytest.mark.skipif(not shutil.which("node") or not MODULES.exists(), reason="node or the client is not here: run tools/setup test")
def test_javascript_for_influxdb_2(stack):
    run(["node", "-e", here(block("js", "InfluxDB"), stack.engine) + "api.close();"], env={**os.environ, "NODE_PATH": str(MODULES)})
    assert types(stack) == [b"cpu"]


def test_curl(stack, tmp_path):
    (tmp_path / "lines.ndjson").write_text(json.dumps({"device_id": "a", "type": "ndjson", "value": 1}) + "\n")
    commands = re.findall(r"^    ((?:curl|gzip) (?:.*\\\n)*.*)", PAGE, re.MULTILINE)
    assert len(commands) == 3
    for command in commands:
        run(["sh", "-c", here(command, stack.engine)], cwd=tmp_path)
    assert types(stack) == [b"cpu", b"cpu", b"ndjson"]


@pytest.mark.skipif(find_program("promtool") is None, reason="promtool is not here: run tools/setup test")
def test_prometheus_takes_its_settings(tmp_path):
    (tmp_path / "prometheus.yml").write_text(block("yaml", "remote_write"))
    run([find_program("promtool"), "check", "config", str(tmp_path / "prometheus.yml")])


@pytest.mark.skipif(find_program("vmagent") is None, reason="vmagent is not here: run tools/setup test")
def test_vmagent_knows_its_options(tmp_path):
    (tmp_path / "scrape.yml").write_text("scrape_configs: []\n")
    [command] = re.findall(r"^    (vmagent .*)", PAGE, re.MULTILINE)
    options = command.split()[1:] + re.findall(r"`(-remoteWrite\.\w+)`", PAGE)
    known = subprocess.run([find_program("vmagent"), "-help"], capture_output=True, text=True, timeout=60)
    assert not [option for option in options if option.split("=")[0] not in known.stdout + known.stderr]
    run([find_program("vmagent"), *command.split()[1:], "-dryRun"], cwd=tmp_path)
