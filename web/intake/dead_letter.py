"""One dead letter, put back to work or laid to rest at once. Many are a replay's: `shared/replaying.py`."""

from uuid import UUID

from shared import replaying
from shared.domain.audit import OperatorAction
from shared.domain.dead_letter import DeadLetter, Rest, Subject
from shared.domain.errors import Conflict, NotFound
from shared.domain.replay import Fate
from shared.ports.rows import Lock
from shared.ports.store import Transaction
from shared.replaying import DeadLetterPorts, Replayed, why_nothing_waits


def put_back(ports: DeadLetterPorts, e_id: UUID, *, author: str, reason: str) -> Replayed:
    """LOCKED and RETIRED leave it open. Raises `NotFound`, and `Conflict` when it or its subject has moved on."""
    letter = _open(ports, e_id)
    with ports.store.begin() as tx:
        obstacle = _obstacle(tx, letter)
        if obstacle is not None:
            return Replayed(letter, obstacle)
        action = _deed(tx, ports.new_id(), "dead_letter.replay", letter, author=author, reason=reason)
        if not tx.dead_letters.replay(letter, action):
            raise Conflict("it is not open any more, or its subject is not as it was left")
    replayed = Replayed(letter, Fate.PUT_BACK)
    ports.doorbell.ring(*replaying.rings([replayed]))
    return replayed


def lay_to_rest(ports: DeadLetterPorts, e_id: UUID, *, author: str, reason: str) -> DeadLetter:
    """Raises `NotFound`, and `Conflict` when it is not open any more."""
    letter = _open(ports, e_id)
    with ports.store.begin() as tx:
        action = _deed(tx, ports.new_id(), "dead_letter.discard", letter, author=author, reason=reason)
        if not tx.dead_letters.discard(letter, action):
            raise Conflict("it is not open any more")
    return letter


def _open(ports: DeadLetterPorts, e_id: UUID) -> DeadLetter:
    letter = replaying.get(ports, e_id)
    if letter is None:
        raise NotFound
    if letter.rest is not Rest.OPEN:
        raise Conflict("it is not open any more")
    return letter


def _obstacle(tx: Transaction, letter: DeadLetter) -> Fate | None:
    """Held until the job is back in the queue, so that a force-lock comes before or cancels it."""
    if letter.subject is not Subject.JOB or letter.configuration_id is None:
        return None
    configuration = tx.configurations.get(letter.configuration_id, lock=Lock.SHARE)
    assert configuration is not None, "configurations are never deleted"
    word = why_nothing_waits(configuration)
    return Fate(word) if word else None


def _deed(
    tx: Transaction, e_id: UUID, action: str, letter: DeadLetter, *, author: str, reason: str
) -> OperatorAction:
    """Of the letter's subject, so that a job's timeline shows it."""
    return OperatorAction(
        e_id=e_id,
        tenant_id=letter.tenant_id,
        action=action,
        subject_id=letter.subject_id,
        author=author,
        reason=reason,
        at=tx.now(),
    )
