"""One request goes out as it is, once; what comes back tells whether it can have arrived."""

import socket
import ssl
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from threading import Event, Thread

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from shared.gateways.postmark.answers import LATE, Answer, NoAnswer
from shared.gateways.postmark.wire import PostmarkSettings, Wire
from shared.ports.store import transaction_open
from tests.unit.gateways.postmark.stub import StubServer


def _wire(url: str, **settings: float) -> Wire:
    return Wire(PostmarkSettings(base_url=url, account_token="account-token", **settings))


@contextmanager
def _listening() -> Iterator[socket.socket]:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        yield server


def _url(server: socket.socket, scheme: str = "http") -> str:
    return f"{scheme}://127.0.0.1:{server.getsockname()[1]}"


def test_each_kind_of_token_travels_in_its_own_header(stub: StubServer) -> None:
    stub.reply()
    stub.reply()
    wire = stub.wire()
    wire.as_account("GET", "/servers")
    wire.as_server("server-token", "GET", "/webhooks")
    by_account, by_server = (received.headers for received in stub.received)
    assert by_account["x-postmark-account-token"] == "account-token"
    assert "x-postmark-server-token" not in by_account
    assert by_server["x-postmark-server-token"] == "server-token"
    assert "x-postmark-account-token" not in by_server
    assert by_server["content-type"] == by_server["accept"] == "application/json"


def test_a_path_in_the_base_url_is_kept(stub: StubServer) -> None:
    stub.reply()
    stub.wire(base_url=f"{stub.url}/postmark/").as_account("GET", "/servers", query={"count": 5})
    assert (stub.received[0].path, stub.received[0].query) == ("/postmark/servers", {"count": "5"})


def test_status_headers_and_body_come_back_as_they_were(stub: StubServer) -> None:
    stub.reply(422, b"<html>", X_PM_ApiErrorCode="1364")
    answer = stub.wire().as_account("GET", "/servers")
    assert isinstance(answer, Answer)
    assert (answer.status, answer.body, answer.headers["x-pm-apierrorcode"]) == (422, b"<html>", "1364")


def test_a_redirect_is_not_followed(stub: StubServer) -> None:
    stub.reply(302, b"", Location=f"{stub.url}/elsewhere")
    answer = stub.wire().as_server("server-token", "POST", "/email/batch", body=b"[]")
    assert isinstance(answer, Answer)
    assert answer.status == 302
    assert len(stub.received) == 1


def test_a_connection_that_breaks_after_the_request_is_written_and_not_repeated(stub: StubServer) -> None:
    stub.hang_up()
    exchange = stub.wire().as_server("server-token", "POST", "/email/batch", body=b"[]")
    assert exchange == NoAnswer("connection_broken", written=True)
    assert len(stub.received) == 1


def test_a_kept_connection_that_breaks_as_we_write_counts_as_written(stub: StubServer) -> None:
    stub.reply()
    stub.hang_up()
    wire = stub.wire()
    wire.as_account("GET", "/servers")
    assert wire.as_account("GET", "/servers") == NoAnswer("connection_broken", written=True)
    assert len({received.client_port for received in stub.received}) == 1


def test_one_thread_keeps_one_connection(stub: StubServer) -> None:
    wire = stub.wire()
    for _ in range(3):
        stub.reply()
        wire.as_account("GET", "/servers")
    assert len({received.client_port for received in stub.received}) == 1


def test_every_thread_has_a_connection_of_its_own(stub: StubServer) -> None:
    wire = stub.wire()
    stub.reply()
    stub.reply()
    wire.as_account("GET", "/servers")
    other = Thread(target=wire.as_account, args=("GET", "/servers"))
    other.start()
    other.join()
    assert len({received.client_port for received in stub.received}) == 2


def test_a_connection_that_was_idle_too_long_is_not_used_again(stub: StubServer) -> None:
    wire = stub.wire(keep_alive_seconds=0.0)
    for _ in range(2):
        stub.reply()
        wire.as_account("GET", "/servers")
    assert len({received.client_port for received in stub.received}) == 2


def test_cookies_are_not_carried_from_one_tenant_to_the_next(stub: StubServer) -> None:
    stub.reply(200, b"", Set_Cookie="balancer=7; Path=/")
    stub.reply()
    wire = stub.wire()
    wire.as_server("first", "GET", "/webhooks")
    wire.as_server("second", "GET", "/webhooks")
    assert "cookie" not in stub.received[1].headers


def test_no_answer_in_time_counts_as_written() -> None:
    with _listening() as silent:
        exchange = _wire(_url(silent), read_timeout_seconds=0.05).as_account("GET", "/servers")
    assert exchange == NoAnswer("timeout", written=True)


def test_a_refused_connection_was_never_written_to() -> None:
    with _listening() as server:
        url = _url(server)
    assert _wire(url).as_account("GET", "/servers") == NoAnswer("connect_failed", written=False)


def test_a_name_that_does_not_resolve_was_never_written_to() -> None:
    exchange = _wire("http://postmark.invalid").as_account("GET", "/servers")
    assert exchange == NoAnswer("name_resolution", written=False)


def test_a_connection_that_is_not_accepted_in_time_was_never_written_to() -> None:
    with closing(socket.socket()) as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        for client in waiting:
            client.setblocking(False)
            client.connect_ex(full.getsockname())
        exchange = _wire(_url(full), connect_timeout_seconds=0.05).as_account("GET", "/servers")
        for client in waiting:
            client.close()
    assert exchange == NoAnswer("connect_timeout", written=False)


def test_a_server_that_is_not_trusted_was_never_written_to(tmp_path: Path) -> None:
    with _listening() as server:
        Thread(target=_shake_hands, args=(server, _certificate(tmp_path)), daemon=True).start()
        exchange = _wire(_url(server, "https")).as_account("GET", "/servers")
    assert exchange == NoAnswer("tls", written=False)


def test_a_handshake_that_is_cut_off_was_never_written_to() -> None:
    with _listening() as server:
        Thread(target=_cut_off, args=(server,), daemon=True).start()
        exchange = _wire(_url(server, "https")).as_account("GET", "/servers")
    assert isinstance(exchange, NoAnswer)
    assert not exchange.written


def test_a_tls_connection_that_breaks_after_the_request_is_written(tmp_path: Path) -> None:
    """Its exception is the same kind as that of a failed handshake."""
    with _listening() as server:
        certificate = _certificate(tmp_path)
        Thread(target=_shake_hands, args=(server, certificate), daemon=True).start()
        wire = _wire(_url(server, "https"))
        wire._lines.session(1.0).verify = str(certificate)
        exchange = wire.as_server("server-token", "POST", "/email/batch", body=b"[]")
    assert isinstance(exchange, NoAnswer)
    assert exchange.written


def test_a_large_request_may_take_longer_to_write_than_to_connect() -> None:
    connect_timeout_seconds = 0.05
    with _listening() as server:
        reader = Thread(target=_read_late, args=(server, 2 * connect_timeout_seconds), daemon=True)
        reader.start()
        wire = _wire(_url(server), connect_timeout_seconds=connect_timeout_seconds, read_timeout_seconds=30)
        answer = wire.as_server("server-token", "POST", "/email/batch", body=b" " * 20_000_000)
        reader.join()
    assert isinstance(answer, Answer)
    assert answer.status == 200


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_nothing_is_written_when_the_time_is_over_before_a_plain_connection_stands() -> None:
    clock = Clock()
    with _listening() as server:
        wire = Wire(PostmarkSettings(base_url=_url(server), account_token="account-token"), monotonic=clock)
        clock.now = 110.001
        exchange = wire.as_server("server-token", "POST", "/", body=b"[]", not_after_monotonic=110.0)
        connection, _ = server.accept()
        with connection:
            assert connection.recv(1) == b""
    assert exchange == NoAnswer(LATE, written=False)


def test_nothing_is_written_when_the_time_runs_out_during_the_handshake(tmp_path: Path) -> None:
    """Connecting began in time: only a look right before the first byte finds this out."""
    clock, read = Clock(), list[bytes]()
    with _listening() as server:
        certificate = _certificate(tmp_path)
        dawdler = Thread(target=_dawdle, args=(server, certificate, clock, read), daemon=True)
        dawdler.start()
        settings = PostmarkSettings(base_url=_url(server, "https"), account_token="account-token")
        wire = Wire(settings, monotonic=clock)
        wire._lines.session(1.0).verify = str(certificate)
        exchange = wire.as_server("server-token", "POST", "/", body=b"[]", not_after_monotonic=110.0)
        dawdler.join(10)
    assert exchange == NoAnswer(LATE, written=False)
    assert read == [b""]


def test_a_kept_connection_is_no_way_round_the_time_limit(stub: StubServer) -> None:
    clock = Clock()
    wire = Wire(PostmarkSettings(base_url=stub.url, account_token="account-token"), monotonic=clock)
    stub.reply()
    stub.reply()
    wire.as_account("GET", "/servers")
    late = wire.as_server("server-token", "POST", "/", body=b"[]", not_after_monotonic=99.9)
    assert late == NoAnswer(LATE, written=False)
    assert isinstance(
        wire.as_server("server-token", "POST", "/", body=b"[]", not_after_monotonic=100.0), Answer
    )
    assert [received.method for received in stub.received] == ["GET", "POST"]


def test_a_request_that_was_stopped_halfway_is_never_completed() -> None:
    clock = Clock()
    with _listening() as server:
        received = list[bytes]()
        reader = Thread(target=_stop_the_sender, args=(server, clock, received), daemon=True)
        reader.start()
        settings = PostmarkSettings(
            base_url=_url(server), account_token="account-token", read_timeout_seconds=30
        )
        wire = Wire(settings, monotonic=clock)
        body = b" " * 50_000_000
        exchange = wire.as_server("server-token", "POST", "/", body=body, not_after_monotonic=110.0)
        reader.join(10)
    assert exchange == NoAnswer("connection_broken", written=True)
    assert 0 < len(received[0]) < len(body)


def test_a_call_inside_a_transaction_is_a_fault_of_ours(stub: StubServer) -> None:
    reset = transaction_open.set(True)
    try:
        with pytest.raises(RuntimeError, match="transaction"):
            stub.wire().as_account("GET", "/servers")
    finally:
        transaction_open.reset(reset)
    assert stub.received == []


def test_no_repr_shows_a_token(stub: StubServer) -> None:
    wire = stub.wire()
    assert "account-token" not in f"{wire!r} {wire.settings!r}"


def _cut_off(server: socket.socket) -> None:
    connection, _ = server.accept()
    connection.close()


def _read_late(server: socket.socket, seconds: float) -> None:
    """Leaves the request in the network's buffers for a while, which 20 MB overflow."""
    connection, _ = server.accept()
    with connection, connection.makefile("rb") as request:
        Event().wait(seconds)
        length = next(int(line[16:]) for line in request if line.lower().startswith(b"content-length: "))
        while request.readline().strip():
            """The other headers."""
        request.read(length)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")


def _stop_the_sender(server: socket.socket, clock: Clock, received: list[bytes]) -> None:
    """Reads the beginning, lets an age pass, then reads whatever else comes."""
    connection, _ = server.accept()
    with connection:
        first = connection.recv(65_536)
        clock.now += 3600
        with connection.makefile("rb") as rest:
            received.append(first + rest.read())


def _dawdle(server: socket.socket, certificate: Path, clock: Clock, read: list[bytes]) -> None:
    """The connection stands at once; the handshake is not answered before an age has passed."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    connection, _ = server.accept()
    clock.now += 3600
    with connection, context.wrap_socket(connection, server_side=True, suppress_ragged_eofs=True) as channel:
        read.append(channel.recv(65_536))


def _shake_hands(server: socket.socket, certificate: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    connection, _ = server.accept()
    with connection:
        try:
            with context.wrap_socket(connection, server_side=True) as channel:
                channel.recv(65_536)
        except OSError:
            """The client may turn away: that is what one test is about."""


def _certificate(folder: Path) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    built = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + timedelta(days=1))
    address = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    built = built.add_extension(address, critical=False)
    pem = built.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file = folder / "self-signed.pem"
    file.write_bytes(private + pem)
    return file
