"""Answers in JSON, written by the models that also describe them."""

from collections.abc import Sequence
from typing import Any, Generic, TypeVar

from flask import Response
from pydantic import BaseModel

from web.paging import Question
from web.records import Output

Row = TypeVar("Row")


class Results(Output, Generic[Row]):
    """Tokens: send one back as `{"page": token}`. None where there is no such page."""

    results: list[Row]
    this_page: str
    next_page: str | None
    previous_page: str | None

    @classmethod
    def model_parametrized_name(cls, params: tuple[Any, ...]) -> str:
        """In the document: JobPage is what Results[JobRecord] is."""
        return str(params[0].__name__).removesuffix("Record") + "Page"


def answer(body: BaseModel, status: int = 200, *, headers: dict[str, str] | None = None) -> Response:
    return Response(body.model_dump_json(), status, headers=headers, content_type="application/json")


def page_of(question: Question, rows: Sequence[Row], *, more: bool) -> Results[Row]:
    return Results(results=list(rows), **question.pages(more=more))
