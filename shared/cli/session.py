"""What one run of a command works with: options that every command has, and the two ways to the module.

Commands whose deed the HTTP API has speak to the API; the others build the container, as the role `cli`.
"""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Protocol
from uuid import UUID

import click
import requests

from shared.bootstrap import Container, build
from shared.cli.api import Api, dialled
from shared.cli.exits import NotConfigured, Unusable
from shared.cli.output import Format, Output
from shared.cli.outside import exports_of, look_at_broker, look_at_database
from shared.config import InvalidSettings, read
from shared.config.settings import Settings
from shared.domain.audit import checked_reason
from shared.gateways.system.clock import SystemClock
from shared.ports.broker import BrokerLook, QueueDepths
from shared.ports.clock import Clock
from shared.ports.database import DatabaseLook
from shared.telemetry.logging import configure_logging

ROLE = "cli"
_AUTHOR_MAX = 255


def _wait(seconds: float) -> None:
    Event().wait(seconds)


def _build(settings: Settings) -> Container:
    """What the module logs meanwhile goes to standard error, and only what is out of the ordinary."""
    configure_logging(level="WARNING", format="console", role=ROLE)
    return build(settings, ROLE)


class Broker(QueueDepths, BrokerLook, Protocol):
    """Both."""


def _attended() -> bool:
    return sys.stdin is not None and sys.stdin.isatty()


@dataclass(frozen=True, slots=True)
class Tools:
    """The world outside, to be replaced in tests. `wait` takes seconds; `attended`: somebody can be asked."""

    read: Callable[[], Settings] = read
    build: Callable[[Settings], Container] = _build
    dial: Callable[[], requests.Session] = dialled
    wait: Callable[[float], None] = _wait
    attended: Callable[[], bool] = _attended
    clock: Clock = field(default_factory=SystemClock)
    database: Callable[[Settings], DatabaseLook] = look_at_database
    broker: Callable[[Settings], Broker] = look_at_broker
    # Of the endpoint, AWS's own if it is None, and the region.
    exports: Callable[[str | None, str], Mapping[str, str]] = exports_of


@dataclass
class Session:
    """Filled by the options of the command that runs; built on first use."""

    tools: Tools = field(default_factory=Tools)
    format: Format = Format.TABLE
    given_author: str = ""
    given_reason: str = ""
    tenant_id: UUID | None = None
    api_url: str = ""
    api_key: str = field(default="", repr=False)
    api_key_file: Path | None = None
    _container: Container | None = None

    @property
    def out(self) -> Output:
        return Output(self.format)

    @property
    def author(self) -> str:
        """Who does it. Raises `Unusable` when nobody said."""
        author = self.given_author.strip()
        if not author:
            raise Unusable("Say who you are, with --author or in EMAIL_AUTHOR: it is kept with what you do.")
        if len(author) > _AUTHOR_MAX or not author.isascii() or not author.isprintable():
            raise Unusable(f"--author: use 1 to {_AUTHOR_MAX} printable ASCII characters.")
        return author

    @property
    def reason(self) -> str:
        """Why. Raises `Unusable` when nobody said, `InvalidValue` when it is too long."""
        if not self.given_reason.strip():
            raise Unusable("Say why, with --reason: whoever reads it later needs it.")
        return checked_reason(self.given_reason)

    def container(self) -> Container:
        if self._container is None:
            self._container = self.tools.build(self.settings())
        return self._container

    def settings(self) -> Settings:
        """Raises `NotConfigured` with all that is wrong."""
        try:
            return self.tools.read()
        except InvalidSettings as error:
            raise NotConfigured(f"This command works on the rows themselves, and {error}") from None

    def api(self) -> Api:
        """Raises `NotConfigured` with what is missing."""
        if not self.api_url:
            raise NotConfigured("Say where the module is, with --api-url or in EMAIL_API_URL.")
        if self.tenant_id is None:
            raise NotConfigured("Say for which tenant, with --tenant or in EMAIL_TENANT.")
        return Api(self.api_url, self._key(), tenant_id=self.tenant_id, http=self.tools.dial())

    def _key(self) -> str:
        if self.api_key:
            return self.api_key
        if self.api_key_file is None:
            raise NotConfigured("Put the API key into ARDA_API_KEY, or name its file in ARDA_API_KEY_FILE.")
        try:
            return self.api_key_file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            why = type(error).__name__
            raise NotConfigured(
                f"The file with the API key cannot be read ({why}): see ARDA_API_KEY_FILE."
            ) from None


pass_session = click.make_pass_decorator(Session)
