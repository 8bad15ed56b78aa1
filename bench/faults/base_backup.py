"""A base backup of the stack's PostgreSQL, taken while it serves, and its return in the place of the data."""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg

from sandbox import accounts, postgres_binaries
from sandbox.postgres_cluster import MEMORY, SUPERUSER

_REPLICATION = "local replication all scram-sha-256\n"
BACKUP_SECONDS = 120.0


@dataclass(frozen=True)
class BaseBackups:
    data: Path
    sockets: Path
    port: int
    password: str = field(repr=False)

    @classmethod
    def of(cls, folder: Path, places: Mapping[str, Any]) -> "BaseBackups":
        known = json.loads((folder / MEMORY).read_text())
        return cls(
            data=Path(known["place"]) / "data",
            sockets=Path(known["sockets"]),
            port=urlsplit(places["database_url"]).port or 0,
            password=known["passwords"]["superuser_password"],
        )

    def take(self, into: Path) -> None:
        """As of the moment in which it returns. subprocess.CalledProcessError says why it could not."""
        self._let_copy()
        program = postgres_binaries.find() / "bin" / "pg_basebackup"
        where = ("-h", str(self.sockets), "-p", str(self.port), "-U", SUPERUSER, "--no-password")
        how = ("-D", str(into), "--wal-method", "stream", "--checkpoint", "fast", "--no-sync")
        subprocess.run(
            [program, *where, *how],
            env={**os.environ, "PGPASSWORD": self.password},
            capture_output=True,
            timeout=BACKUP_SECONDS,
            check=True,
        )

    def put_back(self, taken: Path) -> None:
        """In the place of the data of a server that does not run."""
        shutil.rmtree(self.data)
        shutil.copytree(taken, self.data, symlinks=True)
        account = accounts.unprivileged()
        for path in (self.data, *self.data.rglob("*")):
            if account is not None:
                os.chown(path, account.uid, account.gid, follow_symlinks=False)
        self.data.chmod(0o700)

    def _let_copy(self) -> None:
        access = self.data / "pg_hba.conf"
        if _REPLICATION not in access.read_text():
            with access.open("a") as file:
                file.write(_REPLICATION)
        address = f"host={self.sockets} port={self.port} user={SUPERUSER} dbname=postgres"
        with psycopg.connect(address, password=self.password, autocommit=True) as connection:
            connection.execute("SELECT pg_reload_conf()")
