"""Databases at every revision, each a copy of one that the migrations made."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from sandbox.postgres import Server
from shared.persistence.migrations import migrate
from tests.database import database
from tests.integration.persistence.upgrades.history import REVISIONS

At = Callable[[str], str]


@pytest.fixture(scope="session")
def templates(postgres: Server) -> Iterator[dict[str, str]]:
    """Revision to the name of a database at it, to which nobody connects."""
    with ExitStack() as held:
        template, made = "template1", {}
        for revision in REVISIONS:
            url = held.enter_context(database(postgres, template=template))
            migrate(url, revision)
            template = made[revision] = url.partition("?")[0].rpartition("/")[2]
        yield made


@pytest.fixture(scope="module")
def database_at(postgres: Server, templates: dict[str, str]) -> Iterator[At]:
    """The URL of a new database at a revision."""
    with ExitStack() as held:
        yield lambda revision: held.enter_context(database(postgres, template=templates[revision]))
