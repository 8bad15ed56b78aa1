"""Which dead letters are meant, as operators say it: `--filter key=value`, any number of times."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeVar
from uuid import UUID

import click
from click.shell_completion import CompletionItem

from shared.cli.exits import Unusable
from shared.cli.session import Session
from shared.cli.times import MomentOrAgo, moment_of
from shared.domain.dead_letter import DeadLetterFilter, Rest, Subject

Command = TypeVar("Command", bound=Callable[..., Any])


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

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        return [CompletionItem(f"{key}=") for key in KEYS if key.startswith(incomplete)]


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


def chooses_or_all(command: Command) -> Command:
    """`--filter` or `--all`, for what changes a thousand letters and has to be meant: see `meant`."""
    everything = click.option(
        "--all", "everything", is_flag=True, help="Every one that is open, whatever it is about."
    )
    return chooses(everything(command))


def meant(session: Session, filters: Sequence[tuple[str, str]], *, everything: bool) -> DeadLetterFilter:
    """Raises `Unusable` unless it is one of the two."""
    if everything == bool(filters):
        raise Unusable("Say which: either --filter or --all.")
    return chosen(session, filters)


def chosen(
    session: Session, filters: Sequence[tuple[str, str]], *, rest: Rest = Rest.OPEN
) -> DeadLetterFilter:
    """Raises `Unusable` for a value that its key cannot have, and for a key that is given twice."""
    keys = [key for key, _ in filters]
    twice = sorted({key for key in keys if keys.count(key) > 1})
    if twice:
        raise Unusable(f"--filter: give {' and '.join(twice)} once; all that is given has to hold.")
    read = {KEYS[key].field: KEYS[key].read(session, key, value) for key, value in filters}
    return DeadLetterFilter(**read, rest=rest)


def as_given(wanted: DeadLetterFilter) -> str:
    """As it would be said with `--filter`."""
    said = {key: getattr(wanted, one.field) for key, one in KEYS.items()}
    return " ".join(f"{key}={_said(value)}" for key, value in said.items() if value is not None) or "all"


def _said(value: object) -> str:
    return f"{value:%Y-%m-%dT%H:%M:%SZ}" if isinstance(value, datetime) else str(value)


@dataclass(frozen=True, slots=True)
class _Key:
    """`field` of `DeadLetterFilter`."""

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
