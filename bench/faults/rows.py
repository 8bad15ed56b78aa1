"""Postgres, read directly: the rows are the product's own history."""

import threading
import time
from collections.abc import Collection
from dataclasses import dataclass
from types import TracebackType
from typing import Any, LiteralString, Self

import psycopg
from psycopg.rows import class_row

WAITING = ("QUEUED", "SENDING", "IN_DOUBT")
SENT = ("SENT", "DELIVERED", "BOUNCED", "COMPLAINED")
TRIES_SECONDS = 60.0


@dataclass(frozen=True)
class Row:
    job_id: str
    key: str
    status: str
    # Waits where a sweep sees it: a due time, or a lease that runs out.
    visible: bool
    attempts: int
    error_code: str | None


_ROW = """
SELECT e_id::text AS job_id, idempotency_key AS key, status, attempts, error_code,
       coalesce(due_at, lease_until) IS NOT NULL AS visible
  FROM email_job WHERE"""
_ROWS = f"{_ROW} idempotency_key LIKE %s"
_ROWS_OF = f"{_ROW} e_id::text = ANY(%s)"
# Each count by its partial index, however many rows are done.
_WAITING = "SELECT " + ", ".join(
    f"(SELECT count(*) FROM email_job WHERE status = '{status}') AS {status.lower()}" for status in WAITING
)


class Database:
    """Asks again when the server is away: a fault may be just that."""

    def __init__(self, url: str) -> None:
        self._url = url

    def rows(self, prefix: str) -> list[Row]:
        with self._connected() as connection:
            return connection.cursor(row_factory=class_row(Row)).execute(_ROWS, [f"{prefix}%"]).fetchall()

    def rows_of(self, job_ids: Collection[str]) -> list[Row]:
        with self._connected() as connection:
            found = connection.cursor(row_factory=class_row(Row)).execute(_ROWS_OF, [list(job_ids)])
            return found.fetchall()

    def waiting(self) -> dict[str, int]:
        """Of all jobs, by status; what is done is left out."""
        with self._connected() as connection:
            found = connection.execute(_WAITING).fetchone()
        assert found is not None
        return dict(zip(WAITING, found, strict=True))

    def not_reported_on(self, prefix: str) -> int:
        """Jobs that were sent, and nobody has heard of them since."""
        question = "SELECT count(*) FROM email_job WHERE status = 'SENT' AND idempotency_key LIKE %s"
        return int(self.ask(question, f"{prefix}%")[0][0])

    def configurations_not_reported_on(self, prefix: str) -> list[str]:
        question = (
            "SELECT DISTINCT configuration_id::text FROM email_job"
            " WHERE status = 'SENT' AND idempotency_key LIKE %s"
        )
        return sorted(e_id for (e_id,) in self.ask(question, f"{prefix}%"))

    def ask(self, question: str, *values: Any) -> list[tuple[Any, ...]]:
        with self._connected() as connection:
            return connection.execute(question, values).fetchall()

    def run(self, statements: LiteralString) -> None:
        """One transaction."""
        with self._connected() as connection, connection.transaction():
            connection.execute(statements)

    def connect(self) -> "psycopg.Connection[tuple[Any, ...]]":
        """One more connection, or the server's refusal."""
        return psycopg.connect(self._url, autocommit=True, connect_timeout=5)

    def _connected(self) -> "psycopg.Connection[tuple[Any, ...]]":
        deadline = time.monotonic() + TRIES_SECONDS
        while True:
            try:
                return self.connect()
            except psycopg.OperationalError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)


class DoubtWatch:
    """How many jobs were in doubt at most, and when the last of them was resolved. Looks five times a second."""

    LOOK_SECONDS = 0.2

    def __init__(self, database: Database) -> None:
        self._database = database
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="doubts", daemon=True)
        self.peak = 0
        self._last_seen: float | None = None

    def __enter__(self) -> Self:
        self._begun = time.monotonic()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, at: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    @property
    def last_resolved_seconds(self) -> float | None:
        """Since the beginning; None when none was seen."""
        return (
            None if self._last_seen is None else round(self._last_seen - self._begun + self.LOOK_SECONDS, 1)
        )

    def _watch(self) -> None:
        connection = None
        while not self._stop.wait(self.LOOK_SECONDS):
            try:
                connection = connection or self._database.connect()
                found = connection.execute(
                    "SELECT count(*) FROM email_job WHERE status = 'IN_DOUBT'"
                ).fetchone()
            except psycopg.Error:
                connection = None
                continue
            if found is not None and found[0]:
                self.peak = max(self.peak, int(found[0]))
                self._last_seen = time.monotonic()
        if connection is not None:
            connection.close()
