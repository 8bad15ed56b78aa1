"""What counts as a difference between our rows and the world."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from shared.domain.configuration import EmailConfiguration, Provisioned, Step
from shared.domain.dns import DnsRecord, records_for
from shared.domain.drift import (
    FINDINGS,
    GRACE_MAX_SECONDS,
    Assertion,
    Drift,
    Finding,
    FindingState,
    Problem,
    ServerListed,
    expected_records,
    is_of,
    judge_key,
    judge_record,
    judge_row_without_server,
    judge_server,
)
from shared.domain.lifecycle import Operational
from tests import factories
from tests.factories import LONG_AGO, later

SERVER = ServerListed(11, "ardamails-dev-acme")
ROW = factories.sendable()
RETIRED: dict[str, Any] = {"retired_at": LONG_AGO}
REMOVED: dict[str, Any] = {**RETIRED, "cleaned_up_at": LONG_AGO}


def with_server(**given: Any) -> EmailConfiguration:
    return replace(ROW, provisioned=factories.provisioned(**given))


def test_the_names_of_the_findings_are_those_that_alerts_are_written_for() -> None:
    assert [tag.value for tags in FINDINGS.values() for tag in tags] == [
        "email.drift.postmark_orphan_db_row",
        "email.drift.postmark_orphan_server",
        "email.drift.registry_missing_key",
        "email.drift.dns_dkim_mismatch",
        "email.drift.dns_return_path_mismatch",
    ]


def test_an_assertions_row_has_the_same_id_in_every_database() -> None:
    assert Assertion.DNS.e_id == UUID("a6ffe850-359d-544e-bf71-ee7a77582227")
    assert len({assertion.e_id for assertion in Assertion}) == len(Assertion)


@pytest.mark.parametrize(
    "row",
    [
        ROW,
        # Its create was sent and has no answer yet.
        replace(ROW, provisioned=Provisioned(intent=Step.CREATE_SERVER)),
        # Its removal is under way, with the server still to go.
        replace(ROW, **RETIRED),
    ],
)
def test_a_server_is_accounted_for_by_its_id_or_by_the_intent_to_make_it(row: EmailConfiguration) -> None:
    assert judge_server(SERVER, row) is None


@pytest.mark.parametrize(
    "row",
    [
        None,
        # Never made by us: provisioning would refuse to adopt it.
        replace(ROW, provisioned=Provisioned()),
        # Made anew by hand under the old name.
        with_server(server_id=12),
        # Left over from a removal, as the provider did not let us delete it.
        replace(ROW, **REMOVED),
    ],
)
def test_any_other_server_of_our_pattern_is_an_orphan(row: EmailConfiguration | None) -> None:
    found = judge_server(SERVER, row)
    assert found is not None
    assert (found.tag, found.subject, found.problem) == (Drift.ORPHAN_SERVER, "11", Problem.UNACCOUNTED)
    assert found.configuration_id == (row.e_id if row else None)


def test_a_row_whose_server_is_not_listed_is_an_orphan() -> None:
    found = judge_row_without_server(ROW)
    assert found is not None
    assert (found.tag, found.subject) == (Drift.ORPHAN_DB_ROW, str(ROW.e_id))
    assert found.context() == {"eId": str(ROW.e_id), "postmarkServerId": 11, "problem": "absent"}


@pytest.mark.parametrize(
    "row",
    [
        replace(ROW, provisioned=Provisioned()),
        with_server(undoing=True),
        replace(ROW, **RETIRED),
        replace(ROW, **REMOVED),
    ],
)
def test_a_row_that_has_no_server_or_is_getting_rid_of_it_misses_none(row: EmailConfiguration) -> None:
    assert judge_row_without_server(row) is None


def test_a_key_version_that_is_not_mounted_is_missing_for_each_row_that_needs_it() -> None:
    found = judge_key(ROW, "v1", {"v2"})
    assert found is not None
    assert found.context() == {
        "eId": str(ROW.e_id),
        "postmarkServerId": 11,
        "keyVersionId": "v1",
        "problem": "absent",
    }
    assert judge_key(ROW, "v2", {"v1", "v2"}) is None


def test_a_row_expects_its_dkim_record_and_its_return_path() -> None:
    assert [(tag, record.name, record.type) for tag, record in expected_records(ROW)] == [
        (Drift.DKIM_MISMATCH, "20260102pm._domainkey.acme.dev.ardamails.com", "TXT"),
        (Drift.RETURN_PATH_MISMATCH, "pm-bounces.acme.dev.ardamails.com", "CNAME"),
    ]


@pytest.mark.parametrize(
    "row",
    [
        replace(ROW, dns=None),
        with_server(records_written=False),
        with_server(undoing=True),
        replace(ROW, operational=Operational.PROVISIONING),
        replace(ROW, **RETIRED),
    ],
)
def test_a_row_whose_records_are_not_written_or_going_expects_none(row: EmailConfiguration) -> None:
    assert list(expected_records(row)) == []


def records() -> tuple[DnsRecord, DnsRecord]:
    assert ROW.dns is not None
    return records_for(ROW.dns)


def test_a_record_that_means_the_same_is_no_mismatch() -> None:
    dkim, return_path = records()
    assert judge_record(ROW, Drift.DKIM_MISMATCH, dkim, dkim) is None
    spelled = replace(return_path, name="PM-bounces.Acme.dev.ardamails.com.", value="PM.mtasv.net.")
    assert is_of(spelled, return_path)
    assert judge_record(ROW, Drift.RETURN_PATH_MISMATCH, return_path, spelled) is None


def test_the_text_of_a_txt_record_is_compared_to_the_letter() -> None:
    dkim, _ = records()
    found = judge_record(ROW, Drift.DKIM_MISMATCH, dkim, replace(dkim, value=dkim.value.upper()))
    assert found is not None
    assert found.problem is Problem.DIFFERENT
    assert found.context()["recordName"] == "20260102pm._domainkey.acme.dev.ardamails.com"


def test_another_type_or_another_name_is_another_record() -> None:
    dkim, return_path = records()
    assert not is_of(replace(dkim, type="CNAME"), dkim)
    assert not is_of(return_path, dkim)


@pytest.mark.parametrize(
    ("ttl_seconds", "grace_seconds"), [(60, 60.0), (300, 300.0), (604_800, GRACE_MAX_SECONDS)]
)
def test_the_grace_of_a_mismatch_is_the_ttl_of_what_is_there_within_bounds(
    ttl_seconds: int, grace_seconds: float
) -> None:
    dkim, _ = records()
    there = replace(dkim, value="another", ttl_seconds=ttl_seconds)
    found = judge_record(ROW, Drift.DKIM_MISMATCH, dkim, there)
    assert found is not None
    assert found.grace_seconds == grace_seconds


def test_the_grace_of_an_absent_record_is_the_ttl_that_we_wrote_it_with() -> None:
    dkim, _ = records()
    found = judge_record(ROW, Drift.DKIM_MISMATCH, dkim, None)
    assert found is not None
    assert (found.problem, found.grace_seconds) == (Problem.ABSENT, dkim.ttl_seconds)


def test_the_state_of_a_finding_follows_from_its_times() -> None:
    absent = judge_row_without_server(ROW)
    assert absent is not None
    young = Finding(
        e_id=UUID(int=1),
        discrepancy=absent,
        first_seen_at=LONG_AGO,
        since_at=LONG_AGO,
        last_seen_at=LONG_AGO,
    )
    opened = replace(young, opened_at=LONG_AGO)
    snoozed = replace(opened, snoozed_until=later(hours=1), snoozed_by="op", snooze_reason="known")
    assert young.state(LONG_AGO) is FindingState.YOUNG
    assert opened.state(LONG_AGO) is FindingState.OPEN
    assert snoozed.state(LONG_AGO) is FindingState.SNOOZED
    assert snoozed.state(LONG_AGO + timedelta(hours=1)) is FindingState.OPEN
    assert replace(snoozed, resolved_at=LONG_AGO).state(LONG_AGO) is FindingState.RESOLVED
