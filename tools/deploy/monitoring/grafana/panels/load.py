"""The dashboard of load tests, live from InfluxDB: what sluice-load measures, and beside it what the engine says.

InfluxQL, which InfluxDB 1 and 2 answer alike. sluice-load writes a point a second. So a mean is a figure of a second,
however wide the interval of a graph is.
"""

from .model import ENGINE_IN_INFLUXDB, LOAD, Dashboard, Panel, Query, Row, graph, query_variable

RUN = query_variable("run", "run", 'SHOW TAG VALUES FROM "sluice_load" WITH KEY = "run"', LOAD)
PHASE = query_variable("phase", "phase", 'SHOW TAG VALUES FROM "sluice_load" WITH KEY = "phase"', LOAD)
CHOSEN = '"run" =~ /^$run$/ AND "phase" =~ /^$phase$/ AND $timeFilter'


def points(fields: str, measurement: str = "sluice_load", by: str = "", legend: str = "$col") -> Query:
    tags = f', "{by}"' if by else ""
    return Query(f'SELECT {fields} FROM "{measurement}" WHERE {CHOSEN} GROUP BY time($__interval){tags} fill(none)', legend, LOAD)


def whole(fields: str) -> Query:
    return Query(f'SELECT {fields} FROM "sluice_load" WHERE {CHOSEN}', "", LOAD)


def means(*names: str) -> str:
    return ", ".join(f'mean("{name}") AS "{name.replace("_", " ")}"' for name in names)


def highest(latency: str) -> str:
    return ", ".join(f'max("{latency}_{name}_ns") AS "{word}"' for name, word in (("p50", "p50"), ("p90", "p90"), ("p99", "p99"), ("p999", "p99.9"), ("max", "max")))


def of_engine(counter: str, *tags: str, legend: str, where: str = "") -> Query:
    """A rate of the engine. It is taken of each series, and then summed, as a counter that began anew must not pull down the sum."""
    by = "".join(f', "{tag}"' for tag in ("instance", "core", "format", *tags))
    shown = "".join(f', "{tag}"' for tag in ("instance", *tags))
    each = f'SELECT non_negative_derivative(last("value"), 1s) AS "rate" FROM "{counter}" WHERE {where}$timeFilter GROUP BY time($__interval){by}'
    return Query(f'SELECT sum("rate") FROM ({each}) WHERE $timeFilter GROUP BY time($__interval){shown} fill(none)', legend, ENGINE_IN_INFLUXDB)


def stat(title: str, description: str, unit: str, query: Query, **more) -> Panel:
    return Panel(title, description, unit, (query,), kind="stat", width=4, height=4, **more)


WHOLE = Row("The runs that are chosen", (
    stat("Answers", "Responses in all.", "short", whole('sum("responses")')),
    stat("Rate", "Responses in a second.", "reqps", whole('mean("responses")')),
    stat("Failed", "Requests without a good answer, in all.", "short", whole('sum("failed")'), thresholds=(("red", 1),)),
    stat("Worst p99", "Of the corrected latency, of any second.", "ns", whole('max("corrected_p99_ns")')),
    stat("Worst latency", "Corrected, of any request.", "ns", whole('max("corrected_max_ns")')),
    stat("Own lag, p99", "How late the generator itself was, at worst: above 2 ms it measures itself.", "ns", whole('max("lag_p99_ns")'), thresholds=(("orange", 2e6),)),
    Panel("Runs", "Each run that is chosen.", "none",
          (Query('SELECT sum("planned") AS "planned", sum("responses") AS "responses", sum("failed") AS "failed", max("corrected_p99_ns") AS "worst p99, ns" '
                 f'FROM "sluice_load" WHERE {CHOSEN} GROUP BY "run", "phase"', "", LOAD),), kind="table", width=24, height=5),
))

RATES = Row("Rates", (
    graph("Requests", "Planned, sent, and answered in a second. Where the lines part, the server does not keep up.", "reqps", points(means("planned", "sent", "responses", "succeeded"))),
    graph("Failed requests", "In a second.", "reqps", points(means("failed"))),
    graph("Samples", "In a second.", "cps", points(means("samples"))),
    graph("Answers by status", "In a second.", "reqps", points('mean("count")', "sluice_load_status", "status", "$tag_status"), stacks=True),
    graph("Faults", "Requests that failed, by what was wrong.", "reqps", points('mean("count")', "sluice_load_fault", "fault", "$tag_fault"), stacks=True),
    graph("Connections", "Open, and new ones in a second.", "none", points(means("open_connections", "connects"))),
    graph("Bytes", "Sent and received in a second.", "Bps", points(means("sent_bytes", "received_bytes"))),
))

LATENCIES = Row("Latency", (
    graph("Corrected latency", "From when a request was due until its answer: what a device sees.", "ns", points(highest("corrected"))),
    graph("Uncorrected latency", "From when a request was sent: the server alone.", "ns", points(highest("uncorrected"))),
    graph("Lag", "From when a request was due until it was sent.", "ns", points(highest("lag"))),
))

ENDPOINTS = Row("Endpoints of a scenario", (
    graph("Requests by endpoint", "Answers in a second.", "reqps", points('mean("responses")', "sluice_load_endpoint", "endpoint", "$tag_endpoint"), stacks=True),
    graph("p99 by endpoint", "Corrected.", "ns", points('max("corrected_p99_ns")', "sluice_load_endpoint", "endpoint", "$tag_endpoint")),
    graph("Failed by endpoint", "In a second.", "reqps", points('mean("failed")', "sluice_load_endpoint", "endpoint", "$tag_endpoint")),
))

ENGINE = Row("What the engine says meanwhile", (
    graph("Samples accepted", "By the engine's own figures, which Prometheus writes to InfluxDB.", "cps", of_engine("sluice_samples_accepted_total", legend="$tag_instance")),
    graph("Answers by class", "By the engine's own figures.", "reqps", of_engine("sluice_http_responses_total", "class", legend="$tag_instance $tag_class"), stacks=True),
    graph("Cores in use", "CPU time of the engine's threads, in cores.", "none", of_engine("process_cpu_seconds_total", legend="$tag_instance")),
    graph("Time to the answer, p99 of 5 minutes", "By the engine's own figures.", "s",
          Query('SELECT max("value") FROM "sluice:ack_seconds:p99_5m" WHERE $timeFilter GROUP BY time($__interval), "instance" fill(none)', "$tag_instance", ENGINE_IN_INFLUXDB)),
    graph("Samples in flight", "Accepted, and neither delivered nor dropped.", "none",
          Query('SELECT max("value") FROM "sluice_samples_in_flight" WHERE $timeFilter GROUP BY time($__interval), "instance" fill(none)', "$tag_instance", ENGINE_IN_INFLUXDB)),
    graph("Memory of the engine", "Resident.", "bytes",
          Query('SELECT last("value") FROM "process_resident_memory_bytes" WHERE $timeFilter GROUP BY time($__interval), "instance" fill(none)', "$tag_instance", ENGINE_IN_INFLUXDB)),
))

DASHBOARD = Dashboard("sluice-load", "Sluice: load test", "A run of sluice-load, live: rates, latency, faults, and what the engine says meanwhile.", (RUN, PHASE),
                      (WHOLE, RATES, LATENCIES, ENDPOINTS, ENGINE), span="now-15m")
