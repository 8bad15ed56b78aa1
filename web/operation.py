"""What a view is to its callers, said once at the view: who may call it, and what it takes and answers.

`web.auth` closes every view by it, `web.openapi` writes the document from it, and tests send its examples.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeVar

from pydantic import BaseModel

View = TypeVar("View", bound=Callable[..., Any])
Headers = Mapping[str, str]


class Access(StrEnum):
    CALLER = "caller"  # a key, and the tenant's id
    PROVIDER = "provider"  # a key, and the routing token, which names the tenant
    OPERATOR = "operator"  # a session of the console, for people with a browser
    PUBLIC = "public"


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One request and its whole answer, word for word: a test sends the one and has to get the other.

    `given` says what has to be there before. Headers that every caller sends are left out. `body` and `answer` are
    JSON, or text where the operation's media type is none; without an `answer` nothing is said of the body.
    """

    title: str
    status: int
    given: str = "a new tenant"
    path: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Headers = field(default_factory=dict)
    body: object = None
    answer: object = None
    answer_headers: Headers = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Link:
    """Another operation that what was answered can be given to, by its `payload.eId`. `fixed` are its other values."""

    operation_id: str
    fixed: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """`answers`: status to body, None for one without a schema. `meanings`: status to what it says of the request.

    Name to description: `headers` that are required, `conditions` that are headers too and optional, `parameters` of
    the query, which are numbers, and its `switches`, which are true or false. `answer_headers` by status. `body_text`
    and `answer_text` are the media types of what is text and no JSON. `path_values`: the words that a part of the path
    may be. `locators` names what a query's filter may ask of. `leads_to` by name.
    """

    summary: str = ""
    description: str = ""
    access: Access = Access.CALLER
    writes: bool = True
    body: type[BaseModel] | None = None
    body_required: bool = True
    answers: Mapping[int, type[BaseModel] | None] = field(default_factory=dict)
    meanings: Mapping[int, str] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    headers: Headers = field(default_factory=dict)
    conditions: Headers = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)
    switches: Mapping[str, str] = field(default_factory=dict)
    path_values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    locators: str | None = None
    body_text: str | None = None
    answer_text: str | None = None
    answer_headers: Mapping[int, Headers] = field(default_factory=dict)
    examples: Mapping[str, Example] = field(default_factory=dict)
    leads_to: Mapping[str, Link] = field(default_factory=dict)


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
