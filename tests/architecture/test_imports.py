"""What a role's process does not need it does not import: each of these costs time at every start, and memory after."""

import os
import subprocess
import sys

import pytest

from tests.architecture.pools import ENVIRONMENT
from tests.architecture.sources import ROOT

DOORS = {"web": "web.app", "scheduler": "scheduler.main"}
BUILT = """
import importlib, sys
from shared import config
importlib.import_module({door!r})
from shared.bootstrap import build
container = build(config.read(), {role!r})
print(*sorted({{name.partition(".")[0] for name in sys.modules}}))
"""


def imported(role: str) -> set[str]:
    """Top-level modules of a process that has imported its door and built its container."""
    script = BUILT.format(door=DOORS.get(role, "workers.main"), role=role)
    environment = {**ENVIRONMENT, "PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, cwd=ROOT, check=True, capture_output=True, text=True
    )
    return set(done.stdout.split())


@pytest.mark.parametrize("role", ["web", "send", "projection", "scheduler"])
def test_a_role_that_never_calls_route_53_does_not_import_boto3(role: str) -> None:
    found = imported(role)
    assert "dramatiq" in found
    assert not found & {"boto3", "botocore", "alembic", "mako"}


@pytest.mark.parametrize("role", ["provisioning", "drift"])
def test_a_pool_that_calls_route_53_has_its_client_before_the_first_message(role: str) -> None:
    found = imported(role)
    assert "boto3" in found
    assert "alembic" not in found
