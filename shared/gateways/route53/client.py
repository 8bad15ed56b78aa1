"""The client of boto3, which costs a process more to import and to make than most parts of it together.

Processes that never write to the zone do not import it.
"""

from threading import Lock
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from mypy_boto3_route53 import Route53Client


def make_route53_client(endpoint_url: str | None = None, region: str = "us-east-1") -> "Route53Client":
    """No repeats by botocore: they would break the pace, and callers come back by themselves.

    The region picks the AWS partition.
    """
    import boto3  # noqa: PLC0415
    from botocore.config import Config  # noqa: PLC0415

    config = Config(
        connect_timeout=5,
        read_timeout=10,
        retries={"mode": "standard", "total_max_attempts": 1},
        max_pool_connections=10,
    )
    return boto3.client("route53", endpoint_url=endpoint_url, region_name=region, config=config)


def route53_client_when_used(endpoint_url: str | None = None, region: str = "us-east-1") -> "Route53Client":
    """The same, made at the first call. What is wrong with the arguments shows then."""
    return cast("Route53Client", _WhenUsed(endpoint_url, region))


class _WhenUsed:
    def __init__(self, endpoint_url: str | None, region: str) -> None:
        self._given = (endpoint_url, region)
        # boto3's own session, of which it makes clients, is not to be used by two threads at once.
        self._lock = Lock()
        self._made: Route53Client | None = None

    def __getattr__(self, operation: str) -> Any:
        with self._lock:
            if self._made is None:
                self._made = make_route53_client(*self._given)
        return getattr(self._made, operation)
