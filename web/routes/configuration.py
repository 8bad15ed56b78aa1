"""`/configuration`: a tenant's right to send, its history, and the signals that steer it."""

from datetime import timedelta
from uuid import UUID

from flask import Blueprint, Response

from shared.bootstrap import Container
from shared.domain.errors import Conflict
from web import BASE, as_of, conditions
from web.answers import Results, answer, page_of
from web.auth import caller
from web.body import read_object
from web.conditions import ETAG, IF_MATCH, IF_NONE_MATCH, expected_versions, unchanged
from web.examples import configuration as examples
from web.examples import verification
from web.intake import configuration as intake
from web.operation import Link, Operation, operation
from web.paging import QueryInput, read_question
from web.problems import BODY_PROBLEMS, FieldFault, Problem
from web.records import ConfigurationPayload, Configurations, Output, Record
from web.routes.callbacks import CallbackRoutes
from web.routes.signals import NEXT, Signals
from web.schemas import ConfigurationInput, validated
from web.standings import current, found, other_version
from web.verification import VerificationPayload, verification_of

_BYTES_MAX = 65_536


class History(Output):
    """Oldest first."""

    records: list[Record[ConfigurationPayload]]


class ConfigurationRoutes:
    def __init__(self, container: Container) -> None:
        self._depth_max = container.settings.ingress.depth_max
        self._ports = intake.ConfigurationPorts(container.store, container.doorbell, container.new_id)
        self._records = Configurations(container.settings)
        self._signals = Signals(self._ports, self._records, depth_max=self._depth_max)
        self._callbacks = CallbackRoutes(container)
        self._window = timedelta(hours=container.settings.polling_timeout_hours)

    def blueprint(self) -> Blueprint:
        routes = Blueprint("configuration", __name__, url_prefix=f"{BASE}/configuration")
        routes.post("")(self.create)
        routes.post("/query")(self.query)
        routes.get("/<uuid:e_id>")(self.get)
        routes.get("/<uuid:e_id>/history")(self.history)
        routes.get("/<uuid:e_id>/verification")(self.verification)
        self._signals.add_to(routes)
        self._callbacks.add_to(routes)
        return routes

    @operation(
        Operation(
            summary="Make a configuration",
            description=(
                "It is PENDING and LOCKED: send `provision`, wait for OK, then `unlock`. The sending domain and the "
                "name of the server are made from the slug, which is for ever and unique in the partition."
            ),
            body=ConfigurationInput,
            answers={201: Record[ConfigurationPayload]},
            problems=(*BODY_PROBLEMS, "slug_in_use", "recovering"),
            answer_headers={201: {"ETag": ETAG, "Location": "Where it is read."}},
            examples=examples.CREATE,
            leads_to={
                **NEXT,
                "its history": Link("configuration_history"),
                "why it waits": Link("configuration_verification"),
                "its webhook": Link("configuration_webhook"),
                "times to catch up": Link("configuration_gaps"),
            },
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
        return current(self._records, standing, 201, {"Location": location})

    @operation(
        Operation(
            summary="One configuration, as it is now or as it was",
            description=(
                "With `effectiveAsOf` the record that held then, with `recordedAsOf` as far as it was known by then; "
                "both in any letter case. A past record has no `ETag`, and null for what only the present has."
            ),
            writes=False,
            answers={200: Record[ConfigurationPayload], 304: None},
            parameters=as_of.PARAMETERS,
            conditions={"If-Match": IF_MATCH, "If-None-Match": IF_NONE_MATCH},
            problems=("not_found", "invalid_fields", "precondition_failed"),
            answer_headers={status: {"ETag": ETAG} for status in (200, 304, 412)},
            examples=examples.GET,
        )
    )
    def get(self, e_id: UUID) -> Response:
        moments, tenant_id = as_of.read_moments(), caller().tenant_id
        if not moments.are_past:
            return self._unless_known(found(intake.get(self._ports, tenant_id, e_id)))
        conditions.checked()
        record = intake.get_as_of(
            self._ports, tenant_id, e_id, effective=moments.effective, recorded=moments.recorded
        )
        return answer(self._records.past(found(record)))

    @operation(
        Operation(
            summary="Every record of a configuration",
            description="The oldest first, each with its author, what caused it and why.",
            writes=False,
            answers={200: History},
            parameters=as_of.PARAMETERS,
            problems=("not_found", "invalid_fields"),
            examples=examples.HISTORY,
        )
    )
    def history(self, e_id: UUID) -> Response:
        moments = as_of.read_moments()
        records = found(
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
            description="`waitsFor` is for people: what is missing, and who has to do something. Decide by the rest.",
            writes=False,
            answers={200: VerificationPayload},
            problems=("not_found", "invalid_fields"),
            examples=verification.WAITS,
        )
    )
    def verification(self, e_id: UUID) -> Response:
        as_of.refuse_moments()
        checked = found(intake.checked(self._ports, caller().tenant_id, e_id))
        return answer(verification_of(checked, window=self._window))

    @operation(
        Operation(
            summary="The tenant's configurations",
            description=(
                "Removed ones included; a page at a time, the oldest first unless it is said otherwise. With "
                "`effectiveAsOf` or `recordedAsOf` the records that held then, and the filter asks about what they say."
            ),
            parameters=as_of.PARAMETERS,
            writes=False,
            body=QueryInput,
            body_required=False,
            locators="Configuration",
            examples=examples.QUERY,
            answers={200: Results[Record[ConfigurationPayload]]},
            problems=BODY_PROBLEMS,
        )
    )
    def query(self) -> Response:
        question, tenant_id = read_question(as_of.read_moments()), caller().tenant_id
        then = question.moments
        if not then.are_past:
            page = intake.query(self._ports, tenant_id, question.query)
            rows = [self._records.current(record) for record in page.rows]
            return answer(page_of(question, rows, more=page.more))
        page = intake.query_as_of(
            self._ports, tenant_id, question.query, effective=then.effective, recorded=then.recorded
        )
        return answer(page_of(question, [self._records.past(record) for record in page.rows], more=page.more))

    def _unless_known(self, standing: intake.Standing) -> Response:
        """Preconditions in the order of RFC 9110, 13.2.2."""
        version = standing.record.configuration.version
        expected = expected_versions()
        if expected is not None and version not in expected:
            raise other_version(standing)
        return unchanged(version) or current(self._records, standing)


def _slug_in_use() -> Problem:
    fault = FieldFault("sendingDomainSlug", "choose another: this one belongs to a configuration")
    return Problem("slug_in_use", "the slug belongs to a configuration of this partition", errors=[fault])
