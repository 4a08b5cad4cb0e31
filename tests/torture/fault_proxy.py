"""A TCP proxy between engine and Redis that does to connections what networks do. One asyncio loop in a thread of its own."""

import asyncio
import random
import socket
import struct
import threading
from typing import Callable

from harness import reserve_port

CHUNK_BYTES = 64 * 1024
RESET_AT_CLOSE = struct.pack("ii", 1, 0)  # struct linger: close(2) sends RST and discards what is unsent


class Link:
    """One connection of the engine's and its counterpart to Redis."""

    def __init__(self, *writers: asyncio.StreamWriter):
        self.writers = writers

    def reset(self) -> None:
        for writer in self.writers:
            if writer.transport.is_closing():
                continue
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_AT_CLOSE)
            writer.transport.abort()


class FaultProxy:
    """Forwards to 127.0.0.1:`target_port`. The faults may be called from any thread; `random` decides where to cut."""

    def __init__(self, target_port: int, random_: random.Random):
        self.port = reserve_port()
        self._target_port = target_port
        self._random = random_
        self._links: set[Link] = set()
        self._flows = None            # asyncio.Event; cleared: nothing passes, in either direction
        self._cuts_next_reply = False
        self._drips = False
        self.was_cut = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> "FaultProxy":
        self._thread.start()
        assert self._started.wait(10)
        return self

    def stop(self) -> None:
        if not self._thread.is_alive():
            return
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def reset(self) -> None:
        """Every connection ends with RST, at both ends."""
        self._call(self._reset_all)

    def retarget(self, port: int) -> None:
        """New connections lead to another server; the others end with RST."""
        def lead_there():
            self._target_port = port
            self._reset_all()
        self._call(lead_there)

    def stall(self) -> None:
        """Nothing passes until `flow()`; connections stay, and new ones are accepted."""
        self._call(lambda: self._flows.clear())

    def flow(self) -> None:
        """Ends stall(), drip() and a cut() that has not come yet."""
        def let_all_pass():
            self._drips = self._cuts_next_reply = False
            self._flows.set()
        self._call(let_all_pass)

    def cut(self) -> None:
        """Of the next reply a part passes, not up to the end of a line, and then the connections are reset. Sets `was_cut`."""
        self.was_cut.clear()
        self._call(lambda: setattr(self, "_cuts_next_reply", True))

    def drip(self) -> None:
        """Replies pass a few bytes each millisecond, until `flow()`."""
        self._call(lambda: setattr(self, "_drips", True))

    def _call(self, action: Callable[[], object]) -> None:
        done = threading.Event()
        self._loop.call_soon_threadsafe(lambda: (action(), done.set()))
        assert done.wait(10), "the proxy's loop does not answer"

    def _reset_all(self) -> None:
        for link in list(self._links):
            link.reset()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._flows = asyncio.Event()
        self._flows.set()
        server = self._loop.run_until_complete(asyncio.start_server(self._accept, "127.0.0.1", self.port))
        self._started.set()
        self._loop.run_forever()
        server.close()
        self._reset_all()
        while tasks := asyncio.all_tasks(self._loop):  # what was accepted meanwhile is a task a turn later
            for task in tasks:
                task.cancel()
            self._loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
            self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()

    async def _accept(self, engine_reader: asyncio.StreamReader, engine_writer: asyncio.StreamWriter) -> None:
        try:
            redis_reader, redis_writer = await asyncio.open_connection("127.0.0.1", self._target_port)
        except OSError:
            Link(engine_writer).reset()
            return
        link = Link(engine_writer, redis_writer)
        self._links.add(link)
        pumps = [asyncio.ensure_future(pump) for pump in (self._pump(engine_reader, redis_writer),
                                                          self._pump_replies(redis_reader, engine_writer))]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._links.discard(link)
            link.reset()
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while received := await reader.read(CHUNK_BYTES):
            await self._flows.wait()
            writer.write(received)
            await writer.drain()

    async def _pump_replies(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while received := await reader.read(CHUNK_BYTES):
            await self._flows.wait()
            if self._cuts_next_reply:
                return await self._cut(received, writer)
            while self._drips and received:
                count = self._random.randrange(1, 32)
                writer.write(received[:count])
                received = received[count:]
                await asyncio.sleep(0.001)
            writer.write(received)
            await writer.drain()

    async def _cut(self, received: bytes, writer: asyncio.StreamWriter) -> None:
        within_a_line = [index for index in range(len(received)) if index == 0 or received[index - 1:index] != b"\n"]
        writer.write(received[:self._random.choice(within_a_line)])
        await asyncio.sleep(0.005)  # a reset overtakes what was just written
        self._cuts_next_reply = False
        self._reset_all()
        self.was_cut.set()
