"""What a view is to its callers, said once at the view: who may call it, and what it takes and answers.

`web.auth` closes every view by it, `web.openapi` writes the document from it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeVar

from pydantic import BaseModel

View = TypeVar("View", bound=Callable[..., Any])


class Access(StrEnum):
    CALLER = "caller"  # a key, and the tenant's id
    PROVIDER = "provider"  # a key, and the routing token, which names the tenant
    OPERATOR = "operator"  # a session of the console, for people with a browser
    PUBLIC = "public"


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """`answers`: status to body, None for one without a schema.

    Name to description: `headers` that are required, `conditions` that are headers too and optional, `parameters` of
    the query, which are numbers, and its `switches`, which are true or false, and `answer_headers` of every answer that
    is no problem. `body_text` and `answer_text` are the media types of what is text and no JSON.
    """

    summary: str = ""
    access: Access = Access.CALLER
    writes: bool = True
    body: type[BaseModel] | None = None
    body_required: bool = True
    answers: Mapping[int, type[BaseModel] | None] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    conditions: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)
    switches: Mapping[str, str] = field(default_factory=dict)
    body_text: str | None = None
    answer_text: str | None = None
    answer_headers: Mapping[str, str] = field(default_factory=dict)


# A view that says nothing of itself is closed.
UNDESCRIBED = Operation()


def operation(described: Operation) -> Callable[[View], View]:
    def mark(view: View) -> View:
        view.__dict__["operation"] = described
        return view

    return mark


def operation_of(view: Callable[..., Any]) -> Operation:
    found = getattr(view, "operation", UNDESCRIBED)
    return found if isinstance(found, Operation) else UNDESCRIBED
