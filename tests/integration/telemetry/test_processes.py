"""Each role reports from its first moment to its last, as its own command line starts it."""

import sys
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest

from sandbox.leash import leashed
from sandbox.process import Child, Program, bare_environment
from sandbox.sentry import Receiver
from shared.messaging.messages import SendJobs
from tests.architecture.pools import ENVIRONMENT
from tests.integration.messaging.world import Bell
from tests.integration.telemetry.collecting import kinds
from tests.waiting import eventually

ROOT = Path(__file__).parents[3]
SECRETS = ("a-key-for-the-architecture", "no-token", "nothing")

# Postgres is nowhere, so what asks for it is a fault; and the process ends right after it.
WEB = """
from web.app import from_environment

headers = {"Authorization": "Bearer a-key-for-the-architecture", "X-Tenant-Id": "11111111-1111-4111-8111-111111111111"}
path = "/v1/shop-access/email/job/33333333-3333-4333-8333-333333333333"
assert from_environment().test_client().get(path, headers=headers).status_code == 503
"""
CRASH = """
import scheduler.main

scheduler.main.build = lambda *_: 1 / 0
scheduler.main.main()
"""


def program(folder: Path, receiver: Receiver, *argv: str, **environment: str) -> Program:
    reporting = {"SENTRY_DSN": receiver.dsn, "EMAIL_RELEASE": "4f2a9c1"}
    return Program(
        name="role",
        argv=(sys.executable, *argv),
        env=bare_environment(**{**ENVIRONMENT, **reporting, **environment}),
        log=folder / "role.log",
        cwd=ROOT,
    )


@pytest.mark.parametrize(
    ("script", "role", "kind", "code"),
    [(WEB, "web", "StoreUnavailable", 0), (CRASH, "scheduler", "ZeroDivisionError", 1)],
)
def test_what_a_process_meets_before_its_end_is_reported(
    receiver: Receiver, tmp_path: Path, script: str, role: str, kind: str, code: int
) -> None:
    with leashed(Child(program(tmp_path, receiver, "-c", script))) as child:
        assert child.wait(seconds=60) == code, child.output()
    (event,) = receiver.payloads("event")
    assert (kinds(event)[-1], event["tags"]["role"]) == (kind, role)
    assert (event["environment"], event["release"]) == ("Sandbox001-dev", "4f2a9c1")
    told = "".join(envelope.text for envelope in receiver.envelopes())
    assert [secret for secret in SECRETS if secret in told] == []


def test_a_worker_of_dramatiqs_command_line_reports_a_fault_once(
    receiver: Receiver, tmp_path: Path, valkey_url: str, make_bell: Callable[..., Bell]
) -> None:
    bell = make_bell(valkey_url)
    argv = ("-m", "dramatiq", "workers.main:send", "--queues", "send", "--processes", "1", "--threads", "1")
    broker = {"EMAIL_REDIS_URL": valkey_url, "EMAIL_REDIS_NAMESPACE": bell.namespace}
    with leashed(Child(program(tmp_path, receiver, *argv, **broker))) as child:
        assert bell.doorbell.ring(SendJobs(uuid4()))
        assert eventually(lambda: bell.client.hlen(f"{bell.namespace}:send.msgs") == 0, seconds=60), (
            child.output()
        )
        child.ask_to_stop()
        assert child.wait(seconds=30) == 0
    (event,) = receiver.payloads("event")
    assert (kinds(event)[-1], event["transaction"], event["tags"]["role"]) == (
        "StoreUnavailable",
        "SendJobs",
        "send",
    )
