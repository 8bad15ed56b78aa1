"""Advice for a caller out of what pydantic found. Its own messages may quote values; these do not."""

from collections.abc import Mapping

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from web.problems import FieldFault

_ADVICE: Mapping[str, str] = {
    "missing": "send this field",
    "extra_forbidden": "leave this field out: it is not known here",
    "string_type": "send a string",
    "bool_type": "send true or false",
    "int_type": "send a whole number",
    "dict_type": "send an object",
    "list_type": "send an array",
    "model_type": "send an object",
    "string_too_short": "send at least {min_length} characters",
    "string_too_long": "send at most {max_length} characters",
    "too_short": "send at least {min_length} items",
    "too_long": "send at most {max_length} items",
    "greater_than_equal": "send {ge} or more",
    "less_than_equal": "send {le} or less",
    "literal_error": "send {expected}",
    "advice": "{advice}",
}
_FAULTS_MAX = 50
_NAME_MAX = 64


def faults_of(error: ValidationError) -> list[FieldFault]:
    details = error.errors(include_url=False, include_input=False)
    return [_fault(detail) for detail in details[:_FAULTS_MAX]]


def _fault(detail: ErrorDetails) -> FieldFault:
    template = _ADVICE.get(detail["type"], "send another value: " + detail["type"].replace("_", " "))
    return FieldFault(_path(detail["loc"]), template.format_map(detail.get("ctx", {})))


def _path(location: tuple[int | str, ...]) -> str:
    """Names in a path are the caller's, so they are cut and made printable."""
    parts = (str(part) for part in location if part != "[key]")
    shown = (part[:_NAME_MAX] if part.isprintable() else "?" for part in parts)
    return ".".join(shown) or "body"
