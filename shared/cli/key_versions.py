"""`emailctl keys`: the versions of the encryption key, and the server tokens that each of them sealed."""

from collections.abc import Mapping

import click

from shared import rotating
from shared.bootstrap import Container
from shared.cli.exits import Found, PartlyFailed, Refused
from shared.cli.options import shows
from shared.cli.output import Column, Row
from shared.cli.session import Session, pass_session
from shared.ports.sealed_tokens import VersionUse
from shared.rotating import KeyVersionPorts, version_is

_VERSIONS = (
    Column("version", "VERSION"),
    Column("is", "IS"),
    Column("tokens", "TOKENS"),
    Column("oldest", "OLDEST CONFIGURATION"),
)
_LOOK_SECONDS = 1.0
# Nobody sealed one in so long: workers are away, or what is left cannot be opened.
_STUCK_SECONDS = 60.0


@click.group()
def keys() -> None:
    """The versions of the encryption key. (The API key has `webhooks keys`.)"""


@keys.command()
@shows
@pass_session
def status(session: Session) -> None:
    """Each key version: whether it is mounted here, and how many server tokens need it.

    Ends with 8 when a token needs a version that is not mounted: its configuration cannot send.

    \b
    Examples:
      emailctl keys status
      emailctl keys status -o json
    """
    container = session.container()
    uses = rotating.uses(_ports(container))
    session.out.rows(_VERSIONS, _rows(container, uses), empty="No key is mounted, and no token is sealed.")
    missing = sorted(uses.keys() - container.key_versions.versions)
    if missing:
        raise Found(f"Not mounted, and needed: {', '.join(_named(version) for version in missing)}.")


@keys.command()
@click.option("--wait/--no-wait", default=True, show_default=True, help="Until none is left.")
@shows
@pass_session
def rewrap(session: Session, *, wait: bool) -> None:
    """Have every server token sealed by the current version, now and not when its turn comes.

    The workers do it; broken off, this command may be run again, and they go on without it.

    \b
    Examples:
      emailctl keys rewrap
      emailctl keys rewrap --no-wait
    """
    container = session.container()
    current = rotating.current(_ports(container))
    total = left = rotating.seal_anew(_ports(container), current).behind
    if not wait:
        session.out.say(f"{total} rung for.")
        return
    idle_seconds = 0.0
    with session.out.progress("sealing tokens anew", total) as advance:
        while left and idle_seconds < _STUCK_SECONDS:
            session.tools.wait(_LOOK_SECONDS)
            before, left = left, _behind(container, current)
            advance(max(before - left, 0))
            idle_seconds = 0.0 if left < before else idle_seconds + _LOOK_SECONDS
    session.out.record({"sealed": total - left, "left": left})
    if left:
        raise PartlyFailed(
            f"{left} are as they were: see 'keys status' for versions that are not mounted, and the workers' log."
        )


@keys.command()
@click.argument("version")
@shows
@pass_session
def retire(session: Session, *, version: str) -> None:
    """Whether a version may be taken out of the mounted file. Changes nothing; ends with 5 when it may not.

    \b
    Examples:
      emailctl keys retire 2026-05
    """
    container = session.container()
    if version == rotating.current(_ports(container)):
        raise Refused(f"{version} is the current version: make another one current first.")
    use = rotating.uses(_ports(container)).get(version)
    if use is not None:
        raise Refused(f"{use.rows} server tokens need {version}: run 'emailctl keys rewrap' first.")
    session.out.say(f"No token needs {version}: it may be taken out of the file.")
    if not session.out.for_people:
        session.out.value({"version": version, "mayBeRetired": True})


def _rows(container: Container, uses: Mapping[str, VersionUse]) -> list[Row]:
    mounted, current = container.key_versions.versions, container.key_versions.current_version
    return [
        {
            "version": _named(version),
            "is": version_is(version, current, mounted=version in mounted),
            "tokens": uses[version].rows if version in uses else 0,
            "oldest": uses[version].oldest if version in uses else None,
        }
        for version in sorted({*mounted, *uses})
    ]


def _named(version: str) -> str:
    return version or "(no version: not an envelope of ours)"


def _ports(container: Container) -> KeyVersionPorts:
    return KeyVersionPorts(container.store, container.doorbell, container.key_versions)


def _behind(container: Container, current: str) -> int:
    uses = rotating.uses(_ports(container))
    return sum(use.rows for version, use in uses.items() if version != current)
