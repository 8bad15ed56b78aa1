"""What is worth telling of the operators' console, as in `metrics`. Keys by their fingerprints, never themselves."""

import structlog
from prometheus_client import Counter

_log = structlog.get_logger("email")

_SIGN_IN = Counter("email_console_sign_in", "Tries to sign in to the operators' console", ("outcome",))


def record_signed_in(name: str, *, role: str, key: str) -> None:
    _SIGN_IN.labels("signed_in").inc()
    _log.info("email.console.signed_in", author=name, access=role, key=key)


def record_sign_in_refused(reason: str) -> None:
    """Without the name: who mistakes the fields has typed the key there."""
    _SIGN_IN.labels(reason).inc()
    _log.warning("email.console.sign_in_refused", reason=reason)


def record_signed_out(name: str) -> None:
    _log.info("email.console.signed_out", author=name)
