"""sluice-load against servers that misbehave: each failure under its own name, each request counted once."""
# runs: release long: asan

import asyncio
import os
import re
import socket
import struct
import subprocess

import pytest

from harness.load import BAD_USAGE, FAILED, INVALID, LOAD_BINARY, OK, PATIENT, PATIENT_WITH_GENERATOR, SETUP_FAILED, THRESHOLD_MISSED, Connection, LoadTarget, run_load
from harness import reserve_port

REQUESTS = 6


async def well_behaved(connection: Connection):
    while True:
        await connection.request()
        connection.answer()


async def with_interim_responses(connection: Connection):
    while True:
        await connection.request()
        connection.writer.write(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")
        connection.answer()


async def chunked(connection: Connection):
    while True:
        await connection.request()
        connection.writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n")
        await asyncio.sleep(0.005)
        connection.writer.write(b"1\r\n!\r\n0\r\nTrailer: x\r\n\r\n")


async def in_single_bytes(connection: Connection):
    while True:
        await connection.request()
        for byte in b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}":
            connection.writer.write(bytes([byte]))
            await asyncio.sleep(0)


async def without_body(connection: Connection):
    while True:
        await connection.request()
        connection.writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")


async def closing_each_time(connection: Connection):
    await connection.request()
    connection.answer(headers=b"Connection: close\r\n")


async def until_the_end_of_the_stream(connection: Connection):
    await connection.request()
    connection.writer.write(b"HTTP/1.0 200 OK\r\n\r\nhello")


@pytest.mark.parametrize("serve, statuses, connects", [
    pytest.param(well_behaved, {"200": REQUESTS}, 2, id="keep-alive"),
    pytest.param(with_interim_responses, {"100": REQUESTS, "103": REQUESTS, "200": REQUESTS}, 2, id="interim"),
    pytest.param(chunked, {"200": REQUESTS}, 2, id="chunked"),
    pytest.param(in_single_bytes, {"200": REQUESTS}, 2, id="single bytes"),
    pytest.param(without_body, {"204": REQUESTS}, 2, id="204"),
    pytest.param(closing_each_time, {"200": REQUESTS}, REQUESTS, id="no keep-alive"),
    pytest.param(until_the_end_of_the_stream, {"200": REQUESTS}, REQUESTS, id="HTTP/1.0"),
])
def test_legal_answers_succeed(serve, statuses, connects):
    with LoadTarget(serve) as target:
        run = run_load(target.url, "--users", 2, "--requests", REQUESTS, "--sample")
    assert run.exit_code == OK, run.messages
    run.assert_conserved()
    assert run.totals["succeeded"] == REQUESTS and not run.faults
    assert run.statuses == statuses
    assert connects <= run.totals["connects"] <= connects + 2  # a connection may be opened that is not used any more


def reset(connection: Connection):
    connection.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.writer.transport.abort()


async def not_http(connection: Connection):
    await connection.request()
    connection.writer.write(b"220 mail.example ESMTP ready\r\n")
    await asyncio.sleep(5)


async def two_lengths(connection: Connection):
    await connection.request()
    connection.writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}")
    await asyncio.sleep(5)


async def cut_short(connection: Connection):
    await connection.request()
    connection.writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello")


async def closing_unanswered(connection: Connection):
    await connection.request()


async def resetting(connection: Connection):
    await connection.request()
    connection.writer.write(b"HTTP/1.1 200 OK\r\nContent-Le")
    await connection.writer.drain()
    reset(connection)


async def silent(connection: Connection):
    await connection.request()
    await asyncio.sleep(30)


async def endless_head(connection: Connection):
    await connection.request()
    connection.writer.write(b"HTTP/1.1 200 OK\r\n" + b"".join(b"X-%d: %s\r\n" % (i, b"x" * 1000) for i in range(100)) + b"\r\n")
    await asyncio.sleep(5)


@pytest.mark.parametrize("serve, fault", [
    pytest.param(not_http, "malformed", id="not HTTP"),
    pytest.param(two_lengths, "malformed", id="two lengths"),
    pytest.param(cut_short, "closed_early", id="cut short"),
    pytest.param(closing_unanswered, "closed_early", id="closes unanswered"),
    pytest.param(resetting, "reset", id="reset"),
    pytest.param(silent, "timeout", id="silent"),
    pytest.param(endless_head, "too_large", id="endless head"),
])
def test_broken_answers_are_named(serve, fault):
    with LoadTarget(serve) as target:
        run = run_load(target.url, "--users", 3, "--requests", REQUESTS, "--sample", "--timeout", "2s")
    assert run.exit_code == FAILED and run.result["verdict"] == "failed", run.messages
    assert f"  FAILED: {REQUESTS} of {REQUESTS} requests failed ({fault}: {REQUESTS})" in run.messages
    run.assert_conserved()
    assert run.faults == {fault: REQUESTS}


def test_nobody_listens():
    run = run_load(f"http://127.0.0.1:{reserve_port()}/", "--requests", 1)
    assert run.exit_code == SETUP_FAILED
    assert "Connection refused" in run.messages


@pytest.mark.parametrize("words", [("--threshold", "errors<50%", None), ("--threshold", "errors<50%", None, "max<1h"),
                                   ("--threshold", None, "errors<50%")])
def test_a_url_may_stand_behind_the_thresholds(words):
    with LoadTarget(well_behaved) as target:
        given = [target.url if word is None else word for word in words]
        done = subprocess.run([str(LOAD_BINARY), "--requests", "3", *PATIENT, *given], capture_output=True, text=True, timeout=120)
    assert done.returncode == OK, done.stderr
    assert "holds  errors<50%" in done.stdout


def test_the_plan_tells_of_what_zipf_is():
    for options, words in (((), ", devices by zipf 1.1\n"), (("--threads", 2), ", devices by zipf 1.1 within each thread's share\n")):
        with LoadTarget(well_behaved) as target:
            run = run_load(target.url, "--sample", "--requests", 4, "--zipf", "1.1", *options)
        assert words in run.messages


def test_a_name_that_does_not_exist():
    run = run_load("http://name.invalid/", "--requests", 1)
    assert run.exit_code == SETUP_FAILED and "name.invalid" in run.messages


@pytest.mark.parametrize("answer, options, fault", [
    (dict(status="503 Service Unavailable"), (), "bad_status"),
    (dict(status="204 No Content", body=b""), ("--status", "200"), "bad_status"),
    (dict(body=b'{"ok":false}'), ("--check", "ok=true"), "bad_body"),
    (dict(body=b'{"ok":"true"}'), ("--check", "ok=true"), "bad_body"),
    (dict(body=b"hello"), ("--check", "ok=true"), "bad_body"),
    (dict(body=b'{"ok":true}'), ("--check", "ok=true"), None),
])
def test_an_answer_is_judged(answer, options, fault):
    async def serve(connection: Connection):
        while True:
            await connection.request()
            connection.answer(**answer)

    with LoadTarget(serve) as target:
        run = run_load(target.url, "--users", 2, "--requests", REQUESTS, "--threshold", "errors<50%", *options)
    run.assert_conserved()
    assert run.faults == ({fault: REQUESTS} if fault else {})
    assert run.exit_code == (THRESHOLD_MISSED if fault else OK)
    assert run.totals["responses"] == REQUESTS


def test_a_server_that_goes_away_and_comes_back_is_found_again():
    async def serve(connection: Connection):
        for _ in range(20):
            await connection.request()
            connection.answer()
        if connection.number < 4:
            reset(connection)

    with LoadTarget(serve) as target:
        run = run_load(target.url, "--rate", "200/s", "--duration", "2s", "--warmup", "0", "--connections", 4)
    run.assert_conserved()
    assert run.totals["planned"] == 400
    assert run.totals["succeeded"] > 300 and run.totals["connects"] > 4


def test_bytes_that_answer_no_request_are_counted():
    async def serve(connection: Connection):
        while True:
            await connection.request()
            connection.answer(b"{}")
            connection.writer.write(b"more")

    with LoadTarget(serve) as target:
        run = run_load(target.url, "--rate", "50/s", "--duration", "1s", "--warmup", "0", "--connections", 5)
    run.assert_conserved()
    assert run.totals["succeeded"] == 50 and 45 <= run.totals["unsolicited"] <= 50
    assert "unsolicited" in run.messages


def test_a_server_that_answers_before_it_is_asked_is_not_stormed():
    async def serve(connection: Connection):
        while True:
            connection.answer()
            await connection.request()

    with LoadTarget(serve) as target:
        run = run_load(target.url, "--rate", "2/s", "--duration", "2s", "--warmup", "0", "--connections", 1, "--min-open", "0")
    assert run.totals["connects"] < 40, run.totals  # waits of 0.1 s, 0.2 s, …


def test_requests_of_the_warm_up_do_not_count():
    async def serve(connection: Connection):
        while True:
            await connection.request()
            await asyncio.sleep(0.3)
            connection.answer()

    with LoadTarget(serve) as target:
        run = run_load(target.url, "--rate", "200/s", "--warmup", "500ms", "--duration", "500ms", "--connections", 100)
    run.assert_conserved()
    assert run.totals["planned"] == run.totals["responses"] == 100
    for latency in ("corrected", "uncorrected", "lag"):
        assert run.result["latency"][latency]["count"] == 100
    # In the measured half second as many answers come as requests fall due.
    assert 120 < run.result["achieved_rate"] < 300


def test_a_rate_that_is_reached_only_after_the_end_is_not_valid():
    async def serve(connection: Connection):
        while True:
            await connection.request()
            await asyncio.sleep(0.01)
            connection.answer()

    with LoadTarget(serve) as target:
        run = run_load(target.url, "--rate", "300/s", "--duration", "1s", "--warmup", "0", "--connections", 2,
                       bounds=PATIENT_WITH_GENERATOR)
    assert run.totals["sent"] > 100  # the last ones in the grace
    assert run.exit_code == INVALID and "in time" in run.messages


@pytest.mark.parametrize("options", [(), ("--users", 1)])
def test_one_request_saturates_nothing(options):
    with LoadTarget(well_behaved) as target:
        run = run_load(target.url, "--requests", 1, "--max-lag", "10s", *options, bounds=())
    assert run.exit_code == OK, run.messages


def test_what_the_machine_has_not_is_told():
    with LoadTarget(well_behaved) as target:
        run = run_load(target.url, "--requests", 1, "--cores", 1000)
        assert run.exit_code == SETUP_FAILED and "core 1000" in run.messages
        if os.environ.get("SLUICE_SANITIZED") == "1":
            return  # a sanitizer's allocator aborts
        run = run_load(target.url, "--sample", "--batch", "100k", "--connections", 60_000)
        assert run.exit_code == SETUP_FAILED and "memory" in run.messages


def test_head_has_no_body():
    async def serve(connection: Connection):
        while True:
            await connection.request()
            connection.writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n")

    with LoadTarget(serve) as target:
        run = run_load(target.url, "--users", 2, "--requests", REQUESTS, "--method", "HEAD")
    assert run.totals["succeeded"] == REQUESTS


def test_pipelined_answers_in_one_piece():
    async def serve(connection: Connection):
        while True:
            for _ in range(4):
                await connection.request()
            connection.writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}" * 4)

    with LoadTarget(serve) as target:
        run = run_load(target.url, "--users", 2, "--requests", 400, "--pipeline", 4, "--sample")
    assert run.totals["succeeded"] == 400 and not run.faults


def test_a_large_body_is_sent_whole(tmp_path):
    body = bytes(range(32, 123)) * 20_000
    (tmp_path / "body").write_bytes(body)
    seen = []

    async def serve(connection: Connection):
        while True:
            seen.append((await connection.request()).body)
            connection.answer()

    with LoadTarget(serve) as target:
        run = run_load(target.url, "--users", 1, "--requests", 3, "--body-file", tmp_path / "body")
    assert run.totals["succeeded"] == 3
    assert seen == [body] * 3


@pytest.mark.parametrize("options, word", [
    ((), "no URL"),
    (("ftp://a/",), "http[s]://"),
    (("http://127.0.0.1/", "--ca", "x"), "--ca is for a URL that begins with https://"),
    (("http://127.0.0.1/", "--tls-resume"), "--tls-resume is for a URL that begins with https://"),
    (("compare", "http://127.0.0.1/a", "http://127.0.0.1/b", "--insecure"), "--insecure is for a URL that begins with https://"),
    (("https://127.0.0.1/", "--tls-version", "1.1"), '"1.1" is neither 1.2 nor 1.3'),
    (("https://127.0.0.1/", "--cert", "x"), "--cert and --key belong together"),
    (("https://127.0.0.1/", "--ca", "x", "--insecure"), "--insecure takes any certificate"),
    (("https://127.0.0.1/", "--server-name", "a b"), '--server-name: "a b" is no name of a server'),
    (("http://127.0.0.1/", "--header-file", "/nowhere/x"), '--header-file: "/nowhere/x" cannot be read'),
    (("http://127.0.0.1/", "--header-file", "/"), '--header-file: "/" cannot be read'),
    (("http://127.0.0.1/", "--header-file", "/dev/zero"), '--header-file: "/dev/zero" is larger than 1MiB'),
    (("http://127.0.0.1/", "--header-file", "/dev/null"), '--header-file: "/dev/null" is empty'),
    (("http://127.0.0.1/", "--body-file", "/dev/zero"), '--body-file: "/dev/zero" is larger than 64MiB'),
    (("http://127.0.0.1/", "--body-file", "/"), '--body-file: "/" cannot be read'),
    (("http://127.0.0.1/", "--body-file", "/dev/null"), '--body-file: "/dev/null" is empty'),
    (("http://127.0.0.1/", "--rate", "5 apples"), "--rate"),
    (("http://127.0.0.1/", "--users", "3", "--rate", "5"), "--users"),
    (("http://127.0.0.1/", "--threshold", "p95<fast"), "--threshold"),
    (("http://127.0.0.1/", "--threshold", "p95<"), '"p95<" is no threshold'),
    (("http://127.0.0.1/", "--threshold", "errors<%"), '"errors<%" is no threshold'),
    (("http://127.0.0.1/", "--threshold", "errors<101%"), '"errors<101%" has no share from 0% to 100%'),
    (("http://127.0.0.1/", "--rate", "0"), '"0" is not a rate above 0/s'),
    (("http://127.0.0.1/", "--status", "2xx"), '"2xx" is no status from 200 to 599'),
    (("http://127.0.0.1/", "--status", "100"), '"100" is no status from 200 to 599'),
    (("http://127.0.0.1/", "--stages", "30s@"), '"30s@" is no stage'),
    (("http://127.0.0.1/", "--user-stages", "@5"), '"@5" is no stage'),
    (("http://127.0.0.1/", "--users", "5", "--think", "1s-"), '"1s-" lacks a bound'),
    (("http://127.0.0.1/", "--min-sent", "%"), '"%" is no share'),
    (("http://127.0.0.1/", "--zipf", "11"), '"11" is not within 0 and 10'),
    (("http://127.0.0.1/", "--time-scale", "0"), '"0" is not above 0'),
    (("http://127.0.0.1/", "--timeout", "0"), '"0" is no time to wait'),
    (("http://127.0.0.1/", "--spin", "2ms"), '"2ms" is longer than 1ms'),
    (("http://127.0.0.1/", "--check", "ok"), '"ok" has no member'),
    (("http://127.0.0.1/", "--ndjson"), "--ndjson without a body"),
    (("http://127.0.0.1/", "--batch", "5", "--gzip"), "--batch and --gzip without a body"),
    (("http://127.0.0.1/", "--sample", "--gzip", "--encoding", "zstd"), "--gzip is --encoding gzip"),
    (("http://127.0.0.1/", "--sample", "--encoding", "br"), "\"br\" is none of gzip, zstd, deflate, snappy"),
    (("http://127.0.0.1/", "--body", "{choice:}"), '"{choice:}" has nothing to choose from'),
    (("compare", "http://127.0.0.1/a", "http://127.0.0.1/b", "--rounds", "1"), '--rounds: "1" is not within 2 and 1000'),
    (("compare", "http://127.0.0.1/a", "http://127.0.0.1/b", "--rounds", "x"), '--rounds: "x" does not begin with a number'),
    (("verify", "--ledger", "x", "--redis", "foo"), '--redis is "foo", whose scheme is unknown; write redis[s]://'),
    (("verify", "--ledger", "x", "--redis", "null:"), '--redis is "null:", which is no Redis; write redis[s]://'),
    (("http://127.0.0.1/", "--body", "{nonsense}"), "nonsense"),
    (("http://127.0.0.1/", "--duration", "3"), "--duration"),
    (("http://127.0.0.1/", "--no-such-option"), "not known"),
    (("http://127.0.0.1/", "--duration", "1ns"), "millisecond"),
    (("--threshold", "p95<200ms"), "no URL"),
    (("http://127.0.0.1/", "--header", "a b: c"), "--header"),
    (("http://127.0.0.1/", "--header", "a: b\x01c"), "--header"),
    (("http://127.0.0.1/", "--check", "ok=tru"), "JSON"),
    (("http://127.0.0.1/", "--sweep", ""), "--sweep"),
    (("http://127.0.0.1/", "--timeout", "2h"), "1h"),
    (("http://127.0.0.1/", "--json", "-", "--csv", "-"), "--json and --csv"),
    (("http://127.0.0.1/", "--json", "/dev/stdout", "--csv", "-"), "--json and --csv would both be standard output"),
    (("http://127.0.0.1/", "--csv", "/dev/fd/1", "--html", "/proc/self/fd/1"), "--csv and --html would both be standard output"),
    (("compare", "http://127.0.0.1/a", "http://127.0.0.1/b", "--markdown", "-", "--json", "/dev/stdout"), "--json and --markdown would both be"),
    (("http://127.0.0.1/", "--json", "x", "--csv", "./x"), "--json and --csv name the same file"),
    (("http://127.0.0.1/", "--hgrm", "x.h", "--hlog", "x.lag.h"), "--hgrm (lag) and --hlog"),
    (("http://127.0.0.1/", "--sample", "--ledger", "x", "--json", "x"), "--ledger and --json"),
    (("verify", "--ledger", "x", "--json", "x"), "--ledger and --json"),
    (("compare", "http://127.0.0.1/a", "http://127.0.0.1/b", "--json", "x", "--html", "x"), "--json and --html"),
    (("http://127.0.0.1/", "--body", '{"a":{foo}}'), '"{foo}" is not known'),
    (("http://127.0.0.1/{id}",), 'the path: "{id}" is not known'),
    (("http://127.0.0.1/", "--header", "X-Id: {id}"), 'the header X-Id: "{id}" is not known'),
    (("http://127.0.0.1/{device}", "--device-prefix", "a b"), "the path: --device-prefix"),
    (("http://127.0.0.1/", "--header", "Host: x"), "--header: Host is written by sluice-load itself"),
    (("compare", "http://127.0.0.1/a", "http://127.0.0.1/b", "--markdown", "-", "--html", "-"), "--markdown and --html"),
    (("http://127.0.0.1/", "--influx-org", "o"), "needs --influx"),
    (("http://127.0.0.1/", "--influx-token", "HUSH"), "needs --influx"),
    (("http://127.0.0.1/", "--influx", "http://h", "--influx-org", "o"), "--influx-bucket"),
    (("http://127.0.0.1/", "--influx", "http://h", "--influx-bucket", "b", "--influx-token", "t"), "--influx-org"),
    (("http://127.0.0.1/", "--influx", "http://h", "--influx-bucket", "b", "--influx-org", "o"), "INFLUX_TOKEN"),
    (("http://127.0.0.1/", "--influx", "http://h", "--influx-bucket", "b", "--influx-database", "d"), "choose one"),
    (("http://127.0.0.1/", "--influx", "foo://h"), "http://host"),
    (("http://127.0.0.1/", "--influx", "127.0.0.1:8086"), "http://host"),
    (("http://127.0.0.1/", "--influx", "http:///x"), "http://host"),
    (("http://127.0.0.1/", "--influx", "http://h/write?db=mine"), "--influx-database"),
    (("http://127.0.0.1/", "--influx", "http://h/write"), "/write"),
    (("compare", "http://127.0.0.1/a", "http://127.0.0.1/b", "--threshold", "p99<1s"), "--threshold"),
])
def test_a_wrong_command_line_is_explained(options, word):
    environment = {name: value for name, value in os.environ.items() if name != "INFLUX_TOKEN"}
    done = subprocess.run([str(LOAD_BINARY), *options], capture_output=True, text=True, timeout=120, env=environment)
    assert done.returncode == BAD_USAGE
    assert word in done.stderr and "HUSH" not in done.stderr, done.stderr


def test_help_tells_which_options_take_several_values():
    text = subprocess.run([str(LOAD_BINARY), "--help"], capture_output=True, text=True, timeout=120, check=True).stdout
    assert set(re.findall(r"(--[a-z-]+) [A-Z]+ \.\.\.", text)) == {"--threshold"}


def test_headers_may_be_given_several_times():
    seen = []

    async def serve(connection: Connection):
        while True:
            seen.append((await connection.request()).head)
            connection.answer()

    with LoadTarget(serve) as target:
        run_load(target.url, "--header", "A: 1", "--header", "B: 2", "--users", 1, "--requests", 1)
    assert b"\r\nA: 1\r\n" in seen[0] and b"\r\nB: 2\r\n" in seen[0]


def test_stages_of_users_need_somebody_who_listens():
    run = run_load(f"http://127.0.0.1:{reserve_port()}/", "--user-stages", "20s@5,1s@0")
    assert run.exit_code == SETUP_FAILED
    assert "Connection refused" in run.messages


def test_users_who_never_get_a_connection_are_missed():
    """A server whose backlog is full after a few connections: the kernel leaves the others unanswered."""
    with socket.create_server(("127.0.0.1", 0), backlog=1) as never_accepts:
        url = "http://127.0.0.1:{}/".format(never_accepts.getsockname()[1])
        run = run_load(url, "--user-stages", "1s@20,2s@20", "--timeout", "400ms", "--think", "50ms")
    assert run.exit_code == FAILED and " of 20 users who came ever had a connection" in run.messages
    with LoadTarget(well_behaved) as target:
        run = run_load(target.url, "--user-stages", "1s@20,1s@20", "--think", "50ms")
    assert run.exit_code == OK, run.messages
