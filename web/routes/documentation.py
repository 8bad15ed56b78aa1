"""`/docs`: the interface described, for people and for machines. Public: it tells nothing but what the source does."""

import json
from typing import Any

from flask import Blueprint, Response, current_app

from web import BASE
from web.html import page
from web.openapi import document
from web.operation import Access, Operation, operation
from web.problems import CATALOGUE


class DocumentationRoutes:
    """The document is written once, when it is first asked for: by then every route is known."""

    def __init__(self) -> None:
        self._written: dict[str, Any] | None = None

    def blueprint(self) -> Blueprint:
        routes = Blueprint("documentation", __name__, url_prefix=f"{BASE}/docs")
        routes.get("")(self.read)
        routes.get("/openApi.json")(self.open_api)
        return routes

    @operation(
        Operation(summary="The OpenAPI 3.1 document", access=Access.PUBLIC, writes=False, answers={200: None})
    )
    def open_api(self) -> Response:
        return Response(json.dumps(self._document()), content_type="application/json")

    @operation(
        Operation(summary="The same for people", access=Access.PUBLIC, writes=False, answers={200: None})
    )
    def read(self) -> Response:
        described = self._document()
        return page(
            "docs.html",
            document=described,
            operations=_operations(described),
            problems=CATALOGUE,
            schemas={name: json.dumps(schema, indent=2) for name, schema in _models(described).items()},
        )

    def _document(self) -> dict[str, Any]:
        if self._written is None:
            self._written = document(current_app)
        return self._written


def _operations(described: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"path": path, "method": method.upper(), **found}
        for path, methods in described["paths"].items()
        for method, found in methods.items()
    ]


def _models(described: dict[str, Any]) -> dict[str, Any]:
    models: dict[str, Any] = described["components"]["schemas"]
    return dict(sorted(models.items()))
