from collections.abc import Callable
from dataclasses import replace

import pytest
from jinja2 import BytecodeCache
from jinja2.bccache import Bucket
from pydantic import SecretStr

from shared.config.settings import Settings
from shared.ports.doorbell import Doorbell
from shared.ports.store import Store
from tests.fakes.doorbell import RecordingDoorbell
from tests.fakes.store import MemoryStore
from tests.unit.web.api import container_of
from tests.unit.web.console.browser import OPERATOR_KEY, READER_KEY, Browser
from tests.unit.web.console.samples import app_with_samples
from web.app import create_app

Open = Callable[..., Browser]


def with_keys(settings: Settings, *, operator: str | None, reader: str | None) -> Settings:
    keys = {
        "operator_key": SecretStr(operator) if operator else None,
        "reader_key": SecretStr(reader) if reader else None,
    }
    return settings.model_copy(update={"console": settings.console.model_copy(update=keys)})


@pytest.fixture
def opened(settings: Settings) -> Settings:
    """With keys for both roles."""
    return with_keys(settings, operator=OPERATOR_KEY, reader=READER_KEY)


class Compiled(BytecodeCache):
    """Templates of all the applications of a run: each is compiled once."""

    def __init__(self) -> None:
        self._code: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if bucket.key in self._code:
            bucket.bytecode_from_string(self._code[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._code[bucket.key] = bucket.bytecode_to_string()


@pytest.fixture(scope="session")
def compiled() -> BytecodeCache:
    return Compiled()


@pytest.fixture
def browse(opened: Settings, store: MemoryStore, compiled: BytecodeCache) -> Open:
    """A process of its own, with a browser before it that nobody has used yet.

    `samples`: it has the pages of `samples.py` too, which do what pages may do.
    """

    def open(
        settings: Settings | None = None,
        *,
        over: Store | None = None,
        samples: bool = False,
        doorbell: Doorbell | None = None,
    ) -> Browser:
        bell = doorbell or RecordingDoorbell()
        container = container_of(settings or opened, store, bell, clock=store.clock)
        container = replace(container, store=over or store)
        app = app_with_samples(container) if samples else create_app(container)
        app.jinja_env.bytecode_cache = compiled
        return Browser(app)

    return open


@pytest.fixture
def stranger(browse: Open) -> Browser:
    return browse()


@pytest.fixture
def olga(browse: Open) -> Browser:
    """An operator who is signed in."""
    return browse().signed_in("Olga", OPERATOR_KEY)


@pytest.fixture
def rita(browse: Open) -> Browser:
    """A reader who is signed in."""
    return browse().signed_in("Rita", READER_KEY)
