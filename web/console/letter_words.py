"""Which dead letters are meant, as a URL or a form says it; and what may become of them, in words."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from shared.domain.dead_letter import DeadLetterFilter, Rest, Subject
from shared.domain.replay import Fate, ReplayState
from web.console.asked import Asked, in_url

# Field of `DeadLetterFilter` by its name in URLs, which are those of the command line.
FIELDS: Final[Mapping[str, str]] = {
    "subject": "subject",
    "class": "error_class",
    "tenant": "tenant_id",
    "configuration": "configuration_id",
    "actor": "actor",
    "since": "raised_from",
    "until": "raised_until",
}
SUBJECTS: Final[Mapping[Subject, str]] = {
    Subject.JOB: "a job that failed",
    Subject.EVENT: "an event whose job never came",
    Subject.MESSAGE: "a message whose handler raised again and again",
}
FATES: Final[Mapping[Fate, tuple[str, str, str]]] = {
    Fate.PUT_BACK: (
        "success",
        "check",
        "It is worked on again; should it fail again, it is a new dead letter.",
    ),
    Fate.MOVED_ON: ("secondary", "ring", "Nothing: somebody was quicker, or it is not as it was left."),
    Fate.LOCKED: (
        "warning",
        "lock",
        "It stays open: unlock its configuration, then replay it, or discard it.",
    ),
    Fate.RETIRED: ("warning", "stop", "It stays open: its configuration is removed, so discard it."),
}
STATES: Final[Mapping[ReplayState, tuple[str, str]]] = {
    ReplayState.WAITING: ("info", "glass"),
    ReplayState.RUNNING: ("info", "dots"),
    ReplayState.STOPPED: ("warning", "stop"),
    ReplayState.DONE: ("success", "check"),
}
RESTS: Final[Mapping[Rest, tuple[str, str]]] = {
    Rest.OPEN: ("warning", "triangle"),
    Rest.REPLAYED: ("success", "check"),
    Rest.DISCARDED: ("secondary", "minus"),
}


def wanted_of(asked: Asked, *, rest: Rest = Rest.OPEN) -> DeadLetterFilter:
    """All that is given holds. What cannot be read is left out, and among the faults."""
    return DeadLetterFilter(
        subject=asked.one_of("subject", Subject),
        error_class=asked.text("class") or None,
        tenant_id=asked.id("tenant"),
        configuration_id=asked.id("configuration"),
        actor=asked.text("actor") or None,
        raised_from=asked.moment("since"),
        raised_until=asked.moment("until"),
        rest=rest,
    )


def params_of(wanted: DeadLetterFilter) -> dict[str, Any]:
    """For a URL or hidden fields, from which `wanted_of` reads the same."""
    given = {name: getattr(wanted, field) for name, field in FIELDS.items()}
    return {name: _sent(value) for name, value in given.items() if value is not None}


def said(wanted: DeadLetterFilter) -> str:
    """For people."""
    given = params_of(wanted)
    return ", ".join(f"{name} {value}" for name, value in given.items()) or "every one that is open"


def _sent(value: object) -> str:
    return in_url(value) if isinstance(value, datetime) else str(value)
