"""Ask the provider for what its callbacks could not tell, and store it as if they had.

What is stored is deduplicated as every callback is, so a catch-up that dies, or is run twice, adds nothing twice.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from uuid import UUID

from shared.domain.configuration import EmailConfiguration
from shared.domain.errors import KeyMaterialError, OutOfTurn, ProviderError, ProviderRefused
from shared.domain.event import EmailEvent
from shared.domain.gap import Gap
from shared.messaging.messages import CatchUpEvents, ProjectEvents
from shared.ports.clock import NewId
from shared.ports.doorbell import Doorbell
from shared.ports.events import EventHeaders
from shared.ports.key_material import TokenCipher
from shared.ports.mail import TOO_MANY, EventHistory, EventReader
from shared.ports.pace import Pace
from shared.ports.store import Store
from shared.telemetry.callbacks import record_gap_caught_up, record_gap_put_off
from workers.projection.policy import CatchUpPolicy

# Events, or jobs, between two commits.
SLICE = 100


@dataclass(frozen=True, slots=True)
class CatchUpDeps:
    store: Store
    history: EventHistory
    reader: EventReader
    cipher: TokenCipher
    pace: Pace
    doorbell: Doorbell
    new_id: NewId
    policy: CatchUpPolicy


def catch_up(configuration_id: UUID, deps: CatchUpDeps) -> None:
    """The oldest gap of one configuration; rings for the next."""
    with deps.store.begin() as tx:
        gap = tx.gaps.take(configuration_id, lease_seconds=deps.policy.lease_seconds)
        configuration = tx.configurations.get(configuration_id)
    if gap is None or configuration is None:
        return
    run = CatchUp(configuration, gap, deps)
    try:
        run.ask()
    except OutOfTurn as busy:
        run.put_off(busy.code, seconds=busy.retry_after_seconds or deps.policy.retry_seconds)
    except ProviderRefused as refused:
        run.finish(fault=refused.code)
    except ProviderError as fault:
        run.try_again(fault.code)
    except KeyMaterialError:
        run.try_again("key_material")
    else:
        run.finish()
    deps.doorbell.ring(ProjectEvents(configuration_id), CatchUpEvents(configuration_id))


class CatchUp:
    """One run over a gap, which is kept as it was last saved."""

    def __init__(self, configuration: EmailConfiguration, gap: Gap, deps: CatchUpDeps) -> None:
        self._configuration = configuration
        self._gap = gap
        self._deps = deps
        self._lacking: str | None = None

    def ask(self) -> None:
        """Raises `ProviderError` and `KeyMaterialError`; what was stored until then stays."""
        token = self._token()
        history, gap = self._deps.history, self._gap
        # Deliveries come last and in slices: where there is a cursor, the rest is done.
        if gap.cursor is None:
            self._store_bounces(token)
            self._store(history.suppressions(token, since=gap.looked_at_from))
        while jobs := self._jobs():
            self._store(body for _, message_id in jobs for body in self._told_of(token, message_id))
            self._save(replace(self._gap, cursor=jobs[-1][0]), due_in_seconds=self._deps.policy.lease_seconds)

    def _store_bounces(self, token: str) -> None:
        gap = self._gap
        try:
            self._store(self._deps.history.bounces(token, since=gap.looked_at_from, until=gap.until_at))
        except ProviderRefused as refused:
            if refused.code != TOO_MANY:
                raise
            # The rest is worth having all the same; the gap's end says that this is not whole.
            self._lacking = refused.code

    def finish(self, *, fault: str | None = None) -> None:
        with self._deps.store.begin() as tx:
            self._gap = replace(self._gap, finished_at=tx.now(), fault=fault or self._lacking)
            tx.gaps.save(self._gap)
        record_gap_caught_up(self._gap.configuration_id, found=self._gap.found, fault=self._gap.fault)

    def try_again(self, code: str) -> None:
        tries = self._gap.tries + 1
        if tries >= self._deps.policy.attempts_max:
            self.finish(fault=code)
            return
        self._gap = replace(self._gap, tries=tries)
        self.put_off(code, seconds=self._deps.policy.retry_seconds * 2.0 ** (tries - 1))

    def put_off(self, code: str, *, seconds: float) -> None:
        self._save(replace(self._gap, fault=code), due_in_seconds=seconds)
        record_gap_put_off(self._gap.configuration_id, code=code, tries=self._gap.tries)

    def _token(self) -> str:
        envelope = self._configuration.provisioned.server_token
        if envelope is None:
            raise ProviderRefused("no_server", "the configuration has no server any more")
        return self._deps.cipher.decrypt(
            envelope, tenant_id=self._configuration.tenant_id, configuration_id=self._configuration.e_id
        )

    def _jobs(self) -> list[tuple[UUID, str]]:
        with self._deps.store.begin() as tx:
            return tx.gaps.messages(self._gap, limit=SLICE)

    def _told_of(self, token: str, message_id: str) -> list[str]:
        self._deps.pace.keep()
        return self._deps.history.of_message(token, message_id)

    def _save(self, gap: Gap, *, due_in_seconds: float) -> None:
        with self._deps.store.begin() as tx:
            tx.gaps.save(gap, due_in_seconds=due_in_seconds)
        self._gap = gap

    def _store(self, bodies: Iterable[str]) -> None:
        for some in _sliced(bodies):
            found = self._add(some)
            self._save(
                replace(self._gap, found=self._gap.found + found),
                due_in_seconds=self._deps.policy.lease_seconds,
            )

    def _add(self, bodies: list[str]) -> int:
        """How many were new."""
        read = [(self._deps.reader.read(body), body) for body in bodies]
        with self._deps.store.begin() as tx:
            return sum(
                tx.events.add(
                    EmailEvent(
                        e_id=self._deps.new_id(),
                        tenant_id=self._configuration.tenant_id,
                        configuration_id=self._configuration.e_id,
                        facts=facts,
                        received_at=tx.now(),
                        raw=body,
                    ),
                    EventHeaders(source=f"catch-up:{self._gap.e_id}"),
                )
                for facts, body in read
            )


def _sliced(bodies: Iterable[str]) -> Iterator[list[str]]:
    """The provider is asked while this is iterated, so no transaction is open meanwhile."""
    left = iter(bodies)
    while some := list(islice(left, SLICE)):
        yield some
