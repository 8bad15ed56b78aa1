"""Every setting, typed. Read once, at start, by `shared.config.read`; meanings and units stand in `reference.conf`."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    Field,
    SecretStr,
    ValidationInfo,
    field_validator,
    model_validator,
)

from shared.config.group import Group, Seconds
from shared.config.retention import Retention
from shared.config.urls import ServerUrl
from shared.domain.drift import Assertion

Hours = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]

# Where every route of the module begins.
API_BASE = "/v1/shop-access/email"


def _long_enough(key: SecretStr | None) -> SecretStr | None:
    if key is not None and len(key.get_secret_value()) < 16:
        raise ValueError("use a key of at least 16 characters")
    return key


class Switch(Group):
    enabled: bool


class Routes(Group):
    configuration: Switch
    job: Switch
    postmark_events: Switch


class Database(Group):
    url: ServerUrl
    pool_size: Count
    pool_overflow: Annotated[int, Field(ge=0)]
    statement_timeout_seconds: Seconds
    lock_timeout_seconds: Seconds


class Broker(Group):
    url: ServerUrl
    namespace: Annotated[str, Field(min_length=1)]
    heartbeat_timeout_seconds: Seconds
    maintenance_chance: Annotated[int, Field(ge=1, le=1_000_000)]
    socket_timeout_seconds: Seconds
    give_up_after_seconds: Seconds
    ring_flag_seconds: Seconds
    ring_patience_seconds: Seconds


class MailZone(Group):
    id: Annotated[str, Field(min_length=1)]
    name: Annotated[str, Field(min_length=3)]


class Aws(Group):
    region: str
    endpoint_url: str | None = None
    route53_calls_per_second: Annotated[float, Field(gt=0)]


class Postmark(Group):
    base_url: Annotated[str, Field(pattern=r"^https?://")]
    account_token: SecretStr
    connect_timeout_seconds: Seconds
    read_timeout_seconds: Seconds
    webhook_timeout_seconds: Seconds
    account_calls_per_second: Annotated[float, Field(gt=0)]


class ApiKeys(Group):
    current: SecretStr
    previous: SecretStr | None = None

    @field_validator("current", "previous")
    @classmethod
    def long_enough(cls, key: SecretStr | None) -> SecretStr | None:
        return _long_enough(key)

    def valid(self) -> tuple[str, ...]:
        keys = (self.current, self.previous)
        return tuple(key.get_secret_value() for key in keys if key is not None)


class Console(Group):
    enabled: bool
    operator_key: SecretStr | None = None
    reader_key: SecretStr | None = None
    session_minutes: Annotated[float, Field(gt=0)]

    @field_validator("operator_key", "reader_key")
    @classmethod
    def long_enough(cls, key: SecretStr | None) -> SecretStr | None:
        return _long_enough(key)

    @model_validator(mode="after")
    def one_role_a_key(self) -> Self:
        if self.reader_key is not None and self.reader_key == self.operator_key:
            raise ValueError("use two keys for two roles")
        return self


class KeyMaterial(Group):
    file: Path


class Provisioning(Group):
    lease_seconds: Seconds
    retry_base_seconds: Seconds
    attempts_max: Count


class Send(Group):
    batch_size: Annotated[int, Field(ge=1, le=500)]
    batch_bytes: Annotated[int, Field(ge=10_000_000, le=50_000_000)]
    lease_seconds: Seconds
    retry_base_seconds: Seconds
    retry_max_seconds: Seconds
    max_age_hours: Hours
    poison_after: Count
    index_lag_grace_seconds: Annotated[float, Field(ge=0)]
    look_interval_seconds: Seconds
    doubt_limit_hours: Hours
    slow_look_seconds: Seconds
    soft_threshold: Count
    account_pause_seconds: Seconds
    account_pause_max_seconds: Seconds


class Projection(Group):
    batch_size: Count
    retry_seconds: Seconds
    give_up_hours: Hours


class Callbacks(Group):
    away_minutes: Annotated[float, Field(gt=0)]
    check_minutes: Annotated[float, Field(gt=0)]
    calls_per_second: Annotated[float, Field(gt=0)]
    lease_seconds: Seconds
    retry_seconds: Seconds
    attempts_max: Count


class Drift(Group):
    check_interval_minutes: Annotated[float, Field(gt=0)]
    postmark_inventory: Switch
    registry: Switch
    dns: Switch
    calls_per_second: Annotated[float, Field(gt=0)]
    other_zones: tuple[str, ...]
    lease_seconds: Seconds
    retry_seconds: Seconds

    @property
    def every_seconds(self) -> dict[Assertion, float]:
        """Of what is switched on."""
        switches = {
            Assertion.POSTMARK_INVENTORY: self.postmark_inventory,
            Assertion.REGISTRY: self.registry,
            Assertion.DNS: self.dns,
        }
        return {one: self.check_interval_minutes * 60 for one, switch in switches.items() if switch.enabled}


class Ingress(Group):
    job_bytes_max: Count
    batch_bytes_max: Count
    event_bytes_max: Count
    depth_max: Count


class Scheduler(Group):
    sweep_seconds: Seconds
    verification_seconds: Seconds
    reconcile_seconds: Seconds
    registry_seconds: Seconds
    sweep_limit: Count
    leader_seconds: Seconds


class Worker(Group):
    liveness_file: Path | None = None
    stuck_after_seconds: Seconds
    drain_seconds: Seconds
    dead_after: Count
    forget_after_seconds: Seconds


class Sentry(Group):
    dsn: SecretStr | None = None
    sample_rate: Annotated[float, Field(ge=0, le=1)]
    traces_sample_rate: Annotated[float, Field(ge=0, le=1)]
    release: str | None = None


class Metrics(Group):
    host: str
    port: Annotated[int, Field(ge=0, le=65_535)]


class Log(Group):
    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"]
    format: Literal["json", "console"]


class Settings(Group):
    """The whole of `extras`, and `routes` beside it."""

    routes: Routes
    infrastructure: Annotated[str, Field(min_length=1)]
    partition: Literal["dev", "stage", "demo", "prod"]
    purpose: str | None = None
    database: Database
    broker: Broker
    mail_zone: MailZone
    aws: Aws
    postmark: Postmark
    fault_points: str
    public_base_url: Annotated[str, Field(pattern=r"^https?://")]
    api_keys: ApiKeys
    console: Console
    key_material: KeyMaterial
    polling_interval_seconds: Seconds
    polling_timeout_hours: Hours
    provisioning: Provisioning
    send: Send
    projection: Projection
    callbacks: Callbacks
    drift: Drift
    retention: Retention
    ingress: Ingress
    scheduler: Scheduler
    worker: Worker
    sentry: Sentry
    metrics: Metrics
    log: Log

    @field_validator("console")
    @classmethod
    def keys_of_its_own(cls, console: Console, others: ValidationInfo) -> Console:
        """A service's key must not open the console, nor a person's the API."""
        api_keys = others.data.get("api_keys")
        keys = {key.get_secret_value() for key in (console.operator_key, console.reader_key) if key}
        if api_keys is not None and keys.intersection(api_keys.valid()):
            raise ValueError("use keys that are none of the API keys")
        return console

    @property
    def environment(self) -> str:
        """The name of this deployment in Sentry."""
        return f"{self.infrastructure}-{self.purpose or self.partition}"

    @property
    def webhook_url(self) -> str:
        """Where the provider posts its events."""
        return f"{self.public_base_url.rstrip('/')}{API_BASE}/job/postmark-events"
