"""`/configuration`: a tenant's right to send, its history, and the signals that steer it."""

from datetime import datetime
from typing import TypeVar
from uuid import UUID

from flask import Blueprint, Response, request

from shared.bootstrap import Container
from shared.domain.configuration import Verdict
from shared.domain.errors import Conflict
from shared.domain.lifecycle import SIGNALS, Administrative, Trigger
from web import BASE
from web.answers import Results, answer, page_of
from web.auth import caller
from web.body import read_object, read_optional_object
from web.intake import configuration as intake
from web.moments import LAST_MILLISECOND, end_of
from web.operation import Operation, operation
from web.paging import QueryInput, read_question
from web.problems import FieldFault, Problem
from web.records import ConfigurationPayload, Configurations, Output, Record
from web.schemas import ConfigurationInput, SignalInput, validated

_BYTES_MAX = 65_536
_WRONG_BODY = ("invalid_json", "invalid_fields", "body_too_large", "unsupported_media_type")
_AS_OF = {
    "effectiveAsOf": "epoch milliseconds: the record that held then",
    "recordedAsOf": "epoch milliseconds: by what had been recorded until then",
}
Thing = TypeVar("Thing")


class History(Output):
    """Oldest first."""

    records: list[Record[ConfigurationPayload]]


class ConfigurationRoutes:
    def __init__(self, container: Container) -> None:
        self._depth_max = container.settings.ingress.depth_max
        self._ports = intake.ConfigurationPorts(container.store, container.doorbell, container.new_id)
        self._records = Configurations(container.settings)

    def blueprint(self) -> Blueprint:
        routes = Blueprint("configuration", __name__, url_prefix=f"{BASE}/configuration")
        routes.post("")(self.create)
        routes.post("/query")(self.query)
        routes.get("/<uuid:e_id>")(self.get)
        routes.get("/<uuid:e_id>/history")(self.history)
        routes.post("/<uuid:e_id>/<signal>")(self.signal)
        return routes

    @operation(
        Operation(
            summary="Make a configuration, PENDING and LOCKED",
            body=ConfigurationInput,
            answers={201: Record[ConfigurationPayload]},
            problems=(*_WRONG_BODY, "slug_in_use"),
        )
    )
    def create(self) -> Response:
        author = caller()
        sent = validated(ConfigurationInput, read_object(_BYTES_MAX, depth_max=self._depth_max))
        wanted = intake.NewConfiguration(
            slug=sent.sending_domain_slug,
            from_local_part=sent.signature_request.from_local_part,
            from_name=sent.signature_request.from_name,
            reply_to_email=sent.signature_request.reply_to_email,
        )
        try:
            standing = intake.create(self._ports, author.tenant_id, author.author, wanted)
        except Conflict:
            raise _slug_in_use() from None
        location = f"{BASE}/configuration/{standing.record.configuration.e_id}"
        return answer(self._records.standing(standing), 201, headers={"Location": location})

    @operation(
        Operation(
            summary="One configuration, as it is now or as it was",
            writes=False,
            answers={200: Record[ConfigurationPayload]},
            parameters=_AS_OF,
            problems=("not_found", "invalid_fields"),
        )
    )
    def get(self, e_id: UUID) -> Response:
        effective, recorded = _as_of("effectiveAsOf"), _as_of("recordedAsOf")
        tenant_id = caller().tenant_id
        if effective is None and recorded is None:
            standing = intake.get(self._ports, tenant_id, e_id)
            return answer(self._records.standing(_found(standing)))
        record = intake.get_as_of(self._ports, tenant_id, e_id, effective=effective, recorded=recorded)
        return answer(self._records.past(_found(record)))

    @operation(
        Operation(
            summary="Every record of a configuration",
            writes=False,
            answers={200: History},
            problems=("not_found",),
        )
    )
    def history(self, e_id: UUID) -> Response:
        records = _found(intake.history(self._ports, caller().tenant_id, e_id))
        return answer(History(records=[self._records.past(record) for record in records]))

    @operation(
        Operation(
            summary="The tenant's configurations",
            writes=False,
            body=QueryInput,
            body_required=False,
            answers={200: Results[Record[ConfigurationPayload]]},
            problems=_WRONG_BODY,
        )
    )
    def query(self) -> Response:
        question = read_question()
        page = intake.query(self._ports, caller().tenant_id, question.query)
        rows = [self._records.current(record) for record in page.rows]
        return answer(page_of(question, rows, more=page.more))

    @operation(
        Operation(
            summary="Steer a configuration: " + ", ".join(SIGNALS),
            body=SignalInput,
            body_required=False,
            answers={200: Record[ConfigurationPayload], 202: Record[ConfigurationPayload]},
            problems=(*_WRONG_BODY, "not_found", "signal_refused", "conflict"),
        )
    )
    def signal(self, e_id: UUID, signal: str) -> Response:
        if signal not in SIGNALS:
            raise Problem("not_found", f"there is no such signal; there are {', '.join(SIGNALS)}")
        author = caller()
        sent = validated(SignalInput, read_optional_object(_BYTES_MAX, depth_max=self._depth_max))
        signalled = intake.signal(
            self._ports,
            author.tenant_id,
            e_id,
            Trigger(signal),
            author=author.author,
            reason=sent.reason,
        )
        return self._signalled(_found(signalled))

    def _signalled(self, signalled: intake.Signalled) -> Response:
        if signalled.decision.verdict is Verdict.REFUSED:
            raise _refused(signalled)
        changed = signalled.decision.verdict is Verdict.CHANGED
        status = 202 if changed and _work_follows(signalled) else 200
        return answer(self._records.standing(signalled.standing), status)


def _work_follows(signalled: intake.Signalled) -> bool:
    """Somebody was rung for, or the configuration drains."""
    return signalled.rung or signalled.decision.configuration.administrative is Administrative.LOCKING


def _refused(signalled: intake.Signalled) -> Problem:
    held = signalled.decision.configuration
    return Problem(
        "signal_refused",
        "the configuration's state does not allow this signal: see allowedSignals",
        extension={
            "reason": signalled.decision.reason,
            "operational": held.operational.value,
            "administrative": held.administrative.value,
            "allowedSignals": [signal.value for signal in signalled.standing.allowed],
        },
    )


def _slug_in_use() -> Problem:
    fault = FieldFault("sendingDomainSlug", "choose another: this one belongs to a configuration")
    return Problem("slug_in_use", "the slug belongs to a configuration of this partition", errors=[fault])


def _found(thing: Thing | None) -> Thing:
    if thing is None:
        raise Problem("not_found", "the tenant has no such configuration, or it did not exist at that time")
    return thing


def _as_of(name: str) -> datetime | None:
    """Query parameters in any letter case."""
    sent = [value for key, value in request.args.items(multi=True) if key.lower() == name.lower()]
    if not sent:
        return None
    if len(sent) > 1 or not sent[0].isascii() or not sent[0].isdigit() or len(sent[0]) > 15:
        raise _no_moment(name)
    if int(sent[0]) > LAST_MILLISECOND:
        raise _no_moment(name)
    return end_of(int(sent[0]))


def _no_moment(name: str) -> Problem:
    fault = FieldFault(name, "send one whole number of milliseconds since 1970-01-01T00:00:00Z")
    return Problem("invalid_fields", "see errors for the parameters to mend", errors=[fault])
