"""What the stand-in for a collector was told: by the real client, over HTTP."""

from typing import Any

from sandbox.sentry import Receiver
from shared.telemetry.errors import configure_errors, flush

ENVIRONMENT = "Alpha002-dev"
RELEASE = "4f2a9c1"


class Collector:
    """`collect` has this process report to it, as each role does when it boots."""

    def __init__(self, receiver: Receiver) -> None:
        self.receiver = receiver

    def collect(self, **given: Any) -> None:
        settings = {
            "dsn": self.receiver.dsn,
            "environment": ENVIRONMENT,
            "release": RELEASE,
            "sample_rate": 1.0,
            "traces_sample_rate": 0.0,
            "role": "test",
        }
        configure_errors(**{**settings, **given})

    def events(self) -> list[dict[str, Any]]:
        return self._told("event")

    def transactions(self) -> list[dict[str, Any]]:
        return self._told("transaction")

    def text(self) -> str:
        """All that ever left."""
        self._all_is_here()
        return "\n".join(envelope.text for envelope in self.receiver.envelopes())

    def _told(self, type: str) -> list[dict[str, Any]]:
        self._all_is_here()
        return self.receiver.payloads(type)

    def _all_is_here(self) -> None:
        assert flush(10)


def kinds(event: dict[str, Any]) -> list[str]:
    """The classes of an event's exceptions, the last raised last."""
    return [exception["type"] for exception in event["exception"]["values"]]


def trace_of(event: dict[str, Any]) -> str:
    trace: str = event["contexts"]["trace"]["trace_id"]
    return trace
