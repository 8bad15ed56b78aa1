"""How long requests took, and how they ended: as in `metrics`. Their log lines are the web role's own."""

from prometheus_client import Histogram

# Half a second and two and a half are bounds of alerts; up to what callers wait at the most.
_BUCKETS_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_REQUEST_SECONDS = Histogram(
    "email_http_request_seconds",
    "Duration of one request, by the class of its status",
    ("handler", "status"),
    buckets=_BUCKETS_SECONDS,
)


def record_request(handler: str, *, status: int, seconds: float) -> None:
    """`handler`: one of the routes' names, never a path."""
    _REQUEST_SECONDS.labels(handler, f"{status // 100}xx").observe(seconds)
