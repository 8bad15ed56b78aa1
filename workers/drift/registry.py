"""The key versions that rows need against those that are mounted here."""

from collections.abc import Set
from uuid import UUID

from shared.domain.configuration import EmailConfiguration
from shared.domain.drift import judge_key
from shared.domain.errors import KeyMaterialError
from workers.drift.deps import DriftDeps
from workers.drift.sheet import Sheet, paged


def check_registry(sheet: Sheet, deps: DriftDeps) -> None:
    mounted = deps.keys.mounted()
    if mounted is None:
        raise KeyMaterialError("the key file cannot be read here")
    with deps.store.begin() as tx:
        sheet.checked = sum(use.rows for use in tx.sealed_tokens.uses().values())
    for rows in paged(lambda after: _sealed_by_others(mounted, after, deps), lambda row: row[0].e_id):
        judged = [judge_key(row, version, mounted) for row, version in rows]
        sheet.keep([missing for missing in judged if missing is not None])


def _sealed_by_others(
    mounted: Set[str], after: UUID | None, deps: DriftDeps
) -> list[tuple[EmailConfiguration, str]]:
    with deps.store.begin() as tx:
        return tx.drift_rows.sealed_by_others(mounted, after=after, limit=deps.policy.page_rows)
