"""How Alembic runs here: one migrator at a time, each migration in its own transaction, no lock waited for long."""

import logging
import os
from contextlib import suppress
from logging.config import fileConfig
from pathlib import Path

from alembic import context
from psycopg.errors import DeadlockDetected, LockNotAvailable
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, OperationalError
from sqlalchemy.pool import NullPool

from shared.persistence.tables import metadata

logger = logging.getLogger("alembic.env")

# Any number will do, but the same in every release.
MIGRATING = 0x656D61696C

WAIT_FOR_OTHER_MIGRATOR_SECONDS = 600
ASK_SECONDS = 0.25
# A migration that waits for a table makes everybody behind it wait too. It gives way before any of them gives up, which
# is after 5 s (shared/persistence/engine.py), even if it has to wait for two tables, and begins again a little later.
LOCK_TIMEOUT = "2s"
GIVES_WAY_TIMES = 30
GIVES_WAY_SECONDS = 3.0
# Longer work belongs in batches outside of migrations, or CONCURRENTLY: see docs/migrations.md.
STATEMENT_TIMEOUT = "60s"


def url() -> str:
    given = context.config.attributes.get("url") or os.environ.get("EMAIL_DATABASE_URL")
    named = os.environ.get("EMAIL_DATABASE_URL_FILE")
    if not given and named:
        given = Path(named).read_text().strip()
    if not given:
        raise RuntimeError("set EMAIL_DATABASE_URL, or EMAIL_DATABASE_URL_FILE to a file that holds it")
    return str(given)


def address() -> URL:
    """What a driver says of a URL is printed, and quotes the piece of a password that it takes for a host or a port."""
    with suppress(ValueError, ArgumentError):
        found = make_url(url())
        if "@" not in (found.host or ""):
            return found.set(drivername="postgresql+psycopg")
    raise RuntimeError("the URL of the database cannot be read: percent-encode its user and password")


def upgrade_alone(connection: Connection) -> None:
    await_turn(connection)
    for _ in range(GIVES_WAY_TIMES):
        try:
            upgrade(connection)
        except OperationalError as refused:
            if not isinstance(refused.orig, LockNotAvailable | DeadlockDetected):
                raise
            give_way(connection, type(refused.orig).__name__)
        else:
            return
    upgrade(connection)


def upgrade(connection: Connection) -> None:
    """Each migration that is left, whole or not at all: what is done stays done when the next one fails."""
    settle(connection)
    connection.commit()
    context.configure(
        connection=connection,
        target_metadata=metadata,
        transaction_per_migration=True,
        on_version_apply=lambda **_: settle(connection),
    )
    with context.begin_transaction():
        context.run_migrations()


def give_way(connection: Connection, reason: str) -> None:
    """Nothing is held meanwhile but our turn."""
    connection.rollback()
    logger.warning("gave way (%s), begins again in %s s", reason, GIVES_WAY_SECONDS)
    pause(connection, GIVES_WAY_SECONDS)


def await_turn(connection: Connection) -> None:
    """By asking now and then: an index is built CONCURRENTLY only when every transaction open before has ended, and who
    waited for the lock inside of one would be waited for in turn.
    """
    for _ in range(int(WAIT_FOR_OTHER_MIGRATOR_SECONDS / ASK_SECONDS)):
        mine = connection.execute(text("SELECT pg_try_advisory_lock(:key)"), {"key": MIGRATING}).scalar_one()
        connection.commit()
        if mine:
            return
        pause(connection, ASK_SECONDS)
    raise RuntimeError(
        "another migrator has been at work for long: see what it waits for, then run this again"
    )


def pause(connection: Connection, seconds: float) -> None:
    connection.execute(text("SELECT pg_sleep(:seconds)"), {"seconds": seconds})
    connection.commit()


def settle(connection: Connection) -> None:
    """Before each migration: the one before may have left other timeouts behind."""
    for name, value in {"lock_timeout": LOCK_TIMEOUT, "statement_timeout": STATEMENT_TIMEOUT}.items():
        connection.execute(text("SELECT set_config(:name, :value, false)"), {"name": name, "value": value})


def online() -> None:
    # The advisory lock is the session's: it goes with the connection, however this ends.
    engine = create_engine(address(), poolclass=NullPool, connect_args={"application_name": "email-migrate"})
    with engine.connect() as connection:
        upgrade_alone(connection)


def offline() -> None:
    """`upgrade head --sql`: the statements, for somebody else to run."""
    context.configure(dialect_name="postgresql", target_metadata=metadata, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()


# From the command line only: a caller of migrate() has its own logging.
if context.config.cmd_opts is not None and context.config.config_file_name is not None:
    fileConfig(context.config.config_file_name, disable_existing_loggers=False)

offline() if context.is_offline_mode() else online()
