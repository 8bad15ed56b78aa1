"""For how long rows are kept."""

from typing import Annotated

from pydantic import AfterValidator, Field

from shared.config.group import Group, Seconds
from shared.domain.retention import Kind


def _for_ever_or_a_day(days: float | None) -> float | None:
    if days is not None and 0 < days < 1:
        raise ValueError("use 0 for ever, or at least 1")
    return days


Days = Annotated[float | None, Field(ge=0, le=36_500), AfterValidator(_for_ever_or_a_day)]


class Retention(Group):
    enabled: bool
    contents_days: Days
    attempts_days: Days
    events_days: Days
    jobs_days: Days
    records_days: Days
    audit_days: Days
    replays_days: Days
    dead_letters_days: Days
    findings_days: Days
    traffic_days: Days
    check_interval_minutes: Annotated[float, Field(gt=0)]
    slice_rows: Annotated[int, Field(ge=1, le=10_000)]
    pause_seconds: Annotated[float, Field(ge=0, le=10)]
    lease_seconds: Seconds

    @property
    def keep_days(self) -> dict[Kind, float]:
        """Of what is not kept for ever."""
        given = {kind: getattr(self, f"{kind.name.lower()}_days") for kind in Kind}
        return {kind: days for kind, days in given.items() if days and self.enabled}
