"""How many configurations are in which state: one page, read only."""

from flask import Blueprint, Response

from shared.bootstrap import Container
from shared.domain.lifecycle import Administrative, Operational
from web.html import page
from web.operation import Access, Operation, operation


class ConsoleRoutes:
    def __init__(self, container: Container) -> None:
        self._store = container.store
        self._environment = container.settings.environment

    def blueprint(self) -> Blueprint:
        routes = Blueprint("console", __name__, template_folder="templates")
        routes.get("/console")(self.overview)
        return routes

    @operation(
        Operation(
            summary="The operators' overview", access=Access.OPERATOR, writes=False, answers={200: None}
        )
    )
    def overview(self) -> Response:
        with self._store.begin() as tx:
            counts = tx.configurations.count_by_state()
            at = tx.now()
        return page(
            "overview.html",
            environment=self._environment,
            at=at.isoformat(timespec="seconds"),
            columns=[state.value for state in Administrative],
            rows=[
                (state.value, [counts.get((state.value, column.value), 0) for column in Administrative])
                for state in Operational
            ],
            total=sum(counts.values()),
        )
