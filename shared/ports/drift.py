"""Rounds of drift checks and what they found, as rows; and the two sides that rows are compared with, read only."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from shared.domain.configuration import EmailConfiguration
from shared.domain.dns import DnsRecord
from shared.domain.drift import (
    Assertion,
    Discrepancy,
    Drift,
    Finding,
    FindingState,
    Round,
    ServerListed,
    Verdict,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AssertionReport:
    """`finished_at`, `seconds`, `checked` and `calls` are of the last round that came to its end.

    `fault`: why the last round could not tell; None when it could.
    """

    assertion: Assertion
    due_at: datetime | None = None
    begun_at: datetime | None = None
    running: bool = False
    finished_at: datetime | None = None
    seconds: float | None = None
    checked: int | None = None
    calls: int | None = None
    verdict: Verdict | None = None
    fault: str | None = None


class DriftRounds(Protocol):
    """Who checks what and when. Whatever takes a `Round` raises `Conflict` when its lease is another's by now."""

    def arm(self, assertion: Assertion, *, every_seconds: float) -> None:
        """Due so long after the last round was begun; at once when there was none. Due already: stays so."""
        ...

    def ask(self, assertion: Assertion) -> None:
        """Due at once, whatever the switches say."""
        ...

    def due(self) -> list[UUID]:
        """Due, and nobody at work on them."""
        ...

    def begin(self, assertion_id: UUID, *, lease_seconds: float) -> Round | None:
        """Takes it, with an empty sheet; None when it is not due or somebody has it."""
        ...

    def renew(self, round: Round, *, lease_seconds: float) -> None: ...

    def sight(self, round: Round, sightings: Collection[tuple[UUID, Drift]]) -> None:
        """Notes what of these configurations was found, right or wrong. Noted twice is noted."""
        ...

    def finish(self, round: Round, *, verdict: Verdict, checked: int, calls: int) -> None: ...

    def give_up(self, round: Round, *, fault: str, again_in_seconds: float) -> None:
        """It could not tell: what stands of the last whole round stays, and it is due again."""
        ...

    def reports(self) -> Sequence[AssertionReport]:
        """One for each assertion, in their order, those never armed among them."""
        ...


class DriftRows(Protocol):
    """Configurations as the assertions need them. Pages are in the order of their ids."""

    def by_slug(self, slugs: Collection[str]) -> Mapping[str, EmailConfiguration]:
        """Those whose slug is in use."""
        ...

    def by_server(self, server_id: int) -> EmailConfiguration | None:
        """Whoever has or had it, retired or not: the youngest."""
        ...

    def unsighted(
        self, round: Round, tag: Drift, *, after: UUID | None, limit: int
    ) -> list[EmailConfiguration]:
        """Not retired, with a server (inventory) or with records (DNS), and not noted in this round under the tag."""
        ...

    def sealed_by_others(
        self, versions: Collection[str], *, after: UUID | None, limit: int
    ) -> list[tuple[EmailConfiguration, str]]:
        """With a token that none of these key versions sealed, and the version it names ("" for none)."""
        ...


class Findings(Protocol):
    def observe(self, discrepancies: Collection[Discrepancy], round: Round | None = None) -> None:
        """Just now. A new or resolved one begins anew; it opens when it is as old as its grace.

        Raises `Conflict` for a round whose lease is another's by now.
        """
        ...

    def settle(self, round: Round) -> int:
        """Resolves what is not resolved of this assertion's findings and was not observed in the round.

        How many were resolved. Young ones go without a trace: nobody was told of them.
        """
        ...

    def standing(self, tag: Drift, subjects: Collection[str]) -> set[str]:
        """Those of the subjects that have a finding of this tag that is not resolved."""
        ...

    def untold(self, tags: Collection[Drift], limit: int) -> list[Finding]:
        """Open, not snoozed, and not told of yet this time. The oldest first."""
        ...

    def told(self, ids: Collection[UUID]) -> None: ...

    def get(self, e_id: UUID) -> Finding | None: ...

    def find(
        self,
        *,
        states: Collection[FindingState],
        tags: Collection[Drift] = (),
        configuration_id: UUID | None = None,
        after: UUID | None = None,
        limit: int,
    ) -> list[Finding]:
        """In the order of their ids, which is that of their first sight. No tags: all; no configuration: whosever."""
        ...

    def count(self) -> Mapping[tuple[Drift, FindingState], int]:
        """Without the resolved."""
        ...

    def snooze(self, e_id: UUID, *, until: datetime | None, author: str, reason: str) -> bool:
        """`until` None wakes it. False when there is no such finding, or it is resolved."""
        ...


class MailInventory(Protocol):
    """Errors: `ProviderUnavailable`, `ProviderRefused`. Reads only."""

    def server_pages(self) -> Iterator[Sequence[ServerListed]]:
        """Every server of the account, a call a page."""
        ...

    def server_name(self, server_id: int) -> str | None:
        """None when there is no such server."""
        ...


class ZoneInventory(Protocol):
    """Errors: `ProviderUnavailable`, `ProviderRefused`. Reads only."""

    def record_pages(self) -> Iterator[Sequence[DnsRecord]]:
        """Every record set of the zone, a call a page. A type that we never write has an empty value."""
        ...
