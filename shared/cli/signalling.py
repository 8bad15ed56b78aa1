"""What a signal leads to: what to ask before, how far it is, and where it ended."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from shared.cli.api import JsonObject
from shared.cli.configuration_records import failure_in_words
from shared.domain.lifecycle import Administrative, Operational, Trigger

# The cause of a configuration's last record: nothing of it is left that the provider lets us delete.
REMOVAL_DONE: Final = "removal: done"
_SENDABLE: Final = frozenset({Operational.OK, Operational.DEGRADED})
_LOCKED: Final = frozenset({Administrative.LOCKED})
# In the order in which they are made; each stays in the record until its deletion is confirmed.
_MADE: Final = {
    "postmarkServerId": "server",
    "postmarkSignatureId": "signature",
    "postmarkDomainId": "domain",
    "postmarkWebhookId": "webhook",
}


@dataclass(frozen=True, slots=True)
class Goal:
    """`region` of the payload; it moves by itself while its state is in `moving`."""

    region: str
    wanted: frozenset[str]
    moving: frozenset[str] = frozenset()
    removal: bool = False

    def rests(self, record: JsonObject) -> bool:
        if self.removal:
            return bool(record["metadata"]["cause"] == REMOVAL_DONE or not record["retired"])
        return record["retired"] or record["payload"][self.region] not in self.moving

    def reached(self, record: JsonObject) -> bool:
        if self.removal:
            return bool(record["retired"] and record["payload"]["failure"] is None)
        return not record["retired"] and record["payload"][self.region] in self.wanted


_TO_WORK: Final = Goal(
    "operational", _SENDABLE, frozenset({Operational.PROVISIONING, Operational.AWAITING_VERIFICATION})
)
_TO_LOCK: Final = Goal("administrative", _LOCKED, frozenset({Administrative.LOCKING}))
GOALS: Final[Mapping[Trigger, Goal]] = {
    Trigger.PROVISION: _TO_WORK,
    Trigger.RE_PROVISION: _TO_WORK,
    Trigger.RE_VERIFY: _TO_WORK,
    Trigger.LOCK: _TO_LOCK,
    Trigger.FORCE_LOCK: _TO_LOCK,
    Trigger.UNLOCK: Goal("administrative", frozenset({Administrative.UNLOCKED})),
    Trigger.REMOVE: Goal("operational", frozenset(), removal=True),
}


@dataclass(frozen=True, slots=True)
class Moving:
    """`text`: how things are, in a sentence or two."""

    text: str
    rests: bool
    reached: bool


def moving(goal: Goal, record: JsonObject) -> Moving:
    """`record` of one configuration, with `checked` from its verification while it does not rest."""
    rests = goal.rests(record)
    return Moving(_in_words(goal, record, rests=rests), rests, rests and goal.reached(record))


def _in_words(goal: Goal, record: JsonObject, *, rests: bool) -> str:
    payload = record["payload"]
    removed = ", removed" if record["retired"] else ""
    told = [f"{payload['operational']}, {payload['administrative']}{removed}."]
    if rests:
        return " ".join([*told, *_failure(payload)])
    made = [name for field, name in _MADE.items() if payload[field] is not None]
    if payload["operational"] == Operational.PROVISIONING or goal.removal:
        told.append(f"There: {', '.join(made) or 'nothing'}.")
    if payload["administrative"] == Administrative.LOCKING or (goal.removal and payload["inFlight"]):
        told.append(f"In flight: {payload['inFlight']}.")
    waits_for = record.get("checked", {}).get("waitsFor")
    if waits_for and not goal.removal and goal.region == "operational":
        told.append(waits_for)
    return " ".join(told)


def _failure(payload: JsonObject) -> list[str]:
    return [f"{failure_in_words(payload['failure'])}."] if payload["failure"] else []


ASKED: Final = frozenset({Trigger.LOCK, Trigger.FORCE_LOCK, Trigger.REMOVE})


def consequence(trigger: Trigger, record: JsonObject) -> str:
    """The question to ask before one of `ASKED`."""
    domain, in_flight = record["payload"]["sendingDomain"], record["payload"]["inFlight"]
    if trigger is Trigger.LOCK:
        return (
            f"{domain} takes no new mail from now on; {in_flight} in flight are still sent, then it is LOCKED. "
            "Lock it?"
        )
    if trigger is Trigger.FORCE_LOCK:
        return (
            f"{domain} takes no new mail from now on. Of {in_flight} in flight, those that are queued are CANCELLED "
            "and never sent; what the provider has by now cannot be recalled. Lock it by force?"
        )
    return (
        f"{domain} is removed for good, {in_flight} in flight: its DNS records, webhook, signature, domain and "
        "server are deleted, and no signal brings them back. Remove it?"
    )
