"""The whole lifecycle, walked: every state and every trigger, against the table as it was written down by hand."""

from itertools import product

import pytest

from shared.domain import lifecycle
from shared.domain.configuration import Decision, EmailConfiguration, Facts, Verdict, advance
from shared.domain.lifecycle import SIGNALS, Administrative, Operational, Refuse, Stay, To, Trigger
from tests import factories

LOCKED, UNLOCKED, LOCKING = Administrative
NOW = factories.later(hours=1)
COLUMNS = tuple(Operational)
# A state: goes there. `.`: nothing changes. `!`: refused. In the order of COLUMNS:
#                         PENDING  PROVISIONING  AWAITING_V.  OK  DEGRADED  MISSING  UNVERIFIED  FAILURE
BY_HAND = {
    "provision":           "PROVISIONING .       .            .   .         !        .           .",
    "re-provision":        "!        .           !            !   !         PROVISIONING !       !",
    "re-verify": "! ! AWAITING_VERIFICATION . . ! AWAITING_VERIFICATION AWAITING_VERIFICATION",
    "provisioned":         ". AWAITING_VERIFICATION .         .   .         .        .           .",
    "provisioning-failed": ".        MISSING     .            .   .         .        .           .",
    "verified":            ".        .           OK           .   .         .        .           .",
    "window-exceeded":     ".        .           UNVERIFIED   .   .         .        .           .",
    "send-faults-reached": ".        .           .            FAILURE FAILURE .      .           .",
    "send-accepted":       ".        .           .            .   OK        .        .           .",
}  # fmt: skip
#                 LOCKED    UNLOCKED  LOCKING
BY_HAND_ADMINISTRATIVE = {
    "unlock":     "UNLOCKED .         !",
    "lock":       ".        LOCKED    .",
    "force-lock": ".        LOCKED    LOCKED",
    "drained":    ".        .         LOCKED",
    "remove":     "retired  !         !",
}  # fmt: skip

PAIRS = list(product(Operational, Administrative))


def state_of(configuration: EmailConfiguration) -> tuple[Operational, Administrative, bool]:
    return configuration.operational, configuration.administrative, configuration.retired


def by_hand(operational: Operational, administrative: Administrative, trigger: str) -> str:
    if trigger == "unlock" and administrative is LOCKED:
        return "UNLOCKED" if operational in {Operational.OK, Operational.DEGRADED} else "!"
    if trigger == "remove" and operational is Operational.PROVISIONING:
        return "!"
    if trigger in BY_HAND:
        return BY_HAND[trigger].split()[COLUMNS.index(operational)]
    return BY_HAND_ADMINISTRATIVE[trigger].split()[list(Administrative).index(administrative)]


def decide(configuration: EmailConfiguration, trigger: Trigger, facts: Facts | None = None) -> Decision:
    return advance(configuration, trigger, now=NOW, facts=facts or Facts())


@pytest.mark.parametrize("trigger", Trigger)
@pytest.mark.parametrize(("operational", "administrative"), PAIRS)
def test_every_state_and_trigger_decides_as_the_table_says(
    operational: Operational, administrative: Administrative, trigger: Trigger
) -> None:
    before = factories.configuration(operational=operational, administrative=administrative)
    decision = decide(before, trigger)
    expected = by_hand(operational, administrative, trigger.value)
    after: dict[str, tuple[Verdict, tuple[str, str, bool]]] = {
        ".": (Verdict.UNCHANGED, (operational, administrative, False)),
        "!": (Verdict.REFUSED, (operational, administrative, False)),
        "retired": (Verdict.CHANGED, (operational, administrative, True)),
    }
    moved = (
        (expected, administrative, False)
        if trigger in lifecycle.OPERATIONAL
        else (operational, expected, False)
    )
    assert (decision.verdict, state_of(decision.configuration)) == after.get(
        expected, (Verdict.CHANGED, moved)
    )
    assert decision.reason
    if decision.verdict is not Verdict.CHANGED:
        assert decision.configuration is before
        assert decision.effects == ()


@pytest.mark.parametrize("trigger", Trigger)
def test_a_retired_configuration_never_moves(trigger: Trigger) -> None:
    refused = trigger in SIGNALS and trigger is not Trigger.REMOVE
    for operational, administrative in PAIRS:
        before = factories.configuration(
            operational=operational, administrative=administrative, retired_at=factories.LONG_AGO
        )
        decision = decide(before, trigger)
        assert decision.verdict is (Verdict.REFUSED if refused else Verdict.UNCHANGED)
        assert decision.configuration is before
        assert decision.effects == ()


def test_the_hand_written_table_names_every_trigger_and_every_state() -> None:
    assert set(BY_HAND) | set(BY_HAND_ADMINISTRATIVE) == {trigger.value for trigger in Trigger}
    assert {len(row.split()) for row in BY_HAND.values()} == {8}
    assert {len(row.split()) for row in BY_HAND_ADMINISTRATIVE.values()} == {3}


def test_each_region_has_a_rule_for_every_pair_and_for_nothing_else() -> None:
    assert lifecycle.OPERATIONAL.keys() | lifecycle.ADMINISTRATIVE.keys() == set(Trigger)
    assert not lifecycle.OPERATIONAL.keys() & lifecycle.ADMINISTRATIVE.keys()
    assert all(row.keys() == set(Operational) for row in lifecycle.OPERATIONAL.values())
    assert all(row.keys() == set(Administrative) for row in lifecycle.ADMINISTRATIVE.values())


def test_only_signals_are_refused_and_every_rule_that_moves_nothing_says_why() -> None:
    for trigger, row in {**lifecycle.OPERATIONAL, **lifecycle.ADMINISTRATIVE}.items():
        for rule in row.values():
            assert isinstance(rule, To) or rule.reason
            assert not isinstance(rule, Refuse) or trigger in SIGNALS


def test_a_rule_of_one_region_moves_that_region() -> None:
    moves = {
        (type(rule.state), table is lifecycle.OPERATIONAL)
        for table in (lifecycle.OPERATIONAL, lifecycle.ADMINISTRATIVE)
        for row in table.values()
        for rule in row.values()
        if isinstance(rule, To)
    }
    assert moves == {(Operational, True), (Administrative, False)}


@pytest.mark.parametrize(("operational", "administrative"), PAIRS)
def test_a_signal_repeated_at_its_goal_is_no_conflict(
    operational: Operational, administrative: Administrative
) -> None:
    """Answered with 200: whoever repeats a signal, because its answer was lost, is not told of a conflict."""
    for signal in set(SIGNALS) - {Trigger.RE_VERIFY}:
        once = decide(factories.configuration(operational=operational, administrative=administrative), signal)
        if once.verdict is Verdict.CHANGED:
            assert decide(once.configuration, signal).verdict is Verdict.UNCHANGED


def test_a_stay_is_named_for_every_late_report() -> None:
    reports = [trigger for trigger in Trigger if trigger not in SIGNALS]
    rules = [
        rule
        for trigger in reports
        for rule in {**lifecycle.OPERATIONAL, **lifecycle.ADMINISTRATIVE}[trigger].values()
    ]
    assert all(isinstance(rule, To | Stay) for rule in rules)
