"""Processes that end as soon as they start: their passwords are not encoded, and drivers take a piece for a port."""

from collections.abc import Iterator

from tests.acceptance.canary.search import Haystack
from tests.acceptance.canary.values import Kind
from tests.acceptance.canary.world import World

_MIGRATIONS = ("alembic", "-c", "shared/persistence/migrations/alembic.ini", "upgrade", "head")
_PATIENCE_SECONDS = 120.0


def refused(world: World) -> Iterator[Haystack]:
    first, second, third = (
        world.canaries.new(f"part {number} of a password that is not encoded", Kind.SECRET)
        for number in (1, 2, 3)
    )
    server = "127.0.0.1:1/email"
    database = f"postgresql://email:{first}@{second}:{third}@{server}"
    broker = f"redis://:{first}/{second}#{third}@{server}"
    started = {
        "the scheduler": world.start("scheduler.main", EMAIL_DATABASE_URL=database, EMAIL_REDIS_URL=broker),
        "a migration": world.start(*_MIGRATIONS, EMAIL_DATABASE_URL=database),
    }
    for name, process in started.items():
        said, _ = process.communicate(timeout=_PATIENCE_SECONDS)
        assert b"percent-encode" in said
        assert process.returncode
        yield Haystack(f"the end of {name} that did not start", said)
