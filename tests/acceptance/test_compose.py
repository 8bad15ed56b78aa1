"""docker-compose.yml starts: each service as a process, with exactly its command, environment and health check.

There is no container engine here. `tests.acceptance.compose.local` says what differs from one.
"""

import signal
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.request import urlopen

import psycopg
import pytest
import redis

from sandbox.client import Client, Json, expect, wait_for
from sandbox.stack import tenant
from tests.acceptance.compose import machine
from tests.acceptance.compose.local import METRICS
from tests.acceptance.compose.machine import CHECKED, Machine
from tests.architecture import deployments

WAIT_SECONDS = 60.0
# Linux tells of every process which signals it has a handler for.
TOLD = Path("/proc/self/status")
ROLES = sorted(deployments.compose_roles().keys() - {deployments.MIGRATE})


@dataclass
class Seen:
    """Of one `up`, one mail and one `down`."""

    job: Json = field(default_factory=dict)
    metrics: dict[str, bytes] = field(default_factory=dict)
    caught: dict[str, set[int]] = field(default_factory=dict)
    database: dict[str, object] = field(default_factory=dict)
    broker: dict[str, str] = field(default_factory=dict)
    doctor: tuple[int, str] = (-1, "")
    written: list[str] = field(default_factory=list)
    exit_codes: dict[str, int | None] = field(default_factory=dict)


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seen]:
    with machine.running(tmp_path_factory.mktemp("compose")) as running:
        seen = Seen()
        seen.job = send_one(running)
        look_around(running, seen)
        seen.exit_codes = running.down()
        seen.written = running.written()
        yield seen


def send_one(running: Machine) -> Json:
    """As a calling service does, with the key that set-up wrote."""
    url, key = f"http://{running.local.address('web:8080')}", told(running, "api-key")
    made = tenant.make_ready(url, key, running.check_alive)
    with Client(url, key, made.tenant_id) as client:
        mail = {"configurationEId": made.configuration_eid, "recipient": "first@example.com"}
        answer = expect(client.send(mail | {"subject": "It left the house", "textBody": "Today."}), 202)
        return wait_for(
            lambda: expect(client.job(str(answer.payload["eId"])), 200).payload,
            lambda payload: payload["status"] == "DELIVERED",
            seconds=WAIT_SECONDS,
            what="DELIVERED",
        )


def look_around(running: Machine, seen: Seen) -> None:
    for role in ROLES:
        port = "web:8080" if role == "web" else f"{role}:{METRICS}"
        with urlopen(f"http://{running.local.address(port)}/metrics", timeout=10) as answer:
            seen.metrics[role] = answer.read()
        seen.caught[role] = caught_signals(running.children[role].pid) if TOLD.exists() else set()
    doctor = running.run("web", "python", "-m", "shared.cli.main", "doctor")
    seen.doctor = (doctor.returncode, doctor.stdout + doctor.stderr)
    with psycopg.connect(told(running, "database-url")) as connection:
        row = connection.execute(
            "SELECT rolsuper, rolcreaterole, rolbypassrls, current_database(),"
            " current_setting('max_connections') FROM pg_roles WHERE rolname = current_user"
        ).fetchone()
        assert row is not None
        names = ("superuser", "makes roles", "sees all rows", "database", "connections")
        seen.database = dict(zip(names, row, strict=True))
    with redis.Redis.from_url(told(running, "redis-url"), decode_responses=True) as client:
        for name in ("appendonly", "maxmemory-policy", "dir"):
            seen.broker |= client.config_get(name)


def told(running: Machine, name: str) -> str:
    return (running.world() / name).read_text()


def caught_signals(pid: int) -> set[int]:
    """For which it has a handler: all others are lost on a process 1."""
    status = Path(f"/proc/{pid}/status").read_text()
    mask = int(next(line for line in status.splitlines() if line.startswith("SigCgt")).split()[1], 16)
    return {number for number in range(1, 65) if mask >> (number - 1) & 1}


def test_a_mail_is_delivered_through_the_published_port(seen: Seen) -> None:
    assert seen.job["status"] == "DELIVERED"


@pytest.mark.parametrize("role", ROLES)
def test_a_role_shows_its_metrics_where_compose_says(seen: Seen, role: str) -> None:
    assert b"email_" in seen.metrics[role]


def test_emailctl_finds_everything_well_from_within_a_container(seen: Seen) -> None:
    code, told = seen.doctor
    assert code == 0, told


@pytest.mark.skipif(not TOLD.exists(), reason="only Linux tells what a process catches")
@pytest.mark.parametrize("role", ROLES)
def test_a_role_can_be_asked_to_end_when_it_is_process_1(seen: Seen, role: str) -> None:
    assert signal.SIGTERM in seen.caught[role]


@pytest.mark.parametrize("name", CHECKED)
def test_a_service_ends_in_order_within_its_grace_period(seen: Seen, name: str) -> None:
    assert seen.exit_codes[name] == 0


def test_nothing_is_written_where_a_container_could_not(seen: Seen) -> None:
    assert seen.written == []


def test_the_role_of_the_database_owns_its_database_and_nothing_else(seen: Seen) -> None:
    assert seen.database == {
        "superuser": False,
        "makes roles": False,
        "sees all rows": False,
        "database": "email",
        "connections": "200",
    }


def test_the_broker_runs_with_what_set_up_wrote(seen: Seen) -> None:
    assert (seen.broker["appendonly"], seen.broker["maxmemory-policy"]) == ("yes", "noeviction")
    assert seen.broker["dir"].endswith("/volumes/valkey")
