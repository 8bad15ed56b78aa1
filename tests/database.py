"""Databases for tests: one server a test process, migrated once; every database a test gets is a copy of that."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import pytest
from sqlalchemy import Engine

from sandbox.postgres import Server, running
from shared.persistence import PostgresStore, make_engine
from shared.persistence.migrations import migrate


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of our own, or the one that EMAIL_DATABASE_URL names, with a role that may make databases."""
    with running(tmp_path_factory.mktemp("postgres")) as server:
        yield server


@pytest.fixture
def empty_database(postgres: Server) -> Iterator[str]:
    """The URL of a database with nothing in it."""
    with database(postgres) as url:
        yield url


@pytest.fixture(scope="session")
def migrated_template(postgres: Server) -> Iterator[str]:
    """The name of a database that the migrations made and nobody connects to."""
    with database(postgres) as url:
        migrate(url)
        yield _name(url)


@pytest.fixture
def database_url(postgres: Server, migrated_template: str) -> Iterator[str]:
    """The URL of a database of this test alone, with the schema and no rows."""
    with database(postgres, template=migrated_template) as url:
        yield url


@pytest.fixture(scope="module")
def module_database_url(postgres: Server, migrated_template: str) -> Iterator[str]:
    """The same for all tests of a module."""
    with database(postgres, template=migrated_template) as url:
        yield url


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = make_engine(database_url, application_name="email-test")
    yield engine
    engine.dispose()


@pytest.fixture
def postgres_store(engine: Engine) -> PostgresStore:
    return PostgresStore(engine)


@contextmanager
def database(server: Server, *, template: str = "template1") -> Iterator[str]:
    """The URL of a new database, dropped at the end."""
    name = f"email_test_{uuid4().hex}"
    try:
        yield server.create_database(name, template=template)
    finally:
        server.drop_database(name)


def _name(url: str) -> str:
    return url.partition("?")[0].rpartition("/")[2]
