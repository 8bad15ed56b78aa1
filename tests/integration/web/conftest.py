from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from shared import config
from shared.config.settings import Settings
from shared.persistence import PostgresStore, make_engine, new_id
from tests.fakes.doorbell import RecordingDoorbell
from tests.unit.web.api import KEY, Api, container_of


@pytest.fixture
def settings(database_url: str) -> Settings:
    return config.read(
        {
            "EMAIL_INFRASTRUCTURE": "Alpha002",
            "EMAIL_PARTITION": "dev",
            "EMAIL_DATABASE_URL": database_url,
            "EMAIL_REDIS_URL": "redis://localhost:1/0",
            "EMAIL_MAIL_ZONE_ID": "Z1",
            "EMAIL_MAIL_ZONE_NAME": "dev.ardamails.com",
            "EMAIL_POSTMARK_ACCOUNT_TOKEN": "account-token-of-tests",
            "EMAIL_PUBLIC_BASE_URL": "https://mail.example.com",
            "ARDA_API_KEY": KEY,
            "EMAIL_KEY_MATERIAL_FILE": "nowhere.json",
        }
    )


@pytest.fixture
def short_tempered_engine(database_url: str) -> Iterator[Engine]:
    """Gives up waiting for a lock at once."""
    engine = make_engine(database_url, lock_timeout_seconds=0.2, application_name="email-test")
    yield engine
    engine.dispose()


@pytest.fixture
def doorbell() -> RecordingDoorbell:
    return RecordingDoorbell()


@pytest.fixture
def api(settings: Settings, postgres_store: PostgresStore, doorbell: RecordingDoorbell) -> Api:
    return Api(container_of(settings, postgres_store, doorbell, new_id))
