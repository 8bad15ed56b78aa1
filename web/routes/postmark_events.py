"""`/job/postmark-events`: the provider's callbacks.

The provider redelivers after 5xx and drops an event for good after any other answer than 200. So whoever is who he says
gets 200 as soon as the event is stored, whatever is in it, and 503 when it could not be stored.
"""

from flask import Blueprint, Response, request

from shared.bootstrap import Container
from shared.ports.events import EventHeaders
from shared.telemetry.metrics import record_webhook_received, record_webhook_rejected
from web import BASE
from web.auth import unauthorized
from web.body import parse, read_bytes
from web.intake import events as intake
from web.operation import Access, Operation, operation
from web.problems import Problem

ROUTING_HEADER = "X-Email-Routing-Token"
_MARK_MAX = 255


class PostmarkEventRoutes:
    def __init__(self, container: Container) -> None:
        self._limits = container.settings.ingress
        self._ports = intake.EventPorts(
            container.store, container.doorbell, container.event_reader, container.new_id
        )

    def blueprint(self) -> Blueprint:
        routes = Blueprint("postmark_events", __name__, url_prefix=f"{BASE}/job/postmark-events")
        routes.post("")(self.receive)
        return routes

    @operation(
        Operation(
            summary="Take one event of the provider",
            access=Access.PROVIDER,
            answers={200: None},
            headers={ROUTING_HEADER: "names the configuration whose events these are"},
            problems=("invalid_json", "invalid_fields", "body_too_large"),
        )
    )
    def receive(self) -> Response:
        source = self._source()
        raw = self._raw()
        stored = intake.store(self._ports, source, raw, _marks())
        record_webhook_received(kind=stored.kind.value, duplicate=stored.duplicate)
        return Response("{}", content_type="application/json")

    def _source(self) -> intake.Source:
        source = intake.source_of(self._ports, request.headers.get(ROUTING_HEADER, ""))
        if source is None:
            record_webhook_rejected("auth_mismatch")
            raise unauthorized()
        return source

    def _raw(self) -> str:
        """The text exactly as received, once it is known to be JSON of bearable depth that a text column can hold."""
        try:
            received = read_bytes(self._limits.event_bytes_max)
            parse(received, depth_max=self._limits.depth_max)
        except Problem as problem:
            record_webhook_rejected(problem.code)
            raise
        return received.decode("utf-8")


def _marks() -> EventHeaders:
    return EventHeaders(
        trace_id=_mark("X-PM-Webhook-Trace-Id"),
        event_id=_mark("X-PM-Webhook-Event-Id"),
        retries_remaining=_mark("X-PM-Retries-Remaining"),
    )


def _mark(header: str) -> str | None:
    sent = request.headers.get(header)
    return sent[:_MARK_MAX] if sent and sent.isprintable() else None
