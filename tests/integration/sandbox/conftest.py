from collections.abc import Iterator

import pytest

from tests.integration.sandbox.postmark_fixtures import Postmark, Receiver, Server, SimulatorProcess


@pytest.fixture(scope="session")
def simulator_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatorProcess]:
    process = SimulatorProcess(tmp_path_factory.mktemp("postmark"))
    yield process
    assert process.stop() == 0


@pytest.fixture
def postmark(simulator_process: SimulatorProcess) -> Iterator[Postmark]:
    """A simulator as new; its events happen only when a test pushes time forward."""
    made = Postmark.at(simulator_process)
    made.control("POST", "/reset")
    made.control("PATCH", "/settings", {"delivery_delay_seconds": 60, "follow_up_delay_seconds": 60})
    yield made
    made.close()


@pytest.fixture
def server(postmark: Postmark) -> Server:
    """A server of an account that may send from SENDING_DOMAIN."""
    postmark.verified_domain()
    return postmark.new_server()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()
