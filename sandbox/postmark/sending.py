"""/email and /email/batch: whether a message may go, and taking it in."""

from dataclasses import dataclass, field, replace

from sandbox.postmark import fault_rules, outcomes
from sandbox.postmark.dates import eastern
from sandbox.postmark.entities import Json, Message, Server
from sandbox.postmark.errors import ApiError, inactive_text, partly_inactive_text
from sandbox.postmark.faults import Scope
from sandbox.postmark.ids import new_uuid
from sandbox.postmark.routing import Call, Route
from sandbox.postmark.validation import Draft, read_message
from sandbox.postmark.world import World

MAX_BATCH = 500
MAX_BATCH_BYTES = 50 * 1024 * 1024
_NOT_A_SENDER = (
    "The 'From' address you supplied ({}) is not a Sender Signature on your account. Please add and confirm "
    "this address in order to be able to use it in the 'From' field of your messages."
)
_PENDING_ACCOUNT = (
    "While your account is pending approval, all recipient addresses must share the same domain as the "
    "'From' address. The domain of the 'From' address is '{}', but you are attempting to send email to the "
    "following domain: '{}'."
)


@dataclass
class Intake:
    """One send call: what it accepted so far."""

    call: Call
    scope: Scope
    early: fault_rules.WebhookBeforeResponse | None
    accepted: list[Message] = field(default_factory=list)

    async def finish(self) -> None:
        """Into the ledger before anybody is told; after that, webhooks that are to come before the answer."""
        world = self.call.world
        world.store.commit()
        world.ledger.record(self.accepted)
        early: list[int] = []
        for message in self.accepted:
            early += outcomes.run_due(world, message) if self.early else []
            outcomes.schedule(world, message)
        if self.early:
            await world.dispatcher.first_attempts(early, self.early.wait_seconds)


async def send_one(call: Call) -> Json:
    if not isinstance(call.body, dict):
        raise ApiError(402 if call.body is None else 403, "The request body is not a JSON object.")
    intake = _intake(call)
    try:
        return _accept(intake, call.body, 0)
    finally:
        await intake.finish()  # a message can be taken in for some of its recipients and answered with 406


async def send_batch(call: Call) -> list[Json]:
    if not isinstance(call.body, list):
        raise ApiError(402 if call.body is None else 403, "The request body is not a JSON array.")
    if len(call.body) > MAX_BATCH:
        raise ApiError(410, f"You may only send up to {MAX_BATCH} messages in a single batched request.")
    intake = _intake(call)
    results = [_accept_item(intake, item, position) for position, item in enumerate(call.body)]
    await intake.finish()
    return results


async def send_with_template(_: Call) -> Json:
    text = "The 'TemplateId' associated with this request is not valid or was not found."
    raise ApiError(1101, text)


def _intake(call: Call) -> Intake:
    scope = Scope(call.endpoint, call.endpoint, "POST", call.caller.id if call.caller else None)
    return Intake(call, scope, call.world.faults.first(scope, fault_rules.WebhookBeforeResponse))


def _accept_item(intake: Intake, item: object, position: int) -> Json:
    try:
        return _accept(intake, item, position)
    except ApiError as refusal:
        return refusal.body


def _accept(intake: Intake, item: object, position: int) -> Json:
    world, server = intake.call.world, intake.call.caller
    draft = read_message(item)
    if server is None:  # POSTMARK_API_TEST: checked for form, kept nowhere
        return _answer(draft, new_uuid(world.rng), world.clock.now(), "Test job accepted")
    _check_stream(world, server, draft)
    _check_sender(world, draft)
    _check_account(world, draft)
    _check_item_fault(intake, position)
    inactive, style = _inactive(intake, server, draft)
    active = [address for address in draft.recipients if address.lower() not in inactive]
    if not active:
        raise ApiError(406, inactive_text(inactive, world.settings.inactive_text))
    message = _take_in(intake, server, draft, active)
    if inactive and style == "406":
        raise ApiError(406, inactive_text(inactive, world.settings.inactive_text))
    text = partly_inactive_text(inactive) if inactive else "OK"
    return _answer(draft, message.id, message.accepted_at, text)


def _check_stream(world: World, server: Server, draft: Draft) -> None:
    stream = world.state.streams.get((server.id, draft.stream))
    if stream is None or stream.archived_at is not None:
        raise ApiError(1235, f"The stream provided: '{draft.stream}' does not exist on this server.")
    if stream.type == "Inbound":
        raise ApiError(1236, f"Sending is not supported on the stream '{draft.stream}'.")


def _check_sender(world: World, draft: Draft) -> None:
    """A verified domain, exactly, or a confirmed signature. A verified return path alone does not count."""
    domain = world.state.domains.named(draft.sender.domain)
    if domain is not None and domain.dkim_verified:
        return
    signature = world.state.signatures.named(draft.sender.email)
    if signature is None:
        raise ApiError(400, _NOT_A_SENDER.format(draft.sender_text))
    if not signature.confirmed:
        raise ApiError(401, f"The Sender Signature for '{draft.sender.email}' is not confirmed.")


def _check_account(world: World, draft: Draft) -> None:
    state = world.settings.account_state
    if state == "no_credits":
        raise ApiError(405, "Your account has run out of credits.")
    if state == "blocked":
        raise ApiError(413, "Your account is not allowed to send.")
    if state == "pending":
        foreign = [
            box.domain for box in (*draft.to, *draft.cc, *draft.bcc) if box.domain != draft.sender.domain
        ]
        if foreign:
            raise ApiError(412, _PENDING_ACCOUNT.format(draft.sender.domain, foreign[0]))


def _check_item_fault(intake: Intake, position: int) -> None:
    faults = intake.call.world.faults
    if not faults.has(fault_rules.PartialBatch):
        return
    rule = faults.first(replace(intake.scope, position=position), fault_rules.PartialBatch)
    if rule is not None:
        raise ApiError(rule.error_code, rule.message)


def _inactive(intake: Intake, server: Server, draft: Draft) -> tuple[list[str], str]:
    """Suppressed recipients, lowercased as in the answers, and the form in which to tell."""
    world = intake.call.world
    now = world.clock.now()
    rule = None
    if len(draft.recipients) > 1:
        rule = world.faults.first(intake.scope, fault_rules.PartialInactive)
    added = {address.lower() for address in rule.recipients} if rule else set()
    inactive = [
        address.lower()
        for address in draft.recipients
        if address.lower() in added or world.state.is_suppressed(server.id, draft.stream, address, now)
    ]
    return inactive, rule.form if rule else "ok"


def _take_in(intake: Intake, server: Server, draft: Draft, active: list[str]) -> Message:
    world = intake.call.world
    message = _message(intake, server, draft)
    outcomes.plan(world, message, active, draft.header("X-PM-Bounce-Type"), at_once=intake.early is not None)
    world.state.messages.add(message)
    content = {
        "HtmlBody": draft.html,
        "TextBody": draft.text,
        "ReplyTo": draft.reply_to,
        "Headers": draft.headers,
    }
    world.store.put_content(message.seq, content)
    intake.accepted.append(message)
    return message


def _message(intake: Intake, server: Server, draft: Draft) -> Message:
    world = intake.call.world
    now = world.clock.now()
    lags = world.faults.every(intake.scope, fault_rules.SearchLag)
    return Message(
        seq=world.state.next_id("message", 1),
        id=new_uuid(world.rng),
        server_id=server.id,
        stream=draft.stream,
        sender=draft.sender_text,
        to=[mailbox.full() for mailbox in draft.to],
        cc=[mailbox.full() for mailbox in draft.cc],
        bcc=[mailbox.full() for mailbox in draft.bcc],
        recipients=draft.recipients,
        subject=draft.subject,
        tag=draft.tag,
        metadata=draft.metadata,
        attachments=[attachment["Name"] for attachment in draft.attachments],
        track_opens=draft.track_opens or bool(server.fields["TrackOpens"]),
        track_links=draft.track_links,
        sandboxed=server.fields["DeliveryType"] == "Sandbox",
        accepted_at=now,
        searchable_at=now + sum(rule.seconds.draw(world.rng) for rule in lags),
        request_id=intake.call.request_id,
        fault=intake.call.fault,
    )


def _answer(draft: Draft, message_id: str, accepted_at: float, text: str) -> Json:
    """In the key order of live answers; without `To` when only Cc or Bcc were given."""
    to = {} if draft.to_text is None else {"To": draft.to_text}
    return {
        **to,
        "SubmittedAt": eastern(accepted_at),
        "MessageID": message_id,
        "ErrorCode": 0,
        "Message": text,
    }


ROUTES = [
    Route("POST", "/email", "Server", send_one),
    Route("POST", "/email/batch", "Server", send_batch, max_bytes=MAX_BATCH_BYTES),
    Route("POST", "/email/withTemplate", "Server", send_with_template),
    Route("POST", "/email/batchWithTemplates", "Server", send_with_template, max_bytes=MAX_BATCH_BYTES),
]
