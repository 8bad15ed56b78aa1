"""The trace of a request: in its log line, and with the job that it brings."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import pytest
import structlog
from structlog.testing import capture_logs

from tests.fakes.store import MemoryStore
from tests.unit.web.api import TENANT, Api, a_configuration, a_job

ID = "0af7651916cd43dd8448eb211c80319c"
SPAN = "b7ad6b7169203331"


def line_of(api: Api, path: str, **headers: str) -> Mapping[str, Any]:
    with capture_logs(processors=[structlog.contextvars.merge_contextvars]) as lines:
        api.get(path, headers={name.replace("_", "-"): value for name, value in headers.items()})
    (line,) = (line for line in lines if line["event"] == "email.http.request")
    return line


@pytest.mark.parametrize(
    "headers", [{"traceparent": f"00-{ID}-{SPAN}-01"}, {"sentry_trace": f"{ID}-{SPAN}-0"}], ids=["w3c", "own"]
)
def test_a_requests_line_has_the_trace_of_its_caller(api: Api, headers: dict[str, str]) -> None:
    assert line_of(api, "/docs", **headers)["trace"] == ID


def test_a_requests_line_has_a_trace_of_its_own_where_the_caller_has_none(api: Api) -> None:
    first, second = line_of(api, "/docs"), line_of(api, "/docs", traceparent="rubbish")
    assert len({first["trace"], second["trace"], ID}) == 3


def test_a_job_keeps_the_trace_of_the_request_that_brought_it(api: Api, store: MemoryStore) -> None:
    a_configuration(store)
    for key in ("k1", "k1", "k2"):
        trace = ID if key == "k1" else "1" * 32
        headers = {"Idempotency-Key": key, "traceparent": f"00-{trace}-{SPAN}-01"}
        e_id = UUID(api.post("/job", a_job(), headers=headers).get_json()["payload"]["eId"])
        with store.begin() as tx:
            job = tx.jobs.get(TENANT, e_id)
        assert job is not None
        assert job.trace == f"{trace}-{SPAN}-1"


def test_a_replay_changes_nothing_of_the_jobs_trace(api: Api, store: MemoryStore) -> None:
    a_configuration(store)
    traces = [ID, "1" * 32]
    for trace in traces:
        headers = {"Idempotency-Key": "k1", "traceparent": f"00-{trace}-{SPAN}-01"}
        e_id = UUID(api.post("/job", a_job(), headers=headers).get_json()["payload"]["eId"])
    entries = api.get(f"/job/{e_id}/timeline").get_json()["entries"]
    assert entries[0]["trace"] == ID
