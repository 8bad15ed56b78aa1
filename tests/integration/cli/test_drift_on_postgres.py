"""Drift, asked for and waited for, on rows as they are in Postgres; the worker's part is done while it waits."""

import json
from collections.abc import Callable, Iterator
from uuid import UUID

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Engine, text

from shared.cli.main import cli
from shared.cli.session import Tools
from shared.config.settings import Settings
from shared.domain.drift import Assertion, Discrepancy, Drift, Problem, Verdict
from shared.persistence import PostgresStore
from shared.persistence.ids import new_id
from tests import factories
from tests.fakes.doorbell import RecordingDoorbell
from tests.integration.web.conftest import settings
from tests.unit.web.api import container_of

__all__ = ["settings"]

DNS = Assertion.DNS
WHY = ("--reason", "ticket 4711")


class World:
    """Each wait is a turn for somebody else."""

    def __init__(self, settings: Settings, store: PostgresStore) -> None:
        self.store = store
        self.turns: Iterator[Callable[[], object]] = iter(())
        self._tools = Tools(
            read=lambda: settings,
            build=lambda _: container_of(settings, store, RecordingDoorbell(), new_id),
            wait=self._wait,
        )

    def _wait(self, _: float) -> None:
        next(self.turns)()

    def run(self, *args: object) -> Result:
        env = {"EMAIL_AUTHOR": "operator@example.com"}
        return CliRunner().invoke(cli, [str(arg) for arg in args], obj=self._tools, env=env)

    def finish(self, verdict: Verdict) -> None:
        with self.store.begin() as tx:
            round = tx.rounds.begin(DNS.e_id, lease_seconds=60)
            assert round is not None
        with self.store.begin() as tx:
            if verdict is Verdict.COULD_NOT_TELL:
                tx.rounds.give_up(round, fault="http_500", again_in_seconds=120)
            else:
                tx.rounds.finish(round, verdict=verdict, checked=1, calls=1)

    def find(self) -> UUID:
        with self.store.begin() as tx:
            tx.findings.observe(
                [
                    Discrepancy(
                        tag=Drift.DKIM_MISMATCH,
                        problem=Problem.ABSENT,
                        configuration_id=new_id(),
                        tenant_id=factories.TENANT,
                        record_name="x._domainkey.acme.dev.ardamails.com",
                    )
                ]
            )
        (row,) = json.loads(self.run("drift", "ls", "-o", "json").stdout)
        return UUID(row["eId"])


@pytest.fixture
def world(settings: Settings, postgres_store: PostgresStore) -> World:
    return World(settings, postgres_store)


@pytest.mark.parametrize(
    ("verdict", "code"), [(Verdict.CLEAN, 0), (Verdict.DRIFTED, 8), (Verdict.COULD_NOT_TELL, 4)]
)
def test_the_wait_is_for_the_round_that_was_asked_for_and_for_no_other(
    world: World, verdict: Verdict, code: int
) -> None:
    for before in Verdict:
        world.run("drift", "run", "dns")
        world.finish(before)
    looked: list[str] = []
    world.turns = iter([lambda: looked.append("again"), lambda: world.finish(verdict)])
    told = world.run("drift", "run", "dns", "--wait", "-o", "json")
    assert (told.exit_code, looked) == (code, ["again"]), told.output
    assert [row["verdict"] for row in json.loads(told.stdout)] == [verdict.value]


def test_a_snooze_is_a_row_with_its_deed_beside_it(world: World, engine: Engine) -> None:
    found = world.find()
    assert world.run("drift", "snooze", found, "--for", "7d", *WHY).exit_code == 0
    assert json.loads(world.run("drift", "ls", "-o", "json").stdout) == []
    assert world.run("drift", "wake", found, *WHY).exit_code == 0
    with engine.connect() as connection:
        deeds = connection.execute(
            text("SELECT action, author, reason FROM operator_action ORDER BY at")
        ).all()
    assert [tuple(deed) for deed in deeds] == [
        ("drift.snooze", "operator@example.com", WHY[1]),
        ("drift.wake", "operator@example.com", WHY[1]),
    ]
