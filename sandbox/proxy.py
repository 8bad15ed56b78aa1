"""A TCP proxy with bad weather: latency, resets, stalls, partitions, changed at any moment.

    with Proxy.to("127.0.0.1", 5432) as proxy:
        proxy.weather = Weather(latency_seconds=0.1)
        proxy.reset()

It runs on a thread of its own and knows nothing of what passes through it.
"""

import asyncio
import random
import socket
import struct
import threading
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from sandbox.ports import LOOPBACK

CHUNK_BYTES = 65_536
LOOK_SECONDS = 0.02


@dataclass(frozen=True)
class Weather:
    """`latency_seconds` is added in each direction, so that a question and its answer take twice as long.

    `reset_probability` is asked for each piece of data, at most 64 KiB, in either direction. What stalls is not lost:
    it arrives when the stall ends, if both sides have waited. With both stalled, nobody hears of anybody: a partition.
    """

    latency_seconds: float = 0.0
    reset_probability: float = 0.0
    stalls_to_server: bool = False
    stalls_to_client: bool = False
    refuses: bool = False  # new connections are reset as soon as they are made

    @classmethod
    def partition(cls) -> Self:
        return cls(stalls_to_server=True, stalls_to_client=True)


CLEAR = Weather()


@dataclass(eq=False)
class _Line:
    """One connection through the proxy."""

    client: asyncio.StreamWriter
    server: asyncio.StreamWriter | None = None
    tasks: list["asyncio.Task[None]"] = field(default_factory=list)

    def reset(self) -> None:
        """Both sides get an RST, and whatever was on its way is gone."""
        for writer in filter(None, (self.client, self.server)):
            _abort(writer)
        for task in self.tasks:
            task.cancel()


@dataclass
class Proxy:
    host: str
    port: int
    seed: int = 0
    weather: Weather = CLEAR
    # So many connections were made, and so many of them reset by us.
    connections: int = 0
    resets: int = 0

    @classmethod
    def to(cls, host: str, port: int, *, seed: int = 0) -> Self:
        return cls(host, port, seed)

    def __enter__(self) -> Self:
        self._dice = random.Random(self.seed)
        self._lines: set[_Line] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._thread.start()
        self._server = self._ask(asyncio.start_server(self._serve, LOOPBACK, 0))
        self.local_port: int = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, at: TracebackType | None
    ) -> None:
        self._ask(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def reset(self) -> int:
        """All connections, now; how many there were."""
        count: int = self._ask(self._reset_all())
        return count

    def _ask(self, work: "Coroutine[Any, Any, Any]") -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _reset_all(self) -> int:
        lines = list(self._lines)
        for line in lines:
            line.reset()
        self.resets += len(lines)
        return len(lines)

    async def _close(self) -> None:
        self._server.close()
        for line in list(self._lines):
            line.reset()
        await asyncio.gather(*(task for line in self._lines for task in line.tasks), return_exceptions=True)
        while self._lines:
            await asyncio.sleep(LOOK_SECONDS)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        line = _Line(writer)
        self._lines.add(line)
        try:
            if self.weather.refuses:
                self.resets += 1
                line.reset()
                return
            await self._until(lambda weather: not weather.stalls_to_server)
            server_reader, line.server = await asyncio.open_connection(self.host, self.port)
            line.tasks = [
                asyncio.ensure_future(self._carry(line, reader, line.server, to_server=True)),
                asyncio.ensure_future(self._carry(line, server_reader, writer, to_server=False)),
            ]
            await asyncio.gather(*line.tasks, return_exceptions=True)
        except OSError:  # nobody there: the client is to see that as well
            line.reset()
        finally:
            for each in filter(None, (writer, line.server)):
                each.close()
            self._lines.discard(line)

    async def _carry(
        self, line: _Line, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, to_server: bool
    ) -> None:
        """Pieces keep their order and overlap on their way: latency is no limit of throughput."""
        pieces: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
        arriving = asyncio.ensure_future(self._arrive(line, pieces, writer, to_server=to_server))
        try:
            while data := await reader.read(CHUNK_BYTES):
                if self._dice.random() < self.weather.reset_probability:
                    self.resets += 1
                    line.reset()
                    return
                pieces.put_nowait((self._loop.time() + self.weather.latency_seconds, data))
            pieces.put_nowait((self._loop.time() + self.weather.latency_seconds, b""))
            await arriving
        except OSError:
            line.reset()
        finally:
            arriving.cancel()

    async def _arrive(
        self,
        line: _Line,
        pieces: "asyncio.Queue[tuple[float, bytes]]",
        writer: asyncio.StreamWriter,
        *,
        to_server: bool,
    ) -> None:
        while True:
            due, data = await pieces.get()
            await asyncio.sleep(max(0.0, due - self._loop.time()))
            await self._until(
                lambda weather: not (weather.stalls_to_server if to_server else weather.stalls_to_client)
            )
            if not data:
                with suppress(OSError):
                    writer.write_eof()
                return
            writer.write(data)
            try:
                await writer.drain()
            except OSError:
                line.reset()
                return

    async def _until(self, holds: Any) -> None:
        while not holds(self.weather):
            await asyncio.sleep(LOOK_SECONDS)


def _abort(writer: asyncio.StreamWriter) -> None:
    """RST instead of FIN: linger on, for no time."""
    with suppress(OSError):
        sock = writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
