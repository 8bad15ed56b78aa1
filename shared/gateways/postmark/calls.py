"""Calls other than sends: an exchange becomes a JSON object or the error that says what to do next.

The difference between a call that may simply be made again and a create is what an uncertain outcome means.
"""

from shared.domain.errors import OutcomeUnknown, ProviderError, ProviderRefused, ProviderUnavailable
from shared.gateways.postmark import codes
from shared.gateways.postmark.answers import Answer, Complaint, Exchange, NoAnswer, complaint_of

JsonObject = dict[str, object]


def answer_to_repeatable(exchange: Exchange, *, account: bool) -> JsonObject:
    """For lookups, edits that set a whole state and checks. Never raises `OutcomeUnknown`.

    `account`: made with the account's own token, so that a fault of the token is everybody's.
    """
    try:
        return answer_to_create(exchange, account=account)
    except OutcomeUnknown as doubt:
        raise ProviderUnavailable(doubt.code, doubt.message) from None


def answer_to_create(exchange: Exchange, *, account: bool) -> JsonObject:
    if isinstance(exchange, Answer) and exchange.status == 200:
        return _object(exchange)
    raise _error(exchange, account)


def deleted(exchange: Exchange, *not_found: int, account: bool) -> None:
    """`not_found`: codes for "no such thing" beside HTTP 404. An uncertain deletion may be repeated."""
    if not _is_missing(exchange, not_found) and not _is_ok(exchange):
        answer_to_repeatable(exchange, account=account)


def found(exchange: Exchange, *not_found: int, account: bool) -> JsonObject | None:
    """A lookup by id: None when there is no such thing."""
    return None if _is_missing(exchange, not_found) else answer_to_repeatable(exchange, account=account)


def _is_ok(exchange: Exchange) -> bool:
    return isinstance(exchange, Answer) and exchange.status == 200


def _is_missing(exchange: Exchange, not_found: tuple[int, ...]) -> bool:
    if not isinstance(exchange, Answer) or exchange.status == 200:
        return False
    return exchange.status == 404 or complaint_of(exchange).code in not_found


def _object(answer: Answer) -> JsonObject:
    try:
        body = answer.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise OutcomeUnknown("unreadable", "HTTP 200 with a body that is no JSON object")
    return body


def _error(exchange: Exchange, account: bool) -> ProviderError:
    if isinstance(exchange, NoAnswer):
        if exchange.written:
            return OutcomeUnknown(exchange.reason, "the request was written and no whole answer came back")
        return ProviderUnavailable(exchange.reason, "no connection to the provider")
    return _error_of_status(exchange, complaint_of(exchange), account)


def _error_of_status(answer: Answer, complaint: Complaint, account: bool) -> ProviderError:
    status, code = answer.status, complaint.code
    word = str(code) if code else f"http_{status}"
    # Nothing was saved, and it was our own door that did not answer: it may, in a moment.
    not_answered = code == codes.WEBHOOK_NOT_ANSWERED
    throttled = status == 429 or code == codes.RATE_LIMIT
    come_back = throttled or not_answered or (status == 503 and code == codes.MAINTENANCE)
    # A 4xx without a code comes from something in front of Postmark: it went no further.
    if come_back or (400 <= status < 500 and not code and status not in (401, 408, 413)):
        retry_after = answer.retry_after_seconds()
        return ProviderUnavailable(word, complaint.text, retry_after_seconds=retry_after)
    if not 400 <= status < 500 or status == 408:
        return OutcomeUnknown(word, complaint.text)
    bad_token = status == 401 or code == codes.BAD_TOKEN
    account_wide = code in codes.ACCOUNT or (account and bad_token)
    return ProviderRefused(word, complaint.text, account_wide=account_wide)
