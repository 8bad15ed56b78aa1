"""What jobs are searched for. Addresses, keys and message ids are sealed in its URL; the rest names nobody."""

from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID

from flask import request, url_for

from shared.domain.errors import InvalidValue
from shared.domain.job import JobStatus
from shared.ports.operators import JobSearch
from web.console.asked import Asked
from web.console.sealing import opened, sealed
from web.console.trail import Where

_SEALED: Final = ("text", "recipient")
_PLAIN: Final = ("status", "tenant", "configuration", "from", "until")
# What the port calls a field, where the form calls it otherwise.
_FIELDS: Final = {"tenantId": "tenant"}
_NOT_OPENED: Final = "this search was sealed with other keys than the console has now: say it again"


@dataclass(frozen=True, slots=True)
class Question:
    """`asked` has the fields as they were sent, to be shown again, and what has to be mended in them."""

    asked: Asked
    wanted: JobSearch
    before: UUID | None = None
    sought: str = ""

    @property
    def is_empty(self) -> bool:
        return self.wanted == JobSearch()

    def refuse(self, fault: InvalidValue) -> None:
        """What the port has to say of the whole search, at the field that it names."""
        self.asked.faults[_FIELDS.get(fault.field, fault.field)] = fault.advice

    def url(self, where: Where = MappingProxyType({})) -> str:
        kept: dict[str, Any] = {name: self.asked.sent[name] or None for name in _PLAIN}
        return url_for("console.jobs", **kept, sought=self._token() or None, **where)

    def _token(self) -> str:
        words = {name: self.asked.sent[name] for name in _SEALED if self.asked.sent[name]}
        return self.sought or (sealed(words) if words else "")


def question_of_form() -> Question:
    return _question(Asked(request.form))


def question_of_url() -> Question:
    """Plain addresses and keys are not taken from it, so that nobody gets used to writing them there."""
    sought = request.args.get("sought", "")
    words = opened(sought) if sought else {}
    plain = {name: request.args[name] for name in (*_PLAIN, "before", "back") if name in request.args}
    asked = Asked({**plain, **(words or {})})
    question = _question(asked, sought=sought if words else "")
    if words is None:
        asked.faults["text"] = _NOT_OPENED
    return question


def _question(asked: Asked, *, sought: str = "") -> Question:
    wanted = JobSearch(
        text=asked.text("text"),
        tenant_id=asked.id("tenant"),
        configuration_id=asked.id("configuration"),
        recipient=asked.text("recipient"),
        status=asked.one_of("status", JobStatus),
        accepted_from=asked.moment("from"),
        accepted_until=asked.moment("until"),
    )
    return Question(asked, wanted, asked.id("before"), sought)
