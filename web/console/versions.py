"""Whoever does something decides by what a page showed: its form says which version that was."""

from flask import request

from shared.domain.errors import InvalidValue

_DIGITS_MAX = 9


def shown_version() -> int:
    """Of the form's hidden field `version`. Raises `InvalidValue` when it does not say."""
    sent = request.form.get("version", "")
    if not (sent.isascii() and sent.isdecimal() and len(sent) <= _DIGITS_MAX):
        raise InvalidValue("version", "load the page again, and decide by what it shows")
    return int(sent)
