"""Postmark's retry ladders for webhooks, by age of the documentation that describes them."""

from sandbox.postmark.entities import Trigger

_2026 = [1, 5, 15, 1, 5, 10, 10, 10, 15]
_2026_DOCS = [1, 5, 10, 10, 10, 15]  # the page prints only this second part
_LEGACY_BOUNCE = [1, 5, 10, 10, 10, 15, 30, 60, 120, 360]
_LEGACY_OTHER = [1, 5, 15]


def ladder_minutes(rules: str, trigger: Trigger) -> list[int]:
    """Minutes between one attempt and the next; as many retries as entries."""
    if rules == "2026":
        return _2026
    if rules == "2026-docs":
        return _2026_DOCS
    return _LEGACY_BOUNCE if trigger in ("Bounce", "SpamComplaint") else _LEGACY_OTHER


def is_success(rules: str, status: int | None) -> bool:
    """Whether 201 to 299 count is open in the sources: by the 2026 rules yes, by `any non-200` no."""
    if status is None:
        return False
    return status == 200 if rules == "legacy" else 200 <= status < 300


def is_retried(rules: str, status: int | None) -> bool:
    """After a failed attempt; `None` is a timeout or a connection that failed."""
    if status is None:
        return True
    if rules == "legacy":
        return status != 403
    return status >= 500 or status in (408, 429)
