"""Questions about what held at a moment: answered by the records, and asked in the same words as of the present."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from shared.domain.configuration import EmailConfiguration
from shared.domain.errors import InvalidValue
from shared.domain.lifecycle import Administrative, Operational
from shared.domain.query import Compare, Everything, Filter, Operator, Query, Sort
from shared.persistence.locators import CONFIGURATION
from shared.ports.configurations import ConfigurationRecord
from shared.ports.store import Store
from tests.factories import CREATED, OTHER_TENANT, TENANT, configuration, later

Moment = Callable[[], object]
EVERYTHING = Everything()


def milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def is_(locator: str, value: Any) -> Compare:
    return Compare(locator, Operator.EQ, value)


def records(store: Store, one: EmailConfiguration) -> list[ConfigurationRecord]:
    with store.begin() as tx:
        return tx.configurations.history(one.e_id)


def slugs(
    store: Store,
    filter_: Filter = EVERYTHING,
    *,
    effective: datetime | None = None,
    recorded: datetime | None = None,
    **said: Any,
) -> list[str]:
    with store.begin() as tx:
        page = tx.configurations.query_as_of(
            TENANT, Query(filter_, **said), effective=effective, recorded=recorded
        )
    return [record.configuration.slug for record in page.rows]


@pytest.fixture
def moved(store: Store, a_moment_passes: Moment) -> dict[str, EmailConfiguration]:
    """`acme` went from PENDING to OK, `birch` was made after that, and one is another tenant's."""
    acme = configuration(slug="acme", created_at=later(days=1))
    strange = configuration(slug="strange", tenant_id=OTHER_TENANT)
    with store.begin() as tx:
        tx.configurations.add(acme, CREATED)
        tx.configurations.add(strange, CREATED)
    a_moment_passes()
    with store.begin() as tx:
        acme = tx.configurations.save(
            replace(acme, operational=Operational.OK, operational_since=later(days=2), from_name="New"),
            CREATED,
        )
    a_moment_passes()
    birch = configuration(slug="birch")
    with store.begin() as tx:
        tx.configurations.add(birch, CREATED)
    return {"acme": acme, "birch": birch}


def test_it_finds_what_was_there_then_and_as_it_was(store: Store, moved: dict[str, Any]) -> None:
    first, second = records(store, moved["acme"])
    (birch,) = records(store, moved["birch"])
    pending, ok = is_("operational", "PENDING"), is_("operational", "OK")
    assert slugs(store, effective=later()) == []
    assert slugs(store, pending, effective=first.effective_at) == ["acme"]
    assert slugs(store, ok, effective=first.effective_at) == []
    assert slugs(store, ok, effective=second.effective_at) == ["acme"]
    assert slugs(store, pending, effective=birch.effective_at) == ["birch"]
    assert slugs(store, recorded=second.recorded_at) == ["acme"]
    assert slugs(store, recorded=birch.recorded_at) == ["birch", "acme"]


def test_it_answers_the_record_that_one_configuration_is_answered_with(
    store: Store, moved: dict[str, Any]
) -> None:
    first, second = records(store, moved["acme"])
    for at in (first.effective_at, second.effective_at):
        with store.begin() as tx:
            page = tx.configurations.query_as_of(
                TENANT, Query(is_("sendingDomainSlug", "acme")), effective=at, recorded=None
            )
            one = tx.configurations.record_as_of(moved["acme"].e_id, effective=at, recorded=None)
        assert page.rows == (one,)


def test_a_correction_counts_from_when_it_was_recorded(
    store: Store, moved: dict[str, Any], a_moment_passes: Moment
) -> None:
    first, second = records(store, moved["acme"])
    a_moment_passes()
    corrected = replace(moved["acme"], operational=Operational.MISSING)
    with store.begin() as tx:
        tx.configurations.save(corrected, replace(CREATED, effective_at=first.effective_at))
    missing = is_("operational", "MISSING")
    assert slugs(store, missing, effective=first.effective_at) == ["acme"]
    assert slugs(store, missing, effective=first.effective_at, recorded=second.recorded_at) == []
    assert slugs(store, missing, effective=second.effective_at) == []


def asked_of(one: EmailConfiguration) -> dict[str, Any]:
    """Each locator with what this one says of it."""
    said: dict[str, Any] = {}
    for name, locator in CONFIGURATION.items():
        value = getattr(one, locator.field)
        said[name] = milliseconds(value) if isinstance(value, datetime) else value
        if isinstance(value, UUID):
            said[name] = str(value)
    return said


@pytest.mark.parametrize("locator", CONFIGURATION)
def test_every_locator_means_of_a_record_what_it_means_of_the_present(store: Store, locator: str) -> None:
    one = configuration(
        slug="acme",
        administrative=Administrative.LOCKING,
        operational_since=later(days=1),
        administrative_since=later(days=2),
        created_at=later(days=3),
        updated_at=later(days=4),
        retired_at=later(days=5),
    )
    other = configuration(slug="birch")
    with store.begin() as tx:
        tx.configurations.add(one, CREATED)
        tx.configurations.add(other, CREATED)
    (record,) = records(store, one)
    said = asked_of(one)[locator]
    for operator, value in ((Operator.EQ, said), (Operator.NE, said), (Operator.IN, (said,))):
        question = Query(Compare(locator, operator, value), (Sort(locator), Sort("sendingDomainSlug")))
        with store.begin() as tx:
            now = tx.configurations.query(TENANT, question)
            then = tx.configurations.query_as_of(
                TENANT, question, effective=None, recorded=record.recorded_at + timedelta(days=1)
            )
        assert then == now
        assert (record in then.rows) is (operator is not Operator.NE)


def test_pages_of_the_past_hold_each_configuration_once(store: Store, a_moment_passes: Moment) -> None:
    for number in range(5):
        with store.begin() as tx:
            tx.configurations.add(configuration(slug=f"tenant-{number}"), CREATED)
    with store.begin() as tx:
        at = tx.now()
    a_moment_passes()
    sort = (Sort("sendingDomainSlug", descending=True),)
    pages = [slugs(store, effective=at, sort=sort, index=index, size=2) for index in (0, 2, 4)]
    assert pages == [["tenant-4", "tenant-3"], ["tenant-2", "tenant-1"], ["tenant-0"]]


def test_what_does_not_exist_is_refused_in_the_same_words(store: Store) -> None:
    with store.begin() as tx:
        for question in (Query(is_("colour", "red")), Query(is_("eId", "x")), Query(sort=(Sort("x"),))):
            with pytest.raises(InvalidValue) as now:
                tx.configurations.query(TENANT, question)
            with pytest.raises(InvalidValue) as then:
                tx.configurations.query_as_of(TENANT, question, effective=later(), recorded=None)
            assert (then.value.field, then.value.advice) == (now.value.field, now.value.advice)


def test_another_tenants_past_is_nobody_elses(store: Store, moved: dict[str, Any]) -> None:
    with store.begin() as tx:
        page = tx.configurations.query_as_of(uuid4(), Query(), effective=None, recorded=tx.now())
    assert page.rows == ()
