"""Adding to and taking from a stream's suppression list, with the event that tells about it."""

from sandbox.postmark import payloads
from sandbox.postmark.entities import Message, Suppression
from sandbox.postmark.world import World


def suppress(
    world: World,
    server_id: int,
    stream: str,
    address: str,
    *,
    reason: str,
    origin: str,
    message: Message | None,
) -> list[int]:
    """Ids of the webhook deliveries made. An entry keeps its first reason, unless a complaint comes."""
    now = world.clock.now()
    known = world.state.suppressions.get((server_id, stream, address.lower()))
    if known is None or reason == "SpamComplaint":
        effective_at = now + world.settings.suppression_delay_seconds
        world.state.suppressions.put(
            Suppression(
                server_id,
                stream,
                address.lower(),
                reason,
                origin,
                now,
                known.effective_at if known else effective_at,
            )
        )
    payload = payloads.subscription_change(
        server_id, stream, address, now, reason=reason, origin=origin, message=message
    )
    return world.dispatcher.publish(server_id, stream, "SubscriptionChange", payload)


def reactivate(world: World, entry: Suppression, *, origin: str) -> list[int]:
    world.state.suppressions.remove(entry)
    for bounce in world.state.bounces:
        if (bounce.server_id, bounce.stream, bounce.email.lower()) == (
            entry.server_id,
            entry.stream,
            entry.address,
        ):
            bounce.inactive = False
            world.state.bounces.put(bounce)
    payload = payloads.subscription_change(
        entry.server_id,
        entry.stream,
        entry.address,
        world.clock.now(),
        reason=None,
        origin=origin,
        message=None,
    )
    return world.dispatcher.publish(entry.server_id, entry.stream, "SubscriptionChange", payload)
