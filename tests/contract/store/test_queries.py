"""Questions of callers: by their names for fields, in epoch milliseconds, yes or no also about what is absent."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from shared.domain.configuration import EmailConfiguration
from shared.domain.errors import InvalidValue
from shared.domain.job import EmailJob, JobStatus
from shared.domain.lifecycle import Operational
from shared.domain.query import (
    And,
    Compare,
    Everything,
    Filter,
    IsNull,
    Not,
    Operator,
    Or,
    Query,
    Sort,
)
from shared.domain.suppression import SuppressionReason
from shared.ports.store import Store
from tests.factories import (
    CREATED,
    LONG_AGO,
    OTHER_TENANT,
    TENANT,
    configuration,
    later,
    new_job,
    sendable,
    suppression,
)


def milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def is_(locator: str, value: Any) -> Compare:
    return Compare(locator, Operator.EQ, value)


# Named by what tells them apart.
JOBS: dict[str, dict[str, Any]] = {
    "plain": {"recipient": "b@example.com", "accepted_at": later(minutes=2)},
    "tagged": {"recipient": "a@example.com", "tag": "receipts", "accepted_at": later(minutes=1)},
    "sent": {
        "recipient": "c@example.com",
        "tag": "Receipts",
        "status": JobStatus.SENT,
        "provider_message_id": "message-1",
        "accepted_at": later(minutes=3),
    },
    "failed": {
        "recipient": "a@example.com",
        "status": JobStatus.FAILED,
        "error_code": "300",
        "accepted_at": later(minutes=4),
    },
}


@pytest.fixture
def jobs(store: Store, acme: EmailConfiguration) -> dict[UUID, str]:
    """Job id to its name above; and one of another tenant, which nobody may ever find."""
    made = {name: new_job(acme, idempotency_key=name, **fields) for name, fields in JOBS.items()}
    strange = replace(new_job(acme).job, tenant_id=OTHER_TENANT)
    with store.begin() as tx:
        tx.jobs.accept([*made.values(), replace(made["plain"], job=strange)])
    return {new.job.e_id: name for name, new in made.items()}


def ask(store: Store, query: Query) -> tuple[list[EmailJob], bool]:
    with store.begin() as tx:
        page = tx.jobs.query(TENANT, query)
    return list(page.rows), page.more


@pytest.fixture
def found(store: Store, jobs: dict[UUID, str]) -> Callable[..., list[str]]:
    """The names of the jobs that a filter finds, in the order of their answer."""

    def names(filter_: Filter, *sort: Sort) -> list[str]:
        return [jobs[job.e_id] for job in ask(store, Query(filter_, sort))[0]]

    return names


ALL = ["tagged", "plain", "sent", "failed"]


def test_everything_is_all_of_the_tenant_in_the_order_of_acceptance(found: Callable[..., list[str]]) -> None:
    assert found(Everything()) == ALL


CASES: list[tuple[Filter, list[str]]] = [
    (is_("status", "QUEUED"), ["tagged", "plain"]),
    (Compare("status", Operator.NE, "QUEUED"), ["sent", "failed"]),
    (Compare("status", Operator.IN, ("SENT", "FAILED")), ["sent", "failed"]),
    (Compare("status", Operator.IN, ()), []),
    (is_("recipient", "a@example.com"), ["tagged", "failed"]),
    (Compare("recipient", Operator.GT, "a@example.com"), ["plain", "sent"]),
    (Compare("recipient", Operator.LE, "b@example.com"), ["tagged", "plain", "failed"]),
    (is_("tag", "receipts"), ["tagged"]),
    (Compare("tag", Operator.NE, "receipts"), ["plain", "sent", "failed"]),
    (Compare("tag", Operator.GE, "A"), ["tagged", "sent"]),
    (Compare("tag", Operator.LT, "a"), ["sent"]),
    (IsNull("tag"), ["plain", "failed"]),
    (IsNull("tag", expected=False), ["tagged", "sent"]),
    (is_("errorCode", "300"), ["failed"]),
    (is_("idempotencyKey", "sent"), ["sent"]),
    (is_("providerMessageId", "message-1"), ["sent"]),
    (Not(is_("tag", "receipts")), ["plain", "sent", "failed"]),
    (Not(Compare("tag", Operator.NE, "receipts")), ["tagged"]),
    (Not(Compare("tag", Operator.GE, "A")), ["plain", "failed"]),
    (Not(Not(is_("tag", "receipts"))), ["tagged"]),
    (Not(Everything()), []),
    (And((is_("recipient", "a@example.com"), is_("status", "FAILED"))), ["failed"]),
    (Or((is_("status", "SENT"), is_("tag", "receipts"))), ["tagged", "sent"]),
    (Not(Or((is_("status", "SENT"), is_("tag", "receipts")))), ["plain", "failed"]),
    (Not(And((is_("tag", "receipts"), is_("errorCode", "1")))), ALL),
    (And(()), ALL),
    (Or(()), []),
    (is_("recipient", "%"), []),
    (is_("recipient", "' OR true --"), []),
]


@pytest.mark.parametrize(("filter_", "expected"), CASES, ids=[str(filter_) for filter_, _ in CASES])
def test_a_filter_finds_what_it_says(
    found: Callable[..., list[str]], filter_: Filter, expected: list[str]
) -> None:
    assert found(filter_) == expected


# The row says ...:04:05.678901 plus minutes; callers were told ....678.
ACCEPTED = milliseconds(later(minutes=2))
TIMES: list[tuple[Filter, list[str]]] = [
    (is_("acceptedAt", ACCEPTED), ["plain"]),
    (is_("acceptedAt", ACCEPTED + 1), []),
    (Compare("acceptedAt", Operator.NE, ACCEPTED), ["tagged", "sent", "failed"]),
    (Compare("acceptedAt", Operator.IN, (ACCEPTED, ACCEPTED + 60_000)), ["plain", "sent"]),
    (Compare("acceptedAt", Operator.GT, ACCEPTED), ["sent", "failed"]),
    (Compare("acceptedAt", Operator.GE, ACCEPTED), ["plain", "sent", "failed"]),
    (Compare("acceptedAt", Operator.LT, ACCEPTED), ["tagged"]),
    (Compare("acceptedAt", Operator.LE, ACCEPTED), ["tagged", "plain"]),
    (is_("updatedAt", milliseconds(LONG_AGO)), ALL),
]


@pytest.mark.parametrize(("filter_", "expected"), TIMES, ids=[str(filter_) for filter_, _ in TIMES])
def test_a_time_is_compared_as_the_millisecond_that_callers_were_told(
    found: Callable[..., list[str]], filter_: Filter, expected: list[str]
) -> None:
    assert found(filter_) == expected


def test_ids_are_compared_as_ids_in_any_spelling(store: Store, jobs: dict[UUID, str]) -> None:
    e_id = next(iter(jobs))
    for spelling in (str(e_id), str(e_id).upper(), e_id.hex):
        rows, _ = ask(store, Query(is_("eId", spelling)))
        assert [job.e_id for job in rows] == [e_id]
    configuration_id = str(rows[0].configuration_id)
    assert len(ask(store, Query(is_("configurationEId", configuration_id)))[0]) == len(JOBS)
    assert ask(store, Query(is_("configurationEId", str(uuid4()))))[0] == []


def test_rows_are_sorted_by_several_fields_each_in_its_direction(found: Callable[..., list[str]]) -> None:
    by_recipient = found(Everything(), Sort("recipient"), Sort("acceptedAt", descending=True))
    assert by_recipient == ["failed", "tagged", "plain", "sent"]
    assert found(Everything(), Sort("acceptedAt", descending=True)) == ALL[::-1]


def test_what_is_absent_is_sorted_after_everything_else(found: Callable[..., list[str]]) -> None:
    assert found(Everything(), Sort("tag"), Sort("acceptedAt")) == ["sent", "tagged", "plain", "failed"]
    descending = found(Everything(), Sort("tag", descending=True), Sort("acceptedAt"))
    assert descending == ["plain", "failed", "tagged", "sent"]


def test_pages_together_are_all_rows_once(store: Store, jobs: dict[UUID, str]) -> None:
    sort = (Sort("status"),)
    pages = [ask(store, Query(sort=sort, index=index, size=3)) for index in (0, 3)]
    assert [more for _, more in pages] == [True, False]
    assert [len(rows) for rows, _ in pages] == [3, 1]
    assert {job.e_id for rows, _ in pages for job in rows} == set(jobs)


def test_a_page_that_is_just_full_has_no_more(store: Store, jobs: dict[UUID, str]) -> None:
    rows, more = ask(store, Query(size=len(JOBS)))
    assert (len(rows), more) == (len(JOBS), False)


def test_a_page_beyond_the_end_is_empty(store: Store, jobs: dict[UUID, str]) -> None:
    assert ask(store, Query(index=100)) == ([], False)


WRONG: list[tuple[Query, str]] = [
    (Query(is_("subject", "x")), "'subject' does not exist; there are eId, configurationEId, status"),
    (Query(Not(Or((IsNull("html"),)))), "'html' does not exist"),
    (Query(sort=(Sort("body"),)), "'body' does not exist"),
    (Query(is_("status", "LOST")), "status: give one of QUEUED, SENDING, IN_DOUBT"),
    (Query(is_("status", 7)), "status: give a string"),
    (Query(is_("eId", "7")), "eId: give a UUID"),
    (Query(is_("eId", 7)), "eId: give a UUID"),
    (Query(is_("acceptedAt", "yesterday")), "acceptedAt: give epoch milliseconds"),
    (Query(is_("acceptedAt", True)), "acceptedAt: give epoch milliseconds"),
    (Query(is_("acceptedAt", -1)), "acceptedAt: give epoch milliseconds"),
    (Query(is_("acceptedAt", 10**18)), "acceptedAt: give epoch milliseconds"),
    (Query(is_("recipient", False)), "recipient: give a string"),
    (Query(is_("recipient", "a\x00b")), "recipient: give text without NUL"),
    (Query(is_("recipient", "a\ud800b")), "recipient: give text without NUL"),
    (Query(is_("recipient", ("a",))), "recipient: give a list to in"),
    (Query(Compare("recipient", Operator.IN, "a")), "recipient: give a list to in"),
    (Query(Compare("eId", Operator.IN, (str(uuid4()), "7"))), "eId: give a UUID"),
]


@pytest.mark.parametrize(("query", "advice"), WRONG, ids=[advice for _, advice in WRONG])
def test_what_cannot_be_asked_is_refused_with_advice_also_when_there_is_nothing_to_find(
    store: Store, query: Query, advice: str
) -> None:
    with store.begin() as tx, pytest.raises(InvalidValue, match=advice):
        tx.jobs.query(TENANT, query)


def test_configurations_are_asked_by_their_current_state(store: Store, acme: EmailConfiguration) -> None:
    retired = configuration(retired_at=LONG_AGO, created_at=later(minutes=1))
    with store.begin() as tx:
        tx.configurations.add(retired, CREATED)
        tx.configurations.add(configuration(tenant_id=OTHER_TENANT), CREATED)
        tx.configurations.save(replace(acme, operational=Operational.DEGRADED), CREATED)

    def slugs(filter_: Filter) -> list[str]:
        with store.begin() as tx:
            rows = tx.configurations.query(TENANT, Query(filter_)).rows
        return [record.configuration.slug for record in rows]

    assert slugs(Everything()) == [acme.slug, retired.slug]
    assert slugs(is_("retired", True)) == [retired.slug]
    assert slugs(is_("retired", False)) == [acme.slug]
    assert slugs(Compare("retired", Operator.IN, (True, False))) == [acme.slug, retired.slug]
    assert slugs(is_("operational", "OK")) == []
    assert slugs(is_("operational", "DEGRADED")) == [acme.slug]
    assert slugs(is_("administrative", "LOCKED")) == [retired.slug]
    assert slugs(is_("sendingDomainSlug", acme.slug)) == [acme.slug]
    assert slugs(Compare("createdAt", Operator.GT, milliseconds(LONG_AGO))) == [retired.slug]
    assert slugs(is_("eId", str(retired.e_id))) == [retired.slug]


def test_an_answer_about_a_configuration_is_its_current_record(
    store: Store, acme: EmailConfiguration
) -> None:
    with store.begin() as tx:
        tx.configurations.save(replace(acme, from_name="Newest"), CREATED)
        (row,) = tx.configurations.query(TENANT, Query()).rows
        assert row == tx.configurations.current_record(acme.e_id)
        assert row.configuration.from_name == "Newest"


def test_configurations_are_paged(store: Store) -> None:
    with store.begin() as tx:
        for minutes in range(3):
            tx.configurations.add(configuration(created_at=later(minutes=minutes)), CREATED)
        first = tx.configurations.query(TENANT, Query(size=2))
        second = tx.configurations.query(TENANT, Query(index=2, size=2))
    assert (len(first.rows), first.more, len(second.rows), second.more) == (2, True, 1, False)


def test_a_flag_has_no_order(store: Store) -> None:
    with store.begin() as tx, pytest.raises(InvalidValue, match="compare it with eq, ne or in"):
        tx.configurations.query(TENANT, Query(Compare("retired", Operator.GT, False)))
    with store.begin() as tx, pytest.raises(InvalidValue, match="retired: give true or false"):
        tx.configurations.query(TENANT, Query(is_("retired", "true")))


def test_suppressions_are_asked_by_address_reason_activity_and_time(store: Store) -> None:
    first = suppression(address="a@example.com")
    second = suppression(
        address="b@example.com",
        reason=SuppressionReason.HARD_BOUNCE,
        active=False,
        since=LONG_AGO + timedelta(days=1),
        lifted_at=LONG_AGO + timedelta(days=2),
    )
    with store.begin() as tx:
        for entry in (second, first, suppression(address="a@example.com", tenant_id=OTHER_TENANT)):
            tx.suppressions.add(entry)

        def addresses(filter_: Filter) -> list[str]:
            return [entry.address for entry in tx.suppressions.query(TENANT, Query(filter_)).rows]

        assert addresses(Everything()) == ["a@example.com", "b@example.com"]
        assert addresses(is_("active", True)) == ["a@example.com"]
        assert addresses(is_("reason", "HARD_BOUNCE")) == ["b@example.com"]
        assert addresses(is_("address", "b@example.com")) == ["b@example.com"]
        assert addresses(is_("since", milliseconds(first.since))) == ["a@example.com"]
        assert addresses(is_("eId", str(second.e_id))) == ["b@example.com"]


def test_another_tenants_rows_are_never_in_an_answer(store: Store) -> None:
    theirs = sendable(tenant_id=OTHER_TENANT)
    with store.begin() as tx:
        tx.configurations.add(theirs, CREATED)
        tx.suppressions.add(suppression(tenant_id=OTHER_TENANT))
        tx.jobs.accept([new_job(theirs)])
        mine_or_any = Or((Everything(), is_("eId", str(theirs.e_id))))
        assert tx.configurations.query(TENANT, Query(mine_or_any)).rows == ()
        assert tx.suppressions.query(TENANT, Query(mine_or_any)).rows == ()
        assert tx.jobs.query(TENANT, Query(mine_or_any)).rows == ()
