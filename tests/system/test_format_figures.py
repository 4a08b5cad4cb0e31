"""Figures by format: `/status` and `/metrics` tell formats apart, what they tell adds up to the totals, and the law holds for each."""
# runs: release.io_uring release.epoll asan.io_uring

import gzip
import json
from collections import Counter
from typing import Callable, NamedTuple

import pytest
from test_metrics import series

from harness import assert_conserved, render_request, sample, wait_until
from harness.protobuf import number, real, text


class Format(NamedTuple):
    target: str
    headers: tuple
    body: Callable  # of so many good records, and a bad one where the second argument says so
    refused_status: int  # of a body with a bad record
    broken: bytes


def json_body(count: int, is_bad: bool) -> bytes:
    return json.dumps([sample()] * count + [{}] * is_bad).encode()


def protobuf_body(count: int, is_bad: bool) -> bytes:
    return text(1, text(1, "d") + text(2, "t") + text(3, real(1, 5.0))) * count + text(1, text(1, "d")) * is_bad


def influx_body(count: int, is_bad: bool) -> bytes:
    return b"m,host=a f=1\n" * count + b"m f=\n" * is_bad


def remote_write_body(count: int, is_bad: bool) -> bytes:
    def of(label: str) -> bytes:
        return text(1, text(1, text(1, label) + text(2, "up")) + text(2, real(1, 1.0) + number(2, 1_700_000_000_000)))
    return of("__name__") * count + of("job") * is_bad


def otlp_body(count: int, is_bad: bool) -> bytes:
    points = [{"timeUnixNano": "1700000000000000000", "asInt": "1"}] * count + [{"timeUnixNano": str(2**63), "asInt": "1"}] * is_bad
    return json.dumps({"resourceMetrics": [{"scopeMetrics": [{"metrics": [{"name": "m", "gauge": {"dataPoints": points}}]}]}]}).encode()


def collectd_body(count: int, is_bad: bool) -> bytes:
    good = {"values": [1], "dsnames": ["value"], "dstypes": ["gauge"], "time": 1_700_000_000.5, "interval": 10, "host": "a", "plugin": "p", "type": "t"}
    return json.dumps([good] * count + [{**good, "host": ""}] * is_bad).encode()


JSON, PROTOBUF = (("Content-Type", "application/json"),), (("Content-Type", "application/x-protobuf"),)
FORMATS = {
    "json": Format("/telemetry", JSON, json_body, 207, b"[1"),
    "protobuf": Format("/telemetry", PROTOBUF, protobuf_body, 207, b"\x0a\x05a"),
    "influx": Format("/write", (), influx_body, 400, b""),
    "remote_write": Format("/api/v1/write", PROTOBUF, remote_write_body, 400, b"\x0a\x05a"),
    "otlp": Format("/v1/metrics", JSON, otlp_body, 200, b"{"),
    "collectd": Format("/collectd", JSON, collectd_body, 207, b"[{"),
}


def render(name: str, count: int, is_bad: bool = False, query: str = "") -> bytes:
    form = FORMATS[name]
    return render_request("POST", form.target + query, form.body(count, is_bad), form.headers)


def by_format(engine, family: str) -> dict:
    """The sums over all cores and reasons."""
    sums: Counter = Counter()
    for name, labels, value in series(engine.metrics()):
        if name == family:
            sums[labels["format"]] += value
    return dict(sums)


@pytest.mark.parametrize("cores", ["0", "0,1"])
def test_each_request_and_each_record_has_its_format(starter, cores):
    engine = starter.engine(starter.redis().url, cores=cores)
    sent: dict = {name: Counter() for name in FORMATS}

    def post(name: str, body: bytes, headers=(), query: str = "") -> int:
        form = FORMATS[name]
        sent[name]["requests"] += 1
        with engine.connect() as http:
            return http.request("POST", form.target + query, body, [*form.headers, *headers]).status

    # Another number of each, so that none is taken for another's.
    for times, (name, form) in enumerate(FORMATS.items(), start=1):
        for _ in range(times):
            assert post(name, form.body(3, False)) < 300
            assert post(name, gzip.compress(form.body(2, False)), [("Content-Encoding", "gzip")]) < 300
            assert post(name, form.body(4, True)) == form.refused_status
            assert post(name, form.body(1, False), query="?ack=much") == 400
            assert post(name, gzip.compress(form.body(1, False))[:-9], [("Content-Encoding", "gzip")]) == 400
            sent[name].update(accepted=9, rejected=1, refused=2, decoded=4, batches=3)
            if form.broken:
                assert post(name, form.broken) == 400
                sent[name].update(rejected=1, refused=1, decoded=1)
    assert engine.admin("POST", "/stop").status == 200
    for name, form in FORMATS.items():
        assert post(name, form.body(1, False)) == 503
        sent[name]["refused"] += 1
    with engine.connect() as http:
        assert http.request("GET", "/health").status == 200 and http.request("POST", "/nothing", b"x").status == 404
        assert http.request("POST", "/v1/traces", b"{}", JSON).status == 404
        sent["otlp"].update(requests=1, refused=1)
    engine.wait_delivered()
    wait_until(lambda: all(engine.status()["formats"][name]["stages"]["total"]["count"] == sent[name]["requests"] for name in FORMATS),
               "all answers are counted as sent")

    status = engine.status()
    assert_conserved(status)
    for name in FORMATS:
        figures = status["formats"][name]
        assert figures["is_conserved"] and figures["requests"] == sent[name]["requests"], name
        assert sum(figures["requests_refused"].values()) == sent[name]["refused"], (name, figures["requests_refused"])
        samples = figures["samples"]
        assert (samples["accepted"], samples["delivered"], samples["in_flight"]) == (sent[name]["accepted"], sent[name]["accepted"], 0), name
        assert sum(samples["rejected"].values()) == sent[name]["rejected"], (name, samples["rejected"])
        assert figures["stages"]["decode"]["count"] == sent[name]["decoded"], name
        assert figures["stages"]["respond"]["count"] == sent[name]["requests"], name
        assert figures["stages"]["hand_over"]["count"] == figures["stages"]["sink"]["count"] == sent[name]["batches"], name

    formats, reactors = status["formats"], status["reactors"]
    assert formats["none"]["requests"] >= 2 and formats["none"]["requests_refused"]["not_found"] == 1
    assert sum(figures["requests"] for figures in formats.values()) == sum(reactor["requests"] for reactor in reactors)
    refused = sum((Counter(figures["requests_refused"]) for figures in formats.values()), Counter())
    assert refused == sum((Counter(reactor["requests_refused"]) for reactor in reactors), Counter())
    decoded = sum(figures["stages"]["decode"]["count"] for figures in formats.values())
    assert decoded == status["latency"]["stages"]["decode"]["count"]

    for family, member in (("sluice_samples_accepted_total", "accepted"), ("sluice_samples_delivered_total", "delivered"),
                           ("sluice_samples_received_total", "received"), ("sluice_samples_in_flight", "in_flight")):
        assert by_format(engine, family) == {name: formats[name]["samples"][member] for name in FORMATS}, family
    assert by_format(engine, "sluice_samples_rejected_total") == {name: sent[name]["rejected"] for name in FORMATS}
    requests = by_format(engine, "sluice_http_requests_total")
    assert {name: requests[name] for name in FORMATS} == {name: sent[name]["requests"] for name in FORMATS}
    refused_by_format = by_format(engine, "sluice_http_requests_refused_total")
    assert {name: refused_by_format[name] for name in FORMATS} == {name: sent[name]["refused"] for name in FORMATS}
    for stage in ("decode", "hand_over", "sink"):
        counts: Counter = Counter()
        for name, labels, value in series(engine.metrics()):
            if name == "sluice_stage_seconds_count" and labels["stage"] == stage:
                counts[labels.get("format")] += value
        assert counts.pop(None, 0) == 0, "no batch was shared"
        assert counts.keys() == FORMATS.keys(), "formats that no request had have no series, and these all had some"
        assert sum(counts.values()) == status["latency"]["stages"][stage]["count"], stage


@pytest.mark.parametrize("layout", ["fields", "packed"])
def test_what_shares_a_batch_is_told_apart(starter, layout):
    """Requests of one write are decoded in one iteration, into one batch: also one that Redis refuses."""
    server = starter.redis()
    engine = starter.engine(server.url, settings={"sink.redis.layout": layout})
    redis = server.client()
    with engine.connect() as http:
        http.send(b"".join(render(name, count) for count, name in enumerate(FORMATS, start=1)))
        assert all(http.read_response().status < 300 for _ in FORMATS)
        [stream] = redis.keys("*")
        redis.set(stream, "text")  # XADD is refused: WRONGTYPE
        http.send(render("json", 5, query="?ack=queued") + render("influx", 7) + render("otlp", 2))
        assert [http.read_response().status for _ in range(3)] == [200, 503, 503]
    formats = engine.status()["formats"]
    assert formats["none"]["stages"]["sink"]["count"] >= 1, "a batch of several formats has none of them"
    delivered = {name: count for count, name in enumerate(FORMATS, start=1)}
    assert {name: formats[name]["samples"]["delivered"] for name in FORMATS} == delivered
    assert_conserved(engine.status())
    assert formats["json"]["samples"]["in_flight"] == 5, "nobody was told that they failed: they are kept"
    redis.delete(stream)
    engine.wait_delivered()
    formats = engine.status()["formats"]
    assert_conserved(engine.status())
    # One command that carries all of them is tried until it is stored, also for those whose clients were told.
    kept = {"json": 5} if layout == "fields" else {"json": 5, "influx": 7, "otlp": 2}
    dropped = {"influx": 7, "otlp": 2} if layout == "fields" else {}
    for name in FORMATS:
        samples = formats[name]["samples"]
        assert samples["delivered"] == delivered[name] + kept.get(name, 0), name
        assert sum(samples["dropped"].values()) == dropped.get(name, 0), name
    assert by_format(engine, "sluice_samples_dropped_total") == {name: dropped.get(name, 0) for name in FORMATS}


def test_retried_requests_of_remote_write_are_counted(stack, http):
    form = FORMATS["remote_write"]
    for attempt in (None, "0", "1", "2", "17"):
        headers = [*form.headers, *([("Retry-Attempt", attempt)] if attempt else [])]
        assert http.request("POST", form.target, form.body(1, False), headers).status == 204
    assert http.post(sample(), headers=[("Retry-Attempt", "1")]).status == 200
    assert stack.engine.status()["reactors"][0]["remote_write"] == {"retried_requests": 3}
    assert 'sluice_remote_write_retried_requests_total{core="0"} 3' in stack.engine.metrics()
