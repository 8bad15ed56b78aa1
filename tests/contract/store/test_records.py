"""History: every change is a record, read as of any moment that was effective or recorded."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import uuid4

import pytest

from shared.domain.configuration import EmailConfiguration
from shared.domain.errors import NotFound
from shared.persistence.configuration_rows import configuration_of_snapshot, snapshot_of
from shared.ports.configurations import Change, ConfigurationRecord
from shared.ports.store import Store
from tests.factories import CREATED, configuration, later

Moment = Callable[[], object]


def rename(store: Store, one: EmailConfiguration, name: str, **change: datetime) -> EmailConfiguration:
    told = Change(author="operator@example.com", cause="rename", reason=f"now {name}", **change)
    with store.begin() as tx:
        return tx.configurations.save(replace(one, from_name=name), told)


def history(store: Store, one: EmailConfiguration) -> list[ConfigurationRecord]:
    with store.begin() as tx:
        return tx.configurations.history(one.e_id)


def name_as_of(
    store: Store,
    one: EmailConfiguration,
    *,
    effective: datetime | None = None,
    recorded: datetime | None = None,
) -> str | None:
    with store.begin() as tx:
        record = tx.configurations.record_as_of(one.e_id, effective=effective, recorded=recorded)
    return record.configuration.from_name if record else None


@pytest.fixture
def renamed(store: Store, a_moment_passes: Moment) -> EmailConfiguration:
    """Called First, then Second, then Third."""
    one = configuration(from_name="First")
    with store.begin() as tx:
        tx.configurations.add(one, CREATED)
    for name in ("Second", "Third"):
        a_moment_passes()
        one = rename(store, one, name)
    return one


def test_every_change_is_a_record_oldest_first_each_naming_the_one_before(
    store: Store, renamed: EmailConfiguration
) -> None:
    records = history(store, renamed)
    assert [record.configuration.from_name for record in records] == ["First", "Second", "Third"]
    assert [record.previous for record in records] == [None, records[0].r_id, records[1].r_id]
    assert [record.configuration.version for record in records] == [0, 1, 2]


def test_a_record_says_who_changed_it_what_made_them_and_why(
    store: Store, renamed: EmailConfiguration
) -> None:
    first, second, _ = history(store, renamed)
    assert (first.author, first.cause, first.reason) == ("operator@example.com", "create", None)
    assert (second.cause, second.reason) == ("rename", "now Second")


def test_a_record_is_effective_when_it_was_recorded_unless_said_otherwise(
    store: Store, renamed: EmailConfiguration
) -> None:
    saved = rename(store, renamed, "Fourth", effective_at=later(days=1))
    *_, third, fourth = history(store, saved)
    assert third.effective_at == third.recorded_at
    assert fourth.effective_at == later(days=1)
    assert fourth.recorded_at >= third.recorded_at


def test_the_current_record_is_the_last_one(store: Store, renamed: EmailConfiguration) -> None:
    with store.begin() as tx:
        assert tx.configurations.current_record(renamed.e_id) == tx.configurations.history(renamed.e_id)[-1]


def test_an_unknown_configuration_has_no_record(store: Store) -> None:
    with store.begin() as tx:
        assert tx.configurations.history(uuid4()) == []
        assert tx.configurations.record_as_of(uuid4(), effective=None, recorded=None) is None
        with pytest.raises(NotFound):
            tx.configurations.current_record(uuid4())


def test_a_record_holds_neither_ciphertext_nor_routing_hash(store: Store, acme: EmailConfiguration) -> None:
    assert acme.provisioned.server_token
    assert acme.routing_token_hash
    (record,) = history(store, acme)
    kept = replace(acme.provisioned, server_token=None)
    assert record.configuration == replace(acme, provisioned=kept, routing_token_hash=None)


def test_what_held_at_a_moment_is_the_last_record_effective_by_then(
    store: Store, renamed: EmailConfiguration
) -> None:
    first, second, third = history(store, renamed)
    assert name_as_of(store, renamed) == "Third"
    assert name_as_of(store, renamed, effective=third.effective_at) == "Third"
    assert name_as_of(store, renamed, effective=second.effective_at) == "Second"
    assert name_as_of(store, renamed, effective=first.effective_at) == "First"
    assert name_as_of(store, renamed, effective=later()) is None


def test_what_was_known_at_a_moment_is_what_had_been_recorded_by_then(
    store: Store, renamed: EmailConfiguration, a_moment_passes: Moment
) -> None:
    first, second, third = history(store, renamed)
    a_moment_passes()
    corrected = rename(store, renamed, "Corrected", effective_at=second.effective_at)
    assert name_as_of(store, corrected, effective=second.effective_at) == "Corrected"
    assert name_as_of(store, corrected, effective=second.effective_at, recorded=third.recorded_at) == "Second"
    assert name_as_of(store, corrected, effective=first.effective_at) == "First"
    assert name_as_of(store, corrected) == "Third"
    assert name_as_of(store, corrected, recorded=later()) is None


def test_of_two_corrections_of_one_moment_the_later_recorded_holds(
    store: Store, renamed: EmailConfiguration, a_moment_passes: Moment
) -> None:
    _, second, _ = history(store, renamed)
    for name in ("Corrected", "Corrected again"):
        a_moment_passes()
        renamed = rename(store, renamed, name, effective_at=second.effective_at)
    *_, once, again = history(store, renamed)
    assert name_as_of(store, renamed, effective=second.effective_at) == "Corrected again"
    for recorded, name in ((again, "Corrected again"), (once, "Corrected"), (second, "Second")):
        known = name_as_of(store, renamed, effective=second.effective_at, recorded=recorded.recorded_at)
        assert known == name


def test_a_change_that_takes_effect_later_does_not_hold_before(
    store: Store, renamed: EmailConfiguration, a_moment_passes: Moment
) -> None:
    *_, third = history(store, renamed)
    a_moment_passes()
    planned_at = third.effective_at + timedelta(days=1)
    planned = rename(store, renamed, "Planned", effective_at=planned_at)
    just_before = planned_at - timedelta(microseconds=1)
    assert name_as_of(store, planned, effective=just_before) == "Third"
    assert name_as_of(store, planned, effective=planned_at) == "Planned"
    assert name_as_of(store, planned, effective=planned_at, recorded=third.recorded_at) == "Third"


def test_a_change_that_took_effect_before_everything_else_is_what_held_then(
    store: Store, renamed: EmailConfiguration
) -> None:
    first, *_ = history(store, renamed)
    early = rename(store, renamed, "Always so", effective_at=later())
    assert name_as_of(store, early, effective=later()) == "Always so"
    assert name_as_of(store, early, effective=first.effective_at) == "First"
    assert name_as_of(store, early, effective=later(), recorded=first.recorded_at) is None


def test_a_record_is_known_from_the_moment_it_was_recorded(
    store: Store, renamed: EmailConfiguration, a_moment_passes: Moment
) -> None:
    first, second, third = history(store, renamed)
    for record, name in ((first, "First"), (second, "Second"), (third, "Third")):
        assert name_as_of(store, renamed, recorded=record.recorded_at) == name
    just_before = second.recorded_at - timedelta(microseconds=1)
    assert name_as_of(store, renamed, recorded=just_before) == "First"


def test_history_and_the_current_record_follow_the_order_of_recording_and_not_of_effect(
    store: Store, renamed: EmailConfiguration, a_moment_passes: Moment
) -> None:
    a_moment_passes()
    corrected = rename(store, renamed, "Corrected", effective_at=later())
    records = history(store, corrected)
    assert [record.configuration.from_name for record in records] == ["First", "Second", "Third", "Corrected"]
    assert [record.previous for record in records] == [None, *(record.r_id for record in records[:-1])]
    with store.begin() as tx:
        assert tx.configurations.current_record(corrected.e_id) == records[-1]


def test_a_record_keeps_since_when_the_states_are_as_they_are(store: Store, acme: EmailConfiguration) -> None:
    moved = replace(acme, operational_since=later(days=1), administrative_since=later(days=2))
    with store.begin() as tx:
        tx.configurations.save(moved, CREATED)
    with store.begin() as tx:
        held = tx.configurations.get(acme.e_id)
    assert held is not None
    *_, record = history(store, acme)
    for known in (held, record.configuration):
        assert (known.operational_since, known.administrative_since) == (later(days=1), later(days=2))


def test_a_save_seen_in_its_own_transaction_is_the_current_record(
    store: Store, acme: EmailConfiguration
) -> None:
    with store.begin() as tx:
        tx.configurations.save(replace(acme, from_name="Mine"), CREATED)
        assert tx.configurations.current_record(acme.e_id).configuration.from_name == "Mine"
        found = tx.configurations.record_as_of(acme.e_id, effective=None, recorded=None)
        assert found is not None
        assert found.configuration.from_name == "Mine"


def test_a_record_from_before_states_had_a_since_tells_the_last_change_instead() -> None:
    one = configuration(updated_at=later(days=3))
    snapshot = snapshot_of(one)
    del snapshot["operational_since"], snapshot["administrative_since"]
    read = configuration_of_snapshot(snapshot)
    assert read == replace(one, operational_since=later(days=3), administrative_since=later(days=3))
