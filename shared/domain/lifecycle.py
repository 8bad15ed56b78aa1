"""The lifecycle of a configuration: two independent regions, one table each, every pair spelled out.

A rule is a transition (`to`), a named no-op (`stay`) or a named refusal (`refuse`). Only signals are ever refused:
what workers and the scheduler report may be late or repeated, and then changes nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Operational(StrEnum):
    PENDING = "PENDING"
    PROVISIONING = "PROVISIONING"
    AWAITING_VERIFICATION = "AWAITING_VERIFICATION"
    OK = "OK"
    DEGRADED = "DEGRADED"
    MISSING = "MISSING"
    UNVERIFIED = "UNVERIFIED"
    FAILURE = "FAILURE"


class Administrative(StrEnum):
    LOCKED = "LOCKED"
    UNLOCKED = "UNLOCKED"
    LOCKING = "LOCKING"


class Trigger(StrEnum):
    # an operator's signals
    PROVISION = "provision"
    RE_PROVISION = "re-provision"
    RE_VERIFY = "re-verify"
    LOCK = "lock"
    FORCE_LOCK = "force-lock"
    UNLOCK = "unlock"
    REMOVE = "remove"
    # what workers and the scheduler report
    PROVISIONED = "provisioned"
    PROVISIONING_FAILED = "provisioning-failed"
    VERIFIED = "verified"
    WINDOW_EXCEEDED = "window-exceeded"
    SEND_FAULTS_REACHED = "send-faults-reached"
    SEND_ACCEPTED = "send-accepted"
    DRAINED = "drained"


SIGNALS = (
    Trigger.PROVISION,
    Trigger.RE_PROVISION,
    Trigger.RE_VERIFY,
    Trigger.LOCK,
    Trigger.FORCE_LOCK,
    Trigger.UNLOCK,
    Trigger.REMOVE,
)


State = Operational | Administrative


@dataclass(frozen=True, slots=True)
class To:
    """A transition."""

    state: State


@dataclass(frozen=True, slots=True)
class Stay:
    """Nothing changes: the goal holds already, or the report came late."""

    reason: str


@dataclass(frozen=True, slots=True)
class Refuse:
    """The signal makes no sense here; the caller is told which ones do."""

    reason: str


Rule = To | Stay | Refuse
Row = Mapping[State, Rule]


def each(rule: Rule, *states: State) -> dict[State, Rule]:
    return dict.fromkeys(states, rule)


(
    PENDING,
    PROVISIONING,
    AWAITING_VERIFICATION,
    OK,
    DEGRADED,
    MISSING,
    UNVERIFIED,
    FAILURE,
) = Operational
LOCKED, UNLOCKED, LOCKING = Administrative

OPERATIONAL: Mapping[Trigger, Row] = {
    Trigger.PROVISION: {
        PENDING: To(PROVISIONING),
        PROVISIONING: Stay("already_provisioning"),
        **each(
            Stay("already_provisioned"),
            AWAITING_VERIFICATION,
            UNVERIFIED,
            OK,
            DEGRADED,
            FAILURE,
        ),
        # What is left of the failed attempt has to be cleaned up first: that is what re-provision does.
        MISSING: Refuse("missing"),
    },
    Trigger.RE_PROVISION: {
        MISSING: To(PROVISIONING),
        PROVISIONING: Stay("already_provisioning"),
        PENDING: Refuse("never_provisioned"),
        **each(
            Refuse("not_missing"),
            AWAITING_VERIFICATION,
            UNVERIFIED,
            OK,
            DEGRADED,
            FAILURE,
        ),
    },
    Trigger.RE_VERIFY: {
        **each(To(AWAITING_VERIFICATION), UNVERIFIED, AWAITING_VERIFICATION, FAILURE),
        **each(Stay("already_verified"), OK, DEGRADED),
        **each(Refuse("not_provisioned"), PENDING, PROVISIONING, MISSING),
    },
    Trigger.PROVISIONED: {
        PROVISIONING: To(AWAITING_VERIFICATION),
        **each(
            Stay("not_provisioning"),
            PENDING,
            AWAITING_VERIFICATION,
            OK,
            DEGRADED,
            MISSING,
            UNVERIFIED,
            FAILURE,
        ),
    },
    Trigger.PROVISIONING_FAILED: {
        PROVISIONING: To(MISSING),
        **each(
            Stay("not_provisioning"),
            PENDING,
            AWAITING_VERIFICATION,
            OK,
            DEGRADED,
            MISSING,
            UNVERIFIED,
            FAILURE,
        ),
    },
    Trigger.VERIFIED: {
        # DEGRADED instead when it came here from FAILURE: `advance` knows the way it came.
        AWAITING_VERIFICATION: To(OK),
        **each(Stay("already_verified"), OK, DEGRADED),
        # A check that ended after the window did: only re-verify opens it again.
        UNVERIFIED: Stay("window_exceeded"),
        **each(Stay("not_awaiting_verification"), PENDING, PROVISIONING, MISSING, FAILURE),
    },
    Trigger.WINDOW_EXCEEDED: {
        AWAITING_VERIFICATION: To(UNVERIFIED),
        **each(
            Stay("not_awaiting_verification"),
            PENDING,
            PROVISIONING,
            OK,
            DEGRADED,
            MISSING,
            UNVERIFIED,
            FAILURE,
        ),
    },
    Trigger.SEND_FAULTS_REACHED: {
        **each(To(FAILURE), OK, DEGRADED),
        **each(
            Stay("not_sending"),
            PENDING,
            PROVISIONING,
            AWAITING_VERIFICATION,
            MISSING,
            UNVERIFIED,
            FAILURE,
        ),
    },
    Trigger.SEND_ACCEPTED: {
        DEGRADED: To(OK),
        OK: Stay("already_ok"),
        # A batch claimed before the failure was found may still end well: that proves nothing of the present.
        **each(
            Stay("not_sending"),
            PENDING,
            PROVISIONING,
            AWAITING_VERIFICATION,
            MISSING,
            UNVERIFIED,
            FAILURE,
        ),
    },
}

ADMINISTRATIVE: Mapping[Trigger, Row] = {
    Trigger.UNLOCK: {
        LOCKED: To(UNLOCKED),
        UNLOCKED: Stay("already_unlocked"),
        LOCKING: Refuse("draining"),
    },
    Trigger.LOCK: {
        # LOCKED at once when nothing is in flight: `advance` looks.
        UNLOCKED: To(LOCKING),
        LOCKING: Stay("already_locking"),
        LOCKED: Stay("already_locked"),
    },
    Trigger.FORCE_LOCK: {
        **each(To(LOCKED), UNLOCKED, LOCKING),
        LOCKED: Stay("already_locked"),
    },
    Trigger.DRAINED: {
        LOCKING: To(LOCKED),
        LOCKED: Stay("already_locked"),
        UNLOCKED: Stay("not_locking"),
    },
    Trigger.REMOVE: {
        # Retires the record; a region has no state for that.
        LOCKED: To(LOCKED),
        **each(Refuse("not_locked"), UNLOCKED, LOCKING),
    },
}


def rule_for(trigger: Trigger, operational: Operational, administrative: Administrative) -> Rule:
    """The table alone; guards that look across regions are in `configuration.advance`."""
    if trigger in OPERATIONAL:
        return OPERATIONAL[trigger][operational]
    return ADMINISTRATIVE[trigger][administrative]


def can_send(operational: Operational, administrative: Administrative) -> bool:
    return operational in (OK, DEGRADED) and administrative is UNLOCKED
