"""Any role may be killed and started again while mail goes out: nothing promised is lost, nothing goes out twice."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bench.faults import rehearse, speed_up
from sandbox.stack import commands
from sandbox.stack.records import State


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> State:
    return State(Path(tmp_path_factory.mktemp("stack")))


@pytest.fixture(scope="module")
def places(state: State) -> Iterator[dict[str, Any]]:
    with commands.running(state, "sandbox.roles:PRODUCT", lambda _: None) as places:
        speed_up(places)
        yield places


@pytest.mark.parametrize(
    "role", ["web", "provisioning", "send", "projection", "scheduler", "valkey", "postgres"]
)
def test_killing_a_role_neither_loses_nor_doubles_a_message(
    places: dict[str, Any], state: State, role: str
) -> None:
    result = rehearse(places, state, role, jobs=90)
    assert result.held, result
