"""Our rows against the provider's list of servers.

Pages of a list that moves meanwhile may show a server twice or not at all, and rows move too: whatever looks wrong is
asked about by its id, and its row is read again, before it is a finding.
"""

from collections.abc import Sequence

from shared.domain.configuration import EmailConfiguration
from shared.domain.drift import (
    Discrepancy,
    Drift,
    ServerListed,
    judge_row_without_server,
    judge_server,
)
from shared.domain.naming import slug_of_server
from workers.drift.deps import DriftDeps
from workers.drift.sheet import Sheet


def check_inventory(sheet: Sheet, deps: DriftDeps) -> None:
    Inventory(sheet, deps).check()


class Inventory:
    def __init__(self, sheet: Sheet, deps: DriftDeps) -> None:
        self._sheet = sheet
        self._deps = deps
        self._questions = 0

    def check(self) -> None:
        for servers in self._deps.mail.server_pages():
            self._check_servers(servers)
        for rows in self._sheet.unsighted(Drift.ORPHAN_DB_ROW):
            self._check_rows(rows)

    def _check_servers(self, listed: Sequence[ServerListed]) -> None:
        slugs = {server: self._slug_of(server) for server in listed}
        ours = {server: slug for server, slug in slugs.items() if slug is not None}
        with self._deps.store.begin() as tx:
            rows = tx.drift_rows.by_slug(set(ours.values()))
        sighted = [
            (row.e_id, Drift.ORPHAN_DB_ROW)
            for server, slug in ours.items()
            if (row := rows.get(slug)) is not None and row.provisioned.server_id == server.server_id
        ]
        suspects = {server: judge_server(server, rows.get(slug)) for server, slug in ours.items()}
        found = [(server, suspect) for server, suspect in suspects.items() if suspect is not None]
        standing = self._standing(Drift.ORPHAN_SERVER, [suspect for _, suspect in found])
        confirmed = [
            suspect if suspect.subject in standing else self._orphan(server) for server, suspect in found
        ]
        self._sheet.keep([one for one in confirmed if one is not None], sighted=sighted)
        self._sheet.checked += len(ours)

    def _orphan(self, server: ServerListed) -> Discrepancy | None:
        """Asked anew, of both sides. A removed configuration that the server once was of is named with it."""
        if not self._may_ask() or self._deps.mail.server_name(server.server_id) != server.name:
            return None
        slug = self._slug_of(server)
        assert slug is not None
        with self._deps.store.begin() as tx:
            row = tx.drift_rows.by_slug({slug}).get(slug)
            owner = row or tx.drift_rows.by_server(server.server_id)
        return judge_server(server, owner)

    def _check_rows(self, rows: Sequence[EmailConfiguration]) -> None:
        suspects = [(row, suspect) for row in rows if (suspect := judge_row_without_server(row)) is not None]
        standing = self._standing(Drift.ORPHAN_DB_ROW, [suspect for _, suspect in suspects])
        confirmed = [
            suspect if suspect.subject in standing else self._without_server(row) for row, suspect in suspects
        ]
        self._sheet.keep([one for one in confirmed if one is not None])
        self._sheet.checked += len(rows)

    def _without_server(self, row: EmailConfiguration) -> Discrepancy | None:
        server_id = row.provisioned.server_id
        assert server_id is not None
        if not self._may_ask() or self._deps.mail.server_name(server_id) is not None:
            return None
        with self._deps.store.begin() as tx:
            now = tx.configurations.get(row.e_id)
        if now is None or now.provisioned.server_id != server_id:
            return None
        return judge_row_without_server(now)

    def _may_ask(self) -> bool:
        self._questions += 1
        return self._questions <= self._deps.policy.questions_max

    def _standing(self, tag: Drift, suspects: Sequence[Discrepancy]) -> set[str]:
        if not suspects:
            return set()
        with self._deps.store.begin() as tx:
            return tx.findings.standing(tag, {suspect.subject for suspect in suspects})

    def _slug_of(self, server: ServerListed) -> str | None:
        return slug_of_server(server.name, self._deps.zone_name, other_zones=self._deps.other_zones)
