"""One job: what happened to it, how it is, and a person's word where nobody else can tell."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, request, url_for

from shared.bootstrap import Container
from shared.domain.errors import Conflict, InvalidValue, NotFound
from shared.domain.job import EmailJob
from shared.domain.naming import Names, names_for
from shared.domain.suppression import SuppressionEntry
from shared.ports.store import Transaction
from shared.telemetry.metrics import record_doubts
from shared.telemetry.tracing import id_of
from web.console.asked import Asked
from web.console.job_deeds import choices_of, resolution_of
from web.console.job_story import entries_of
from web.console.job_words import ENDED, Behind, sentences
from web.console.pages import deed, done, page, reason, render
from web.console.parts import Part, Parts
from web.console.session import who
from web.console.versions import shown_version
from web.console.wording import utc
from web.intake import decision, resolution
from web.intake.job import JobPorts, Story

_MESSAGE_ID_MAX = 100
_RENEWAL_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Around:
    """What is shown beside a job. `entry`: what suppresses its recipient now."""

    behind: Behind
    names: Names
    entry: SuppressionEntry | None


class JobPage:
    def __init__(self, container: Container) -> None:
        self._store = container.store
        self._zone_name = container.settings.mail_zone.name
        self._doubt_limit = timedelta(hours=container.settings.send.doubt_limit_hours)
        self._ports = JobPorts(container.store, container.arrivals, container.doorbell, container.new_id)

    def add_to(self, routes: Blueprint) -> None:
        routes.get("/jobs/<uuid:e_id>", endpoint="job")(self.show)
        routes.post("/jobs/<uuid:e_id>/decide/<verdict>", endpoint="decide_job")(self.decide)
        routes.post("/jobs/<uuid:e_id>/resolve", endpoint="resolve_job")(self.resolve)

    @page("What happened to a job")
    def show(self, e_id: UUID) -> Response:
        return self._show(e_id)

    def _show(self, e_id: UUID, *, refused: str = "") -> Response:
        """`refused`: why a deed was not done. It is a 409 then, with what holds now."""
        with self._store.begin() as tx:
            job, now = _found(tx, e_id), tx.now()
        parts = Parts(self._store)
        told = parts.read("What happened", lambda tx: _story(tx, job))
        around = parts.read("What is around it", lambda tx: self._around(tx, job))
        return render(
            "console/job.html",
            409 if refused else 200,
            now=now,
            job=job,
            trace=id_of(job.trace) if job.trace else None,
            told=told,
            entries=entries_of(told.value) if told.value else (),
            around=around,
            letter=parts.read("Its dead letter", lambda tx: tx.views.letter_of_job(job.e_id)),
            refused=refused,
            # Where a deed was refused a renewal would ask for another page.
            renewal_seconds=0 if refused or job.status in ENDED else _RENEWAL_SECONDS,
            **self._deeds(job, told, around, now=now),
        )

    def _around(self, tx: Transaction, job: EmailJob) -> Around:
        held = tx.configurations.get(job.configuration_id)
        assert held is not None, "configurations are never deleted"
        names = names_for(held.slug, held.from_local_part, self._zone_name)
        entry = tx.suppressions.active_among(job.tenant_id, [job.recipient]).get(job.recipient)
        return Around(Behind(held, tx.account.paused_until()), names, entry)

    def _deeds(
        self, job: EmailJob, told: Part[Story], around: Part[Around], *, now: datetime
    ) -> dict[str, Any]:
        behind = around.value.behind if around.value else None
        decidable_at = decision.decidable_from(job, self._doubt_limit)
        return {
            "sentences": sentences(job, behind, decidable_at=decidable_at, now=now),
            "choices": choices_of(behind, decidable_at=decidable_at, now=now),
            "resolution": resolution_of(job, told.value.events if told.value else None),
        }

    @deed("Decide what became of a job in doubt")
    def decide(self, e_id: UUID, verdict: str) -> Response:
        if verdict not in set(decision.Verdict):
            raise NotFound
        wanted = _decision(decision.Verdict(verdict))
        tenant_id, limit = self._tenant_of(e_id), self._doubt_limit
        try:
            result = decision.decide(self._ports, tenant_id, e_id, wanted, doubt_limit=limit)
        except Conflict:
            return self._show(e_id, refused="It changed meanwhile. Nothing was done.")
        if not isinstance(result, decision.Decided):
            return self._show(e_id, refused=_why_not(result))
        record_doubts(f"decided_{verdict}", 1)
        return _kept(result.job)

    @deed("Resolve a job whose events contradict one another")
    def resolve(self, e_id: UUID) -> Response:
        author, why, expected = who().name, reason(), shown_version()
        tenant_id = self._tenant_of(e_id)
        try:
            result = resolution.resolve(
                self._ports, tenant_id, e_id, author=author, reason=why, expected_version=expected
            )
        except Conflict:
            return self._show(
                e_id, refused="It changed meanwhile, or no event tells of it. Nothing was done."
            )
        if not isinstance(result, resolution.Resolved):
            return self._show(e_id, refused="Its events do not contradict one another. Nothing was done.")
        return _kept(result.job)

    def _tenant_of(self, e_id: UUID) -> UUID:
        with self._store.begin() as tx:
            return _found(tx, e_id).tenant_id


def _found(tx: Transaction, e_id: UUID) -> EmailJob:
    job = tx.views.job(e_id)
    if job is None:
        raise NotFound
    return job


def _story(tx: Transaction, job: EmailJob) -> Story:
    return Story(
        job=job,
        attempts=tx.jobs.attempts(job.tenant_id, job.e_id),
        actions=tx.jobs.actions(job.tenant_id, job.e_id),
        events=tx.events.for_job(job.tenant_id, job.e_id),
    )


def _decision(verdict: decision.Verdict) -> decision.Decision:
    """Of the form. Raises `InvalidValue`."""
    asked = Asked(request.form)
    claim_id, message_id = asked.id("claim"), asked.text("message_id")
    asked.require()
    if claim_id is None:
        raise InvalidValue("claim", "load the page again, and decide by what it shows")
    if len(message_id) > _MESSAGE_ID_MAX or not message_id.isprintable():
        raise InvalidValue("message id", f"give at most {_MESSAGE_ID_MAX} printable characters, or none")
    return decision.Decision(
        verdict=verdict,
        author=who().name,
        reason=reason(),
        provider_message_id=message_id or None if verdict is decision.Verdict.SENT else None,
        claim_id=claim_id,
    )


def _why_not(
    result: decision.NotInDoubt | decision.StillLooking | decision.CannotResend | None,
) -> str:
    match result:
        case decision.StillLooking(moment):
            return f"Workers still ask the provider: decide from {utc(moment)} on. Nothing was done."
        case decision.CannotResend(word):
            return f"Nothing may wait behind its configuration ({word}): decide otherwise. Nothing was done."
    return "It is not in doubt any more. Nothing was done."


def _kept(job: EmailJob) -> Response:
    said = f"It is {job.status.value} now. Your name and your reason are kept with it."
    return done(said, to=url_for("console.job", e_id=job.e_id))
