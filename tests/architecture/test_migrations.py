"""The schema's history is one line from the first migration to the newest."""

import pytest
from alembic.config import Config
from alembic.script import Script, ScriptDirectory

from tests.architecture.sources import ROOT

SCRIPTS = ScriptDirectory.from_config(Config(ROOT / "shared/persistence/migrations/alembic.ini"))
# From the newest to the first.
HISTORY: list[Script] = list(SCRIPTS.walk_revisions())


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
