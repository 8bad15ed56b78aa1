"""What we answer. Every field is named here: no secret of a row gets out because somebody added a column."""

from dataclasses import replace
from datetime import timedelta
from typing import Annotated, Any, Generic, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema
from pydantic.alias_generators import to_camel

from shared.config.settings import Settings
from shared.domain.configuration import EmailConfiguration, Step, allowed_signals
from shared.domain.dns import records_for
from shared.domain.lifecycle import SIGNALS, Administrative, Operational, Trigger
from shared.domain.naming import names_for
from shared.ports.configurations import ConfigurationRecord
from web.intake.configuration import Standing
from web.moments import milliseconds, milliseconds_or_none


class Output(BaseModel):
    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, frozen=True, serialize_by_alias=True
    )


Signal = Annotated[Trigger, WithJsonSchema({"enum": [signal.value for signal in SIGNALS]})]
Moment = Annotated[int, Field(description="Epoch milliseconds.", json_schema_extra={"format": "int64"})]


class AsOf(Output):
    """Since when the record holds, and since when it is known."""

    effective: Moment
    recorded: Moment


class Metadata(Output):
    """`cause` and `reason`: what changed a configuration, and why."""

    tenant_id: UUID
    cause: str | None = None
    reason: str | None = None


Payload = TypeVar("Payload", bound=Output)


class Record(Output, Generic[Payload]):
    """`rId` is of this state of the thing, `payload.eId` of the thing itself. `retired`: it is not in use any more."""

    r_id: UUID
    as_of: AsOf
    payload: Payload
    metadata: Metadata
    author: str
    previous: UUID | None
    retired: bool

    @classmethod
    def model_parametrized_name(cls, params: tuple[Any, ...]) -> str:
        """In the document: JobRecord is what Record[JobPayload] is."""
        return str(params[0].__name__).removesuffix("Payload") + "Record"


class SignatureRequest(Output):
    from_local_part: str
    from_name: str
    reply_to_email: str | None


class Failure(Output):
    """Why provisioning stopped: in which step, and what the provider or the zone said."""

    step: Step
    code: str
    message: str


class Dns(Output):
    """A record that has to be in the zone."""

    name: str
    type: str
    value: str


class Verification(Output):
    """`nextCheckAt` where one configuration was asked for: every check moves it, and leaves no record."""

    started_at: Moment
    next_check_at: Moment | None
    window_ends_at: Moment


class ConfigurationPayload(Output):
    """`allowedSignals` of records that hold now; `inFlight` where one configuration was asked for."""

    e_id: UUID
    sending_domain_slug: str
    sending_domain: str
    server_name: str
    from_address: str
    signature_request: SignatureRequest
    operational: Operational
    operational_since: Moment
    administrative: Administrative
    administrative_since: Moment
    can_send: bool
    allowed_signals: list[Signal] | None
    in_flight: int | None
    failure: Failure | None
    dns: list[Dns]
    verification: Verification | None
    postmark_server_id: int | None
    postmark_signature_id: int | None
    postmark_domain_id: int | None
    postmark_webhook_id: int | None
    created_at: Moment
    updated_at: Moment
    version: int


class Configurations:
    """Records of configurations, with the names that are made from the partition's zone."""

    def __init__(self, settings: Settings) -> None:
        self._zone_name = settings.mail_zone.name
        self._window = timedelta(hours=settings.polling_timeout_hours)

    def standing(self, standing: Standing) -> Record[ConfigurationPayload]:
        return self._record(standing.record, allowed=list(standing.allowed), in_flight=standing.in_flight)

    def current(self, record: ConfigurationRecord) -> Record[ConfigurationPayload]:
        """One of many: what is allowed is told from its own state alone."""
        allowed = list(allowed_signals(record.configuration))
        return self._record(_without_next_check(record), allowed=allowed)

    def past(self, record: ConfigurationRecord) -> Record[ConfigurationPayload]:
        return self._record(_without_next_check(record))

    def _record(
        self,
        record: ConfigurationRecord,
        *,
        allowed: list[Trigger] | None = None,
        in_flight: int | None = None,
    ) -> Record[ConfigurationPayload]:
        return Record(
            r_id=record.r_id,
            as_of=AsOf(
                effective=milliseconds(record.effective_at), recorded=milliseconds(record.recorded_at)
            ),
            payload=self._payload(record.configuration, allowed, in_flight),
            metadata=Metadata(
                tenant_id=record.configuration.tenant_id, cause=record.cause, reason=record.reason
            ),
            author=record.author,
            previous=record.previous,
            retired=record.configuration.retired,
        )

    def _payload(
        self, held: EmailConfiguration, allowed: list[Trigger] | None, in_flight: int | None
    ) -> ConfigurationPayload:
        names = names_for(held.slug, held.from_local_part, self._zone_name)
        failure = held.failure
        return ConfigurationPayload(
            e_id=held.e_id,
            sending_domain_slug=held.slug,
            sending_domain=names.sending_domain,
            server_name=names.server_name,
            from_address=names.from_address,
            signature_request=SignatureRequest(
                from_local_part=held.from_local_part,
                from_name=held.from_name,
                reply_to_email=held.reply_to_email,
            ),
            operational=held.operational,
            operational_since=milliseconds(held.operational_since),
            administrative=held.administrative,
            administrative_since=milliseconds(held.administrative_since),
            can_send=held.can_send,
            allowed_signals=allowed,
            in_flight=in_flight,
            failure=Failure(step=failure.step, code=failure.code, message=failure.message)
            if failure
            else None,
            dns=_dns(held),
            verification=self._verification(held),
            postmark_server_id=held.provisioned.server_id,
            postmark_signature_id=held.provisioned.signature_id,
            postmark_domain_id=held.provisioned.domain_id,
            postmark_webhook_id=held.provisioned.webhook_id,
            created_at=milliseconds(held.created_at),
            updated_at=milliseconds(held.updated_at),
            version=held.version,
        )

    def _verification(self, held: EmailConfiguration) -> Verification | None:
        started_at = held.verification_started_at
        if started_at is None:
            return None
        return Verification(
            started_at=milliseconds(started_at),
            next_check_at=milliseconds_or_none(held.verification_due_at),
            window_ends_at=milliseconds(started_at + self._window),
        )


def _without_next_check(record: ConfigurationRecord) -> ConfigurationRecord:
    return replace(record, configuration=replace(record.configuration, verification_due_at=None))


def _dns(held: EmailConfiguration) -> list[Dns]:
    """What has to be in the zone; known once the provider has named it."""
    records = records_for(held.dns) if held.dns else ()
    return [Dns(name=record.name, type=record.type, value=record.value) for record in records]
