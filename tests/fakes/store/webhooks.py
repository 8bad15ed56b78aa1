"""What is known of the provider's callbacks, in memory: their looks, their keys, and the use of keys."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from uuid import UUID

from shared.domain.configuration import EmailConfiguration
from shared.domain.errors import NotFound
from shared.domain.webhook import WebhookHealth, WebhookReport, WebhookState
from shared.ports.webhooks import KeyUse
from tests.fakes.store.state import KeptLook, Moment, State


def _has_live_webhook(one: EmailConfiguration) -> bool:
    return not one.retired and one.provisioned.webhook_id is not None


class MemoryWebhookLooks:
    def __init__(self, state: State, moment: Moment) -> None:
        self._state = state
        self._moment = moment

    def due(self, limit: int) -> list[UUID]:
        live = [e_id for e_id, one in self._state.configurations.items() if _has_live_webhook(one)]
        never = sorted(e_id for e_id in live if e_id not in self._state.looks)
        again = [(look.due_at, e_id) for e_id, look in self._state.looks.items() if e_id in live]
        due = [e_id for due_at, e_id in sorted(again) if self._moment.is_due(due_at)]
        return (never + due)[:limit]

    def take(self, configuration_id: UUID, *, next_due_seconds: float) -> bool:
        one = self._state.configurations.get(configuration_id)
        if one is None or not _has_live_webhook(one):
            return False
        held = self._state.looks.get(configuration_id)
        if held is not None and not self._moment.is_due(held.due_at):
            return False
        due_at = self._moment.after(next_due_seconds)
        self._state.looks[configuration_id] = replace(held or KeptLook(due_at), due_at=due_at)
        return True

    def record(self, configuration_id: UUID, health: WebhookHealth) -> None:
        if configuration_id not in self._state.configurations:
            raise NotFound("no such configuration")
        now = self._moment.now
        held = self._state.looks.get(configuration_id) or KeptLook(now)
        same = held.report is not None and held.report.health.state is health.state
        since = held.report.since if held.report is not None and same else now
        report = WebhookReport(health=health, checked_at=now, since=since)
        self._state.looks[configuration_id] = replace(held, report=report)

    def report(self, configuration_id: UUID) -> WebhookReport | None:
        held = self._state.looks.get(configuration_id)
        return None if held is None else held.report

    def ailing(self, limit: int) -> list[tuple[UUID, WebhookReport]]:
        found = [
            (report.since, e_id, report)
            for e_id, report in self._reports()
            if report.health.state is not WebhookState.OK
        ]
        return [(e_id, report) for _, e_id, report in sorted(found, key=lambda one: one[:2])[:limit]]

    def count_by_state(self) -> Mapping[str, int]:
        return Counter(report.health.state.value for _, report in self._reports())

    def _reports(self) -> Iterator[tuple[UUID, WebhookReport]]:
        for e_id, look in self._state.looks.items():
            if look.report is not None and _has_live_webhook(self._state.configurations[e_id]):
                yield e_id, look.report


class MemoryWebhookKeys:
    def __init__(self, state: State) -> None:
        self._state = state

    def behind(self, fingerprint: str, *, after: UUID | None, limit: int) -> list[UUID]:
        shown = sorted(self._shown())
        return [e_id for e_id, key in shown if key != fingerprint and (after is None or e_id > after)][:limit]

    def set(self, configuration_id: UUID, fingerprint: str) -> None:
        if configuration_id in self._state.configurations:
            self._state.webhook_keys[configuration_id] = fingerprint

    def of(self, configuration_id: UUID) -> str | None:
        return self._state.webhook_keys.get(configuration_id)

    def count(self) -> Mapping[str, int]:
        return Counter(key for _, key in self._shown())

    def _shown(self) -> Iterator[tuple[UUID, str]]:
        for e_id, one in self._state.configurations.items():
            if _has_live_webhook(one):
                yield e_id, self._state.webhook_keys.get(e_id, "")


class MemoryKeyUses:
    def __init__(self, state: State, moment: Moment) -> None:
        self._state = state
        self._moment = moment

    def used(self, fingerprint: str, purpose: str) -> None:
        self._state.key_uses[fingerprint, purpose] = self._moment.now

    def all(self) -> Sequence[KeyUse]:
        found = [KeyUse(*key, last_used_at) for key, last_used_at in self._state.key_uses.items()]
        found.sort(key=lambda use: (use.fingerprint, use.purpose))
        return sorted(found, key=lambda use: use.last_used_at, reverse=True)
