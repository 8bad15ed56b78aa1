"""One transaction: begun, seen through repositories, committed or rolled back."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from sqlalchemy import Connection, Engine, func, select, text
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolUsedUp

from shared.domain.errors import StoreUnavailable
from shared.persistence.account import PostgresAccountState
from shared.persistence.configurations import PostgresConfigurations
from shared.persistence.events import PostgresEvents
from shared.persistence.ids import new_id
from shared.persistence.jobs import PostgresJobs
from shared.persistence.suppressions import PostgresSuppressions
from shared.ports.clock import NewId
from shared.ports.store import (
    AccountState,
    Configurations,
    Events,
    Jobs,
    Suppressions,
    Transaction,
    transaction_open,
)


class DatabaseFault(RuntimeError):
    """A fault of ours, or of the schema: a statement that PostgreSQL refuses whenever it is asked.

    It names the rule and never shows the values: the driver's own message quotes the row, recipient and body included.
    """


class PostgresTransaction:
    configurations: Configurations
    jobs: Jobs
    events: Events
    suppressions: Suppressions
    account: AccountState

    def __init__(self, connection: Connection, new_id: NewId) -> None:
        self._connection = connection
        self._now: datetime | None = None
        self.configurations = PostgresConfigurations(connection, new_id)
        self.jobs = PostgresJobs(connection)
        self.events = PostgresEvents(connection)
        self.suppressions = PostgresSuppressions(connection, new_id)
        self.account = PostgresAccountState(connection)

    def now(self) -> datetime:
        if self._now is None:
            self._now = self._connection.execute(_NOW).scalar_one()
        return self._now


_NOW = select(func.now())


class PostgresStore:
    """READ COMMITTED: what must hold between rows is held by locks, unique indexes and compare-and-set."""

    def __init__(self, engine: Engine, new_id: NewId = new_id) -> None:
        self._engine = engine
        self._new_id = new_id

    @contextmanager
    def begin(self) -> Iterator[Transaction]:
        """Raises `StoreUnavailable` when the database does not answer, is too slow, or had to break a deadlock.

        `RuntimeError` when this thread has a transaction open already: two at once could wait for each other.
        """
        if transaction_open.get():
            raise RuntimeError("a transaction is begun while another one is open")
        token = transaction_open.set(True)
        try:
            with _errors_in_our_words(), self._engine.begin() as connection:
                yield PostgresTransaction(connection, self._new_id)
        finally:
            transaction_open.reset(token)

    def ping(self) -> None:
        with _errors_in_our_words(), self._engine.connect() as connection:
            connection.execute(text("SELECT 1"))


@contextmanager
def _errors_in_our_words() -> Iterator[None]:
    try:
        yield
    except (OperationalError, InterfaceError) as error:
        raise StoreUnavailable(f"{type(error.orig).__name__}") from error
    except PoolUsedUp as error:
        raise StoreUnavailable("every connection of the pool is in use") from error
    except DBAPIError as error:
        raise DatabaseFault(_without_values(error)) from None


def _without_values(error: DBAPIError) -> str:
    diagnosis = getattr(error.orig, "diag", None)
    rule = getattr(diagnosis, "constraint_name", None) or getattr(diagnosis, "column_name", None)
    return f"{type(error.orig).__name__}" + (f" ({rule})" if rule else "")
