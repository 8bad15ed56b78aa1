"""`?effectiveAsOf=` and `?recordedAsOf=`: reads of what was, in any letter case."""

from dataclasses import dataclass
from datetime import datetime

from flask import request

from web.moments import LAST_MILLISECOND, end_of, milliseconds
from web.problems import FieldFault, Problem

PARAMETERS = {
    "effectiveAsOf": "Epoch milliseconds: the record that held then.",
    "recordedAsOf": "Epoch milliseconds: by what had been recorded until then.",
}
_NAMES = {name.lower(): name for name in PARAMETERS}
_DIGITS_MAX = 15


@dataclass(frozen=True, slots=True)
class Moments:
    """None where nothing was said."""

    effective: datetime | None
    recorded: datetime | None

    @property
    def are_past(self) -> bool:
        return self.effective is not None or self.recorded is not None

    @property
    def said(self) -> dict[str, int]:
        """Milliseconds by the names of their parameters."""
        given = {"effectiveAsOf": self.effective, "recordedAsOf": self.recorded}
        return {name: milliseconds(moment) for name, moment in given.items() if moment is not None}


PRESENT = Moments(None, None)


def moments_of(*, effective: int | None, recorded: int | None) -> Moments:
    """Each in milliseconds."""
    return Moments(
        None if effective is None else end_of(effective), None if recorded is None else end_of(recorded)
    )


def read_moments() -> Moments:
    """A parameter that is not known is refused: mistyped, it would show what holds now as if it had held then."""
    _refuse_all_but(_NAMES)
    return Moments(_moment("effectiveAsOf"), _moment("recordedAsOf"))


def refuse_moments() -> None:
    """For a read that tells the present alone."""
    _refuse_all_but({})


def _refuse_all_but(known: dict[str, str]) -> None:
    faults = [
        FieldFault(_shown(name), "leave this parameter out: it is not known here")
        for name in request.args
        if name.lower() not in known
    ]
    if faults:
        raise Problem("invalid_fields", "see errors for the parameters to mend", errors=faults)


def _shown(name: str) -> str:
    """A known one by its own name; another is the caller's text, and cut."""
    return _NAMES.get(name.lower(), name[:64] if name.isprintable() else "?")


def _moment(name: str) -> datetime | None:
    sent = [value for key, value in request.args.items(multi=True) if key.lower() == name.lower()]
    if not sent:
        return None
    if len(sent) > 1 or not _is_millisecond(sent[0]):
        fault = FieldFault(name, "send one whole number of milliseconds since 1970-01-01T00:00:00Z")
        raise Problem("invalid_fields", "see errors for the parameters to mend", errors=[fault])
    return end_of(int(sent[0]))


def _is_millisecond(text: str) -> bool:
    digits = text.isascii() and text.isdigit() and len(text) <= _DIGITS_MAX
    return digits and int(text) <= LAST_MILLISECOND
