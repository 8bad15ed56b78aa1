"""Looks at every place where something may have got to."""

from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

from sandbox.client import BASE
from sandbox.sentry import KEPT_MAX
from tests.acceptance.canary import allowed
from tests.acceptance.canary.search import Haystack
from tests.acceptance.canary.world import World


def look(world: World) -> None:
    """At all of them, once the story is over. Some were looked at before, when there was more to see."""
    evidence = world.evidence
    evidence.metrics += metrics(world)
    documents(world)
    evidence.answers += world.witness.answers
    evidence.tables += world.database.haystacks()
    world.look_at_valkey("at the end")
    world.look_at_processes()
    evidence.logs += logs(world)
    evidence.reports += reports(world)
    evidence.files += files(world)


def logs(world: World) -> Iterator[Haystack]:
    for path in sorted(world.state.logs.glob("*.log")):
        yield Haystack(path.name, path.read_bytes(), allowed.LOGS.get(path.name, frozenset()))


def reports(world: World) -> Iterator[Haystack]:
    envelopes = world.sentry.envelopes()
    assert len(envelopes) < KEPT_MAX, "none was forgotten"
    for number, envelope in enumerate(envelopes):
        kinds = ", ".join(item.type for item in envelope.items)
        yield Haystack(f"envelope {number} ({kinds})", envelope.text.encode())


def metrics(world: World) -> Iterator[Haystack]:
    for role, url in world.places["metrics_urls"].items():
        yield Haystack(f"metrics of {role}", world.stranger.read(url))


def documents(world: World) -> None:
    """The witness keeps them."""
    for path in (f"{BASE}/docs/openApi.json", f"{BASE}/docs", "/healthz", "/readyz"):
        assert world.stranger.send("GET", path).status_code == 200


def files(world: World) -> Iterator[Haystack]:
    """Of the state folder, without those that are there to hold secrets. Logs are a place of their own."""
    folder = world.state.folder
    for path in sorted(folder.rglob("*")):
        inside = str(path.relative_to(folder))
        if path.is_file() and path.parent != world.state.logs and not holds_secrets(inside):
            yield Haystack(inside, _read(path))


def holds_secrets(inside: str) -> bool:
    """`inside`: its path in the state folder."""
    return any(fnmatch(inside, pattern) for pattern in allowed.HOLDS_SECRETS)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:  # gone since it was listed
        return b""
