"""What people and workers did, as one list: operators' actions and records of configurations."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from shared.domain.audit import OperatorAction
from shared.domain.configuration import EmailConfiguration
from shared.domain.errors import InvalidValue
from shared.ports.configurations import Change
from shared.ports.operators import Deed
from shared.ports.store import Store
from tests.factories import action, later, sendable

Moment = Callable[[], object]

ALICE, BOB = "alice@example.com", "bob@example.com"


def keep(store: Store, *actions: OperatorAction) -> None:
    with store.begin() as tx:
        for one in actions:
            tx.audit.keep(one)


def deeds(store: Store, *, before: datetime | None = None, limit: int = 100, **wanted: Any) -> list[Deed]:
    with store.begin() as tx:
        return list(tx.views.deeds(before=before, limit=limit, **wanted))


def done(*actions: OperatorAction) -> list[Deed]:
    return [Deed(one.at, one.author, action=one) for one in actions]


def history(store: Store, e_id: UUID) -> list[Deed]:
    """Newest first, as deeds."""
    with store.begin() as tx:
        return [Deed(one.recorded_at, one.author, record=one) for one in tx.configurations.history(e_id)][
            ::-1
        ]


def walk(store: Store, limit: int) -> list[Deed]:
    found: list[Deed] = []
    while page := deeds(store, before=found[-1].at if found else None, limit=limit):
        found += page
    return found


def test_nothing_was_done_where_nobody_did_anything(store: Store) -> None:
    assert deeds(store) == []


def test_actions_and_records_come_as_one_list_newest_first(
    store: Store, acme: EmailConfiguration, a_moment_passes: Moment
) -> None:
    a_moment_passes()
    with store.begin() as tx:
        tx.configurations.save(acme, Change(author="worker:send", cause="send-accepted"))
    changed, created = history(store, acme.e_id)
    between = created.at + (changed.at - created.at) / 2
    first, second = action(uuid4(), at=created.at - timedelta(hours=1)), action(uuid4(), at=between)
    keep(store, first, second)
    assert deeds(store) == [changed, *done(second), created, *done(first)]
    assert deeds(store)[0].author == "worker:send"


def test_a_record_carries_no_token(store: Store, acme: EmailConfiguration) -> None:
    (created,) = deeds(store)
    assert created.record is not None
    assert created.record.configuration.provisioned.server_token is None


def test_deeds_are_found_by_their_author_to_the_letter(store: Store, acme: EmailConfiguration) -> None:
    with store.begin() as tx:
        tx.configurations.save(acme, Change(author=ALICE, cause="lock"))
    hers, his = action(uuid4(), author=ALICE, at=later(minutes=1)), action(uuid4(), author=BOB)
    keep(store, hers, his)
    assert deeds(store, author=ALICE) == [history(store, acme.e_id)[0], *done(hers)]
    assert deeds(store, author=BOB) == done(his)
    for nobody in ("Alice@example.com", "alice%", "%", "alice", " alice@example.com"):
        assert deeds(store, author=nobody) == []


def test_deeds_are_found_by_what_they_were_done_to(store: Store, acme: EmailConfiguration) -> None:
    other = sendable(tenant_id=uuid4())
    with store.begin() as tx:
        tx.configurations.add(other, Change(author=BOB, cause="create"))
    on_job, on_acme = action(uuid4()), action(acme.e_id, author=ALICE)
    keep(store, on_job, on_acme)
    assert deeds(store, subject_id=acme.e_id) == [*history(store, acme.e_id), *done(on_acme)]
    assert deeds(store, subject_id=on_job.subject_id) == done(on_job)
    assert deeds(store, subject_id=acme.e_id, author=ALICE) == done(on_acme)
    assert deeds(store, subject_id=uuid4()) == []


def test_what_was_done_at_one_moment_is_not_torn_apart(store: Store) -> None:
    new, *same, old = (action(uuid4(), at=later(minutes=minutes)) for minutes in (2, 1, 1, 1, 0))
    keep(store, old, *same, new)
    assert deeds(store, limit=1) == done(new)
    assert deeds(store, limit=2) == done(new, *same[::-1])
    assert deeds(store, before=later(minutes=2), limit=1) == done(*same[::-1])
    assert deeds(store, before=later(minutes=1), limit=1) == done(old)
    assert deeds(store, before=later(minutes=0), limit=1) == []


def test_a_record_and_an_action_of_one_moment_come_together(store: Store, acme: EmailConfiguration) -> None:
    (created,) = history(store, acme.e_id)
    beside, before = action(uuid4(), at=created.at), action(uuid4())
    keep(store, beside, before)
    assert {deed.action for deed in deeds(store, limit=1)} == {None, beside}
    assert deeds(store, before=created.at) == done(before)


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 50])
def test_pages_have_each_deed_once(store: Store, a_moment_passes: Moment, limit: int) -> None:
    for _ in range(3):
        with store.begin() as tx:
            for _ in range(2):
                tx.configurations.add(sendable(tenant_id=uuid4()), Change(author=BOB, cause="create"))
                tx.audit.keep(action(uuid4(), at=tx.now()))
        a_moment_passes()
    keep(store, *(action(uuid4(), at=later(minutes=minutes)) for minutes in (3, 1, 3, 1, 2, 3)))
    everything = deeds(store)
    assert len(everything) == 18
    assert [deed.at for deed in everything] == sorted((deed.at for deed in everything), reverse=True)
    assert walk(store, limit) == everything


def test_an_author_who_cannot_be_in_the_store_is_refused(store: Store) -> None:
    with pytest.raises(InvalidValue, match=r"^author: "):
        deeds(store, author="a\x00")
