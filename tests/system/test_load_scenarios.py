"""The five TelemetryHub scenarios against Sluice, and what scenario files may say."""
# runs: release

import json
import re
import subprocess

import pytest

from harness.load import BAD_USAGE, FAILED, INVALID, LOAD_BINARY, OK, PROJECT, SETUP_FAILED, Connection, LoadTarget, run_load

SCENARIOS = PROJECT / "tools/load/scenarios"
ATTEMPTS = 3  # of so short a run that another program on this machine may spoil its percentiles


def url_of(engine) -> str:
    return "http://{}:{}".format(*engine.address)


# Length at full speed, and about how many user seconds of load it has.
@pytest.mark.parametrize("name, time_scale, least_responses", [
    ("simple", 15, 20), ("high_concurrency", 45, 150), ("grafana", 60, 30), ("telemetry_ingestion", 120, 500), ("health_check", 15, 20),
])
def test_each_scenario_passes_against_sluice(stack, name, time_scale, least_responses):
    # telemetry_ingestion rises to 5,000 users in half a second then; its latencies are for a run at full length.
    options = ("--threshold", "errors<=0%") if name == "telemetry_ingestion" else ()
    for _ in range(ATTEMPTS):
        stack.redis.flushall()
        run = run_load(url_of(stack.engine), "--scenario", SCENARIOS / f"{name}.toml", "--time-scale", time_scale, *options)
        assert run.result["target"] == name
        assert run.totals["succeeded"] >= least_responses and not run.faults, run.messages
        if name != "health_check":
            assert stack.redis.xlen("telemetry") == run.totals["succeeded"]
        if run.exit_code == OK:
            return
    raise AssertionError(run.messages)


@pytest.mark.parametrize("name", ["simple", "high_concurrency", "grafana", "telemetry_ingestion"])
def test_payloads_are_those_of_telemetryhub(name):
    bodies = []

    async def serve(connection: Connection):
        while True:
            bodies.append(json.loads((await connection.request()).body))
            connection.answer(b'{"ok":true}')

    with LoadTarget(serve) as target:
        run = run_load(target.url.rsplit("/", 1)[0], "--scenario", SCENARIOS / f"{name}.toml", "--users", 1, "--requests", 300)
    assert run.totals["succeeded"] == len(bodies) == 300, run.messages
    always = {"device_id", "type", "value", "unit", "priority"}
    assert all(always <= set(body) <= always | {"timestamp", "metadata"} for body in bodies)
    for member in ("timestamp", "metadata"):
        assert 10 < sum(member not in body for body in bodies) < 200, member
    units = {(body["type"], body["unit"]) for body in bodies}
    if name == "simple":
        assert units == {("temperature", "celsius")}
    else:
        assert units == {("temperature", "celsius"), ("humidity", "percent"), ("pressure", "hPa"), ("co2", "ppm"), ("motion", "boolean")}
        assert {body["value"] for body in bodies if body["type"] == "motion"} == {0, 1}


def write_scenario(path, text: str):
    path.write_text(text)
    return path


def test_endpoints_are_drawn_by_weight_and_the_command_line_beats_the_file(tmp_path):
    counts = {"/a": 0, "/b": 0}
    headers = []

    async def serve(connection: Connection):
        while True:
            request = await connection.request()
            counts[request.target] += 1
            headers.append(request.head)
            connection.answer(b'{"n":1}')

    scenario = write_scenario(tmp_path / "two.toml", """
        name = "two"
        thresholds = ["p99<1ns"]
        [load]
        user-stages = "1s@5"
        [[endpoint]]
        path = "/a"
        weight = 3
        check = "n=1"
        [[endpoint]]
        path = "/b"
        method = "PUT"
        body = '{"x":{float:0:1}}'
        headers = { X-Key = "k" }
        """)
    with LoadTarget(serve) as target:
        run = run_load(target.url.rsplit("/", 1)[0], "--scenario", scenario, "--users", 2, "--requests", 400, "--threshold", "errors<1%")
    assert run.exit_code == OK, run.messages
    assert run.totals["succeeded"] == 400 == sum(counts.values())
    assert 260 < counts["/a"] < 340  # 300 ± 4.6 standard deviations
    puts = [head for head in headers if head.startswith(b"PUT /b ")]
    assert len(puts) == counts["/b"] and all(b"\r\nX-Key: k\r\n" in head for head in puts)


@pytest.mark.parametrize("options, failed", [((), 0), (("--check", "n=2"), 20), (("--status", "500"), 20), (("--status", "200"), 0)])
def test_what_must_be_answered_is_for_the_command_line_to_say(tmp_path, options, failed):
    async def serve(connection: Connection):
        while True:
            await connection.request()
            connection.answer(b'{"n":1}')

    scenario = write_scenario(tmp_path / "one.toml", "[[endpoint]]\npath = '/a'\ncheck = 'n=1'\nstatus = '200'\n")
    with LoadTarget(serve) as target:
        run = run_load(target.url.rsplit("/", 1)[0] + "/", "--scenario", scenario, "--users", 1, "--requests", 20, *options)
    assert run.exit_code == (FAILED if failed else OK) and run.totals["failed"] == failed, run.messages


@pytest.mark.parametrize("url, option, word", [
    ("http://127.0.0.1:1/telemetry", (), "out of the URL"),
    ("http://127.0.0.1:1/?key=HUSH", (), "out of the URL"),
    ("http://127.0.0.1:1", ("--body", "x"), "--body"),
    ("http://127.0.0.1:1", ("--method", "PUT"), "--method"),
    ("http://127.0.0.1:1", ("--status", "x"), "--status"),
])
def test_what_a_scenario_leaves_no_room_for_is_refused(url, option, word):
    done = subprocess.run([str(LOAD_BINARY), url, "--scenario", str(SCENARIOS / "simple.toml"), *option], capture_output=True, text=True, timeout=120)
    assert done.returncode == BAD_USAGE and word in done.stderr and "HUSH" not in done.stderr, done.stderr


def test_the_readme_shows_a_scenario_as_it_is_run():
    commands = re.findall(r"^ +build/release/sluice-load (.*--scenario.*)$", (PROJECT / "README.md").read_text(), re.M)
    assert commands
    for command in commands:  # nobody listens at this port: what is tried is the command line
        words = [*command.replace(":8080", ":1").split(), "--time-scale", "1000"]
        done = subprocess.run([str(LOAD_BINARY), *words], capture_output=True, text=True, timeout=120, cwd=PROJECT)
        assert done.returncode in (INVALID, SETUP_FAILED), done.stderr


@pytest.mark.parametrize("text, word", [
    ("name = 5.5\n[[endpoint]]\npath = '/'", "name must be text, in quotes (line 1)"),
    ("name = 5\n[[endpoint]]\npath = '/'", "name must be text, in quotes (line 1)"),
    ("description = 5\n[[endpoint]]\npath = '/'", "description must be text"),
    ("thresholds = ['p99<1s', 5]\n[[endpoint]]\npath = '/'", "thresholds: each must be text"),
    ("thresholds = [\n'p99<1s',\n'p99']\n[[endpoint]]\npath = '/'", 'thresholds: "p99" is no threshold'),
    ("[[endpoint]]\nname = 5", "name must be text, in quotes (line 2)"),
    ("[[endpoint]]\nbody = 5", "body must be text"),
    ("[[endpoint]]\nmethod = 'get'", 'method: "get" is no method; write it in capitals (line 2)'),
    ("[[endpoint]]\nheaders = 5", "headers must be a table"),
    ("[[endpoint]]\nheaders = { A = 1 }", 'the header "A" must be text, in quotes (line 2)'),
    ("[[endpoint]]\nheaders = { Host = 'x' }", 'the header "Host" is written by sluice-load itself'),
    ("[[endpoint]]\nheaders = { A = '{foo}' }", 'the header "A": "{foo}" is not known'),
    ("[[endpoint]]\npath = '/{foo}'", 'path: "{foo}" is not known'),
    ("[[endpoint]]\nstatus = '2xx'", 'status: "2xx"'),
    ("[[endpoint]]\n\ncheck = 'ok=tru'", 'check: "tru" is no JSON'),
    ("[[endpoint]]\ncheck = 'ok'", 'check: "ok" has no member'),
    ("[[endpoint]]\nweight = 'a'", "weight must be a number above 0 (line 2)"),
    ("[load]\nrate = 1.5\n[[endpoint]]", "[load] rate must be a whole number, or text in quotes (line 2)"),
    ("[load]\nrate = ''\n[[endpoint]]", "[load] rate must not be empty (line 2)"),
    ("[load]\n\nrate = '5 apples'\n[[endpoint]]", 'wrong.toml: [load] rate: "5 apples"'),
    ("[load]\nzipf = 20\n[[endpoint]]", '[load] zipf: "20" is not within 0 and 10 (line 2)'),
    ("[load]\ntimeout = '2h'\n[[endpoint]]", '[load] timeout: "2h" is longer than 1h, and no latency beyond is measured (line 2)'),
    ("name =\n", 'is not TOML: key-value pair: expected value, found the end of the line (line 1)'),
    ("[load]\nusers = 3", "[[endpoint]]"),
    ("[load]\nuserz = 3\n[[endpoint]]\npath = '/'", "userz"),
    ("[[endpoint]]\npath = 'a b'", "path"),
    ("[[endpoint]]\npath = '/'\nbody = '{oops}'", "oops"),
    ("[[endpoint]]\nweight = -1", "weight"),
    ("[[endpoint]]\npath = '/'\nheaders = { 'a b' = 'c' }", "a b"),
    ("[[endpoint]\n", 'wrong.toml: is not TOML: table header: expected "]", found the end of the line (line 1)'),
    ("[load]\nusers = 3\nrate = 5\n[[endpoint]]\npath = '/'", "--users"),
])
def test_a_wrong_scenario_is_explained(tmp_path, text, word):
    scenario = write_scenario(tmp_path / "wrong.toml", text)
    done = subprocess.run([str(LOAD_BINARY), "http://127.0.0.1:1", "--scenario", str(scenario)], capture_output=True, text=True, timeout=120)
    assert done.returncode == BAD_USAGE and word in done.stderr, done.stderr
    assert re.match(r"sluice-load: (\S*wrong\.toml: .*|--\S*, .*); see sluice-load --help\n$", done.stderr), done.stderr
    assert "users" in done.stderr or "--status" not in done.stderr and "--check" not in done.stderr, "nobody gave an option"


@pytest.mark.parametrize("make, told", [
    (lambda path: None, "cannot be read: No such file or directory"),
    (lambda path: path.mkdir(), "cannot be read: Is a directory"),
    (lambda path: path.write_bytes(b"#" * (2 << 20)), "is larger than 1MiB"),
])
def test_a_scenario_that_cannot_be_read_is_told(tmp_path, make, told):
    make(tmp_path / "s.toml")
    done = subprocess.run([str(LOAD_BINARY), "http://127.0.0.1:1", "--scenario", str(tmp_path / "s.toml")], capture_output=True, text=True, timeout=120)
    assert done.returncode == BAD_USAGE and f"s.toml: {told}; see" in done.stderr, done.stderr


def test_a_status_may_be_a_number_and_an_option_of_the_command_line_is_called_so(tmp_path):
    scenario = write_scenario(tmp_path / "s.toml", "[load]\nrate = '5 apples'\n[[endpoint]]\nstatus = 200")
    done = subprocess.run([str(LOAD_BINARY), "http://127.0.0.1:1", "--scenario", str(scenario), "--rate", "pears"], capture_output=True, text=True, timeout=120)
    assert done.stderr.startswith('sluice-load: --rate: "pears"'), done.stderr


def keys_of_the_reader() -> tuple[set, set, set]:
    """What tools/load/command/scenario_file.cpp takes: at the top, in [load], in [[endpoint]]."""
    source = (PROJECT / "tools/load/command/scenario_file.cpp").read_text()
    load = set(re.findall(r'LoadKey\{"([a-z-]+)"', source))
    compared = set(re.findall(r'key\.str\(\) == "([a-z]+)"', source))
    top = {"name", "description", "thresholds", "load", "endpoint"}
    return top, load, compared - top | {"name"}


def test_every_key_is_described_and_in_the_annotated_example():
    top, load, endpoint = keys_of_the_reader()
    assert len(load) > 10 and {"path", "weight", "headers", "check"} <= endpoint
    page = (PROJECT / "docs/load-scenarios.md").read_text()
    described = set(re.findall(r"^\| `([a-z][a-z-]*)` \|", page, re.M))
    assert described == (top - {"load", "endpoint"}) | load | endpoint
    example = (SCENARIOS / "annotated.toml").read_text()
    assert {key for key in (top | load | endpoint) - {"load", "endpoint"} if not re.search(rf"^#?{key} = ", example, re.M)} == set()
    help_text = subprocess.run([str(LOAD_BINARY), "--help"], capture_output=True, text=True, check=True).stdout
    section = help_text[help_text.index("Scenario files"):help_text.index("A threshold on latency")]
    assert {key for key in top | load | endpoint if not re.search(rf"(?<![\w-]){key}(?![\w-])", section)} == set()


def test_the_annotated_example_runs(stack):
    # Its bounds on time are for a quiet machine.
    run = run_load(url_of(stack.engine), "--scenario", SCENARIOS / "annotated.toml", "--threshold", "p95<60s", "--threshold", "errors<1%")
    assert run.exit_code == OK and run.result["target"] == "annotated", run.messages
    assert [one["name"] for one in run.result["endpoints"]] == ["post samples", "post lines", "look"]
    assert all(one["succeeded"] == one["sent"] > 0 for one in run.result["endpoints"])
