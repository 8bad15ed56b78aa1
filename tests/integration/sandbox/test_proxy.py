"""The proxy between two plain sockets."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest

from sandbox.ports import LOOPBACK
from sandbox.proxy import CLEAR, Proxy, Weather

PATIENCE_SECONDS = 10.0


class Echo(threading.Thread):
    """Sends back whatever comes, on any number of connections."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self._listener = socket.create_server((LOOPBACK, 0))
        self.port: int = self._listener.getsockname()[1]
        self.heard = threading.Event()

    def run(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=[connection], daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection:
            try:
                while data := connection.recv(4096):
                    self.heard.set()
                    connection.sendall(data)
            except OSError:
                return

    def close(self) -> None:
        with suppress(OSError):  # closed already
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


@pytest.fixture
def echo() -> Iterator[Echo]:
    server = Echo()
    server.start()
    yield server
    server.close()
    server.join()


@pytest.fixture
def proxy(echo: Echo) -> Iterator[Proxy]:
    with Proxy.to(LOOPBACK, echo.port) as running:
        yield running


@pytest.fixture
def line(proxy: Proxy) -> Iterator[socket.socket]:
    with socket.create_connection((LOOPBACK, proxy.local_port), timeout=PATIENCE_SECONDS) as connection:
        yield connection


def say(line: socket.socket, text: bytes = b"hello") -> bytes:
    line.sendall(text)
    return line.recv(4096)


def is_reset(proxy: Proxy) -> bool:
    """Whether a new connection breaks, and is not merely ended or left in silence."""
    try:
        with socket.create_connection((LOOPBACK, proxy.local_port), timeout=PATIENCE_SECONDS) as line:
            line.recv(1)
    except ConnectionResetError:
        return True
    return False


def test_in_clear_weather_bytes_pass_in_both_directions(line: socket.socket) -> None:
    assert say(line) == b"hello"


def test_the_end_of_one_side_reaches_the_other(line: socket.socket) -> None:
    line.shutdown(socket.SHUT_WR)
    assert line.recv(1) == b""


def test_large_pieces_keep_their_order_under_latency(proxy: Proxy, line: socket.socket) -> None:
    proxy.weather = Weather(latency_seconds=0.01)
    sent = bytes(number % 251 for number in range(500_000))
    threading.Thread(target=line.sendall, args=[sent], daemon=True).start()
    received = b""
    while len(received) < len(sent):
        received += line.recv(65_536)
    assert received == sent


def test_latency_is_added_in_each_direction(proxy: Proxy, line: socket.socket) -> None:
    proxy.weather = Weather(latency_seconds=0.15)
    begun = time.monotonic()
    assert say(line) == b"hello"
    assert time.monotonic() - begun >= 0.3


def test_a_reset_breaks_connections_and_not_only_ends_them(proxy: Proxy, line: socket.socket) -> None:
    say(line)
    assert proxy.reset() == 1
    with pytest.raises(ConnectionResetError):
        line.recv(1)


def test_a_certain_reset_breaks_the_first_piece_before_the_server_hears_it(
    proxy: Proxy, line: socket.socket, echo: Echo
) -> None:
    proxy.weather = Weather(reset_probability=1.0)
    with pytest.raises(ConnectionResetError):
        say(line)
    assert not echo.heard.is_set()


def test_a_stalled_answer_was_heard_and_arrives_when_the_stall_ends(
    proxy: Proxy, line: socket.socket, echo: Echo
) -> None:
    proxy.weather = Weather(stalls_to_client=True)
    line.sendall(b"hello")
    assert echo.heard.wait(PATIENCE_SECONDS)
    line.settimeout(0.2)
    with pytest.raises(TimeoutError):
        line.recv(1)
    proxy.weather = CLEAR
    line.settimeout(PATIENCE_SECONDS)
    assert line.recv(4096) == b"hello"


def test_in_a_partition_nothing_is_heard_on_the_other_side(
    proxy: Proxy, line: socket.socket, echo: Echo
) -> None:
    say(line)
    echo.heard.clear()
    proxy.weather = Weather.partition()
    line.sendall(b"hello")
    assert not echo.heard.wait(0.2)
    proxy.weather = CLEAR
    assert line.recv(4096) == b"hello"


def test_a_new_connection_in_refusing_weather_is_reset(proxy: Proxy, echo: Echo) -> None:
    proxy.weather = Weather(refuses=True)
    assert is_reset(proxy)
    assert not echo.heard.is_set()


def test_a_server_that_is_away_is_away_through_the_proxy_too(proxy: Proxy, echo: Echo) -> None:
    echo.close()
    echo.join()
    assert is_reset(proxy)


def test_the_same_seed_resets_the_same_pieces(echo: Echo) -> None:
    def survived(seed: int) -> int:
        with Proxy.to(LOOPBACK, echo.port, seed=seed) as proxy:
            proxy.weather = Weather(reset_probability=0.1)
            with socket.create_connection((LOOPBACK, proxy.local_port), timeout=PATIENCE_SECONDS) as line:
                count = 0
                try:
                    while say(line, b"x"):
                        count += 1
                except OSError:
                    pass
                return count

    assert survived(7) == survived(7)
