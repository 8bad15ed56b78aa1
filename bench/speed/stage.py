"""What a benchmark stands on: a database with our schema, a broker, web servers; and one configuration that sends."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from hashlib import sha256
from itertools import count
from pathlib import Path
from uuid import UUID, uuid4

import psycopg

from sandbox import valkey
from sandbox.ports import free_port, listens
from sandbox.postgres import Server, running
from sandbox.process import Child, Program, bare_environment
from sandbox.roles import PRODUCT
from sandbox.stack.world import PROJECT
from shared.domain.configuration import EmailConfiguration
from shared.domain.lifecycle import Administrative, Operational
from shared.persistence import PostgresStore, make_engine
from shared.persistence.migrations import migrate
from shared.ports.configurations import Change

READY_SECONDS = 60.0
CONFIGURATION, TENANT = UUID(int=1), UUID(int=2)
ROUTING_TOKEN, API_KEY = "routing-token-of-a-benchmark", "api-key-of-a-benchmark"
WEB = "web.app:from_environment"


@dataclass
class Stage:
    """Its database holds our schema and nothing else but what a benchmark puts there."""

    folder: Path
    database_url: str = field(repr=False)
    _server: Server
    _ends: ExitStack = field(default_factory=ExitStack, repr=False)
    _numbers: Iterator[int] = field(default_factory=count, repr=False)

    @cached_property
    def redis_url(self) -> str:
        keeper, broker = valkey.Keeper.prepare(self.folder).start()
        self._ends.callback(broker.stop)
        return keeper.url

    def run(self, script: str) -> None:
        """SQL, by one connection and without a transaction around it."""
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            connection.execute(script.encode())

    def ask(self, question: str, *values: object) -> list[tuple[object, ...]]:
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            return connection.execute(question.encode(), values).fetchall()

    def add_configuration(self) -> None:
        """CONFIGURATION of TENANT, which may send and has ROUTING_TOKEN."""
        engine = make_engine(self.database_url)
        with PostgresStore(engine).begin() as tx:
            tx.configurations.add(sending_configuration(), Change("bench", "create"))
        engine.dispose()

    @contextmanager
    def serving(self, app: str = WEB, **environment: str) -> Iterator[int]:
        """The port of granian with the settings that the web role has everywhere. `app` is `module:factory`."""
        port = free_port()
        command = next(role for role in PRODUCT.roles if role.name == "web").command
        argv = [app if part == WEB else part.format(port=port) for part in command]
        name = f"{app.partition(':')[0]}-{next(self._numbers)}"
        given = self.role_environment(name) if app == WEB else {"BENCH_DATABASE_URL": self.database_url}
        program = Program(
            name=name,
            argv=(sys.executable, "-m", *argv),
            env=bare_environment(PYTHONPATH=str(PROJECT), **{**given, **environment}),
            log=self.folder / f"{name}.log",
            cwd=PROJECT,
        )
        child = Child(program)
        try:
            child.wait_until(lambda: listens(child.pid, port), seconds=READY_SECONDS)
            yield port
        finally:
            child.stop()

    def role_environment(self, name: str) -> Mapping[str, str]:
        """As deployed: it logs each request, and its processes share their metrics by files."""
        metrics = self.folder / f"metrics-{name}"
        metrics.mkdir()
        return {
            "EMAIL_INFRASTRUCTURE": "Alpha002",
            "EMAIL_PARTITION": "dev",
            "EMAIL_DATABASE_URL": self.database_url,
            "EMAIL_REDIS_URL": self.redis_url,
            "EMAIL_MAIL_ZONE_ID": "Z1",
            "EMAIL_MAIL_ZONE_NAME": "dev.ardamails.com",
            "EMAIL_POSTMARK_ACCOUNT_TOKEN": "account-token-of-a-benchmark",
            "EMAIL_PUBLIC_BASE_URL": "https://mail.example.com",
            "EMAIL_KEY_MATERIAL_FILE": "nowhere.json",
            "PROMETHEUS_MULTIPROC_DIR": str(metrics),
            "ARDA_API_KEY": API_KEY,
        }

    @contextmanager
    def another(self) -> Iterator["Stage"]:
        """With a database of its own on the same server, and a broker of its own."""
        folder = self.folder / f"another-{next(self._numbers)}"
        folder.mkdir()
        with _stage_on(self._server, folder) as stage:
            yield stage

    def close(self) -> None:
        self._ends.close()


def sending_configuration() -> EmailConfiguration:
    now = datetime.now(UTC)
    return EmailConfiguration(
        e_id=CONFIGURATION,
        tenant_id=TENANT,
        slug="bench",
        from_name="Bench",
        operational=Operational.OK,
        administrative=Administrative.UNLOCKED,
        routing_token_hash=sha256(ROUTING_TOKEN.encode()).digest(),
        operational_since=now,
        administrative_since=now,
        created_at=now,
        updated_at=now,
    )


@contextmanager
def stage_in(folder: Path) -> Iterator[Stage]:
    folder.mkdir(parents=True, exist_ok=True)
    with running(folder / "postgres") as server, _stage_on(server, folder) as stage:
        yield stage


@contextmanager
def _stage_on(server: Server, folder: Path) -> Iterator[Stage]:
    name = f"bench_{uuid4().hex}"
    stage = Stage(folder, server.create_database(name), server)
    try:
        migrate(stage.database_url)
        yield stage
    finally:
        stage.close()
        server.drop_database(name)
