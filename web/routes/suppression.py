"""`/configuration/suppression`: the addresses that a tenant must not mail."""

from uuid import UUID

from flask import Blueprint, Response

from shared.bootstrap import Container
from web import BASE
from web.answers import Results, answer, page_of
from web.auth import caller
from web.body import read_object, read_optional_object
from web.intake import suppression as intake
from web.operation import Operation, operation
from web.paging import QueryInput, read_question
from web.problems import Problem
from web.records import Record
from web.routes.suppression_file import SuppressionFile
from web.schemas import LiftInput, SuppressionInput, validated
from web.suppression_records import SuppressionPayload, suppression_record

_BYTES_MAX = 65_536
_WRONG_BODY = ("invalid_json", "invalid_fields", "body_cut", "body_too_large", "unsupported_media_type")


class SuppressionRoutes:
    def __init__(self, container: Container) -> None:
        self._depth_max = container.settings.ingress.depth_max
        self._ports = intake.SuppressionPorts(container.store, container.doorbell, container.new_id)
        self._file = SuppressionFile(container.store, container.new_id)

    def blueprint(self) -> Blueprint:
        routes = Blueprint("suppression", __name__, url_prefix=f"{BASE}/configuration/suppression")
        routes.post("")(self.add)
        routes.post("/query")(self.query)
        routes.post("/<uuid:e_id>/lift")(self.lift)
        self._file.add_to(routes)
        return routes

    @operation(
        Operation(
            summary="Put an address on the list; 200 when it is on it already",
            body=SuppressionInput,
            answers={201: Record[SuppressionPayload], 200: Record[SuppressionPayload]},
            problems=_WRONG_BODY,
        )
    )
    def add(self) -> Response:
        author = caller()
        sent = validated(SuppressionInput, read_object(_BYTES_MAX, depth_max=self._depth_max))
        added = intake.add(self._ports, author.tenant_id, author.author, sent.address, sent.note)
        return answer(suppression_record(added.listed), 201 if added.created else 200)

    @operation(
        Operation(
            summary="The tenant's suppressed addresses, lifted ones included",
            writes=False,
            body=QueryInput,
            body_required=False,
            answers={200: Results[Record[SuppressionPayload]]},
            problems=_WRONG_BODY,
        )
    )
    def query(self) -> Response:
        question = read_question()
        page = intake.query(self._ports, caller().tenant_id, question.query)
        rows = [suppression_record(listed) for listed in page.rows]
        return answer(page_of(question, rows, more=page.more))

    @operation(
        Operation(
            summary="Take an address off the list, and have the provider asked to do the same",
            body=LiftInput,
            body_required=False,
            answers={200: Record[SuppressionPayload]},
            problems=(*_WRONG_BODY, "not_found", "complaint_stays", "conflict"),
        )
    )
    def lift(self, e_id: UUID) -> Response:
        author = caller()
        sent = validated(LiftInput, read_optional_object(_BYTES_MAX, depth_max=self._depth_max))
        lifted = intake.lift(self._ports, author.tenant_id, e_id, author=author.author, note=sent.note)
        if lifted is None:
            raise Problem("not_found", "the tenant has no suppression with this id")
        if isinstance(lifted, intake.ComplaintStays):
            raise Problem(
                "complaint_stays", "the recipient complained: the provider takes nothing to it any more"
            )
        return answer(suppression_record(lifted.listed))
