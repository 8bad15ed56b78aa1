"""A process of emailctl, with what it is given by its environment alone."""

import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from threading import Thread

import pytest
from werkzeug.serving import make_server

from shared import config
from shared.persistence import PostgresStore
from shared.persistence.ids import new_id
from tests.fakes.doorbell import RecordingDoorbell
from tests.integration.messaging.conftest import bell, client, make_bell, valkey_url
from tests.unit.web.api import container_of
from web.app import create_app

__all__ = ["bell", "client", "make_bell", "valkey_url"]

KEY = "a-key-that-is-valid-now"
EMAILCTL = [sys.executable, "-X", "utf8", "-c", "from shared.cli.main import main; main()"]
SECONDS_MAX = 120

Emailctl = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def environment(database_url: str, tmp_path: Path) -> dict[str, str]:
    key = tmp_path / "key"
    key.write_text(KEY)
    return {
        "EMAIL_INFRASTRUCTURE": "Alpha002",
        "EMAIL_PARTITION": "dev",
        "EMAIL_DATABASE_URL": database_url,
        "EMAIL_REDIS_URL": "redis://localhost:1/0",
        "EMAIL_MAIL_ZONE_ID": "Z1",
        "EMAIL_MAIL_ZONE_NAME": "dev.ardamails.com",
        "EMAIL_POSTMARK_ACCOUNT_TOKEN": "account-token-of-tests",
        "EMAIL_PUBLIC_BASE_URL": "https://mail.example.com",
        "ARDA_API_KEY_FILE": str(key),
        "EMAIL_KEY_MATERIAL_FILE": str(tmp_path / "nowhere.json"),
        "EMAIL_AUTHOR": "operator@example.com",
    }


@pytest.fixture
def emailctl(environment: dict[str, str]) -> Emailctl:
    """Runs to its end; what is given by name is set beside the environment, None is not set."""

    def run(*args: object, **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*EMAILCTL, *map(str, args)],
            env={**environment, **env},
            capture_output=True,
            text=True,
            timeout=SECONDS_MAX,
            check=False,
            stdin=subprocess.DEVNULL,
        )

    return run


@pytest.fixture
def api_url(environment: Mapping[str, str], postgres_store: PostgresStore) -> Iterator[str]:
    """The API on a port of this machine, with nobody at work behind it."""
    settings = config.read({**environment})
    app = create_app(container_of(settings, postgres_store, RecordingDoorbell(), new_id))
    server = make_server("127.0.0.1", 0, app, threaded=True)
    serving = Thread(target=server.serve_forever)
    serving.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        serving.join()
        server.server_close()
