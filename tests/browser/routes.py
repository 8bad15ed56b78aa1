"""Which pages there are, by the application itself."""

from dataclasses import dataclass

from werkzeug.routing import MapAdapter

from shared import config
from tests.fakes.doorbell import RecordingDoorbell
from tests.fakes.store import MemoryStore
from tests.unit.web.api import KEY, container_of
from web.app import create_app

_SETTINGS = {
    "EMAIL_INFRASTRUCTURE": "Alpha002",
    "EMAIL_PARTITION": "dev",
    "EMAIL_DATABASE_URL": "postgresql://nobody@localhost/none",
    "EMAIL_REDIS_URL": "redis://localhost:1/0",
    "EMAIL_MAIL_ZONE_ID": "Z1",
    "EMAIL_MAIL_ZONE_NAME": "dev.ardamails.com",
    "EMAIL_POSTMARK_ACCOUNT_TOKEN": "account-token-of-tests",
    "EMAIL_PUBLIC_BASE_URL": "https://mail.example.com",
    "EMAIL_KEY_MATERIAL_FILE": "nowhere.json",
    "ARDA_API_KEY": KEY,
    "EMAIL_OPERATOR_KEY": "a-key-of-the-operators",
}


@dataclass(frozen=True)
class Endpoints:
    """Those of the console that are got, and not posted to."""

    all: frozenset[str]
    _routes: MapAdapter

    @classmethod
    def read(cls) -> "Endpoints":
        app = create_app(container_of(config.read(_SETTINGS), MemoryStore(), RecordingDoorbell()))
        got = {
            rule.endpoint
            for rule in app.url_map.iter_rules()
            if rule.rule.startswith("/console") and "GET" in (rule.methods or ())
        }
        return cls(frozenset(got), app.url_map.bind("localhost"))

    def of(self, path: str) -> str:
        endpoint, _ = self._routes.match(path, "GET")
        return str(endpoint)
