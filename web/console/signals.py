"""An operator's signals: what would come of each one now, in words made from the facts, or why it may not be sent."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from shared.domain.configuration import EmailConfiguration, Facts, Provisioned, advance
from shared.domain.job import JobStatus
from shared.domain.lifecycle import SIGNALS, Operational, Trigger
from shared.domain.naming import Names
from web.console.wording import counted, duration, listed
from web.intake.configuration import Standing

# What they take away nobody brings back: the slug is to be typed.
DESTROYING: Final = frozenset({Trigger.FORCE_LOCK, Trigger.REMOVE})
_WORKING: Final = frozenset({Operational.OK, Operational.DEGRADED})
_REFUSED_FROM_NOW: Final = "New sends are refused from now on."

# By the reason that `advance` gives.
_WHY_NOT: Final[Mapping[str, str]] = {
    "already_provisioning": "It is being provisioned already.",
    "already_provisioned": "It is provisioned already.",
    "already_verified": "It is verified already.",
    "already_unlocked": "It is UNLOCKED already.",
    "already_locked": "It is LOCKED already.",
    "already_locking": "It is LOCKING already: it is LOCKED when nothing is in flight any more.",
    "already_removed": "It was removed already.",
    "missing": "Its provisioning has failed: re-provision clears away what is left of it first.",
    "never_provisioned": "It was never provisioned: provision it.",
    "not_missing": "Only what is MISSING is provisioned once more.",
    "not_provisioned": "It is not provisioned.",
    "not_verified": "Its records are not verified.",
    "failure": "Its sending has failed: mend the cause, then re-verify.",
    "draining": "It is LOCKING: wait until it is LOCKED, or force it.",
    "not_locked": "It is not LOCKED: lock it first.",
    "provisioning": "It is being provisioned: wait until that has ended.",
    "tenant_has_another_sendable": "Another configuration of the tenant is UNLOCKED or LOCKING: lock that one first.",
    "retired": "It was removed.",
}


@dataclass(frozen=True, slots=True)
class Signal:
    """`forbidden` says why it may not be sent now; "" when it may. `typed`: the slug has to be."""

    trigger: Trigger
    title: str
    consequence: str
    forbidden: str

    @property
    def typed(self) -> bool:
        return self.trigger in DESTROYING


@dataclass(frozen=True, slots=True)
class Ground:
    """What consequences are made from. `in_flight` by status is None where nobody could tell."""

    standing: Standing
    names: Names
    in_flight: Mapping[JobStatus, int] | None
    window: timedelta
    interval: timedelta

    @property
    def held(self) -> EmailConfiguration:
        return self.standing.record.configuration


def signals_of(ground: Ground) -> list[Signal]:
    """All of them, in the order of the table; those that would change something now may be sent."""
    return [_signal(trigger, ground) for trigger in SIGNALS]


def why_not(reason: str) -> str:
    return _WHY_NOT[reason]


def _signal(trigger: Trigger, ground: Ground) -> Signal:
    title = trigger.value.capitalize()
    if trigger not in ground.standing.allowed:
        return Signal(trigger, title, "", why_not(_reason(trigger, ground)))
    return Signal(trigger, title, " ".join(_CONSEQUENCES[trigger](ground)), "")


def _reason(trigger: Trigger, ground: Ground) -> str:
    """Of one that is not allowed: asked of the table again, by the facts that forbade it."""
    facts = Facts(in_flight=ground.standing.in_flight, tenant_has_other_sendable=True)
    return advance(ground.held, trigger, now=ground.held.updated_at, facts=facts).reason


def _provision(ground: Ground) -> Iterator[str]:
    yield f"Makes the server {ground.names.server_name}, the signature {ground.names.from_address}, its webhook and two"
    yield "DNS records, in this order; then their verification is awaited."


def _re_provision(ground: Ground) -> Iterator[str]:
    left = made(ground.held.provisioned)
    if left:
        yield f"First what is left of the failed attempt is deleted: {listed(left)}."
    else:
        yield "Nothing is left of the failed attempt."
    yield "Then all of it is made anew."


def _re_verify(ground: Ground) -> Iterator[str]:
    yield f"A window of {duration(ground.window)} begins now. The records are checked at once, and every"
    yield f"{duration(ground.interval)} from then on."
    if ground.held.operational is Operational.FAILURE:
        yield "It comes back as DEGRADED, and is OK with the first send that the provider takes."


def _unlock(ground: Ground) -> Iterator[str]:
    yield f"Sends as {ground.names.from_address} are accepted from now on."


def _lock(ground: Ground) -> Iterator[str]:
    count = ground.standing.in_flight
    if not count:
        yield f"Nothing is in flight: it is LOCKED at once. {_REFUSED_FROM_NOW}"
        return
    verb = "is" if count == 1 else "are"
    done = "it is" if count == 1 else "they are"
    yield f"{counted(count, 'send')} {verb} in flight: it locks when {done} done. {_REFUSED_FROM_NOW}"
    if ground.held.operational not in _WORKING:
        state = ground.held.operational.value
        yield f"While it is {state} nothing that is queued goes out, so that may not end by itself."


def _force_lock(ground: Ground) -> Iterator[str]:
    if ground.in_flight is None:
        yield f"Whatever is queued of {counted(ground.standing.in_flight, 'job')} in flight is cancelled at once."
    else:
        queued = ground.in_flight[JobStatus.QUEUED]
        others = sum(ground.in_flight.values()) - queued
        if queued:
            yield f"Cancels {counted(queued, 'queued job')} at once: nobody gets {'it' if queued == 1 else 'them'}."
        else:
            yield "Nothing is queued, so nothing is cancelled."
        if others:
            them = "it" if others == 1 else "them"
            yield f"The provider may have {counted(others, 'job')} already: nobody can call {them} back."
    yield _REFUSED_FROM_NOW


def _remove(ground: Ground) -> Iterator[str]:
    things = made(ground.held.provisioned)
    if things:
        yield f"It is gone for good. A worker takes down {listed(things)};"
        yield f"the slug {ground.held.slug} is free afterwards."
    else:
        yield f"It is gone for good. Nothing was made outside; the slug {ground.held.slug} is free soon."
    if ground.standing.in_flight:
        count = counted(ground.standing.in_flight, "job")
        yield f"What becomes of {count} in flight cannot be asked once the server is gone."


def made(provisioned: Provisioned) -> list[str]:
    """What exists outside, as far as is known, in words with its ids."""
    by_id = {
        "server": provisioned.server_id,
        "signature": provisioned.signature_id,
        "domain": provisioned.domain_id,
        "webhook": provisioned.webhook_id,
    }
    things = [f"{name} {found}" for name, found in by_id.items() if found is not None]
    return [*things, *(["two DNS records"] if provisioned.records_written else [])]


_CONSEQUENCES: Final[Mapping[Trigger, Callable[[Ground], Iterator[str]]]] = {
    Trigger.PROVISION: _provision,
    Trigger.RE_PROVISION: _re_provision,
    Trigger.RE_VERIFY: _re_verify,
    Trigger.LOCK: _lock,
    Trigger.FORCE_LOCK: _force_lock,
    Trigger.UNLOCK: _unlock,
    Trigger.REMOVE: _remove,
}
