"""The dashboard of Redis and its consumers: as the engine sees them, and as Redis itself tells redis_exporter."""

from .model import INSTANCE, PROMETHEUS, RATE, Dashboard, Row, graph, per_second, q, quantile, query_variable, stat

REDIS = query_variable("redis", "Redis", 'label_values(redis_up{job="redis"}, instance)', PROMETHEUS)
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

GROUPS = Row("Consumer groups, as Redis tells", (
    graph("Not acknowledged", "Entries that were given to a consumer of the group, and that it has not acknowledged.", "short",
          q("sum by (stream, group) (&redis_stream_group_messages_pending)", "{{stream}} {{group}}")),
    graph("Consumers", "Consumers of each group.", "none", q("sum by (stream, group) (&redis_stream_group_consumers)", "{{stream}} {{group}}")),
    graph("Silent for", "Time since a consumer last asked for entries.", "s", q("&redis_stream_group_consumer_idle_seconds", "{{group}} {{consumer}}")),
    graph("Not acknowledged, by consumer", "One that only grows has died: claim its entries with XAUTOCLAIM.", "short",
          q("&redis_stream_group_consumer_messages_pending", "{{group}} {{consumer}}"), width=12),
    graph("Length of streams", "Entries of each stream that redis_exporter looks at.", "short", q("&redis_stream_length", "{{stream}}"), width=12),
))

SERVER = Row("Redis itself", (
    stat("Redis", "Whether redis_exporter reaches it.", "none", q("min(&redis_up)"), width=4, words=(("0", "away", "red"), ("1", "up", "green"))),
    stat("Up for", "Since Redis was started.", "s", q("min(&redis_uptime_in_seconds)"), width=4),
    stat("Evicted in an hour", "Keys thrown away for want of memory. With noeviction it is 0.", "short", q("sum(increase(&redis_evicted_keys_total[1h]))"), width=4, thresholds=(("red", 1),)),
    stat("Last write of the AOF", "Whether the append-only file took the last write; if not, Redis refuses all writes.", "none", q("min(&redis_aof_last_write_status)"), width=4,
         words=(("0", "failed", "red"), ("1", "ok", "green"))),
    stat("Replicas", "Replicas that are connected.", "none", q("min(&redis_connected_slaves)"), width=4),
    stat("Refused connections", "Since the start, for want of `maxclients`.", "short", q("sum(&redis_rejected_connections_total)"), width=4, thresholds=(("red", 1),)),
    graph("Commands", "In a second, by name.", "ops", q(f"sum by (cmd) (rate(&redis_commands_total{RATE}))", "{{cmd}}"), stacks=True),
    graph("Time of commands", "Share of the one thread of Redis that each command takes.", "percentunit", q(f"sum by (cmd) (rate(&redis_commands_duration_seconds_total{RATE}))", "{{cmd}}"), stacks=True),
    graph("Commands that failed", "Failed while they ran, or refused before.", "ops", q(f"sum by (instance) (rate(&redis_commands_failed_calls_total{RATE}))", "{{instance}} failed"),
          q(f"sum by (instance) (rate(&redis_commands_rejected_calls_total{RATE}))", "{{instance}} refused")),
    graph("Cores in use", "CPU time of Redis, in cores.", "none", q(f"rate(&redis_cpu_user_seconds_total{RATE}) + rate(&redis_cpu_sys_seconds_total{RATE})", "{{instance}}"), width=6),
    graph("Memory of the process", "Resident, and what Redis counts as used.", "bytes", q("&redis_memory_used_rss_bytes", "{{instance}} resident"), q("&redis_memory_used_bytes", "{{instance}} used"), width=6),
    graph("Bytes", "Received and sent by Redis.", "Bps", q(f"rate(&redis_net_input_bytes_total{RATE})", "{{instance}} in"), q(f"rate(&redis_net_output_bytes_total{RATE})", "{{instance}} out"), width=6),
    graph("Clients", "Connected, and those that wait in a blocking command.", "none", q("&redis_connected_clients", "{{instance}}"), q("&redis_blocked_clients", "{{instance}} blocked"), width=6),
))

DASHBOARD = Dashboard("sluice-redis", "Sluice: Redis and consumers", "How full Redis is, how far its consumers are behind, and whether the engine closes for that.",
                      (INSTANCE, REDIS), (NOW, MEMORY, CONSUMERS, GROUPS, SERVER))
