"""One call to the Postmark paths, from routing to the bytes of the answer, faults included."""

import asyncio
import json
import logging
from typing import Any

from aiohttp import ClientPayloadError, web

from sandbox.postmark import (
    auth,
    bounces,
    domains,
    fault_rules,
    messages,
    senders,
    sending,
    servers,
    streams,
    suppressions,
    webhooks,
    wire,
)
from sandbox.postmark.errors import ApiError, TooLarge
from sandbox.postmark.faults import Scope
from sandbox.postmark.ids import new_uuid
from sandbox.postmark.routing import Call, Route, Router
from sandbox.postmark.wire import Answer
from sandbox.postmark.world import World

_MODULES = (servers, senders, domains, webhooks, sending, messages, bounces, streams, suppressions)
_JSON_TYPES = ("application/json", "text/json", "text/x-json")
_DELAYED = "Message accepted, but delivery may be delayed."
_REQUEST_FAULTS = tuple(dict.fromkeys((*fault_rules.BEFORE_ACCEPTANCE, *fault_rules.AFTER_ACCEPTANCE)))

log = logging.getLogger(__name__)


class PostmarkApi:
    def __init__(self, world: World) -> None:
        self._world = world
        self._router = Router(route for module in _MODULES for route in module.ROUTES)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        methods, params = self._router.find(request.path)
        route = methods.get(request.method)
        server = auth.caller(self._world, request.headers)
        endpoint = route.template if route else request.path
        scope = Scope(endpoint, request.path, request.method, server.id if server else None)
        await self._wait_latency(scope)
        fault = self._world.faults.first(scope, *_REQUEST_FAULTS)
        kind = fault.model_dump()["kind"] if fault else None
        request_id = new_uuid(self._world.rng)
        call = Call(
            self._world, request_id, params, _query(request), caller=server, endpoint=endpoint, fault=kind
        )
        if fault is not None and not _is_accepting(fault):
            self._world.store.commit()  # the counts of the rules
            return await _refuse(request, call, route, fault)
        answer = await self._answer(request, call, methods, route)
        return await _shape(request, call, answer, fault)

    async def _wait_latency(self, scope: Scope) -> None:
        rules = self._world.faults.every(scope, fault_rules.Latency)
        if rules:
            await asyncio.sleep(sum(rule.seconds.draw(self._world.rng) for rule in rules))

    async def _answer(
        self, request: web.Request, call: Call, methods: dict[str, Route], route: Route | None
    ) -> Answer:
        if route is None:
            return Answer(405 if methods else 404, None)
        try:
            auth.check(self._world, route, request.headers, call.caller)
            _check_content_headers(request)
            call.body = await _read_json(request, route.max_bytes)
            return Answer(200, await route.handler(call))
        except ApiError as refusal:
            return Answer(refusal.status, refusal.body, {"X-PM-ApiErrorCode": str(refusal.code)})
        except TooLarge:
            return wire.html_page(413, "Request Entity Too Large")
        except (ConnectionError, ClientPayloadError):
            return Answer(400, None)  # the caller went away while sending
        except Exception:  # our own fault is told as Postmark tells of its own, and logged
            log.exception("call %s %s failed", request.method, call.endpoint)
            text = f"An unexpected error occurred. Error id {call.request_id}."
            return Answer(500, {"ErrorCode": 101, "Message": text}, {"X-PM-ApiErrorCode": "101"})
        finally:
            self._world.store.commit()


def _query(request: web.Request) -> dict[str, str]:
    return {name.lower(): value for name, value in request.query.items()}


def _is_accepting(fault: fault_rules.Rule) -> bool:
    if isinstance(fault, fault_rules.Hang | fault_rules.Respond):
        return fault.accept
    return isinstance(fault, fault_rules.AFTER_ACCEPTANCE)


def _check_content_headers(request: web.Request) -> None:
    text = "Content-Type and Accept headers must be set to application/json, text/json, or text/x-json."
    accept = request.headers.get("Accept", "").lower()
    accepts = any(kind in accept for kind in (*_JSON_TYPES, "*/*", "application/*", "text/*"))
    if not accepts or (request.body_exists and request.content_type.lower() not in _JSON_TYPES):
        raise ApiError(409, text, status=415)


async def _read_json(request: web.Request, max_bytes: int) -> Any:
    if (request.content_length or 0) > max_bytes:
        raise TooLarge
    try:
        raw = await request.read()
    except web.HTTPRequestEntityTooLarge as error:
        raise TooLarge from error
    if len(raw) > max_bytes:
        raise TooLarge
    try:
        return json.loads(raw) if raw.strip() else None
    except ValueError as error:
        raise ApiError(402, "The request body is not valid JSON.") from error


async def _refuse(
    request: web.Request, call: Call, route: Route | None, fault: fault_rules.Rule
) -> web.StreamResponse:
    """The faults that accept nothing."""
    if isinstance(fault, fault_rules.Reset):
        return wire.reset(request)
    if isinstance(fault, fault_rules.Hang):
        return await _hang(request, fault)
    return wire.response(_refusal(route, fault), call.request_id)


def _refusal(route: Route | None, fault: fault_rules.Rule) -> Answer:
    if isinstance(fault, fault_rules.RateLimited):
        return Answer(429, None, {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)})
    if isinstance(fault, fault_rules.Unavailable):
        text = "Postmark is down for maintenance. Please try again later."
        return Answer(503, {"ErrorCode": 100, "Message": text}, {"X-PM-ApiErrorCode": "100"})
    if isinstance(fault, fault_rules.RevokedToken):
        text = f"Request does not contain a valid {route.token if route else 'Server'} token."
        return Answer(401, {"ErrorCode": 10, "Message": text}, {"X-PM-ApiErrorCode": "10"})
    assert isinstance(fault, fault_rules.Respond)
    return _at_will(fault)


def _at_will(fault: fault_rules.Respond) -> Answer:
    kind = "text/plain" if isinstance(fault.body, str) else "application/json"
    return Answer(fault.status, fault.body or None, fault.headers, content_type=kind)


async def _hang(request: web.Request, fault: fault_rules.Hang) -> web.StreamResponse:
    """Silence until the time is over or the client closes, then a reset."""
    loop = asyncio.get_running_loop()
    end = None if fault.seconds is None else loop.time() + fault.seconds
    while (end is None or loop.time() < end) and request.transport and not request.transport.is_closing():
        await asyncio.sleep(0.05 if end is None else max(0.0, min(0.05, end - loop.time())))
    return wire.reset(request)


async def _shape(
    request: web.Request, call: Call, answer: Answer, fault: fault_rules.Rule | None
) -> web.StreamResponse:
    """What the caller gets to see of a call that was carried out."""
    if isinstance(fault, fault_rules.Hang):
        return await _hang(request, fault)
    if isinstance(fault, fault_rules.AcceptThenReset):
        if fault.partial:
            return await wire.cut_short(request, wire.response(answer, call.request_id))
        return wire.reset(request)
    return wire.response(_disguised(answer, fault), call.request_id)


def _disguised(answer: Answer, fault: fault_rules.Rule | None) -> Answer:
    if isinstance(fault, fault_rules.AcceptThen500):
        text = "An unexpected error occurred. Error id 00000000-0000-0000-0000-000000000500."
        return Answer(500, {"ErrorCode": 101, "Message": text}, {"X-PM-ApiErrorCode": "101"})
    if isinstance(fault, fault_rules.AcceptThen502Html):
        return wire.html_page(502, "Bad Gateway")
    if isinstance(fault, fault_rules.AcceptThen504):
        return Answer(504, "upstream request timeout", content_type="text/plain")
    if isinstance(fault, fault_rules.NonJson200):
        return Answer(200, "<html><body>It works!</body></html>", content_type=wire.HTML)
    if isinstance(fault, fault_rules.Respond):
        return _at_will(fault)
    if isinstance(fault, fault_rules.DelayedWithoutErrorCode):
        return Answer(answer.status, _delayed(answer.payload), answer.headers)
    return answer


def _delayed(payload: Any) -> Any:
    if isinstance(payload, list):
        return [_delayed(item) for item in payload]
    if isinstance(payload, dict) and "MessageID" in payload and payload.get("ErrorCode") == 0:
        return {**{key: value for key, value in payload.items() if key != "ErrorCode"}, "Message": _DELAYED}
    return payload
