"""What can be known of tools/deploy/monitoring without starting it: dashboards, provisioning, compose file, and that they fit together."""

import importlib.machinery
import importlib.util
import json
import re
import subprocess
from collections import Counter
from pathlib import Path

import pytest
import yaml

PROJECT = Path(__file__).resolve().parents[2]
STACK = PROJECT / "tools/deploy/monitoring"
FILES = sorted((STACK / "grafana/dashboards").glob("*.json"))
DASHBOARDS = {file.stem: json.loads(file.read_text()) for file in FILES}
COMPOSE = yaml.safe_load((STACK / "compose.yaml").read_text())
SOURCES = {source["uid"]: source for source in yaml.safe_load((STACK / "grafana/provisioning/datasources/sluice.yaml").read_text())["datasources"]}
RULES = [rule for name in ("recording", "alerts") for group in yaml.safe_load((STACK / f"prometheus/{name}.yml").read_text())["groups"] for rule in group["rules"]]

# docs/metrics.md has each family of the engine; these are of the engine or of Prometheus itself.
FAMILIES = set(re.findall(r"^\| `((?:sluice|process)_\w+)` \|", (PROJECT / "docs/metrics.md").read_text(), re.MULTILINE))
RECORDED = {rule["record"] for rule in RULES if "record" in rule}
OF_PROMETHEUS = {"up", "ALERTS"}
FUNCTIONS = {"sum", "max", "min", "avg", "count", "rate", "increase", "deriv", "changes", "absent", "histogram_quantile", "predict_linear", "vector", "time", "by", "on", "or", "and"}
# Families that no panel shows, with the reason.
NOT_SHOWN = {"process_virtual_memory_max_bytes": "absent unless the address space is limited",
             "sluice_proxy_headers_total": "only where proxy.protocol is on",
             "sluice_address_connections_refused_total": "only with http.connections_per_address_max"}

GRID_COLUMNS = 24
KINDS = {"timeseries", "stat", "table", "heatmap"}
UNITS = {"none", "short", "percentunit", "s", "ns", "bytes", "Bps", "reqps", "cps", "ops", "pps"}


def panels_of(dashboard: dict) -> list[dict]:
    """Those that show something, the ones of folded rows included."""
    return [panel for one in dashboard["panels"] for panel in [one, *one.get("panels", [])] if panel["type"] != "row"]


PANELS = [pytest.param(panel, id=f"{name}:{panel['id']}") for name, dashboard in DASHBOARDS.items() for panel in panels_of(dashboard)]


def metrics_in(expression: str) -> set[str]:
    """Names of series, without the endings of a histogram's; labels, durations and words of PromQL are none."""
    bare = re.sub(r"\{[^}]*\}|\[[^\]]*\]|\"[^\"]*\"", "", expression)
    bare = re.sub(r"\b(?:by|on)\s*\([^)]*\)", "", bare)
    names = set(re.findall(r"(?<![\w:.$])[a-zA-Z_][\w:]*", bare)) - FUNCTIONS
    return {re.sub(r"_(?:bucket|sum|count)$", "", name) if name not in FAMILIES else name for name in names}


def test_metrics_are_found_in_expressions():
    assert metrics_in('sum by (le, core) (rate(sluice_stage_seconds_bucket{stage="total",le="0.1"}[5m])) / on (instance) up > 0.5') == {"sluice_stage_seconds", "up"}
    assert metrics_in("sluice:slow:ratio_rate1h > 14.4 * 0.01 or vector(0)") == {"sluice:slow:ratio_rate1h"}


def test_the_files_are_those_that_the_panels_make():
    loader = importlib.machinery.SourceFileLoader("write_dashboards", str(STACK / "grafana/write_dashboards"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    assert module.texts() == {file.name: file.read_text() for file in FILES}, "run tools/deploy/monitoring/grafana/write_dashboards"


@pytest.mark.parametrize("name", DASHBOARDS)
def test_a_dashboard_is_whole(name):
    dashboard = DASHBOARDS[name]
    assert dashboard["uid"] == name and len(name) <= 40, "the uid is the file's name; Grafana takes 40 characters"
    assert dashboard["schemaVersion"] == 39 and "id" not in dashboard
    ids = [panel["id"] for one in dashboard["panels"] for panel in [one, *one.get("panels", [])]]
    assert len(ids) == len(set(ids)) and all(isinstance(number, int) and number > 0 for number in ids)
    titles = Counter((panel["title"], panel["type"]) for panel in dashboard["panels"] if panel["type"] == "row")
    assert max(titles.values()) == 1


def cells(panel: dict) -> set[tuple[int, int]]:
    place = panel["gridPos"]
    return {(x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])}


@pytest.mark.parametrize("name", DASHBOARDS)
def test_panels_do_not_overlap(name):
    """Of a folded row the panels have places of their own, as they have when it is open."""
    for panels in [DASHBOARDS[name]["panels"], *(row["panels"] for row in DASHBOARDS[name]["panels"] if row.get("panels"))]:
        taken = Counter(cell for panel in panels for cell in cells(panel))
        assert max(taken.values()) == 1
        assert all(0 <= x < GRID_COLUMNS and y >= 0 for x, y in taken)


@pytest.mark.parametrize("panel", PANELS)
def test_a_panel_is_whole(panel):
    assert panel["type"] in KINDS and panel["title"] and panel["description"].endswith(".")
    assert panel["fieldConfig"]["defaults"]["unit"] in UNITS
    assert panel["targets"]
    refs = [target["refId"] for target in panel["targets"]]
    assert len(refs) == len(set(refs))


@pytest.mark.parametrize("panel", PANELS)
def test_a_panel_asks_a_data_source_that_is_provisioned(panel):
    for source in [panel["datasource"], *(target["datasource"] for target in panel["targets"])]:
        assert SOURCES[source["uid"]]["type"] == source["type"]
    for target in panel["targets"]:
        is_promql = target["datasource"]["type"] == "prometheus"
        assert ("expr" in target) == is_promql and ("query" in target) != is_promql
        assert is_promql or target["rawQuery"] is True


@pytest.mark.parametrize("name", DASHBOARDS)
def test_variables_are_declared_and_used(name):
    dashboard = DASHBOARDS[name]
    texts = " ".join(target.get("expr", target.get("query", "")) for panel in panels_of(dashboard) for target in panel["targets"])
    used = set(re.findall(r"\$([a-z]\w*)", texts)) - {"timeFilter"}
    declared = {variable["name"]: variable for variable in dashboard["templating"]["list"]}
    assert used == set(declared)
    assert all(SOURCES[variable["datasource"]["uid"]]["type"] == variable["datasource"]["type"] for variable in declared.values())
    assert set(re.findall(r"\$(__\w+)", texts)) <= {"__rate_interval", "__interval"}


# Grafana's own types. Its enums are not taken for their strings, which is what JSON has; Loose<> takes them.
TYPES = """import type { Dashboard, GraphFieldConfig } from '@grafana/schema';
import type { Options as timeseries } from '@grafana/schema/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen';
import type { Options as stat } from '@grafana/schema/dist/esm/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen';
import type { Options as table } from '@grafana/schema/dist/esm/raw/composable/table/panelcfg/x/TablePanelCfg_types.gen';
import type { Options as heatmap } from '@grafana/schema/dist/esm/raw/composable/heatmap/panelcfg/x/HeatmapPanelCfg_types.gen';
type Loose<T> = T extends string ? `${T}` : T extends number | boolean | null | undefined ? T : { [K in keyof T]: Loose<T[K]> };
"""
NODE_MODULES = PROJECT / ".deps/npm/node_modules"


def typed(value: object, type_name: str) -> str:
    return f"({json.dumps(value)}) satisfies Loose<{type_name}>;\n"


def panel_types(panel: dict) -> str:
    custom = panel["fieldConfig"]["defaults"]["custom"] if panel["type"] == "timeseries" else {}
    return typed(panel["options"], f"Partial<{panel['type']}>") + typed(custom, "GraphFieldConfig")


def compile_types(directory: Path, text: str) -> str:
    """What the compiler says; nothing if all is right."""
    (directory / "check.ts").write_text(TYPES + text)
    (directory / "node_modules").symlink_to(NODE_MODULES)
    command = [NODE_MODULES / ".bin/tsc", "--noEmit", "--strict", "--skipLibCheck", "--module", "esnext", "--moduleResolution", "node", "--target", "es2022", "check.ts"]
    return subprocess.run(command, cwd=directory, capture_output=True, text=True, timeout=300).stdout


@pytest.mark.skipif(not (NODE_MODULES / "@grafana/schema").exists(), reason="@grafana/schema is not here: run tools/setup test")
def test_the_dashboards_have_the_types_of_grafana(tmp_path):
    text = "".join(typed(dashboard, "Dashboard") for dashboard in DASHBOARDS.values())
    assert compile_types(tmp_path, text + "".join(panel_types(panel) for dashboard in DASHBOARDS.values() for panel in panels_of(dashboard))) == ""


@pytest.mark.skipif(not (NODE_MODULES / "@grafana/schema").exists(), reason="@grafana/schema is not here: run tools/setup test")
def test_a_wrong_type_is_found(tmp_path):
    errors = compile_types(tmp_path, typed({"schemaVersion": 39, "refresh": 5}, "Dashboard") + typed({"colorMode": "pink"}, "Partial<stat>"))
    assert len(re.findall(r"^check\.ts", errors, re.MULTILINE)) == 2, errors


def expressions() -> list[str]:
    return [target["expr"] for dashboard in DASHBOARDS.values() for panel in panels_of(dashboard) for target in panel["targets"] if "expr" in target]


def measurements() -> set[str]:
    queries = [target["query"] for panel in panels_of(DASHBOARDS["sluice-load"]) for target in panel["targets"]]
    return {name for query in queries for name in re.findall(r'FROM "([^"]+)"', query)}


def test_every_metric_of_a_panel_exists():
    names = set().union(*map(metrics_in, expressions()))
    assert {name for name in names if not name.startswith(("node_", "redis_"))} <= FAMILIES | RECORDED | OF_PROMETHEUS
    loaded = {"sluice_load", "sluice_load_status", "sluice_load_fault", "sluice_load_endpoint"}
    assert loaded <= measurements() <= loaded | FAMILIES | RECORDED


def test_every_metric_of_a_rule_exists():
    names = set().union(*(metrics_in(rule["expr"]) for rule in RULES))
    assert names <= FAMILIES | RECORDED | OF_PROMETHEUS


def test_every_metric_is_on_a_panel():
    assert len(FAMILIES) > 80
    assert FAMILIES - set().union(*map(metrics_in, expressions())) == set(NOT_SHOWN)


@pytest.mark.parametrize("rule", [pytest.param(rule, id=rule["alert"]) for rule in RULES if "alert" in rule])
def test_an_alert_has_a_runbook(rule):
    page, _, anchor = rule["annotations"]["runbook"].partition("#")
    section = re.search(r"^#+ %s\n\n((?:(?!#).*\n)+)" % rule["alert"], (PROJECT / page).read_text(), re.MULTILINE)
    assert anchor == rule["alert"].lower() and section, f"{page} has no section {rule['alert']}"
    assert len(section[1]) > 100, "it says nothing"
    assert rule["labels"]["severity"] in ("critical", "warning") and rule["annotations"]["summary"].endswith(".")


# Services of the predecessor's stack, and exporters.
SERVICES = {"redis", "sluice", "prometheus", "influxdb", "grafana", "node-exporter", "redis-exporter"}


def test_compose_has_the_services_and_pins_them():
    assert set(COMPOSE["services"]) == SERVICES
    for name, service in COMPOSE["services"].items():
        _, _, version = service["image"].partition(":")
        if name == "sluice":  # built here
            file = STACK / "sluice.Dockerfile"
            assert (STACK / service["build"]["context"]).resolve() == PROJECT and PROJECT / service["build"]["dockerfile"] == file
            images = re.findall(r"^FROM (\S+)", file.read_text(), re.MULTILINE)
            assert images and all(re.search(r":bookworm-\d{8}-slim$", image) for image in images)
        else:
            assert re.fullmatch(r"v?\d+\.\d+\.\d+(?:-alpine)?", version), service["image"]
        assert service["healthcheck"]["test"] and service["restart"]


COMPOSE_PROGRAM = next((path for path in (PROJECT / ".deps/prefix/usr/libexec/docker/cli-plugins/docker-compose", Path("/usr/libexec/docker/cli-plugins/docker-compose")) if path.exists()), None)


@pytest.mark.skipif(COMPOSE_PROGRAM is None, reason="docker-compose is not here: run tools/setup test")
def test_docker_compose_reads_the_file(tmp_path):
    """It needs no daemon for that. With no password it refuses, in the words of docs/monitoring.md."""
    def config(example: str) -> subprocess.CompletedProcess:
        (tmp_path / "env").write_text(example)
        return subprocess.run([COMPOSE_PROGRAM, "--file", STACK / "compose.yaml", "--env-file", tmp_path / "env", "config", "--format", "json"],
                              capture_output=True, text=True, timeout=60, env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)})

    example = (STACK / "env.example").read_text()
    refused = config(example)
    assert refused.returncode != 0 and "set it in .env" in refused.stderr
    done = config(example.replace("PASSWORD=", "PASSWORD=secret").replace("GRAFANA_PORT=3000", "GRAFANA_PORT=3001"))
    assert done.returncode == 0, done.stderr
    services = json.loads(done.stdout)["services"]
    assert set(services) == SERVICES
    assert [(port["host_ip"], port["published"], port["target"]) for port in services["grafana"]["ports"]] == [("127.0.0.1", "3001", 3000)]
    assert services["grafana"]["environment"]["INFLUXDB_PASSWORD"] == "secret"


def test_compose_publishes_only_telemetry_to_other_machines():
    for name, service in COMPOSE["services"].items():
        for port in service.get("ports", []):
            assert port.startswith("127.0.0.1:") or (name, port) == ("sluice", "${SLUICE_PORT:-8080}:8080"), port


def test_compose_mounts_what_exists():
    for service in COMPOSE["services"].values():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            if source.startswith("."):
                assert (STACK / source).exists() and volume.endswith(":ro")
            else:
                assert source.startswith("/") or source in COMPOSE["volumes"], volume


def test_compose_knows_no_password_by_itself():
    text = (STACK / "compose.yaml").read_text()
    variables = dict(re.findall(r"\$\{(\w+)(:[?-])", text))
    example = dict(re.findall(r"^(\w+)=(.*)$", (STACK / "env.example").read_text(), re.MULTILINE))
    assert variables == {name: ":?" if name.endswith("PASSWORD") else ":-" for name in example}
    assert all(not value for name, value in example.items() if name.endswith("PASSWORD"))
    assert all(f"${{{name}:-{value}}}" in text for name, value in example.items() if name.endswith("PORT"))


def host_and_port(url: str) -> tuple[str, int]:
    host, port = re.fullmatch(r"(?:http://)?([\w.-]+):(\d+)(?:/.*)?", url).groups()
    return host, int(port)


def test_addresses_are_those_of_the_services():
    """A scrape target, a remote write or a data source that names no service has no data."""
    prometheus = yaml.safe_load((STACK / "prometheus/prometheus.yml").read_text())
    targets = {job["job_name"]: job["static_configs"][0]["targets"] for job in prometheus["scrape_configs"]}
    assert targets == {"sluice": ["sluice:8082"], "node": ["node-exporter:9100"], "redis": ["redis-exporter:9121"], "prometheus": ["127.0.0.1:9090"]}
    assert 'metrics_listen = ":8082"' in (STACK / "sluice.toml").read_text()
    assert 'url = "redis://redis:6379"' in (STACK / "sluice.toml").read_text()
    ports = {"prometheus": 9090, "influxdb": 8086}
    for url in [*(source["url"] for source in SOURCES.values()), *(write["url"] for write in prometheus["remote_write"])]:
        host, port = host_and_port(url)
        assert ports[host] == port
    databases = set(re.findall(r"CREATE DATABASE (\w+)", (STACK / "influxdb/databases.iql").read_text()))
    assert databases == {source["jsonData"]["dbName"] for source in SOURCES.values() if source["type"] == "influxdb"}
    assert prometheus["remote_write"][0]["url"].endswith("?db=" + SOURCES["sluice-influxdb-engine"]["jsonData"]["dbName"])
    assert prometheus["remote_write"][0]["basic_auth"]["password_file"] == "/run/secrets/" + COMPOSE["services"]["prometheus"]["secrets"][0]


def test_provisioning_has_the_shape_that_grafana_reads():
    for uid, source in SOURCES.items():
        assert source["access"] == "proxy" and source["editable"] is False and source["name"]
        assert set(source) <= {"name", "uid", "type", "access", "url", "isDefault", "editable", "jsonData", "user", "secureJsonData"}
        if source["type"] == "influxdb":
            assert source["secureJsonData"]["password"] == "$INFLUXDB_PASSWORD" and "INFLUXDB_PASSWORD" in COMPOSE["services"]["grafana"]["environment"]
    assert [uid for uid, source in SOURCES.items() if source.get("isDefault")] == ["sluice-prometheus"]
    [provider] = yaml.safe_load((STACK / "grafana/provisioning/dashboards/sluice.yaml").read_text())["providers"]
    assert provider["type"] == "file" and f"./grafana/dashboards:{provider['options']['path']}:ro" in COMPOSE["services"]["grafana"]["volumes"]


def test_redis_is_as_the_predecessor_had_it():
    settings = dict(line.split(" ", 1) for line in (STACK / "redis.conf").read_text().splitlines() if line and not line.startswith("#"))
    assert settings["maxmemory"] == "512mb" and settings["maxmemory-policy"] == "noeviction" and settings["appendonly"] == "yes"
