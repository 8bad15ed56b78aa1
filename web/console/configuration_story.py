"""Who did what to a configuration, when and why, and what the provider told of its mail: the newest first."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from shared.domain.configuration import EmailConfiguration
from shared.domain.event import EmailEvent
from shared.ports.configurations import ConfigurationRecord
from shared.ports.operators import Deed
from shared.ports.store import Transaction
from web.console.job_story import title_of

DEEDS_SHOWN: Final = 20
# Of thousands: enough to see that they come, and of what.
EVENTS_SHOWN: Final = 10
_CAUSES: Final = {
    "create": "Made",
    "verified": "Both records were found",
    "window-exceeded": "The window is over",
    "provisioned": "All of it is made",
    "provisioning-failed": "Provisioning has failed",
    "send-faults": "Sends failed too often in a row",
    "send-accepted": "The provider took a send",
    "drained": "Nothing is in flight any more",
    "removal: done": "Taken down",
}
_BY_PEOPLE: Final = "signal:"


@dataclass(frozen=True, slots=True)
class Entry:
    """`job_id`: of a callback that was joined to one."""

    at: datetime
    title: str
    text: str = ""
    author: str = ""
    tone: str = "secondary"
    sign: str = "dot"
    facts: Sequence[tuple[str, str]] = ()
    job_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """`older_than`: where the next page begins, None when this is the last."""

    entries: Sequence[Entry]
    older_than: datetime | None


def read_page(tx: Transaction, e_id: UUID, before: datetime | None) -> Page:
    """Callbacks are on the first page alone: of them nobody needs the older ones here."""
    deeds = tx.views.deeds(subject_id=e_id, before=before, limit=DEEDS_SHOWN)
    rest = tx.views.deeds(subject_id=e_id, before=deeds[-1].at, limit=1) if deeds else []
    events = tx.views.events_of(e_id, limit=EVENTS_SHOWN) if before is None else []
    entries = [*_of_deeds(deeds, rest), *map(_of_event, events)]
    # Stable: of one moment, what was done comes before what was told.
    newest_first = sorted(entries, key=lambda entry: entry.at, reverse=True)
    return Page(newest_first, deeds[-1].at if rest else None)


def _of_deeds(deeds: Sequence[Deed], rest: Sequence[Deed]) -> list[Entry]:
    """Each record beside the one before it, which may be on the next page."""
    records = [deed.record for deed in (*deeds, *rest) if deed.record is not None]
    before = dict(zip((one.r_id for one in records), records[1:], strict=False))
    return [
        _of_action(deed) if deed.record is None else _of_record(deed.record, before.get(deed.record.r_id))
        for deed in deeds
    ]


def _of_action(deed: Deed) -> Entry:
    assert deed.action is not None, "one of the two is there"
    return Entry(deed.at, deed.action.action, deed.action.reason, deed.author, tone="info", sign="ring")


def _of_record(record: ConfigurationRecord, before: ConfigurationRecord | None) -> Entry:
    by_people = record.cause.startswith(_BY_PEOPLE)
    tone, sign = ("info", "ring") if by_people else ("secondary", "dot")
    if record.configuration.failure is not None:
        tone, sign = "danger", "triangle"
    return Entry(
        record.recorded_at,
        title_of_cause(record.cause),
        record.reason or "",
        record.author,
        tone=tone,
        sign=sign,
        facts=_changes(record.configuration, before.configuration if before else None),
    )


def title_of_cause(cause: str) -> str:
    if cause.startswith(_BY_PEOPLE):
        return f"Signal {cause.removeprefix(_BY_PEOPLE)}"
    return _CAUSES.get(cause, cause)


def _changes(now: EmailConfiguration, before: EmailConfiguration | None) -> list[tuple[str, str]]:
    """What moved; of the oldest that is known, how it was."""
    pairs = [
        ("Operational", now.operational.value, before and before.operational.value),
        ("Administrative", now.administrative.value, before and before.administrative.value),
    ]
    moved = [(name, held if was is None else f"{was} → {held}") for name, held, was in pairs if was != held]
    if now.retired and not (before and before.retired):
        moved.append(("Removed", "its record is retired"))
    if now.failure is not None and not (before and before.failure == now.failure):
        moved.append(("Failed at", f"{now.failure.step.value}, {now.failure.code}: {now.failure.message}"))
    return moved


def _of_event(event: EmailEvent) -> Entry:
    return Entry(event.received_at, f"Callback: {title_of(event)}", job_id=event.job_id)
