"""Whole suppression lists on the console: out as files, in after a look at them."""

import csv
import io
import re
from typing import Any

import pytest
from werkzeug.test import TestResponse

from shared.domain.errors import StoreUnavailable
from shared.domain.suppression import SuppressionReason
from tests import factories
from tests.fakes.store import MemoryStore
from tests.unit.web.api import OTHER_TENANT, TENANT, UNKNOWN, a_configuration
from tests.unit.web.console.browser import ORIGIN, Browser, led_to, text
from tests.unit.web.console.deeds import WHY, kept, told
from tests.unit.web.console.parts import form_of, section, why_disabled, words
from tests.unit.web.console.suppressions import (
    IMPORT,
    LIST,
    PREVIEW,
    entry,
    listed,
)
from web.console.suppression_files import pack, unpack
from web.csv_files import line_of
from web.suppression_csv import BYTES_MAX, LINES_MAX


@pytest.fixture(autouse=True)
def acme(store: MemoryStore) -> None:
    a_configuration(store, provisioned=factories.provisioned())


# Out.


def test_a_tenant_s_list_is_a_file_without_formulas(olga: Browser, store: MemoryStore) -> None:
    entry(store, "=cmd@example.com", note="=HYPERLINK(1)", author="+olga")
    entry(store, tenant_id=OTHER_TENANT)
    answer = olga.get(f"{LIST}/export?tenant={TENANT}")
    assert (answer.status_code, answer.mimetype) == (200, "text/csv")
    assert answer.headers["Content-Disposition"] == f'attachment; filename="suppressions-{TENANT}.csv"'
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    (only,) = csv.DictReader(io.StringIO(text(answer), newline=""))
    assert [only[name] for name in ("address", "note", "author")] == [
        "'=cmd@example.com",
        "'=HYPERLINK(1)",
        "'+olga",
    ]


def test_a_file_with_what_was_lifted_says_when(olga: Browser, store: MemoryStore) -> None:
    one = entry(store)
    with store.begin() as tx:
        tx.suppressions.lift(one, author="olga", note=None)
    assert len(text(olga.get(f"{LIST}/export?tenant={TENANT}")).splitlines()) == 1
    (only,) = csv.DictReader(io.StringIO(text(olga.get(f"{LIST}/export?tenant={TENANT}&lifted=true"))))
    assert only["liftedAt"] == "2026-11-02T09:00:00.000Z"


def test_a_file_wants_a_tenant_and_a_database(olga: Browser, store: MemoryStore) -> None:
    assert olga.get(f"{LIST}/export").status_code == 400
    assert olga.get(f"{LIST}/export?tenant=acme").status_code == 400
    store.down = True
    assert olga.get(f"{LIST}/export?tenant={TENANT}").status_code == 503


# In.


def preview(browser: Browser, raw: bytes | str, tenant: str = str(TENANT), **options: Any) -> TestResponse:
    """As a browser sends a form with a file in it."""
    fields = {"tenant": tenant, "csrf_token": options.get("token", browser.token())}
    parts = [f'name="{name}"\r\n\r\n{value}'.encode() for name, value in fields.items()]
    sent = raw.encode() if isinstance(raw, str) else raw
    parts.append(b'name="file"; filename="list.csv"\r\nContent-Type: text/csv\r\n\r\n' + sent)
    between = b"\r\n--of-a-form\r\nContent-Disposition: form-data; "
    return browser.open(
        PREVIEW,
        method="POST",
        data=(b"".join(between + part for part in parts) + b"\r\n--of-a-form--\r\n")[2:],
        content_type="multipart/form-data; boundary=of-a-form",
        headers={"Referer": f"{ORIGIN}/console"},
    )


def apply(browser: Browser, page: str, why: str = WHY) -> TestResponse:
    return browser.post(IMPORT, {**form_of(page, IMPORT), "reason": why})


MIXED = "\r\n".join(
    [
        "address,reason,note",
        "good@example.com,HARD_BOUNCE,asked by phone",
        "person@example.com,,",
        "no-address,,",
        "other@example.com,BORED,",
        '<b>x</b>@example.com,,"a, b"',
    ]
)


def test_a_preview_tells_each_wrong_line_and_changes_nothing(olga: Browser, store: MemoryStore) -> None:
    entry(store)
    answer = preview(olga, MIXED)
    assert answer.status_code == 200
    page = text(answer)
    assert re.search(r"Lines 5 Good 2, of which 1 on the list already, .* Wrong 3, left out", words(page))
    faults = words(section(page, "faults"))
    assert "4 address give one bare address" in faults
    assert "5 reason leave it empty, or give one of HARD_BOUNCE" in faults
    assert "6 address" in faults
    assert "good@example.com HARD_BOUNCE asked by phone" in words(section(page, "good"))
    assert len(listed(store)) == 1
    assert told(store) == []


def test_the_good_lines_of_what_was_looked_at_are_taken_in(olga: Browser, store: MemoryStore) -> None:
    entry(store)
    answer = apply(olga, text(preview(olga, MIXED)))
    assert led_to(answer) == f"{LIST}?tenant={TENANT}"
    assert "1 added, 1 on the list already, 3 lines left out." in text(olga.get(led_to(answer)))
    good = next(one for one in listed(store) if one.address == "good@example.com")
    assert (good.reason, good.author, good.note) == (
        SuppressionReason.HARD_BOUNCE,
        "Olga",
        "asked by phone",
    )
    assert told(store) == [("suppression.import", TENANT, "Olga", WHY)]


def test_a_list_taken_in_twice_is_taken_in_once(olga: Browser, store: MemoryStore) -> None:
    page = text(preview(olga, "address\nnew@example.com"))
    for _ in range(2):
        answer = apply(olga, page)
    assert "0 added, 1 on the list already, 0 lines left out." in text(olga.get(led_to(answer)))
    assert len(listed(store)) == 1


def test_what_was_exported_can_be_taken_in_again(olga: Browser, store: MemoryStore) -> None:
    entry(store, "=cmd@example.com", note="=1+1")
    file = text(olga.get(f"{LIST}/export?tenant={TENANT}"))
    a_configuration(store, e_id=UNKNOWN, tenant_id=OTHER_TENANT, slug="other", routing_token_hash=b"other")
    apply(olga, text(preview(olga, file, tenant=str(OTHER_TENANT))))
    (taken,) = listed(store, OTHER_TENANT)
    assert (taken.address, taken.note) == ("=cmd@example.com", "=1+1")


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"", "Choose a file that is not empty."),
        ("address\nperson@example.com".encode("utf-16"), "Send the file in UTF-8."),
        ("address\nm\u00fcller@example.com".encode("latin-1"), "Send the file in UTF-8."),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "Send the file in UTF-8."),
        (b"name\nperson@example.com", "Begin with a line that names the columns"),
        (b'address\n"person@example.com', "The record that begins at line 2 has no end"),
        (b"address\n" + b"a@b.example\n" * (LINES_MAX + 1), "Send at most 10,000 lines at once"),
        (b"address\n" + b"x" * BYTES_MAX, "Send at most 5 MB at once"),
    ],
    ids=["empty", "utf-16", "latin-1", "png", "header", "quotes", "lines", "bytes"],
)
def test_what_is_no_list_is_said_to_be_none_at_the_form(
    olga: Browser, store: MemoryStore, raw: bytes, says: str
) -> None:
    answer = preview(olga, raw)
    page = text(answer)
    assert (answer.status_code, says in page) == (400, True)
    assert f'action="{PREVIEW}"' in page
    assert f'value="{TENANT}"' in page
    assert listed(store) == []


def test_a_file_with_a_byte_order_mark_and_old_line_ends_is_read(olga: Browser) -> None:
    page = text(preview(olga, "\ufeffAddress\rperson@example.com\rother@example.com\r"))
    assert "Good 2" in words(page)


def test_the_largest_list_that_may_be_sent_is_taken_in(olga: Browser, store: MemoryStore) -> None:
    """More than one form may hold otherwise; noise, so that it cannot be packed any tighter."""
    note = "".join(chr(0x4E00 + (number * 7919) % 20_000) for number in range(150))
    lines = [
        line_of([f"person-{number}@example.com", "", note[number % 50 :]]) for number in range(LINES_MAX)
    ]
    raw = "address,reason,note\n" + "".join(lines)
    assert 3_000_000 < len(raw.encode()) <= BYTES_MAX
    answer = apply(olga, text(preview(olga, raw)))
    assert "10,000 added" in text(olga.get(led_to(answer)))
    assert len(listed(store)) == LINES_MAX
    assert [one.action for one in kept(store)] == ["suppression.import"] * 2


def test_more_than_may_be_sent_is_not_read(olga: Browser) -> None:
    answer = preview(olga, b"x" * (BYTES_MAX + 200_000))
    assert (answer.status_code, answer.mimetype) == (413, "text/html")


def test_hostile_lines_are_escaped_in_the_preview(olga: Browser) -> None:
    page = text(preview(olga, 'address,note\na@b.example,"<script>alert(1)</script>"'))
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_a_file_without_a_good_line_cannot_be_taken_in(olga: Browser) -> None:
    page = text(preview(olga, "address\nnonsense"))
    assert why_disabled(page, "Take the good lines in").startswith("No line is good")


@pytest.mark.parametrize("tenant", ["", "acme", str(OTHER_TENANT)])
def test_a_list_is_of_a_tenant_that_there_is(olga: Browser, store: MemoryStore, tenant: str) -> None:
    answer = preview(olga, "address\nperson@example.com", tenant=tenant)
    assert (answer.status_code, 'class="invalid-feedback"' in text(answer)) == (400, True)
    form = {"tenant": tenant, "packed": pack(b"address\nperson@example.com"), "reason": WHY}
    assert olga.post(IMPORT, form).status_code == 400
    assert (listed(store, OTHER_TENANT), told(store)) == ([], [])


@pytest.mark.parametrize(
    "packed",
    ["", "nonsense", "\u00e9", pack(b"address\nperson@example.com")[:-8], pack(b" " * (BYTES_MAX + 1))],
    ids=["empty", "nonsense", "letters", "cut", "bomb"],
)
def test_what_was_not_looked_at_is_not_taken_in(olga: Browser, store: MemoryStore, packed: str) -> None:
    answer = olga.post(IMPORT, {"tenant": str(TENANT), "packed": packed, "reason": WHY})
    assert (answer.status_code, "choose the file again" in text(answer)) == (400, True)
    assert (listed(store), told(store)) == ([], [])


def test_a_packed_file_is_the_file() -> None:
    raw = bytes(range(256)) * 100
    assert unpack(pack(raw)) == raw
    assert set(pack(raw)) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=")


def test_a_reader_may_see_what_a_file_would_do_and_not_do_it(
    rita: Browser, olga: Browser, store: MemoryStore
) -> None:
    page = text(preview(rita, "address\nperson@example.com"))
    assert why_disabled(page, "Take the good lines in").startswith("Your role is reader")
    form = form_of(text(preview(olga, "address\nperson@example.com")), IMPORT)
    assert rita.post(IMPORT, {**form, "reason": WHY}).status_code == 403
    assert listed(store) == []


def test_a_file_from_elsewhere_is_not_looked_at(olga: Browser) -> None:
    assert preview(olga, "address\nperson@example.com", token="of-somebody-else").status_code == 400


def test_a_database_that_goes_away_meanwhile_leaves_a_page_that_says_so(
    olga: Browser, store: MemoryStore
) -> None:
    page = text(preview(olga, "address\nperson@example.com"))
    store.down = True
    assert apply(olga, page).status_code == 503
    with pytest.raises(StoreUnavailable):
        store.ping()
