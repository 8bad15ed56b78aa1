"""One call to Route 53: what comes back, or the error that says what to do next."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from shared.domain.errors import ProviderError, ProviderRefused, ProviderUnavailable
from shared.ports.lease import before_call

if TYPE_CHECKING:
    from botocore.exceptions import ClientError
    from mypy_boto3_route53 import Route53Client
    from mypy_boto3_route53.type_defs import ListResourceRecordSetsResponseTypeDef

Result = TypeVar("Result")

# Beside HTTP 5xx. Route 53 throttles with HTTP 400.
_COME_BACK = frozenset(
    {
        "Throttling",
        "ThrottlingException",
        "PriorRequestNotComplete",
        "RequestLimitExceeded",
        "ServiceUnavailable",
    }
)


def listed(
    client: "Route53Client", zone_id: str, *, limit: int, **start: Any
) -> "ListResourceRecordSetsResponseTypeDef":
    """Record sets in the service's order, from `start` on: `StartRecordName` and what goes with it.

    `ProviderUnavailable` with code `unreadable` for an answer that is no list, or has rows without name or type.
    """
    answer = asked(
        lambda: client.list_resource_record_sets(HostedZoneId=zone_id, MaxItems=str(limit), **start)
    )
    rows = answer.get("ResourceRecordSets")
    if (
        rows is None
        or "IsTruncated" not in answer
        or not all("Name" in row and "Type" in row for row in rows)
    ):
        raise ProviderUnavailable("unreadable", "an answer of Route 53 that is no list of record sets")
    return answer


def asked(call: Callable[[], Result]) -> Result:
    # Not at the top: see `client`.
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415
    from botocore.parsers import ResponseParserError  # noqa: PLC0415

    before_call()
    try:
        return call()
    except ClientError as error:
        raise _provider_error(error) from error
    except BotoCoreError as error:
        raise ProviderUnavailable(type(error).__name__, "no answer from Route 53") from error
    except ResponseParserError:
        # Its text is the whole answer.
        raise ProviderUnavailable("unreadable", "an answer of Route 53 that is no XML") from None


def _provider_error(error: "ClientError") -> ProviderError:
    detail = error.response.get("Error", {})
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    code, message = detail.get("Code", "unknown"), detail.get("Message", "")
    come_back = code in _COME_BACK or status == 429 or status >= 500
    return ProviderUnavailable(code, message) if come_back else ProviderRefused(code, message)
