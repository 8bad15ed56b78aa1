"""The whole product on the sandbox: provisioned tenants, two senders that can be held back, a provider that takes 50 ms
a call."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from secrets import token_hex
from typing import Any
from uuid import UUID

import psycopg
import requests

from bench.faults import world as worlds
from bench.faults.nursery import Wishes
from bench.faults.plan import plan_of
from bench.faults.world import World
from sandbox.roles import Plan, Role
from sandbox.stack.tenant import Tenant
from shared.messaging.broker import BrokerSettings, build_doorbell
from shared.messaging.messages import SendJobs
from shared.messaging.publisher import RedisDoorbell

Tell = Callable[[str], None]
HELD = Wishes(held=True)

CALL_SECONDS = 0.05
EVERY_CALL = {"kind": "latency", "endpoint": "*", "seconds": CALL_SECONDS}
# Of the provider's clock: nothing is heard of a mail while it is measured how fast mails are sent.
NEVER_SECONDS = 1e8
SENDERS = ("send-1", "send-2")
ROLES = ("web", "provisioning", "scheduler", *SENDERS)
# The defaults, but for what makes fifty tenants in a minute.
SETTINGS = """\
modules.v1.shop-access.email.extras {
  pollingIntervalSeconds = 1
  scheduler.verificationSeconds = 1
  aws.route53CallsPerSecond = 100
  postmark.accountCallsPerSecond = 100
}
"""
PLAN = replace(plan_of(ROLES), settings=SETTINGS)

_TRUNCATE = "TRUNCATE email_event, email_job CASCADE"
_FILL = """
WITH sender AS (
    SELECT tenant_id, e_id, row_number() OVER (ORDER BY e_id) - 1 AS place
      FROM email_configuration WHERE e_id = ANY(%(configurations)s)
), added AS (
    INSERT INTO email_job (
        e_id, tenant_id, configuration_id, recipient, idempotency_key, body_hash, status, tag, author, accepted_at,
        updated_at, due_at, attempts, late_looks, version
    )
    SELECT gen_random_uuid(), tenant_id, sender.e_id, 'person-' || n || '@example.com', %(run)s || n,
           sha256(n::text::bytea), 'QUEUED', 'order', 'bench', now(), now(), now(), 0, 0, 0
      FROM generate_series(0, %(count)s - 1) n JOIN sender ON place = n %% %(senders)s
    RETURNING e_id
)
INSERT INTO email_job_content (job_id, subject, html_body, text_body, metadata, attachments)
SELECT e_id, 'Your order', '<p>' || repeat('It is on its way. ', 20) || '</p>', repeat('It is on its way. ', 20),
       '{"order": "4711"}', '[]'
  FROM added
"""
_TIDY = "VACUUM ANALYZE email_job, email_job_content"


@dataclass
class Product:
    world: World
    tenants: Sequence[Tenant]
    doorbell: RedisDoorbell = field(repr=False)

    def slow_down(self) -> None:
        """The provider takes its time for each call, and tells nothing of what it was given."""
        self.world.simulator.misbehave(EVERY_CALL)
        self.world.simulator.set(delivery_delay_seconds={"min": NEVER_SECONDS, "max": NEVER_SECONDS})

    def hold(self) -> None:
        self.world.processes.dress(dict.fromkeys(SENDERS, HELD))

    def release(self) -> None:
        for sender in SENDERS:
            self.world.processes.wish(sender, Wishes())

    def fill(self, count: int, tenants: Sequence[Tenant]) -> None:
        """So many jobs wait then, instead of whatever there was, in equal shares; and it is rung for them."""
        ids = [UUID(tenant.configuration_eid) for tenant in tenants]
        values = {"configurations": ids, "senders": len(ids), "count": count, "run": f"{token_hex(4)}-"}
        with self.world.database.connect() as connection:
            with connection.transaction():
                connection.execute(_TRUNCATE)
                connection.execute(_FILL, values)
            connection.execute(_TIDY)
        self.doorbell.ring(*map(SendJobs, ids))

    @contextmanager
    def counting(self, question: str) -> Iterator[Callable[[], int]]:
        """The answer of one number, by a connection that is kept."""
        with self.world.database.connect() as connection:
            yield partial(_count, connection, question)


def _count(connection: "psycopg.Connection[tuple[Any, ...]]", question: str) -> int:
    row = connection.execute(question.encode()).fetchone()
    assert row is not None, "a count has a row"
    return int(row[0])


@contextmanager
def running(folder: Path, tenants: int, tell: Tell, *, plan: str = f"{__name__}:PLAN") -> Iterator[Product]:
    """As long as the block. `plan` has the roles of PLAN."""
    tell("starting the product and the sandbox")
    with worlds.running(folder, _hear, plan=plan, roles=ROLES) as world:
        tell(f"provisioning {tenants} tenants")
        product = Product(
            world, world.tenants(tenants), build_doorbell(broker_settings(world.places["redis_url"]))
        )
        product.slow_down()
        yield product


def _hear(_: dict[str, Any]) -> None:
    """Of each server and role that starts."""


def broker_settings(url: str) -> BrokerSettings:
    """As the roles have them by default."""
    return BrokerSettings(
        url=url,
        namespace="shop-access-email",
        heartbeat_timeout_seconds=15,
        maintenance_chance=100_000,
        socket_timeout_seconds=2,
        ring_flag_seconds=60,
        ring_patience_seconds=10,
    )


def with_sender(module: str) -> Plan:
    """PLAN, but what its first sender boots is `module:send`."""
    return replace(PLAN, roles=tuple(_booting(role, module) for role in PLAN.roles))


def _booting(role: Role, module: str) -> Role:
    if role.name != SENDERS[0]:
        return role
    command = tuple(f"{module}:send" if part == "workers.main:send" else part for part in role.command)
    return replace(role, command=command)


@dataclass(frozen=True)
class Account:
    """Of the provider, for whoever sends without the product: a server, and an address of a verified domain."""

    url: str
    server_token: str = field(repr=False)
    sender: str

    @classmethod
    def of(cls, world: World) -> "Account":
        headers = {
            "X-Postmark-Account-Token": world.places["postmark_account_token"],
            "Accept": "application/json",
        }
        url = world.places["postmark_url"]
        with requests.Session() as session:
            session.trust_env = False
            made = session.post(f"{url}/servers", json={"Name": "naive"}, headers=headers, timeout=30)
            made.raise_for_status()
            domains = session.get(f"{url}/domains?count=500&offset=0", headers=headers, timeout=30).json()
        verified = next(domain["Name"] for domain in domains["Domains"] if domain["DKIMVerified"])
        return cls(f"{url}/", made.json()["ApiTokens"][0], f"noreply@{verified}")
