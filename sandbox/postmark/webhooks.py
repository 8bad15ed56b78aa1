"""/webhooks, with the test posts of 2026."""

import copy
import re
from typing import Any

from sandbox.postmark import payloads, statistics
from sandbox.postmark.entities import TRIGGERS, Json, Stream, Trigger, Webhook
from sandbox.postmark.errors import ApiError
from sandbox.postmark.poster import Posted
from sandbox.postmark.routing import Call, Route, folded
from sandbox.postmark.servers import is_url
from sandbox.postmark.world import World

FIRST_ID = 30_000_001
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_OPTIONS = {"Open": "PostFirstOpenOnly", "Bounce": "IncludeContent", "SpamComplaint": "IncludeContent"}
_TRIGGER_BY_FOLDED: dict[str, Trigger] = {trigger.lower(): trigger for trigger in TRIGGERS}


def show(hook: Webhook) -> Json:
    statuses = [hook.statuses.get(trigger) for trigger in hook.enabled()]
    return {
        "ID": hook.id,
        "Url": hook.url,
        "MessageStream": hook.stream,
        "HttpAuth": hook.http_auth,
        "HttpHeaders": hook.http_headers,
        "Triggers": hook.triggers,
        "Status": "verified" if all(status == "verified" for status in statuses) else "unverified",
    }


async def list_webhooks(call: Call) -> Json:
    hooks = call.world.state.webhooks_of(call.server.id)
    stream = call.query.get("messagestream")
    if stream is not None:
        _stream(call, stream)
        hooks = [hook for hook in hooks if hook.stream == stream]
    shown = [show(hook) for hook in hooks]
    status = call.query.get("status")
    if status not in (None, "verified", "unverified"):
        raise ApiError(1362, "The status filter is invalid. Valid values are verified and unverified.")
    return {"Webhooks": [hook for hook in shown if status in (None, hook["Status"])]}


async def get_webhook(call: Call) -> Json:
    return show(_find(call))


async def create_webhook(call: Call) -> Json:
    world, given = call.world, call.object(1355, "The request body is empty.")
    if "id" in given:
        raise ApiError(1356, "The ID of a webhook cannot be given on create.")
    _refuse_status(given)
    stream = _stream(call, given.get("messagestream") or "outbound")
    if stream.type == "Inbound":
        raise ApiError(1351, "Webhooks are not supported on the inbound stream. Please use InboundHookUrl.")
    hook = Webhook(0, call.server.id, stream.id, "", None, [], _default_triggers())
    _apply(hook, given, url_required=True)
    _check_limit(world, hook)
    await _verify_if_wanted(call, hook, given)
    hook.id = world.state.next_id("webhook", FIRST_ID)
    world.state.webhooks.put(hook)
    return show(hook)


async def edit_webhook(call: Call) -> Json:
    hook, given = _find(call), call.object(1355, "The request body is empty.")
    same_id = given.get("id", hook.id) == hook.id
    if not same_id or given.get("messagestream", hook.stream) != hook.stream:
        raise ApiError(1357, "The ID and the MessageStream of a webhook cannot be changed.")
    _refuse_status(given)
    edited = copy.deepcopy(hook)
    _apply(edited, given, url_required=False)
    await _verify_if_wanted(call, edited, given)
    call.world.state.webhooks.put(edited)
    return show(edited)


async def delete_webhook(call: Call) -> Json:
    hook = _find(call)
    call.world.state.webhooks.remove(hook)
    return {"ErrorCode": 0, "Message": f"Webhook {hook.id} removed."}


async def verify_webhook(call: Call) -> Json:
    hook = _find(call)
    report = await _verify(call.world, hook)
    if call.world.state.webhooks.get(hook.id) is hook:
        call.world.state.webhooks.put(hook)
    return report


async def get_statistics(call: Call) -> Json:
    hook = _find(call)
    return statistics.of(hook, call.world.attempts.entries, call.world.clock.now())


async def _verify_if_wanted(call: Call, hook: Webhook, given: Json) -> None:
    """Test posts before saving. Raises ApiError 1364 with the report as its body."""
    wanted = given.get("verify", True)
    if not isinstance(wanted, bool):
        raise ApiError(403, "Invalid request field(s): 'Verify'")
    if (
        not wanted or call.query.get("verify", "").lower() == "false"
    ):  # one line of the docs has it in the query
        hook.statuses = dict.fromkeys(TRIGGERS, "unverified")
        return
    report = await _verify(call.world, hook)
    if not report["Success"]:
        raise ApiError(1364, report["Message"], body=report)


async def _verify(world: World, hook: Webhook) -> Json:
    now = world.clock.now()
    dummies = {trigger: payloads.dummy(trigger, hook.stream, now) for trigger in hook.enabled()}
    answers = await world.dispatcher.verify(hook, dummies)
    results = [_result(trigger, posted) for trigger, posted in answers.items()]
    hook.statuses = dict.fromkeys(TRIGGERS, "verified")
    hook.statuses.update(
        {row["TriggerType"]: "verified" if row["Success"] else "unverified" for row in results}
    )
    hook.lost_in_a_row = {}
    passed = sum(row["Success"] for row in results)
    return {
        "Id": hook.id,
        "Url": hook.url,
        "Success": passed == len(results),
        "Results": results,
        "Message": f"{passed}/{len(results)} triggers verified successfully",
    }


def _result(trigger: Trigger, posted: Posted) -> Json:
    success = posted.status == 200  # exactly
    text = "OK" if success else posted.error or f"The endpoint answered {posted.status}; 200 is required."
    return {"TriggerType": trigger, "Success": success, "StatusCode": posted.status, "Message": text}


def _apply(hook: Webhook, given: Json, *, url_required: bool) -> None:
    if url_required or "url" in given:
        if not is_url(given.get("url")):
            raise ApiError(1354, "The Url is missing or invalid.")
        hook.url = given["url"]
    if "httpauth" in given:
        hook.http_auth = _http_auth(given["httpauth"])
    if "httpheaders" in given:
        hook.http_headers = _http_headers(given["httpheaders"])
    _apply_triggers(hook, given.get("triggers"))


def _http_auth(value: Any) -> Json | None:
    if value is None:
        return None
    if not isinstance(value, dict):
        raise ApiError(403, "Invalid request field(s): 'HttpAuth'")
    auth = folded(value)
    return {"Username": auth.get("username"), "Password": auth.get("password")}


def _http_headers(value: Any) -> list[Json]:
    entries = [] if value is None else value
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise ApiError(403, "Invalid request field(s): 'HttpHeaders'")
    headers = [{"Name": folded(entry).get("name"), "Value": folded(entry).get("value")} for entry in entries]
    for header in headers:
        if not isinstance(header["Name"], str) or not _HEADER_NAME.fullmatch(header["Name"]):
            raise ApiError(1358, f"The header name '{header['Name']}' is invalid.")
        if not isinstance(header["Value"], str) or any(mark in header["Value"] for mark in "\r\n\0"):
            raise ApiError(403, "Invalid request field(s): 'HttpHeaders'")
    return headers


def _default_triggers() -> dict[str, Json]:
    return {
        trigger: {"Enabled": False, **({_OPTIONS[trigger]: False} if trigger in _OPTIONS else {})}
        for trigger in TRIGGERS
    }


def _apply_triggers(hook: Webhook, value: Any) -> None:
    """Only the triggers that are named change."""
    if value is None:
        return
    if not isinstance(value, dict) or not all(isinstance(entry, dict) for entry in value.values()):
        raise ApiError(403, "Invalid request field(s): 'Triggers'")
    for name, entry in folded(value).items():
        trigger = _TRIGGER_BY_FOLDED.get(name)
        if trigger is None:
            raise ApiError(1353, f"The trigger '{name}' is not supported on this stream.")
        options = folded(entry)
        hook.triggers[trigger].update(
            {
                option: bool(options[option.lower()])
                for option in hook.triggers[trigger]
                if option.lower() in options
            }
        )


def _refuse_status(given: Json) -> None:
    if "status" in given:
        raise ApiError(1363, "The Status of a webhook cannot be set.")


def _check_limit(world: World, hook: Webhook) -> None:
    present = [row for row in world.state.webhooks_of(hook.server_id) if row.stream == hook.stream]
    if len(present) >= world.settings.max_webhooks_per_stream:
        raise ApiError(1359, "The maximum number of webhooks for this stream is reached.")


def _stream(call: Call, name: object) -> Stream:
    stream = call.world.state.streams.get((call.server.id, str(name)))
    if stream is None:
        raise ApiError(1226, "The message stream for the provided 'ID' was not found.")
    if stream.archived_at is not None:
        raise ApiError(1350, "The message stream is archived.")
    return stream


def _find(call: Call) -> Webhook:
    number = call.number("id")
    hook = call.world.state.webhooks.get(number) if number is not None else None
    if hook is None or hook.server_id != call.server.id:
        raise ApiError(1352, "The webhook was not found.")
    return hook


ROUTES = [
    Route("GET", "/webhooks", "Server", list_webhooks),
    Route("POST", "/webhooks", "Server", create_webhook),
    Route("GET", "/webhooks/{id}", "Server", get_webhook),
    Route("PUT", "/webhooks/{id}", "Server", edit_webhook),
    Route("DELETE", "/webhooks/{id}", "Server", delete_webhook),
    Route("POST", "/webhooks/{id}/verify", "Server", verify_webhook),
    Route("GET", "/webhooks/{id}/statistics", "Server", get_statistics),
]
