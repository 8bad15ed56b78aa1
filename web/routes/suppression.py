"""`/configuration/suppression`: the addresses that a tenant must not mail."""

from uuid import UUID

from flask import Blueprint, Response

from shared.bootstrap import Container
from web import BASE
from web.answers import Results, answer, page_of
from web.auth import caller
from web.body import read_object, read_optional_object
from web.examples import suppression as examples
from web.intake import suppression as intake
from web.operation import Link, Operation, operation
from web.paging import QueryInput, read_question
from web.problems import BODY_PROBLEMS, Problem
from web.records import Record
from web.routes.suppression_file import SuppressionFile
from web.schemas import LiftInput, SuppressionInput, validated
from web.suppression_records import SuppressionPayload, suppression_record

_BYTES_MAX = 65_536


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
            summary="Put an address on the list",
            description="From then on no message to it is accepted. Addresses are compared without regard to case.",
            body=SuppressionInput,
            answers={201: Record[SuppressionPayload], 200: Record[SuppressionPayload]},
            meanings={
                201: "It is on the list now.",
                200: "It was on the list already, and stays there as it is.",
            },
            problems=BODY_PROBLEMS,
            examples=examples.ADD,
            leads_to={"lift it": Link("suppression_lift")},
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
            description="A page at a time, the longest listed first unless it is said otherwise.",
            writes=False,
            body=QueryInput,
            body_required=False,
            locators="Suppression",
            answers={200: Results[Record[SuppressionPayload]]},
            problems=BODY_PROBLEMS,
            examples=examples.QUERY,
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
            description=(
                "Our own gate lets the address pass at once. The provider has a list of its own: `provider` says "
                "whether it was `asked`, has `lifted` it, or `refused`, with its words in `providerMessage`."
            ),
            body=LiftInput,
            body_required=False,
            answers={200: Record[SuppressionPayload]},
            problems=(*BODY_PROBLEMS, "not_found", "complaint_stays", "conflict"),
            examples=examples.LIFT,
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
