"""`python -m sandbox.containers` as docker-compose.yml runs it, against a stand-in."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from sandbox.aws import Cloud, Partition, Secrets, client
from sandbox.process import Child
from sandbox.stack.world import PROJECT
from tests.architecture import deployments


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    """Empty, as it comes up."""
    made, child = Cloud.prepare(tmp_path, Partition(), Secrets("", "")).start()
    yield made
    child.stop()


def set_up(world: Path, cloud: Cloud) -> dict[str, str]:
    """What the containers are told then."""
    world.mkdir(exist_ok=True)
    where = {"--world": world, "--aws": f"127.0.0.1:{cloud.port}", "--aws-state": cloud.folder}
    others = {"--postgres": "postgres:5432", "--valkey": "valkey:6379", "--valkey-data": "/data"}
    options = [str(part) for pair in (where | others).items() for part in pair]
    subprocess.run(
        [sys.executable, "-m", "sandbox.containers", *options],
        cwd=PROJECT,
        env={"PATH": os.defpath, "EMAIL_INFRASTRUCTURE": "Sandbox001", "EMAIL_PARTITION": "dev"},
        check=True,
    )
    return {path.name: path.read_text() for path in world.iterdir()}


def replaced(cloud: Cloud) -> Child:
    """A new one in its place, that has forgotten everything."""
    old = next(p for p in psutil.Process().children() if str(cloud.port) in p.cmdline())
    old.send_signal(signal.SIGKILL)
    old.wait()
    child = Child(replace(cloud.program(), name="aws-again"))
    cloud.wait_ready(child)
    return child


def test_every_file_that_a_container_is_pointed_to_is_written(cloud: Cloud, tmp_path: Path) -> None:
    pointed = set(re.findall(r"/run/world/([\w.-]+)", json.dumps(deployments.compose())))
    assert pointed
    assert pointed - set_up(tmp_path / "world", cloud).keys() == set()


def test_the_roles_are_pointed_to_the_zone_that_the_stand_in_exports(cloud: Cloud, tmp_path: Path) -> None:
    told = set_up(tmp_path / "world", cloud)
    zone = client("route53", cloud.url).get_hosted_zone(Id=told["mail-zone-id"])["HostedZone"]
    assert zone["Name"] == f"{told['mail-zone-name']}."


def test_another_up_changes_nothing_also_when_the_stand_in_has_forgotten_everything(
    cloud: Cloud, tmp_path: Path
) -> None:
    first = set_up(tmp_path / "world", cloud)
    assert set_up(tmp_path / "world", cloud) == first
    child = replaced(cloud)
    try:
        assert set_up(tmp_path / "world", cloud) == first
    finally:
        child.stop()
