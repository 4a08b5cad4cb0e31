"""`Idempotency-Key`: a retry is answered as the first request was, and stored once."""
# runs: release.io_uring release.epoll asan.io_uring tsan.io_uring

import concurrent.futures
import threading
import time

import pytest

from harness import HttpConnection, device_ids, ndjson, sample, wait_until
from harness.http_client import as_body, render_request

QUICK = {"ack_timeout": "500ms", "sink.redis.backoff_max": "200ms", "sink.redis.connect_timeout": "1s", "sink.redis.reply_timeout": "1s"}


def post(where, record, key: str, query: str = "", content_type: str = "application/json", also=()):
    headers = [("Idempotency-Key", key), *also]
    if isinstance(where, HttpConnection):
        return where.post(record, query, content_type, headers)
    with where.connect() as connection:
        return connection.post(record, query, content_type, headers)


def is_replayed(response) -> bool:
    value = response.header("Idempotent-Replayed")
    assert value in (None, "true")
    return value == "true"


def metric(engine, name: str) -> int:
    [line] = [line for line in engine.metrics().splitlines() if line.startswith(f"sluice_idempotency_{name} ")]
    return int(line.split()[1])


@pytest.mark.parametrize("query", ["", "?ack=queued", "?precision=ms"])
def test_a_retry_is_answered_again_and_stored_once(stack, http, query):
    key = f'"again{query}"'
    first = post(http, sample(), key, query)
    again = post(http, sample(), key, query)
    assert (first.status, is_replayed(first)) == (200, False)
    assert (again.status, is_replayed(again)) == (200, True)
    assert again.body == first.body
    assert post(stack, sample(), key, query).body == first.body  # on another connection
    bare = post(http, sample(), key.strip('"'), query)  # without the quotes it is the same key
    assert is_replayed(bare)
    stack.engine.wait_delivered()
    assert stack.redis.xlen("telemetry") == 1


def test_without_a_key_nothing_is_remembered(stack, http):
    for _ in range(2):
        assert not is_replayed(http.post(sample()))
    assert stack.redis.xlen("telemetry") == 2


def test_the_same_key_with_another_request(stack, http):
    assert post(http, sample("a"), "k-other").status == 200
    for record, query, content_type in ((sample("b"), "", "application/json"), (sample("a"), "?ack=queued", "application/json"),
                                        (sample("a"), "", "application/x-ndjson")):
        response = post(http, record, "k-other", query, content_type)
        assert (response.status, response.code) == (422, "idempotency_mismatch")
    assert device_ids(stack.redis) == ["a"]


@pytest.mark.parametrize("key", ["", '""', '"open', "a b", "x" * 129, '"a";p=1', "caf\u00e9", "y" * 5000])
def test_keys_that_are_none(stack, http, key):
    response = post(http, sample(), key)
    assert (response.status, response.code) == (400, "bad_idempotency_key")
    assert post(http, sample(), "fine", also=[("Idempotency-Key", "fine")]).code == "bad_idempotency_key"
    assert stack.redis.xlen("telemetry") == 0


def test_a_batch_of_which_some_were_refused(stack, http):
    body = ndjson([sample("good"), {"device_id": "bad"}, sample("fine"), {"value": 3}])
    first = post(http, body, "k-207", "", "application/x-ndjson")
    again = post(http, body, "k-207", "", "application/x-ndjson")
    assert (first.status, again.status) == (207, 207)
    assert is_replayed(again) and again.json() == first.json()
    assert [error["index"] for error in again.json()["errors"]] == [1, 3]
    assert device_ids(stack.redis) == ["good", "fine"]


def test_what_was_refused_is_not_remembered(stack, http):
    """A client may mend its body and use the key it has; the draft leaves that to the server."""
    assert post(http, b"{nonsense", "k-mended").status == 400
    assert post(http, b"{nonsense", "k-mended").status == 400
    assert post(http, sample("mended"), "k-mended").status == 200
    assert device_ids(stack.redis) == ["mended"]


def test_pipelined_duplicates(stack, http):
    request = render_request("POST", "/telemetry?ack=stored", as_body(sample("piped")), [("Idempotency-Key", "k-piped")])
    http.send(request * 8)
    responses = [http.read_response() for _ in range(8)]
    assert responses[0].status == 200 and not is_replayed(responses[0])
    for response in responses[1:]:
        assert is_replayed(response) or (response.status, response.code) == (409, "idempotency_in_progress")
        if response.status == 409:
            assert int(response.header("Retry-After")) >= 1
    wait_until(lambda: is_replayed(post(http, sample("piped"), "k-piped", "?ack=stored")), "the key is answered")
    assert device_ids(stack.redis) == ["piped"]


def test_many_connections_on_two_cores_send_the_same(starter):
    server = starter.redis()
    engine = starter.engine(server.url, cores="0,1")
    clients, keys = 8, 40
    barrier = threading.Barrier(clients)

    def run(_) -> list:
        answers = []
        for number in range(keys):
            with engine.connect() as connection:  # each on a connection of its own: the kernel spreads them over the reactors
                barrier.wait(timeout=120)
                while (response := post(connection, sample(f"d{number}"), f"k{number}")).status == 409:
                    time.sleep(0.005)
                answers.append(response)
        return answers

    with concurrent.futures.ThreadPoolExecutor(clients) as pool:
        answers = [answer for client in pool.map(run, range(clients)) for answer in client]
    assert all(answer.status == 200 for answer in answers)
    assert sum(not is_replayed(answer) for answer in answers) == keys
    assert sorted(device_ids(server.client())) == sorted(f"d{number}" for number in range(keys))
    assert all(reactor["requests"] > 0 for reactor in engine.status()["reactors"]), "one reactor had it all"
    assert metric(engine, "replayed_total") == (clients - 1) * keys


@pytest.mark.parametrize("layout", ["fields", "packed"])
def test_a_retry_after_an_outage_is_stored_once(starter, layout):
    server = starter.redis(persistent=True)
    engine = starter.engine(server.url, settings={**QUICK, "sink.redis.layout": layout})
    server.stop()
    first = post(engine, sample("late"), "k-late")
    assert (first.status, first.code) == (503, "ack_timeout")
    # Its samples are still on their way: neither stored again nor promised.
    waiting = post(engine, sample("late"), "k-late")
    assert (waiting.status, waiting.code) == (409, "idempotency_in_progress")
    assert int(waiting.header("Retry-After")) >= 1
    server.start()
    answered = wait_until(lambda: (response := post(engine, sample("late"), "k-late")).status == 200 and response, "it is stored", 20)
    assert is_replayed(answered)
    engine.wait_delivered()
    assert server.client().xlen("telemetry") == 1
    assert metric(engine, "keys_in_progress") == 0


def test_a_client_that_hung_up_may_ask_again(starter):
    server = starter.redis()
    engine = starter.engine(server.url, settings=QUICK)
    server.freeze()
    with engine.connect() as connection:
        connection.send(render_request("POST", "/telemetry", as_body(sample("gone")), [("Idempotency-Key", "k-gone")]))
        wait_until(lambda: engine.samples()["accepted"] == 1, "the engine has the sample")
    server.thaw()
    assert is_replayed(wait_until(lambda: (response := post(engine, sample("gone"), "k-gone")).status == 200 and response, "it is stored"))
    assert device_ids(server.client()) == ["gone"]


def test_what_redis_refused_may_be_tried_again(starter):
    server = starter.redis()
    engine = starter.engine(server.url, settings=QUICK)
    server.client().set("telemetry", "no stream")
    first = post(engine, sample("refused"), "k-refused")
    assert (first.status, first.code) == (503, "sink_refused")
    server.client().delete("telemetry")
    again = post(engine, sample("refused"), "k-refused")
    assert (again.status, is_replayed(again)) == (200, False)
    assert device_ids(server.client()) == ["refused"]


def test_what_shares_a_packed_command_with_queued_samples(starter):
    """The `stored` request is answered 503, yet its command is tried until it is stored: its key has to wait for that."""
    server = starter.redis()
    engine = starter.engine(server.url, settings={**QUICK, "ack_timeout": "5s", "sink.redis.layout": "packed"})
    server.client().set("telemetry", "no stream")
    with engine.connect() as connection:
        connection.send(render_request("POST", "/telemetry?ack=queued", as_body(sample("queued")))
                        + render_request("POST", "/telemetry", as_body(sample("shared")), [("Idempotency-Key", "k-shared")]))
        assert connection.read_response().status == 200
        assert connection.read_response().code == "sink_refused"
    assert post(engine, sample("shared"), "k-shared").code == "idempotency_in_progress"
    server.client().delete("telemetry")
    wait_until(lambda: is_replayed(post(engine, sample("shared"), "k-shared")), "the key is answered")
    engine.wait_delivered()
    assert sum(int(entry[b"n"]) for _, entry in server.client().xrange("telemetry")) == 2


def test_the_window_and_the_number_of_keys(starter):
    server = starter.redis()
    engine = starter.engine(server.url, settings={"idempotency.window": "1s", "idempotency.keys_max": 2})
    for name in ("a", "b", "c"):
        assert not is_replayed(post(engine, sample(name), name))
    assert is_replayed(post(engine, sample("c"), "c"))
    assert not is_replayed(post(engine, sample("a"), "a"))  # forgotten for room: stored again
    assert metric(engine, "evicted_early_total") == 2
    assert metric(engine, "keys") == 2
    time.sleep(1.2)
    assert not is_replayed(post(engine, sample("a"), "a"))
    assert metric(engine, "evicted_early_total") == 2
    assert engine.status()["idempotency"]["replayed"] == 1


def test_more_keys_under_way_than_are_remembered(starter):
    server = starter.redis()
    engine = starter.engine(server.url, settings={"idempotency.keys_max": 1})
    server.client().client_pause(60_000, all=False)
    with engine.connect() as connection:
        for name in ("a", "b"):
            connection.send(render_request("POST", "/telemetry", as_body(sample(name)), [("Idempotency-Key", name)]))
        wait_until(lambda: metric(engine, "refused_full_total") == 1, "the second key is refused")
        server.client().client_unpause()
        first, second = (connection.read_response() for _ in range(2))
    assert first.status == 200
    assert (second.status, second.code) == (503, "idempotency_full")
    assert int(second.header("Retry-After")) >= 1


def test_an_engine_that_remembers_no_keys_says_so(starter):
    engine = starter.engine("null:", settings={"idempotency.keys_max": 0})
    response = post(engine, sample(), "k")
    assert (response.status, response.code) == (400, "idempotency_unavailable")
    with engine.connect() as connection:
        assert connection.post(sample()).status == 200
