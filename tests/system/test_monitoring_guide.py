"""Commands and configuration of docs/monitoring.md, as they stand there, and what it says that one sees when something is wrong."""
# runs: release.io_uring

import json
import re
import subprocess
import tomllib
import urllib.error
import urllib.parse

import pytest
import yaml

from harness import reserve_port, sample, wait_until
from harness.databases import VICTORIA_METRICS, InfluxDb, VictoriaMetrics, fetch, find_program
from harness.engine import CLEAN_ENVIRONMENT, PROJECT
from harness.load import LOAD_BINARY, PATIENT
from harness.monitoring import MISSING, PASSWORD, STACK, Prometheus, stack_configuration

pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"{', '.join(MISSING)} not here: run tools/setup test")

PAGE = (PROJECT / "docs/monitoring.md").read_text()
COMMANDS = re.findall(r"^ {4}(\S(?:.*\\\n)*.*)$", PAGE, re.MULTILINE)
ADMIN_TOKEN = "a-token-of-the-admin-listener-0123456789"


def command(word: str) -> str:
    [found] = [text for text in COMMANDS if word in text]
    return found


def block(language: str, word: str) -> str:
    [found] = [text for text in re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL) if word in text]
    return found


def is_said(text: str) -> None:
    """The page must have what a test sees, in the same words."""
    assert text in PAGE, text


def run(text: str, **options) -> subprocess.CompletedProcess:
    return subprocess.run(text, shell=True, capture_output=True, text=True, timeout=60, env=CLEAN_ENVIRONMENT, **options)


@pytest.fixture(scope="module")
def influxdb(workspace):
    database = InfluxDb(workspace, "sluice", PASSWORD)
    for statement in (STACK / "influxdb/databases.iql").read_text().strip().split(";"):
        database.query(statement)
    yield database
    database.kill()


def test_curl_sends_a_sample(stack):
    done = run(command("curl -H").replace("127.0.0.1:8080", "{}:{}".format(*stack.engine.address)))
    assert json.loads(done.stdout)["ok"] is True, done.stderr


def load_command(stack, influxdb, password: str) -> str:
    changes = {"build/release/sluice-load": str(LOAD_BINARY), "127.0.0.1:8080": "{}:{}".format(*stack.engine.address), "127.0.0.1:8086": influxdb.url.removeprefix("http://"),
               "PASSWORD": urllib.parse.quote(password, safe=""), "--rate 5k --duration 60s": "--rate 200 --duration 1s"}
    text = command("build/release/sluice-load")
    for old, new in changes.items():
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return " ".join([text, *PATIENT])


def test_sluice_load_writes_to_influxdb(stack, influxdb):
    done = run(load_command(stack, influxdb, PASSWORD))
    assert "InfluxDB" not in done.stderr, done.stderr
    [row] = influxdb.query('SELECT sum("responses") FROM "sluice_load"', "sluice_load")
    assert row["sum"] >= 200


def test_sluice_load_says_what_influxdb_refuses(stack, influxdb):
    done = run(load_command(stack, influxdb, "wrong"))
    assert "401" in done.stderr
    influxdb.query("DROP DATABASE sluice_load")
    done = run(load_command(stack, influxdb, PASSWORD))
    influxdb.query("CREATE DATABASE sluice_load")
    assert "database not found" in done.stderr
    is_said("| `database not found` |")


def test_a_password_is_changed_later(influxdb):
    [statement] = re.findall(r"`(SET PASSWORD FOR [^`]+)`", PAGE)
    influxdb.query(statement.replace("…", "another"))
    try:
        with pytest.raises(urllib.error.HTTPError, match="401"):
            influxdb.query("SHOW DATABASES")
    finally:
        influxdb._credentials["p"] = "another"
        influxdb.query(statement.replace("…", PASSWORD))
        influxdb._credentials["p"] = PASSWORD
    assert influxdb.query("SHOW DATABASES")


def test_a_query_in_another_language_is_not_parsed(influxdb):
    """What a panel shows whose data source is set to Flux."""
    query = urllib.parse.urlencode({"db": "sluice", "u": "sluice", "p": PASSWORD, "q": 'from(bucket: "sluice") |> range(start: -1h)'})
    with pytest.raises(urllib.error.HTTPError) as failure:
        fetch(f"{influxdb.url}/query?{query}")
    assert failure.value.code == 400 and "error parsing query" in failure.value.read().decode()
    is_said("`error parsing query`")


def test_a_port_that_is_taken_is_found(stack):
    [words] = set(re.findall(r"`(ss -ltnp)`", PAGE))
    assert f":{stack.engine.address[1]} " in run(words).stdout


@pytest.fixture(scope="module")
def watched(module_starter, workspace, influxdb):
    """An engine with a token, and a Prometheus that is right in some things and wrong in others."""
    metrics, token = f"127.0.0.1:{reserve_port()}", workspace / "sluice.token"
    token.write_text(ADMIN_TOKEN)
    token.chmod(0o600)
    settings = {f"admin.{name}": metrics for name in tomllib.loads(block("toml", "metrics_listen"))["admin"]}
    engine = module_starter.engine(module_starter.redis().url, settings={**settings, "admin.token_file": token},
                                   admin_headers=[("Authorization", f"Bearer {ADMIN_TOKEN}")])
    admin = "{}:{}".format(*engine.admin_address)
    [with_token] = re.findall(r"`(authorization: \{credentials_file: [^`]+\})`", PAGE)
    authorization = yaml.safe_load(with_token.replace("/etc/prometheus/sluice.token", str(token)))
    config = stack_configuration(workspace, {}, influxdb.url)
    config |= yaml.safe_load(block("yaml", "job_name: sluice"))
    [job] = config["scrape_configs"]
    job["static_configs"] = [{"targets": [metrics]}]
    config["scrape_configs"] += [
        {"job_name": "without-token", "static_configs": [{"targets": [admin]}]},
        {"job_name": "with-token", **authorization, "static_configs": [{"targets": [admin]}]},
        {"job_name": "nobody", "static_configs": [{"targets": [f"127.0.0.1:{reserve_port()}"]}]}]
    [write] = config["remote_write"]
    config["remote_write"].append({**write, "name": "wrong", "basic_auth": {"username": "sluice", "password": "wrong"}})
    prometheus = Prometheus(workspace, config)
    yield prometheus
    prometheus.kill()


def test_targets_say_what_is_wrong(watched):
    def targets() -> dict:
        active = json.loads(fetch(watched.url + "/api/v1/targets"))["data"]["activeTargets"]
        return {target["labels"]["job"]: target for target in active} if all(target["health"] != "unknown" for target in active) else {}

    seen = wait_until(targets, "every target was scraped")
    assert {job: target["health"] for job, target in seen.items()} == {"sluice": "up", "without-token": "down", "with-token": "up", "nobody": "down"}
    assert "connection refused" in seen["nobody"]["lastError"] and "401" in seen["without-token"]["lastError"]
    is_said("`connection refused`")
    is_said("/api/v1/targets`")


def test_prometheus_says_that_influxdb_refuses(watched):
    [words] = re.findall(r"Prometheus in its log \(`([^`]+)`\)", PAGE)
    wait_until(lambda: words in watched.log(), "the log says it", pause_s=0.1)


def test_influxdb_has_what_prometheus_scraped(watched, influxdb):
    """The recipe for the engine's own figures."""
    wait_until(lambda: influxdb.query("SELECT last(\"value\") FROM \"sluice_ready\" WHERE \"job\" = 'sluice'", "sluice"), "a figure of the engine is in InfluxDB")


def test_promtool_checks_the_example(workspace):
    text = block("yaml", "job_name: sluice")
    for name in ("recording.yml", "alerts.yml"):
        (workspace / name).write_text((STACK / "prometheus" / name).read_text())
    (workspace / "example.yml").write_text(text)
    done = subprocess.run([find_program("promtool"), "check", "config", workspace / "example.yml"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    is_said("`promtool check config FILE`")


def tags_of(influxdb, database: str, measurement: str) -> list[str]:
    """Without `__name__`, which InfluxDB adds to points of remote write."""
    return sorted(row["tagKey"] for row in influxdb.query(f'SHOW TAG KEYS FROM "{measurement}"', database) if row["tagKey"] != "__name__")


def test_write_metrics_makes_the_points_of_remote_write(stack, influxdb, watched):
    wait_until(lambda: influxdb.query("SHOW TAG KEYS FROM \"sluice_samples_accepted_total\"", "sluice"), "Prometheus wrote figures")
    expected = {name: tags_of(influxdb, "sluice", name) for name in ("sluice_samples_accepted_total", "sluice_sink_state", "process_cpu_seconds_total", "sluice_build_info")}
    assert expected["sluice_samples_accepted_total"] == ["core", "format", "instance", "job"]
    with stack.connect() as connection:
        assert connection.post([sample(), sample()]).status == 200
    admin = "{}:{}".format(*stack.engine.admin_address)
    changes = {"127.0.0.1:8082": admin, "127.0.0.1:8086": influxdb.url.removeprefix("http://"), "PASSWORD": urllib.parse.quote(PASSWORD, safe="")}
    text = command("write_metrics --to http://sluice")
    for old, new in changes.items():
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    influxdb.query("CREATE DATABASE other")
    done = run(text + " --once --database other", cwd=PROJECT)
    assert done.returncode == 0 and not done.stderr, done.stderr
    assert {name: tags_of(influxdb, "other", name) for name in expected} == expected
    [row] = influxdb.query(f"SELECT sum(\"value\") FROM \"sluice_samples_accepted_total\" WHERE \"job\" = 'sluice' AND \"instance\" = '{admin}'", "other")
    assert row["sum"] == stack.engine.status()["samples"]["accepted"] > 0
    assert not [row for row in influxdb.query("SHOW MEASUREMENTS", "other") if row["name"].endswith("_bucket")]


def test_write_metrics_says_what_failed(stack, influxdb):
    admin = "http://{}:{}/metrics".format(*stack.engine.admin_address)
    script = PROJECT / "tools/deploy/monitoring/influxdb/write_metrics"
    done = run(f"{script} --once --to {influxdb.url.replace('://', '://sluice:wrong@')} {admin}")
    assert done.returncode == 1 and "write_metrics: InfluxDB: 401" in done.stderr
    done = run(f"{script} --once --to {influxdb.url} http://127.0.0.1:{reserve_port()}/metrics")
    assert done.returncode == 1 and "Connection refused" in done.stderr


@pytest.mark.skipif(VICTORIA_METRICS is None, reason="victoria-metrics is not here: run tools/setup test")
def test_write_metrics_speaks_to_influxdb_2(stack, workspace):
    """VictoriaMetrics takes what InfluxDB 2 does at /api/v2/write."""
    database = VictoriaMetrics(workspace)
    try:
        text = command("write_metrics --to http://127.0.0.1:8086").replace("http://127.0.0.1:8086", database.url).replace("127.0.0.1:8082", "{}:{}".format(*stack.engine.admin_address))
        done = run(text + " --once", cwd=PROJECT)
        assert done.returncode == 0 and not done.stderr, done.stderr
        [series] = wait_until(lambda: database.export("sluice_ready_value"), "it has the figure", pause_s=0.2)
        assert series["metric"]["job"] == "sluice" and series["values"] == [1]
    finally:
        database.kill()
