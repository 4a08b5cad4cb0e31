"""The dashboard of delivery: the conservation law, acknowledgement, the objectives, sinks, journal and cluster."""

from .model import INSTANCE, Dashboard, Row, graph, per_second, q, quantile, stat

TOTAL = '@sluice_stage_seconds{stage="total",format!="none"}'
CHOSEN = '{instance=~"$instance"}'
SERVER_ERRORS = '@sluice_http_responses_total{class="5xx"}'
SLOW_FROM = '@sluice_stage_seconds_bucket{stage="total",format!="none",le="0.1"}'
ALL_TIMED = '@sluice_stage_seconds_count{stage="total",format!="none"}'
WINDOWS = ("5m", "30m", "1h", "2h", "6h", "1d", "3d")


def left_of(budget: float, bad: str, all_of_them: str) -> str:
    """Share of the budget of 30 days that is left; of a younger engine, of the time since its start."""
    return f"1 - ({bad}) / ({all_of_them}) / {budget}"


LAW = Row("The conservation law", (
    stat("Received and lost", "received - accepted - rejected. Anything but 0 is a fault of the engine.", "none",
         q("sum (@sluice_samples_received_total) - sum (@sluice_samples_accepted_total) - (sum (@sluice_samples_rejected_total) or vector(0))"),
         width=4, thresholds=(("red", 1),)),
    stat("Accepted and lost", "accepted - delivered - dropped - in flight. Anything but 0 is a fault of the engine.", "none",
         q("sum (@sluice_samples_accepted_total) - sum (@sluice_samples_delivered_total) - sum (@sluice_samples_dropped_total) - sum (@sluice_samples_in_flight)"),
         width=4, thresholds=(("red", 1),)),
    stat("In flight", "Accepted samples that are neither delivered nor dropped.", "none", q("sum (@sluice_samples_in_flight)"), width=4),
    stat("Dropped in an hour", "Accepted samples that Redis refused; their clients were told.", "none", q("sum (increase(@sluice_samples_dropped_total[1h]))"),
         width=4, thresholds=(("red", 1),)),
    stat("Rejected", "Share of the records of the last 5 minutes.", "percentunit", q(f"max(sluice:rejected:ratio5m{CHOSEN})"), width=4, thresholds=(("orange", 0.05),)),
    stat("Refused as overloaded", "Share of the answers of the last 5 minutes.", "percentunit", q(f"max(sluice:overloaded:ratio5m{CHOSEN})"), width=4,
         thresholds=(("orange", 0.01),)),
    graph("Samples", "What was accepted is delivered, dropped, or in flight.", "cps", q(per_second("@sluice_samples_accepted_total"), "accepted"),
          q(per_second("@sluice_samples_delivered_total"), "delivered")),
    graph("Samples in flight", "By format.", "none", q("sum by (format) (@sluice_samples_in_flight)", "{{format}}"), stacks=True),
    graph("Dropped samples by reason", "Accepted samples that Redis refused; their clients were told (503).", "cps", q(per_second("@sluice_samples_dropped_total", "reason"), "{{reason}}")),
    graph("Accepted and delivered, by engine", "Over a minute.", "cps", q(f"sluice:accepted:rate1m{CHOSEN}", "{{instance}} accepted"),
          q(f"sluice:delivered:rate1m{CHOSEN}", "{{instance}} delivered"), width=24, height=6),
))

ACKNOWLEDGEMENT = Row("Acknowledgement", (
    graph("Time to the acknowledgement", "From when a request was received until its answer was taken by the kernel.", "s",
          *(q(quantile(share, TOTAL), name) for share, name in ((0.5, "p50"), (0.99, "p99"), (0.999, "p99.9")))),
    graph("Time of the sink", "From when a batch was handed over until the last reply of Redis, or the sync of the journal.", "s",
          *(q(quantile(share, '@sluice_stage_seconds{stage="sink"}'), name) for share, name in ((0.5, "p50"), (0.99, "p99"), (0.999, "p99.9")))),
    graph("Behind", "How old the oldest sample is that Redis does not have.", "s", q(f"sluice:delivery_lag_seconds{CHOSEN}", "{{instance}}")),
    graph("p99 over 5 minutes, by engine", "What the recording rule holds.", "s", q(f"sluice:ack_seconds:p99_5m{CHOSEN}", "{{instance}}"), width=24, height=6),
))

OBJECTIVES = Row("Objectives", (
    stat("Budget of errors left", "99.9 % of the answers of 30 days are not 5xx.", "percentunit",
         q(left_of(0.001, f"sum (increase({SERVER_ERRORS}[30d]))", "sum (increase(@sluice_http_responses_total[30d]))")), width=4, thresholds=(("red", None), ("orange", 0), ("green", 0.25))),
    stat("Budget of latency left", "99 % of the ingest requests of 30 days are answered within 100 ms.", "percentunit",
         q(left_of(0.01, f"sum (increase({ALL_TIMED}[30d])) - sum (increase({SLOW_FROM}[30d]))", f"sum (increase({ALL_TIMED}[30d]))")), width=4,
         thresholds=(("red", None), ("orange", 0), ("green", 0.25))),
    graph("Share of 5xx", "Over the windows that the alerts look at; the budget is 0.001.", "percentunit",
          *(q(f"max(sluice:errors:ratio_rate{window}{CHOSEN})", window) for window in WINDOWS)),
    graph("Share of slow answers", "Over the windows that the alerts look at; the budget is 0.01.", "percentunit",
          *(q(f"max(sluice:slow:ratio_rate{window}{CHOSEN})", window) for window in WINDOWS)),
))

SINKS = Row("Sinks", (
    graph("State", "1 for the state that a sink is in.", "none", q("max by (instance, sink, state) (@sluice_sink_state) == 1", "{{instance}} sink {{sink}} {{state}}")),
    graph("Circuit breaker", "1 for the state that a breaker is in.", "none",
          q("max by (instance, sink, state) (@sluice_sink_breaker_state) == 1", "{{instance}} sink {{sink}} {{state}}")),
    graph("Breakers that opened", "Times that a breaker left closed.", "none", q("sum by (instance, sink) (@sluice_sink_breaker_opens_total)", "{{instance}} sink {{sink}}")),
    graph("Batches", "Sent, and sent again.", "cps", q(per_second("@sluice_sink_batches_sent_total"), "sent"), q(per_second("@sluice_sink_batches_resent_total"), "sent again")),
    graph("Bytes to sinks", "By sink.", "Bps", q(per_second("@sluice_sink_sent_bytes_total", "instance, sink"), "{{instance}} sink {{sink}}")),
    graph("Replies by outcome", "ok, busy (tried again), refused.", "cps", q(per_second("@sluice_sink_replies_total", "outcome"), "{{outcome}}")),
    graph("Connections to sinks", "Those that became ready, and those that failed or broke.", "none",
          q("sum by (instance) (@sluice_sink_connects_total)", "{{instance}} ready"), q("sum by (instance) (@sluice_sink_connection_failures_total)", "{{instance}} failed")),
    graph("Asked whether replicas have it", "Batches, and those that too few replicas confirmed in time.", "cps",
          q(per_second("@sluice_sink_waits_total"), "asked"), q(per_second("@sluice_sink_waits_short_total"), "too few")),
))

JOURNAL = Row("Journal and store-and-forward", (
    graph("Size", "Size of the journal on disk, and the size that it may reach.", "bytes", q("sum by (instance) (@sluice_journal_bytes)", "{{instance}}"),
          q("sum by (instance) (@sluice_journal_bytes_max)", "{{instance}} at most")),
    graph("Syncs", "Calls of fdatasync in a second; each covers all batches that had gathered.", "ops", q(per_second("@sluice_journal_syncs_total", "instance"), "{{instance}}")),
    graph("Brought to Redis", "Samples in a second, and those that Redis had already (exactly once).", "cps",
          q(per_second("@sluice_forwarder_delivered_samples_total"), "delivered"), q(per_second("@sluice_forwarder_duplicates_refused_total"), "had already")),
    graph("Undelivered samples", "In the journal, and not known to be in Redis.", "none", q("sum by (instance) (@sluice_forwarder_undelivered_samples)", "{{instance}}")),
    graph("Undelivered bytes", "In the journal, and not known to be in Redis.", "bytes", q("sum by (instance) (@sluice_forwarder_undelivered_bytes)", "{{instance}}")),
    graph("Age of the oldest", "How long the oldest undelivered sample has been in the journal.", "s",
          q("max by (instance) (@sluice_forwarder_oldest_undelivered_seconds)", "{{instance}}")),
    graph("Forwarder", "Whether Redis takes what the journal holds, and whether something is undelivered.", "none",
          q("min by (instance) (@sluice_forwarder_ready)", "{{instance}} ready"), q("max by (instance) (@sluice_forwarder_is_behind)", "{{instance}} behind"), max=1),
    graph("Damage", "Bytes that were damaged and skipped, and records in which no sample was understood.", "none",
          q("sum by (instance) (@sluice_forwarder_damaged_bytes_total)", "{{instance}} bytes"),
          q("sum by (instance) (@sluice_forwarder_records_refused_total)", "{{instance}} records")),
), collapses=True)

CLUSTER = Row("Redis Cluster", (
    graph("Redirects", "Commands answered with a redirect, and sent again elsewhere.", "cps", q(per_second("@sluice_cluster_redirects_total", "kind"), "{{kind}}")),
    graph("Slots were read", "How often the cluster was asked for its slots, in all.", "none", q("sum by (instance) (@sluice_cluster_refreshes_total)", "{{instance}}")),
    graph("Partitions away", "Partitions whose stored samples are refused at once.", "none", q("sum by (instance) (@sluice_cluster_partitions_away)", "{{instance}}")),
    graph("Primaries", "1 while a primary is connected.", "none", q("min by (node) (@sluice_cluster_node_ready)", "{{node}}"), width=12),
    graph("Partitions of primaries", "How many partitions go to each.", "none", q("sum by (node) (@sluice_cluster_node_partitions)", "{{node}}"), width=12, stacks=True),
), collapses=True)

DASHBOARD = Dashboard("sluice-delivery", "Sluice: delivery and acknowledgement", "Whether what was accepted reaches Redis, how soon, and whether the objectives hold.",
                      (INSTANCE,), (LAW, ACKNOWLEDGEMENT, OBJECTIVES, SINKS, JOURNAL, CLUSTER))
