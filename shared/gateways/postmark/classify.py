"""What a batch call came to: one outcome for each message.

What cannot be told for certain is `Unknown`: asking afterwards costs a look, a wrong guess costs a second
e-mail (`Deferred`) or a lost one (`Refused`).

| the call                                        | each message                                     |
|-------------------------------------------------|--------------------------------------------------|
| nothing was written to a connection             | Deferred                                         |
| written, and no whole answer came back          | Unknown                                          |
| 200 with a list of the right length             | by its own item                                  |
| 200 otherwise, other 2xx, 3xx, 408              | Unknown                                          |
| 401                                             | ConfigurationFault, 1480 AccountFault            |
| 413                                             | Refused if it was alone, else Deferred           |
| 429                                             | Deferred                                         |
| other 4xx with an ErrorCode                     | by the code, as an item                          |
| other 4xx without: some proxy's, it went no further | Deferred                                     |
| 503 with ErrorCode 100                          | Deferred                                         |
| other 5xx                                       | Unknown: "in most cases the message is lost"     |
"""

from collections.abc import Sequence

from shared.domain.mail import (
    Accepted,
    AccountFault,
    ConfigurationFault,
    Deferred,
    Outcome,
    Refused,
    Unknown,
)
from shared.gateways.postmark import codes
from shared.gateways.postmark.answers import (
    LATE,
    Answer,
    Complaint,
    Exchange,
    NoAnswer,
    code_of,
    complaint_of,
    readable,
)

# HTTP 200 with ErrorCode 0: nothing but the text says that the only recipient gets nothing.
_ONLY_INACTIVE = "will not deliver to these inactive addresses"


def outcomes_of(exchange: Exchange, recipients: Sequence[str], server_token: str) -> list[Outcome]:
    """No text repeats a recipient or the token."""
    count = len(recipients)
    if isinstance(exchange, NoAnswer):
        return [_of_no_answer(exchange)] * count
    if exchange.status == 200:
        return _of_list(exchange, recipients, server_token)
    return [_of_whole_call(exchange, count, server_token, *recipients)] * count


def _of_no_answer(exchange: NoAnswer) -> Outcome:
    if exchange.written:
        return Unknown(exchange.reason, "the request was written and no whole answer came back")
    if exchange.reason == LATE:
        return Deferred(LATE, "the claim's time was over before a connection to the provider stood")
    return Deferred(exchange.reason, "no connection to the provider")


def _of_list(answer: Answer, recipients: Sequence[str], server_token: str) -> list[Outcome]:
    count = len(recipients)
    try:
        items = answer.json()
    except ValueError:
        return [Unknown("unreadable", "HTTP 200 with a body that is no JSON")] * count
    if not isinstance(items, list) or len(items) != count:
        return [Unknown("unreadable", f"HTTP 200 with a body that is no list of {count}")] * count
    pairs = zip(items, recipients, strict=True)
    return [_of_item(item, server_token, recipient) for item, recipient in pairs]


def _of_item(item: object, *private: str) -> Outcome:
    if not isinstance(item, dict):
        return Unknown("unreadable", "the item is no JSON object")
    text = readable(item.get("Message"), *private)
    # "Message accepted, but delivery may be delayed." has no ErrorCode (recorded in 2024).
    raw_code = item.get("ErrorCode")
    code = 0 if raw_code is None else code_of(raw_code)
    if code is None:
        return Unknown("unreadable", "the item's ErrorCode is no number")
    if code:
        return _of_code(Complaint(code, text), code)
    if _ONLY_INACTIVE in text:
        return Refused(str(codes.INACTIVE_RECIPIENT), text, inactive_recipient=True)
    message_id = item.get("MessageID")
    if not isinstance(message_id, str) or not message_id:
        return Unknown("no_message_id", "taken, but the answer has no MessageID")
    return Accepted(message_id)


def _of_code(complaint: Complaint, code: int, retry_after_seconds: float | None = None) -> Outcome:
    word, text = str(code), complaint.text
    if code == codes.INACTIVE_RECIPIENT:
        return Refused(word, text, inactive_recipient=True)
    if code in codes.CONFIGURATION:
        return ConfigurationFault(word, text)
    if code in codes.ACCOUNT:
        return AccountFault(word, text)
    if code in codes.COME_BACK:
        return Deferred(word, text, retry_after_seconds, throttled=code == codes.RATE_LIMIT)
    return Unknown(word, text) if code == codes.UNEXPECTED else Refused(word, text)


def _of_whole_call(answer: Answer, count: int, *private: str) -> Outcome:
    status, complaint = answer.status, complaint_of(answer, *private)
    word = str(complaint.code) if complaint.code else f"http_{status}"
    retry_after = answer.retry_after_seconds()
    if status == 503 and complaint.code == codes.MAINTENANCE:
        return Deferred(word, complaint.text, retry_after)
    if not 400 <= status < 500 or status == 408:
        return Unknown(word, complaint.text)
    if status == 429:
        return Deferred(word, complaint.text, retry_after, throttled=True)
    if status == 413:
        return _of_too_large(count)
    if status == 401 and complaint.code not in codes.ACCOUNT:
        return ConfigurationFault(word, complaint.text)
    if complaint.code:
        return _of_code(complaint, complaint.code, retry_after)
    return Deferred(word, complaint.text, retry_after)


def _of_too_large(count: int) -> Outcome:
    if count == 1:
        return Refused("http_413", "the message is too large for the provider")
    return Deferred("batch_too_large", f"{count} messages are too large together: send fewer at once")
