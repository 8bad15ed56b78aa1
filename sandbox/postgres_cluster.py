"""A data folder of PostgreSQL: how it is made, who may enter it, and how a server runs on it."""

import json
import os
import secrets
import shutil
import signal
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self

from sandbox import accounts, postgres_binaries
from sandbox.accounts import Account
from sandbox.files import private_folder, write_json
from sandbox.ports import free_port
from sandbox.process import Child, DidNotStart, Program, bare_environment, describe_exit

SUPERUSER = "postgres"
# In the state folder: where the cluster is, and its passwords.
MEMORY = "postgres.json"
START_SECONDS = 30.0
PORT_ATTEMPTS = 5

# A socket's path may have 107 bytes on Linux and 103 on macOS.
_SOCKET_PATH_BYTES = 103
_SOCKET_FILE = ".s.PGSQL.65535.lock"

_SETTINGS = """
listen_addresses = '127.0.0.1'
unix_socket_permissions = 0700
max_connections = 200
shared_buffers = 128MB
max_wal_size = 512MB
timezone = 'UTC'
log_timezone = 'UTC'
log_line_prefix = '%m [%p] %q%u@%d '
"""
_NOT_DURABLE = """
fsync = off
synchronous_commit = off
full_page_writes = off
"""
_ACCESS = """
local all all               scram-sha-256
host  all all 127.0.0.1/32  scram-sha-256
"""


@dataclass(frozen=True)
class Cluster:
    """Passwords are random, and so is the name of every folder outside the state folder."""

    place: Path
    sockets: Path
    installation: Path
    account: Account | None
    log: Path
    port: int
    superuser_password: str = field(repr=False)
    role_password: str = field(repr=False)

    @classmethod
    def prepare(cls, state: Path, *, durable: bool, installation: Path | None = None) -> Self:
        """The cluster that `state` remembers, else a new one.

        One that is not durable starts and commits faster, and a crash of the machine may destroy it. `installation`
        is the folder of PostgreSQL's programs, by default what `postgres_binaries.find` finds.
        """
        programs = installation or postgres_binaries.find()
        memory = private_folder(state) / MEMORY
        if memory.exists():
            known = json.loads(memory.read_text())
            if (Path(known["place"]) / "data" / "PG_VERSION").exists():
                return cls._at(
                    Path(known["place"]), Path(known["sockets"]), state, programs, known["passwords"]
                )
        return cls._new(state, programs, durable=durable)

    @classmethod
    def _new(cls, state: Path, programs: Path, *, durable: bool) -> Self:
        account = accounts.unprivileged()
        place = accounts.private_directory(state / "postgres", account, "email-pg-")
        sockets = _socket_folder(place, account)
        passwords = {key: secrets.token_urlsafe(24) for key in ("superuser_password", "role_password")}
        write_json(state / MEMORY, {"place": str(place), "sockets": str(sockets), "passwords": passwords})
        try:
            cluster = cls._at(place, sockets, state, programs, passwords)
            cluster.initialise(durable=durable)
        except BaseException:
            remove(state)  # half a cluster is of no use
            raise
        return cluster

    @classmethod
    def _at(cls, place: Path, sockets: Path, state: Path, programs: Path, passwords: dict[str, str]) -> Self:
        account = accounts.unprivileged()
        return cls(
            place=place,
            sockets=accounts.own(sockets, account),
            installation=postgres_binaries.reachable(programs, account, place),
            account=account,
            log=state / "logs" / "postgres.log",
            port=free_port(),
            **passwords,
        )

    @property
    def data(self) -> Path:
        return self.place / "data"

    def start(self) -> tuple[Self, Child]:
        """A server that accepts connections, and the cluster as it runs: on another port if somebody took ours."""
        cluster = self
        for _ in range(PORT_ATTEMPTS):
            child = Child(cluster.program())
            try:
                cluster.wait_ready(child)
            except DidNotStart:
                child.stop()
                if "could not create any TCP/IP sockets" not in child.output():
                    raise
                cluster = replace(cluster, port=free_port())
            else:
                return cluster, child
        raise DidNotStart("postgres", f"found its port taken {PORT_ATTEMPTS} times", self.log)

    def program(self) -> Program:
        postgres = str(self.installation / "bin" / "postgres")
        return Program(
            name="postgres",
            argv=(postgres, "-D", str(self.data), "-p", str(self.port), "-k", str(self.sockets)),
            env=bare_environment(),
            log=self.log,
            account=self.account,
            stop_signal=signal.SIGINT,  # "fast": ends the sessions; SIGTERM would wait for them to leave
            drain_seconds=30.0,
        )

    def wait_ready(self, child: Child) -> None:
        child.wait_until(lambda: self._is_served_by(child.pid), seconds=START_SECONDS)

    def _is_served_by(self, pid: int) -> bool:
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        # src/include/utils/pidfile.h: line 1 is the server's pid, line 8 its state.
        return len(lines) >= 8 and lines[0].strip() == str(pid) and lines[7].strip() == "ready"

    def initialise(self, *, durable: bool) -> None:
        """Make the data folder. DidNotStart when initdb cannot."""
        password_file = self.place / "password"
        self._write(password_file, self.superuser_password)
        command = [str(self.installation / "bin" / "initdb"), "-D", str(self.data), "-U", SUPERUSER]
        command += ["--pwfile", str(password_file), "--auth", "scram-sha-256", "--encoding", "UTF8"]
        command += self._locale() + ([] if durable else ["--no-sync"])
        self._run(command)
        password_file.unlink()
        with (self.data / "postgresql.conf").open("a") as configuration:
            configuration.write(_SETTINGS + ("" if durable else _NOT_DURABLE))
        (self.data / "pg_hba.conf").write_text(_ACCESS)

    def _locale(self) -> list[str]:
        if (
            postgres_binaries.major_version(self.installation, self.account) >= 17
        ):  # the first with a C.UTF-8 of its own
            return ["--locale", "C", "--locale-provider", "builtin", "--builtin-locale", "C.UTF-8"]
        return ["--locale", "C.UTF-8"]

    def _write(self, path: Path, text: str) -> None:
        path.touch(mode=0o600)
        path.write_text(text)
        if self.account is not None:
            os.chown(path, self.account.uid, self.account.gid)

    def _run(self, command: list[str]) -> None:
        child = Child(replace(self.program(), name=Path(command[0]).name, argv=tuple(command)))
        code = child.wait(seconds=120)
        if code != 0:
            raise DidNotStart(child.program.name, f"ended with {describe_exit(code)}", self.log)


def remove(state: Path) -> None:
    """Delete the cluster that `state` remembers, with every folder outside the state folder."""
    memory = state / MEMORY
    if memory.exists():
        known = json.loads(memory.read_text())
        for folder in (known["place"], known["sockets"]):
            shutil.rmtree(folder, ignore_errors=True)
        memory.unlink()


def _socket_folder(place: Path, account: Account | None) -> Path:
    inside = place / "sockets"
    if len(os.fsencode(inside / _SOCKET_FILE)) <= _SOCKET_PATH_BYTES:
        return accounts.own(inside, account)
    return accounts.short_directory(account, "email-pg-")
