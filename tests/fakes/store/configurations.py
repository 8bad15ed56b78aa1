from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from shared.domain.configuration import EmailConfiguration
from shared.domain.errors import Conflict, NotFound
from shared.domain.lifecycle import Administrative, Operational
from shared.domain.query import Query
from shared.persistence import locators
from shared.ports.clock import NewId
from shared.ports.configurations import Change, ConfigurationRecord
from shared.ports.rows import Lock, Page
from tests.fakes.store.asking import page_of
from tests.fakes.store.state import Moment, State

_SENDABLE = (Administrative.UNLOCKED, Administrative.LOCKING)


class MemoryConfigurations:
    def __init__(self, state: State, moment: Moment, new_id: NewId) -> None:
        self._state = state
        self._moment = moment
        self._new_id = new_id

    @property
    def _all(self) -> dict[UUID, EmailConfiguration]:
        return self._state.configurations

    def add(self, configuration: EmailConfiguration, change: Change) -> None:
        if configuration.e_id in self._all or self._collides(configuration):
            raise Conflict("the slug belongs to a configuration whose removal is not done")
        self._all[configuration.e_id] = configuration
        self._append(configuration, change)

    def get(
        self, e_id: UUID, *, tenant_id: UUID | None = None, lock: Lock = Lock.NONE
    ) -> EmailConfiguration | None:
        found = self._all.get(e_id)
        return found if found and tenant_id in (None, found.tenant_id) else None

    def save(self, configuration: EmailConfiguration, change: Change) -> EmailConfiguration:
        held = self._all.get(configuration.e_id)
        if held is None or held.version != configuration.version:
            raise Conflict("the configuration has changed since it was read")
        saved = replace(configuration, version=held.version + 1)
        if self._collides(saved):
            raise Conflict("another configuration of the tenant may send, or has this token")
        self._all[saved.e_id] = saved
        self._append(saved, change)
        return saved

    def _collides(self, one: EmailConfiguration) -> bool:
        return any(
            (other.slug == one.slug and other.cleaned_up_at is None and one.cleaned_up_at is None)
            or (other.routing_token_hash == one.routing_token_hash is not None)
            or (_sendable(one) and _sendable(other) and one.tenant_id == other.tenant_id)
            for other in self._all.values()
            if other.e_id != one.e_id
        )

    def _append(self, configuration: EmailConfiguration, change: Change) -> None:
        before = self._state.records.get(configuration.e_id, ())
        shown = replace(
            configuration,
            routing_token_hash=None,
            provisioned=replace(configuration.provisioned, server_token=None),
        )
        record = ConfigurationRecord(
            r_id=self._new_id(),
            configuration=shown,
            effective_at=change.effective_at or self._moment.now,
            recorded_at=self._moment.now,
            author=change.author,
            cause=change.cause,
            reason=change.reason,
            previous=before[-1].r_id if before else None,
        )
        self._state.records[configuration.e_id] = (*before, record)

    def current_record(self, e_id: UUID) -> ConfigurationRecord:
        if e_id not in self._state.records:
            raise NotFound("no such configuration")
        return self._state.records[e_id][-1]

    def record_as_of(
        self, e_id: UUID, *, effective: datetime | None, recorded: datetime | None
    ) -> ConfigurationRecord | None:
        known = [
            record
            for record in self.history(e_id)
            if (effective is None or record.effective_at <= effective)
            and (recorded is None or record.recorded_at <= recorded)
        ]
        by_time = [(record.effective_at, record.configuration.version, record) for record in known]
        return max(by_time, key=lambda entry: entry[:2])[2] if by_time else None

    def history(self, e_id: UUID) -> list[ConfigurationRecord]:
        return list(self._state.records.get(e_id, ()))

    def query(self, tenant_id: UUID, query: Query) -> Page[ConfigurationRecord]:
        current = [
            self._state.records[e_id][-1] for e_id, one in self._all.items() if one.tenant_id == tenant_id
        ]
        return _page_of(current, query)

    def query_as_of(
        self, tenant_id: UUID, query: Query, *, effective: datetime | None, recorded: datetime | None
    ) -> Page[ConfigurationRecord]:
        own = [e_id for e_id, one in self._all.items() if one.tenant_id == tenant_id]
        held = (self.record_as_of(e_id, effective=effective, recorded=recorded) for e_id in own)
        return _page_of([record for record in held if record], query)

    def tenant_has_other_sendable(self, configuration: EmailConfiguration) -> bool:
        return any(
            _sendable(other)
            for other in self._all.values()
            if other.tenant_id == configuration.tenant_id and other.e_id != configuration.e_id
        )

    def id_by_routing_hash(self, routing_token_hash: bytes) -> tuple[UUID, UUID] | None:
        found = (one for one in self._all.values() if one.routing_token_hash == routing_token_hash)
        return next(((one.tenant_id, one.e_id) for one in found), None)

    def take_lease(self, e_id: UUID, *, token: UUID, lease_seconds: float) -> bool:
        if e_id not in self._all or not (self._is_free(e_id) or self._state.leases[e_id][0] == token):
            return False
        self._state.leases[e_id] = (token, self._moment.after(lease_seconds))
        return True

    def renew_lease(self, e_id: UUID, *, token: UUID, lease_seconds: float) -> bool:
        holder, _ = self._state.leases.get(e_id, (None, None))
        return holder == token and self.take_lease(e_id, token=token, lease_seconds=lease_seconds)

    def drop_lease(self, e_id: UUID, *, token: UUID) -> None:
        if self._state.leases.get(e_id, (None,))[0] == token:
            del self._state.leases[e_id]

    def _is_free(self, e_id: UUID) -> bool:
        return e_id not in self._state.leases or self._moment.is_due(self._state.leases[e_id][1])

    def take_verification(
        self, e_id: UUID, *, next_due_seconds: float, window_seconds: float
    ) -> EmailConfiguration | None:
        held = self._all.get(e_id)
        if held is None or not self._verification_is_due(held):
            return None
        due = self._moment.after(next_due_seconds)
        if held.verification_started_at is not None:
            window_end = held.verification_started_at + timedelta(seconds=window_seconds)
            due = min(due, window_end) if window_end > self._moment.now else due
        self._all[e_id] = replace(held, verification_due_at=due)
        return self._all[e_id]

    def put_back_verification(self, e_id: UUID, *, due_in_seconds: float) -> None:
        held = self._all.get(e_id)
        if held is not None and held.operational is Operational.AWAITING_VERIFICATION and not held.retired:
            self._all[e_id] = replace(held, verification_due_at=self._moment.after(due_in_seconds))

    def _verification_is_due(self, one: EmailConfiguration) -> bool:
        awaiting = one.operational is Operational.AWAITING_VERIFICATION and not one.retired
        return awaiting and self._moment.is_due(one.verification_due_at)

    def count_send_fault(self, e_id: UUID) -> int:
        if e_id not in self._all:
            raise NotFound("no such configuration")
        held = self._all[e_id]
        self._all[e_id] = replace(held, send_faults_in_a_row=held.send_faults_in_a_row + 1)
        return self._all[e_id].send_faults_in_a_row

    def clear_send_faults(self, e_id: UUID) -> None:
        if e_id in self._all:
            self._all[e_id] = replace(self._all[e_id], send_faults_in_a_row=0)

    def due_for_verification(self, limit: int) -> list[UUID]:
        return self._waiting(self._verification_is_due, lambda one: one.verification_due_at, limit)

    def provisioning_without_lease(self, limit: int) -> list[UUID]:
        def provisioning(one: EmailConfiguration) -> bool:
            return one.operational is Operational.PROVISIONING and not one.retired and self._is_free(one.e_id)

        return self._waiting(provisioning, lambda one: one.updated_at, limit)

    def removal_without_lease(self, limit: int) -> list[UUID]:
        def leaving(one: EmailConfiguration) -> bool:
            return one.retired and one.cleaned_up_at is None and self._is_free(one.e_id)

        return self._waiting(leaving, lambda one: one.retired_at, limit)

    def locking(self, limit: int) -> list[UUID]:
        def draining(one: EmailConfiguration) -> bool:
            return one.administrative is Administrative.LOCKING and not one.retired

        return self._waiting(draining, lambda one: one.updated_at, limit)

    def _waiting(
        self,
        wanted: Callable[[EmailConfiguration], bool],
        since: Callable[[EmailConfiguration], datetime | None],
        limit: int,
    ) -> list[UUID]:
        found = [(since(one), one.e_id) for one in self._all.values() if wanted(one)]
        return [e_id for _, e_id in sorted(found)[:limit]]

    def count_by_state(self) -> Mapping[tuple[str, str], int]:
        return Counter(
            (one.operational.value, one.administrative.value) for one in self._all.values() if not one.retired
        )


def _page_of(records: list[ConfigurationRecord], query: Query) -> Page[ConfigurationRecord]:
    return page_of(
        records,
        query,
        locators.CONFIGURATION,
        default="createdAt",
        of=lambda record: record.configuration,
    )


def _sendable(one: EmailConfiguration) -> bool:
    return one.administrative in _SENDABLE and not one.retired
