"""Who may send: tokens of tenants on every ingest endpoint, the token of the admin pages, and what nobody may see."""
# runs: release.io_uring release.epoll asan.io_uring

import base64
import json
import signal
import subprocess
import time

import pytest

from harness import HttpConnection, render_request, sample, stream_entries, wait_until
from harness.engine import BINARY, CLEAN_ENVIRONMENT
from harness.tenants import new_token, tenant_table, write_tenants

LINE = b"cpu,host=a usage=1 1700000000000000000\n"


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


@pytest.fixture(scope="module")
def tokens(tmp_path_factory):
    return {"acme": new_token("acme"), "other": new_token("other"), "reader": new_token("acme", "--scopes", "query"),
            "far": new_token("far"), "expired": new_token("acme"), "unknown": new_token("acme")}


@pytest.fixture(scope="module")
def engine(module_starter, tokens, tmp_path_factory):
    expired = tokens["expired"].line.replace(" }", ", expires = 2020-01-01T00:00:00Z }")
    path = write_tenants(tmp_path_factory.mktemp("tenants") / "tenants.toml",
                         tenant_table("acme", tokens["acme"].line, tokens["reader"].line, expired),
                         tenant_table("other", tokens["other"].line, more='addresses = ["127.0.0.0/8"]'),
                         tenant_table("far", tokens["far"].line, more='addresses = ["192.0.2.0/24"]'),
                         '[[tenant]]\nname = "silent"\n')
    return module_starter.engine("null:", ack="queued", settings={"tenants.file": path})


def ask(engine, target: str, body: bytes = b"", headers=(), method: str = "POST"):
    with engine.connect() as connection:
        return connection.request(method, target, body if method == "POST" else None, headers)


def post(engine, *headers, query: str = ""):
    return ask(engine, "/telemetry" + query, json.dumps(sample()).encode(), headers)


def test_each_way_to_bring_a_token(engine, tokens):
    token = tokens["acme"].text
    for header in (("Authorization", f"Bearer {token}"), ("Authorization", f"bearer   {token}"), ("X-Api-Key", token),
                   ("Authorization", f"Token {token}"), ("Authorization", f"Token user:{token}"),
                   ("Authorization", basic("anybody", token)), ("authorization", basic("", token))):
        assert post(engine, header).status == 200, header


def test_a_token_in_a_query_is_for_influxdb_1(engine, tokens):
    token = tokens["acme"].text
    assert ask(engine, f"/write?u=telegraf&p={token}", LINE).status == 204
    assert ask(engine, f"/influx/write?db=x&p={token}&u=%74".replace("_", "%5F"), LINE).status == 204
    assert ask(engine, f"/write?p={token}", LINE).status == 401
    assert ask(engine, f"/write?u=telegraf&p={token}x", LINE, [("Authorization", f"Bearer {token}")]).status == 401
    assert ask(engine, f"/api/v2/write?u=telegraf&p={token}", LINE).status == 401
    assert post(engine, query=f"?u=a&p={token}").status == 401


@pytest.mark.parametrize("target, challenge, shape", [
    ("/telemetry", "Bearer", lambda body: json.loads(body)["code"] == "unauthorized"),
    ("/write", "Basic", lambda body: json.loads(body) == {"error": "authorization failed"}),
    ("/api/v2/write", "Basic", lambda body: json.loads(body) == {"code": "unauthorized", "message": "unauthorized access"}),
    ("/query?q=x", "Basic", lambda body: json.loads(body) == {"error": "authorization failed"}),
    ("/v1/metrics", "Bearer", lambda body: body.startswith(b"\x08\x10\x12")),
    ("/api/v1/write", "Bearer", lambda body: body == b"The request needs a valid token. (unauthorized)\n"),
])
def test_the_401_of_each_dialect(engine, tokens, target, challenge, shape):
    answers = [ask(engine, target, b"x", headers) for headers in ([], [("Authorization", "Bearer " + tokens["unknown"].text)])]
    for answer in answers:
        assert answer.status == 401 and answer.header("WWW-Authenticate") == f'{challenge} realm="sluice"'
        assert shape(answer.body), answer.body
        assert answer.header("X-Influxdb-Error") is None
    assert answers[0].body == answers[1].body


def wrong_headers(tokens):
    token = tokens["acme"].text
    return {
        "none": [], "empty": [("Authorization", "")], "scheme only": [("Authorization", "Bearer")],
        "truncated": [("Authorization", f"Bearer {token[:-1]}")], "longer": [("Authorization", f"Bearer {token}A")],
        "another scheme": [("Authorization", f"Digest {token}")], "bare": [("Authorization", token)],
        "not base64": [("Authorization", f"Basic {token}")], "no colon": [("Authorization", "Basic " + base64.b64encode(token.encode()).decode())],
        "expired": [("Authorization", "Bearer " + tokens["expired"].text)],
        "the hash": [("Authorization", "Bearer " + tokens["acme"].hash)],
        "twice": [("Authorization", f"Bearer {token}")] * 2, "key twice": [("X-Api-Key", token)] * 2,
        "upper case": [("Authorization", f"Bearer {token.upper()}")],
    }


def test_what_is_no_token_is_401(engine, tokens):
    for name, headers in wrong_headers(tokens).items():
        answer = post(engine, *headers)
        assert (answer.status, answer.code) == (401, "unauthorized"), name


def test_a_header_that_is_too_long_is_431(engine, tokens):
    answer = post(engine, ("Authorization", "Bearer " + "a" * 1017))
    assert answer.status == 401
    answer = post(engine, ("Authorization", "Bearer " + "a" * 1018))
    assert (answer.status, answer.code) == (431, "credential_too_long")


def test_rights(engine, tokens):
    reader, other, far = (("Authorization", "Bearer " + tokens[name].text) for name in ("reader", "other", "far"))
    assert post(engine, reader).status == 403 and post(engine, reader).code == "forbidden"
    answer = ask(engine, "/write", LINE, [reader])
    assert answer.status == 403 and "not authorized to write" in answer.json()["error"]
    assert ask(engine, "/api/v2/write", LINE, [reader]).json()["code"] == "forbidden"
    assert ask(engine, "/query?q=SHOW+DATABASES", headers=[reader], method="GET").status == 200
    assert ask(engine, "/query?q=SHOW+DATABASES", headers=[other], method="GET").status == 200
    assert post(engine, other).status == 200
    assert post(engine, far).status == 403


def test_what_needs_no_token(engine):
    for target, status in (("/ping", 204), ("/health", 200), ("/ready", 200), ("/influx/health", 200), ("/api/v2/ping", 204)):
        assert ask(engine, target, method="GET").status == status, target
    assert ask(engine, "/telemetry", method="OPTIONS").status == 204
    assert ask(engine, "/nowhere").status == 404


def test_a_connection_may_change_its_token(engine, tokens):
    def header(name):
        return [("Authorization", "Bearer " + tokens[name].text)]

    body = json.dumps(sample()).encode()
    time.sleep(1.1)  # failures of other tests in the same second would end the connection
    with engine.connect() as connection:
        statuses = [connection.request("POST", "/telemetry", body, header(name)).status
                    for name in ("acme", "acme", "unknown", "other", "reader", "acme")]
    assert statuses == [200, 200, 401, 200, 403, 200]


def test_the_head_alone_refuses(engine):
    with engine.connect() as connection:
        connection.send(b"POST /telemetry HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\nExpect: 100-continue\r\n\r\n")
        assert connection.read_response().status == 401
    with engine.connect() as connection:
        connection.send(b"POST /telemetry HTTP/1.1\r\nHost: h\r\nContent-Length: 4000000\r\n\r\n{")
        answer = connection.read_response()
        assert answer.status == 401 and answer.closes


def test_a_token_cannot_carry_another_header(engine, tokens):
    with engine.connect() as connection:
        connection.send(render_request("POST", "/telemetry", b"{}", [("Authorization", f"Bearer {tokens['acme'].text}\rX: y")]))
        assert connection.read_response().status == 400


def test_who_fails_too_often_is_disconnected(starter, tokens, tmp_path):
    engine = starter.engine("null:", ack="queued", settings={
        "tenants.file": write_tenants(tmp_path / "t.toml", tenant_table("acme", tokens["acme"].line))})
    bad, good = (render_request("POST", "/telemetry", json.dumps(sample()).encode(), [("X-Api-Key", token)])
                 for token in ("wrong", tokens["acme"].text))
    closed = False
    for _ in range(10):  # the clock may pass into the next second on the way
        with engine.connect() as connection:
            connection.send(bad * 30)
            answers = []
            while not closed and len(answers) < 30:
                answers.append(connection.read_response())
                closed = answers[-1].closes
        assert {answer.status for answer in answers} == {401}
        if closed:
            break
    assert closed and len(answers) > 5
    with engine.connect() as connection:
        connection.send(good)
        assert connection.read_response().status == 200
    assert "access_denied" in engine.log()


def test_secrets_are_nowhere(starter, tokens, tmp_path):
    path = write_tenants(tmp_path / "t.toml", tenant_table("acme", tokens["acme"].line))
    secret = new_token("admin")
    (tmp_path / "admin").write_text(secret.text + "\n")
    engine = starter.engine("null:", ack="queued", settings={"tenants.file": path, "log.level": "debug", "admin.token_file": tmp_path / "admin"},
                            admin_headers=[("Authorization", f"Bearer {secret.text}")])
    token, wrong = tokens["acme"].text, tokens["unknown"].text
    assert ask(engine, f"/write?u=a&p={token}", LINE).status == 204
    assert ask(engine, f"/write?u=a&p={token}&precision=x", LINE).status == 400
    assert ask(engine, f"/write?u=a&p={wrong}", LINE).status == 401
    time.sleep(1.1)
    assert post(engine, ("Authorization", f"Token {token}"), ("Content-Type", "text/odd")).status == 415
    assert post(engine, ("Authorization", basic("u", token[:-1]))).status == 401
    shown = engine.log() + engine.metrics() + json.dumps(engine.status())
    printed = subprocess.run([BINARY, "print-config", "--effective", "--set", f"tenants.file={path}", "--set", f"admin.token_file={tmp_path}/admin"],
                             env=CLEAN_ENVIRONMENT, text=True, capture_output=True, timeout=30, check=True).stdout
    for text in (token, wrong, secret.text):
        for part in (text, text.split("_", 2)[2], base64.b64encode(f"u:{text}".encode()).decode()):
            assert part not in shown + printed
    assert "access_denied" in shown and tokens["acme"].hash not in shown


def start(*settings: str):
    return subprocess.run([BINARY, "serve", "--sink", "null:", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0",
                           *(word for setting in settings for word in ("--set", setting))],
                          env=CLEAN_ENVIRONMENT, text=True, capture_output=True, timeout=30)


def serve_briefly(*settings: str) -> str:
    """The log of an engine that is ended when it listens."""
    child = subprocess.Popen([BINARY, "serve", "--sink", "null:", "--listen", "127.0.0.1:0",
                              *(word for setting in settings for word in ("--set", setting))],
                             env=CLEAN_ENVIRONMENT, text=True, stderr=subprocess.PIPE)
    lines = []
    for line in child.stderr:
        lines.append(line)
        if "event=listening " in line:
            child.terminate()
    assert child.wait(30) == 0
    return "".join(lines)


def test_a_file_that_is_broken_ends_the_start(tmp_path):
    path = tmp_path / "t.toml"
    done = start(f"tenants.file={path}")
    assert done.returncode == 2 and done.stderr == f"sluice: {path}: cannot be read: No such file or directory\n"
    path.write_text('[[tenant]]\nname = "a"\nstreams = 1\n')
    done = start(f"tenants.file={path}")
    assert done.returncode == 2 and done.stderr.startswith(f'sluice: {path}:3: "streams" is no member of a tenant')
    path.write_text("short\n")
    done = start(f"admin.token_file={path}")
    assert done.returncode == 2 and "32 to 1024" in done.stderr and "short" not in done.stderr
    (tmp_path / "sluice.toml").write_text(f'[tenants]\nfile = "{path}"\n')
    checked = subprocess.run([BINARY, "check-config", tmp_path / "sluice.toml"], env=CLEAN_ENVIRONMENT, text=True, capture_output=True, timeout=30)
    assert checked.returncode == 2 and f"{path}:1: is not TOML" in checked.stderr


def test_a_listener_that_nothing_guards_is_warned_of(starter, tokens, tmp_path):
    path = write_tenants(tmp_path / "t.toml", tenant_table("acme", tokens["acme"].line))
    (tmp_path / "admin").write_text(tokens["other"].hash + "\n")
    data, admin = ["0.0.0.0:0"], {"admin.listen": "0.0.0.0:0"}
    guards = {"tenants.file": path, "admin.token_file": tmp_path / "admin"}
    for settings, more_listen, warned in (({}, [], []), ({}, data, ["tenants.file"]), (guards, data, [])):
        engine = starter.engine("null:", ack="queued", settings=settings, more_listen=more_listen,
                                admin_headers=[bearer(tokens["other"])])
        assert [line.partition("key=")[2] for line in engine.log().splitlines() if "level=warn event=open_listener" in line] == warned
    for settings, warned in ((admin, 1), ({**admin, **guards}, 0)):
        assert serve_briefly(*(f"{key}={value}" for key, value in settings.items())).count("open_listener") == warned


# --- admin ---------------------------------------------------------------------------------------------------------

def admin(engine, method: str, target: str, *headers):
    with HttpConnection(engine.admin_address) as connection:
        return connection.request(method, target, b"" if method == "POST" else None, headers)


@pytest.mark.parametrize("shared", [False, True])
def test_the_admin_token(starter, tmp_path, shared):
    secret, other = new_token("admin"), new_token("admin")
    (tmp_path / "admin").write_text(secret.hash + "\n")
    header = ("Authorization", f"Bearer {secret.text}")
    engine = starter.engine("null:", ack="queued", settings={"admin.token_file": tmp_path / "admin"}, admin_headers=[header],
                            admin_on_data_listener=shared)
    for method, target in (("GET", "/status"), ("GET", "/metrics"), ("POST", "/stop"), ("POST", "/reset")):
        for headers in ([], [("Authorization", f"Bearer {other.text}")], [("X-Api-Key", secret.hash)]):
            answer = admin(engine, method, target, *headers)
            assert answer.status == 401 and answer.header("WWW-Authenticate") == 'Bearer realm="sluice"'
    assert admin(engine, "GET", "/health").status == admin(engine, "GET", "/ready").status == 200
    assert admin(engine, "POST", "/stop", header).status == 200
    assert admin(engine, "POST", "/start", ("Authorization", basic("admin", secret.text))).status == 200
    assert post(engine).status == 200


@pytest.mark.parametrize("shared", [False, True])
def test_a_page_of_another_site_changes_nothing(starter, shared):
    own = "http://sluice.test"  # Host is as render_request() has it
    engine = starter.engine("null:", ack="queued", admin_on_data_listener=shared, settings={"admin.origins": f"{own}/,https://Sluice.test"})
    for headers in ([("Origin", "http://evil.test")], [("Origin", "null")], [("Origin", own + ":81")], [("Origin", own)] * 2,
                    [("Sec-Fetch-Site", "cross-site")], [("Sec-Fetch-Site", "same-site")],
                    [("Origin", own), ("Sec-Fetch-Site", "cross-site")]):
        answer = admin(engine, "POST", "/stop", *headers)
        assert (answer.status, answer.code) == (403, "cross_origin"), headers
        assert admin(engine, "GET", "/status", *headers).status == 200
    assert engine.status()["state"] == "running"
    for headers in ([], [("Origin", own)], [("Origin", own.replace("http", "https"))], [("Sec-Fetch-Site", "same-origin")],
                    [("Origin", own), ("Sec-Fetch-Site", "same-origin")], [("Sec-Fetch-Site", "none")]):
        assert admin(engine, "POST", "/stop", *headers).status == 200, headers
        assert admin(engine, "POST", "/start", *headers).status == 200, headers


@pytest.mark.parametrize("shared", [False, True])
def test_a_name_that_leads_here_is_no_site_of_ours(starter, shared):
    """Who owns a name can let it lead to the engine (DNS rebinding): then Origin and Host are the same."""
    engine = starter.engine("null:", ack="queued", admin_on_data_listener=shared)
    for headers in ([("Origin", "http://sluice.test")], [("Sec-Fetch-Site", "same-origin")],
                    [("Origin", "http://sluice.test"), ("Sec-Fetch-Site", "same-origin")]):
        answer = admin(engine, "POST", "/stop", *headers)
        assert (answer.status, answer.code) == (403, "cross_origin"), headers
    assert admin(engine, "POST", "/reset").code == "not_paused"


# --- what a tenant may send ------------------------------------------------------------------------------------------

def bearer(token):
    return "Authorization", f"Bearer {token.text}"


def codes(answer) -> list:
    return [error["code"] for error in answer.json()["errors"]]


def test_what_a_tenant_may_send(starter, tokens, tmp_path):
    more = """allow_types = ["temperature", "humidity_*"]
deny_types = ["humidity_raw"]
required = ["unit"]
value_range = { temperature = [-90.0, 150] }
timestamp_past_max = "1h"
timestamp_future_max = "1m"
ack_max = "queued"
"""
    path = write_tenants(tmp_path / "t.toml", tenant_table("acme", tokens["acme"].line, more=more), tenant_table("other", tokens["other"].line))
    engine = starter.engine("null:", settings={"tenants.file": path})
    now = int(time.time())

    def records(*changes):
        return [{"device_id": "d", "type": "temperature", "value": 20, "unit": "C", "timestamp": now, **change} for change in changes]

    def send(who, *changes, query=""):
        with engine.connect() as connection:
            return connection.post(records(*changes), query=query, headers=[bearer(tokens[who])])

    bad = [{"type": "pressure"}, {"type": "humidity_raw"}, {"unit": ""}, {"value": 151}, {"value": -90.5}, {"timestamp": now - 7200}, {"timestamp": now + 600}]
    answer = send("acme", {}, *bad, {"type": "humidity_2"})
    assert answer.status == 207 and answer.json()["accepted"] == 2
    assert codes(answer) == ["type_not_allowed", "type_not_allowed", "missing_member", "value_out_of_range", "value_out_of_range",
                             "timestamp_too_old", "timestamp_too_new"]
    assert send("other", {}, *bad).json()["rejected"] == 0
    assert send("acme", {}, query="?ack=queued").status == 200
    assert send("acme", {}, query="?ack=stored").code == "ack_unavailable"
    with engine.connect() as connection:
        answer = connection.request("POST", "/write", b"\nwind v=2\n", [bearer(tokens["acme"])])
    assert answer.status == 400 and b"'wind v=2'" in answer.body


def test_a_range_holds_in_every_way_to_write(starter, tokens, tmp_path):
    path = write_tenants(tmp_path / "t.toml", tenant_table("acme", tokens["acme"].line, more="value_range = { temperature = [-90, 150] }"))
    engine = starter.engine("null:", ack="queued", settings={"tenants.file": path})
    collectd = {"host": "d", "plugin": "x", "type": "y", "dstypes": ["gauge"] * 2, "dsnames": ["a", "temperature"]}
    with engine.connect() as connection:
        def send(target: str, body: bytes):
            return connection.request("POST", target, body, [bearer(tokens["acme"]), ("Content-Type", "application/json")])
        for value, status in ((b"20", 200), (b"1e-400", 200), (b"999", 400), (b'"999"', 400), (b'"20"', 400), (b"true", 400)):
            for record in (b'"type":"temperature","value":%s', b'"type":"t\\u0065mperature","value":%s', b'"values":{"temperature":%s}',
                           b'"values":{"a":1,"temp\\u0065rature":%s}', b'"type":"temperature","values":{"a":1,"value":%s}'):
                answer = send("/telemetry", b'{"device_id":"d",' + record % value + b"}")
                assert answer.status == status and (status == 200 or answer.code == "value_out_of_range"), (record, value)
        for line, status in ((b"temperature value=20,x=1", 204), (b"temperature value=999", 400), (b"temperature value=999,x=1", 400),
                             (b'temperature value="20"', 400), (b"m temperature=999i", 400), (b"temperature x=999", 204)):
            assert send("/write", line).status == status, line
        for value, status in ((20, 200), (999, 400), (None, 400)):
            assert send("/collectd", json.dumps([{**collectd, "values": [1, value]}]).encode()).status == status, value


def test_times_have_a_window_without_tenants_too(starter):
    engine = starter.engine("null:", ack="queued", settings={"timestamp_past_max": "1h", "timestamp_future_max": "1m"})
    now = int(time.time())
    with engine.connect() as connection:
        answer = connection.post([{**sample(), "timestamp": now + offset} for offset in (0, -3700, 120)])
    assert codes(answer) == ["timestamp_too_old", "timestamp_too_new"]


@pytest.mark.parametrize("layout", ["fields", "json", "list", "packed"])
def test_each_tenant_has_its_stream(starter, tokens, tmp_path, layout):
    server = starter.redis()
    streams = ['stream = "telemetry.acme"', 'stream = "telemetry.other"']
    path = write_tenants(tmp_path / "t.toml", *(tenant_table(name, tokens[name].line, more=stream)
                                                for name, stream in zip(("acme", "other"), streams)))
    engine = starter.engine(server.url, settings={"tenants.file": path, "sink.redis.layout": layout})
    with engine.connect() as connection:
        for name in ("acme", "other", "acme"):
            assert connection.post({**sample(), "tenant": "forged"}, headers=[bearer(tokens[name])]).status == 200
    client = server.client()
    length = client.llen if layout == "list" else client.xlen
    assert (length("telemetry.acme"), length("telemetry.other")) == (2, 1)
    assert not client.exists("telemetry", "telemetry_queue")
    if layout == "fields":
        [entry] = stream_entries(client, "telemetry.other")
        assert entry[b"tenant"] == b"other" and entry[b"member.tenant"] == b"forged"


def test_a_shared_stream_names_the_tenant(starter, tokens, tmp_path):
    server = starter.redis()
    tables = [tenant_table(name, tokens[name].line) for name in ("acme", "other")]
    engine = starter.engine(server.url, settings={"tenants.file": write_tenants(tmp_path / "t.toml", *tables)})
    with engine.connect() as connection:
        for name in ("acme", "other"):
            assert connection.post(sample(), headers=[bearer(tokens[name])]).status == 200
    assert sorted(entry[b"tenant"] for entry in stream_entries(server.client())) == [b"acme", b"other"]


def test_a_shared_stream_needs_the_layout_fields(tokens, tmp_path):
    path = write_tenants(tmp_path / "t.toml", tenant_table("acme", tokens["acme"].line))
    for setting, what in (("sink.redis.layout=json", "needs a stream of its own"), ("sink.redis.layout=list", "needs a stream of its own")):
        done = subprocess.run([BINARY, "serve", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--set", f"tenants.file={path}", "--set", setting],
                              env=CLEAN_ENVIRONMENT, text=True, capture_output=True, timeout=30)
        assert done.returncode == 2 and what in done.stderr, done.stderr


def test_check_config_tells_what_is_of_no_use(tokens, tmp_path):
    (tmp_path / "sluice.toml").write_text("")
    expired = tokens["acme"].line.replace(" }", ", expires = 1900-01-01T00:00:00Z }")
    path = write_tenants(tmp_path / "t.toml", tenant_table("acme", expired, more='ack_max = "journaled"'),
                         tenant_table("other", tokens["other"].line, more='ack_max = "stored"'))
    for what in ((f"token {tokens['acme'].id} of tenant acme has expired", "ack_max of tenant acme is journaled, which is not offered"),
                 ("there is no tenant in it: nobody can send",)):
        done = subprocess.run([BINARY, "check-config", tmp_path / "sluice.toml", "--set", f"tenants.file={path}"], env=CLEAN_ENVIRONMENT, text=True,
                              capture_output=True, timeout=30)
        warnings = [line for line in done.stdout.splitlines() if ": warning: tenants.file: " in line]
        assert done.returncode == 0 and len(warnings) == len(what) and all(one in line for one, line in zip(what, warnings)), done.stdout
        write_tenants(tmp_path / "t.toml")


def test_no_stream_is_what_the_engine_writes_something_else_to(starter, tokens, tmp_path):
    """At start, by check-config, and at a reload, with a sentence that names both."""
    def write(acme: str, other: str) -> str:
        return write_tenants(tmp_path / "t.toml", *(tenant_table(name, tokens[name].line, more=f'stream = "{stream}"')
                                                    for name, stream in (("acme", acme), ("other", other))))
    (tmp_path / "sluice.toml").write_text("")
    path = write("a", "b")
    engine = starter.engine("null:", ack="queued", settings={"tenants.file": path})
    faults = (("a", "telemetry.dead", [], "the stream of tenant other, telemetry.dead, is where dead letters of the stream of all, telemetry, go"),
              ("a", "a.dead", [], "the stream of tenant other, a.dead, is where dead letters of the stream of tenant acme, a, go"),
              ("a", "a:{1}", ["sink.redis.partitions=2"], "the stream of tenant other, a:{1}, is a partition of the stream of tenant acme, a"),
              ("a", "b", ["sink.redis.stream=a.dead"], "the stream of all, a.dead, is where dead letters of the stream of tenant acme, a, go"))
    for acme, other, settings, what in faults:
        write(acme, other)
        options = [word for setting in (*settings, f"tenants.file={path}") for word in ("--set", setting)]
        for command in (["serve", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"], ["check-config", tmp_path / "sluice.toml"]):
            done = subprocess.run([BINARY, *command, *options], env=CLEAN_ENVIRONMENT, text=True, capture_output=True, timeout=30)
            assert done.returncode == 2 and f"t.toml: {what}" in done.stderr, done.stderr
        if settings:
            continue
        engine.signal(signal.SIGHUP)
        wait_until(lambda: what in engine.log(), "the reload fails")
        assert engine.status()["tenants_file"]["tenants"] == 2
    write("a:{1}", "a:b.deadx")
    engine.signal(signal.SIGHUP)
    wait_until(lambda: "tenants_reloaded" in engine.log(), "the reload")


def test_an_idempotency_key_belongs_to_its_tenant(starter, tokens, tmp_path):
    tables = [tenant_table(name, tokens[name].line) for name in ("acme", "other")]
    engine = starter.engine("null:", ack="queued", settings={"tenants.file": write_tenants(tmp_path / "t.toml", *tables)})
    replayed = []
    with engine.connect() as connection:
        for name in ("acme", "other", "acme"):
            answer = connection.post(sample(), headers=[bearer(tokens[name]), ("Idempotency-Key", "k")])
            assert answer.status == 200
            replayed.append(answer.header("Idempotent-Replayed"))
    assert replayed == [None, None, "true"]


# --- quotas ----------------------------------------------------------------------------------------------------------

def test_what_is_left_of_a_quota(starter, tokens, tmp_path):
    """quota.headers = always: every answer of an ingest path to a tenant with a quota; to nobody else."""
    quota = 'quota = { samples_per_s = 0.01, bytes_per_s = "1GiB", burst_s = 3600 }'
    path = write_tenants(tmp_path / "t.toml", tenant_table("acme", tokens["acme"].line, more=quota), tenant_table("other", tokens["other"].line))
    engine = starter.engine("null:", ack="queued", settings={"tenants.file": path, "quota.headers": "always"})
    policy = '"samples";q=1;w=1;qu="sluice-samples", "bytes";q=1073741824;w=1;qu="content-bytes"'
    with engine.connect() as connection:
        def left(*arguments, status=200, token="acme", **more) -> str:
            answer = connection.post(*arguments, headers=[bearer(tokens[token])], **more)
            assert answer.status == status
            assert answer.header("RateLimit-Policy") == (policy if answer.header("RateLimit") else None)
            return (answer.header("RateLimit") or "").partition(",")[0]

        assert left(sample()) == '"samples";r=35', "one of 36"
        assert left([sample(f"d{index}") for index in range(10)]) == '"samples";r=25'
        assert left("no json", status=400) == left(sample(), query="?ack=x", status=400) == '"samples";r=25'
        assert left(sample(), token="unknown", status=401) == left(sample(), token="other") == ""
        left([sample(f"d{index}") for index in range(30)])
        assert left(sample(), status=429).startswith('"samples";r=0;t=')


def test_a_quota_that_is_used_up(starter, tokens, tmp_path):
    quota = "quota = { samples_per_s = 10, burst_s = 1 }"
    path = write_tenants(tmp_path / "t.toml", tenant_table("acme", tokens["acme"].line, more=quota), tenant_table("other", tokens["other"].line))
    engine = starter.engine("null:", ack="queued", settings={"tenants.file": path})
    with engine.connect() as connection:
        many = [sample(f"d{index}") for index in range(600)]
        assert connection.post(many, headers=[bearer(tokens["acme"])]).status == 200  # larger than the burst: once
        answer = connection.post(sample(), headers=[bearer(tokens["acme"])])
        assert (answer.status, answer.code, answer.json()["policy"]) == (429, "quota_exceeded", "samples")
        wait_s = int(answer.header("Retry-After"))
        assert 50 <= wait_s <= 60
        assert answer.header("RateLimit-Policy") == '"samples";q=10;w=1;qu="sluice-samples"'
        assert answer.header("RateLimit") == f'"samples";r=0;t={wait_s}'
        statuses = {target: connection.request("POST", target, b"", [bearer(tokens["acme"])]).status
                    for target in ("/write", "/api/v2/write", "/v1/metrics", "/api/v1/write")}
        assert statuses == {"/write": 503, "/api/v2/write": 429, "/v1/metrics": 429, "/api/v1/write": 503}
        assert connection.post(sample(), headers=[bearer(tokens["other"])]).status == 200
    metrics = engine.metrics()
    assert 'sluice_tenant_over_quota_total{tenant="acme"} 5' in metrics
    assert 'sluice_tenant_samples_accepted_total{tenant="acme"} 600' in metrics
    assert {tenant["name"]: tenant["requests"] for tenant in engine.status()["tenants"]} == {"acme": 1, "other": 1}


def test_remote_write_over_its_quota_may_be_429(starter, tokens, tmp_path):
    path = write_tenants(tmp_path / "t.toml", tenant_table("acme", tokens["acme"].line, more="quota = { requests_per_s = 0.1 }"))
    engine = starter.engine("null:", ack="queued", settings={"tenants.file": path, "quota.remote_write_status": "429"})
    assert post(engine, bearer(tokens["acme"])).status == 200
    statuses = {target: ask(engine, target, b"", [bearer(tokens["acme"])]).status for target in ("/write", "/api/v1/write")}
    assert statuses == {"/write": 503, "/api/v1/write": 429}


def test_connections_have_a_quota(starter, tokens, tmp_path):
    path = write_tenants(tmp_path / "t.toml", tenant_table("acme", tokens["acme"].line, more="quota = { connections = 2 }"))
    engine = starter.engine("null:", ack="queued", settings={"tenants.file": path})
    header = [bearer(tokens["acme"])]
    with engine.connect() as first, engine.connect() as second, engine.connect() as third:
        assert first.post(sample(), headers=header).status == second.post(sample(), headers=header).status == 200
        answer = third.post(sample(), headers=header)
        assert (answer.status, answer.json()["policy"], answer.closes) == (429, "connections", True)
        assert first.post(sample(), headers=header).status == 200

    def is_free_again():
        with engine.connect() as connection:
            return connection.post(sample(), headers=header).status == 200

    wait_until(is_free_again, "the connections that ended are not counted any more")


# --- reload ----------------------------------------------------------------------------------------------------------

def test_the_file_is_read_again(starter, tokens, tmp_path):
    path = tmp_path / "t.toml"
    write_tenants(path, tenant_table("acme", tokens["acme"].line))
    engine = starter.engine(starter.redis().url, settings={"tenants.file": path})

    def reload(*tables: str, event: str = "tenants_reloaded"):
        before = engine.log().count(event)
        write_tenants(path, *tables)
        engine.signal(1)
        wait_until(lambda: engine.log().count(event) > before, event)

    with engine.connect() as connection:
        def status(name):
            return connection.post(sample(), headers=[bearer(tokens[name])]).status

        assert (status("acme"), status("other")) == (200, 401)
        reload(tenant_table("other", tokens["other"].line, more='stream = "telemetry.new"'))
        wait_until(lambda: status("other") == 200, "the new tenant gets in")
        assert status("acme") == 401
        reload("[[tenant]\n", event="tenants_reload_failed")
        assert (status("acme"), status("other")) == (401, 200)
    assert engine.admin("GET", "/ready").status == 200
    file = engine.status()["tenants_file"]
    assert (file["generation"], file["reloads"], file["failures"], file["is_last_good"]) == (2, 1, 1, False)
    assert f"{path}:1: is not TOML" in engine.log()
