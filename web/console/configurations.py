"""Configurations of all tenants: in which states, since when, and what each waits for."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, request, url_for

from shared.bootstrap import Container
from shared.domain.configuration import EmailConfiguration
from shared.domain.lifecycle import Administrative, Operational
from shared.ports.operators import ConfigurationSearch
from shared.ports.store import Transaction
from web.console.asked import Asked
from web.console.configuration import ConfigurationPage
from web.console.configuration_words import waits_of
from web.console.new_configuration import NewConfigurationPage
from web.console.pages import page, render
from web.console.trail import Where, trail_of

_LIMIT = 50


class Removed(StrEnum):
    ONLY = "only"


@dataclass(frozen=True, slots=True)
class Row:
    held: EmailConfiguration
    waits_for: str


@dataclass(frozen=True, slots=True)
class _Found:
    rows: Sequence[Row]
    older_than: str | None


class ConfigurationPages:
    def __init__(self, container: Container) -> None:
        self._store = container.store
        self._one = ConfigurationPage(container)
        self._new = NewConfigurationPage(container)

    def add_to(self, routes: Blueprint) -> None:
        routes.get("/configurations", endpoint="configurations")(self.list_configurations)
        self._new.add_to(routes)
        self._one.add_to(routes)

    @page("Configurations of all tenants")
    def list_configurations(self) -> Response:
        """400 with what has to be mended where the question cannot be read."""
        asked = Asked(request.args)
        wanted, before = _wanted(asked), asked.id("before")
        with self._store.begin() as tx:
            found = None if asked.faults else asked.check("text", lambda: _find(tx, wanted, before))
            now = tx.now()
        return render(
            "console/configurations.html",
            400 if asked.faults else 200,
            now=now,
            asked=asked,
            operational=list(Operational),
            administrative=list(Administrative),
            removed=list(Removed),
            narrowed=wanted != ConfigurationSearch(),
            rows=None if found is None else found.rows,
            trail=trail_of(
                asked, "before", found.older_than if found else None, lambda where: _url(asked, where)
            ),
        )


def _wanted(asked: Asked) -> ConfigurationSearch:
    return ConfigurationSearch(
        text=asked.text("text"),
        operational=asked.one_of("operational", Operational),
        administrative=asked.one_of("administrative", Administrative),
        retired=asked.one_of("removed", Removed) is not None,
    )


def _find(tx: Transaction, wanted: ConfigurationSearch, before: UUID | None) -> _Found:
    found = tx.views.configurations(wanted, before=before, limit=_LIMIT + 1)
    shown = found[:_LIMIT]
    more = len(found) > _LIMIT
    return _Found([Row(held, waits_of(tx, held)) for held in shown], str(shown[-1].e_id) if more else None)


def _url(asked: Asked, where: Where) -> str:
    names = ("text", "operational", "administrative", "removed")
    kept: dict[str, Any] = {name: asked.sent[name] or None for name in names}
    return url_for("console.configurations", **kept, **where)
