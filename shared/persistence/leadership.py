"""One leader by a Postgres advisory lock: held by a session, so it ends with the process, the host or the network."""

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import SQLAlchemyError

# Any 64-bit number will do, as long as nobody else in this database uses it: "email:sc" in ASCII.
SCHEDULER_LOCK = 0x656D61696C3A7363


class AdvisoryLeadership:
    def __init__(self, engine: Engine, lock: int = SCHEDULER_LOCK) -> None:
        # No pool: the connection is the lock, and must not be handed back or recycled.
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._lock = lock
        self._connection: Connection | None = None

    def hold(self) -> bool:
        try:
            return self._still_holds() or self._acquire()
        except SQLAlchemyError:
            self._let_go()
            return False

    def resign(self) -> None:
        self._let_go()

    def _still_holds(self) -> bool:
        """A lost session shows here: the statement fails."""
        if self._connection is None:
            return False
        self._connection.execute(text("SELECT 1"))
        return True

    def _acquire(self) -> bool:
        connection = self._engine.connect()
        try:
            held = connection.scalar(text("SELECT pg_try_advisory_lock(:lock)"), {"lock": self._lock})
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
