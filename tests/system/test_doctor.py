"""`sluice doctor`: against a Redis with bad settings, a cluster, files of TLS; what it prints, its exit codes, its page."""
# runs: release.io_uring asan.io_uring

import json
import os
import subprocess

from harness import reserve_port
from harness.engine import BINARY, CLEAN_ENVIRONMENT, PROJECT

GOOD = {"maxmemory": "100mb", "maxmemory-policy": "noeviction", "appendonly": "yes", "timeout": "0",
        "latency-monitor-threshold": "10"}
BAD = {"redis.eviction": ("maxmemory-policy", "allkeys-lru", "fault"), "redis.maxmemory": ("maxmemory", "0", "warn"),
       "redis.appendonly": ("appendonly", "no", "warn"), "redis.timeout": ("timeout", "60", "warn"),
       "redis.keepalive": ("tcp-keepalive", "0", "warn"), "redis.maxclients": ("maxclients", "8", "warn"),
       "redis.stream_node_bytes": ("stream-node-max-bytes", "100", "warn"),
       "redis.stream_node_entries": ("stream-node-max-entries", "1", "warn"),
       "redis.output_buffer": ("client-output-buffer-limit", "normal 1mb 1mb 60", "warn"),
       "redis.min_replicas": ("min-replicas-to-write", "1", "fault"),
       "redis.latency_monitor": ("latency-monitor-threshold", "0", "warn")}
PAGE = PROJECT / "docs" / "doctor.md"


def run(*arguments) -> subprocess.CompletedProcess:
    return subprocess.run([str(BINARY), "doctor", *map(str, arguments)], capture_output=True, text=True, timeout=120,
                          env=CLEAN_ENVIRONMENT)


def checks(*arguments) -> dict[str, dict]:
    finished = run("--json", *arguments)
    rows = json.loads(finished.stdout)["checks"]
    states = {row["state"] for row in rows}
    assert finished.returncode == (2 if "fault" in states else 1 if "warn" in states else 0), finished
    assert not finished.stderr
    return {row["id"]: row for row in rows}


def of(server, *arguments) -> dict[str, dict]:
    return checks("--set", f"sink.url={server.url}", "--set", "cores=0", *arguments)


def test_each_bad_setting_of_redis_is_found_and_none_is_changed(starter):
    server = starter.redis()
    client = server.client()
    for name, value in GOOD.items():
        client.config_set(name, value)
    good = of(server)
    assert [(name, good[name]["state"]) for name in BAD if good[name]["state"] != "ok"] == []
    assert good["redis.reachable"]["state"] == good["redis.permissions"]["state"] == "ok"
    for setting, value, _ in BAD.values():
        client.config_set(setting, value)
    before = client.config_get()
    bad = of(server)
    for name, (_, _, state) in BAD.items():
        assert bad[name]["state"] == state, bad[name]
    assert client.config_get() == before and client.dbsize() == 0


def test_a_user_who_may_not_write_and_a_role(starter):
    server = starter.redis()
    server.client().execute_command("ACL", "SETUSER", "reader", "on", ">hunter2", "~*", "+@all", "-xadd")
    found = of(server, "--set", "sink.redis.user=reader", "--set", "sink.redis.password=hunter2")
    assert found["redis.permissions"]["state"] == "fault" and "XADD" in found["redis.permissions"]["found"]
    assert "hunter2" not in json.dumps(found)
    server.client().execute_command("REPLICAOF", "127.0.0.1", reserve_port())
    assert of(server)["redis.role"]["state"] == "fault"


def test_a_redis_that_is_away_leaves_no_check_out():
    found = checks("--set", f"sink.url=redis://127.0.0.1:{reserve_port()}", "--set", "cores=0")
    assert found["redis.reachable"]["state"] == "fault"
    assert {row["state"] for name, row in found.items() if name.startswith("redis.")
            and name not in ("redis.reachable", "redis.secrets", "redis.tls")} == {"unknown"}
    assert len(found) >= 45
    assert all(set(row) == {"id", "state", "found", "wanted", "why", "how"} for row in found.values())


def test_a_cluster_without_all_slots(starter):
    cluster = starter.cluster()
    arguments = ("--set", f"sink.url={cluster.url}", "--set", "cores=0")
    assert checks(*arguments)["cluster.slots"]["state"] == "ok"
    cluster.nodes[0].raw("CLUSTER", "FLUSHSLOTS")
    found = checks(*arguments)
    assert found["cluster.slots"]["state"] == "fault", found["cluster.slots"]


def test_a_wrong_configuration_is_a_fault_and_the_rest_is_looked_at(tmp_path):
    file = tmp_path / "sluice.toml"
    file.write_text("no_such_key = 1\n")
    found = checks("--config", file)
    assert found["config.valid"]["state"] == "fault" and "no_such_key" in found["config.valid"]["found"]
    assert found["limits.descriptors"]["state"] == "unknown" and found["net.somaxconn"]["state"] != "unknown"
    assert run("--jsn").returncode == 2


def test_text_tells_why_and_how_and_the_directory_stays_as_it_was(tmp_path):
    folder = tmp_path / "journal"
    finished = run("--set", f"sink.url=journal:{folder}", "--set", "cores=0", "--set", "listen=0.0.0.0:8080")
    assert "(listen.exposed): 0.0.0.0:8080" in finished.stdout and "        how: set tenants.file" in finished.stdout
    assert finished.returncode in (1, 2) and not folder.exists()
    assert os.listdir(tmp_path) == []


def table_of(found: dict[str, dict]) -> str:
    rows = [f"| `{name}` | {row['why']} | `{row['how']}` |" for name, row in found.items()]
    return "\n".join(["| check | why it matters | how to change it |", "|---|---|---|", *rows, ""])


def test_the_page_has_each_check():
    """Written anew with SLUICE_WRITE_DOCS=1."""
    begin, end = "<!-- checks -->\n", "<!-- /checks -->\n"
    text = PAGE.read_text()
    head, rest = text.split(begin)
    old, tail = rest.split(end)
    table = table_of(checks("--set", "sink.url=null:", "--set", "cores=0"))
    if os.environ.get("SLUICE_WRITE_DOCS"):
        PAGE.write_text(head + begin + table + end + tail)
    assert old == table or os.environ.get("SLUICE_WRITE_DOCS")
