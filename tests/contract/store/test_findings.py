"""Findings: found again under one identity, open when old enough, told of once, resolved when they are gone."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from shared.domain.drift import (
    Assertion,
    Discrepancy,
    Drift,
    Finding,
    FindingState,
    Problem,
    Round,
    Verdict,
)
from shared.ports.store import Store

Moment = Callable[[], object]
TimePasses = Callable[[float], object]

INVENTORY, REGISTRY, DNS = Assertion
YOUNG, OPEN, SNOOZED, RESOLVED = FindingState
GRACE_SECONDS = 300.0

STRAY = Discrepancy(
    tag=Drift.ORPHAN_SERVER,
    problem=Problem.UNACCOUNTED,
    server_id=5_000_000_000,
    server_name="ardamails-dev-acme",
)


def missing_key(**given: Any) -> Discrepancy:
    fields = {"configuration_id": uuid4(), "tenant_id": uuid4(), "server_id": 11, "key_version": "v1"}
    return Discrepancy(tag=Drift.MISSING_KEY, problem=Problem.ABSENT, **{**fields, **given})


def wrong_record(tag: Drift = Drift.DKIM_MISMATCH, **given: Any) -> Discrepancy:
    fields: dict[str, Any] = {
        "configuration_id": uuid4(),
        "tenant_id": uuid4(),
        "record_name": "20260102pm._domainkey.acme.dev.ardamails.com",
        "grace_seconds": GRACE_SECONDS,
    }
    return Discrepancy(tag=tag, problem=Problem.DIFFERENT, **{**fields, **given})


def lost_server(**given: Any) -> Discrepancy:
    fields = {"configuration_id": uuid4(), "tenant_id": uuid4(), "server_id": 11}
    return Discrepancy(tag=Drift.ORPHAN_DB_ROW, problem=Problem.ABSENT, **{**fields, **given})


def observe(store: Store, *discrepancies: Discrepancy, round: Round | None = None) -> None:
    with store.begin() as tx:
        tx.findings.observe(discrepancies, round)


def begun(store: Store, assertion: Assertion) -> Round:
    with store.begin() as tx:
        tx.rounds.ask(assertion)
        round = tx.rounds.begin(assertion.e_id, lease_seconds=3_600)
    assert round is not None
    return round


def settle(store: Store, round: Round) -> int:
    """And ends the round."""
    with store.begin() as tx:
        resolved = tx.findings.settle(round)
        tx.rounds.finish(round, verdict=Verdict.CLEAN, checked=0, calls=0)
    return resolved


def run_round(store: Store, assertion: Assertion, *found: Discrepancy) -> int:
    round = begun(store, assertion)
    observe(store, *found, round=round)
    return settle(store, round)


def find(
    store: Store,
    *states: FindingState,
    tags: Collection[Drift] = (),
    configuration_id: UUID | None = None,
    after: UUID | None = None,
    limit: int = 10_000,
) -> list[Finding]:
    with store.begin() as tx:
        return tx.findings.find(
            states=states or list(FindingState),
            tags=tags,
            configuration_id=configuration_id,
            after=after,
            limit=limit,
        )


def only(store: Store) -> Finding:
    [finding] = find(store)
    return finding


def state(store: Store) -> FindingState:
    [finding] = find(store)
    with store.begin() as tx:
        return finding.state(tx.now())


def untold(store: Store, limit: int = 100) -> list[Discrepancy]:
    with store.begin() as tx:
        return [finding.discrepancy for finding in tx.findings.untold(tuple(Drift), limit)]


def tell(store: Store, findings: Sequence[Finding] | None = None) -> None:
    with store.begin() as tx:
        told = tx.findings.untold(tuple(Drift), 100) if findings is None else findings
        tx.findings.told({finding.e_id for finding in told})


def snooze(store: Store, finding: Finding, seconds: float | None = 3_600) -> bool:
    with store.begin() as tx:
        until = None if seconds is None else tx.now() + timedelta(seconds=seconds)
        return tx.findings.snooze(finding.e_id, until=until, author="operator", reason="a migration")


EVERY_KIND = [
    lost_server(),
    STRAY,
    replace(STRAY, configuration_id=uuid4(), tenant_id=uuid4()),
    missing_key(),
    missing_key(key_version=""),
    wrong_record(grace_seconds=0.0),
    wrong_record(Drift.RETURN_PATH_MISMATCH, grace_seconds=0.0),
]


@pytest.mark.parametrize("discrepancy", EVERY_KIND, ids=lambda one: one.tag)
def test_a_finding_is_read_as_it_was_observed(store: Store, discrepancy: Discrepancy) -> None:
    with store.begin() as tx:
        tx.findings.observe([discrepancy])
        now = tx.now()
    finding = only(store)
    assert finding == Finding(
        e_id=finding.e_id,
        discrepancy=discrepancy,
        first_seen_at=now,
        since_at=now,
        last_seen_at=now,
        opened_at=now,
    )
    with store.begin() as tx:
        assert tx.findings.get(finding.e_id) == finding
        assert tx.findings.get(uuid4()) is None


def test_what_is_found_again_is_the_same_finding_seen_later(store: Store, time_passes: TimePasses) -> None:
    key = missing_key()
    observe(store, key)
    first = only(store)
    time_passes(100)
    observe(store, key)
    again = only(store)
    assert again.e_id == first.e_id
    assert again.first_seen_at == again.since_at == again.opened_at
    assert again.last_seen_at - again.since_at >= timedelta(seconds=100)


def test_a_finding_shows_what_was_observed_last(store: Store) -> None:
    observe(store, wrong_record(), missing_key(key_version="v1"))
    record, key = (finding.discrepancy for finding in find(store))
    gone = replace(
        record, problem=Problem.ABSENT, record_name="other.acme.dev.ardamails.com", grace_seconds=7.0
    )
    moved = replace(key, key_version="v2", server_id=None, tenant_id=uuid4())
    observe(store, gone, moved)
    assert [finding.discrepancy for finding in find(store)] == [gone, moved]


def test_a_tag_and_a_subject_are_one_finding_and_either_another_is_another(store: Store) -> None:
    first = wrong_record()
    observe(
        store,
        first,
        replace(first, tag=Drift.RETURN_PATH_MISMATCH),
        replace(first, configuration_id=uuid4()),
        STRAY,
        replace(STRAY, server_id=7),
        replace(STRAY, configuration_id=uuid4()),
    )
    assert len(find(store)) == 5


def test_of_one_that_is_observed_twice_at_once_the_last_counts(store: Store) -> None:
    key = missing_key(key_version="v1")
    observe(store, key, replace(key, key_version="v2"))
    assert only(store).discrepancy.key_version == "v2"


def test_nothing_observed_is_nothing_found(store: Store) -> None:
    observe(store)
    observe(store, round=begun(store, DNS))
    assert find(store) == []


def test_a_finding_is_young_until_it_is_as_old_as_its_grace(store: Store, time_passes: TimePasses) -> None:
    record = wrong_record()
    observe(store, record)
    assert state(store) is YOUNG
    time_passes(GRACE_SECONDS - 100)
    observe(store, record)
    assert state(store) is YOUNG
    assert untold(store) == []
    time_passes(101)
    assert state(store) is YOUNG
    observe(store, record)
    assert state(store) is OPEN
    assert untold(store) == [record]
    opened = only(store)
    assert opened.opened_at == opened.last_seen_at


def test_an_open_finding_stays_open_with_a_longer_grace(store: Store, a_moment_passes: Moment) -> None:
    record = wrong_record(grace_seconds=0.0)
    observe(store, record)
    before = only(store)
    a_moment_passes()
    observe(store, replace(record, grace_seconds=3_600.0))
    assert state(store) is OPEN
    assert only(store).opened_at == before.opened_at


def test_a_young_finding_opens_as_soon_as_a_shorter_grace_is_over(
    store: Store, time_passes: TimePasses
) -> None:
    record = wrong_record(grace_seconds=3_600.0)
    observe(store, record)
    time_passes(100)
    observe(store, replace(record, grace_seconds=60.0))
    assert state(store) is OPEN


def test_what_a_round_did_not_see_is_resolved_and_what_it_saw_stands(store: Store) -> None:
    gone, stays = missing_key(), missing_key()
    assert run_round(store, REGISTRY, gone, stays) == 0
    round = begun(store, REGISTRY)
    observe(store, stays, round=round)
    with store.begin() as tx:
        assert tx.findings.settle(round) == 1
        now = tx.now()
    assert [finding.discrepancy for finding in find(store, OPEN)] == [stays]
    [resolved] = find(store, RESOLVED)
    assert (resolved.discrepancy, resolved.resolved_at) == (gone, now)


def test_a_round_that_is_over_in_a_moment_leaves_what_it_saw(store: Store) -> None:
    old, gone, new = missing_key(), missing_key(), missing_key()
    run_round(store, REGISTRY, old, gone)
    with store.begin() as tx:
        tx.rounds.ask(REGISTRY)
        round = tx.rounds.begin(REGISTRY.e_id, lease_seconds=60)
        assert round is not None
        tx.findings.observe([old, new], round)
        assert tx.findings.settle(round) == 1
    assert [finding.discrepancy for finding in find(store, OPEN)] == [old, new]


def test_what_was_not_told_of_yet_is_forgotten_when_it_is_gone(store: Store) -> None:
    gone, stays = wrong_record(), wrong_record()
    run_round(store, DNS, gone, stays)
    assert run_round(store, DNS, stays) == 0
    assert [finding.discrepancy for finding in find(store)] == [stays]


def test_what_is_young_when_it_comes_back_begins_to_count_anew(store: Store, time_passes: TimePasses) -> None:
    record = wrong_record()
    run_round(store, DNS, record)
    time_passes(GRACE_SECONDS - 10)
    run_round(store, DNS)
    run_round(store, DNS, record)
    time_passes(GRACE_SECONDS - 10)
    run_round(store, DNS, record)
    assert state(store) is YOUNG


def test_a_round_leaves_other_assertions_findings_alone(store: Store) -> None:
    others = [missing_key(), wrong_record(), wrong_record(Drift.RETURN_PATH_MISMATCH, grace_seconds=0.0)]
    observe(store, *others, STRAY, lost_server())
    assert run_round(store, INVENTORY) == 2
    assert [finding.discrepancy for finding in find(store, YOUNG, OPEN)] == others


def test_what_is_resolved_is_not_resolved_again(store: Store, a_moment_passes: Moment) -> None:
    run_round(store, REGISTRY, missing_key())
    a_moment_passes()
    assert run_round(store, REGISTRY) == 1
    before = find(store)
    a_moment_passes()
    assert run_round(store, REGISTRY) == 0
    assert find(store) == before


def test_what_somebody_else_came_across_before_a_round_is_the_rounds_to_judge(
    store: Store, a_moment_passes: Moment
) -> None:
    observe(store, STRAY)
    a_moment_passes()
    assert run_round(store, INVENTORY, STRAY) == 0
    assert state(store) is OPEN
    observe(store, STRAY)
    a_moment_passes()
    assert run_round(store, INVENTORY) == 1
    assert state(store) is RESOLVED


def test_what_somebody_else_comes_across_during_a_round_is_left_to_the_next(
    store: Store, a_moment_passes: Moment
) -> None:
    round = begun(store, INVENTORY)
    a_moment_passes()
    observe(store, STRAY)
    assert settle(store, round) == 0
    assert state(store) is OPEN
    a_moment_passes()
    assert run_round(store, INVENTORY) == 1


def test_what_a_round_saw_that_could_not_tell_is_left_to_the_next(
    store: Store, a_moment_passes: Moment
) -> None:
    run_round(store, INVENTORY, STRAY)
    a_moment_passes()
    round = begun(store, INVENTORY)
    lost = lost_server()
    observe(store, lost, round=round)
    with store.begin() as tx:
        tx.rounds.give_up(round, fault="timeout", again_in_seconds=0)
    assert [finding.discrepancy for finding in find(store, OPEN)] == [STRAY, lost]
    a_moment_passes()
    assert run_round(store, INVENTORY, STRAY) == 1
    assert [finding.discrepancy for finding in find(store, OPEN)] == [STRAY]


def test_a_resolved_finding_that_comes_back_is_the_same_one_begun_anew(
    store: Store, time_passes: TimePasses
) -> None:
    key = missing_key()
    run_round(store, REGISTRY, key)
    tell(store)
    first = only(store)
    time_passes(1_000)
    run_round(store, REGISTRY)
    time_passes(1_000)
    assert untold(store) == []
    run_round(store, REGISTRY, key)
    again = only(store)
    assert again.e_id == first.e_id
    assert again.resolved_at is None
    assert again.since_at == again.opened_at == again.last_seen_at
    assert again.since_at - again.first_seen_at >= timedelta(seconds=2_000)
    assert untold(store) == [key]


def test_a_resolved_finding_that_comes_back_has_its_grace_again(
    store: Store, time_passes: TimePasses
) -> None:
    record = wrong_record()
    observe(store, record)
    time_passes(GRACE_SECONDS + 1)
    observe(store, record)
    assert run_round(store, DNS) == 1
    time_passes(10 * GRACE_SECONDS)
    observe(store, record)
    assert state(store) is YOUNG
    assert untold(store) == []
    time_passes(GRACE_SECONDS + 1)
    observe(store, record)
    assert untold(store) == [record]


def test_a_finding_is_told_of_once_for_as_long_as_it_stands(store: Store, time_passes: TimePasses) -> None:
    run_round(store, INVENTORY, STRAY)
    assert untold(store) == [STRAY]
    assert untold(store) == [STRAY]
    tell(store)
    assert untold(store) == []
    time_passes(100_000)
    run_round(store, INVENTORY, STRAY)
    assert untold(store) == []
    assert state(store) is OPEN


def test_what_opened_first_is_told_of_first(store: Store, time_passes: TimePasses) -> None:
    record, key, last = wrong_record(), missing_key(), missing_key()
    observe(store, record)
    time_passes(1)
    observe(store, key)
    time_passes(GRACE_SECONDS)
    observe(store, record)
    time_passes(1)
    observe(store, last)
    assert untold(store) == [key, record, last]
    assert untold(store, limit=2) == [key, record]


def test_whoever_tells_of_one_tag_leaves_the_others(store: Store) -> None:
    key = missing_key()
    observe(store, STRAY, key)
    with store.begin() as tx:
        found = [finding.discrepancy for finding in tx.findings.untold([Drift.MISSING_KEY], 100)]
        assert (found, tx.findings.untold([], 100)) == ([key], [])


def test_only_what_was_named_is_told_of(store: Store) -> None:
    first, second = missing_key(), missing_key()
    observe(store, first, second)
    tell(store, [finding for finding in find(store) if finding.discrepancy == first])
    assert untold(store) == [second]
    with store.begin() as tx:
        tx.findings.told([])
        tx.findings.told([uuid4()])
    assert untold(store) == [second]


def test_a_young_finding_cannot_have_been_told_of(store: Store, time_passes: TimePasses) -> None:
    record = wrong_record()
    observe(store, record)
    tell(store, find(store))
    time_passes(GRACE_SECONDS + 1)
    observe(store, record)
    assert untold(store) == [record]


def test_what_was_resolved_before_it_was_told_of_is_not_told_of(store: Store) -> None:
    run_round(store, INVENTORY, STRAY)
    run_round(store, INVENTORY)
    assert untold(store) == []


def test_a_snoozed_finding_is_told_of_when_its_time_is_over(store: Store, time_passes: TimePasses) -> None:
    observe(store, STRAY)
    assert snooze(store, only(store), seconds=3_600)
    snoozed = only(store)
    assert (snoozed.snoozed_by, snoozed.snooze_reason) == ("operator", "a migration")
    assert state(store) is SNOOZED
    assert untold(store) == []
    time_passes(3_500)
    observe(store, STRAY)
    assert (state(store), untold(store)) == (SNOOZED, [])
    time_passes(101)
    assert (state(store), untold(store)) == (OPEN, [STRAY])


def test_a_finding_that_is_woken_is_as_if_it_had_never_been_snoozed(store: Store) -> None:
    observe(store, STRAY)
    before = only(store)
    assert snooze(store, before)
    assert snooze(store, before, seconds=None)
    assert only(store) == before
    assert untold(store) == [STRAY]


def test_a_finding_that_was_told_of_is_not_told_of_again_when_it_wakes(
    store: Store, time_passes: TimePasses
) -> None:
    observe(store, STRAY)
    tell(store)
    snooze(store, only(store), seconds=60)
    time_passes(61)
    assert (state(store), untold(store)) == (OPEN, [])


def test_a_finding_may_be_snoozed_anew(store: Store, time_passes: TimePasses) -> None:
    observe(store, STRAY)
    snooze(store, only(store), seconds=60)
    snooze(store, only(store), seconds=6_000)
    time_passes(61)
    assert state(store) is SNOOZED


def test_a_young_finding_may_be_snoozed_before_anybody_is_told(store: Store, time_passes: TimePasses) -> None:
    record = wrong_record()
    observe(store, record)
    assert snooze(store, only(store), seconds=10 * GRACE_SECONDS)
    assert state(store) is YOUNG
    time_passes(GRACE_SECONDS + 1)
    observe(store, record)
    assert (state(store), untold(store)) == (SNOOZED, [])


def test_who_snoozed_a_finding_is_left_alone_also_when_it_comes_and_goes(store: Store) -> None:
    run_round(store, INVENTORY, STRAY)
    snooze(store, only(store))
    assert run_round(store, INVENTORY) == 1
    assert state(store) is RESOLVED
    run_round(store, INVENTORY, STRAY)
    assert (state(store), untold(store)) == (SNOOZED, [])


@pytest.mark.parametrize("seconds", [60, None])
def test_what_is_resolved_or_unknown_is_not_snoozed(store: Store, seconds: float | None) -> None:
    run_round(store, INVENTORY, STRAY)
    run_round(store, INVENTORY)
    resolved = only(store)
    assert not snooze(store, resolved, seconds)
    assert not snooze(store, replace(resolved, e_id=uuid4()), seconds)
    assert only(store) == resolved


def one_in_each_state(store: Store) -> dict[FindingState, Discrepancy]:
    young, open_, resolved, snoozed = wrong_record(), lost_server(), missing_key(), STRAY
    run_round(store, REGISTRY, resolved)
    run_round(store, REGISTRY)
    observe(store, young, open_, snoozed)
    snooze(store, next(one for one in find(store) if one.discrepancy == snoozed))
    return {YOUNG: young, OPEN: open_, RESOLVED: resolved, SNOOZED: snoozed}


@pytest.mark.parametrize("state", FindingState)
def test_findings_are_found_by_their_state(store: Store, state: FindingState) -> None:
    wanted = one_in_each_state(store)
    assert [finding.discrepancy for finding in find(store, state)] == [wanted[state]]
    others = [other for other in FindingState if other is not state]
    assert {one.discrepancy for one in find(store, *others)} == {wanted[other] for other in others}


def test_findings_in_no_state_are_none(store: Store) -> None:
    one_in_each_state(store)
    with store.begin() as tx:
        assert tx.findings.find(states=[], limit=10) == []


def test_findings_are_found_by_their_tags(store: Store) -> None:
    wanted = one_in_each_state(store)
    found = find(store, tags=[Drift.ORPHAN_SERVER, Drift.DKIM_MISMATCH])
    assert {finding.discrepancy for finding in found} == {wanted[SNOOZED], wanted[YOUNG]}
    assert find(store, OPEN, tags=[Drift.ORPHAN_SERVER]) == []
    assert find(store, tags=[Drift.RETURN_PATH_MISMATCH]) == []


def test_findings_come_in_pages_in_the_order_of_their_first_sight(store: Store) -> None:
    keys = [missing_key() for _ in range(7)]
    for key in keys:
        observe(store, key)
    observe(store, *keys[::-1])
    after, pages = None, []
    while page := find(store, OPEN, after=after, limit=3):
        pages.append([finding.discrepancy for finding in page])
        after = page[-1].e_id
    assert pages == [keys[:3], keys[3:6], keys[6:]]


def test_what_was_observed_together_is_paged_without_loss_or_repeat(store: Store) -> None:
    keys = [missing_key() for _ in range(50)]
    observe(store, *keys)
    after, found = None, list[Discrepancy]()
    while page := find(store, OPEN, after=after, limit=7):
        found += [finding.discrepancy for finding in page]
        after = page[-1].e_id
    assert len(found) == 50
    assert set(found) == set(keys)


def test_findings_are_counted_by_tag_and_state_without_the_resolved(store: Store) -> None:
    one_in_each_state(store)
    observe(store, wrong_record(), wrong_record(grace_seconds=0.0))
    with store.begin() as tx:
        assert tx.findings.count() == {
            (Drift.DKIM_MISMATCH, YOUNG): 2,
            (Drift.DKIM_MISMATCH, OPEN): 1,
            (Drift.ORPHAN_DB_ROW, OPEN): 1,
            (Drift.ORPHAN_SERVER, SNOOZED): 1,
        }


def test_where_nothing_was_found_there_is_nothing_to_count(store: Store) -> None:
    with store.begin() as tx:
        assert tx.findings.count() == {}


def test_what_stands_is_told_by_tag_and_subject(store: Store) -> None:
    young, gone, open_ = wrong_record(), wrong_record(grace_seconds=0.0), wrong_record(grace_seconds=0.0)
    run_round(store, DNS, gone)
    run_round(store, DNS, young, open_)
    subjects = [one.subject for one in (young, gone, open_, wrong_record())]
    with store.begin() as tx:
        assert tx.findings.standing(Drift.DKIM_MISMATCH, subjects) == {young.subject, open_.subject}
        assert tx.findings.standing(Drift.RETURN_PATH_MISMATCH, subjects) == set()
        assert tx.findings.standing(Drift.DKIM_MISMATCH, []) == set()


def test_a_server_stands_by_its_own_id(store: Store) -> None:
    observe(store, replace(STRAY, configuration_id=uuid4()))
    with store.begin() as tx:
        assert tx.findings.standing(Drift.ORPHAN_SERVER, ["5000000000", "7"]) == {"5000000000"}


def test_findings_are_found_by_the_configuration_that_they_are_about(store: Store) -> None:
    mine = uuid4()
    dkim, key = wrong_record(configuration_id=mine), missing_key(configuration_id=mine)
    stray = replace(STRAY, configuration_id=mine)
    observe(store, dkim, wrong_record(), key, STRAY)
    observe(store, stray)
    found = find(store, configuration_id=mine)
    assert {finding.discrepancy for finding in found} == {dkim, key, stray}
    assert [one.discrepancy for one in find(store, YOUNG, configuration_id=mine)] == [dkim]
    assert find(store, configuration_id=uuid4()) == []


def test_five_thousand_are_observed_at_once_again_and_settled(store: Store) -> None:
    keys = [missing_key() for _ in range(5_000)]
    assert run_round(store, REGISTRY, *keys) == 0
    before = {finding.e_id: finding.discrepancy for finding in find(store, OPEN)}
    assert set(before.values()) == set(keys)
    assert run_round(store, REGISTRY, *keys[:4_000]) == 1_000
    after = {finding.e_id: finding.discrepancy for finding in find(store, OPEN)}
    assert set(after.values()) == set(keys[:4_000])
    assert after.items() <= before.items()
