"""For whoever runs the module: is it alive, can it work, what does it count."""

from flask import Blueprint, Response

from shared.bootstrap import Container
from shared.domain.errors import StoreUnavailable
from shared.telemetry.exposition import render
from web.notes import Notes
from web.operation import Access, Operation, operation

_TEXT = "text/plain"
_RETRY_AFTER_SECONDS = "5"


class HealthRoutes:
    def __init__(self, container: Container, notes: Notes) -> None:
        self._store = container.store
        self._notes = notes

    def blueprint(self) -> Blueprint:
        routes = Blueprint("health", __name__)
        routes.get("/healthz")(self.alive)
        routes.get("/readyz")(self.ready)
        routes.get("/metrics")(self.metrics)
        return routes

    @operation(
        Operation(
            summary="The process answers",
            access=Access.PUBLIC,
            writes=False,
            answers={200: None},
            answer_text=_TEXT,
        )
    )
    def alive(self) -> Response:
        return Response("alive\n", content_type=_TEXT)

    @operation(
        Operation(
            summary="The database answers too",
            description="The broker need not: without it jobs are accepted all the same, and sent a little later.",
            access=Access.PUBLIC,
            writes=False,
            answers={200: None, 503: None},
            meanings={503: "The database does not answer."},
            answer_headers={503: {"Retry-After": "Seconds to wait before another try."}},
            answer_text=_TEXT,
        )
    )
    def ready(self) -> Response:
        """Postgres alone: without the broker jobs are accepted all the same, and found by the sweep."""
        try:
            self._store.ping()
        except StoreUnavailable:
            return Response(
                "the database does not answer\n",
                503,
                headers={"Retry-After": _RETRY_AFTER_SECONDS},
                content_type=_TEXT,
            )
        self._notes.ingress_is_there()
        return Response("ready\n", content_type=_TEXT)

    @operation(
        Operation(
            summary="What the process has counted, for Prometheus",
            access=Access.PUBLIC,
            writes=False,
            answers={200: None},
            answer_text=_TEXT,
        )
    )
    def metrics(self) -> Response:
        body, content_type = render()
        return Response(body, content_type=content_type)
