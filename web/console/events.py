"""Callbacks of one configuration, each with what became of it and what the provider sent, masked: the newest first."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Final
from uuid import UUID

from flask import Blueprint, Response, request, url_for

from shared.bootstrap import Container
from shared.domain.event import EventKind
from shared.ports.operators import EventOutcome, EventPage, EventSearch, SeenEvent
from web.console.asked import Asked
from web.console.configuration import found_configuration
from web.console.job_story import Entry, entry_of_event
from web.console.pages import page, render
from web.console.trail import Where, trail_of

_LIMIT = 50
# Word, tone and sign.
_LOOKS: Final[Mapping[EventOutcome, tuple[str, str, str]]] = {
    EventOutcome.WAITS: ("waits to be folded", "info", "glass"),
    EventOutcome.JOINED: ("joined to its job", "success", "check"),
    EventOutcome.ALONE: ("about no job", "secondary", "minus"),
    EventOutcome.PARKED: ("given up", "danger", "triangle"),
}


@dataclass(frozen=True, slots=True)
class Told(Entry):
    """As in its job's timeline, and what became of it."""

    look: tuple[str, str, str] = ("", "", "")
    job_id: UUID | None = None


class EventPages:
    def __init__(self, container: Container) -> None:
        self._store = container.store

    def add_to(self, routes: Blueprint) -> None:
        routes.get("/configurations/<uuid:e_id>/events", endpoint="events")(self.list_events)

    @page("Callbacks of a configuration")
    def list_events(self, e_id: UUID) -> Response:
        """400 with what has to be mended where the question cannot be read."""
        asked = Asked(request.args)
        wanted, before = _wanted(asked, e_id), asked.id("before")
        with self._store.begin() as tx:
            held, now = found_configuration(tx, e_id), tx.now()
            found = None if asked.faults else tx.views.events(wanted, before=before, limit=_LIMIT)
        return render(
            "console/events.html",
            400 if asked.faults else 200,
            now=now,
            held=held,
            asked=asked,
            kinds=list(EventKind),
            outcomes=[(outcome, look[0]) for outcome, look in _LOOKS.items()],
            narrowed=wanted != EventSearch(configuration_id=e_id),
            entries=None if found is None else [_told(seen) for seen in found.events],
            trail=trail_of(asked, "before", _older_than(found), lambda where: _url(asked, e_id, where)),
        )


def _wanted(asked: Asked, e_id: UUID) -> EventSearch:
    return EventSearch(
        configuration_id=e_id,
        kind=asked.one_of("kind", EventKind),
        outcome=asked.one_of("outcome", EventOutcome),
        job_id=asked.id("job"),
    )


def _told(seen: SeenEvent) -> Told:
    entry = entry_of_event(seen.event)
    given = {one.name: getattr(entry, one.name) for one in fields(entry)}
    return Told(**given, look=_LOOKS[seen.outcome], job_id=seen.event.job_id)


def _older_than(found: EventPage | None) -> str | None:
    return str(found.older_than) if found and found.older_than else None


def _url(asked: Asked, e_id: UUID, where: Where) -> str:
    kept: dict[str, Any] = {name: asked.sent[name] or None for name in ("kind", "outcome", "job")}
    return url_for("console.events", e_id=e_id, **kept, **where)
