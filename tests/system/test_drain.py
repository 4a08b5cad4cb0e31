"""SIGTERM costs no request that the kernel had taken: kept connections, pipelines, the backlog, half-sent requests,
slow readers. docs/drain.md says what happens in which order.
"""
# runs: release.io_uring release.epoll asan.io_uring

import json
import signal
import threading
import time
from pathlib import Path

import pytest

from harness import HttpConnection, device_ids, render_request, sample, wait_until


MIB = 1024 * 1024


def post(device_id: str) -> bytes:
    return render_request("POST", "/telemetry", json.dumps(sample(device_id)).encode())


def stop(engine) -> None:
    """From here on the kernel takes what clients send, and the engine sees none of it."""
    engine.signal(signal.SIGSTOP)
    threads = [stat.read_text() for stat in Path(f"/proc/{engine.pid}/task").glob("*/stat")]
    own = [line.split()[0] for line in threads if "(iou-" not in line]  # not the kernel's
    states = [Path(f"/proc/{engine.pid}/task/{thread}/stat") for thread in own]
    wait_until(lambda: all(state.read_text().rpartition(")")[2].split()[0] == "T" for state in states), "it is stopped")


def drain_and_go_on(engine) -> None:
    engine.signal(signal.SIGTERM)
    time.sleep(0.005)  # a reactor looks for the signal after a pause of 1 ms (Server::look_after_pause); 50 sends may take less
    engine.signal(signal.SIGCONT)


def assert_answered(connection, count: int) -> None:
    """So many answers, the last of which says that it is, and the end of the stream."""
    responses = [connection.read_response() for _ in range(count)]
    assert [response.status for response in responses] == [200] * count
    assert [response.closes for response in responses] == [False] * (count - 1) + [True]
    assert connection.read_to_end() == b""
    connection.close()


@pytest.mark.parametrize("ack", ["queued", "stored"])
def test_kept_connections(starter, ack):
    server = starter.redis()
    engine = starter.engine(server.url, ack=ack)
    connections = [engine.connect() for _ in range(50)]
    for index, connection in enumerate(connections):
        assert connection.post(sample(f"before-{index}")).status == 200
    stop(engine)
    for index, connection in enumerate(connections):
        connection.send(post(f"late-{index}"))
    drain_and_go_on(engine)
    for connection in connections:
        assert_answered(connection, 1)
    assert engine.wait_exit() == 0
    assert len(set(device_ids(server.client()))) == 100


@pytest.mark.parametrize("ack", ["queued", "stored"])
def test_pipelines(starter, ack):
    """Longer than a receive buffer, and more requests than may wait for their answers at a time."""
    server = starter.redis()
    engine = starter.engine(server.url, ack=ack)
    connections = [engine.connect() for _ in range(4)]
    for connection in connections:
        assert connection.request("GET", "/health").status == 200
    stop(engine)
    for index, connection in enumerate(connections):
        connection.send(b"".join(post(f"{index}-{number}") for number in range(300)))
    drain_and_go_on(engine)
    for connection in connections:
        assert_answered(connection, 300)
    assert engine.wait_exit() == 0
    assert len(set(device_ids(server.client()))) == 1200


@pytest.mark.parametrize("address_kind, cores, connections_max", [
    ("tcp", "0", 16384), ("tcp", "0,1", 16384), ("unix", "0", 16384), ("tcp", "0", 40)])
def test_a_backlog(starter, workspace, address_kind, cores, connections_max):
    """Three hundred clients that were never accepted; in the last case there are connections for forty at a time."""
    path = f"{workspace}/backlog.socket"
    engine = starter.engine("null:", ack="queued", cores=cores, more_listen=[f"unix:{path}"],
                            settings={"http.connections_max": connections_max})
    address = path if address_kind == "unix" else engine.address
    stop(engine)
    connections = [HttpConnection(address) for _ in range(300)]
    for index, connection in enumerate(connections):
        connection.send(post(f"d{index}"))
    drain_and_go_on(engine)
    for connection in connections:
        assert_answered(connection, 1)
    assert engine.wait_exit() == 0
    assert "accepted=300 " in engine.log()


def wait_until_draining(engine) -> None:
    wait_until(lambda: engine.status()["state"] == "draining", "it drains")


def test_a_half_sent_request_is_answered(starter):
    engine = starter.engine("null:", ack="queued", settings={"drain_timeout": "60s"})
    whole = post("slow")
    parts = [1, 30, len(whole) - 3]
    connections = [engine.connect() for _ in parts]
    for connection, part in zip(connections, parts):
        connection.send(whole[:part])
    wait_until(lambda: engine.status()["reactors"][0]["received_bytes"] >= sum(parts), "they have arrived")
    engine.signal(signal.SIGTERM)
    wait_until_draining(engine)
    for connection, part in zip(connections, parts):
        connection.send(whole[part:] + post("behind it"))
    for connection in connections:
        assert_answered(connection, 2)
    assert engine.wait_exit() == 0


def test_a_half_sent_request_that_goes_no_further_is_refused(starter):
    engine = starter.engine("null:", ack="queued", settings={"drain_timeout": "1s"})
    with engine.connect() as connection:
        connection.send(post("never")[:-3])
        wait_until(lambda: engine.status()["reactors"][0]["received_bytes"] > 0, "it has arrived")
        engine.signal(signal.SIGTERM)
        response = connection.read_response()
        assert (response.status, response.code) == (503, "draining") and response.closes
        assert int(response.header("Retry-After")) >= 1
        assert connection.read_to_end() == b""
    assert engine.wait_exit() == 0


def test_who_has_just_connected_may_ask(starter):
    """Two connections that have said nothing when the drain begins: one was accepted, one was not."""
    engine = starter.engine("null:", ack="queued")
    accepted = engine.connect()
    wait_until(lambda: engine.status()["reactors"][0]["connections"] == 1, "it is accepted")
    stop(engine)
    waiting = engine.connect()
    drain_and_go_on(engine)
    wait_until_draining(engine)
    for connection in (accepted, waiting):
        connection.send(post("first"))
        assert_answered(connection, 1)
    assert engine.wait_exit() == 0


def test_a_slow_reader(starter):
    """Answers of many MiB, of which little fits into the buffers of the kernel."""
    engine = starter.engine("null:", ack="queued", admin_on_data_listener=True, settings={"drain_timeout": "60s"})
    connection = HttpConnection(engine.address, receive_buffer_bytes=16 * 1024)
    stop(engine)
    connection.send(render_request("GET", "/metrics") * 600)
    drain_and_go_on(engine)
    time.sleep(1.5)  # longer than a client may go on that is not waited for
    assert_answered(connection, 600)
    assert engine.wait_exit() == 0


def test_who_waits_at_the_end_of_the_time_is_told(starter):
    server = starter.redis()
    engine = starter.engine(server.url, settings={"drain_timeout": "300ms", "ack_timeout": "60s"})
    connections = [engine.connect() for _ in range(5)]
    server.client().client_pause(20_000)
    for index, connection in enumerate(connections):
        connection.send(post(f"d{index}"))
    wait_until(lambda: engine.samples()["accepted"] == 5, "they wait")
    engine.signal(signal.SIGTERM)
    for connection in connections:
        response = connection.read_response()
        assert (response.status, response.code) == (503, "ack_timeout") and response.closes
    assert engine.wait_exit() == 1


def codes_of_bodies_at_the_end(starter) -> set[str]:
    body = b"[" + b"1," * (4 * MIB - 2) + b"1]"
    engine = starter.engine("null:", ack="queued", settings={"drain_timeout": "10ms"})
    connections = [engine.connect() for _ in range(3)]
    senders = [threading.Thread(target=connection.send, args=(render_request("POST", "/telemetry", body),))
               for connection in connections]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    engine.signal(signal.SIGTERM)
    codes = {connection.read_response().code for connection in connections}
    assert codes <= {"draining", "all_records_refused"}
    assert engine.wait_exit() == 0
    return codes


def test_who_waits_to_be_read_at_the_end_of_the_time_is_told(starter):
    """Long bodies that nobody has read to their end: nothing of them was stored."""
    # Where the senders are slow, the engine may have read all before the signal.
    assert any("draining" in codes_of_bodies_at_the_end(starter) for _ in range(5))


# --- the admin listener ----------------------------------------------------------------------------------------------

def poll_until_refused(address, seen: list) -> None:
    """Asks on a connection of its own each time. Whoever gets a connection gets an answer."""
    while True:
        try:
            connection = HttpConnection(address)
        except (ConnectionRefusedError, FileNotFoundError):
            return
        with connection:
            try:
                connection.send(render_request("GET", "/ready"))
                seen.append(connection.read_response().status)
            except (OSError, EOFError) as error:
                seen.append(error)


@pytest.mark.parametrize("address_kind", ["tcp", "unix"])
def test_who_polls_the_admin_listener_is_answered(starter, workspace, address_kind):
    for attempt in range(3):
        path = workspace / f"admin-{attempt}.socket"
        engine = starter.engine("null:", ack="queued", admin_socket=path if address_kind == "unix" else None)
        seen = []
        pollers = [threading.Thread(target=poll_until_refused, args=(engine.admin_address, seen)) for _ in range(4)]
        for poller in pollers:
            poller.start()
        wait_until(lambda: len(seen) > 20, "they poll")
        engine.signal(signal.SIGTERM)
        for poller in pollers:
            poller.join()
        assert engine.wait_exit() == 0
        assert set(seen) <= {200, 503}, seen


def test_an_admin_connection_ends_with_its_next_answer(starter):
    server = starter.redis()
    engine = starter.engine(server.url, settings={"drain_timeout": "2s", "ack_timeout": "60s"})
    with HttpConnection(engine.admin_address) as kept, engine.connect() as waiting:
        assert not kept.request("GET", "/ready").closes
        server.client().client_pause(20_000)
        waiting.send(post("waits"))
        wait_until(lambda: engine.samples()["accepted"] == 1, "it waits")
        engine.signal(signal.SIGTERM)
        wait_until_draining(engine)
        response = kept.request("GET", "/ready")
        assert response.code == "draining" and response.closes
        assert kept.read_to_end() == b""
    assert engine.wait_exit() == 1


# --- lame duck -------------------------------------------------------------------------------------------------------

def is_last_answer(engine) -> bool:
    with engine.connect() as new:
        return new.request("GET", "/health").closes


def test_a_lame_duck_serves(starter):
    engine = starter.engine("null:", ack="queued", settings={"drain_lame_duck": "60s"})
    kept, piped = engine.connect(), engine.connect()
    assert kept.post(sample("before")).status == 200
    engine.signal(signal.SIGTERM)
    wait_until_draining(engine)
    wait_until(lambda: is_last_answer(engine), "the reactor knows, which is told after /status")
    with engine.connect() as new:
        response = new.request("GET", "/ready")
        assert (response.status, response.code) == (503, "draining") and response.closes
        assert new.read_to_end() == b""
    with engine.connect() as new:
        new.send(post("new"))
        assert_answered(new, 1)
    kept.send(post("kept"))
    assert_answered(kept, 1)
    piped.send(post("piped") * 10)
    assert_answered(piped, 10)
    assert engine.admin("GET", "/ready").status == 503
    assert engine.samples()["accepted"] == 13
    engine.kill()
    engine.wait_exit()


def test_a_lame_duck_ends(starter):
    engine = starter.engine("null:", ack="queued", settings={"drain_lame_duck": "300ms"})
    with engine.connect() as idle:
        assert idle.post(sample()).status == 200
        begin = time.monotonic()
        engine.signal(signal.SIGTERM)
        assert idle.read_to_end() == b""
        assert time.monotonic() - begin > 0.25
    assert engine.wait_exit() == 0
    assert "lame_duck" in engine.log()
