"""The dashboard of Redis and its consumers, as the engine sees them."""

from .model import INSTANCE, Dashboard, Row, graph, per_second, q, quantile, stat

USED, BOUND = "@sluice_redis_used_bytes", "@sluice_redis_maxmemory_bytes"

NOW = Row("Now", (
    stat("Memory", "Share of maxmemory that is in use; at `admission.memory_max` percent samples are refused.", "percentunit", q(f"max({USED} / ({BOUND} > 0))"), width=4,
         thresholds=(("orange", 0.75), ("red", 0.85))),
    stat("Entries", "Entries of all streams, or of the list.", "short", q("sum (@sluice_stream_entries)"), width=4),
    stat("Slowest group", "Entries that the slowest consumer group has not read of one stream.", "short", q("max(@sluice_group_lag_entries)"), width=4, thresholds=(("orange", 100000),)),
    stat("Admission", "Whether telemetry is refused because a bound is passed.", "none", q("max(@sluice_admission_sheds)"), width=4,
         words=(("0", "open", "green"), ("1", "closed", "red"))),
    stat("Memory in an hour", "Share of maxmemory, if it goes on as in the last 10 minutes.", "percentunit",
         q("max(predict_linear(@sluice_redis_used_bytes[10m], 3600) / (@sluice_redis_maxmemory_bytes > 0))"), width=4, thresholds=(("orange", 0.85), ("red", 1))),
    stat("Redis, p99", "From when a batch was handed over until its last reply.", "s", q(quantile(0.99, '@sluice_stage_seconds{stage="sink"}')), width=4),
))

MEMORY = Row("Memory and streams", (
    graph("Memory", "What Redis counts against its bound, and the bound; 0 is none.", "bytes", q(f"max by (instance) ({USED})", "{{instance}} used"),
          q(f"max by (instance) ({BOUND})", "{{instance}} maxmemory")),
    graph("Entries", "Of all partitions, and of the longest one.", "short", q("sum by (instance) (@sluice_stream_entries)", "{{instance}}"),
          q("max by (instance) (@sluice_stream_entries_longest)", "{{instance}} longest")),
    graph("Entries come and go", "How fast the streams grow; below 0 they shrink.", "cps", q("sum by (instance) (deriv(@sluice_stream_entries[$__rate_interval]))", "{{instance}}")),
))

CONSUMERS = Row("Consumers and admission", (
    graph("Lag of the slowest group", "Entries that it has not read of one stream.", "short", q("max by (instance) (@sluice_group_lag_entries)", "{{instance}}")),
    graph("Lag grows", "Entries in a second; below 0 the group catches up.", "cps", q("max by (instance) (deriv(@sluice_group_lag_entries[$__rate_interval]))", "{{instance}}")),
    graph("Bounds that are passed", "1 for the bound that closes admission.", "none", q("max by (instance, code) (@sluice_admission_bound_passed)", "{{instance}} {{code}}"), max=1),
    graph("Redis was asked", "Rounds in a second, and those that Redis did not answer whole.", "ops", q(per_second("@sluice_admission_samples_total"), "answered"),
          q(per_second("@sluice_admission_failures_total"), "not whole")),
    graph("Admission is closed", "1 while telemetry is refused because a bound is passed.", "none", q("max by (instance) (@sluice_admission_sheds)", "{{instance}}"), max=1),
    graph("Replies of Redis", "By outcome.", "cps", q(per_second("@sluice_sink_replies_total", "outcome"), "{{outcome}}"), stacks=True),
))

DASHBOARD = Dashboard("sluice-redis", "Sluice: Redis and consumers", "How full Redis is, how far its consumers are behind, and whether the engine closes for that.",
                      (INSTANCE,), (NOW, MEMORY, CONSUMERS))
