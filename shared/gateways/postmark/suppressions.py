"""A server's own list of addresses that get no mail."""

import json
from collections.abc import Mapping, Sequence

from shared.domain.suppression import normalised
from shared.gateways.postmark.answers import readable
from shared.gateways.postmark.calls import JsonObject, answer_to_repeatable
from shared.gateways.postmark.entities import rows_of, text_of
from shared.gateways.postmark.wire import Wire
from shared.ports.mail import LIFT_MAX, STREAM

_NOT_NAMED = "the provider's answer does not name this address"


class PostmarkSuppressions:
    """Implements `ports.mail.SuppressionList`."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def lift(self, server_token: str, addresses: Sequence[str]) -> Mapping[str, str | None]:
        """Errors: `ValueError` for more than `LIFT_MAX`."""
        if len(addresses) > LIFT_MAX:
            raise ValueError(f"{len(addresses)} addresses at once, at most {LIFT_MAX}")
        if not addresses:
            return {}
        wanted = [{"EmailAddress": address} for address in dict.fromkeys(map(normalised, addresses))]
        exchange = self._wire.as_server(
            server_token,
            "POST",
            f"/message-streams/{STREAM}/suppressions/delete",
            body=json.dumps({"Suppressions": wanted}).encode(),
        )
        rows = rows_of(answer_to_repeatable(exchange, account=False), "Suppressions")
        answers = {normalised(text_of(row, "EmailAddress")): _answer(row, server_token) for row in rows}
        return {address: answers.get(normalised(address), _NOT_NAMED) for address in addresses}


def _answer(row: JsonObject, server_token: str) -> str | None:
    """HTTP 200 says nothing of the single address. What is not said to be off the list is on it."""
    status = text_of(row, "Status")
    if status.lower() == "deleted":
        return None
    return readable(row.get("Message"), server_token) or f"status {status or 'missing'} without a text"
