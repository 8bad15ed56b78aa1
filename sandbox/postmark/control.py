"""The control API: what tests and operators may do that Postmark's customers may not."""

import json
import logging
import uuid
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from aiohttp import web
from pydantic import BaseModel, ValidationError

from sandbox.postmark import control_models, outcomes
from sandbox.postmark.assembly import Simulator
from sandbox.postmark.dates import zulu
from sandbox.postmark.dns import canonical
from sandbox.postmark.entities import TRIGGERS, Json, Server
from sandbox.postmark.fault_rules import ANY_RULE, RuleSet
from sandbox.postmark.servers import show as show_server
from sandbox.postmark.settings import Settings

M = TypeVar("M", bound=BaseModel)
_PAGE = 10_000
log = logging.getLogger(__name__)


class Refused(Exception):
    def __init__(self, message: str, *, status: int = 400, details: Any = None) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"error": message, "details": details or []}


class Control:
    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator
        self._world = simulator.world
        self._routes: list[tuple[str, str, Callable[[web.Request], Awaitable[Any]]]] = [
            ("GET", "/", self.help),
            ("GET", "/faults", self.get_faults),
            ("PUT", "/faults", self.replace_faults),
            ("POST", "/faults", self.add_fault),
            ("DELETE", "/faults", self.clear_faults),
            ("DELETE", "/faults/{id}", self.remove_fault),
            ("GET", "/settings", self.get_settings),
            ("PATCH", "/settings", self.change_settings),
            ("GET", "/clock", self.get_clock),
            ("POST", "/clock", self.change_clock),
            ("POST", "/settle", self.settle),
            ("GET", "/dns", self.get_dns),
            ("PUT", "/dns", self.replace_dns),
            ("POST", "/dns", self.add_dns),
            ("DELETE", "/dns/{name}", self.remove_dns),
            ("GET", "/ledger", self.get_ledger),
            ("GET", "/ledger/summary", self.get_ledger_summary),
            ("GET", "/webhook-attempts", self.get_attempts),
            ("GET", "/state", self.get_state),
            ("POST", "/signatures/{id}/confirm", self.confirm_signature),
            ("POST", "/servers/{id}/allow-delete", self.allow_delete),
            ("POST", "/servers/{id}/replace-token", self.replace_token),
            ("POST", "/events", self.fire_event),
            ("POST", "/reset", self.reset),
        ]

    def application(self) -> web.Application:
        app = web.Application(middlewares=[_as_json])
        for method, path, handler in self._routes:
            app.router.add_route(method, path, handler)  # the middleware makes the responses
        return app

    async def help(self, _: web.Request) -> Json:
        """This list."""
        routes = [
            {"method": method, "path": path, "does": (handler.__doc__ or "").strip()}
            for method, path, handler in self._routes
        ]
        return {
            "routes": routes,
            "faults": RuleSet.model_json_schema(),
            "settings": Settings.model_json_schema(),
        }

    async def get_faults(self, _: web.Request) -> Json:
        """The fault rules, with how often each matched and fired."""
        return self._world.faults.show()

    async def replace_faults(self, request: web.Request) -> Json:
        """Replace all fault rules: {"seed": 0, "rules": [{"kind": ...}]}."""
        rules = await _body(request, RuleSet)
        if len(ids := [rule.id for rule in rules.rules if rule.id]) > len(set(ids)):
            raise Refused("two rules have the same id")
        self._world.faults.replace(rules)
        await self._simulator.apply_faults()
        return self._world.faults.show()

    async def add_fault(self, request: web.Request) -> Json:
        """Add one fault rule: {"kind": ...}."""
        try:
            rule_id = self._world.faults.add(ANY_RULE.validate_python(await _json(request)))
        except ValidationError as error:
            raise _invalid(error) from error
        except ValueError as error:
            raise Refused(str(error)) from error
        await self._simulator.apply_faults()
        return {"id": rule_id}

    async def clear_faults(self, _: web.Request) -> Json:
        """Remove all fault rules."""
        self._world.faults.replace(RuleSet())
        await self._simulator.apply_faults()
        return self._world.faults.show()

    async def remove_fault(self, request: web.Request) -> Json:
        """Remove one fault rule."""
        if not self._world.faults.remove(request.match_info["id"]):
            raise Refused("no such rule", status=404)
        await self._simulator.apply_faults()
        return self._world.faults.show()

    async def get_settings(self, _: web.Request) -> Json:
        """Standing behaviour."""
        return self._world.settings.model_dump(mode="json")

    async def change_settings(self, request: web.Request) -> Json:
        """Change the settings that are named."""
        given = await _json(request)
        if not isinstance(given, dict):
            raise Refused("the body must be a JSON object")
        try:
            changed = Settings.model_validate({**self._world.settings.model_dump(), **given})
        except ValidationError as error:
            raise _invalid(error) from error
        for name, value in changed:
            setattr(self._world.settings, name, value)
        self._world.store.put("settings", "all", changed.model_dump(mode="json"))
        return changed.model_dump(mode="json")

    async def get_clock(self, _: web.Request) -> Json:
        """The simulated time and its scale."""
        now = self._world.clock.now()
        return {
            "now": zulu(now),
            "now_seconds": now,
            "time_scale": self._world.clock.scale,
        }

    async def change_clock(self, request: web.Request) -> Json:
        """Set the scale, push time forward: {"time_scale", "advance_seconds", "settle": true}."""
        change = await _body(request, control_models.ClockChange)
        self._world.clock.change(scale=change.time_scale, advance_seconds=change.advance_seconds)
        self._world.timetable.clock_changed()
        settled = await self._simulator.settle(change.timeout_seconds) if change.settle else None
        return {**await self.get_clock(request), "settled": settled}

    async def settle(self, request: web.Request) -> Json:
        """Wait until nothing is due now and no webhook is being posted: {"timeout_seconds"}."""
        wanted = await _body(request, control_models.Settle)
        return {"settled": await self._simulator.settle(wanted.timeout_seconds)}

    async def get_dns(self, _: web.Request) -> Json:
        """The DNS table, and whether it is asked (not with --dns-url)."""
        return {
            "in_use": self._world.zone is self._world.dns_table,
            "records": self._world.dns_table.records,
        }

    async def replace_dns(self, request: web.Request) -> Json:
        """Replace the DNS table: {"records": [{"name", "type", "value"}]}."""
        table = await _body(request, control_models.DnsTable)
        return self._set_dns([record.model_dump() for record in table.records])

    async def add_dns(self, request: web.Request) -> Json:
        """Add one record: {"name", "type", "value"}; a TXT value is quoted."""
        record = await _body(request, control_models.DnsRecord)
        return self._set_dns([*self._world.dns_table.records, record.model_dump()])

    async def remove_dns(self, request: web.Request) -> Json:
        """Remove all records of a name."""
        name = canonical(request.match_info["name"])
        return self._set_dns([row for row in self._world.dns_table.records if canonical(row["name"]) != name])

    def _set_dns(self, records: list[dict[str, str]]) -> Json:
        self._world.dns_table.records = records
        self._world.store.put("dns", "all", {"records": records})
        return {"records": records}

    async def get_ledger(self, request: web.Request) -> Json:
        """Accepted messages: ?since=SEQ&limit=N, any other parameter is a metadata value to have."""
        query = dict(request.query)
        since, limit = (
            _number(query.pop("since", "0")),
            _number(query.pop("limit", str(_PAGE))),
        )
        entries = self._world.ledger.find(since=since, limit=limit, **query)
        return {
            "entries": entries,
            "accepted": len(self._world.ledger.entries),
            "last_seq": self._world.ledger.last_seq,
        }

    async def get_ledger_summary(self, request: web.Request) -> Json:
        """Counts, and values of a metadata key accepted more than once: ?key=job."""
        return self._world.ledger.summary(_query(request, "key").get("key", "job"))

    async def get_attempts(self, request: web.Request) -> Json:
        """Every webhook attempt with its status: ?since=SEQ&limit=N&webhook_id=&message_id=."""
        query = _query(request, "since", "limit", "webhook_id", "message_id")
        since, limit = (
            _number(query.pop("since", "0")),
            _number(query.pop("limit", str(_PAGE))),
        )
        entries = self._world.attempts.entries[since:]
        found = [row for row in entries if all(str(row[name]) == value for name, value in query.items())]
        return {"attempts": found[:limit], "total": len(self._world.attempts.entries)}

    async def get_state(self, _: web.Request) -> Json:
        """Counts of everything, and what is on its way."""
        state, world = self._world.state, self._world
        kinds = (
            "servers",
            "domains",
            "signatures",
            "webhooks",
            "messages",
            "bounces",
            "suppressions",
            "deliveries",
        )
        counts = {kind: len(getattr(state, kind)) for kind in kinds}
        waiting = {
            "scheduled": world.timetable.waiting,
            "dispatcher_idle": world.dispatcher.is_idle,
        }
        return {
            **counts,
            **waiting,
            "accepted": len(world.ledger.entries),
            "attempts": len(world.attempts.entries),
        }

    async def confirm_signature(self, request: web.Request) -> Json:
        """What a person does who follows the link in the confirmation mail."""
        signature = self._world.state.signatures.get(_number(request.match_info["id"]))
        if signature is None:
            raise Refused("no such signature", status=404)
        signature.confirmed = True
        self._world.state.signatures.put(signature)
        return {"id": signature.id, "confirmed": True}

    async def allow_delete(self, request: web.Request) -> Json:
        """Let DELETE /servers/{id} work for this server: {"allowed": true}."""
        server, wanted = (
            self._server(request),
            await _body(request, control_models.AllowDelete),
        )
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
        server = self._world.state.servers.get(_number(request.match_info["id"]))
        if server is None:
            raise Refused("no such server", status=404)
        return server

    async def fire_event(self, request: web.Request) -> Json:
        """Let an event happen to a message, or post any body to one webhook."""
        wanted = await _body(request, control_models.FireEvent)
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
        payload = wanted.payload or {}
        if hook is None:
            raise Refused("no such webhook", status=404)
        known = {str(name): name for name in TRIGGERS}
        named = known.get(str(payload.get("RecordType")), "Delivery")  # an unknown type still needs a ladder
        trigger = wanted.trigger or named
        return self._world.dispatcher.publish_raw(hook, trigger, payload)

    async def reset(self, _: web.Request) -> Json:
        """Forget everything but the ports and the account token; the old ledger is kept under a number."""
        await self._simulator.reset()
        return await self.get_state(_)


@web.middleware
async def _as_json(request: web.Request, handler: Callable[[web.Request], Awaitable[Any]]) -> web.Response:
    try:
        return web.json_response(await handler(request))
    except Refused as refusal:
        return web.json_response(refusal.body, status=refusal.status)
    except web.HTTPException as refusal:
        return web.json_response({"error": refusal.reason, "details": []}, status=refusal.status)


async def _json(request: web.Request) -> Any:
    raw = await request.read()
    try:
        return json.loads(raw) if raw.strip() else {}
    except ValueError as error:
        raise Refused("the body is not JSON") from error


async def _body(request: web.Request, model: type[M]) -> M:
    try:
        return model.model_validate(await _json(request))
    except ValidationError as error:
        raise _invalid(error) from error


def _invalid(error: ValidationError) -> Refused:
    details = [{"at": ".".join(map(str, row["loc"])), "problem": row["msg"]} for row in error.errors()]
    return Refused("the body is not valid", details=details)


def _query(request: web.Request, *known: str) -> dict[str, str]:
    if unknown := set(request.query) - set(known):
        raise Refused(f"unknown query parameters: {', '.join(sorted(unknown))}")
    return dict(request.query)


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise Refused(f"{text!r} is not a number")
    return int(text)
