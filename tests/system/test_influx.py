"""InfluxDB's clients: line protocol to /write and /api/v2/write, their answers, and what clients ask beside it."""
# runs: release.io_uring release.epoll

import json
import signal
from collections import Counter

import pytest

from harness import assert_conserved, render_request, wait_until

V1, V2 = "/write", "/api/v2/write"
INFLUX_HEADERS = {"X-Influxdb-Version": "1.8.10", "X-Influxdb-Build": "OSS"}
TEMPORARY_PHRASES = ("partial write", "points beyond retention policy", "unable to parse", "retention policy not found",
                     "hinted handoff queue not empty", "database not found")


def write(http, lines: str | bytes, target: str = V1, query: str = "", headers=(("Content-Type", "text/plain; charset=utf-8"),)):
    body = lines.encode() if isinstance(lines, str) else lines
    return http.request("POST", target + query, body, list(headers))


def entries(stack, key: str = "telemetry") -> list[dict]:
    return [{name.decode(): value.decode() for name, value in fields.items()} for _, fields in stack.redis.xrange(key)]


def assert_is_influx(response) -> None:
    assert {name: response.header(name) for name in INFLUX_HEADERS} == INFLUX_HEADERS


@pytest.mark.parametrize("target", [V1, V2, "/influx" + V1, "/influx" + V2])
def test_lines_are_stored(stack, http, target):
    response = write(http, "cpu,host=a,core=0 usage=0.5,ticks=7i 1465839830100400200\ncpu,host=b value=1\n", target)
    assert (response.status, response.body) == (204, b"")
    assert response.header("Sluice-Ack") == "stored" and response.header("Content-Length") is None
    assert_is_influx(response)
    first, second = entries(stack)
    assert first == {"device_id": "a", "ts": "1465839830100400200", "type": "cpu", "values": '{"usage":0.5,"ticks":7}',
                     "metadata": '{"host":"a","core":"0"}'}
    assert (second["device_id"], second["value"], second["metadata"]) == ("b", "1.0", '{"host":"b"}')


@pytest.mark.parametrize("headers", [(), (("Content-Type", "application/octet-stream"),), (("Content-Type", "what/ever"),)])
def test_the_media_type_is_not_looked_at(http, headers):
    assert write(http, "m f=1", headers=headers).status == 204


def test_chunked_bodies(stack, http):
    """As Telegraf sends them: it knows no length."""
    lines = b"".join(b"m,host=h%d f=%di\n" % (number, number) for number in range(2000))
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in (lines[at:at + 4096] for at in range(0, len(lines), 4096)))
    http.send(b"POST /write?db=telegraf HTTP/1.1\r\nHost: h\r\nUser-Agent: Telegraf/1.30\r\nTransfer-Encoding: chunked\r\n\r\n"
              + chunks + b"0\r\n\r\n")
    assert http.read_response().status == 204
    assert stack.redis.xlen("telemetry") == 2000


@pytest.mark.parametrize("body", ["", "\n", "# nothing\n"])
@pytest.mark.parametrize("target", [V1, V2])
def test_no_line_is_no_error(stack, http, target, body):
    assert write(http, body, target).status == 204
    assert stack.redis.xlen("telemetry") == 0


def test_good_lines_are_taken_beside_bad_ones(stack, http):
    lines = "good f=1 1\nbad line\n# c\ngood f=2 2\nm,t= f=3\n"
    response = write(http, lines)
    assert response.status == 400 and response.header("Sluice-Ack") == "stored"
    error = response.json()["error"]
    assert error.startswith("partial write: unable to parse 'bad line': ") and error.endswith("(line 2) (and 1 other lines) dropped=2")
    assert stack.redis.xlen("telemetry") == 2
    response = write(http, lines, V2)
    answer = response.json()
    assert (response.status, answer["code"], answer["line"]) == (400, "invalid", 2)
    assert answer["message"] == error and response.header("X-Platform-Error-Code") == "invalid"
    assert_is_influx(response)
    assert stack.redis.xlen("telemetry") == 4


def test_where_every_line_is_bad(stack, http):
    line = "bäd \"line\x1b" + "x" * 200
    response = write(http, line)
    assert response.status == 400 and response.header("Sluice-Ack") is None
    assert response.json()["error"].startswith("unable to parse 'bäd \"line\\x1b".replace("\\x1b", "\x1b"))
    assert "…'" in response.json()["error"] and "dropped" not in response.json()["error"]
    assert response.header("X-Influxdb-Error")
    for line in ("x" * 99 + "ä", "x" * 98 + "€", "x" * 97 + "😀"):
        assert write(http, line + " bad").json()["error"].startswith(f"unable to parse '{line[:-1]}…'"), "cut between characters"
    assert stack.redis.xlen("telemetry") == 0


@pytest.mark.parametrize("target, good, bad", [
    (V1, ("n", "ns", "u", "us", "ms", "s", "m", "h"), ("", "d", "NS", "seconds")),
    (V2, ("n", "ns", "u", "us", "ms", "s"), ("m", "h", "", "d"))])
def test_precisions(stack, http, target, good, bad):
    for precision in good:
        assert write(http, "m f=1 1", target, f"?precision={precision}").status == 204
    assert entries(stack)[0]["ts"] == "1"
    for precision in bad:
        response = write(http, "m f=1 1", target, f"?precision={precision}")
        assert response.status == 400 and "precision" in response.json()["error" if target == V1 else "message"]


def test_parameters_of_influx_mean_nothing(http):
    query = "?db=x&rp=&consistency=one&u=a&p=b&bucket=c&org=d&orgID=e&x=%20"
    assert write(http, "m f=1", V1, query).status == write(http, "m f=1", V2, query).status == 204


@pytest.mark.parametrize("target, query, members", [
    (V1, "?db=tele%20graf%2Fü&rp=", {"db": "tele graf/ü"}), (V1, "?rp=a&db=b&rp=c", {"rp": "c", "db": "b"}), (V1, "?bucket=b", {}),
    (V2, "?bucket=b&org=o&db=x", {"bucket": "b", "org": "o"}), (V2, "", {})])
def test_the_database_is_kept(stack, http, target, query, members):
    assert write(http, "m f=1 1\nm f=2 2", target, query.replace("ü", "%C3%BC")).status == 204
    for entry in entries(stack):
        assert {name: value for name, value in entry.items() if name in ("db", "rp", "bucket", "org")} == members


@pytest.mark.parametrize("target", [V1, V2])
def test_acknowledgements(stack, http, target):
    assert write(http, "m f=1", target, "?ack=queued").header("Sluice-Ack") == "queued"
    response = write(http, "m f=1", target, "?ack=replicated")
    assert response.status == 400 and "level" in response.json()["error" if target == V1 else "message"]


def test_an_idempotency_key(stack, http):
    key = [("Idempotency-Key", "k1")]
    first, again = write(http, "m f=1 1", headers=key), write(http, "m f=1 1", headers=key)
    assert (first.status, again.status, again.header("Idempotent-Replayed")) == (204, 204, "true")
    assert stack.redis.xlen("telemetry") == 1


def test_what_may_be_sent_again_is_503(starter):
    """A 4xx makes Telegraf drop what it holds, and so do some phrases in the text of a 5xx."""
    server = starter.redis()
    engine = starter.engine(server.url, settings={"ack_timeout": "300ms", "retry_after": "3s", "drain_timeout": "300ms"})
    server.kill()
    with engine.connect() as http:
        for target, member in ((V1, "error"), (V2, "message")):
            response = write(http, "m f=1", target)
            assert response.status == 503 and response.header("Retry-After") == "3"
            assert not any(phrase in response.body.decode() for phrase in TEMPORARY_PHRASES)
            assert response.json()[member]
        assert engine.admin("POST", "/stop").status == 200
        assert write(http, "m f=1").status == write(http, "m f=1", V2).status == 503
        assert write(http, "m f=1", V2).json()["code"] == "unavailable"
    engine.signal(signal.SIGTERM)
    assert engine.wait_exit() in (0, 1)  # what had no answer may be lost


BAD_LINES = {
    "malformed_line": b"m\xff f=1", "bad_measurement": b",t=1 f=1", "bad_tag": b"m,t= f=1", "missing_fields": b"m",
    "bad_field": b"m f", "bad_field_value": b"m f=x", "unclosed_string": b'm f="x', "bad_line_timestamp": b"m f=1 x",
    "number_out_of_range": b"m f=1e999", "duplicate_member": b"m f=1,f=2", "sample_too_large": b"m" * 20_000,
    "bad_device_id": b"m,host=" + b"h" * 129 + b" f=1",
}


def refused(stack) -> Counter:
    reactor = stack.engine.status()["reactors"][0]
    return Counter(reactor["samples"]["rejected"]) + Counter(reactor["requests_refused"])


def test_refused_lines_are_counted_and_named(stack, http):
    before = refused(stack)
    for code, line in BAD_LINES.items():
        response = write(http, b"m f=1\n" + line + b"\n")
        assert response.status == 400 and "(line 2) dropped=1" in response.json()["error"], code
    assert write(http, "m f=1", V1, "?precision=x").status == 400
    for target, query in ((V1, "?db=" + "x" * 129), (V1, "?rp=%0A"), (V2, "?bucket=%FF"), (V2, "?org=a&org=%00")):
        assert write(http, "m f=1", target, query).status == 400
    assert refused(stack) - before == Counter([*BAD_LINES, "bad_line_precision"] + 4 * ["bad_kept_parameter"])
    assert_conserved(stack.engine.status())
    assert stack.redis.xlen("telemetry") == len(BAD_LINES)


@pytest.mark.parametrize("layout", ["fields", "json", "list", "packed"])
def test_a_line_is_the_sample_that_its_record_is(starter, layout):
    """The canonical record, posted as JSON, gives the identical entry in each layout, also by way of a journal."""
    lines = ['m\\ 1,host=a\\,b,ort=köln f="x\\"y",g=1.5e3,h=7i,i=t 1465839830100400200', "m value=.5 7", "m,device=d value=f 8"]
    records = [
        '{"device_id":"a,b","type":"m 1","values":{"f":"x\\"y","g":1.5e3,"h":7,"i":true},"timestamp":1465839830100400200,'
        '"metadata":{"host":"a,b","ort":"köln"}}',
        '{"device_id":"m","type":"m","value":0.5,"timestamp":7}',
        '{"device_id":"d","type":"m","value":false,"timestamp":8,"metadata":{"device":"d"}}']
    contents = []
    for target, bodies, content_type in ((V1, lines, "text/plain"), ("/telemetry", records, "application/json")):
        server = starter.redis()
        engine = starter.engine(server.url, settings={"sink.redis.layout": layout})
        with engine.connect() as http:
            for body in bodies:
                query = "" if target == V1 else "?precision=ns"
                response = http.request("POST", target + query, body.encode(), [("Content-Type", content_type)])
                assert response.status in (200, 204), response.body
        client = server.client()
        key = "telemetry_queue" if layout == "list" else "telemetry"
        contents.append(client.lrange(key, 0, -1) if layout == "list" else [fields for _, fields in client.xrange(key)])
    assert contents[0] == contents[1] and len(contents[0]) == 3


# --- beside writing --------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("base", ["", "/influx"])
def test_ping(http, base):
    for method in ("GET", "HEAD"):
        response = http.request(method, base + "/ping")
        assert response.status == 204
        assert_is_influx(response)
    assert http.request("GET", base + "/ping?verbose=true").json() == {"version": "1.8.10"}
    assert http.request("GET", base + "/ping?verbose=0").status == 204
    assert http.request("GET", base + "/api/v2/ping").status == 204


@pytest.mark.parametrize("base", ["", "/influx"])
def test_query(http, base):
    databases = {"results": [{"statement_id": 0, "series": [{"name": "databases", "columns": ["name"], "values": [["telemetry"]]}]}]}
    form = [("Content-Type", "application/x-www-form-urlencoded")]
    for response in (http.request("GET", base + "/query?db=x&q=SHOW%20DATABASES"), http.request("GET", base + "/query?q=show+databases%3B"),
                     http.request("POST", base + "/query", b"q=Show+Databases", form), http.request("POST", base + "/query?q=SHOW+DATABASES", b"")):
        assert (response.status, response.json(), response.header("Content-Type")) == (200, databases, "application/json")
        assert_is_influx(response)
    created = http.request("POST", base + "/query", b"q=CREATE+DATABASE+%22telegraf%22", form)
    assert (created.status, created.json()) == (200, {"results": [{"statement_id": 0}]})
    missing = http.request("GET", base + "/query?db=x")
    assert (missing.status, missing.json()) == (400, {"error": 'missing required parameter "q"'})
    assert missing.header("X-Influxdb-Error") == 'missing required parameter "q"'


def test_health_and_readiness_of_influx(starter):
    server = starter.redis()
    engine = starter.engine(server.url, settings={"sink.redis.backoff_max": "200ms"})
    with engine.connect() as http:
        health = http.request("GET", "/influx/health")
        assert health.status == 200 and health.json()["status"] == "pass" and health.json()["name"] == "influxdb"
        ready = http.request("GET", "/influx/ready").json()
        assert ready["status"] == "ready" and ready["started"].endswith("Z") and ready["up"].endswith("s")
        assert http.request("GET", "/health").json() == {"status": "ok"}
        server.kill()
        failed = wait_until(lambda: (answer := http.request("GET", "/influx/health")).status == 503 and answer, "it is not ready")
        assert failed.json()["status"] == "fail" and failed.json()["message"]


def test_methods(http):
    assert http.request("GET", "/write").status == 405
    assert http.request("PUT", "/query", b"").header("Allow") == "GET, HEAD, POST, OPTIONS"
    assert http.request("OPTIONS", "/write").status == 204
    http.send(render_request("POST", "/write/", b"m f=1"))
    assert json.loads(http.read_response().body)["where"] == "/write"
