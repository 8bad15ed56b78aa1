"""`/configuration/{eId}/webhook` and `.../catch-up`: does the provider still tell us, and what has it not told us?"""

from typing import Annotated
from uuid import UUID

from flask import Blueprint, Response
from pydantic import Field

from shared.bootstrap import Container
from shared.domain.gap import Gap
from shared.domain.webhook import WebhookReport, WebhookState
from web import as_of
from web.answers import answer
from web.auth import caller
from web.body import read_object
from web.examples import callbacks as examples
from web.intake import callbacks as intake
from web.intake.keys import Which
from web.moments import milliseconds, milliseconds_or_none, moment_of
from web.operation import Operation, operation
from web.problems import BODY_PROBLEMS, Problem
from web.records import Moment, Output
from web.schemas import CatchUpInput, validated

_BYTES_MAX = 65_536


class WebhookPayload(Output):
    """`state` null before the first look; `key` null without a webhook. Requests and failures are of 24 hours."""

    state: WebhookState | None
    since: Moment | None
    checked_at: Moment | None
    webhooks: int | None
    paused: list[str]
    requests: int | None
    failures: int | None
    reverified: bool | None
    fault: str | None
    key: Which | None


class GapPayload(Output):
    """`found` counts events that were new; `fault` with `finishedAt`: it ended unfinished."""

    e_id: UUID
    from_: Annotated[Moment, Field(serialization_alias="from")]
    until: Moment
    cause: str
    author: str
    found: int
    tries: int
    fault: str | None
    opened_at: Moment
    finished_at: Moment | None


class Gaps(Output):
    """Newest first, at most 100."""

    gaps: list[GapPayload]


class CallbackRoutes:
    def __init__(self, container: Container) -> None:
        self._depth_max = container.settings.ingress.depth_max
        self._ports = intake.CallbackPorts(container.store, container.settings.api_keys.valid())

    def add_to(self, routes: Blueprint) -> None:
        routes.get("/<uuid:e_id>/webhook")(self.webhook)
        routes.get("/<uuid:e_id>/catch-up")(self.gaps)
        routes.post("/<uuid:e_id>/catch-up")(self.catch_up)

    @operation(
        Operation(
            summary="Whether the provider still posts its events, as of the last look, and which key it shows",
            description=(
                "The provider gives a webhook up when it fails for long, for each type of events by itself. Looked at "
                "once an hour; requests and failures are the provider's own count of its last 24 hours."
            ),
            writes=False,
            answers={200: WebhookPayload},
            problems=("not_found", "invalid_fields"),
            examples=examples.WEBHOOK,
        )
    )
    def webhook(self, e_id: UUID) -> Response:
        as_of.refuse_moments()
        found = intake.webhook(self._ports, caller().tenant_id, e_id)
        if found is None:
            raise _no_configuration()
        return answer(_webhook(found))

    @operation(
        Operation(
            summary="Times in which events may have been lost, open and caught up",
            description="The last 100, the newest first.",
            writes=False,
            answers={200: Gaps},
            problems=("not_found", "invalid_fields"),
            examples=examples.GAPS,
        )
    )
    def gaps(self, e_id: UUID) -> Response:
        as_of.refuse_moments()
        found = intake.gaps(self._ports, caller().tenant_id, e_id)
        if found is None:
            raise _no_configuration()
        return answer(Gaps(gaps=[_gap(gap) for gap in found]))

    @operation(
        Operation(
            summary="Have the provider asked for the events of a time",
            description=(
                "For a time in which callbacks were refused or not taken. `until` is now when it is left out, and "
                "never in the future. A time that is being caught up already is answered as it is."
            ),
            body=CatchUpInput,
            answers={202: GapPayload},
            examples=examples.CATCH_UP,
            problems=(*BODY_PROBLEMS, "not_found", "not_provisioned"),
        )
    )
    def catch_up(self, e_id: UUID) -> Response:
        operator = caller()
        sent = validated(CatchUpInput, read_object(_BYTES_MAX, depth_max=self._depth_max))
        opened = intake.catch_up(
            self._ports,
            operator.tenant_id,
            e_id,
            from_at=moment_of(sent.from_),
            until_at=None if sent.until is None else moment_of(sent.until),
            author=operator.author,
            reason=sent.reason,
        )
        if opened is None:
            raise _no_configuration()
        if isinstance(opened, intake.NoWebhook):
            raise Problem("not_provisioned", "the configuration has no webhook, so no event can be missing")
        return answer(_gap(opened), 202)


def _no_configuration() -> Problem:
    return Problem("not_found", "the tenant has no such configuration")


def _webhook(found: intake.Webhook) -> WebhookPayload:
    report: WebhookReport | None = found.report
    health = report.health if report else None
    return WebhookPayload(
        state=health.state if health else None,
        since=milliseconds(report.since) if report else None,
        checked_at=milliseconds(report.checked_at) if report else None,
        webhooks=health.webhooks if health else None,
        paused=list(health.paused) if health else [],
        requests=health.requests if health else None,
        failures=health.failures if health else None,
        reverified=health.reverified if health else None,
        fault=health.fault if health else None,
        key=found.key,
    )


def _gap(gap: Gap) -> GapPayload:
    return GapPayload(
        e_id=gap.e_id,
        from_=milliseconds(gap.from_at),
        until=milliseconds(gap.until_at),
        cause=gap.cause,
        author=gap.author,
        found=gap.found,
        tries=gap.tries,
        fault=gap.fault,
        opened_at=milliseconds(gap.opened_at),
        finished_at=milliseconds_or_none(gap.finished_at),
    )
