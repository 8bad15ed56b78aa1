"""The pools' actors, declared as in a worker's process, on a broker that goes nowhere."""

from collections.abc import Mapping
from dataclasses import dataclass

import dramatiq
from dramatiq.brokers.stub import StubBroker

from shared import config
from shared.bootstrap import Container, build
from workers.main import POOLS

ENVIRONMENT = {
    "ARDA_API_KEY": "a-key-for-the-architecture",
    "EMAIL_DATABASE_URL": "postgresql://nobody:nothing@localhost:1/none",
    "EMAIL_INFRASTRUCTURE": "Sandbox001",
    "EMAIL_KEY_MATERIAL_FILE": "/nonexistent/key-material.json",
    "EMAIL_MAIL_ZONE_ID": "Z0EXAMPLE",
    "EMAIL_MAIL_ZONE_NAME": "dev.example.com",
    "EMAIL_OPERATOR_KEY": "an-operators-key-for-the-architecture",
    "EMAIL_PARTITION": "dev",
    "EMAIL_POSTMARK_ACCOUNT_TOKEN": "no-token",
    "EMAIL_POSTMARK_BASE_URL": "http://localhost:1",
    "EMAIL_PUBLIC_BASE_URL": "http://localhost:1",
    "EMAIL_READER_KEY": "a-readers-key-for-the-architecture",
    "EMAIL_REDIS_URL": "redis://:nothing@localhost:1/0",
}


@dataclass(frozen=True)
class Pool:
    name: str
    actors: Mapping[str, str]  # name of the actor: its queue


def container() -> Container:
    """The real wiring: each part would connect only when used."""
    return build(config.read(ENVIRONMENT), "architecture")


def declared(wired: Container) -> list[Pool]:
    return [_declared(name, wired) for name in POOLS]


def _declared(name: str, wired: Container) -> Pool:
    broker = StubBroker(middleware=[])
    POOLS[name](broker, wired)
    actors: list[dramatiq.Actor[..., object]] = list(broker.actors.values())
    return Pool(name, {actor.actor_name: actor.queue_name for actor in actors})
