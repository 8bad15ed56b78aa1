"""Refusals in Postmark's form: an HTTP status, a code of its own numbering, a text for people."""

from typing import Any


class ApiError(Exception):
    """A documented refusal. `body` replaces the usual envelope (webhook verification has its own)."""

    def __init__(
        self, code: int, message: str, *, status: int = 422, body: dict[str, Any] | None = None
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        self.body = body or {"ErrorCode": code, "Message": message}


class TooLarge(Exception):
    """HTTP 413, which comes from the proxy in front as HTML."""


def unauthorized(kind: str) -> ApiError:
    return ApiError(10, f"Request does not contain a valid {kind} token.", status=401)


def incompatible(field: str) -> ApiError:
    return ApiError(403, f"Invalid request field(s): '{field}'")


def inactive_text(addresses: list[str], style: str) -> str:
    """The 406 text; `old` was the wording until about 2020."""
    found = ", ".join(addresses)
    if style == "old":
        return (
            "You tried to send to a recipient that has been marked as inactive.\n"
            f"Found inactive addresses: {found}.\n"
            "Inactive recipients are ones that have generated a hard bounce or a spam complaint."
        )
    return (
        "You tried to send to recipient(s) that have been marked as inactive. "
        f"Found inactive addresses: {found}. Inactive recipients are ones that have generated "
        "a hard bounce, a spam complaint, or a manual suppression."
    )


def partly_inactive_text(addresses: list[str]) -> str:
    return (
        f"Message OK, but will not deliver to these inactive addresses: {', '.join(addresses)}. "
        "Inactive recipients are ones that have generated a hard bounce, a spam complaint, "
        "or a manual suppression."
    )
