"""What one page of messages tells of our jobs, in one transaction. Written twice it is written once."""

from collections.abc import Sequence

from shared.domain.configuration import EmailConfiguration
from shared.domain.mail import MessageContent
from shared.domain.recovery import Found, Recovery, TakenMessage, Told, adopted, judge
from shared.ports.jobs import NewJob
from shared.ports.rows import Lock
from shared.ports.store import Store, Transaction


def write(
    store: Store, recovery: Recovery, configuration: EmailConfiguration, page: Sequence[TakenMessage]
) -> None:
    """Of one job that went out twice, the first message: the other is no news any more."""
    firsts = {message.job_id: message for message in sorted(page, key=lambda one: one.taken_at, reverse=True)}
    with store.begin() as tx:
        # As whoever claims: a force-lock comes before or after.
        tx.configurations.get(configuration.e_id, lock=Lock.SHARE)
        jobs = tx.recoveries.jobs(list(firsts))
        told = [
            (message, found)
            for e_id, message in firsts.items()
            if (found := judge(jobs.get(e_id), message, configuration.e_id)) is not None
        ]
        settled, new = _those(told, Found.SETTLED), _those(told, Found.ADOPTED)
        tx.recoveries.settle(settled)
        _adopt(tx, recovery, configuration, new)
        tx.recoveries.note_attempts([*settled, *new])
        tx.recoveries.keep(recovery.e_id, [_told(message, configuration, found) for message, found in told])


def _those(told: Sequence[tuple[TakenMessage, Found]], wanted: Found) -> list[TakenMessage]:
    return [message for message, found in told if found is wanted]


def _adopt(
    tx: Transaction, recovery: Recovery, configuration: EmailConfiguration, messages: Sequence[TakenMessage]
) -> None:
    """Of what was in a message, its subject is all that is shown. Events of the job are parked, and join it."""
    tx.jobs.accept(
        [
            NewJob(
                adopted(
                    message,
                    recovery,
                    tenant_id=configuration.tenant_id,
                    configuration_id=configuration.e_id,
                ),
                MessageContent(subject=message.subject, tag=message.tag),
            )
            for message in messages
        ]
    )


def _told(message: TakenMessage, configuration: EmailConfiguration, found: Found) -> Told:
    return Told(
        job_id=message.job_id,
        tenant_id=configuration.tenant_id,
        configuration_id=configuration.e_id,
        found=found,
        provider_message_id=message.message_id,
        taken_at=message.taken_at,
    )
