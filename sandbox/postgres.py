"""A real PostgreSQL: private socket, kernel-assigned port on the loopback, passwords, a plain application role.

EMAIL_DATABASE_URL names a server to use instead of an own one.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from sandbox import postgres_cluster
from sandbox.leash import leashed
from sandbox.ports import LOOPBACK
from sandbox.postgres_cluster import SUPERUSER, Cluster

GIVEN = "EMAIL_DATABASE_URL"
# Owns its database and nothing else: a superuser, or a role with BYPASSRLS, would not see row level security.
ROLE = "email"


@dataclass(frozen=True)
class Server:
    """A running server. `pid` is None when it is somebody else's, named by EMAIL_DATABASE_URL."""

    url: str = field(repr=False)
    superuser_url: str = field(repr=False)
    pid: int | None

    def create_database(self, name: str, *, template: str = "template1") -> str:
        """The URL of a new database that the application role owns.

        `template` is copied whole; psycopg.errors.ObjectInUse while anybody is connected to it.
        """
        owner = conninfo_to_dict(self.url)["user"]
        names = [sql.Identifier(str(value)) for value in (name, owner, template)]
        self._administer(sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE {}").format(*names))
        return with_database(self.url, name)

    def drop_database(self, name: str) -> None:
        """Sessions that are still connected to it are ended."""
        self._administer(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def _administer(self, statement: sql.Composed) -> None:
        with psycopg.connect(self.superuser_url, autocommit=True) as connection:
            connection.execute(statement)


def with_database(url: str, name: str) -> str:
    """The same server, role and options, another database."""
    address, _, options = url.partition("?")
    return address.rpartition("/")[0] + f"/{name}" + (f"?{options}" if options else "")


def given() -> Server | None:
    """The server that EMAIL_DATABASE_URL names. Making databases on it takes a role that may."""
    url = os.environ.get(GIVEN)
    return Server(url=url, superuser_url=url, pid=None) if url else None


@contextmanager
def running(
    state: Path, *, durable: bool = False, keep: bool = False, installation: Path | None = None
) -> Iterator[Server]:
    """A server with its files in `state`, stopped at the end.

    `keep` leaves the data, and the next server in the same `state` goes on with it.
    """
    if (other := given()) is not None:
        yield other
        return
    cluster = Cluster.prepare(state, durable=durable, installation=installation)
    try:
        cluster, child = cluster.start()
        with leashed(child):
            yield set_up(cluster, child.pid)
    finally:
        if not keep:
            postgres_cluster.remove(state)


def set_up(cluster: Cluster, pid: int) -> Server:
    """The running cluster as a server, its role and its database made on the first start."""
    server = Server(
        url=f"postgresql://{ROLE}:{cluster.role_password}@{LOOPBACK}:{cluster.port}/{ROLE}",
        superuser_url=f"postgresql://{SUPERUSER}:{cluster.superuser_password}@/postgres"
        f"?host={cluster.sockets}&port={cluster.port}",
        pid=pid,
    )
    with psycopg.connect(server.superuser_url, autocommit=True) as connection:
        known = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [ROLE]).fetchone()
        if known is None:
            create = sql.SQL("CREATE ROLE {} LOGIN NOSUPERUSER NOCREATEROLE NOBYPASSRLS PASSWORD {}")
            connection.execute(create.format(sql.Identifier(ROLE), sql.Literal(cluster.role_password)))
            server.create_database(ROLE)
    return server
