"""Who did what, when and why: the newest first, of one author, or to one subject."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, request, url_for

from shared.bootstrap import Container
from shared.domain.audit import OperatorAction
from shared.ports.configurations import ConfigurationRecord
from shared.ports.operators import Deed
from shared.ports.store import Transaction
from web.console.asked import Asked, in_url
from web.console.pages import page, render
from web.console.sign_in import redirect_to
from web.console.subjects import url_of
from web.console.trail import Where, trail_of

_LIMIT = 50


@dataclass(frozen=True, slots=True)
class Row:
    """`what` is in the words of the code, such as `job.decide.resend`. `url` leads to what it was done to."""

    at: datetime
    author: str
    what: str
    why: str
    subject: str
    subject_id: UUID
    url: str


@dataclass(frozen=True, slots=True)
class _Deeds:
    rows: Sequence[Row]
    older_than: str | None


class AuditPages:
    def __init__(self, container: Container) -> None:
        self._store = container.store

    def add_to(self, routes: Blueprint) -> None:
        routes.get("/audit", endpoint="audit")(self.list_deeds)
        routes.get("/audit/<uuid:subject_id>", endpoint="subject")(self.lead_to_subject)

    @page("Who did what, when and why")
    def list_deeds(self) -> Response:
        """400 with what has to be mended where the question cannot be read."""
        asked = Asked(request.args)
        wanted = {"author": asked.text("author"), "subject_id": asked.id("subject")}
        before = asked.moment("before")
        with self._store.begin() as tx:
            found = None if asked.faults else asked.check("author", lambda: _deeds(tx, wanted, before))
            now = tx.now()
        return render(
            "console/audit.html",
            400 if asked.faults else 200,
            now=now,
            asked=asked,
            rows=found.rows if found else (),
            trail=trail_of(
                asked, "before", found.older_than if found else None, lambda where: _url(asked, where)
            ),
        )

    @page("What something was done to")
    def lead_to_subject(self, subject_id: UUID) -> Response:
        """By its id alone: a deed says what it was done to, and not of what kind that is."""
        with self._store.begin() as tx:
            url = url_of(tx, subject_id, tenant_id=Asked(request.args).id("tenant"))
        return redirect_to(url)


def _deeds(tx: Transaction, wanted: dict[str, Any], before: datetime | None) -> _Deeds:
    deeds = tx.views.deeds(**wanted, before=before, limit=_LIMIT)
    more = bool(deeds) and bool(tx.views.deeds(**wanted, before=deeds[-1].at, limit=1))
    return _Deeds([_row(deed) for deed in deeds], in_url(deeds[-1].at) if more else None)


def _row(deed: Deed) -> Row:
    if deed.record is not None:
        return _of_record(deed.record)
    assert deed.action is not None, "one of the two is there"
    return _of_action(deed.action)


def _of_record(record: ConfigurationRecord) -> Row:
    changed = record.configuration
    return Row(
        record.recorded_at,
        record.author,
        f"configuration: {record.cause}",
        record.reason or "",
        changed.slug,
        changed.e_id,
        f"/console/configurations/{changed.e_id}",
    )


def _of_action(action: OperatorAction) -> Row:
    url = url_for("console.subject", subject_id=action.subject_id, tenant=action.tenant_id)
    return Row(
        action.at,
        action.author,
        action.action,
        action.reason,
        str(action.subject_id),
        action.subject_id,
        url,
    )


def _url(asked: Asked, where: Where) -> str:
    kept: dict[str, Any] = {name: asked.sent[name] or None for name in ("author", "subject")}
    return url_for("console.audit", **kept, **where)
