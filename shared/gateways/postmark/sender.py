"""Sending: one batch call, whatever comes of it."""

from collections.abc import Sequence

from shared.domain.mail import Deferred, OutboundMessage, Outcome
from shared.gateways.postmark.classify import outcomes_of
from shared.gateways.postmark.payload import BATCH_MAX_BYTES, batch_of
from shared.gateways.postmark.wire import Wire
from shared.ports.store import outside_transaction


class PostmarkSender:
    """Implements `ports.mail.MailSender`."""

    def __init__(self, wire: Wire, *, batch_max_bytes: int = BATCH_MAX_BYTES) -> None:
        self._wire = wire
        self._batch_max_bytes = batch_max_bytes

    def send(
        self, server_token: str, messages: Sequence[OutboundMessage], *, not_after_monotonic: float
    ) -> list[Outcome]:
        """What one call cannot hold is `Deferred` as `batch_full`, due at once: never two calls."""
        outside_transaction()
        if not messages:
            return []
        batch = batch_of(messages, self._batch_max_bytes)
        exchange = self._wire.as_server(
            server_token, "POST", "/email/batch", body=batch.body, not_after_monotonic=not_after_monotonic
        )
        recipients = [message.recipient for message in messages[: batch.count]]
        left_out = Deferred("batch_full", "left for the next call", retry_after_seconds=0.0)
        left_out_count = len(messages) - batch.count
        return outcomes_of(exchange, recipients, server_token) + [left_out] * left_out_count
