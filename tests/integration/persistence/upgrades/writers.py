"""The code of an earlier release at work: several threads, each with a connection of its own, day after day."""

from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import Condition, Thread
from time import perf_counter
from types import TracebackType
from typing import Any, cast
from uuid import uuid4

import psycopg

from shared.persistence import make_engine
from shared.persistence.ids import new_id
from tests.integration.persistence.upgrades.transcript import Transaction, Transcript, with_values

# Of one wait for the other side: longer than anything here takes on a machine that others use too.
PATIENCE_SECONDS = 60
# What the code answers with StoreUnavailable, so that whoever asked tries again: shared/persistence/faults.py.
RETRIED = (psycopg.OperationalError, psycopg.InterfaceError, psycopg.InternalError)
RETRIES_MAX = 3


@dataclass
class Log:
    """What one writer saw."""

    rounds: int = 0
    statements: int = 0
    # Of all rounds.
    values: list[str] = field(default_factory=list)
    retried: list[str] = field(default_factory=list)
    slowest: tuple[float, str] = (0.0, "")
    fault: BaseException | None = None


class Writer(Thread):
    def __init__(self, crew: "Crew", url: str) -> None:
        super().__init__(daemon=True)
        self.log = Log()
        self._crew, self._url = crew, url

    def run(self) -> None:
        # The settings of the code that is here, which no release has changed: timeouts, prepared statements.
        engine = make_engine(self._url, application_name="email-before")
        try:
            with closing(engine.raw_connection()) as connection:
                while not self._crew.stopping:
                    self._round(cast("psycopg.Connection[Any]", connection.driver_connection))
                    self._crew.tell(self.log)
        except (psycopg.Error, AssertionError) as fault:
            self.log.fault = fault
            self._crew.tell(None)
        finally:
            engine.dispose()

    def _round(self, connection: psycopg.Connection[Any]) -> None:
        values = {name: str(new_id()) if name.startswith("@id") else _chance() for name in self._crew.names}
        for transaction in self._crew.transcript.transactions:
            self._tried(connection, transaction, values)
        self.log.values += values.values()

    def _tried(
        self, connection: psycopg.Connection[Any], transaction: Transaction, values: dict[str, str]
    ) -> None:
        for left in reversed(range(RETRIES_MAX)):
            # Before the transaction's own: what is due as of now is due to it.
            now = datetime.now(UTC)
            try:
                with connection.transaction():
                    return self._carry_out(connection, transaction, values, now)
            except RETRIED as fault:
                self.log.retried.append(f"{transaction.name}: {fault!r}")
                if not left:
                    raise
        return None

    def _carry_out(
        self,
        connection: psycopg.Connection[Any],
        transaction: Transaction,
        values: dict[str, str],
        now: datetime,
    ) -> None:
        for statement in transaction.statements:
            parameters = with_values(statement, values, now)
            began = perf_counter()
            rows = connection.execute(statement.text, parameters).rowcount
            self.log.statements += 1
            self.log.slowest = max(self.log.slowest, (perf_counter() - began, statement.text))
            if statement.rows not in {None, rows}:
                raise AssertionError(
                    f"{transaction.name}: {rows} rows, not {statement.rows}: {statement.text}"
                )


def _chance() -> str:
    return uuid4().hex + uuid4().hex


class Crew:
    """`with Crew(...) as crew`: at work from the beginning to the end, when each of them has finished its round."""

    def __init__(self, url: str, transcript: Transcript, *, size: int = 3) -> None:
        self.transcript, self.names = transcript, transcript.names
        self.stopping = False
        self._told = Condition()
        self._writers = [Writer(self, url) for _ in range(size)]

    def __enter__(self) -> "Crew":
        for writer in self._writers:
            writer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stopping = True
        for writer in self._writers:
            writer.join(PATIENCE_SECONDS)

    def tell(self, log: Log | None) -> None:
        with self._told:
            if log is not None:
                log.rounds += 1
            self._told.notify_all()

    def work_on(self, rounds: int) -> None:
        """Returns when each writer has done so many more, or one of them cannot go on."""
        with self._told:
            wanted = [log.rounds + rounds for log in self.logs]
            ended = self._told.wait_for(
                lambda: (
                    any(log.fault for log in self.logs)
                    or all(log.rounds >= number for log, number in zip(self.logs, wanted, strict=True))
                ),
                PATIENCE_SECONDS,
            )
        assert ended, "the writers do not come to the end of their rounds"

    @property
    def logs(self) -> list[Log]:
        return [writer.log for writer in self._writers]

    @property
    def faults(self) -> list[BaseException]:
        return [log.fault for log in self.logs if log.fault is not None]

    @property
    def rounds(self) -> int:
        return sum(log.rounds for log in self.logs)

    @property
    def statements(self) -> int:
        return sum(log.statements for log in self.logs)
