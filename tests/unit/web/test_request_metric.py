"""Which requests are measured, and under which names."""

from prometheus_client import REGISTRY

from tests.fakes.store import MemoryStore
from tests.unit.web.api import Api, a_configuration, a_job


def measured(handler: str, status: str) -> float:
    labels = {"handler": handler, "status": status}
    return REGISTRY.get_sample_value("email_http_request_seconds_count", labels) or 0.0


def all_measured() -> float:
    (metric,) = (one for one in REGISTRY.collect() if one.name == "email_http_request_seconds")
    return sum(sample.value for sample in metric.samples if sample.name.endswith("_count"))


def test_a_request_is_measured_under_its_routes_name_and_the_class_of_its_answer(
    api: Api, store: MemoryStore
) -> None:
    a_configuration(store)
    accepted, refused = measured("job.submit", "2xx"), measured("job.submit", "4xx")
    assert api.post("/job", a_job(), headers={"Idempotency-Key": "k1"}).status_code == 202
    assert api.post("/job", {}, headers={"Idempotency-Key": "k2"}).status_code == 400
    assert measured("job.submit", "2xx") == accepted + 1
    assert measured("job.submit", "4xx") == refused + 1


def test_what_callers_write_in_a_path_makes_no_name(api: Api) -> None:
    before = measured("none", "4xx")
    for path in ("/nowhere", "/else"):
        assert api.get(path).status_code == 404
    assert measured("none", "4xx") == before + 2


def test_a_probe_is_not_measured(api: Api) -> None:
    before = all_measured()
    assert api.get("/healthz").status_code == 200
    assert all_measured() == before
