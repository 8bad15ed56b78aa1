"""Events from whoever means harm: with another tenant's ids, said again, too large, too deep, too slow.

The key is what the provider and the callers show, so whoever has it is one of them, or has stolen it. A routing token
is one tenant's: whoever has that one can tell lies about that tenant, and about nobody else.
"""

import json
import re
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any
from uuid import UUID

import psutil
import pytest
from sqlalchemy import Engine, Table, false, or_, select

from sandbox.ports import LOOPBACK, free_port, listens
from sandbox.process import Child, Program, bare_environment
from sandbox.roles import PRODUCT
from sandbox.stack.world import PROJECT
from shared.persistence import PostgresStore, make_engine
from shared.persistence.tables import metadata
from tests.fakes.doorbell import RecordingDoorbell
from tests.unit.web.api import (
    CONFIGURATION,
    KEY,
    OTHER_TENANT,
    ROUTING_TOKEN,
    TENANT,
    Api,
    a_configuration,
    a_job,
    code,
)
from web import BASE
from workers.projection.handler import ProjectionDeps, project_batch
from workers.projection.policy import ProjectionPolicy

OTHER_CONFIGURATION = UUID("44444444-4444-4444-8444-444444444444")
OTHER_TOKEN = "another-routing-token-of-256-random-bits"
BY_OTHER: dict[str, str | None] = {"X-Email-Routing-Token": OTHER_TOKEN}
MESSAGE = "883953f4-6105-42a2-a16a-77a8eac79483"
VICTIM = "person@example.com"
AT = "2026-01-02T03:04:05Z"
POLICY = ProjectionPolicy(batch_size=100, retry_seconds=0.0, give_up_after=timedelta(hours=24))
TABLES = [
    table
    for table in metadata.sorted_tables
    if {"tenant_id", "configuration_id", "job_id"} & set(table.columns.keys())
]


def delivery(**given: Any) -> dict[str, Any]:
    return {
        "RecordType": "Delivery",
        "MessageID": MESSAGE,
        "Recipient": VICTIM,
        "DeliveredAt": AT,
        "Metadata": {},
        **given,
    }


def bounce(**given: Any) -> dict[str, Any]:
    return {
        "RecordType": "Bounce",
        "ID": 7,
        "Type": "HardBounce",
        "Inactive": True,
        "MessageID": MESSAGE,
        "Email": VICTIM,
        "BouncedAt": AT,
        "Metadata": {},
        **given,
    }


def complaint(**given: Any) -> dict[str, Any]:
    return bounce(RecordType="SpamComplaint", Type="SpamComplaint", ID=8, **given)


def change(*, suppresses: bool, **given: Any) -> dict[str, Any]:
    return {
        "RecordType": "SubscriptionChange",
        "MessageID": MESSAGE,
        "MessageStream": "outbound",
        "Recipient": VICTIM,
        "ChangedAt": AT,
        "SuppressSending": suppresses,
        "SuppressionReason": "ManualSuppression" if suppresses else None,
        "Origin": "Recipient",
        "Metadata": {},
        **given,
    }


FORGERIES = {
    "delivery": delivery(),
    "hard bounce": bounce(),
    "complaint": complaint(),
    "put on the list": change(suppresses=True),
    "taken off the list": change(suppresses=False, ChangedAt="2026-12-31T00:00:00Z"),
    "open": {"RecordType": "Open", "MessageID": MESSAGE, "Recipient": VICTIM, "ReceivedAt": AT},
    "news": {"RecordType": "Tomorrow", "MessageID": MESSAGE, "Recipient": VICTIM},
}


@pytest.fixture
def tenants(postgres_store: PostgresStore) -> None:
    both_tenants(postgres_store)


def both_tenants(store: PostgresStore) -> None:
    a_configuration(store)
    a_configuration(
        store,
        e_id=OTHER_CONFIGURATION,
        tenant_id=OTHER_TENANT,
        slug="other",
        routing_token_hash=sha256(OTHER_TOKEN.encode()).digest(),
    )


def delivered_job(api: Api, store: PostgresStore) -> str:
    """Of TENANT, as MESSAGE."""
    job_id: str = api.send(a_job()).get_json()["payload"]["eId"]
    assert api.receive(json.dumps(delivery(Metadata={"job": job_id}))).status_code == 200
    project(store)
    assert api.get(f"/job/{job_id}").get_json()["payload"]["status"] == "DELIVERED"
    return job_id


def project(store: PostgresStore) -> None:
    deps = ProjectionDeps(store, RecordingDoorbell(), POLICY)
    for configuration_id in (CONFIGURATION, OTHER_CONFIGURATION):
        project_batch(configuration_id, deps)


def rows_of_tenant(engine: Engine, job_id: str = "") -> dict[str, list[dict[str, Any]]]:
    """Every row of TENANT in every table that has a tenant's, a configuration's or a job's id."""
    with engine.connect() as connection:
        return {
            table.name: [dict(row) for row in connection.execute(_of_tenant(table, job_id)).mappings()]
            for table in TABLES
        }


def _of_tenant(table: Table, job_id: str) -> Any:
    owners: dict[str, list[UUID]] = {"tenant_id": [TENANT], "configuration_id": [CONFIGURATION]}
    if job_id:
        owners["job_id"] = [UUID(job_id)]
    owned = [table.c[name].in_(ids) for name, ids in owners.items() if name in table.c]
    return select(table).where(or_(false(), *owned)).order_by(*table.primary_key.columns)


@pytest.mark.parametrize("names_job", ["no job", "the job", "the job in capitals"])
@pytest.mark.parametrize("forgery", FORGERIES.values(), ids=FORGERIES)
def test_an_event_with_another_tenants_ids_changes_none_of_that_tenants_rows(
    api: Api,
    postgres_store: PostgresStore,
    engine: Engine,
    tenants: None,
    forgery: dict[str, Any],
    names_job: str,
) -> None:
    job_id = delivered_job(api, postgres_store)
    # One that somebody could want to have taken off.
    assert api.post("/configuration/suppression", {"address": "other@example.com"}).status_code == 201
    before = rows_of_tenant(engine, job_id)
    assert len(before["email_job"]) == len(before["email_event"]) == len(before["suppression_entry"]) == 1
    named = {"no job": {}, "the job": {"job": job_id}, "the job in capitals": {"job": job_id.upper()}}
    for recipient in (VICTIM, "other@example.com"):
        address = "Email" if "Email" in forgery else "Recipient"
        forged = {**forgery, "Metadata": named[names_job], address: recipient}
        if "ID" in forged:
            forged["ID"] = len(recipient)
        assert api.receive(json.dumps(forged), BY_OTHER).status_code == 200
        project(postgres_store)
    assert rows_of_tenant(engine, job_id) == before


def test_what_is_said_of_an_address_under_one_token_suppresses_it_for_that_tenant_alone(
    api: Api, postgres_store: PostgresStore, tenants: None
) -> None:
    assert api.receive(json.dumps(complaint()), BY_OTHER).status_code == 200
    project(postgres_store)
    with postgres_store.begin() as tx:
        assert tx.suppressions.active_among(OTHER_TENANT, [VICTIM]).keys() == {VICTIM}
        assert not tx.suppressions.active_among(TENANT, [VICTIM])
    assert api.send(a_job()).status_code == 202


def test_whoever_tells_an_event_first_under_another_token_does_not_keep_the_true_one_out(
    api: Api, postgres_store: PostgresStore, tenants: None
) -> None:
    job_id = api.send(a_job()).get_json()["payload"]["eId"]
    told = json.dumps(bounce(Metadata={"job": job_id}))
    assert [api.receive(told, headers).status_code for headers in (BY_OTHER, None)] == [200, 200]
    project(postgres_store)
    assert api.get(f"/job/{job_id}").get_json()["payload"]["status"] == "BOUNCED"


def test_what_was_said_once_changes_nothing_when_it_is_said_again(
    api: Api, postgres_store: PostgresStore, engine: Engine, tenants: None
) -> None:
    job_id = delivered_job(api, postgres_store)
    metadata_of_job = {"job": job_id}
    told = [
        json.dumps({**event, "Metadata": metadata_of_job})
        for event in (delivery(), bounce(), complaint(), change(suppresses=True))
    ]
    for body in told:
        assert api.receive(body).status_code == 200
    project(postgres_store)
    before = rows_of_tenant(engine, job_id)
    assert {event["status"] for event in before["email_event"]} == {"projected"}
    # In other bytes as well, and by whom it is not about.
    again = [*told, *(json.dumps(json.loads(body), indent=3) for body in reversed(told))]
    for body in again * 3:
        assert api.receive(body).status_code == 200
        assert api.receive(body, BY_OTHER).status_code == 200
        project(postgres_store)
    assert rows_of_tenant(engine, job_id) == before


@pytest.mark.parametrize("token", [None, "", "wrong", ROUTING_TOKEN[:-1], ROUTING_TOKEN + "x", "é"])
def test_a_token_that_is_nobodys_stores_nothing_for_anybody(
    api: Api, engine: Engine, tenants: None, token: str | None
) -> None:
    before = rows_of_tenant(engine)
    assert code(api.receive(json.dumps(bounce()), {"X-Email-Routing-Token": token})) == (401, "unauthorized")
    assert rows_of_tenant(engine) == before


HARMFUL = {
    "too deep": (b"[" * 900_000 + b"]" * 900_000, 400),
    "deep in an object": (b'{"a":' * 300_000 + b"1" + b"}" * 300_000, 400),
    "too large": (b'{"a": "' + b"x" * 2_000_000 + b'"}', 413),
    "a long number": (b'{"a": ' + b"9" * 1_000_000 + b"}", 400),
}


@pytest.mark.parametrize(("body", "status"), HARMFUL.values(), ids=HARMFUL)
def test_a_body_made_to_do_harm_is_refused_and_stored_for_nobody(
    api: Api, engine: Engine, tenants: None, body: bytes, status: int
) -> None:
    before = rows_of_tenant(engine)
    assert api.receive(body).status_code == status
    assert rows_of_tenant(engine) == before
    assert api.receive(json.dumps(delivery())).status_code == 200


# The server itself, started as everywhere.

COMMAND = next(role for role in PRODUCT.roles if role.name == "web").command
# Requests at one time: what the server is told, for all its processes.
WORKERS, THREADS = (int(COMMAND[COMMAND.index(name) + 1]) for name in ("--workers", "--blocking-threads"))
READY_SECONDS = 60.0
# For an answer that nothing should hold up, on a busy machine.
PROMPT_SECONDS = 10.0
SLOW_BYTES = 3
OVERSIZE = b"x" * 2_500_000
OVERSIZE_TIMES = 200
# One such body for each thread, and then no more.
MEMORY_MAX = WORKERS * THREADS * len(OVERSIZE)


@dataclass(frozen=True)
class Ingress:
    pid: int
    port: int
    log: Path


@pytest.fixture(scope="module")
def server(module_database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ingress]:
    engine = make_engine(module_database_url)
    both_tenants(PostgresStore(engine))
    engine.dispose()
    port = free_port()
    program = Program(
        name="web",
        argv=(sys.executable, "-m", *(part.format(port=port) for part in COMMAND)),
        env=bare_environment(
            EMAIL_INFRASTRUCTURE="Alpha002",
            EMAIL_PARTITION="dev",
            EMAIL_DATABASE_URL=module_database_url,
            # Nobody there: a ring that is not heard is found by the sweep.
            EMAIL_REDIS_URL="redis://127.0.0.1:1/0",
            EMAIL_MAIL_ZONE_ID="Z1",
            EMAIL_MAIL_ZONE_NAME="dev.ardamails.com",
            EMAIL_POSTMARK_ACCOUNT_TOKEN="account-token-of-tests",
            EMAIL_PUBLIC_BASE_URL="https://mail.example.com",
            EMAIL_KEY_MATERIAL_FILE="nowhere.json",
            ARDA_API_KEY=KEY,
            PYTHONPATH=str(PROJECT),
        ),
        log=tmp_path_factory.mktemp("web") / "web.log",
        cwd=PROJECT,
    )
    child = Child(program)
    try:
        child.wait_until(lambda: listens(child.pid, port), seconds=READY_SECONDS)
        yield Ingress(child.pid, port, program.log)
    finally:
        child.stop()


def post(port: int, body: Any, *, key: str = KEY, token: str = ROUTING_TOKEN, chunked: bool = False) -> int:
    """The status. 413 also where the server closed the door before everything was said."""
    connection = HTTPConnection(LOOPBACK, port, timeout=PROMPT_SECONDS)
    try:
        connection.request(
            "POST",
            f"{BASE}/job/postmark-events",
            body=iter([body]) if chunked else body,
            headers=headers_of(key, token),
            encode_chunked=chunked,
        )
        return connection.getresponse().status
    except (BrokenPipeError, ConnectionResetError, HTTPException):
        return 413
    finally:
        connection.close()


def headers_of(key: str, token: str) -> dict[str, str]:
    return {
        "Authorization": f"Bearer {key}",
        "X-Email-Routing-Token": token,
        "Content-Type": "application/json",
    }


def resident_bytes(pid: int) -> int:
    leader = psutil.Process(pid)
    return int(sum(member.memory_info().rss for member in [leader, *leader.children(recursive=True)]))


def events_stored(url: str) -> int:
    engine = make_engine(url)
    with engine.connect() as connection:
        found = len(connection.execute(select(metadata.tables["email_event"].c.e_id)).all())
    engine.dispose()
    return found


@pytest.mark.parametrize("chunked", [False, True], ids=["announced", "in chunks"])
def test_memory_stays_bounded_under_oversize_bodies_and_nothing_of_them_is_kept(
    server: Ingress, module_database_url: str, chunked: bool
) -> None:
    pid, port = server.pid, server.port
    for _ in range(WORKERS * THREADS):
        assert post(port, json.dumps(delivery())) == 200
        post(port, OVERSIZE, chunked=chunked)
    stored, before = events_stored(module_database_url), resident_bytes(pid)
    statuses = {post(port, OVERSIZE, chunked=chunked) for _ in range(OVERSIZE_TIMES)}
    grown = resident_bytes(pid) - before
    assert statuses == {413}
    # All of them together are half a gigabyte.
    assert grown < MEMORY_MAX, f"grown by {grown:,} bytes"
    assert events_stored(module_database_url) == stored
    assert post(port, json.dumps(delivery())) == 200


class Slow:
    """A client that announces a body and sends hardly any of it."""

    def __init__(self, port: int, key: str, *, headers_too: bool = False) -> None:
        self._socket = socket.create_connection((LOOPBACK, port), timeout=PROMPT_SECONDS)
        lines = [f"{name}: {value}" for name, value in headers_of(key, ROUTING_TOKEN).items()]
        head = f"POST {BASE}/job/postmark-events HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n"
        self._send((head + "\r\n".join(lines)).encode() + (b"" if headers_too else b"\r\n\r\n{"))

    def another_byte(self) -> None:
        self._send(b" ")

    def status(self) -> int:
        """Of the answer, which has to be there although the body is not."""
        answer = re.match(rb"HTTP/1.1 (\d{3})", self._socket.recv(1000))
        assert answer is not None
        return int(answer[1])

    def close(self) -> None:
        self._socket.close()

    def _send(self, some: bytes) -> None:
        try:
            self._socket.sendall(some)
        except (BrokenPipeError, ConnectionResetError):
            return  # it was turned away meanwhile


def slowly(stack: ExitStack, count: int, port: int, key: str, *, headers_too: bool = False) -> list[Slow]:
    slow = [Slow(port, key, headers_too=headers_too) for _ in range(count)]
    for client in slow:
        stack.callback(client.close)
    return slow


def post_between(port: int, slow: list[Slow]) -> float:
    """The longest of some posts between the bytes, in seconds."""
    longest = 0.0
    for _ in range(SLOW_BYTES):
        for client in slow:
            client.another_byte()
        begun = time.monotonic()
        assert post(port, json.dumps(delivery())) == 200
        longest = max(longest, time.monotonic() - begun)
    return longest


def test_slow_bodies_without_a_key_hold_nobody_and_are_turned_away_unread(server: Ingress) -> None:
    port = server.port
    with ExitStack() as stack:
        slow = slowly(stack, 4 * WORKERS * THREADS, port, "a-key-that-is-not-valid")
        assert post_between(port, slow) < PROMPT_SECONDS
        assert {client.status() for client in slow} == {401}


def test_slow_headers_hold_nobody(server: Ingress) -> None:
    port = server.port
    with ExitStack() as stack:
        slow = slowly(stack, 4 * WORKERS * THREADS, port, KEY, headers_too=True)
        assert post_between(port, slow) < PROMPT_SECONDS


def test_slow_bodies_with_a_key_hold_no_more_than_a_thread_each(server: Ingress) -> None:
    """The bound: a process has so many threads, and the kernel may give all slow clients to one process."""
    port = server.port
    with ExitStack() as stack:
        slow = slowly(stack, THREADS - 1, port, KEY)
        assert post_between(port, slow) < PROMPT_SECONDS


def test_the_server_recovers_as_soon_as_slow_clients_are_gone(
    server: Ingress, module_database_url: str
) -> None:
    port = server.port
    stored = events_stored(module_database_url)
    with ExitStack() as stack:
        for client in slowly(stack, 4 * WORKERS * THREADS, port, KEY):
            client.another_byte()
    for _ in range(WORKERS * THREADS):
        assert post(port, json.dumps(delivery())) == 200
    assert events_stored(module_database_url) == stored


def test_the_log_says_nothing_of_bodies_and_tokens(server: Ingress) -> None:
    assert post(server.port, json.dumps(bounce())) == 200
    text = server.log.read_text()
    assert all(secret not in text for secret in (KEY, ROUTING_TOKEN, OTHER_TOKEN, VICTIM, MESSAGE))
