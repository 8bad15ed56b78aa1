"""The schema's history. docs/migrations.md has the rules for the next one."""

from pathlib import Path

from alembic import command
from alembic.config import Config

_INI = Path(__file__).with_name("alembic.ini")


def config_for(url: str) -> Config:
    """`url` as `postgresql://...`; the environment is not read."""
    config = Config(_INI)
    config.attributes["url"] = url
    return config


def migrate(url: str, revision: str = "head") -> None:
    """Brings the database to `revision`.

    Processes that do so at once take turns; threads of one process must not: Alembic's context is global.
    """
    command.upgrade(config_for(url), revision)
