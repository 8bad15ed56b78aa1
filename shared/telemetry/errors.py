"""Error reports, to whoever collects them. No vendor's name leaves this room.

Reported once each: what nobody expected, and findings of drift. Expected refusals are answers, not errors; that a
provider is away is told by logs and metrics. What a report may hold is in `scrubbing`.

Who reports what: the integrations report whatever leaves a handler of Dramatiq, a thread or the process, and whatever
Flask has no handler for. Where code of ours catches and records, it calls `report_fault` beside it.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import sentry_sdk
from sentry_sdk.integrations import Integration
from sentry_sdk.transport import HttpTransport

from shared.domain.errors import Conflict, InvalidValue, NotFound, ProviderUnavailable, StoreUnavailable
from shared.telemetry import scrubbing

if TYPE_CHECKING:
    from sentry_sdk.types import Breadcrumb, BreadcrumbHint, Event, Hint

EXPECTED = (InvalidValue, Conflict, NotFound, ProviderUnavailable)
# While the database is away every request, message and tick fails of it. By each process, one report in so long.
OUTAGE_SECONDS = 60.0
# A batch call of followed jobs is told job by job; the client's own limit is 100.
QUEUE_SIZE = 1000

# The client's own collecting, all of it off: `scrubbing` lets nothing of it through, and what is not collected costs
# nothing. It supersedes `send_default_pii`, which is off wherever it is not given, and deprecated.
_COLLECT_NOTHING: dict[str, Any] = {
    "user_info": False,
    "cookies": {"mode": "off"},
    "http_headers": {"request": {"mode": "off"}},
    "http_bodies": [],
    "url_query_params": {"mode": "off"},
    "graphql": {"document": False, "variables": False},
    "gen_ai": {"inputs": False, "outputs": False},
    "database_query_data": False,
    "queues": False,
    "stack_frame_variables": False,
    "frame_context_lines": 0,
}


def configure_errors(
    *,
    dsn: str | None,
    environment: str,
    release: str | None,
    sample_rate: float,
    traces_sample_rate: float,
    role: str,
) -> None:
    """Once a process, and before any broker is built: the integration gives its middleware to those built later.

    Without a DSN nothing is installed and nothing leaves. Rates are shares, 0 to 1; findings are told at any rate.
    """
    if not dsn:
        return
    sentry_sdk.init(
        dsn=dsn,
        environment=environment,
        # None would have the client ask git, in a process of its own.
        release=release or "",
        transport=_Courier,
        transport_queue_size=QUEUE_SIZE,
        error_sampler=_Sampler(sample_rate),
        # None, and not 0: then a caller's wish to be followed is not granted either.
        traces_sample_rate=traces_sample_rate or None,
        # Whoever shows no key does not fill the quota by asking to be followed.
        trace_ignore_status_codes={401},
        ignore_errors=EXPECTED,
        before_send=lambda event, _: _error(event, role),
        before_send_transaction=lambda event, _: _transaction(event, role),
        before_breadcrumb=_crumb,
        max_breadcrumbs=30,
        data_collection=_COLLECT_NOTHING,  # type: ignore[arg-type]
        max_request_body_size="never",
        include_local_variables=False,
        include_source_context=False,
        # Only those that are named. None for logging: the structured log is a stream of its own. None for argv, modules
        # and outgoing calls.
        default_integrations=False,
        auto_enabling_integrations=False,
        integrations=_integrations(),
        trace_propagation_targets=[],
        auto_session_tracking=False,
        # Or the environment would decide these.
        debug=False,
        spotlight=False,
    )


def report_fault(error: BaseException) -> None:
    """An error that code of ours caught and recorded. Expected ones are left out here as well."""
    if sentry_sdk.is_initialized():
        sentry_sdk.capture_exception(error)


def report_finding(tag: str, context: Mapping[str, object], *, fingerprint: Sequence[str]) -> None:
    """One event of level warning, named as the tag. Events of one fingerprint are one issue."""
    if not sentry_sdk.is_initialized():
        return
    sentry_sdk.capture_event(
        {
            "message": tag,
            "level": "warning",
            "tags": {"drift": tag},
            "contexts": {"drift": {name: _plain(value) for name, value in context.items()}},
            "fingerprint": list(fingerprint),
        }
    )


def flush(seconds: float) -> bool:
    """Waits so long at the most. False: something reported since the last flush was lost, or still waits.

    True as well where nothing is collected: there is nothing to wait for.
    """
    client = sentry_sdk.get_client()
    courier = client.transport
    if not isinstance(courier, _Courier):
        return True
    client.flush(timeout=seconds)
    waiting: list[int] = []
    client.flush(timeout=0.1, callback=lambda pending, _: waiting.append(pending))
    return courier.lost_since_asked() == 0 and not waiting


class _Courier(HttpTransport):
    """Counts what did not arrive: no connection, no 200, no room. The client itself says so to nobody."""

    def __init__(self, options: dict[str, Any]) -> None:
        self._lost = 0
        super().__init__(options)

    def on_dropped_event(self, _reason: str) -> None:
        self._lost += 1

    def lost_since_asked(self) -> int:
        lost, self._lost = self._lost, 0
        return lost


class _Sampler:
    """The share of an error's kind that is told. `event` is as it was captured."""

    def __init__(self, sample_rate: float, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._sample_rate = sample_rate
        self._monotonic = monotonic
        self._outage_told_at = -OUTAGE_SECONDS

    def __call__(self, event: "Event", hint: "Hint") -> float:
        if "drift" in event.get("tags", ()):
            return 1.0
        kind, *_ = hint.get("exc_info") or (None,)
        if kind is not None and issubclass(kind, StoreUnavailable):
            return float(self._sample_rate > 0 and self._is_news())
        return self._sample_rate

    def _is_news(self) -> bool:
        now = self._monotonic()
        if now - self._outage_told_at < OUTAGE_SECONDS:
            return False
        self._outage_told_at = now
        return True


def _integrations() -> list[Integration]:
    # Here and not above: they import Flask, which most processes do not need, and none that reports nothing.
    from sentry_sdk.integrations.atexit import AtexitIntegration  # noqa: PLC0415
    from sentry_sdk.integrations.dedupe import DedupeIntegration  # noqa: PLC0415
    from sentry_sdk.integrations.dramatiq import DramatiqIntegration  # noqa: PLC0415
    from sentry_sdk.integrations.excepthook import ExcepthookIntegration  # noqa: PLC0415
    from sentry_sdk.integrations.flask import FlaskIntegration  # noqa: PLC0415
    from sentry_sdk.integrations.sqlalchemy import SqlalchemyIntegration  # noqa: PLC0415
    from sentry_sdk.integrations.threading import ThreadingIntegration  # noqa: PLC0415

    return [
        # No method: `tracing` begins a request's transaction, once its route is known.
        FlaskIntegration(transaction_style="url", http_methods_to_capture=()),
        DramatiqIntegration(),
        SqlalchemyIntegration(),
        ExcepthookIntegration(),
        ThreadingIntegration(propagate_scope=False),
        DedupeIntegration(),
        # Its own callback prints.
        AtexitIntegration(callback=lambda _pending, _seconds: None),
    ]


def _error(event: "Event", role: str) -> "Event | None":
    return scrubbing.error_of(event, role=role)  # type: ignore[return-value]


def _transaction(event: "Event", role: str) -> "Event | None":
    return scrubbing.transaction_of(event, role=role)  # type: ignore[return-value]


def _crumb(crumb: "Breadcrumb", _hint: "BreadcrumbHint") -> "Breadcrumb | None":
    return scrubbing.crumb_of(crumb)


def _plain(value: object) -> object:
    return value if isinstance(value, str | int | float | None) else str(value)
