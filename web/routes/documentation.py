"""`/docs`: the interface described, for people and for machines. Public: it tells nothing but what the source does."""

import json
from functools import cached_property

from flask import Blueprint, Response, current_app
from pydantic import BaseModel, ConfigDict

from web import BASE
from web.openapi import document
from web.operation import Access, Operation, operation
from web.reference import reference_page


class Document(BaseModel):
    """An OpenAPI 3.1 document."""

    model_config = ConfigDict(extra="allow")

    openapi: str


class DocumentationRoutes:
    """Both are written once, when they are first asked for: by then every route is known."""

    def blueprint(self) -> Blueprint:
        routes = Blueprint("documentation", __name__, url_prefix=f"{BASE}/docs")
        routes.get("")(self.read)
        routes.get("/openApi.json")(self.open_api)
        return routes

    @operation(
        Operation(
            summary="This description, as an OpenAPI 3.1 document",
            access=Access.PUBLIC,
            writes=False,
            answers={200: Document},
        )
    )
    def open_api(self) -> Response:
        return Response(self._document, content_type="application/json")

    @operation(
        Operation(
            summary="The same for people",
            access=Access.PUBLIC,
            writes=False,
            answers={200: None},
            answer_text="text/html",
        )
    )
    def read(self) -> Response:
        text, policy = self._page
        return Response(
            text, content_type="text/html; charset=utf-8", headers={"Content-Security-Policy": policy}
        )

    @cached_property
    def _document(self) -> str:
        return json.dumps(document(current_app))

    @cached_property
    def _page(self) -> tuple[str, str]:
        return reference_page(current_app)
