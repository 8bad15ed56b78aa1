"""`emailctl config`: the settings, as the module's processes read them. Works on the environment alone."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import click
from pydantic import SecretStr

from shared.cli.exits import NotConfigured
from shared.cli.options import shows
from shared.cli.output import Column
from shared.cli.session import Session, pass_session
from shared.config import ROOT, InvalidSettings
from shared.config.group import Group

_COLUMNS = (Column("setting", "SETTING"), Column("value", "VALUE"))
_FAULTS = (Column("fault", "FAULT"),)
_SECRET = "***"  # noqa: S105 - what stands for one


@click.group("config")
def config() -> None:
    """The settings that a process would start with here: shared/config/reference.conf says what each means."""


@config.command()
@shows
@pass_session
def check(session: Session) -> None:
    """Read the settings as a process does at its start. Ends with 3 and all that is wrong, or says that they will do.

    Whether what they name is there, 'emailctl doctor' finds out.

    \b
    Examples:
      emailctl config check
      EMAIL_CONFIG_FILE=override.conf emailctl config check -o json
    """
    out = session.out
    try:
        settings = session.tools.read()
    except InvalidSettings as error:
        out.rows(_FAULTS, [{"fault": fault} for fault in error.faults], empty="")
        count = len(error.faults)
        raise NotConfigured(f"{count} to mend: no process would start with these settings.") from None
    out.say(f"They will do, for {settings.environment}.")
    if not out.for_people:
        out.value([])


@config.command()
@shows
@pass_session
def show(session: Session) -> None:
    """Show every setting as it is in effect: defaults, the file of EMAIL_CONFIG_FILE, and the environment. No secrets.

    \b
    Examples:
      emailctl config show
      emailctl config show -o yaml
      emailctl config show | grep drift
    """
    plain, out = _plain(session.settings()), session.out
    nested = {"routes": plain.pop("routes"), "extras": plain}
    if out.for_people:
        rows = [{"setting": name, "value": _spelled(value)} for name, value in _flat(nested)]
        out.table(_COLUMNS, rows)
    else:
        value: Any = nested
        for part in reversed(ROOT.split(".")):
            value = {part: value}
        out.value(value)


def _plain(group: Group) -> dict[str, Any]:
    """By the names of the file. A secret that is not set is null."""
    fields = type(group).model_fields
    return {field.alias or name: _shown(getattr(group, name)) for name, field in fields.items()}


def _shown(value: object) -> object:
    match value:
        case Group():
            return _plain(value)
        case SecretStr():
            return _SECRET
        case None | bool() | int() | float() | str():
            return value
        case list() | tuple():
            return [_shown(one) for one in value]
        case Mapping():
            return {str(name): _shown(one) for name, one in value.items()}
    return str(value)


def _spelled(value: object) -> str | None:
    """As the file has it, but for the quotes of plain texts."""
    return value if value is None or isinstance(value, str) else json.dumps(value)


def _flat(values: Mapping[str, Any], *above: str) -> Iterator[tuple[str, object]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, *above, name)
        else:
            yield ".".join((*above, name)), value
