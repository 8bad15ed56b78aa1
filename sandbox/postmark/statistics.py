"""/webhooks/{id}/statistics: the last 24 hours of one webhook's attempts."""

from collections.abc import Iterable

from sandbox.postmark.dates import zulu
from sandbox.postmark.entities import Json, Webhook

HOURS = 24
SLOW_SECONDS, VERY_SLOW_SECONDS = 2.0, 5.0  # ours: Postmark publishes neither


def of(hook: Webhook, attempts: list[Json], now: float) -> Json:
    start = now - HOURS * 3600
    recent = [entry for entry in attempts if entry["webhook_id"] == hook.id and entry["at_seconds"] >= start]
    enabled = hook.enabled()
    by_trigger = {
        trigger: _metrics(entry for entry in recent if entry["trigger"] == trigger) for trigger in enabled
    }
    return {
        "WebhookId": hook.id,
        "Url": hook.url,
        "Statuses": {trigger: hook.statuses.get(trigger, "unverified") for trigger in enabled},
        "TimeRange": {"StartTime": zulu(start), "EndTime": zulu(now), "Hours": HOURS},
        "Metrics": _metrics(recent),
        "MetricsByTrigger": by_trigger,
    }


def _metrics(attempts: Iterable[Json]) -> Json:
    entries = list(attempts)
    good = [entry for entry in entries if entry["outcome"] == "delivered"]
    return {
        "TotalRequests": len(entries),
        "SuccessCount": len(good),
        "FailureCount": len(entries) - len(good),
        "RetryCount": sum(entry["attempt"] > 1 for entry in entries),
        "SuccessRate": round(100 * len(good) / len(entries), 2) if entries else 0,
        "SlowCount": sum(entry["seconds"] >= SLOW_SECONDS for entry in entries),
        "VerySlowCount": sum(entry["seconds"] >= VERY_SLOW_SECONDS for entry in entries),
        "AverageTerminalResponseTimeMs": _mean_ms(entry for entry in entries if entry["outcome"] != "retry"),
        "AverageRetryResponseTimeMs": _mean_ms(entry for entry in entries if entry["outcome"] == "retry"),
    }


def _mean_ms(attempts: Iterable[Json]) -> float | None:
    times = [entry["seconds"] for entry in attempts]
    return round(1000 * sum(times) / len(times), 3) if times else None
