"""One configuration as it stands: answered with its version, or as the reason why nothing was done."""

from collections.abc import Mapping
from typing import TypeVar

from flask import Response

from web.answers import answer
from web.conditions import etag
from web.intake.configuration import Standing
from web.problems import Problem
from web.records import Configurations

Thing = TypeVar("Thing")


def current(
    records: Configurations, standing: Standing, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    tagged = {**etag(standing.record.configuration.version), **(headers or {})}
    return answer(records.standing(standing), status, headers=tagged)


def found(thing: Thing | None) -> Thing:
    if thing is None:
        raise Problem("not_found", "the tenant has no such configuration, or it did not exist at that time")
    return thing


def other_version(standing: Standing) -> Problem:
    version = standing.record.configuration.version
    return Problem(
        "precondition_failed",
        "the configuration is at none of the versions that If-Match names; nothing was done",
        headers=etag(version),
        extension={"version": version, **_states(standing)},
    )


def refused(standing: Standing, reason: str) -> Problem:
    return Problem(
        "signal_refused",
        "the configuration's state does not allow this signal: see allowedSignals",
        headers=etag(standing.record.configuration.version),
        extension={"reason": reason, **_states(standing)},
    )


def _states(standing: Standing) -> dict[str, object]:
    held = standing.record.configuration
    return {
        "operational": held.operational.value,
        "administrative": held.administrative.value,
        "allowedSignals": [signal.value for signal in standing.allowed],
    }
