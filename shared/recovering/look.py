"""One look at one configuration's server, span by span, each as wide as the provider shows at once."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from shared.domain.configuration import EmailConfiguration
from shared.domain.errors import (
    Conflict,
    KeyMaterialError,
    OutOfTurn,
    ProviderError,
    ProviderRefused,
    ProviderUnavailable,
)
from shared.domain.recovery import LOOKS, Look, Recovery
from shared.ports.lease import looked_after
from shared.ports.mail import TOO_MANY
from shared.recovering.course import RecoveryPorts
from shared.recovering.writing import write
from shared.telemetry.fault_points import fault_point

# Spans are not cut any smaller.
FINEST: Final = timedelta(minutes=1)
# Of one span, before the configuration is left for the next run.
TRIES: Final = 4
FIRST_WAIT_SECONDS: Final = 2.0
KEY_MATERIAL: Final = "key_material"


@dataclass(frozen=True, slots=True)
class _Search:
    ports: RecoveryPorts
    recovery: Recovery
    configuration: EmailConfiguration
    token: str = field(repr=False)

    def to_its_end(self, held: Look) -> Look:
        width = held.target - held.searched_until
        while held.finished_at is None:
            until = min(held.searched_until + width, held.target)
            try:
                messages = self._read(held.searched_until, until)
            except ProviderRefused as refused:
                if refused.code != TOO_MANY or width <= FINEST:
                    raise
                width /= 2
                continue
            held = self._save(replace(held, searched_until=until, messages=held.messages + messages))
        return held

    def _save(self, held: Look) -> Look:
        with self.ports.store.begin() as tx:
            finished_at = tx.now() if held.searched_until >= held.target else None
            saved = replace(held, fault=None, finished_at=finished_at)
            tx.recoveries.save(saved)
        fault_point("recovery.saved")
        return saved

    def _read(self, since: datetime, until: datetime) -> int:
        """How many of ours were taken in the span. Tried again from its beginning: written twice is written once."""
        for wait_seconds in (FIRST_WAIT_SECONDS * 2**tried for tried in range(TRIES - 1)):
            try:
                return self._read_once(since, until)
            except ProviderUnavailable as fault:
                self.ports.wait(max(fault.retry_after_seconds or 0.0, wait_seconds))
        return self._read_once(since, until)

    def _read_once(self, since: datetime, until: datetime) -> int:
        messages = 0
        for page in self.ports.taken.between(self.token, since=since, until=until):
            if page:
                write(self.ports.store, self.recovery, self.configuration, page)
                fault_point("recovery.written")
            messages += len(page)
        return messages


def look(ports: RecoveryPorts, recovery: Recovery, configuration_id: UUID, number: int) -> Look:
    """To its end. `fault` says what it was broken off by; then it may be made again.

    Raises `Conflict` when it is too early for the second one.
    """
    configuration, held = _take(ports, recovery, configuration_id, number)
    if held.finished_at is not None:
        return held
    envelope = configuration.provisioned.server_token
    assert envelope is not None, "who is concerned has a server"
    try:
        token = ports.cipher.decrypt(
            envelope, tenant_id=configuration.tenant_id, configuration_id=configuration_id
        )
        with looked_after(lambda: _keep_pace(ports)):
            return _Search(ports, recovery, configuration, token).to_its_end(held)
    except KeyMaterialError:
        return _broken_off(ports, held, KEY_MATERIAL)
    except ProviderError as fault:
        return _broken_off(ports, held, fault.code)


def _take(
    ports: RecoveryPorts, recovery: Recovery, configuration_id: UUID, number: int
) -> tuple[EmailConfiguration, Look]:
    with ports.store.begin() as tx:
        configuration = tx.configurations.get(configuration_id)
        assert configuration is not None, "configurations are never deleted"
        if number == LOOKS and tx.now() < recovery.second_look_at(ports.index_lag):
            raise Conflict("the provider's search may not know yet all that was sent")
        held = tx.recoveries.look(recovery.e_id, configuration_id, number)
        if held is None:
            held = Look(
                recovery_id=recovery.e_id,
                configuration_id=configuration_id,
                number=number,
                begun_at=tx.now(),
                searched_until=recovery.searched_from,
            )
            tx.recoveries.save(held)
        return configuration, held


def _broken_off(ports: RecoveryPorts, held: Look, code: str) -> Look:
    """As far as it came."""
    with ports.store.begin() as tx:
        tx.recoveries.save(replace(held, fault=code))
        saved = tx.recoveries.look(held.recovery_id, held.configuration_id, held.number)
    assert saved is not None, "it was just saved"
    return saved


def _keep_pace(ports: RecoveryPorts) -> None:
    while True:
        try:
            ports.pace.keep()
        except OutOfTurn as busy:
            ports.wait(busy.retry_after_seconds or FIRST_WAIT_SECONDS)
        else:
            return
