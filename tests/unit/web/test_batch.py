"""Many jobs in one request: a key and a result for each."""

from datetime import timedelta
from typing import Any

import pytest

from shared.domain.lifecycle import Operational
from shared.messaging.messages import SendJobs
from shared.ports.store import Store
from tests.fakes.doorbell import RecordingDoorbell
from tests.fakes.store import MemoryStore
from tests.unit.web.api import CONFIGURATION, UNKNOWN, Api, a_configuration, a_job, code, faults
from tests.unit.web.test_job import jobs_of, suppress


def item(key: str, **changes: Any) -> dict[str, Any]:
    return {"idempotencyKey": key, **a_job(**changes)}


def nested(depth: int) -> Any:
    return {"a": nested(depth - 1)} if depth else 1


def results(api: Api, jobs: list[Any]) -> list[dict[str, Any]]:
    response = api.post("/job/batch", {"jobs": jobs})
    assert response.status_code == 200, response.get_data(as_text=True)
    body: dict[str, list[dict[str, Any]]] = response.get_json()
    assert [result["index"] for result in body["results"]] == list(range(len(jobs)))
    return body["results"]


def test_each_job_has_its_own_result_in_the_order_sent(api: Api, store: Store) -> None:
    a_configuration(store)
    suppress(store, "gone@example.com")
    answered = results(
        api,
        [
            item("a"),
            item("b", recipient="gone@example.com"),
            item("c", configurationEId=str(UNKNOWN)),
            item("d", subject=""),
            "no job",
            item("e"),
        ],
    )
    assert [result["status"] for result in answered] == [202, 403, 404, 400, 400, 202]
    assert [result["idempotencyKey"] for result in answered] == ["a", "b", "c", "d", None, "e"]
    assert answered[0]["job"]["payload"]["idempotencyKey"] == "a"
    assert answered[0]["error"] is None
    assert answered[1]["error"]["code"] == "suppressed"
    assert answered[3]["error"]["errors"] == [{"field": "subject", "advice": "send at least 1 characters"}]
    assert answered[3]["job"] is None
    assert jobs_of(store) == 2


def test_an_accepted_or_replayed_job_is_told_with_its_place_and_a_refused_one_has_none(
    api: Api, store: Store
) -> None:
    a_configuration(store)
    results(api, [item("a")])
    replayed, accepted, refused = results(api, [item("a"), item("b"), item("c", subject="")])
    for result in (replayed, accepted):
        assert result["location"] == f"/v1/shop-access/email/job/{result['job']['payload']['eId']}"
    assert api.get(accepted["location"].removeprefix("/v1/shop-access/email")).get_json() == accepted["job"]
    assert refused["location"] is None


@pytest.mark.parametrize(
    ("fault", "problem"),
    [
        ({"subject": "\0"}, "invalid_json"),
        ({"metadata": {"order": "\ud800"}}, "invalid_json"),
        ({"metadata": nested(40)}, "invalid_json"),
        ({"recipient": 7}, "invalid_fields"),
        ({"colour": "red"}, "invalid_fields"),
    ],
    ids=["NUL", "half of a surrogate pair", "too deep", "no address", "unknown field"],
)
def test_whatever_is_wrong_with_one_job_its_neighbours_are_accepted(
    api: Api, store: Store, fault: dict[str, Any], problem: str
) -> None:
    a_configuration(store)
    before, bad, after = results(api, [item("a"), item("b", **fault), item("c")])
    assert [before["status"], bad["status"], after["status"]] == [202, 400, 202]
    assert (bad["idempotencyKey"], bad["error"]["code"]) == ("b", problem)
    assert jobs_of(store) == 2


@pytest.mark.parametrize("key", ["", "k" * 256, "é", 7, None])
def test_a_key_that_is_none_is_not_shown_back(api: Api, key: Any) -> None:
    (result,) = results(api, [{**a_job(), "idempotencyKey": key}])
    assert (result["status"], result["idempotencyKey"]) == (400, None)
    assert [fault["field"] for fault in result["error"]["errors"]] == ["idempotencyKey"]


def test_text_that_cannot_be_stored_beside_the_jobs_is_no_batch(api: Api) -> None:
    assert code(api.post("/job/batch", {"jobs": [{}], "note": "\0"})) == (400, "invalid_json")


def test_a_job_of_a_batch_that_waits_says_for_how_long(api: Api, store: MemoryStore) -> None:
    due_at = store.clock.now() + timedelta(seconds=30)
    a_configuration(store, operational=Operational.AWAITING_VERIFICATION, verification_due_at=due_at)
    (result,) = results(api, [item("a")])
    assert (result["status"], result["error"]["retryAfterSeconds"]) == (409, 30)


def test_a_batch_rings_once_for_each_configuration(
    api: Api, store: Store, doorbell: RecordingDoorbell
) -> None:
    a_configuration(store)
    results(api, [item(f"k{number}") for number in range(500)])
    assert doorbell.rung == [SendJobs(CONFIGURATION)]
    assert jobs_of(store) == 500


def test_a_batch_sent_again_is_all_replays(api: Api, store: Store) -> None:
    a_configuration(store)
    first = results(api, [item("a"), item("b")])
    again = results(api, [item("b"), item("a"), item("c")])
    assert [result["status"] for result in again] == [200, 200, 202]
    assert again[0]["job"] == first[1]["job"]
    assert jobs_of(store) == 3


def test_a_key_twice_in_a_batch_is_one_job_or_a_conflict(api: Api, store: Store) -> None:
    a_configuration(store)
    answered = results(api, [item("a"), item("a"), item("a", subject="Another")])
    assert [result["status"] for result in answered] == [202, 200, 422]
    assert answered[1]["job"]["payload"]["eId"] == answered[0]["job"]["payload"]["eId"]
    assert answered[2]["error"]["code"] == "key_reused"
    assert jobs_of(store) == 1


def test_a_key_whose_first_job_was_refused_is_free_for_the_next(api: Api, store: Store) -> None:
    a_configuration(store)
    suppress(store, "gone@example.com")
    answered = results(api, [item("a", recipient="gone@example.com"), item("a")])
    assert [result["status"] for result in answered] == [403, 202]


def test_a_job_alone_and_the_same_job_in_a_batch_are_one_request(api: Api, store: Store) -> None:
    a_configuration(store)
    alone = api.send(a_job(), key="a").get_json()
    (batched,) = results(api, [item("a")])
    assert batched["status"] == 200
    assert batched["job"] == alone


def test_a_batch_of_nothing_usable_touches_nothing(
    api: Api, store: Store, doorbell: RecordingDoorbell
) -> None:
    answered = results(api, [{}, {"idempotencyKey": "a"}])
    assert [result["status"] for result in answered] == [400, 400]
    assert doorbell.rung == []


@pytest.mark.parametrize("jobs", [[], [{}] * 501, {}, None, "jobs"])
def test_a_batch_that_is_none_is_refused_as_a_whole(api: Api, jobs: Any) -> None:
    response = api.post("/job/batch", {"jobs": jobs})
    assert code(response) == (400, "invalid_fields")
    assert list(faults(response)) == ["jobs"]


def test_a_batch_has_a_larger_body_than_a_job(api: Api, store: Store) -> None:
    a_configuration(store)
    heavy = [item(f"k{number}", textBody="x" * 4_000_000) for number in range(5)]
    assert [result["status"] for result in results(api, heavy)] == [202] * 5
