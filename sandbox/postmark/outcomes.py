"""The life of an accepted message: what happens to it at each recipient, and when."""

from functools import partial

from sandbox.postmark import message_events, payloads
from sandbox.postmark.addresses import Mailbox
from sandbox.postmark.bounce_types import BOUNCE_TYPES, SUPPRESSING, bounce_type_named
from sandbox.postmark.entities import Bounce, Message
from sandbox.postmark.suppressing import suppress
from sandbox.postmark.world import World

FIRST_BOUNCE_ID = 2**53 + 1  # over what a JavaScript number holds, as live ids may be
_BOUNCE_TESTING = "bounce-testing.postmarkapp.com"

# A simulator rule, not Postmark's: the beginning of the local part decides, on any domain.
_BY_PREFIX = {
    "complaint": ["Delivery", "SpamComplaint"],
    "unsubscribe": ["Delivery", "Unsubscribe"],
    "bounce-hard": ["Bounce:HardBounce"],
    "bounce-soft": ["Bounce:SoftBounce"],
    "transient": ["Bounce:Transient", "Delivery"],
}


def outcomes_for(recipient: str, forced_bounce: str | None) -> list[str]:
    """In order of time. `forced_bounce` is the value of X-PM-Bounce-Type, if any."""
    mailbox = Mailbox(recipient)
    if mailbox.domain == _BOUNCE_TESTING:
        return [f"Bounce:{bounce_type_named(mailbox.local_part)}"]
    if forced_bounce is not None:
        return [f"Bounce:{bounce_type_named(forced_bounce)}"]
    local = mailbox.local_part.lower()
    return next(
        (outcomes for prefix, outcomes in _BY_PREFIX.items() if local.startswith(prefix)), ["Delivery"]
    )


def plan(
    world: World, message: Message, recipients: list[str], forced_bounce: str | None, *, at_once: bool
) -> None:
    """Write down what is to happen; `at_once` brings the first event of each recipient to this moment."""
    settings = world.settings
    for recipient in recipients:
        due = message.accepted_at
        due += 0 if at_once else settings.delivery_delay_seconds.draw(world.rng)
        for outcome in outcomes_for(recipient, forced_bounce):
            message.pending.append([due, recipient, outcome])
            due += settings.follow_up_delay_seconds.draw(world.rng)
        if settings.open_delay_seconds is not None and message.track_opens:
            message.pending.append([due + settings.open_delay_seconds.draw(world.rng), recipient, "Open"])


def schedule(world: World, message: Message) -> None:
    for step in message.pending:
        world.timetable.at(step[0], partial(_take, world, message, step))


def run_due(world: World, message: Message) -> list[int]:
    """Let happen now what is due by now; ids of the webhook deliveries made."""
    now = world.clock.now()
    return [made for step in list(message.pending) if step[0] <= now for made in _take(world, message, step)]


def _take(world: World, message: Message, step: list[object]) -> list[int]:
    if step not in message.pending or world.state.messages.get(message.id) is not message:
        return []  # it ran ahead of its time, or the state was reset
    message.pending.remove(step)
    return happen(world, message, str(step[1]), str(step[2]))


def happen(world: World, message: Message, recipient: str, outcome: str, link: str = "") -> list[int]:
    """One event at one recipient, now; ids of the webhook deliveries made."""
    message.status = "Sent"
    world.state.messages.put(message)
    kind, _, bounce_type = outcome.partition(":")
    if kind == "Delivery":
        return _delivered(world, message, recipient)
    if kind == "Bounce":
        return _bounced(world, message, recipient, bounce_type)
    if kind == "SpamComplaint":
        return _bounced(world, message, recipient, "SpamComplaint")
    if kind == "Unsubscribe":
        return _suppressed(world, message, recipient, "ManualSuppression", "Recipient")
    return _visited(world, message, recipient, kind, link)


def _delivered(world: World, message: Message, recipient: str) -> list[int]:
    now = world.clock.now()
    message_events.note(message, "Delivered", recipient, now)
    payload = payloads.delivery(message, recipient, now)
    return world.dispatcher.publish(message.server_id, message.stream, "Delivery", payload)


def _bounced(world: World, message: Message, recipient: str, bounce_type: str) -> list[int]:
    found = _make_bounce(world, message, recipient, bounce_type)
    world.state.bounces.put(found)
    kind = "Transient" if bounce_type == "Transient" else "Bounced"
    message_events.note(message, kind, recipient, found.bounced_at, found.details, found.id)
    content = f"From: {message.sender}\r\nTo: {recipient}\r\nSubject: {message.subject}\r\n\r\nsimulated"
    made = world.dispatcher.publish(
        message.server_id,
        message.stream,
        "SpamComplaint" if bounce_type == "SpamComplaint" else "Bounce",
        payloads.bounce(found),
        content,
    )
    if reason := SUPPRESSING.get(bounce_type):
        made += _suppressed(world, message, recipient, reason, "Recipient")
    return made


def _make_bounce(world: World, message: Message, recipient: str, bounce_type: str) -> Bounce:
    return Bounce(
        id=world.state.next_id("bounce", FIRST_BOUNCE_ID),
        server_id=message.server_id,
        stream=message.stream,
        message_id=message.id,
        type=bounce_type,
        email=recipient,
        sender=message.sender,
        subject=message.subject,
        tag=message.tag,
        metadata=message.metadata,
        bounced_at=world.clock.now(),
        description=BOUNCE_TYPES[bounce_type].description,
        details=f"smtp;550 5.1.1 simulated {bounce_type}",
        inactive=bounce_type in SUPPRESSING,
        can_activate=bounce_type != "SpamComplaint",
    )


def _suppressed(world: World, message: Message, recipient: str, reason: str, origin: str) -> list[int]:
    message_events.note(message, "SubscriptionChanged", recipient, world.clock.now(), origin)
    return suppress(
        world, message.server_id, message.stream, recipient, reason=reason, origin=origin, message=message
    )


def _visited(world: World, message: Message, recipient: str, kind: str, link: str) -> list[int]:
    now = world.clock.now()
    if kind == "Open":
        first = not any(event[:2] == ["Opened", recipient] for event in message.events)
        message_events.note(message, "Opened", recipient, now)
        payload = payloads.opened(message, recipient, now, first=first)
        return world.dispatcher.publish(message.server_id, message.stream, "Open", payload)
    message_events.note(message, "LinkClicked", recipient, now, link)
    payload = payloads.clicked(message, recipient, now, link)
    return world.dispatcher.publish(message.server_id, message.stream, "Click", payload)
