"""`Retry-After`: said where the wait is known, and nowhere else."""

from datetime import timedelta
from typing import Any

import pytest

from shared.domain.lifecycle import Administrative, Operational
from tests.fakes.store import MemoryStore
from tests.unit.web.api import CONFIGURATION, Api, a_configuration, a_job, code
from tests.unit.web.doubtful import in_doubt
from web.problems import CATALOGUE, Problem


def refused(api: Api, store: MemoryStore, **changes: Any) -> tuple[str, str | None]:
    a_configuration(store, **changes)
    response = api.send(a_job())
    assert response.status_code == 409
    said = response.headers.get("Retry-After")
    assert response.get_json().get("retryAfterSeconds") == (None if said is None else int(said))
    return response.get_json()["code"], said


def waiting(store: MemoryStore, seconds: float | None, **changes: Any) -> dict[str, Any]:
    due_at = None if seconds is None else store.clock.now() + timedelta(seconds=seconds)
    return {"operational": Operational.AWAITING_VERIFICATION, "verification_due_at": due_at, **changes}


@pytest.mark.parametrize(("seconds", "said"), [(30, "30"), (0.2, "1"), (29.01, "30")])
def test_a_domain_that_is_being_verified_says_when_the_next_check_is_due(
    api: Api, store: MemoryStore, seconds: float, said: str
) -> None:
    assert refused(api, store, **waiting(store, seconds)) == ("not_verified", said)


@pytest.mark.parametrize("seconds", [None, 0, -5])
def test_a_check_that_is_overdue_or_not_planned_is_no_wait(
    api: Api, store: MemoryStore, seconds: float | None
) -> None:
    assert refused(api, store, **waiting(store, seconds)) == ("not_verified", None)


@pytest.mark.parametrize(
    ("operational", "administrative", "word"),
    [
        (Operational.PENDING, Administrative.LOCKED, "not_provisioned"),
        (Operational.PROVISIONING, Administrative.LOCKED, "not_provisioned"),
        (Operational.UNVERIFIED, Administrative.LOCKED, "not_verified"),
        (Operational.FAILURE, Administrative.UNLOCKED, "failure"),
        (Operational.OK, Administrative.LOCKED, "locked"),
        (Operational.OK, Administrative.LOCKING, "locking"),
    ],
)
def test_what_somebody_has_to_end_names_no_wait(
    api: Api, store: MemoryStore, operational: Operational, administrative: Administrative, word: str
) -> None:
    states = {"operational": operational, "administrative": administrative}
    assert refused(api, store, **states) == (word, None)


def test_a_removed_configuration_is_not_waited_for(api: Api, store: MemoryStore) -> None:
    changes = waiting(store, 30, retired_at=store.clock.now())
    assert refused(api, store, **changes) == ("retired", None)


def test_a_job_that_is_looked_for_still_says_when_it_may_be_decided(api: Api, store: MemoryStore) -> None:
    e_id = in_doubt(api, store, age=timedelta(hours=3, minutes=59))
    response = api.post(f"/job/{e_id}/decide", {"verdict": "fail", "reason": "nobody knows"})
    assert code(response) == (409, "still_looking")
    assert response.headers["Retry-After"] == "60"
    assert response.get_json()["retryAfterSeconds"] == 60


def test_a_wait_is_never_less_than_a_second() -> None:
    assert Problem.that_passes("still_looking", "x", after=timedelta(0)).headers == {"Retry-After": "1"}


def test_whatever_may_name_a_wait_says_so_in_the_catalogue() -> None:
    named = {name for name, kind in CATALOGUE.items() if kind.retry_after}
    assert named == {"not_verified", "still_looking", "store_unavailable", "recovering"}
    assert {name for name, kind in CATALOGUE.items() if "retryAfterSeconds" in kind.more} == named - {
        "store_unavailable",
        "recovering",
    }


def test_a_tenant_whose_configuration_is_fine_waits_for_nothing(api: Api, store: MemoryStore) -> None:
    a_configuration(store)
    assert "Retry-After" not in api.send(a_job()).headers
    assert "Retry-After" not in api.get(f"/configuration/{CONFIGURATION}").headers
