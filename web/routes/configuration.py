"""`/configuration`: a tenant's right to send, its history, and the signals that steer it."""

from collections.abc import Mapping
from datetime import timedelta
from typing import TypeVar
from uuid import UUID

from flask import Blueprint, Response

from shared.bootstrap import Container
from shared.domain.configuration import Verdict
from shared.domain.errors import Conflict
from shared.domain.lifecycle import SIGNALS, Administrative, Trigger
from web import BASE, as_of
from web.answers import Results, answer, page_of
from web.auth import caller
from web.body import read_object, read_optional_object
from web.conditions import ETAG, IF_MATCH, IF_NONE_MATCH, etag, expected_versions, unchanged
from web.intake import configuration as intake
from web.operation import Operation, operation
from web.paging import QueryInput, read_question
from web.problems import FieldFault, Problem
from web.records import ConfigurationPayload, Configurations, Output, Record
from web.routes.callbacks import CallbackRoutes
from web.schemas import ConfigurationInput, SignalInput, validated
from web.verification import VerificationPayload, verification_of

_BYTES_MAX = 65_536
_WRONG_BODY = ("invalid_json", "invalid_fields", "body_cut", "body_too_large", "unsupported_media_type")
_TAGGED = {"ETag": ETAG}
Thing = TypeVar("Thing")


class History(Output):
    """Oldest first."""

    records: list[Record[ConfigurationPayload]]


class ConfigurationRoutes:
    def __init__(self, container: Container) -> None:
        self._depth_max = container.settings.ingress.depth_max
        self._ports = intake.ConfigurationPorts(container.store, container.doorbell, container.new_id)
        self._records = Configurations(container.settings)
        self._callbacks = CallbackRoutes(container)
        self._window = timedelta(hours=container.settings.polling_timeout_hours)

    def blueprint(self) -> Blueprint:
        routes = Blueprint("configuration", __name__, url_prefix=f"{BASE}/configuration")
        routes.post("")(self.create)
        routes.post("/query")(self.query)
        routes.get("/<uuid:e_id>")(self.get)
        routes.get("/<uuid:e_id>/history")(self.history)
        routes.get("/<uuid:e_id>/verification")(self.verification)
        routes.post("/<uuid:e_id>/<signal>")(self.signal)
        self._callbacks.add_to(routes)
        return routes

    @operation(
        Operation(
            summary="Make a configuration, PENDING and LOCKED",
            body=ConfigurationInput,
            answers={201: Record[ConfigurationPayload]},
            problems=(*_WRONG_BODY, "slug_in_use"),
            answer_headers=_TAGGED,
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
        return self._current(standing, 201, {"Location": location})

    @operation(
        Operation(
            summary="One configuration, as it is now or as it was",
            writes=False,
            answers={200: Record[ConfigurationPayload], 304: None},
            parameters=as_of.PARAMETERS,
            conditions={"If-Match": IF_MATCH, "If-None-Match": IF_NONE_MATCH},
            problems=("not_found", "invalid_fields", "precondition_failed"),
            answer_headers=_TAGGED,
        )
    )
    def get(self, e_id: UUID) -> Response:
        moments, tenant_id = as_of.read_moments(), caller().tenant_id
        if not moments.are_past:
            return self._unless_known(_found(intake.get(self._ports, tenant_id, e_id)))
        record = intake.get_as_of(
            self._ports, tenant_id, e_id, effective=moments.effective, recorded=moments.recorded
        )
        return answer(self._records.past(_found(record)))

    @operation(
        Operation(
            summary="Every record of a configuration",
            writes=False,
            answers={200: History},
            parameters=as_of.PARAMETERS,
            problems=("not_found", "invalid_fields"),
        )
    )
    def history(self, e_id: UUID) -> Response:
        moments = as_of.read_moments()
        records = _found(
            intake.history(
                self._ports,
                caller().tenant_id,
                e_id,
                effective=moments.effective,
                recorded=moments.recorded,
            )
        )
        return answer(History(records=[self._records.past(record) for record in records]))

    @operation(
        Operation(
            summary="Why a configuration waits: its records in the zone, and what checks of them found",
            writes=False,
            answers={200: VerificationPayload},
            problems=("not_found", "invalid_fields"),
        )
    )
    def verification(self, e_id: UUID) -> Response:
        as_of.refuse_moments()
        checked = _found(intake.checked(self._ports, caller().tenant_id, e_id))
        return answer(verification_of(checked, window=self._window))

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
        as_of.refuse_moments()
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
            conditions={"If-Match": IF_MATCH},
            problems=(*_WRONG_BODY, "not_found", "signal_refused", "conflict", "precondition_failed"),
            answer_headers=_TAGGED,
        )
    )
    def signal(self, e_id: UUID, signal: str) -> Response:
        if signal not in SIGNALS:
            raise Problem("not_found", f"there is no such signal; there are {', '.join(SIGNALS)}")
        author, expected = caller(), expected_versions()
        sent = validated(SignalInput, read_optional_object(_BYTES_MAX, depth_max=self._depth_max))
        try:
            signalled = intake.signal(
                self._ports,
                author.tenant_id,
                e_id,
                Trigger(signal),
                author=author.author,
                reason=sent.reason,
                expected_versions=expected,
            )
        except intake.OtherVersion as other:
            raise _other_version(other.standing) from None
        return self._signalled(_found(signalled))

    def _signalled(self, signalled: intake.Signalled) -> Response:
        if signalled.decision.verdict is Verdict.REFUSED:
            raise _refused(signalled)
        changed = signalled.decision.verdict is Verdict.CHANGED
        status = 202 if changed and _work_follows(signalled) else 200
        return self._current(signalled.standing, status)

    def _unless_known(self, standing: intake.Standing) -> Response:
        """Preconditions in the order of RFC 9110, 13.2.2."""
        version = standing.record.configuration.version
        expected = expected_versions()
        if expected is not None and version not in expected:
            raise _other_version(standing)
        return unchanged(version) or self._current(standing, 200)

    def _current(
        self, standing: intake.Standing, status: int, headers: Mapping[str, str] | None = None
    ) -> Response:
        tagged = {**etag(standing.record.configuration.version), **(headers or {})}
        return answer(self._records.standing(standing), status, headers=tagged)


def _work_follows(signalled: intake.Signalled) -> bool:
    """Somebody was rung for, or the configuration drains."""
    return signalled.rung or signalled.decision.configuration.administrative is Administrative.LOCKING


def _refused(signalled: intake.Signalled) -> Problem:
    return Problem(
        "signal_refused",
        "the configuration's state does not allow this signal: see allowedSignals",
        headers=etag(signalled.standing.record.configuration.version),
        extension={"reason": signalled.decision.reason, **_states(signalled.standing)},
    )


def _other_version(standing: intake.Standing) -> Problem:
    version = standing.record.configuration.version
    return Problem(
        "precondition_failed",
        "the configuration is at none of the versions that If-Match names; nothing was done",
        headers=etag(version),
        extension={"version": version, **_states(standing)},
    )


def _states(standing: intake.Standing) -> dict[str, object]:
    held = standing.record.configuration
    return {
        "operational": held.operational.value,
        "administrative": held.administrative.value,
        "allowedSignals": [signal.value for signal in standing.allowed],
    }


def _slug_in_use() -> Problem:
    fault = FieldFault("sendingDomainSlug", "choose another: this one belongs to a configuration")
    return Problem("slug_in_use", "the slug belongs to a configuration of this partition", errors=[fault])


def _found(thing: Thing | None) -> Thing:
    if thing is None:
        raise Problem("not_found", "the tenant has no such configuration, or it did not exist at that time")
    return thing
