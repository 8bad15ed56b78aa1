"""One leader by a Postgres advisory lock: held by a session, so it ends with the process, the host or the network.

A process that is stopped, or on a host that hangs, keeps its session and with it the lock. So the server ends the
leader's session when it has been silent for too long: `idle_session_timeout`, PostgreSQL 14 and later. The clock is the
server's; whoever lost its session learns of it by its next question, before it does anything as leader.
"""

import threading

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import SQLAlchemyError

# Any 64-bit number will do, as long as nobody else in this database uses it: "email:sc" in ASCII.
SCHEDULER_LOCK = 0x656D61696C3A7363

# One statement: no moment in which the lock is held and the server would wait for ever.
_ACQUIRE = text(
    "SELECT CASE WHEN pg_try_advisory_lock(:lock)"
    " THEN set_config('idle_session_timeout', :silence, false) END IS NOT NULL"
)


class AdvisoryLeadership:
    """May be asked from any thread."""

    def __init__(self, engine: Engine, lock: int = SCHEDULER_LOCK) -> None:
        # No pool: the connection is the lock, and must not be handed back or recycled.
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._lock = lock
        self._connection: Connection | None = None
        self._asking = threading.Lock()

    def hold(self, *, silence_seconds: float) -> bool:
        with self._asking:
            if self._still_holds():
                return True
            try:
                return self._acquire(silence_seconds)
            except SQLAlchemyError:
                return False

    def holds(self) -> bool:
        with self._asking:
            return self._still_holds()

    def resign(self) -> None:
        with self._asking:
            self._let_go()

    def _still_holds(self) -> bool:
        """A lost session shows here: the statement fails. It is also what breaks the silence."""
        if self._connection is None:
            return False
        try:
            self._connection.execute(text("SELECT 1"))
        except SQLAlchemyError:
            self._let_go()
        return self._connection is not None

    def _acquire(self, silence_seconds: float) -> bool:
        connection = self._engine.connect()
        try:
            silence = f"{silence_seconds * 1000:.0f}ms"
            held = connection.scalar(_ACQUIRE, {"lock": self._lock, "silence": silence})
        except SQLAlchemyError:
            connection.invalidate()
            connection.close()
            raise
        if held:
            self._connection = connection
        else:
            connection.close()
        return bool(held)

    def _let_go(self) -> None:
        """Closes the session rather than returning it to a pool, where it would keep the lock."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.invalidate()
            connection.close()
