"""A short walk through the module with every test run; `python -m bench.model` walks for as long as it is told."""

import logging
from collections.abc import Iterator

import pytest
import structlog
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from shared.domain.mail import Refused
from tests.model.deeds import INACTIVE, REFUSED, SLUGS, BringUp, Deed
from tests.model.drawing import EVENLY, any_deed
from tests.model.settling import settle
from tests.model.tally import TALLY
from tests.model.world import TENANTS, World

SHORT = settings(
    max_examples=20,
    stateful_step_count=40,
    derandomize=True,
    backend=EVENLY,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)


class Lifecycle(RuleBasedStateMachine):
    """One rule only: of several, Hypothesis leaves out about half in each story, and no story would get far."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.broken = False
        self.world.postmark.refuse(REFUSED, Refused("300", "never"))
        self.world.postmark.refuse(INACTIVE, Refused("406", "inactive", inactive_recipient=True))

    @initialize(ready=st.booleans())
    def begin(self, ready: bool) -> None:
        """Two configurations of the first tenant, one of the second; perhaps one of each may send already."""
        TALLY.stories += 1
        for tenant, slug in zip((TENANTS[0], TENANTS[0], TENANTS[1]), SLUGS, strict=True):
            self.world.create(tenant, slug)
        if ready:
            BringUp(0).do(self.world)
            BringUp(2).do(self.world)

    @rule(deed=any_deed)
    def step(self, deed: Deed) -> None:
        TALLY.step(deed)
        self.broken = True
        deed.do(self.world)
        self.broken = False

    def teardown(self) -> None:
        if not self.broken:
            settle(self.world)


@pytest.fixture(autouse=True)
def _without_a_log() -> Iterator[None]:
    """Ten thousand lines say nothing of which step broke a promise."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    yield
    structlog.configure(**before)


def test_no_order_of_signals_faults_and_deaths_breaks_a_promise() -> None:
    run_state_machine_as_test(Lifecycle, settings=SHORT)
