"""Which dead letters are meant, as operators say it: `--filter key=value`, any number of times."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeVar
from uuid import UUID

import click

from shared.cli.exits import Unusable
from shared.cli.session import Session
from shared.cli.times import MomentOrAgo, moment_of
from shared.domain.dead_letter import DeadLetterFilter, Rest, Subject

Command = TypeVar("Command", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Chosen:
    """All that is given has to hold. `actor` holds for messages alone."""

    rows: DeadLetterFilter
    actor: str | None = None


class Filters(click.ParamType[tuple[str, str]]):
    name = "key=value"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str]:
        if isinstance(value, tuple):
            return value
        key, separator, wanted = value.partition("=")
        if not separator or not wanted or key not in KEYS:
            self.fail(f"give key=value, where the key is one of {', '.join(KEYS)}.", param, ctx)
        return key, wanted


def chooses(command: Command) -> Command:
    """`--filter`, given to the command as `filters`: see `chosen`."""
    return click.option(
        "--filter",
        "filters",
        type=Filters(),
        multiple=True,
        help="Only where this holds: subject=job, class=expired, tenant=..., configuration=..., "
        "actor=SendJobs, since=2h, until=2026-11-22T01:00Z. May be given several times.",
    )(command)


def chosen(session: Session, filters: Sequence[tuple[str, str]], *, rest: Rest = Rest.OPEN) -> Chosen:
    """Raises `Unusable` for a value that its key cannot have, and for a key that is given twice."""
    keys = [key for key, _ in filters]
    twice = sorted({key for key in keys if keys.count(key) > 1})
    if twice:
        raise Unusable(f"--filter: give {' and '.join(twice)} once; all that is given has to hold.")
    read = {KEYS[key].field: KEYS[key].read(session, key, value) for key, value in filters}
    actor = read.pop("actor", None)
    return Chosen(DeadLetterFilter(**read, rest=rest), actor)


@dataclass(frozen=True, slots=True)
class _Key:
    """`field` of `DeadLetterFilter`, or `actor`."""

    field: str
    read: Callable[[Session, str, str], Any]


def _subject(_: Session, key: str, value: str) -> Subject:
    try:
        return Subject(value)
    except ValueError:
        raise Unusable(f"--filter {key}: give one of {', '.join(Subject)}.") from None


def _text(_: Session, __: str, value: str) -> str:
    return value


def _id(_: Session, key: str, value: str) -> UUID:
    try:
        return UUID(value)
    except ValueError:
        raise Unusable(f"--filter {key}: give an id.") from None


def _moment(session: Session, key: str, value: str) -> datetime:
    try:
        return moment_of(session, MomentOrAgo().convert(value, None, None))
    except click.BadParameter as fault:
        raise Unusable(f"--filter {key}: {fault.message}") from None


KEYS: Final[Mapping[str, _Key]] = {
    "subject": _Key("subject", _subject),
    "class": _Key("error_class", _text),
    "tenant": _Key("tenant_id", _id),
    "configuration": _Key("configuration_id", _id),
    "actor": _Key("actor", _text),
    "since": _Key("raised_from", _moment),
    "until": _Key("raised_until", _moment),
}
