from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from shared.persistence.pressure import (
    ACCOUNT,
    ACCOUNT_FIRST,
    ACCOUNT_FREE,
    ACCOUNT_LEAST,
    EASED_BY,
    SERVER_FIRST,
    SERVER_FREE,
    SERVER_LEAST,
    SERVERS_THROTTLED,
    THROTTLED_WITHIN_SECONDS,
)
from shared.ports.pressure import Permit
from tests.fakes.store.state import Limit, Moment, State


class MemoryPressure:
    def __init__(self, state: State, moment: Moment) -> None:
        self._state = state
        self._moment = moment

    @property
    def _all(self) -> dict[UUID, Limit]:
        return self._state.limits

    def is_free(self, configuration_id: UUID) -> bool:
        shut = self._state.is_recovering or bool(self._state.pauses)
        return not (shut or self.is_limited(configuration_id))

    def is_limited(self, configuration_id: UUID) -> bool:
        return not self._all.keys().isdisjoint((configuration_id, ACCOUNT))

    def permit(self, configuration_id: UUID) -> Permit:
        limits = {scope: self._all[scope] for scope in (configuration_id, ACCOUNT) if scope in self._all}
        if not limits:
            return Permit(allowed=True)
        batch_size = limits[configuration_id].batch_size if configuration_id in limits else None
        buckets = {scope: limit for scope, limit in limits.items() if limit.calls_per_second is not None}
        allowed = not any(self.is_blocked(scope) for scope in limits)
        allowed = allowed and all(self._level(limit) >= 1 for limit in buckets.values())
        if allowed:
            for scope, limit in buckets.items():
                self._all[scope] = replace(limit, tokens=self._level(limit) - 1, refilled_at=self._moment.now)
        return Permit(allowed, batch_size, limited=True)

    def is_blocked(self, scope: UUID) -> bool:
        limit = self._all.get(scope)
        return limit is not None and self._still(limit.blocked_until)

    def _still(self, until: object) -> bool:
        return until is not None and not self._moment.is_due(until)  # type: ignore[arg-type]

    def _level(self, limit: Limit) -> float:
        assert limit.calls_per_second is not None
        assert limit.refilled_at is not None
        seconds = max((self._moment.now - limit.refilled_at).total_seconds(), 0.0)
        return min(max(limit.calls_per_second, 1.0), limit.tokens + limit.calls_per_second * seconds)

    def throttled(self, configuration_id: UUID, *, wait_seconds: float) -> None:
        held = self._all.get(configuration_id, Limit())
        until = self._moment.after(wait_seconds)
        if held.blocked_until is not None:
            until = max(until, held.blocked_until)
        rate = held.calls_per_second
        if rate is None or not self.is_blocked(configuration_id):
            rate = _narrowed(rate, first=SERVER_FIRST, least=SERVER_LEAST)
        self._all[configuration_id] = replace(
            held,
            calls_per_second=rate,
            tokens=1.0,
            refilled_at=until,
            blocked_until=until,
            throttled_at=self._moment.now,
        )
        self._narrow_account()

    def _narrow_account(self) -> None:
        held = self._all.get(ACCOUNT, Limit())
        if self._lately(held) or sum(map(self._lately, self._servers())) < SERVERS_THROTTLED:
            return
        self._all[ACCOUNT] = replace(
            held,
            calls_per_second=_narrowed(held.calls_per_second, first=ACCOUNT_FIRST, least=ACCOUNT_LEAST),
            tokens=1.0,
            refilled_at=self._moment.now,
            throttled_at=self._moment.now,
        )

    def _servers(self) -> Iterable[Limit]:
        return (limit for scope, limit in self._all.items() if scope != ACCOUNT)

    def _lately(self, limit: Limit) -> bool:
        within = timedelta(seconds=THROTTLED_WITHIN_SECONDS)
        return limit.throttled_at is not None and limit.throttled_at > self._moment.now - within

    def shrink_batch(self, configuration_id: UUID, *, from_size: int) -> None:
        held = self._all.get(configuration_id, Limit())
        smaller = max(min(held.batch_size or from_size, from_size) // 2, 1)
        self._all[configuration_id] = replace(held, batch_size=smaller)

    def ease(self, configuration_id: UUID, *, full_batch_size: int) -> None:
        for scope in (configuration_id, ACCOUNT):
            if scope in self._all and not self.is_blocked(scope):
                self._ease(scope, full_batch_size)

    def _ease(self, scope: UUID, full_batch_size: int) -> None:
        held = self._all[scope]
        size = held.batch_size and held.batch_size * 2
        rate, free = held.calls_per_second, ACCOUNT_FREE if scope == ACCOUNT else SERVER_FREE
        if rate is not None:
            rate = rate + EASED_BY if scope == ACCOUNT else rate * (1 + EASED_BY)
        eased = replace(
            held,
            batch_size=size if size and size < full_batch_size else None,
            calls_per_second=rate if rate is not None and rate < free else None,
            blocked_until=None,
        )
        if eased.batch_size is None and eased.calls_per_second is None:
            del self._all[scope]
        else:
            self._all[scope] = eased


def _narrowed(rate: float | None, *, first: float, least: float) -> float:
    return first if rate is None else max(rate / 2, least)
