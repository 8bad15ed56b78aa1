"""Our rows against the records in the zone, which is read from one end to the other and not name by name."""

from collections.abc import Iterator, Mapping, Sequence
from uuid import UUID

from shared.domain.configuration import EmailConfiguration
from shared.domain.dns import DnsRecord
from shared.domain.drift import (
    FINDINGS,
    Assertion,
    Discrepancy,
    Drift,
    expected_records,
    is_of,
    judge_record,
)
from shared.domain.naming import slug_of_record
from workers.drift.deps import DriftDeps
from workers.drift.sheet import Sheet

Match = tuple[EmailConfiguration, Drift, DnsRecord, DnsRecord]


def check_dns(sheet: Sheet, deps: DriftDeps) -> None:
    for records in deps.zone.record_pages():
        _check_records(records, sheet, deps)
    for tag in FINDINGS[Assertion.DNS]:
        for rows in sheet.unsighted(tag):
            sheet.keep([absent for row in rows for absent in _absent(row, tag)])


def _check_records(records: Sequence[DnsRecord], sheet: Sheet, deps: DriftDeps) -> None:
    slugs = {record: slug_of_record(record.name, deps.zone_name) for record in records}
    with deps.store.begin() as tx:
        rows = tx.drift_rows.by_slug({slug for slug in slugs.values() if slug is not None})
    matches = list(_matches(slugs, rows))
    judged = [judge_record(row, tag, expected, record) for row, tag, expected, record in matches]
    sighted: list[tuple[UUID, Drift]] = [(row.e_id, tag) for row, tag, _, _ in matches]
    sheet.keep([wrong for wrong in judged if wrong is not None], sighted=sighted)
    sheet.checked += len(matches)


def _matches(
    slugs: Mapping[DnsRecord, str | None], rows: Mapping[str, EmailConfiguration]
) -> Iterator[Match]:
    """Records that a row has an opinion of. Others under the same slug, such as a key before its rotation, are not ours
    to judge."""
    for record, slug in slugs.items():
        row = rows.get(slug) if slug is not None else None
        for tag, expected in expected_records(row) if row is not None else ():
            if row is not None and is_of(record, expected):
                yield row, tag, expected, record


def _absent(row: EmailConfiguration, tag: Drift) -> Iterator[Discrepancy]:
    for of, expected in expected_records(row):
        if of is tag:
            absent = judge_record(row, tag, expected, None)
            if absent is not None:
                yield absent
