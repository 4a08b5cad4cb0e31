"""Recording rules and alerts of tools/deploy/monitoring, by promtool: each alert fires on one set of series, and stays quiet on another.

Series are written as promtool takes them: a value, or a start and a step (`0+60`: 60 more a minute). They have one value a
minute, and the alerts that fire are asked for at the end.
"""
# runs: release

import json
import subprocess

import pytest
import yaml

from harness.databases import find_program
from harness.engine import PROJECT

RULES = PROJECT / "tools/deploy/monitoring/prometheus"
PROMTOOL = find_program("promtool")
ALERTS = {rule["alert"]: rule for group in yaml.safe_load((RULES / "alerts.yml").read_text())["groups"] for rule in group["rules"]}

HOST = 'instance="a:8082"'
UP = 'up{job="sluice",%s}' % HOST


def samples(**figures: str) -> dict[str, str]:
    """Series of the conservation law."""
    return {f'sluice_samples_{name}{"" if name == "in_flight" else "_total"}{{core="0",format="json",{HOST}}}': value for name, value in figures.items()}


def answers(good: str, bad: str) -> dict[str, str]:
    return {f'sluice_http_responses_total{{class="2xx",{HOST}}}': good, f'sluice_http_responses_total{{class="5xx",{HOST}}}': bad}


def latencies(fast: str, all_of_them: str) -> dict[str, str]:
    return {f'sluice_stage_seconds_bucket{{stage="total",format="json",le="0.1",{HOST}}}': fast,
            f'sluice_stage_seconds_bucket{{stage="total",format="json",le="+Inf",{HOST}}}': all_of_them,
            f'sluice_stage_seconds_count{{stage="total",format="json",{HOST}}}': all_of_them}


def of_host(name: str, value: str, labels: str = "") -> dict[str, str]:
    return {f'{name}{{{labels}{"," if labels else ""}{HOST}}}': value}


def refused(share_percent: int) -> dict[str, str]:
    return {**answers(f"0+{100 - share_percent}", f"0+{share_percent}"),
            f'sluice_http_requests_refused_total{{core="0",reason="overloaded",{HOST}}}': f"0+{share_percent}"}


def rejected(reason: str, per_minute: int) -> dict[str, str]:
    return {**samples(received="0+100", accepted=f"0+{100 - per_minute}"),
            f'sluice_samples_rejected_total{{core="0",format="json",reason="{reason}",{HOST}}}': f"0+{per_minute}"}


CONSERVED = {**samples(received="0+100", accepted="0+90", delivered="0+85", in_flight="0+5", dropped="0"),
             **of_host("sluice_samples_rejected_total", "0+10", 'core="0",reason="bad_value"')}
JOURNAL_MAX = of_host("sluice_journal_bytes_max", "1000")
HOUR = 60

# Of each alert: minutes, what makes it fire, and what does not although it is near.
CASES = {
    "SluiceEngineDown": (3, {UP: "0"}, {UP: "1"}),
    "SluiceNoEngine": (8, {'up{job="node"}': "1"}, {UP: "0"}),
    "SluiceNotReady": (4, of_host("sluice_ready", "0"), of_host("sluice_ready", "1")),
    "SluiceRestartsOften": (6, of_host("process_start_time_seconds", "1+60", 'job="sluice"'), of_host("process_start_time_seconds", "1", 'job="sluice"')),
    "SluiceConservationBroken": (5, {**CONSERVED, **samples(delivered="0+84")}, CONSERVED),
    "SluiceLogLinesDropped": (5, of_host("sluice_log_lines_dropped_total", "0+1"), of_host("sluice_log_lines_dropped_total", "7")),
    "SluiceDescriptorsRunOut": (8, {**of_host("process_open_fds", "900", 'job="sluice"'), **of_host("process_max_fds", "1000", 'job="sluice"')},
                                {**of_host("process_open_fds", "800", 'job="sluice"'), **of_host("process_max_fds", "1000", 'job="sluice"')}),
    "SluiceAcceptPaused": (12, of_host("sluice_accept_pauses_total", "0+3", 'core="0"'), of_host("sluice_accept_pauses_total", "3", 'core="0"')),
    "SluiceOverloaded": (15, refused(2), refused(0)),
    "SluiceRejectRatioHigh": (20, rejected("bad_value", 6), rejected("bad_value", 4)),
    "SluiceClockSkew": (20, rejected("timestamp_too_new", 1), rejected("bad_value", 1)),
    "SluiceSinkUnavailable": (3, of_host("sluice_sink_state", "0", 'sink="0",state="ready"'), of_host("sluice_sink_state", "1", 'sink="0",state="ready"')),
    "SluiceBreakerOpen": (3, of_host("sluice_sink_breaker_state", "0", 'sink="0",state="closed"'), of_host("sluice_sink_breaker_state", "1", 'sink="0",state="closed"')),
    "SluiceSamplesDropped": (5, of_host("sluice_samples_dropped_total", "0+1", 'reason="sink_refused"'), of_host("sluice_samples_dropped_total", "9", 'reason="sink_refused"')),
    "SluiceReplicasMissing": (12, of_host("sluice_sink_waits_short_total", "0+2", 'sink="0"'), of_host("sluice_sink_waits_short_total", "2", 'sink="0"')),
    "SluiceClusterPartitionsAway": (3, of_host("sluice_cluster_partitions_away", "2"), of_host("sluice_cluster_partitions_away", "0")),
    "SluiceJournalFilling": (90, {**of_host("sluice_journal_bytes", "100+3"), **JOURNAL_MAX}, {**of_host("sluice_journal_bytes", "100+1"), **JOURNAL_MAX}),
    "SluiceJournalAlmostFull": (5, {**of_host("sluice_journal_bytes", "950"), **JOURNAL_MAX}, {**of_host("sluice_journal_bytes", "850"), **JOURNAL_MAX}),
    "SluiceJournalDamaged": (3, of_host("sluice_forwarder_damaged_bytes_total", "512"), of_host("sluice_forwarder_damaged_bytes_total", "0")),
    "SluiceForwarderLag": (8, of_host("sluice_forwarder_oldest_undelivered_seconds", "61"), of_host("sluice_forwarder_oldest_undelivered_seconds", "59")),
    "SluiceAdmissionSheds": (3, of_host("sluice_admission_bound_passed", "1", 'code="redis_memory"'), of_host("sluice_admission_bound_passed", "0", 'code="redis_memory"')),
    "SluiceRedisMemory": (8, {**of_host("sluice_redis_used_bytes", "900"), **of_host("sluice_redis_maxmemory_bytes", "1000")},
                          {**of_host("sluice_redis_used_bytes", "900"), **of_host("sluice_redis_maxmemory_bytes", "0")}),
    "SluiceConsumersBehind": (30, of_host("sluice_group_lag_entries", "200000+10"), of_host("sluice_group_lag_entries", "200000-10")),
    "SluiceRedisNotWatched": (12, of_host("sluice_admission_failures_total", "0+1"), of_host("sluice_admission_failures_total", "1")),
    "SluiceCertificateExpires": (70, of_host("sluice_tls_certificate_expiry_seconds", "1200000-60", 'certificate="a"'),
                                 of_host("sluice_tls_certificate_expiry_seconds", "1300000-60", 'certificate="a"')),
    "SluiceReloadFailed": (5, of_host("sluice_tenants_last_reload_successful", "0"),
                           {**of_host("sluice_tenants_last_reload_successful", "1"), **of_host("sluice_tls_reloads_total", "1", 'result="failed"')}),
    "SluiceDeadLettersDropped": (5, of_host("sluice_dead_letters_total", "0+1", 'result="dropped"'), of_host("sluice_dead_letters_total", "0+1", 'result="written"')),
    # The budget is 0.1 % of answers: 2 % are 20 times that, 0.5 % are 5 times, 0.05 % are half of it.
    "SluiceErrorBudgetBurnsFast": (HOUR, answers("0+980", "0+20"), answers("0+995", "0+5")),
    "SluiceErrorBudgetBurnsSlowly": (HOUR, answers("0+995", "0+5"), answers("0+9995", "0+5")),
    # The budget is 1 % of requests.
    "SluiceLatencyBudgetBurnsFast": (HOUR, latencies("0+800", "0+1000"), latencies("0+950", "0+1000")),
    "SluiceLatencyBudgetBurnsSlowly": (HOUR, latencies("0+950", "0+1000"), latencies("0+995", "0+1000")),
}


def series(values: dict[str, str], minutes: int) -> list[dict]:
    return [{"series": name, "values": value if "x" in value else f"{value}x{minutes}"} for name, value in values.items()]


def run_promtool(directory, name: str, tests: list[dict]) -> None:
    file = directory / f"{name}.json"
    file.write_text(json.dumps({"rule_files": [str(RULES / "recording.yml"), str(RULES / "alerts.yml")], "evaluation_interval": "1m", "tests": tests}))
    done = subprocess.run([PROMTOOL, "test", "rules", file], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr


def fires(alert: str, minutes: int, values: dict[str, str], count: int) -> dict:
    """Asks for the alerts of this name that fire at the end, whatever their labels."""
    expected = [{"labels": "{}", "value": count}] if count else []
    return {"name": alert, "interval": "1m", "input_series": series(values, minutes),
            "promql_expr_test": [{"expr": f'count(ALERTS{{alertname="{alert}",alertstate="firing"}})', "eval_time": f"{minutes}m", "exp_samples": expected}]}


def test_promtool_accepts_the_rules():
    done = subprocess.run([PROMTOOL, "check", "rules", "--lint-fatal", RULES / "recording.yml", RULES / "alerts.yml"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def test_promtool_accepts_the_configuration(workspace):
    """With the paths of the container replaced by those of this tree."""
    (workspace / "password").write_text("secret")
    text = (RULES / "prometheus.yml").read_text().replace("/run/secrets/influxdb-password", str(workspace / "password"))
    for name in ("recording.yml", "alerts.yml"):
        assert text.count(f"- {name}\n") == 1
        text = text.replace(f"- {name}\n", f"- {RULES / name}\n")
    (workspace / "prometheus.yml").write_text(text)
    done = subprocess.run([PROMTOOL, "check", "config", workspace / "prometheus.yml"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_has_its_cases():
    assert list(CASES) == list(ALERTS)


def test_every_alert_fires(workspace):
    run_promtool(workspace, "fires", [fires(alert, minutes, bad, 1) for alert, (minutes, bad, _) in CASES.items()])


def test_every_alert_can_be_quiet(workspace):
    run_promtool(workspace, "quiet", [fires(alert, minutes, good, 0) for alert, (minutes, _, good) in CASES.items()])


# Below the factor of the alert's first pair of windows, and above that of its second.
SECOND_PAIRS = {
    "SluiceErrorBudgetBurnsFast": answers("0+992", "0+8"), "SluiceErrorBudgetBurnsSlowly": answers("0+998", "0+2"),
    "SluiceLatencyBudgetBurnsFast": latencies("0+920", "0+1000"), "SluiceLatencyBudgetBurnsSlowly": latencies("0+980", "0+1000"),
}


def test_burn_rates_look_at_two_pairs_of_windows(workspace):
    run_promtool(workspace, "pairs", [fires(alert, HOUR, bad, 1) for alert, bad in SECOND_PAIRS.items()])


def test_a_burst_that_is_over_wakes_nobody(workspace):
    """The long windows still have it, the short ones do not."""
    burst = answers("0+980x60 58800+1000x40", "0+20x60 1200x40")
    run_promtool(workspace, "burst", [fires("SluiceErrorBudgetBurnsFast", 59, burst, 1),
                                      {**fires("SluiceErrorBudgetBurnsFast", 100, burst, 0), "name": "40 minutes later"}])


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_waits_until_its_time_has_passed(alert):
    """Else a scrape that failed once would wake somebody."""
    assert ALERTS[alert]["for"].endswith(("m", "h")) and ALERTS[alert]["for"] != "0m"


def test_recording_rules_say_what_they_are_named(workspace):
    expected = {"sluice:accepted:rate1m": 1.5, "sluice:delivered:rate1m": 85 / 60, "sluice:rejected:ratio5m": 0.1, "sluice:overloaded:ratio5m": 0.02,
                "sluice:ack_seconds:p99_5m": 0.099, "sluice:delivery_lag_seconds": 50 / (85 / 60), "sluice:errors:ratio_rate5m": 0.02, "sluice:slow:ratio_rate1h": 0}
    values = {**CONSERVED, **refused(2), **latencies("0+100", "0+100")}
    tests = [{"expr": f"round({name}, 0.0001)", "eval_time": "10m", "exp_samples": [{"labels": f"{{{HOST}}}", "value": round(value, 4)}]}
             for name, value in expected.items()]
    run_promtool(workspace, "recording", [{"interval": "1m", "input_series": series(values, 10), "promql_expr_test": tests}])
