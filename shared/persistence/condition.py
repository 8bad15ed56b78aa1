"""How the database itself is: for operators, and never on the way of a caller's request."""

from functools import cache
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import ProgrammingError

from shared.persistence.faults import in_our_words
from shared.persistence.leadership import SCHEDULER_LOCK
from shared.ports.database import DatabaseSeen, Lead

if TYPE_CHECKING:
    from alembic.script import ScriptDirectory

_SELF = text("SELECT current_setting('server_version') AS version, clock_timestamp() AS now")
_REVISION = text("SELECT version_num FROM alembic_version")
# A key of 64 bits stands in pg_locks as two of 32, with objsubid 1.
_LEAD = text(
    "SELECT session.backend_start AS since, session.state_change AS heard_at, host(session.client_addr) AS address"
    " FROM pg_locks AS held JOIN pg_stat_activity AS session USING (pid)"
    " WHERE held.locktype = 'advisory' AND held.granted AND held.objsubid = 1"
    " AND held.database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    " AND held.classid::bigint = :high AND held.objid::bigint = :low"
)
_LOCK = {"high": SCHEDULER_LOCK >> 32, "low": SCHEDULER_LOCK & 0xFFFF_FFFF}


class PostgresLook:
    """Implements `DatabaseLook` and `LeadLook` of `ports.database`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")

    def look(self) -> DatabaseSeen:
        with in_our_words(), self._engine.connect() as connection:
            told = connection.execute(_SELF).one()
            revision = _revision(connection)
            lead = _lead(connection)
        return DatabaseSeen(
            version=told.version,
            now=told.now,
            revision=revision,
            head=_head(),
            revision_known=revision is not None and _is_ours(revision),
            lead=lead,
        )

    def lead(self) -> Lead | None:
        with in_our_words(), self._engine.connect() as connection:
            return _lead(connection)


def _lead(connection: Connection) -> Lead | None:
    found = connection.execute(_LEAD, _LOCK).first()
    return None if found is None else Lead(found.since, found.heard_at, found.address)


def _revision(connection: Connection) -> str | None:
    try:
        return connection.execute(_REVISION).scalar_one_or_none()
    except ProgrammingError:
        # No such table: nobody has migrated it.
        return None


@cache
def _scripts() -> "ScriptDirectory":
    # Not at the top: of all that import this only the doctor asks, and Alembic brings a template engine along.
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    from shared.persistence.migrations import config_for  # noqa: PLC0415

    return ScriptDirectory.from_config(config_for(""))


def _head() -> str:
    head = _scripts().get_current_head()
    assert head is not None, "there are migrations"
    return head


def _is_ours(revision: str) -> bool:
    from alembic.util import CommandError  # noqa: PLC0415 - see `_scripts`

    try:
        return _scripts().get_revision(revision) is not None
    except CommandError:
        return False
