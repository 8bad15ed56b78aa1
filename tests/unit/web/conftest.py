from contextlib import AbstractContextManager
from datetime import datetime

import pytest

from shared import config
from shared.config.settings import Settings
from shared.ports.doorbell import Message
from shared.ports.store import Transaction
from tests.fakes.doorbell import RecordingDoorbell
from tests.fakes.store import MemoryStore
from tests.unit.web.api import KEY, PREVIOUS_KEY, Api, container_of


@pytest.fixture(scope="session")
def settings() -> Settings:
    return config.read(
        {
            "EMAIL_INFRASTRUCTURE": "Alpha002",
            "EMAIL_PARTITION": "dev",
            "EMAIL_DATABASE_URL": "postgresql://nobody@localhost/none",
            "EMAIL_REDIS_URL": "redis://localhost:1/0",
            "EMAIL_MAIL_ZONE_ID": "Z1",
            "EMAIL_MAIL_ZONE_NAME": "dev.ardamails.com",
            "EMAIL_POSTMARK_ACCOUNT_TOKEN": "account-token-of-tests",
            "EMAIL_PUBLIC_BASE_URL": "https://mail.example.com",
            "ARDA_API_KEY": KEY,
            "ARDA_API_KEY_PREVIOUS": PREVIOUS_KEY,
            "EMAIL_KEY_MATERIAL_FILE": "nowhere.json",
        }
    )


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def doorbell() -> RecordingDoorbell:
    return RecordingDoorbell()


class Current:
    """The store, its clock and the doorbell of the test that runs: one application serves them all."""

    store: MemoryStore
    doorbell: RecordingDoorbell

    def begin(self) -> AbstractContextManager[Transaction]:
        return self.store.begin()

    def ping(self) -> None:
        self.store.ping()

    def now(self) -> datetime:
        return self.store.clock.now()

    def ring(self, *messages: Message) -> bool:
        return self.doorbell.ring(*messages)

    def ring_again(self, *messages: Message) -> bool:
        return self.doorbell.ring_again(*messages)


@pytest.fixture(scope="session")
def application(settings: Settings) -> tuple[Current, Api]:
    current = Current()
    return current, Api(container_of(settings, current, current, clock=current))


@pytest.fixture
def api(application: tuple[Current, Api], store: MemoryStore, doorbell: RecordingDoorbell) -> Api:
    current, api = application
    current.store, current.doorbell = store, doorbell
    return api
