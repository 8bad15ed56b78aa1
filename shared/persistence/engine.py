"""Connections to PostgreSQL."""

import select
from typing import Any

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.pool import ConnectionPoolEntry

# A peer that vanished is found in half a minute, also by a statement that only waits.
_KEEPALIVES = {
    "keepalives": 1,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 4,
    "tcp_user_timeout": 30_000,
}

_FRESH = "fresh"


def make_engine(
    url: str,
    *,
    pool_size: int = 5,
    max_overflow: int = 0,
    pool_wait_seconds: float = 5.0,
    connect_timeout_seconds: int = 5,
    statement_timeout_seconds: float = 15.0,
    lock_timeout_seconds: float = 5.0,
    idle_in_transaction_seconds: float = 30.0,
    application_name: str = "email",
) -> Engine:
    """An engine on `postgresql://...`; it connects when it is first used.

    `pool_size` is the number of connections a process may hold: one for each of its threads, and none waits.
    """
    timeouts_ms = {
        "statement_timeout": statement_timeout_seconds * 1000,
        "lock_timeout": lock_timeout_seconds * 1000,
        "idle_in_transaction_session_timeout": idle_in_transaction_seconds * 1000,
    }
    settings = " ".join(f"-c {name}={value:.0f}" for name, value in timeouts_ms.items())
    engine = create_engine(
        make_url(url).set(drivername="postgresql+psycopg"),
        pool_size=pool_size,
        max_overflow=max_overflow,
        pool_timeout=pool_wait_seconds,
        # A statement's parameters are recipients and bodies: never in an error's text.
        hide_parameters=True,
        connect_args={
            "connect_timeout": connect_timeout_seconds,
            "application_name": application_name,
            # UTC on the wire, whatever the server's zone: what comes back is aware UTC.
            "options": f"-c TimeZone=UTC {settings}",
            # Statements are few and compiled once: after three runs the server keeps its parse tree.
            "prepare_threshold": 3,
            **_KEEPALIVES,
        },
    )
    # Without it the first transactions after a restart or failover of the server would fail on every connection of
    # every pool. A ping before each transaction would do as well, for a round trip each time.
    event.listen(engine, "connect", _note_fresh)
    event.listen(engine, "checkout", _refuse_hung_up)
    return engine


def _note_fresh(_connection: object, record: ConnectionPoolEntry) -> None:
    record.info[_FRESH] = True


def _refuse_hung_up(connection: Any, record: ConnectionPoolEntry, _proxy: object) -> None:
    """A server that goes says so, and a connection that nobody uses has nothing else to say.

    Raises what makes the pool forget its connections and make a new one. That one is not looked at: the pool gives up
    with a fault of its own, while a statement on it says that the server is away.
    """
    if record.info.pop(_FRESH, False):
        return
    look = select.poll()
    look.register(connection.fileno(), select.POLLIN)
    if look.poll(0):
        raise InvalidatePoolError("the server has hung up")
