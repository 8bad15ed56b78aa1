"""The schema's history is one line from the first migration to the newest."""

from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import Script, ScriptDirectory

from tests.architecture.sources import ROOT

SCRIPTS = ScriptDirectory.from_config(Config(ROOT / "shared/persistence/migrations/alembic.ini"))
# From the newest to the first.
HISTORY: list[Script] = list(SCRIPTS.walk_revisions())
STATEMENTS = ROOT / "tests/integration/persistence/upgrades/statements"


def test_there_is_one_first_migration_and_one_newest() -> None:
    assert (len(SCRIPTS.get_bases()), len(SCRIPTS.get_heads())) == (1, 1)


def test_every_migration_follows_one_and_is_followed_by_at_most_one() -> None:
    assert [script.revision for script in HISTORY if script.is_branch_point or script.is_merge_point] == []


def test_migrations_are_numbered_without_a_gap() -> None:
    numbers = [int(script.revision) for script in reversed(HISTORY)]
    assert numbers == list(range(1, len(HISTORY) + 1))


@pytest.mark.parametrize("script", HISTORY, ids=lambda script: script.revision)
def test_a_migration_says_what_it_does_and_stands_in_a_file_of_its_number(script: Script) -> None:
    assert script.doc
    assert script.path.rpartition("/")[2].startswith(f"{script.revision}_")


@pytest.mark.parametrize("script", HISTORY, ids=lambda script: script.revision)
def test_a_migration_goes_forward_only(script: Script) -> None:
    with pytest.raises(NotImplementedError):
        script.module.downgrade()


@pytest.mark.parametrize("script", HISTORY, ids=lambda script: script.revision)
def test_an_index_that_is_built_beside_the_work_may_be_built_again(script: Script) -> None:
    """One that failed stays behind, invalid, under its name."""
    source = Path(script.path).read_text(encoding="utf-8")
    built, dropped = ("CREATE INDEX CONCURRENTLY" in source, "DROP INDEX CONCURRENTLY IF EXISTS" in source)
    assert built <= dropped


def test_the_statements_of_the_code_before_are_kept_for_every_revision_but_the_newest() -> None:
    """docs/migrations.md says how they are recorded. Those of the newest would be outdated by the next commit."""
    kept = {file.stem for file in STATEMENTS.glob("*.sql")}
    assert kept == {script.revision for script in HISTORY[1:]}
