"""Why a configuration waits, for operators."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from shared.domain.dns import MailDns
from shared.domain.lifecycle import Administrative, Operational
from shared.domain.verification import Check
from tests.fakes.store import MemoryStore
from tests.unit.web.api import CONFIGURATION, LONG_AGO, OTHER_TENANT, UNKNOWN, Api, a_configuration, code
from web.moments import milliseconds

PATH = f"/configuration/{CONFIGURATION}/verification"
DKIM, TARGET = "k=rsa; p=AB", "pm.mtasv.net"
DNS = MailDns("k._domainkey.acme.x", DKIM, "pm-bounces.acme.x", TARGET)
# Postmark has found neither record, and the zone holds both as it should.
UNFOUND = Check(dkim_verified=False, return_path_verified=False, dkim_seen=DKIM, return_path_seen=TARGET)
VERIFIED = Check(dkim_verified=True, return_path_verified=True)
IN_ORDER = "The zone holds what it should, so this is a matter of time (TTL 300 s)."


def waiting(store: MemoryStore, *checks: Check, **changes: Any) -> datetime:
    """AWAITING_VERIFICATION since now, checked twenty seconds apart; the moment it began."""
    began_at = store.clock.now()
    values: dict[str, Any] = {
        "operational": Operational.AWAITING_VERIFICATION,
        "administrative": Administrative.LOCKED,
        "operational_since": began_at,
        "dns": DNS,
        "verification_started_at": began_at,
        "verification_due_at": began_at + timedelta(seconds=30),
    }
    a_configuration(store, **{**values, **changes})
    for check in checks:
        store.advance(seconds=20)
        with store.begin() as tx:
            tx.checks.record(CONFIGURATION, check)
    return began_at


def told(api: Api) -> Any:
    response = api.get(PATH)
    assert response.status_code == 200
    return response.get_json()


def test_it_says_since_when_what_for_and_what_was_found(api: Api, store: MemoryStore) -> None:
    began_at = milliseconds(waiting(store, Check(provider_fault="timeout"), UNFOUND, UNFOUND))
    assert told(api) == {
        "state": "AWAITING_VERIFICATION",
        "since": began_at,
        "startedAt": began_at,
        "nextCheckAt": began_at + 30_000,
        "windowEndsAt": began_at + 24 * 3_600_000,
        "waitsFor": f"Postmark has not found the DKIM record and the Return-Path record yet. {IN_ORDER}",
        "records": [
            {
                "name": "k._domainkey.acme.x",
                "type": "TXT",
                "expected": DKIM,
                "seen": DKIM,
                "state": "matches",
                "verifiedByPostmark": False,
            },
            {
                "name": "pm-bounces.acme.x",
                "type": "CNAME",
                "expected": TARGET,
                "seen": TARGET,
                "state": "matches",
                "verifiedByPostmark": False,
            },
        ],
        "checks": [
            {
                "firstAt": began_at + 40_000,
                "lastAt": began_at + 60_000,
                "times": 2,
                "dkimVerified": False,
                "returnPathVerified": False,
                "dkimSeen": DKIM,
                "returnPathSeen": TARGET,
                "providerFault": None,
                "zoneFault": None,
            },
            {
                "firstAt": began_at + 20_000,
                "lastAt": began_at + 20_000,
                "times": 1,
                "dkimVerified": None,
                "returnPathVerified": None,
                "dkimSeen": None,
                "returnPathSeen": None,
                "providerFault": "timeout",
                "zoneFault": None,
            },
        ],
    }


@pytest.mark.parametrize(
    ("check", "states", "sentence"),
    [
        (
            replace(UNFOUND, return_path_verified=True),
            ["matches", "matches"],
            f"Postmark has not found the DKIM record yet. {IN_ORDER}",
        ),
        (
            replace(UNFOUND, dkim_verified=True, return_path_seen="elsewhere.example."),
            ["matches", "differs"],
            "Postmark has not found the Return-Path record yet. "
            "The zone holds another value for the Return-Path record: mend it as records says.",
        ),
        (
            replace(UNFOUND, return_path_verified=True, dkim_seen=""),
            ["missing", "matches"],
            "Postmark has not found the DKIM record yet. "
            "The zone does not hold the DKIM record: deleted? Put it back as records says.",
        ),
        (
            replace(UNFOUND, dkim_seen="", return_path_seen="elsewhere.example"),
            ["missing", "differs"],
            "Postmark has not found the DKIM record and the Return-Path record yet. "
            "The zone does not hold the DKIM record: deleted? Put it back as records says. "
            "The zone holds another value for the Return-Path record: mend it as records says.",
        ),
        (
            replace(UNFOUND, dkim_seen=""),
            ["missing", "matches"],
            "Postmark has not found the DKIM record and the Return-Path record yet. "
            "The zone does not hold the DKIM record: deleted? Put it back as records says.",
        ),
        (
            replace(UNFOUND, dkim_seen=None, return_path_seen=None, zone_fault="Throttling"),
            ["unknown", "unknown"],
            "Postmark has not found the DKIM record and the Return-Path record yet. "
            "The zone could not be read or written (Throttling).",
        ),
        (
            replace(UNFOUND, dkim_seen=None, return_path_seen=None),
            ["unknown", "unknown"],
            "Postmark has not found the DKIM record and the Return-Path record yet.",
        ),
        (
            Check(provider_fault="500", dkim_seen=DKIM, return_path_seen=f"{TARGET}."),
            ["matches", "matches"],
            "Postmark did not answer the last check (500). The zone holds what it should.",
        ),
        (
            Check(provider_fault="500", dkim_seen="", return_path_seen=TARGET),
            ["missing", "matches"],
            "Postmark did not answer the last check (500). "
            "The zone does not hold the DKIM record: deleted? Put it back as records says.",
        ),
        (VERIFIED, ["unknown", "unknown"], "Postmark has found both records."),
        (
            replace(VERIFIED, zone_fault="Throttling"),
            ["unknown", "unknown"],
            "Postmark has found both records. The zone could not be read or written (Throttling).",
        ),
    ],
)
def test_it_says_who_has_to_do_what(
    api: Api, store: MemoryStore, check: Check, states: list[str], sentence: str
) -> None:
    waiting(store, check)
    found = told(api)
    assert found["waitsFor"] == sentence
    assert [record["state"] for record in found["records"]] == states
    assert [record["verifiedByPostmark"] for record in found["records"]] == [
        check.dkim_verified,
        check.return_path_verified,
    ]


def test_a_provider_that_is_silent_for_long_is_told_by_how_often_it_was_asked(
    api: Api, store: MemoryStore
) -> None:
    waiting(store, *[Check(provider_fault="timeout")] * 3)
    assert told(api)["waitsFor"] == "Postmark did not answer the last 3 checks (timeout)."


def test_before_the_first_check_the_records_are_there_and_nothing_is_known_of_them(
    api: Api, store: MemoryStore
) -> None:
    waiting(store)
    found = told(api)
    assert found["waitsFor"] == "No check has been made yet."
    assert found["checks"] == []
    assert [(record["state"], record["seen"]) for record in found["records"]] == [("unknown", None)] * 2


def test_checks_of_an_earlier_window_are_shown_and_not_taken_for_this_ones(
    api: Api, store: MemoryStore
) -> None:
    waiting(store, UNFOUND, verification_started_at=store.clock.now() + timedelta(minutes=1))
    found = told(api)
    assert found["waitsFor"] == "No check has been made yet."
    assert [checks["times"] for checks in found["checks"]] == [1]


@pytest.mark.parametrize(("late_seconds", "overdue"), [(600, False), (660, True)])
def test_a_check_that_nobody_makes_points_to_who_should(
    api: Api, store: MemoryStore, late_seconds: int, overdue: bool
) -> None:
    waiting(store, UNFOUND, verification_due_at=store.clock.now() + timedelta(seconds=20))
    store.advance(seconds=late_seconds)
    sentence = "A check was due 11 minutes ago: do the scheduler and the provisioning workers run?"
    assert (told(api)["waitsFor"] == sentence) is overdue


@pytest.mark.parametrize(
    ("state", "sentence"),
    [
        (Operational.PENDING, "It was never provisioned: send provision."),
        (
            Operational.PROVISIONING,
            "It is being provisioned. Checks begin once its records are written.",
        ),
        (
            Operational.MISSING,
            "Provisioning has failed: see failure of the configuration, then send re-provision.",
        ),
    ],
)
def test_where_nothing_was_ever_checked_it_says_what_comes_first(
    api: Api, store: MemoryStore, state: Operational, sentence: str
) -> None:
    a_configuration(store, operational=state, administrative=Administrative.LOCKED)
    assert told(api) == {
        "state": state,
        "since": milliseconds(LONG_AGO),
        "startedAt": None,
        "nextCheckAt": None,
        "windowEndsAt": None,
        "waitsFor": sentence,
        "records": [],
        "checks": [],
    }


@pytest.mark.parametrize(
    ("state", "check", "sentence"),
    [
        (Operational.OK, VERIFIED, None),
        (Operational.DEGRADED, VERIFIED, None),
        (
            Operational.FAILURE,
            VERIFIED,
            "Sending failed too often in a row: mend the cause, then send re-verify.",
        ),
        (
            Operational.UNVERIFIED,
            replace(UNFOUND, dkim_seen="", return_path_verified=True),
            "The window is over. Postmark has not found the DKIM record yet. "
            "The zone does not hold the DKIM record: deleted? Put it back as records says. Then send re-verify.",
        ),
    ],
)
def test_when_the_waiting_is_over_the_last_of_it_is_still_shown(
    api: Api, store: MemoryStore, state: Operational, check: Check, sentence: str | None
) -> None:
    waiting(store, check, operational=state, verification_due_at=None)
    found = told(api)
    assert (found["state"], found["waitsFor"], found["nextCheckAt"]) == (state, sentence, None)
    assert found["windowEndsAt"] - found["startedAt"] == 24 * 3_600_000
    assert [checks["dkimVerified"] for checks in found["checks"]] == [check.dkim_verified]
    assert [record["verifiedByPostmark"] for record in found["records"]] == [check.dkim_verified, True]


def test_a_removed_configuration_waits_for_nothing(api: Api, store: MemoryStore) -> None:
    waiting(store, UNFOUND, retired_at=LONG_AGO, verification_due_at=None)
    assert told(api)["waitsFor"] is None


def test_the_twenty_newest_runs_are_shown_the_newest_first(api: Api, store: MemoryStore) -> None:
    waiting(store, *[Check(provider_fault=str(number)) for number in range(25)])
    assert [checks["providerFault"] for checks in told(api)["checks"]] == [
        str(number) for number in reversed(range(5, 25))
    ]


def test_another_tenants_verification_is_404(api: Api, store: MemoryStore) -> None:
    waiting(store, UNFOUND, tenant_id=OTHER_TENANT)
    assert code(api.get(PATH)) == (404, "not_found")
    assert code(api.get(f"/configuration/{UNKNOWN}/verification")) == (404, "not_found")
