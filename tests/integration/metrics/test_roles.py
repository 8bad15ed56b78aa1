"""A pool shows the sums of its processes, the scheduler what the rows say; each under names that are listed."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest

from sandbox import valkey
from sandbox.leash import leashed
from sandbox.ports import free_ports
from sandbox.process import Child
from shared import config
from shared.messaging.broker import BrokerSettings, build_doorbell
from shared.messaging.messages import SendJobs
from shared.persistence import PostgresStore
from shared.ports.doorbell import Doorbell
from tests.factories import handler_fault
from tests.integration.metrics.world import ROOT, counted_by, python, role_environment, scraped, value

LISTED = set(re.findall(r"^\| `(email_\w+)`", (ROOT / "docs" / "events.md").read_text(), re.MULTILINE))
HANDLED = "email_queue_handled_seconds_count"
PATIENCE_SECONDS = 30.0
POOL = ("dramatiq", "workers.main:send", "--queues", "send", "--processes", "2", "--threads", "1")


@dataclass(frozen=True)
class Roles:
    folder: Path
    pool: Child
    pool_port: int
    scheduler: Child
    scheduler_port: int
    doorbell: Doorbell

    def ring(self, before: int, times: int) -> int:
        """Returns when these are handled and those before; how many that makes."""
        assert self.doorbell.ring(*(SendJobs(uuid4()) for _ in range(times)))
        self.pool.wait_until(
            lambda: value(scraped(self.pool_port), HANDLED, actor="SendJobs") >= before + times,
            seconds=PATIENCE_SECONDS,
        )
        return before + times


@contextmanager
def running(folder: Path, database_url: str, redis_url: str) -> Iterator[Roles]:
    pool_port, scheduler_port = free_ports(2)
    environment = role_environment(folder, database_url, redis_url, port=pool_port)
    with leashed(python("pool", folder, environment, *POOL)) as pool:
        alone = folder / "scheduler"
        alone.mkdir()
        environment = role_environment(folder, database_url, redis_url, port=scheduler_port)
        with leashed(python("scheduler", alone, environment, "scheduler.main")) as scheduler:
            yield Roles(folder, pool, pool_port, scheduler, scheduler_port, doorbell_of(environment))


def doorbell_of(environment: Mapping[str, str]) -> Doorbell:
    broker = config.read(environment).broker
    settings = BrokerSettings(
        url=broker.url.get_secret_value(),
        namespace=broker.namespace,
        heartbeat_timeout_seconds=15,
        maintenance_chance=1_000_000,
        socket_timeout_seconds=2,
        ring_flag_seconds=60,
        ring_patience_seconds=10,
    )
    return build_doorbell(settings)


@pytest.fixture
def roles(tmp_path: Path, database_url: str) -> Iterator[Roles]:
    with valkey.running(tmp_path / "valkey") as server, running(tmp_path, database_url, server.url) as roles:
        yield roles


def names_shown(port: int) -> set[str]:
    """As they are listed: a counter's with its end."""
    metrics = (scraped(port) or {}).values()
    return {f"{one.name}_total" if one.type == "counter" else one.name for one in metrics}


def ours(names: set[str]) -> set[str]:
    return {name for name in names if name.startswith("email_")}


def have_counted(roles: Roles) -> int:
    return sum(count > 0 for count in counted_by(roles.folder, HANDLED).values())


def ring_until_both_count(roles: Roles) -> int:
    """How many rings there were, all of them handled."""
    rung = 0
    while have_counted(roles) < 2:
        rung = roles.ring(rung, 20)
    return rung


def test_what_a_pool_of_two_processes_and_a_scheduler_show(
    roles: Roles, postgres_store: PostgresStore
) -> None:
    with postgres_store.begin() as tx:
        tx.dead_letters.count_fault(handler_fault(uuid4()), dead_after=1, forget_after_seconds=60)
    rung = ring_until_both_count(roles)
    shown = scraped(roles.pool_port)
    assert value(shown, HANDLED, actor="SendJobs") == rung
    assert value(shown, "email_queue_wait_seconds_count", queue="send") == rung
    assert value(shown, "email_role_info", role="send", release="of-tests") == 1

    roles.scheduler.wait_until(
        lambda: value(scraped(roles.scheduler_port), "email_dead_letter_open", subject="message") == 1,
        seconds=PATIENCE_SECONDS,
    )
    assert value(scraped(roles.scheduler_port), "email_scheduler_leads") == 1
    told = ours(names_shown(roles.scheduler_port))
    assert {"email_send_in_doubt", "email_oldest_wait_seconds", "email_configuration_lifecycle_state"} <= told
    assert (told | ours(names_shown(roles.pool_port))) - LISTED == set()

    roles.pool.ask_to_stop()
    assert roles.pool.wait(seconds=20) == 0
    assert scraped(roles.pool_port) is None
