"""The revisions, as Alembic's own scripts tell them, and the file of statements of each."""

from pathlib import Path

from alembic.script import ScriptDirectory

from shared.persistence.migrations import config_for

_SCRIPTS = ScriptDirectory.from_config(config_for("postgresql://"))
# From the first to the newest.
REVISIONS = [script.revision for script in _SCRIPTS.walk_revisions()][::-1]
HEAD = REVISIONS[-1]
EARLIER = REVISIONS[:-1]
FOLDER = Path(__file__).with_name("statements")


def file_of(revision: str) -> Path:
    return FOLDER / f"{revision}.sql"
