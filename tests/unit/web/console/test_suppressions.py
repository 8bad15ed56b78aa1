"""Suppressions on the console: looked for, added, lifted."""

import re

import pytest
from structlog.testing import capture_logs

from shared.domain.suppression import SuppressionReason
from shared.messaging.messages import LiftSuppressions
from tests import factories
from tests.fakes.doorbell import RecordingDoorbell
from tests.fakes.store import MemoryStore
from tests.unit.web.api import CONFIGURATION, OTHER_TENANT, TENANT, UNKNOWN, a_configuration
from tests.unit.web.console.browser import OPERATOR_KEY, READER_KEY, Browser, led_to, text
from tests.unit.web.console.conftest import Open
from tests.unit.web.console.deeds import WHY, WHY_ESCAPED, refuse_unless_meant, told
from tests.unit.web.console.parts import section, why_disabled, words
from tests.unit.web.console.suppressions import (
    ADDRESS,
    IMPORT,
    LIST,
    SEARCH,
    addresses,
    entry,
    held,
    listed,
    path_of,
    search,
)
from web.console.suppression_files import pack


@pytest.fixture(autouse=True)
def acme(store: MemoryStore) -> None:
    a_configuration(store, provisioned=factories.provisioned())


# Looking.


def test_nothing_is_looked_for_without_an_address_or_a_tenant(olga: Browser, store: MemoryStore) -> None:
    entry(store)
    page = text(olga.get(LIST))
    assert "Give an address, or a tenant." in page
    assert ADDRESS not in page


def test_an_address_is_found_in_every_tenant_and_is_in_no_url(olga: Browser, store: MemoryStore) -> None:
    entry(store)
    entry(store, tenant_id=OTHER_TENANT)
    entry(store, "other@example.com")
    with capture_logs() as lines:
        url = led_to(olga.post(SEARCH, {"address": " Person@Example.com "}))
        page = text(olga.get(url))
    assert "person" not in url.lower()
    assert "example.com" not in str(lines).replace("mail.example.com", "")
    assert addresses(page) == [ADDRESS] * 2
    assert str(TENANT) in page
    assert str(OTHER_TENANT) in page
    assert 'value="Person@Example.com"' in page


def test_an_address_that_is_on_no_list_is_said_to_be_on_none(olga: Browser) -> None:
    assert "There is no such entry" in text(search(olga, address="nobody@example.com"))


def test_what_is_too_long_for_an_address_is_said_at_its_field(olga: Browser) -> None:
    answer = search(olga, address="\u00e9" * 1000)
    assert answer.status_code == 400
    assert "give an address: this is too long for one" in text(answer)


@pytest.mark.parametrize(
    ("form", "seen"),
    [
        ({"tenant": str(TENANT)}, ["a@x.example", "b@x.example"]),
        ({"tenant": str(TENANT), "reason": "HARD_BOUNCE"}, ["b@x.example"]),
        ({"tenant": str(TENANT), "standing": "lifted"}, ["c@x.example"]),
        ({"tenant": str(TENANT), "standing": "both"}, ["a@x.example", "b@x.example", "c@x.example"]),
        ({"tenant": str(OTHER_TENANT)}, []),
        ({"tenant": str(TENANT), "address": "a@x.example"}, ["a@x.example"]),
    ],
)
def test_a_list_is_narrowed_by_reason_and_by_standing(
    olga: Browser, store: MemoryStore, form: dict[str, str], seen: list[str]
) -> None:
    entry(store, "a@x.example")
    entry(store, "b@x.example", reason=SuppressionReason.HARD_BOUNCE)
    lifted = entry(store, "c@x.example")
    with store.begin() as tx:
        tx.suppressions.lift(lifted, author="olga", note=None)
    assert sorted(addresses(text(search(olga, **form)))) == seen


@pytest.mark.parametrize(
    "query", ["tenant=acme", "reason=SPAM", "standing=x", "search=opensesame", "after=1"]
)
def test_a_question_that_cannot_be_read_is_said_and_nothing_is_looked_for(
    olga: Browser, store: MemoryStore, query: str
) -> None:
    entry(store)
    answer = olga.get(f"{LIST}?{query}&tenant={TENANT}" if "tenant" not in query else f"{LIST}?{query}")
    assert answer.status_code == 400
    assert "Nothing was looked for." in text(answer)
    assert ADDRESS not in text(answer)


def test_a_list_is_paged_by_key_and_the_search_goes_with_it(olga: Browser, store: MemoryStore) -> None:
    for number in range(51):
        entry(store, f"person-{number:02}@example.com")
    first = text(search(olga, tenant=str(TENANT), standing="both"))
    following = re.search(r'href="([^"]+)" rel="next">Next', first)
    assert following
    second = text(olga.get(following[1].replace("&amp;", "&")))
    assert [len(addresses(page)) for page in (first, second)] == [50, 1]
    assert len({*addresses(first), *addresses(second)}) == 51
    assert "standing=both" in following[1]
    assert ">First</a>" in second


def test_what_notes_and_authors_say_is_escaped(olga: Browser, store: MemoryStore) -> None:
    hostile = "<script>alert(1)</script>"
    one = entry(store, note=hostile, author=hostile)
    for page in (text(search(olga, tenant=str(TENANT))), text(olga.get(path_of(one)))):
        assert "<script>alert" not in page
        assert page.count("&lt;script&gt;alert(1)&lt;/script&gt;") == 2


def test_a_reader_may_look(rita: Browser, store: MemoryStore) -> None:
    one = entry(store)
    page = text(search(rita, address=ADDRESS))
    assert addresses(page) == [ADDRESS]
    assert why_disabled(page, "Add an address").startswith("Your role is reader")
    assert why_disabled(text(rita.get(path_of(one))), "Lift").startswith("Your role is reader")


def test_without_the_database_it_is_unavailable(olga: Browser, store: MemoryStore) -> None:
    store.down = True
    assert olga.get(f"{LIST}?tenant={TENANT}").status_code == 503


# Adding.


def test_an_address_is_added_by_hand_with_the_reason_as_its_note(olga: Browser, store: MemoryStore) -> None:
    answer = olga.post(LIST, {"tenant": str(TENANT), "address": " New@Example.com", "reason": WHY})
    (made,) = listed(store)
    assert (made.address, made.reason, made.author, made.note) == (
        "new@example.com",
        SuppressionReason.MANUAL,
        "Olga",
        WHY,
    )
    assert led_to(answer) == path_of(made)
    assert told(store) == [("suppression.add", made.e_id, "Olga", WHY)]
    page = text(olga.get(path_of(made)))
    assert "It is on the list now." in page
    assert "suppression.add by Olga" in words(section(page, "done"))
    assert WHY_ESCAPED in page


def test_an_address_that_is_on_the_list_stays_as_it_is(olga: Browser, store: MemoryStore) -> None:
    one = entry(store, reason=SuppressionReason.HARD_BOUNCE)
    answer = olga.post(LIST, {"tenant": str(TENANT), "address": ADDRESS, "reason": WHY})
    assert led_to(answer) == path_of(one)
    assert "It was on the list already: nothing was changed." in text(olga.get(path_of(one)))
    assert (listed(store), told(store)) == ([one], [])


@pytest.mark.parametrize(
    ("form", "says"),
    [
        ({"address": ADDRESS}, "tenant: give the tenant"),
        ({"tenant": "acme", "address": ADDRESS}, "tenant: give the tenant"),
        (
            {"tenant": str(OTHER_TENANT), "address": ADDRESS},
            "tenant: there is no configuration of this tenant",
        ),
        ({"tenant": str(TENANT), "address": ""}, "address: give one bare address"),
        ({"tenant": str(TENANT), "address": "Person <person@example.com>"}, "address: give one bare address"),
    ],
)
def test_what_cannot_be_added_says_what_to_mend(
    olga: Browser, store: MemoryStore, form: dict[str, str], says: str
) -> None:
    answer = olga.post(LIST, {**form, "reason": WHY})
    assert (answer.status_code, says in text(answer)) == (400, True)
    assert (listed(store), told(store)) == ([], [])


# Lifting.


def test_a_lift_is_done_here_at_once_and_asked_of_the_provider(
    browse: Open, store: MemoryStore, doorbell: RecordingDoorbell
) -> None:
    one = entry(store, reason=SuppressionReason.HARD_BOUNCE)
    olga = browse(doorbell=doorbell).signed_in("Olga", OPERATOR_KEY)
    assert led_to(olga.post(path_of(one, "lift"), {"reason": WHY})) == path_of(one)
    assert not held(store, one.e_id).active
    assert doorbell.rung == [LiftSuppressions(CONFIGURATION)]
    assert told(store) == [("suppression.lift", one.e_id, "Olga", WHY)]
    page = text(olga.get(path_of(one)))
    assert "At the provider asked, no answer yet" in words(page)
    assert 'data-refresh="10"' in page
    assert why_disabled(page, "Lift") == "It is lifted already."


@pytest.mark.parametrize(
    ("refusal", "says"),
    [("it cannot be <reactivated>", "it keeps it it cannot be <reactivated>"), (None, "it has let go of it")],
)
def test_the_provider_s_answer_is_shown_in_its_own_words(
    olga: Browser, store: MemoryStore, refusal: str | None, says: str
) -> None:
    one = entry(store, reason=SuppressionReason.HARD_BOUNCE)
    olga.post(path_of(one, "lift"), {"reason": WHY})
    with store.begin() as tx:
        assert tx.lifts.take(CONFIGURATION, limit=10, lease_seconds=60)
        if refusal:
            tx.lifts.refused(CONFIGURATION, ADDRESS, refusal)
        else:
            tx.lifts.done(CONFIGURATION, [ADDRESS])
    page = text(olga.get(path_of(one)))
    assert says in words(page)
    assert "<reactivated>" not in page
    assert "data-refresh" not in page
    assert says in words(text(search(olga, address=ADDRESS, standing="lifted")))


def test_a_complaint_is_not_lifted_and_says_why(olga: Browser, store: MemoryStore) -> None:
    one = entry(store, reason=SuppressionReason.SPAM_COMPLAINT)
    said = "The recipient complained of spam: the provider takes nothing to this address any more"
    assert why_disabled(text(olga.get(path_of(one))), "Lift").startswith(said)
    answer = olga.post(path_of(one, "lift"), {"reason": WHY})
    assert (answer.status_code, said in text(answer)) == (409, True)
    assert held(store, one.e_id).active
    assert told(store) == []


def test_lifting_twice_is_lifting_once(olga: Browser, store: MemoryStore) -> None:
    one = entry(store)
    for _ in range(2):
        assert olga.post(path_of(one, "lift"), {"reason": WHY}).status_code == 303
    assert [action for action, *_ in told(store)] == ["suppression.lift"]


@pytest.mark.parametrize("path", [f"{LIST}/{OTHER_TENANT}/{{}}", f"{LIST}/{TENANT}/{UNKNOWN}"])
def test_an_entry_is_its_tenant_s_alone(olga: Browser, store: MemoryStore, path: str) -> None:
    one = entry(store)
    assert olga.get(path.format(one.e_id)).status_code == 404
    assert olga.post(f"{path.format(one.e_id)}/lift", {"reason": WHY}).status_code == 404
    assert held(store, one.e_id).active


@pytest.mark.parametrize("deed", ["add", "lift", "import"])
def test_no_deed_is_done_unless_it_is_meant(browse: Open, store: MemoryStore, deed: str) -> None:
    one = entry(store)
    path = {"add": LIST, "lift": path_of(one, "lift"), "import": IMPORT}[deed]
    form = {
        "tenant": str(TENANT),
        "address": "new@example.com",
        "packed": pack(b"address\nnew@example.com"),
    }
    olga, rita = browse().signed_in("Olga", OPERATOR_KEY), browse().signed_in("Rita", READER_KEY)
    refuse_unless_meant(store, olga, rita, path, form)
    assert listed(store) == [one]
