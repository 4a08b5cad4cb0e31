"""Every query of every dashboard returns data: a real Prometheus and a real InfluxDB 1.6 watch real engines under load (harness/monitoring.py)."""
# runs: release.io_uring

import json
import re
import subprocess

import pytest
from PIL import Image

from harness import RedisServer, reserve_port, wait_until
from harness.dashboard_pictures import Picture, titles
from harness.engine import BINARY, CLEAN_ENVIRONMENT, PROJECT
from harness.monitoring import COMPOSE, DASHBOARDS, DATABASES, MISSING, STACK, Stack

pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"{', '.join(MISSING)} not here: run tools/setup test")

PICTURE_BYTES_MAX = 150_000


@pytest.fixture(scope="module")
def stack(module_starter, workspace):
    stack = Stack()
    try:
        stack.start(module_starter, workspace)
        yield stack
    finally:
        stack.kill()


def targets() -> dict[str, dict]:
    panels = [(dashboard["uid"], panel) for dashboard in DASHBOARDS for one in dashboard["panels"] for panel in [one, *one.get("panels", [])]]
    return {f"{uid}: {panel['title']}, {target['refId']}: {target.get('expr', target.get('query'))}": target
            for uid, panel in panels for target in panel.get("targets", [])}


def test_every_query_of_every_panel_returns_data(stack):
    empty = targets()
    assert len(empty) > 200

    def all_have_data() -> bool:
        for name in [name for name, target in empty.items() if stack.series(target)]:
            del empty[name]
        return not empty

    try:
        wait_until(all_have_data, "every query returns data", pause_s=0.5)
    except AssertionError:
        raise AssertionError("no data:\n" + "\n".join(empty) + "\n" + stack.prometheus.log()[-2000:]) from None


def test_legends_name_labels_that_the_series_have(stack):
    """Else Grafana shows nothing in their place."""
    missing = []
    for name, target in targets().items():
        wanted = set(re.findall(r"\{\{(\w+)\}\}|\$(?:tag_)?(\w+)", target.get("legendFormat", target.get("alias"))))
        labels = set().union(*(labels for labels, _ in stack.series(target)))
        missing += [f"{name}: {word}" for pair in wanted if (word := "".join(pair)) not in labels]
    assert not missing


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda dashboard: dashboard["uid"])
def test_the_picture_in_docs_shows_all_panels(dashboard):
    path = PROJECT / f"docs/monitoring/{dashboard['uid']}.png"
    assert path.stat().st_size < PICTURE_BYTES_MAX
    with Image.open(path) as image:
        assert image.text["Panels"].split("\n") == titles(dashboard), "run tests/system/draw_dashboards"


def test_a_dashboard_is_drawn(stack, workspace):
    """One of them: each takes seconds. tests/system/draw_dashboards draws them all."""
    [load] = [dashboard for dashboard in DASHBOARDS if dashboard["uid"] == "sluice-load"]
    Picture(load, stack.series).save(workspace / "load.png")
    with Image.open(workspace / "load.png") as image:
        assert image.text["Panels"].split("\n") == titles(load)
        assert len(image.convert("RGB").getcolors(1 << 20)) > 10 and image.width > 1000


def test_the_variables_have_values(stack):
    for variable in (variable for dashboard in DASHBOARDS for variable in dashboard["templating"]["list"]):
        if variable["datasource"]["type"] == "prometheus":
            series, label = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["query"]["query"]).groups()
            assert stack.prometheus.ask(f"label/{label}/values", **{"match[]": series}), variable["name"]
        else:
            assert stack.influxdb.query(variable["query"], DATABASES[variable["datasource"]["uid"]]), variable["name"]


def test_influxdb_has_the_engines_figures(stack):
    """As Prometheus has them, and without buckets."""
    database = DATABASES["sluice-influxdb-engine"]
    measurements = {row["name"] for row in stack.influxdb.query("SHOW MEASUREMENTS", database)}
    assert {"up", "sluice_samples_accepted_total", "process_cpu_seconds_total", "sluice:ack_seconds:p99_5m"} <= measurements
    assert not [name for name in measurements if name.endswith("_bucket") or name.startswith("node_")]
    accepted = {"format": "json", "core": "0", "instance": stack.engines.scraped[0]}
    selector = ",".join(f'{name}="{value}"' for name, value in accepted.items())
    where = " AND ".join(f"\"{name}\" = '{value}'" for name, value in accepted.items())

    def are_equal() -> bool:
        [series] = stack.prometheus.ask("query", query=f"sluice_samples_accepted_total{{{selector}}}")
        [row] = stack.influxdb.query(f'SELECT last("value") FROM "sluice_samples_accepted_total" WHERE {where}', database)
        return float(series["value"][1]) == row["last"] > 1000
    wait_until(are_equal, "InfluxDB has what Prometheus has")


def exit_code_of_health_check(service: str, port: int) -> int:
    """Of the command in compose.yaml, with a port of this machine."""
    [kind, *words] = COMPOSE["services"][service]["healthcheck"]["test"]
    assert kind == "CMD"
    changed = [re.sub(r"127\.0\.0\.1([:/])\d+", rf"127.0.0.1\g<1>{port}", word) for word in words]
    assert changed != words
    return subprocess.run(changed, capture_output=True, timeout=20).returncode


@pytest.mark.parametrize("service", ["prometheus", "node-exporter", "redis-exporter", "sluice"])
def test_the_health_checks_of_compose_see_what_is_up(stack, service):
    assert exit_code_of_health_check(service, int(stack.ports[service].split(":")[-1])) == 0
    assert exit_code_of_health_check(service, reserve_port()) != 0


def test_the_health_check_of_compose_sees_whether_the_engine_is_ready(stack):
    port = int(stack.engines.scraped[2].split(":")[1])
    assert stack.engines.clustered.admin("POST", "/stop").status == 200
    assert exit_code_of_health_check("sluice", port) != 0
    assert stack.engines.clustered.admin("POST", "/start").status == 200
    assert exit_code_of_health_check("sluice", port) == 0


def test_the_settings_of_the_stack_are_taken(workspace):
    done = subprocess.run([BINARY, "check-config", STACK / "sluice.toml"], capture_output=True, text=True, timeout=60, env=CLEAN_ENVIRONMENT)
    assert done.returncode == 0, done.stdout + done.stderr
    (workspace / "redis").mkdir()
    lines = [line for line in (STACK / "redis.conf").read_text().splitlines() if not line.startswith(("bind ", "dir "))]
    (workspace / "redis/redis.conf").write_text("\n".join(lines))
    server = RedisServer(workspace / "redis", arguments=("--include", workspace / "redis/redis.conf")).start()
    try:
        assert server.client().config_get("maxmemory*")["maxmemory"] == str(512 << 20)
        assert server.client().config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
        assert server.client().config_get("appendonly") == {"appendonly": "yes"}
    finally:
        server.kill()
