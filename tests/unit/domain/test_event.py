"""What events make of a job's status and of an address."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.event import (
    EventFacts,
    EventKind,
    concerns_a_message,
    fold,
    implied_status,
    suppression_fact,
)
from shared.domain.job import JobStatus
from shared.domain.suppression import SuppressionReason
from tests import factories

DELIVERY = factories.facts(EventKind.DELIVERY)
HARD = factories.facts(EventKind.BOUNCE, hard_bounce=True)
SOFT = factories.facts(EventKind.BOUNCE)
COMPLAINT = factories.facts(EventKind.SPAM_COMPLAINT)
OPEN = factories.facts(EventKind.OPEN)
TEST = factories.facts(EventKind.TEST)
OTHER = factories.facts(EventKind.OTHER)
SENT, DELIVERED, BOUNCED, COMPLAINED = (
    JobStatus.SENT,
    JobStatus.DELIVERED,
    JobStatus.BOUNCED,
    JobStatus.COMPLAINED,
)
INCONSISTENT = JobStatus.INCONSISTENT
NEVER_TAKEN = (JobStatus.FAILED, JobStatus.CANCELLED, JobStatus.SUPPRESSED)
NOT_YET_SENT = (JobStatus.QUEUED, JobStatus.SENDING, JobStatus.IN_DOUBT)


@pytest.mark.parametrize(
    ("held", "facts", "after"),
    [
        (SENT, DELIVERY, DELIVERED),
        (SENT, HARD, BOUNCED),
        (SENT, COMPLAINT, COMPLAINED),
        (DELIVERED, DELIVERY, DELIVERED),
        (DELIVERED, HARD, BOUNCED),
        (DELIVERED, COMPLAINT, COMPLAINED),
        (BOUNCED, DELIVERY, INCONSISTENT),
        (BOUNCED, HARD, BOUNCED),
        (BOUNCED, COMPLAINT, COMPLAINED),
        (COMPLAINED, DELIVERY, INCONSISTENT),
        (COMPLAINED, HARD, INCONSISTENT),
        (COMPLAINED, COMPLAINT, COMPLAINED),
    ],
)
def test_status_moves_only_toward_more_concerning(
    held: JobStatus, facts: EventFacts, after: JobStatus
) -> None:
    assert fold(held, facts) is after


@pytest.mark.parametrize("facts", [SOFT, OPEN, factories.facts(EventKind.CLICK), TEST, OTHER])
@pytest.mark.parametrize("held", [SENT, DELIVERED, BOUNCED, COMPLAINED, INCONSISTENT, *NEVER_TAKEN])
def test_what_is_recorded_only_moves_no_settled_status(held: JobStatus, facts: EventFacts) -> None:
    assert fold(held, facts) is held


@pytest.mark.parametrize(("held", "facts"), list(product(NEVER_TAKEN, [DELIVERY, HARD, COMPLAINT])))
def test_news_of_a_message_that_was_never_taken_is_inconsistent(held: JobStatus, facts: EventFacts) -> None:
    assert fold(held, facts) is INCONSISTENT


@pytest.mark.parametrize("held", NOT_YET_SENT)
@pytest.mark.parametrize(
    ("facts", "after"),
    [(DELIVERY, DELIVERED), (HARD, BOUNCED), (COMPLAINT, COMPLAINED), (SOFT, SENT), (OPEN, SENT)],
)
def test_any_event_of_a_message_proves_that_its_job_was_sent(
    held: JobStatus, facts: EventFacts, after: JobStatus
) -> None:
    assert fold(held, facts) is after


@pytest.mark.parametrize("held", NOT_YET_SENT)
@pytest.mark.parametrize("facts", [TEST, OTHER])
def test_test_posts_and_unknown_types_prove_nothing(held: JobStatus, facts: EventFacts) -> None:
    assert fold(held, facts) is held


@given(st.sampled_from(list(JobStatus)), st.lists(st.sampled_from([DELIVERY, HARD, SOFT, COMPLAINT, OPEN])))
def test_once_inconsistent_a_job_stays_so_until_a_person_resolves_it(
    held: JobStatus, events: list[EventFacts]
) -> None:
    states = [held]
    for facts in events:
        states.append(fold(states[-1], facts))
    first = states.index(INCONSISTENT) if INCONSISTENT in states else len(states)
    assert set(states[first:]) <= {INCONSISTENT}


@given(st.sampled_from(list(JobStatus)), st.lists(st.sampled_from([DELIVERY, HARD, SOFT, COMPLAINT, OPEN])))
def test_an_event_that_comes_twice_in_a_row_counts_once(held: JobStatus, events: list[EventFacts]) -> None:
    once = twice = held
    for facts in events:
        once = fold(once, facts)
        twice = fold(fold(twice, facts), facts)
    assert once is twice


@given(st.permutations([DELIVERY, SOFT, OPEN, DELIVERY]))
def test_recorded_events_between_others_change_nothing(events: list[EventFacts]) -> None:
    status = SENT
    for facts in events:
        status = fold(status, facts)
    assert status is DELIVERED


def test_only_delivery_hard_bounce_and_complaint_stand_for_a_status() -> None:
    implied = {kind: implied_status(factories.facts(kind)) for kind in EventKind}
    assert {kind for kind, status in implied.items() if status} == {
        EventKind.DELIVERY,
        EventKind.SPAM_COMPLAINT,
    }
    assert implied_status(HARD) is BOUNCED


def change(*, suppresses: bool | None, reason: SuppressionReason | None = None) -> EventFacts:
    return factories.facts(EventKind.SUBSCRIPTION_CHANGE, suppresses=suppresses, suppression_reason=reason)


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        (HARD, SuppressionReason.HARD_BOUNCE),
        (COMPLAINT, SuppressionReason.SPAM_COMPLAINT),
        (change(suppresses=True), SuppressionReason.UNSUBSCRIBED),
        (change(suppresses=True, reason=SuppressionReason.HARD_BOUNCE), SuppressionReason.HARD_BOUNCE),
        (change(suppresses=False), None),
    ],
)
def test_what_bears_on_an_address_is_a_fact_dated_by_the_provider(
    facts: EventFacts, reason: SuppressionReason | None
) -> None:
    event = factories.event(told=facts, received_at=factories.later(hours=1))
    fact = suppression_fact(event)
    assert fact is not None
    assert (fact.reason, fact.occurred_at, fact.source_event_id) == (reason, facts.occurred_at, event.e_id)


@pytest.mark.parametrize("facts", [DELIVERY, SOFT, OPEN, TEST, OTHER, change(suppresses=None)])
def test_what_does_not_bear_on_an_address_is_no_fact(facts: EventFacts) -> None:
    assert suppression_fact(factories.event(told=facts)) is None


@pytest.mark.parametrize("occurred", [None, factories.later(days=9999)])
def test_an_undated_event_and_one_from_the_future_are_dated_by_their_arrival(occurred: object) -> None:
    facts = factories.facts(EventKind.BOUNCE, hard_bounce=True, occurred_at=occurred)
    fact = suppression_fact(factories.event(told=facts, received_at=factories.later(hours=1)))
    assert fact is not None
    assert fact.occurred_at == factories.later(hours=1)


@pytest.mark.parametrize(
    ("facts", "concerns"),
    [
        (DELIVERY, True),
        (factories.facts(message_id=None, job_id=factories.job().e_id), True),
        (factories.facts(EventKind.SUBSCRIPTION_CHANGE, message_id=None), False),
        (TEST, False),
    ],
)
def test_what_names_a_job_or_a_message_has_one_to_wait_for(facts: EventFacts, concerns: bool) -> None:
    assert concerns_a_message(facts) is concerns
