"""Who gets in, and as whom."""

import pytest
from werkzeug.routing import Rule

from tests.unit.web.api import PREVIOUS_KEY, UNKNOWN, Api, code, faults
from web.auth import KeyRing
from web.operation import Access, operation_of

# Everything else wants a key. Adding to this list is a decision.
PUBLIC = {
    "/healthz",
    "/readyz",
    "/metrics",
    "/v1/shop-access/email/docs",
    "/v1/shop-access/email/docs/openApi.json",
}


def methods_of(rule: Rule) -> list[str]:
    return sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})


def test_every_route_outside_the_public_list_refuses_a_caller_without_a_key(api: Api) -> None:
    client = api.app.test_client()
    answers = {
        (method, rule.rule): client.open(
            rule.rule.replace("<uuid:e_id>", str(UNKNOWN)).replace("<signal:signal>", "lock"), method=method
        ).status_code
        for rule in api.app.url_map.iter_rules()
        for method in methods_of(rule)
    }
    refused = {route for route, status in answers.items() if status == 401}
    assert {rule for _, rule in answers.keys() - refused} == PUBLIC
    assert len(refused) >= 15


def test_every_route_says_what_it_is(api: Api) -> None:
    for rule in api.app.url_map.iter_rules():
        described = operation_of(api.app.view_functions[rule.endpoint])
        assert described.summary, rule.rule
        assert (described.access is Access.PUBLIC) == (rule.rule in PUBLIC)


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer ",
        "Bearer wrong",
        "Basic wrong",
        f"Basic {PREVIOUS_KEY}",
        "Bearer é",
        "Bearer \x7f",
    ],
)
def test_a_wrong_credential_is_answered_401_and_never_told_why(api: Api, header: str) -> None:
    response = api.get(f"/job/{UNKNOWN}", headers={"Authorization": header})
    assert code(response) == (401, "unauthorized")
    assert response.headers["WWW-Authenticate"] == "Bearer"


def test_the_previous_key_is_valid_while_a_rotation_goes_on(api: Api) -> None:
    response = api.get(f"/job/{UNKNOWN}", headers={"Authorization": f"bearer {PREVIOUS_KEY}"})
    assert code(response) == (404, "not_found")


def test_an_empty_key_is_never_admitted() -> None:
    assert KeyRing(()).name_of("") is None
    assert KeyRing(("a-key-of-sixteen-or-more",)).name_of("") is None


@pytest.mark.parametrize("tenant", [None, "", "acme", "{11111111-1111-4111-8111-111111111111}", "1" * 32])
def test_a_tenant_that_is_no_uuid_is_400(api: Api, tenant: str | None) -> None:
    response = api.get(f"/job/{UNKNOWN}", headers={"X-Tenant-Id": tenant})
    assert code(response) == (400, "invalid_header")
    assert set(faults(response)) == {"X-Tenant-Id"}


@pytest.mark.parametrize("author", [None, "", "   ", "x" * 256, "a\tb", "Jörg"])
def test_a_write_without_a_usable_author_is_400(api: Api, author: str | None) -> None:
    response = api.post("/configuration", {}, headers={"X-Author": author})
    assert code(response) == (400, "invalid_header")
    assert set(faults(response)) == {"X-Author"}


def test_a_query_is_no_write_and_needs_no_author(api: Api) -> None:
    assert api.post("/job/query", {}, headers={"X-Author": None}).status_code == 200
