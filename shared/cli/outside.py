"""What commands look at beside the container's ports: made here, and connected to when it is first asked."""

from collections.abc import Mapping

from shared.config.settings import Settings
from shared.gateways.cloudformation.exports import make_cloudformation_client, read_exports
from shared.messaging.depths import RedisLook, build_look
from shared.persistence.condition import PostgresLook
from shared.persistence.engine import make_engine


def look_at_database(settings: Settings) -> PostgresLook:
    engine = make_engine(
        settings.database.url.get_secret_value(),
        pool_size=1,
        statement_timeout_seconds=settings.database.statement_timeout_seconds,
        lock_timeout_seconds=settings.database.lock_timeout_seconds,
        application_name="email-cli",
    )
    return PostgresLook(engine)


def look_at_broker(settings: Settings) -> RedisLook:
    broker = settings.broker
    return build_look(
        broker.url.get_secret_value(),
        namespace=broker.namespace,
        timeout_seconds=broker.socket_timeout_seconds,
    )


def exports_of(endpoint_url: str | None, region: str) -> Mapping[str, str]:
    """Every export of the account and region. Raises `ProviderError`."""
    return read_exports(make_cloudformation_client(endpoint_url, region))
