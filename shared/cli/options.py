"""Options that many commands share, as decorators. What they are given ends up in the `Session`."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from shared.cli.exits import Refused
from shared.cli.output import Format
from shared.cli.session import Session
from shared.cli.times import Span

Command = TypeVar("Command", bound=Callable[..., Any])
Decorator = Callable[[Command], Command]


class FromEnvironment(click.Option):
    """A secret: never an argument, where every process on the machine could read it."""

    def add_to_parser(self, parser: Any, ctx: click.Context) -> None:
        """It is none of the arguments."""

    def get_help_record(self, ctx: click.Context) -> None:
        return None


def _kept(name: str) -> Callable[[click.Context, click.Parameter, Any], None]:
    """A callback that keeps the value in the session, under this name."""

    def keep(ctx: click.Context, _: click.Parameter, value: Any) -> None:
        if value is not None:
            setattr(ctx.ensure_object(Session), name, value)

    return keep


def shows(command: Command) -> Command:
    """`-o`: how the result is shown."""
    return click.option(
        "-o",
        "--output",
        type=click.Choice(Format, case_sensitive=False),
        default=Format.TABLE,
        show_default="table",
        expose_value=False,
        callback=_kept("format"),
        help="A table for people, JSON or YAML for programs.",
    )(command)


def writes(command: Command) -> Command:
    """`--author`: who does it."""
    return click.option(
        "--author",
        envvar="EMAIL_AUTHOR",
        show_envvar=True,
        expose_value=False,
        callback=_kept("given_author"),
        help="Who does it: kept with the deed.",
    )(command)


def gives_reason(command: Command) -> Command:
    """`--reason`: why."""
    return click.option(
        "--reason", expose_value=False, callback=_kept("given_reason"), help="Why: kept with the deed."
    )(command)


def waits(default: str) -> Callable[[Command], Command]:
    """`--timeout`, given to the command as `timeout`, a timedelta: for how long it waits for others."""
    return click.option(
        "--timeout",
        type=Span(),
        default=default,
        show_default=True,
        help="For how long to wait, such as 90s, 15m or 2h.",
    )


def calls_api(command: Command) -> Command:
    """Where the API is, the key for it, and the tenant it is asked about."""
    options = (
        click.option(
            "--tenant",
            type=click.UUID,
            envvar="EMAIL_TENANT",
            show_envvar=True,
            expose_value=False,
            callback=_kept("tenant_id"),
            help="The tenant's id.",
        ),
        click.option(
            "--api-url",
            envvar="EMAIL_API_URL",
            show_envvar=True,
            expose_value=False,
            callback=_kept("api_url"),
            help="Where the module answers, such as https://mail.example.com.",
        ),
        click.option(
            "--api-key-file",
            type=click.Path(path_type=Path),
            envvar="ARDA_API_KEY_FILE",
            show_envvar=True,
            expose_value=False,
            callback=_kept("api_key_file"),
            help="A file with the API key; ARDA_API_KEY, the key itself, comes before it.",
        ),
        click.option(
            "--api-key",
            cls=FromEnvironment,
            envvar="ARDA_API_KEY",
            expose_value=False,
            callback=_kept("api_key"),
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


def asks(command: Command) -> Command:
    """`--yes`, given to the command as `yes`: see `confirm`."""
    return click.option("-y", "--yes", is_flag=True, help="Do not ask.")(command)


def reason_for(session: Session, question: str) -> str:
    """The reason that was given; asked for where somebody is there to answer."""
    if not session.given_reason.strip() and session.tools.attended():
        session.given_reason = click.prompt(question, err=True)
    return session.reason


def confirm(session: Session, question: str, *, yes: bool) -> None:
    """Before what destroys. Where nobody can answer it has to be said with `--yes`."""
    if yes:
        return
    if not session.tools.attended():
        raise Refused(f"{question} Nobody is there to answer: say it with --yes.")
    click.confirm(question, abort=True, err=True)
