"""The migrated schema, the tables that the code knows, and the domain's values are one and the same."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields
from pathlib import Path
from typing import Any

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, text

from sandbox.postgres import Server
from shared.domain.attempt import SendAttempt
from shared.domain.audit import OperatorAction
from shared.domain.dead_letter import DeadLetter
from shared.domain.job import EmailJob
from shared.domain.suppression import SuppressionEntry
from shared.persistence import make_engine
from shared.persistence.job_rows import JOB_KINDS
from shared.persistence.migrations import config_for, migrate
from shared.persistence.suppression_rows import ENTRY_KINDS
from shared.persistence.tables import (
    dead_letter,
    email_job,
    metadata,
    operator_action,
    send_attempt,
    suppression_entry,
)
from tests.waiting import eventually

ROOT = Path(__file__).parents[3]

CATALOGUE = {
    "columns": """
        SELECT table_name, column_name, data_type, is_nullable, column_default, collation_name
        FROM information_schema.columns WHERE table_schema = 'public'""",
    "indexes": "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'",
    "constraints": """
        SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
        WHERE connamespace = 'public'::regnamespace""",
    "storage": """
        SELECT relname, reloptions::text FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'i')""",
}

# As env.py locks it, in every release.
MIGRATING = 0x656D61696C
HEAD = ScriptDirectory.from_config(config_for("postgresql://")).get_current_head()


@pytest.fixture
def rows_of(postgres: Server) -> Callable[[str, str], set[Any]]:
    def rows(url: str, query: str) -> set[Any]:
        with psycopg.connect(url) as connection:
            return {row for row in connection.execute(query) if "alembic_version" not in str(row)}

    return rows


@pytest.mark.parametrize("part", CATALOGUE)
def test_the_migrations_make_just_the_schema_that_the_code_knows(
    database_url: str, empty_database: str, rows_of: Callable[[str, str], set[Any]], part: str
) -> None:
    engine = make_engine(empty_database)
    metadata.create_all(engine)
    engine.dispose()
    assert rows_of(database_url, CATALOGUE[part]) == rows_of(empty_database, CATALOGUE[part])


def test_alembic_sees_nothing_left_to_migrate(database_url: str) -> None:
    engine = make_engine(database_url)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    engine.dispose()


def test_the_history_is_one_numbered_line() -> None:
    script = ScriptDirectory.from_config(config_for("postgresql://unused"))
    revisions = list(script.walk_revisions())[::-1]
    numbers = [f"{number:04}" for number in range(1, len(revisions) + 1)]
    assert [revision.revision for revision in revisions] == numbers
    assert [revision.down_revision for revision in revisions] == [None, *numbers[:-1]]
    assert script.get_heads() == numbers[-1:]


def test_migrators_at_once_take_turns(empty_database: str) -> None:
    """Processes, not threads: Alembic's context belongs to its process."""
    with ThreadPoolExecutor(3) as threads:
        commands = [
            threads.submit(alembic, "upgrade", "head", cwd=ROOT, EMAIL_DATABASE_URL=empty_database)
            for _ in range(3)
        ]
    ended = [command.result() for command in commands]
    assert [done.returncode for done in ended] == [0, 0, 0], [done.stderr for done in ended]
    assert sum("Running upgrade" in done.stderr for done in ended) == 1
    assert version_of(empty_database) == HEAD


def test_a_migrator_that_waits_for_its_turn_does_not_hold_up_an_index_that_is_built_meanwhile(
    empty_database: str,
) -> None:
    """It would, in a transaction: an index is built CONCURRENTLY when all of those have ended."""
    with psycopg.connect(empty_database, autocommit=True) as other, ThreadPoolExecutor(1) as thread:
        other.execute("SET statement_timeout = '30s'")
        other.execute("CREATE TABLE filled (id integer)")
        other.execute("SELECT pg_advisory_lock(%s)", [MIGRATING])
        command = thread.submit(alembic, "upgrade", "head", cwd=ROOT, EMAIL_DATABASE_URL=empty_database)
        assert eventually(lambda: _asks_for_its_turn(other), seconds=30)
        other.execute("CREATE INDEX CONCURRENTLY ix_filled ON filled (id)")
        assert not command.done()
        other.execute("SELECT pg_advisory_unlock(%s)", [MIGRATING])
        assert command.result().returncode == 0, command.result().stderr
    assert version_of(empty_database) == HEAD


def _asks_for_its_turn(connection: psycopg.Connection[Any]) -> bool:
    asked = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'email-migrate' AND query ~ 'pg_sleep'"
    row = connection.execute(asked).fetchone()
    return row is not None and row[0] == 1


def test_indexes_that_were_left_behind_half_built_are_built_anew(
    empty_database: str, rows_of: Callable[[str, str], set[Any]], database_url: str
) -> None:
    migrate(empty_database, "0006")
    with psycopg.connect(empty_database) as connection:
        connection.execute("CREATE INDEX ix_operator_action_author ON operator_action (reason)")
    migrate(empty_database)
    assert rows_of(empty_database, CATALOGUE["indexes"]) == rows_of(database_url, CATALOGUE["indexes"])


def test_code_that_knows_the_first_schema_only_goes_on_writing(empty_database: str) -> None:
    """Deployments migrate first: for a while the code before meets the schema after."""
    migrate(empty_database, "0001")
    with psycopg.connect(empty_database) as connection:
        connection.execute(FILL_0001)
    migrate(empty_database)
    with psycopg.connect(empty_database) as connection:
        connection.execute(FILL_0001.replace("acme", "other").replace("0001-", "0002-"))
        jobs = connection.execute("SELECT worker_deaths, replayed_at FROM email_job").fetchall()
        accounts = connection.execute(
            "SELECT probing_until, pauses_in_a_row FROM provider_account"
        ).fetchall()
    assert jobs == [(0, None), (0, None)]
    assert accounts == [(None, 0)]


# As the code of the first schema writes: each column by its name.
FILL_0001 = """
    INSERT INTO email_configuration (
        e_id, tenant_id, slug, from_local_part, from_name, operational, administrative, recovering, records_written,
        undoing, tries, send_faults_in_a_row, version, created_at, updated_at
    ) VALUES (
        'cccccccc-0001-4000-8000-000000000000', 'eeeeeeee-0001-4000-8000-000000000000', 'acme', 'noreply', 'Acme',
        'OK', 'UNLOCKED', false, true, false, 0, 0, 1, now(), now()
    );
    INSERT INTO email_job (
        e_id, tenant_id, configuration_id, recipient, idempotency_key, body_hash, status, author, accepted_at,
        updated_at, due_at, attempts, late_looks, version
    ) VALUES (
        'aaaaaaaa-0001-4000-8000-000000000000', 'eeeeeeee-0001-4000-8000-000000000000',
        'cccccccc-0001-4000-8000-000000000000', 'person@example.com', 'key', '', 'QUEUED', 'orders', now(), now(),
        now(), 0, 0, 1
    );
    INSERT INTO provider_account (id, paused_until, reason, updated_at) VALUES (1, now(), '405', now())
    ON CONFLICT (id) DO UPDATE SET paused_until = excluded.paused_until
"""


def test_migrating_again_changes_nothing(database_url: str) -> None:
    migrate(database_url)
    assert version_of(database_url) == HEAD


def version_of(url: str) -> object:
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return row and row[0]


@pytest.mark.parametrize("from_file", [False, True])
def test_the_command_takes_its_database_from_the_environment(
    empty_database: str, tmp_path: Path, from_file: bool
) -> None:
    secret = tmp_path / "url"
    secret.write_text(empty_database + "\n")
    given = {"EMAIL_DATABASE_URL_FILE": str(secret)} if from_file else {"EMAIL_DATABASE_URL": empty_database}
    done = alembic("upgrade", "head", cwd=ROOT, **given)
    assert done.returncode == 0, done.stderr
    assert "Running upgrade  -> 0001" in done.stderr
    assert version_of(empty_database) == HEAD


def test_the_command_works_from_any_folder(empty_database: str, tmp_path: Path) -> None:
    done = alembic("upgrade", "head", cwd=tmp_path, EMAIL_DATABASE_URL=empty_database)
    assert done.returncode == 0, done.stderr


def test_the_command_without_a_database_says_what_to_set(tmp_path: Path) -> None:
    done = alembic("upgrade", "head", cwd=ROOT)
    assert done.returncode != 0
    assert "set EMAIL_DATABASE_URL" in done.stderr


def test_the_statements_can_be_printed_for_somebody_else_to_run() -> None:
    done = alembic("upgrade", "head", "--sql", cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert "CREATE TABLE email_configuration_record" in done.stdout


def alembic(*arguments: str, cwd: Path, **given: str) -> subprocess.CompletedProcess[str]:
    ini = ROOT / "shared/persistence/migrations/alembic.ini"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("EMAIL_DATABASE")}
    command = [sys.executable, "-m", "alembic", "-c", str(ini), *arguments]
    return subprocess.run(
        command,
        cwd=cwd,
        env={**environment, **given},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("value", "table"),
    [(SendAttempt, send_attempt), (DeadLetter, dead_letter), (OperatorAction, operator_action)],
)
def test_a_value_that_is_read_as_a_row_has_just_its_columns(value: Any, table: Any) -> None:
    assert {field.name for field in fields(value)} == set(table.c.keys())


@pytest.mark.parametrize(
    ("value", "table", "kinds"),
    [(EmailJob, email_job, JOB_KINDS), (SuppressionEntry, suppression_entry, ENTRY_KINDS)],
    ids=["job", "suppression"],
)
def test_a_row_has_a_column_for_each_field_of_its_value(
    value: Any, table: Any, kinds: dict[str, Any]
) -> None:
    named = [field.name for field in fields(value)]
    assert set(named) == set(table.c.keys()) == set(kinds)


def test_every_time_is_kept_with_its_zone(database_url: str) -> None:
    engine = create_engine(database_url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.connect() as connection:
        naive = connection.execute(
            text(
                "SELECT table_name, column_name FROM information_schema.columns WHERE data_type ~ 'without time'"
            )
        ).all()
    engine.dispose()
    assert naive == []


def test_a_duplicate_index_is_nobodys_wish(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        definitions = connection.execute(
            "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'"
        ).fetchall()
    meant = [re.sub(r"INDEX \S+ ON", "INDEX ON", definition) for (definition,) in definitions]
    assert len(meant) == len(set(meant))
