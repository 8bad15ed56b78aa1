"""Control routes about what the account holds: ledger, attempts, and what a person or support would do."""

import uuid
from typing import Any

from aiohttp import web

from sandbox.postmark import control_models, ledger, outcomes
from sandbox.postmark.control_http import ControlRoute, Refused, known_query, number, read_body
from sandbox.postmark.dates import zulu
from sandbox.postmark.entities import TRIGGERS, Json, Server, Trigger
from sandbox.postmark.servers import show as show_server
from sandbox.postmark.world import World

PAGE = 10_000


class Records:
    def __init__(self, world: World) -> None:
        self._world = world
        self.routes = [
            ControlRoute("GET", "/state", self.get_state),
            ControlRoute("GET", "/ledger", self.get_ledger),
            ControlRoute("GET", "/ledger/summary", self.get_ledger_summary),
            ControlRoute("GET", "/webhook-attempts", self.get_attempts),
            ControlRoute("POST", "/signatures/{id}/confirm", self.confirm_signature),
            ControlRoute("POST", "/servers/{id}/allow-delete", self.allow_delete),
            ControlRoute("POST", "/servers/{id}/replace-token", self.replace_token),
            ControlRoute("POST", "/events", self.fire_event),
        ]

    async def get_state(self, _: web.Request) -> dict[str, Any]:
        """Counts of everything, and what is on its way."""
        return self._world.counts()

    async def get_ledger(self, request: web.Request) -> Json:
        """Accepted messages: ?since=SEQ&limit=N; any other parameter is a metadata value they must have."""
        wanted = dict(request.query)
        since, limit = number(wanted.pop("since", "0")), number(wanted.pop("limit", str(PAGE)))
        later = self._world.state.messages.after(since)
        found = [message for message in later if wanted.items() <= message.metadata.items()][:limit]
        entries = [ledger.entry_of(message) for message in found]
        last_seq = self._world.ledger.last_seq
        return {"entries": entries, "accepted": len(self._world.state.messages), "last_seq": last_seq}

    async def get_ledger_summary(self, request: web.Request) -> Json:
        """Counts, and values of a metadata key that were accepted more than once: ?key=job."""
        key = known_query(request, "key").get("key", "job")
        return ledger.summary(self._world.state.messages.after(0), key)

    async def get_attempts(self, request: web.Request) -> Json:
        """Every webhook attempt with its status: ?since=SEQ&limit=N&webhook_id=&message_id=."""
        wanted = known_query(request, "since", "limit", "webhook_id", "message_id")
        since, limit = number(wanted.pop("since", "0")), number(wanted.pop("limit", str(PAGE)))
        entries = self._world.attempts.entries
        found = [
            row for row in entries[since:] if all(str(row[name]) == value for name, value in wanted.items())
        ]
        attempts = [{**row, "at": zulu(row["at_seconds"])} for row in found[:limit]]
        return {"attempts": attempts, "total": len(entries)}

    async def confirm_signature(self, request: web.Request) -> Json:
        """What a person does who follows the link in the confirmation mail."""
        signature = self._world.state.signatures.get(number(request.match_info["id"]))
        if signature is None:
            raise Refused("no such signature", status=404)
        signature.confirmed = True
        self._world.state.signatures.put(signature)
        return {"id": signature.id, "confirmed": True}

    async def allow_delete(self, request: web.Request) -> Json:
        """Let DELETE /servers/{id} work for this server: {"allowed": true}."""
        server, wanted = self._server(request), await read_body(request, control_models.AllowDelete)
        server.deletion_allowed = wanted.allowed
        self._world.state.servers.put(server)
        return {"id": server.id, "allowed": wanted.allowed}

    async def replace_token(self, request: web.Request) -> Json:
        """Give the server a new token; the old one is worth nothing from now on."""
        server = self._server(request)
        server.api_tokens = [str(uuid.uuid4())]
        self._world.state.servers.put(server)
        return show_server(server)

    def _server(self, request: web.Request) -> Server:
        server = self._world.state.servers.get(number(request.match_info["id"]))
        if server is None:
            raise Refused("no such server", status=404)
        return server

    async def fire_event(self, request: web.Request) -> Json:
        """Let an event happen to a message, or post any body to one webhook."""
        wanted = await read_body(request, control_models.FireEvent)
        deliveries = self._fire_raw(wanted) if wanted.payload is not None else self._fire(wanted)
        return {"deliveries": deliveries}

    def _fire(self, wanted: control_models.FireEvent) -> list[int]:
        message = self._world.state.messages.get((wanted.message_id or "").lower())
        if message is None:
            raise Refused("no such message", status=404)
        outcome = f"Bounce:{wanted.bounce_type}" if wanted.type == "Bounce" else str(wanted.type)
        recipient = wanted.recipient or message.recipients[0]
        return outcomes.happen(self._world, message, recipient, outcome, wanted.link)

    def _fire_raw(self, wanted: control_models.FireEvent) -> list[int]:
        hook = self._world.state.webhooks.get(wanted.webhook_id or 0)
        if hook is None:
            raise Refused("no such webhook", status=404)
        payload = wanted.payload or {}
        return self._world.dispatcher.publish_raw(hook, wanted.trigger or _trigger_of(payload), payload)


def _trigger_of(payload: Json) -> Trigger:
    """An unknown RecordType still needs a ladder."""
    return next((trigger for trigger in TRIGGERS if trigger == payload.get("RecordType")), "Delivery")
