"""`/job/postmark-events`: the provider's callbacks.

The provider redelivers after 5xx and drops an event for good after any other answer than 200. So whoever is who he says
gets 200 as soon as the event is stored, whatever is in it, and 503 when it could not be stored.
"""

from flask import Blueprint, Response, request
from pydantic import BaseModel, ConfigDict
from werkzeug.datastructures import Headers

from shared.bootstrap import Container
from shared.ports.events import EventHeaders
from shared.telemetry.metrics import record_webhook_received, record_webhook_rejected
from web import BASE
from web.auth import unauthorized
from web.body import read_event
from web.examples import events as examples
from web.intake import events as intake
from web.notes import Notes
from web.operation import Access, Operation, operation
from web.problems import Problem
from web.records import Output

ROUTING_HEADER = "X-Email-Routing-Token"
_MARK_MAX = 255


class EventInput(BaseModel):
    """Any JSON object: what it says is the provider's to choose."""

    model_config = ConfigDict(extra="allow")


class Stored(Output):
    """Nothing: the provider looks at the status."""


class PostmarkEventRoutes:
    def __init__(self, container: Container, notes: Notes) -> None:
        self._notes = notes
        self._limits = container.settings.ingress
        self._ports = intake.EventPorts(
            container.store, container.arrivals, container.doorbell, container.event_reader, container.new_id
        )

    def blueprint(self) -> Blueprint:
        routes = Blueprint("postmark_events", __name__, url_prefix=f"{BASE}/job/postmark-events")
        routes.post("")(self.receive)
        return routes

    @operation(
        Operation(
            summary="Take one event of the provider",
            description=(
                "`200` as soon as the event is stored, whatever is in it. The provider sends it again after a `503` "
                "and drops it for good after anything else. What the event means is found out later, by a worker."
            ),
            access=Access.PROVIDER,
            body=EventInput,
            answers={200: Stored},
            examples=examples.RECEIVE,
            headers={ROUTING_HEADER: "Names the configuration whose events these are."},
            problems=("invalid_json", "invalid_fields", "body_cut", "body_too_large"),
        )
    )
    def receive(self) -> Response:
        headers = request.headers
        token = headers.get(ROUTING_HEADER, "")
        stored = intake.store(self._ports, token, self._event(token), _marks(headers))
        if stored is None:
            raise _unknown()
        record_webhook_received(kind=stored.kind.value, duplicate=stored.duplicate)
        self._notes.ingress_is_there()
        return Response("{}", content_type="application/json")

    def _event(self, token: str) -> str:
        """Who has no token is told that, whatever is wrong with the body."""
        try:
            return read_event(self._limits.event_bytes_max, depth_max=self._limits.depth_max)
        except Problem as problem:
            if not intake.knows(self._ports, token):
                raise _unknown() from None
            record_webhook_rejected(problem.code)
            raise


def _unknown() -> Problem:
    record_webhook_rejected("auth_mismatch")
    return unauthorized()


def _marks(headers: Headers) -> EventHeaders:
    return EventHeaders(
        trace_id=_mark(headers.get("X-PM-Webhook-Trace-Id")),
        event_id=_mark(headers.get("X-PM-Webhook-Event-Id")),
        retries_remaining=_mark(headers.get("X-PM-Retries-Remaining")),
    )


def _mark(sent: str | None) -> str | None:
    return sent[:_MARK_MAX] if sent and sent.isprintable() else None
