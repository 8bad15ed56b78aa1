"""What every view of the console has: it is closed, it has its policy, and nothing comes from elsewhere."""

import re
from pathlib import Path

import pytest
from werkzeug.routing import Rule

from shared.config.settings import Settings
from shared.domain.errors import StoreUnavailable
from tests.fakes.store import MemoryStore
from tests.unit.web.api import UNKNOWN, code
from tests.unit.web.console.browser import OPERATOR_KEY, READER_KEY, Browser, led_to, text
from tests.unit.web.console.conftest import Open, with_keys
from tests.unit.web.console.samples import samples_of
from web.console.pages import POLICY
from web.operation import Access, operation_of

# Everything else wants a session. Adding to this list is a decision.
OPEN = {
    ("GET", "/console/sign-in"),
    ("POST", "/console/sign-in"),
    ("POST", "/console/sign-out"),
    ("GET", "/console/static/<path:filename>"),
    ("GET", "/console/static/dark.css"),
    ("GET", "/console/bootstrap/static/<path:filename>"),
}

# Forms that ask: what is looked for must be in no URL. They change nothing, and readers may send them too.
ASKED = {
    ("POST", "/console/jobs/search"),
    ("POST", "/console/suppressions/search"),
    ("POST", "/console/suppressions/import/preview"),
}


def rules(browser: Browser) -> list[tuple[str, Rule]]:
    return [
        (method, rule)
        for rule in browser.app.url_map.iter_rules()
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
        if rule.rule.startswith("/console")
    ]


def path_of(rule: Rule) -> str:
    return re.sub(
        r"<(?:(\w+):)?\w+>", lambda found: str(UNKNOWN) if found[1] == "uuid" else "sends", rule.rule
    )


def closed(browser: Browser) -> list[tuple[str, Rule]]:
    return [(method, rule) for method, rule in rules(browser) if (method, rule.rule) not in OPEN]


@pytest.fixture(params=[False, True], ids=["as it is", "with samples"])
def any_console(request: pytest.FixtureRequest, browse: Open) -> Browser:
    return browse(samples=request.param)


def test_every_view_is_closed_without_a_session(any_console: Browser) -> None:
    assert len(closed(any_console)) >= 4
    for method, rule in closed(any_console):
        for open_by in (method, "HEAD", "OPTIONS"):
            answer = any_console.open(path_of(rule), method=open_by)
            assert led_to(answer).startswith("/console/sign-in"), (open_by, rule.rule)


def test_every_view_says_what_it_is_and_who_may(any_console: Browser) -> None:
    for method, rule in rules(any_console):
        described = operation_of(any_console.app.view_functions[rule.endpoint])
        assert described.summary, rule.rule
        assert (described.access is Access.PUBLIC) == ((method, rule.rule) in OPEN), rule.rule
        assert described.access in (Access.PUBLIC, Access.OPERATOR)


def test_what_is_posted_is_a_deed_and_what_is_got_is_none(any_console: Browser) -> None:
    for method, rule in closed(any_console):
        if rule.endpoint != "console.nowhere":
            described = operation_of(any_console.app.view_functions[rule.endpoint])
            writes = method != "GET" and (method, rule.rule) not in ASKED
            assert described.writes == writes, (method, rule.rule)


def test_every_page_has_the_policy_and_is_kept_nowhere(any_console: Browser) -> None:
    any_console.signed_in("Olga", OPERATOR_KEY)
    pages = [any_console.get(path_of(rule)) for method, rule in rules(any_console) if method == "GET"]
    html = [page for page in pages if page.mimetype == "text/html" and page.status_code != 303]
    assert len(html) >= 3
    for page in html:
        assert page.headers["Content-Security-Policy"] == POLICY
        assert page.headers["Cache-Control"] == "no-store"
        assert page.headers["X-Content-Type-Options"] == "nosniff"
        assert page.headers["Referrer-Policy"] == "same-origin"
        assert page.headers["X-Frame-Options"] == "DENY"


def test_the_policy_lets_in_nothing_inline_and_nothing_from_elsewhere() -> None:
    assert not re.search("unsafe|http|\\*", POLICY)
    assert POLICY.startswith("default-src 'none'")


def test_no_page_has_what_its_policy_forbids(any_console: Browser) -> None:
    any_console.signed_in("Olga", OPERATOR_KEY)
    paths = [path_of(rule) for method, rule in rules(any_console) if method == "GET"]
    for path in [*paths, "/console/sign-in"]:
        answer = any_console.get(path)
        if answer.mimetype == "text/html":
            page = text(answer)
            assert not re.search(r"<style|\sstyle=|\son\w+=|<script>|javascript:", page), path
            assert not re.search(r"""(src|href|action)=["'](https?:)?//""", page), path


def test_what_pages_name_is_served_from_here(olga: Browser) -> None:
    page = text(olga.get("/console"))
    named = re.findall(r'<(?:link|script|img)[^>]* (?:href|src)="([^"]+)"', page)
    assert {Path(path.partition("?")[0]).name for path in named} >= {
        "bootstrap.min.css",
        "dark.css",
        "console.css",
        "console.js",
        "icon.svg",
    }
    for path in named:
        assert path.startswith("/console/"), path
        assert olga.get(path.replace("&amp;", "&")).status_code == 200, path


def test_files_are_kept_by_browsers_and_need_no_session(stranger: Browser) -> None:
    for path in re.findall(
        r'(?:href|src)="(/console/(?:static|bootstrap)/[^"]+)"', text(stranger.get("/console/sign-in"))
    ):
        answer = stranger.get(path)
        assert answer.status_code == 200
        assert "max-age=86400" in answer.headers["Cache-Control"]
        assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize(
    "path", ["/console/static/../wiring.py", "/console/static/%2e%2e/wiring.py", "/console/static/"]
)
def test_nothing_but_the_files_is_served(stranger: Browser, path: str) -> None:
    assert stranger.get(path).status_code in (303, 404)


def test_the_dark_theme_is_bootstraps_and_needs_no_script(stranger: Browser) -> None:
    sheet = text(stranger.get("/console/static/dark.css"))
    assert sheet.startswith(":root{color-scheme:dark;")
    assert "--bs-body-bg:#212529" in sheet
    assert "data-bs-theme" not in sheet
    assert sheet.count("{") == sheet.count("}") >= 5
    assert 'dark.css" media="(prefers-color-scheme: dark)"' in text(stranger.get("/console/sign-in"))


@pytest.mark.parametrize(
    ("operator", "reader", "enabled"),
    [(None, None, True), (None, READER_KEY, True), (OPERATOR_KEY, READER_KEY, False)],
)
def test_without_an_operators_key_or_switched_off_there_is_no_console(
    browse: Open, settings: Settings, operator: str | None, reader: str | None, enabled: bool
) -> None:
    wanted = with_keys(settings, operator=operator, reader=reader)
    console = wanted.console.model_copy(update={"enabled": enabled})
    browser = browse(wanted.model_copy(update={"console": console}))
    for path in ("/console", "/console/", "/console/sign-in", "/console/static/console.css"):
        answer = browser.get(path)
        assert code(answer) == (404, "not_found")
        assert "Set-Cookie" not in answer.headers


def test_the_openapi_document_tells_nothing_of_the_console(stranger: Browser) -> None:
    document = stranger.get("/v1/shop-access/email/docs/openApi.json").get_json()
    assert not [path for path in document["paths"] if path.startswith("/console")]
    assert "/metrics" in document["paths"]


# Forms.


def test_no_form_is_taken_without_the_token_of_its_session(any_console: Browser) -> None:
    any_console.signed_in("Olga", OPERATOR_KEY)
    other = Browser(any_console.app)
    for method, rule in rules(any_console):
        if method != "GET" and rule.endpoint != "console.nowhere":
            for token in ("", "wrong", other.token()):
                refused = any_console.post(path_of(rule), {"reason": "because"}, token=token)
                assert (refused.status_code, refused.mimetype) == (400, "text/html"), rule.rule
    assert any_console.is_signed_in()


def test_over_tls_a_form_of_another_site_is_refused(olga: Browser) -> None:
    token = olga.token()
    for referer in ({}, {"Referer": "https://evil.example/console"}):
        answer = olga.open("/console/sign-out", method="POST", data={"csrf_token": token}, headers=referer)
        assert answer.status_code == 400
    assert olga.is_signed_in()


def test_a_form_is_good_for_as_long_as_the_session(olga: Browser, store: MemoryStore) -> None:
    token = olga.token()
    store.advance(seconds=7 * 3600)
    assert olga.post("/console/sign-out", token=token).status_code == 303


def test_the_api_wants_no_token(stranger: Browser) -> None:
    answer = stranger.open("/v1/shop-access/email/job/query", method="POST", json={})
    assert code(answer) == (401, "unauthorized")


def test_a_form_that_is_too_large_is_not_read(olga: Browser) -> None:
    answer = olga.post("/console/sign-out", {"reason": "x" * 1_100_000})
    assert (answer.status_code, answer.mimetype) == (413, "text/html")


# Roles.


def test_a_deed_is_done_in_the_name_of_who_is_signed_in_and_with_a_reason(browse: Open) -> None:
    olga = browse(samples=True).signed_in("Olga", OPERATOR_KEY)
    assert led_to(olga.post("/console/jobs", {"reason": "  the customer asked "})) == "/console/jobs"
    assert samples_of(olga.app).done == [("Olga", "the customer asked")]
    page = text(olga.get("/console/jobs"))
    assert '<p class="alert alert-success py-2">It is done: &lt;b&gt;bold&lt;/b&gt;.</p>' in page
    assert "It is done" not in text(olga.get("/console/jobs"))


@pytest.mark.parametrize("reason", ["", "   ", "x" * 1001, "a\x00b"])
def test_no_deed_is_done_without_a_reason(browse: Open, reason: str) -> None:
    olga = browse(samples=True).signed_in("Olga", OPERATOR_KEY)
    answer = olga.post("/console/jobs", {"reason": reason})
    assert answer.status_code == 400
    assert "say why, in 1 to 1000 characters" in text(answer)
    assert samples_of(olga.app).done == []


def test_a_reader_does_nothing_and_is_told_why(browse: Open) -> None:
    rita = browse(samples=True).signed_in("Rita", READER_KEY)
    refused = rita.post("/console/jobs", {"reason": "I want to"})
    assert refused.status_code == 403
    assert "Your role may look, and not act" in text(refused)
    assert samples_of(rita.app).done == []


def test_a_readers_buttons_are_disabled_with_the_reason_beside(browse: Open) -> None:
    reader = text(browse(samples=True).signed_in("Rita", READER_KEY).get("/console/jobs"))
    operator = text(browse(samples=True).signed_in("Olga", OPERATOR_KEY).get("/console/jobs"))
    disabled = re.search(r'<button[^>]* disabled aria-describedby="([^"]+)">Lock it</button>', reader)
    assert disabled
    assert f'id="{disabled[1]}">Your role is reader: it may look, and not act.' in reader
    assert 'name="reason"' not in reader
    assert re.search(r'<textarea[^>]* name="reason"[^>]* required>', operator)
    assert 'name="version" value="7"' in operator
    assert "New mail is refused from then on." in operator


def test_a_message_waits_for_a_person_and_not_for_a_renewal(browse: Open) -> None:
    olga = browse(samples=True).signed_in("Olga", OPERATOR_KEY)
    olga.post("/console/jobs", {"reason": "because"})
    assert "It is done" not in text(olga.get("/console/jobs", headers={"X-Console-Refresh": "1"}))
    assert "It is done" in text(olga.get("/console/jobs"))


# Failures.


@pytest.mark.parametrize(
    ("how", "status", "says"),
    [
        ("problem", 409, "It is PENDING. signal: send provision."),
        ("value", 400, "slug: use small letters."),
        ("missing", 404, "There is no such page"),
        ("conflict", 409, "It changed meanwhile"),
        ("store", 503, "The database does not answer"),
        ("fault", 500, "Something broke here"),
        ("405", 405, "Method Not Allowed"),
    ],
)
def test_what_fails_is_a_page_with_the_requests_id(browse: Open, how: str, status: int, says: str) -> None:
    olga = browse(samples=True).signed_in("Olga", OPERATOR_KEY)
    answer = olga.get(f"/console/fails/{how}", headers={"X-Request-ID": "trace-7"})
    assert (answer.status_code, answer.mimetype) == (status, "text/html")
    page = text(answer)
    assert says in page
    assert "<code>trace-7</code>" in page
    assert "Sign out" in page
    assert not re.search("hunter2|secret of the inside|Traceback|version 3", page)
    assert answer.headers["Content-Security-Policy"] == POLICY
    assert ("Retry-After" in answer.headers) == (status == 503)


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
def test_what_is_not_there_is_a_page_for_who_is_signed_in(olga: Browser, method: str) -> None:
    answer = olga.open("/console/no/such/page", method=method)
    assert answer.mimetype == "text/html"
    assert answer.status_code == (404 if method == "GET" else 400)


def test_the_console_has_a_way_in_with_a_slash(olga: Browser) -> None:
    assert led_to(olga.get("/console/")) == "/console"


def test_while_the_database_is_away_one_can_still_sign_in(stranger: Browser, store: MemoryStore) -> None:
    store.down = True
    stranger.signed_in("Olga", OPERATOR_KEY)
    answer = stranger.get("/console")
    assert answer.status_code == 503
    with pytest.raises(StoreUnavailable):
        store.ping()


# The frame.


def test_the_navigation_has_what_is_there_and_says_where_one_is(browse: Open) -> None:
    olga = browse(samples=True).signed_in("Olga", OPERATOR_KEY)
    navigation = re.compile(r'<a class="nav-link[^"]*" href="([^"]+)"( aria-current="page")?>(\w+)</a>')
    entries = {
        label: (url, bool(current))
        for url, current, label in navigation.findall(text(olga.get("/console/jobs/one")))
    }
    assert entries == {"Overview": ("/console", False), "Jobs": ("/console/jobs", True)}
    assert navigation.findall(text(olga.get("/console")))[0] == (
        "/console",
        ' aria-current="page"',
        "Overview",
    )


def test_every_page_can_be_skipped_into_and_says_which_world_it_is_of(olga: Browser) -> None:
    page = text(olga.get("/console"))
    assert page.index('href="#content"') < page.index("<header")
    assert '<main id="content"' in page
    assert re.search(
        r'class="environment environment-dev"><span[^>]*>Environment: </span>Alpha002-dev<', page
    )
    assert page.count("<h1") == 1
    assert '<html lang="en">' in page


def test_what_people_and_the_world_say_is_escaped(browse: Open) -> None:
    olga = browse(samples=True).signed_in("<img src=x onerror=alert(1)>", OPERATOR_KEY)
    page = text(olga.get("/console/jobs"))
    assert "<script>alert" not in page
    assert "<img" not in page
    assert "&lt;img src=x onerror=alert(1)&gt;" in page
