"""The module with everything it stands on in memory, and commands run against it as a shell would."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from functools import cached_property
from hashlib import sha256
from io import BytesIO
from typing import Any

import requests
from click.testing import CliRunner, Result
from flask import Flask
from requests.adapters import BaseAdapter
from structlog.testing import capture_logs
from urllib3 import HTTPResponse

from shared.bootstrap import Container
from shared.cli.api import Api
from shared.cli.main import cli
from shared.cli.session import Tools
from shared.config.settings import Settings
from shared.domain.configuration import EmailConfiguration
from shared.domain.webhook import fingerprint
from shared.persistence.ids import new_id
from shared.ports.mail import MailAccount, WebhookSpec
from tests import factories
from tests.fakes.dns import FakeZone
from tests.fakes.doorbell import RecordingDoorbell
from tests.fakes.inventory import FakeMailInventory, FakeZoneInventory
from tests.fakes.key_material import FakeCipher
from tests.fakes.mail import FakeMailAccount, FakeTakenMessages
from tests.fakes.postmark import FakePostmark
from tests.fakes.store import MemoryStore
from tests.unit.cli.neighbours import FakeBroker, FakeDatabase
from tests.unit.web.api import KEY, PREVIOUS_KEY, container_of
from web.app import create_app

URL = "https://mail.example.com/v1/shop-access/email/job/postmark-events"
OPERATOR = "operator@example.com"
_KNOWN = (
    "EMAIL_AUTHOR",
    "EMAIL_TENANT",
    "EMAIL_API_URL",
    "ARDA_API_KEY",
    "ARDA_API_KEY_FILE",
    "EMAIL_INFRASTRUCTURE",
    "EMAIL_PARTITION",
    "EMAIL_AWS_ENDPOINT_URL",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
)


def token_of(configuration: EmailConfiguration) -> str:
    """The routing token that its webhook carries."""
    return f"routing-token-of-{configuration.slug}"


class World:
    """`waited`: the seconds of every wait, during which the clock goes on and `meanwhile` happens."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.store = MemoryStore()
        self.doorbell = RecordingDoorbell()
        self.zone = FakeZone(settings.mail_zone.name)
        self.postmark = FakePostmark(self.zone)
        self.broker = FakeBroker()
        self.database = FakeDatabase(self.store.clock)
        # Of CloudFormation; or what listing them raises.
        self.exports: dict[str, str] | Exception = {}
        self.mail_account: MailAccount = FakeMailAccount(self.postmark)
        self.cipher = FakeCipher()
        self.waited: list[float] = []
        self.meanwhile: list[Callable[[], object]] = []
        self.requests: list[requests.PreparedRequest] = []
        self.api_is_down = False
        # Requests until it is.
        self.api_is_down_after: int | None = None
        self.env: dict[str, str | None] = {**dict.fromkeys(_KNOWN), "EMAIL_AUTHOR": OPERATOR}

    @property
    def container(self) -> Container:
        plain = container_of(self.settings, self.store, self.doorbell, new_id, self.store.clock)
        return replace(
            plain,
            mail_account=self.mail_account,
            taken_messages=FakeTakenMessages(self.postmark),
            cipher=self.cipher,
            key_versions=self.cipher,
            dns_zone=self.zone,
            mail_inventory=FakeMailInventory(self.postmark),
            zone_inventory=FakeZoneInventory(self.zone),
        )

    @cached_property
    def app(self) -> Flask:
        """The API, which takes longer to make than a command to run."""
        return create_app(self.container)

    def run(self, *args: object, answer: str | None = None, **env: str | None) -> Result:
        """`answer`: what somebody at a terminal says to the question."""
        tools = Tools(
            read=lambda: self.settings,
            build=lambda _: self.container,
            dial=self._dial,
            wait=self._wait,
            attended=lambda: answer is not None,
            clock=self.store.clock,
            database=lambda _: self.database,
            broker=lambda _: self.broker,
            exports=self._list_exports,
        )
        return CliRunner().invoke(
            cli, [str(arg) for arg in args], obj=tools, env={**self.env, **env}, input=answer
        )

    def run_json(self, *args: object, code: int = 0) -> Any:
        result = self.run(*args, "-o", "json")
        assert result.exit_code == code, result.output
        return json.loads(result.stdout)

    def with_api(self) -> "World":
        """Speaking to the API as `factories.TENANT`."""
        self.env |= {
            "EMAIL_API_URL": "https://mail.example.com",
            "EMAIL_TENANT": str(factories.TENANT),
            "ARDA_API_KEY": KEY,
        }
        return self

    def api(self) -> Api:
        return Api("https://mail.example.com", KEY, tenant_id=factories.TENANT, http=self._dial())

    def _wait(self, seconds: float) -> None:
        self.waited.append(seconds)
        self.store.advance(seconds=seconds)
        if self.meanwhile:
            self.meanwhile.pop(0)()

    def _list_exports(self, endpoint_url: str | None, region: str) -> Mapping[str, str]:
        if isinstance(self.exports, Exception):
            raise self.exports
        return self.exports

    def _dial(self) -> requests.Session:
        session = requests.Session()
        session.mount("https://", OverFlask(self))
        return session

    def add_configuration(
        self, *, key: str = PREVIOUS_KEY, noted: str | None = PREVIOUS_KEY, **given: Any
    ) -> EmailConfiguration:
        """With a server and a webhook that shows `key`; `noted`: the key that our row knows of."""
        e_id = new_id()
        slug = f"tenant-{e_id.hex[-6:]}"
        server = self.postmark.add_server(f"server-of-{slug}")
        tenant_id = given.get("tenant_id", factories.TENANT)
        bare = factories.sendable(
            e_id=e_id, slug=slug, administrative=factories.configuration().administrative
        )
        webhook_id = self.add_webhook(server.token, key=key, routing_token=token_of(bare))
        provisioned = replace(
            bare.provisioned,
            server_id=server.server_id,
            server_token=self.cipher.encrypt(server.token, tenant_id=tenant_id, configuration_id=e_id),
            webhook_id=webhook_id,
        )
        digest = sha256(token_of(bare).encode()).digest()
        configuration = replace(bare, provisioned=provisioned, routing_token_hash=digest, **given)
        with self.store.begin() as tx:
            tx.configurations.add(configuration, factories.CREATED)
            if noted is not None:
                tx.webhook_keys.set(e_id, fingerprint(noted))
        return configuration

    def add_webhook(self, server_token: str, *, key: str, routing_token: str) -> int:
        webhook_id = self.postmark.next_id()
        spec = WebhookSpec(url=URL, bearer=key, routing_token=routing_token)
        self.postmark.server_of(server_token).webhooks[webhook_id] = spec
        return webhook_id

    def server_token(self, configuration: EmailConfiguration) -> str:
        server_id = configuration.provisioned.server_id
        assert server_id is not None
        return self.postmark.servers[server_id].token

    def webhooks(self, configuration: EmailConfiguration) -> Mapping[int, WebhookSpec]:
        return self.postmark.server_of(self.server_token(configuration)).webhooks

    def shown_keys(self, *configurations: EmailConfiguration) -> list[str]:
        """By all of their webhooks, at the provider."""
        return [spec.bearer for one in configurations for spec in self.webhooks(one).values()]

    def behind(self) -> int:
        """How many rows say that their webhook does not show the current key."""
        with self.store.begin() as tx:
            return len(tx.webhook_keys.behind(fingerprint(KEY), after=None, limit=1000))

    def hour_passes(self, hours: float = 1.0) -> None:
        self.store.advance(timedelta(hours=hours))


class OverFlask(BaseAdapter):
    """Requests reach the application without a network."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        self._world.requests.append(request)
        limit = self._world.api_is_down_after
        if self._world.api_is_down or (limit is not None and len(self._world.requests) > limit):
            raise requests.ConnectionError("nobody there", request=request)
        # What the server logs is not on the operator's terminal.
        with capture_logs():
            answer = self._world.app.test_client().open(
                request.path_url, method=request.method, headers=dict(request.headers), data=request.body
            )
            body = answer.get_data()
        response = requests.Response()
        response.status_code = answer.status_code
        response.headers.update(answer.headers)
        response.request = request
        response.url = request.url or ""
        response.raw = HTTPResponse(BytesIO(body), status=answer.status_code, preload_content=False)
        return response

    def close(self) -> None:
        """Nothing is open."""
