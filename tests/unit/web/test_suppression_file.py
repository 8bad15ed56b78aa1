"""The whole suppression list as a file, out and in."""

import csv
import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from structlog.testing import capture_logs
from werkzeug.test import TestResponse

from shared.config.settings import Settings
from shared.domain.errors import StoreUnavailable
from shared.domain.suppression import SuppressionEntry, SuppressionReason
from shared.ports.store import Transaction, transaction_open
from tests.fakes.doorbell import RecordingDoorbell
from tests.fakes.store import MemoryStore
from tests.unit.web.api import (
    AUTHOR,
    LONG_AGO,
    OTHER_TENANT,
    TENANT,
    Api,
    a_configuration,
    a_job,
    code,
    container_of,
    faults,
)
from web.suppression_csv import BYTES_MAX, LINES_MAX

EXPORT = "/configuration/suppression/export"


def upload(api: Api, text: str | bytes, **options: Any) -> TestResponse:
    options.setdefault("content_type", "text/csv; charset=utf-8")
    return api.post("/configuration/suppression/import", data=text, **options)


def outcome(response: TestResponse) -> dict[str, Any]:
    assert response.status_code == 200, response.get_data(as_text=True)
    body: dict[str, Any] = response.get_json()
    assert body["lines"] == body["added"] + body["alreadyThere"] + body["errorsTotal"]
    return body


def rows(response: TestResponse) -> list[dict[str, str]]:
    assert response.status_code == 200
    assert response.mimetype == "text/csv"
    return list(csv.DictReader(io.StringIO(response.get_data(as_text=True), newline="")))


def entry(number: int, address: str, **changes: Any) -> SuppressionEntry:
    values: dict[str, Any] = {
        "e_id": UUID(int=number),
        "tenant_id": TENANT,
        "address": address,
        "reason": SuppressionReason.MANUAL,
        "since": LONG_AGO,
        "author": "olga",
        "created_at": LONG_AGO,
        "updated_at": LONG_AGO,
    }
    return SuppressionEntry(**{**values, **changes})


def put(store: MemoryStore, *entries: SuppressionEntry) -> None:
    with store.begin() as tx:
        for each in entries:
            tx.suppressions.add(each)


def listed(api: Api) -> dict[str, dict[str, Any]]:
    found = api.post("/configuration/suppression/query", {}).get_json()["results"]
    return {row["payload"]["address"]: {**row["payload"], "author": row["author"]} for row in found}


# Out.


def test_an_export_has_the_active_entries_in_the_order_of_their_addresses(
    api: Api, store: MemoryStore
) -> None:
    put(
        store,
        entry(1, "b@x.example", note="asked, by phone"),
        entry(2, "a@x.example"),
        entry(3, "c@x.example"),
    )
    with store.begin() as tx:
        tx.suppressions.lift(entry(3, "c@x.example"), author="olga", note=None)
    answer = api.get(EXPORT)
    assert answer.get_data(as_text=True).splitlines()[0] == "address,reason,since,note,author"
    assert rows(answer) == [
        {
            "address": "a@x.example",
            "reason": "MANUAL",
            "since": "2026-01-05T08:00:00.000Z",
            "note": "",
            "author": "olga",
        },
        {
            "address": "b@x.example",
            "reason": "MANUAL",
            "since": "2026-01-05T08:00:00.000Z",
            "note": "asked, by phone",
            "author": "olga",
        },
    ]
    assert answer.headers["Content-Disposition"].startswith("attachment")


def test_lifted_ones_are_exported_when_they_are_wanted(api: Api, store: MemoryStore) -> None:
    put(store, entry(1, "a@x.example"))
    with store.begin() as tx:
        tx.suppressions.lift(entry(1, "a@x.example"), author="olga", note=None)
    store.advance(seconds=1)
    put(store, entry(2, "a@x.example"))
    assert [row["liftedAt"] for row in rows(api.get(f"{EXPORT}?lifted=true"))] == [
        (store.clock.now() - timedelta(seconds=1)).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "",
    ]
    assert len(rows(api.get(f"{EXPORT}?lifted=false"))) == 1


@pytest.mark.parametrize(
    ("asked", "at"),
    [("lifted=1", "lifted"), ("lifted=true&lifted=true", "lifted"), ("active=true", "active")],
)
def test_a_parameter_that_would_be_lost_is_refused(api: Api, asked: str, at: str) -> None:
    answer = api.get(f"{EXPORT}?{asked}")
    assert code(answer) == (400, "invalid_fields")
    assert list(faults(answer)) == [at]


def test_an_empty_list_is_a_header(api: Api) -> None:
    assert api.get(EXPORT).get_data(as_text=True) == "address,reason,since,note,author\r\n"


def test_a_list_is_exported_to_its_tenant_alone(api: Api, store: MemoryStore) -> None:
    put(store, entry(1, "a@x.example"))
    assert rows(api.get(EXPORT, headers={"X-Tenant-Id": str(OTHER_TENANT)})) == []


class Counting:
    """A store that counts its transactions, and fails from the `last`th on."""

    def __init__(self, store: MemoryStore, last: int | None = None) -> None:
        self._store = store
        self._last = last
        self.begun = 0

    @contextmanager
    def begin(self) -> Iterator[Transaction]:
        self.begun += 1
        if self._last is not None and self.begun >= self._last:
            raise StoreUnavailable("connection lost")
        with self._store.begin() as tx:
            yield tx

    def ping(self) -> None:
        self._store.ping()


def test_a_long_list_is_read_in_slices_with_no_transaction_open_between_them(
    settings: Settings, store: MemoryStore
) -> None:
    put(store, *(entry(number, f"p{number:05}@x.example") for number in range(2500)))
    counting = Counting(store)
    api = Api(container_of(settings, counting, RecordingDoorbell()))
    pieces = api.app.test_client().get(
        f"/v1/shop-access/email{EXPORT}",
        headers={"Authorization": "Bearer a-key-that-is-valid-now", "X-Tenant-Id": str(TENANT)},
        buffered=False,
    )
    # One for the list, one for the use of the key: the rest is not read before it is asked for.
    assert counting.begun == 2
    seen = 0
    for piece in pieces.response:
        assert not transaction_open.get()
        seen += str(piece, "utf-8").count("\r\n") if isinstance(piece, bytes) else piece.count("\r\n")
    assert seen == 2501
    assert counting.begun == 2 + 3


def test_a_list_that_cannot_be_read_is_503_and_no_empty_file(settings: Settings, store: MemoryStore) -> None:
    api = Api(container_of(settings, Counting(store, last=1), RecordingDoorbell()))
    assert code(api.get(EXPORT)) == (503, "store_unavailable")


def test_a_file_whose_list_is_lost_in_the_middle_says_so_at_its_end(
    settings: Settings, store: MemoryStore
) -> None:
    put(store, *(entry(number, f"p{number:05}@x.example") for number in range(1500)))
    api = Api(container_of(settings, Counting(store, last=3), RecordingDoorbell()))
    answer = api.get(EXPORT)
    with capture_logs() as logs:
        text = answer.get_data(as_text=True)
    assert answer.status_code == 200
    assert len(text.splitlines()) == 1 + 1000 + 1
    assert text.splitlines()[-1].startswith('"NOT COMPLETE')
    assert "StoreUnavailable" in {line.get("error") for line in logs}
    mended = Api(container_of(settings, MemoryStore(), RecordingDoorbell()))
    told = outcome(upload(mended, text))
    assert (told["added"], [fault["line"] for fault in told["errors"]]) == (1000, [1002])


def test_what_a_spreadsheet_would_run_is_exported_as_text_and_comes_back_as_it_was(
    api: Api, store: MemoryStore
) -> None:
    put(store, entry(1, "=cmd@x.example", note="=HYPERLINK(1)"), entry(2, "+tag@x.example"))
    text = api.get(EXPORT).get_data(as_text=True)
    assert "'=cmd@x.example,MANUAL" in text
    assert "'=HYPERLINK(1)" in text
    other = {"X-Tenant-Id": str(OTHER_TENANT)}
    assert outcome(upload(api, text, headers=other))["added"] == 2
    found = api.post("/configuration/suppression/query", {}, headers=other).get_json()["results"]
    assert {(row["payload"]["address"], row["payload"]["note"]) for row in found} == {
        ("=cmd@x.example", "=HYPERLINK(1)"),
        ("+tag@x.example", None),
    }


# In.


def test_an_import_puts_addresses_on_the_list(api: Api, store: MemoryStore) -> None:
    a_configuration(store)
    text = "address,reason,note\nPerson@Example.com ,,\nb@x.example,hard_bounce,from the old system\n"
    assert outcome(upload(api, text)) == {
        "lines": 2,
        "added": 2,
        "alreadyThere": 0,
        "errorsTotal": 0,
        "errors": [],
    }
    found = listed(api)
    assert {address: row["reason"] for address, row in found.items()} == {
        "person@example.com": "IMPORTED",
        "b@x.example": "HARD_BOUNCE",
    }
    assert (found["b@x.example"]["note"], found["b@x.example"]["author"]) == ("from the old system", AUTHOR)
    assert code(api.send(a_job())) == (403, "suppressed")


def test_a_file_sent_twice_changes_nothing(api: Api) -> None:
    text = "address\na@x.example\nb@x.example\nA@x.example\n"
    first, again = outcome(upload(api, text)), outcome(upload(api, text))
    assert (first["added"], first["alreadyThere"]) == (2, 1)
    assert (again["added"], again["alreadyThere"]) == (0, 3)


def test_who_is_on_the_list_stays_there_as_he_is(api: Api, store: MemoryStore) -> None:
    put(store, entry(1, "a@x.example", reason=SuppressionReason.SPAM_COMPLAINT))
    assert outcome(upload(api, "address,reason\na@x.example,MANUAL\n"))["alreadyThere"] == 1
    assert listed(api)["a@x.example"]["reason"] == "SPAM_COMPLAINT"


BAD_LINES = [
    ("nobody,,", "address", "one bare address"),
    (",MANUAL,", "address", "one bare address"),
    ("a@x.example,BORED,", "reason", "leave it empty, or give one of HARD_BOUNCE"),
    (f"a@x.example,,{'x' * 1001}", "note", "at most 1000"),
    ("a@x.example,,\x07", "note", "control characters"),
    ("a\0@x.example,,", "address", "one bare address"),
    ("a@x.example,,one,two", "line", "quote cells"),
    (f"{'x' * 250}@x.example,,", "address", "at most 254"),
]


@pytest.mark.parametrize(("line", "at", "advice"), BAD_LINES, ids=[advice for _, _, advice in BAD_LINES])
def test_a_bad_line_is_told_and_keeps_no_good_one_out(api: Api, line: str, at: str, advice: str) -> None:
    told = outcome(upload(api, f"address,reason,note\ngood@x.example,,\n{line}\nbetter@x.example,,\n"))
    assert (told["added"], told["errorsTotal"]) == (2, 1)
    (fault,) = told["errors"]
    assert (fault["line"], fault["field"]) == (3, at)
    assert advice in fault["advice"]
    assert set(listed(api)) == {"good@x.example", "better@x.example"}


def test_a_line_of_an_export_that_was_lifted_is_not_imported(api: Api, store: MemoryStore) -> None:
    put(store, entry(1, "a@x.example"), entry(2, "b@x.example"))
    with store.begin() as tx:
        tx.suppressions.lift(entry(1, "a@x.example"), author="olga", note=None)
    text = api.get(f"{EXPORT}?lifted=true").get_data(as_text=True)
    told = outcome(upload(api, text, headers={"X-Tenant-Id": str(OTHER_TENANT)}))
    assert (told["added"], [fault["field"] for fault in told["errors"]]) == (1, ["liftedAt"])


def test_of_many_faults_the_first_hundred_are_told_and_all_are_counted(api: Api) -> None:
    told = outcome(upload(api, "address\n" + "nobody\n" * 250))
    assert (told["errorsTotal"], len(told["errors"]), told["errors"][99]["line"]) == (250, 100, 101)


def test_as_many_lines_as_are_allowed_are_imported_in_a_few_transactions(
    settings: Settings, store: MemoryStore
) -> None:
    counting = Counting(store)
    api = Api(container_of(settings, counting, RecordingDoorbell()))
    text = "address\n" + "one@x.example\n" * LINES_MAX
    told = outcome(upload(api, text))
    assert (told["added"], told["alreadyThere"]) == (1, LINES_MAX - 1)
    assert counting.begun <= 3
    assert code(upload(api, text + "one@more.example\n")) == (413, "body_too_large")


def test_an_import_that_broke_off_goes_on_when_it_is_sent_again(
    settings: Settings, store: MemoryStore
) -> None:
    text = "address\n" + "one@x.example\n" * 6000
    broken = Api(container_of(settings, Counting(store, last=2), RecordingDoorbell()))
    assert code(upload(broken, text)) == (503, "store_unavailable")
    mended = Api(container_of(settings, store, RecordingDoorbell()))
    assert set(listed(mended)) == {"one@x.example"}
    assert outcome(upload(mended, text))["alreadyThere"] == 6000


@pytest.mark.parametrize(
    ("text", "options", "expected"),
    [
        (b"x" * (BYTES_MAX + 1), {}, (413, "body_too_large")),
        (b"address\n", {"content_type": "application/json"}, (415, "unsupported_media_type")),
        (b"address\n", {"content_type": None}, (415, "unsupported_media_type")),
        (b"", {}, (400, "invalid_csv")),
        (b"a@x.example\n", {}, (400, "invalid_csv")),
        (b'address\n"a@x.example\n', {}, (400, "invalid_csv")),
        (b"address\n", {"headers": {"X-Author": None}}, (400, "invalid_header")),
    ],
)
def test_what_is_no_file_of_addresses_is_refused_whole(
    api: Api, text: bytes, options: dict[str, Any], expected: tuple[int, str]
) -> None:
    assert code(upload(api, text, **options)) == expected
    assert listed(api) == {}


def test_no_address_gets_into_a_log_or_an_error(api: Api) -> None:
    with capture_logs() as logs:
        answer = upload(api, "address,reason\nsecret@x.example,\nsecret@,\nsecret@x.example,secret\n")
        api.get(EXPORT)
    assert "secret" not in json.dumps([*logs, outcome(answer)])


def test_the_openapi_document_says_that_these_are_files(api: Api) -> None:
    paths = api.get("/docs/openApi.json").get_json()["paths"]
    base = "/v1/shop-access/email/configuration/suppression"
    assert set(paths[f"{base}/import"]["post"]["requestBody"]["content"]) == {"text/csv"}
    export = paths[f"{base}/export"]["get"]
    assert set(export["responses"]["200"]["content"]) == {"text/csv"}
    (lifted,) = [each for each in export["parameters"] if each["in"] == "query"]
    assert (lifted["name"], lifted["schema"], lifted["required"]) == ("lifted", {"type": "boolean"}, False)
