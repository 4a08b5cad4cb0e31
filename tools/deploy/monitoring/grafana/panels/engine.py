"""The dashboard of an engine: what comes in, what is answered, and how the reactors fare."""

from .model import INSTANCE, RATE, Dashboard, Panel, Row, graph, per_second, q, quantile, stat

SERVER_ERRORS = '@sluice_http_responses_total{class="5xx"}'
READY_WORDS = (("0", "not ready", "red"), ("1", "ready", "green"))
TOTAL = '@sluice_stage_seconds{stage="total",format!="none"}'

STATE = Row("State", (
    stat("Ready", "1 while telemetry is taken and delivered; `/ready` says why not.", "none", q("min(@sluice_ready)"), words=READY_WORDS),
    stat("Version", "What runs, and on which kernel interface.", "none", q("@sluice_build_info", "{{version}} {{backend}}")),
    stat("Up for", "Time since the engine that started last was started.", "s", q("min(@sluice_uptime_seconds)")),
    stat("Requests", "Requests read whole, in a second.", "reqps", q(per_second("@sluice_http_requests_total"))),
    stat("Samples", "Samples accepted, in a second.", "cps", q(per_second("@sluice_samples_accepted_total"))),
    stat("Answered 5xx", "Share of the answers that are 5xx.", "percentunit",
         q(f"{per_second(SERVER_ERRORS)} / {per_second('@sluice_http_responses_total')}"), thresholds=(("orange", 0.001), ("red", 0.01))),
    stat("Connections", "Open connections.", "none", q("sum (@sluice_connections)")),
    stat("Alerts", "Alerts of Sluice that fire or are about to.", "none", q('count(ALERTS{alertname=~"Sluice.+"}) or vector(0)'), thresholds=(("red", 1),)),
    Panel("Alerts by name", "docs/operations.md has a section for each.", "none", (q('ALERTS{alertname=~"Sluice.+"}'),), kind="table", width=24, height=5),
))

REQUESTS = Row("Requests and samples", (
    graph("Requests by format", "Requests read whole; `none` are those of no ingest endpoint.", "reqps",
          q(per_second("@sluice_http_requests_total", "format"), "{{format}}"), stacks=True),
    graph("Answers by class", "4xx are faults of clients, 5xx those of the engine or of Redis.", "reqps",
          q(per_second("@sluice_http_responses_total", "class"), "{{class}}"), stacks=True),
    graph("Refused requests by reason", "Requests refused as a whole; docs/errors.md explains each reason.", "reqps",
          q(per_second("@sluice_http_requests_refused_total", "format, reason"), "{{format}} {{reason}}")),
    graph("Samples received by format", "Records looked at.", "cps", q(per_second("@sluice_samples_received_total", "format"), "{{format}}"), stacks=True),
    graph("Samples accepted by format", "Samples that were made part of a batch.", "cps",
          q(per_second("@sluice_samples_accepted_total", "format"), "{{format}}"), stacks=True),
    graph("Rejected samples by reason", "Records refused one by one; a fault of their clients.", "cps",
          q(per_second("@sluice_samples_rejected_total", "format, reason"), "{{format}} {{reason}}")),
    graph("Bytes of clients", "Received from and sent to clients.", "Bps", q(per_second("@sluice_received_bytes_total"), "received"),
          q(per_second("@sluice_sent_bytes_total"), "sent")),
    graph("Connections", "Open connections, by engine and core.", "none", q("sum by (instance, core) (@sluice_connections)", "{{instance}} core {{core}}"), stacks=True),
    graph("New connections", "Connections accepted in a second, and pauses of accepting for want of slots or descriptors.", "cps",
          q(per_second("@sluice_connections_accepted_total"), "accepted"), q(per_second("@sluice_accept_pauses_total"), "pauses")),
))

LATENCY = Row("Latency", (
    graph("Time to the answer", "From when a request was received until its answer was taken by the kernel; ingest endpoints only.", "s",
          *(q(quantile(share, TOTAL), name) for share, name in ((0.5, "p50"), (0.9, "p90"), (0.99, "p99"), (0.999, "p99.9")))),
    graph("p99 by stage", "Where the time goes: decode, hand_over, sink, respond.", "s",
          q(quantile(0.99, '@sluice_stage_seconds{stage!="total"}', "stage"), "{{stage}}")),
    graph("p99 by format", "Time to the answer, by format.", "s", q(quantile(0.99, TOTAL, "format"), "{{format}}")),
    Panel("Time to the answer, all of it", "How many answers took how long.", "s",
          (q('sum by (le) (increase(@sluice_stage_seconds_bucket{stage="total",format!="none"}' + RATE + "))", "{{le}}"),), kind="heatmap", width=16),
    graph("Answers within 100 ms", "The share that the objective of latency counts.", "percentunit",
          q("1 - sluice:slow:ratio_rate5m{instance=~\"$instance\"}", "{{instance}}"), max=1),
))

REACTORS = Row("Reactors", (
    graph("Batches in use", "Share of the pool; near 1 the next requests are refused with `overloaded`.", "percentunit",
          q("sum by (instance, core) (@sluice_batches_in_use) / sum by (instance, core) (@sluice_batches)", "{{instance}} core {{core}}"), max=1),
    graph("An iteration of the loop, p99", "Time from one wait of the event loop to the next.", "s",
          q(quantile(0.99, "@sluice_loop_iteration_seconds", "instance, core"), "{{instance}} core {{core}}")),
    graph("Longest iteration", "Since the start or the last reset. Nothing on a reactor waits for a disk or for Redis.", "s",
          q("max by (instance, core) (@sluice_loop_iteration_seconds_max)", "{{instance}} core {{core}}")),
    graph("Iterations", "Iterations of the event loop in a second.", "ops", q(per_second("@sluice_loop_iterations_total", "instance, core"), "{{instance}} core {{core}}")),
    graph("Memory of bodies", "Memory of request bodies that are being collected.", "bytes",
          q("sum by (instance, core) (@sluice_body_bytes_in_use)", "{{instance}} core {{core}}")),
    graph("What should not occur", "Receives without a free buffer, unexpected results of the kernel, connections closed for silence.", "cps",
          q(per_second("@sluice_receive_buffer_shortages_total"), "no receive buffer"), q(per_second("@sluice_loop_unexpected_results_total"), "unexpected results"),
          q(per_second("@sluice_http_idle_timeouts_total"), "idle connections closed"), q(per_second("@sluice_http_write_timeouts_total"), "clients that did not read")),
))

FORMATS = Row("Compression, resends, idempotency", (
    graph("Compressed bodies", "Bodies that were decompressed whole, by coding.", "reqps", q(per_second("@sluice_compressed_bodies_total", "coding"), "{{coding}}"), stacks=True),
    graph("Compression", "Decompressed bytes over compressed ones.", "none",
          q(f"{per_second('@sluice_decompressed_bytes_total', 'coding')} / {per_second('@sluice_compressed_bytes_total', 'coding')}", "{{coding}}")),
    graph("Time for decompression", "Share of a core.", "percentunit", q(per_second("@sluice_decompression_seconds_total", "coding"), "{{coding}}")),
    graph("Sent again by Prometheus", "Requests of remote write that say that they are sent again.", "reqps", q(per_second("@sluice_remote_write_retried_requests_total"), "sent again")),
    graph("Idempotency keys", "Keys that are remembered, and those whose samples are not settled.", "none",
          q("sum (@sluice_idempotency_keys)", "remembered"), q("sum (@sluice_idempotency_keys_in_progress)", "in progress")),
    graph("What keys did", "Answers that were repeated, and requests that were refused because of their key.", "reqps",
          *(q(per_second(f"@sluice_idempotency_{name}_total"), name.replace("_", " "))
            for name in ("replayed", "conflicts", "mismatches", "evicted_early", "refused_full", "released_partly"))),
), collapses=True)

TLS = Row("TLS", (
    graph("Handshakes", "Completed handshakes by version; resumed ones are cheap.", "cps",
          q(per_second("@sluice_tls_handshakes_total", "version, resumed"), "{{version}} resumed {{resumed}}")),
    graph("Handshakes that failed", "By reason, and sessions that broke later.", "cps",
          q(per_second("@sluice_tls_handshake_failures_total", "reason"), "{{reason}}"), q(per_second("@sluice_tls_broken_sessions_total"), "broken later")),
    graph("Time of a handshake", "From when a connection was accepted until its handshake was complete.", "s",
          *(q(quantile(share, "@sluice_tls_handshake_seconds"), name) for share, name in ((0.5, "p50"), (0.99, "p99")))),
    graph("Handshakes in progress", "Not complete yet, silent ones included.", "none", q("sum (@sluice_tls_handshakes_in_progress)", "in progress")),
    graph("Certificates end in", "Time until each certificate ends.", "s", q("min by (instance, certificate) (@sluice_tls_certificate_expiry_seconds)", "{{certificate}}")),
    graph("Certificates read again", "Reloads by result.", "none", q("sum by (instance, result) (@sluice_tls_reloads_total)", "{{instance}} {{result}}")),
), collapses=True)

TENANTS = Row("Tenants", (
    graph("Requests by tenant", "Let in by token and quota.", "reqps", q(per_second("@sluice_tenant_requests_total", "tenant"), "{{tenant}}"), stacks=True),
    graph("Samples by tenant", "Accepted and rejected.", "cps", q(per_second("@sluice_tenant_samples_accepted_total", "tenant"), "{{tenant}}"),
          q(per_second("@sluice_tenant_samples_rejected_total", "tenant"), "{{tenant}} rejected")),
    graph("Over quota", "Requests and connections refused by the quota.", "reqps", q(per_second("@sluice_tenant_over_quota_total", "tenant"), "{{tenant}}")),
    graph("Bytes by tenant", "Size of their bodies, as they came.", "Bps", q(per_second("@sluice_tenant_body_bytes_total", "tenant"), "{{tenant}}")),
    graph("Dead letters", "Refused records that were kept in Redis, or could not be.", "cps", q(per_second("@sluice_dead_letters_total", "result"), "{{result}}")),
    graph("File of tenants", "Tenants in it, its generation, reloads by result, and whether the last one was taken.", "none",
          q("sum by (instance) (@sluice_tenants)", "tenants"), q("sum by (instance) (@sluice_tenants_generation)", "generation"),
          q("sum by (result) (@sluice_tenants_reloads_total)", "reloads {{result}}"), q("min (@sluice_tenants_last_reload_successful)", "last one taken")),
), collapses=True)

LOG = Row("Log", (
    graph("Lines that were dropped", "Because the reader of stderr is slow, has stopped or has gone.", "cps", q(per_second("@sluice_log_lines_dropped_total", "instance"), "{{instance}}"), width=12),
    graph("Lines that wait", "Not taken by stderr yet.", "none", q("sum by (instance) (@sluice_log_lines_waiting)", "{{instance}}"), width=12),
), collapses=True)

DASHBOARD = Dashboard("sluice-engine", "Sluice: engine", "What comes in, what is answered, and how the reactors fare.", (INSTANCE,),
                      (STATE, REQUESTS, LATENCY, REACTORS, FORMATS, TLS, TENANTS, LOG))
