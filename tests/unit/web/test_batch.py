"""Many jobs in one request: a key and a result for each."""

from typing import Any

import pytest

from shared.messaging.messages import SendJobs
from shared.ports.store import Store
from tests.fakes.doorbell import RecordingDoorbell
from tests.unit.web.api import CONFIGURATION, UNKNOWN, Api, a_configuration, a_job, code, faults
from tests.unit.web.test_job import jobs_of, suppress


def item(key: str, **changes: Any) -> dict[str, Any]:
    return {"idempotencyKey": key, **a_job(**changes)}


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
    assert [result["idempotencyKey"] for result in answered] == ["a", "b", "c", None, None, "e"]
    assert answered[0]["job"]["payload"]["idempotencyKey"] == "a"
    assert answered[0]["error"] is None
    assert answered[1]["error"]["code"] == "suppressed"
    assert answered[3]["error"]["errors"] == [{"field": "subject", "advice": "send at least 1 characters"}]
    assert answered[3]["job"] is None
    assert jobs_of(store) == 2


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
