import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from shared.gateways.postmark.account import PostmarkAccount
from shared.gateways.postmark.inventory import PostmarkInventory
from shared.gateways.postmark.wire import PostmarkSettings, Wire
from tests.contract.mail.receiver import Receiver
from tests.contract.mail.worlds import Account, FakeWorld, RealAccount, SimulatorWorld, World
from tests.fakes.pace import FreePace

ROOT = Path(__file__).parents[3]
WORLDS = ["fake", "simulator"]
ACCOUNTS = [*WORLDS, *(["postmark"] if os.environ.get("EMAIL_CONTRACT_POSTMARK_ACCOUNT_TOKEN") else [])]


@pytest.fixture(scope="session")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Its urls and account token, as it wrote them."""
    state = tmp_path_factory.mktemp("simulator")
    command = [sys.executable, "-m", "sandbox.postmark", "--port", "0", "--state-dir", str(state)]
    with (state / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)
    try:
        yield _announced(process, state)
    finally:
        process.terminate()
        process.wait(timeout=10)


def _announced(process: subprocess.Popen[bytes], state: Path) -> dict[str, str]:
    announced = state / "postmark.json"
    while not announced.exists():
        try:
            process.wait(timeout=0.05)
        except subprocess.TimeoutExpired:
            continue
        raise RuntimeError((state / "log").read_text())
    content: dict[str, Any] = json.loads(announced.read_text())
    assert content["pid"] == process.pid
    return content


@pytest.fixture(scope="session")
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.close()


@pytest.fixture(params=WORLDS)
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    if request.param == "fake":
        yield FakeWorld()
    else:
        yield request.getfixturevalue("simulated")


@pytest.fixture
def simulated(simulator: dict[str, str], receiver: Receiver) -> Iterator[SimulatorWorld]:
    receiver.posted.clear()
    receiver.refused.clear()
    world = SimulatorWorld(simulator["url"], simulator["control_url"], simulator["account_token"], receiver)
    yield world
    world.close()


@pytest.fixture(params=ACCOUNTS)
def provider(request: pytest.FixtureRequest) -> Iterator[Account]:
    if request.param == "postmark":
        wire = Wire(_settings_of_the_service())
        account, inventory = PostmarkAccount(wire, FreePace()), PostmarkInventory(wire, FreePace())
        yield RealAccount(account, inventory, os.environ["EMAIL_CONTRACT_POSTMARK_DOMAIN"])
        wire.close()
    elif request.param == "fake":
        yield FakeWorld()
    else:
        yield request.getfixturevalue("simulated")


@pytest.fixture
def clean_up() -> Iterator[Callable[[Callable[[], None]], None]]:
    """Deletions in reverse order, so that a real account is left as it was found."""
    undo: list[Callable[[], None]] = []
    yield undo.append
    for step in reversed(undo):
        step()


def _settings_of_the_service() -> PostmarkSettings:
    token = os.environ["EMAIL_CONTRACT_POSTMARK_ACCOUNT_TOKEN"]
    url = os.environ.get("EMAIL_CONTRACT_POSTMARK_URL", PostmarkSettings(account_token="").base_url)
    return PostmarkSettings(base_url=url, account_token=token)
