"""The end of every story: all is well again, time goes on, and everything that was begun comes to its end."""

from datetime import datetime, timedelta

from shared.domain.lifecycle import Administrative, Operational
from tests.fakes.store.state import State
from tests.model.model import IN_FLIGHT
from tests.model.tally import TALLY
from tests.model.world import World

_ROUNDS_MAX = 300
_MESSAGES_MAX = 300
_ENDS = (Operational.PROVISIONING, Operational.AWAITING_VERIFICATION)


def heal(world: World) -> None:
    world.faults.heal()
    world.postmark._send_answers.clear()
    world.cipher.versions.add(world.cipher.current)
    world.bell.down = False
    world.dns.unseen.clear()
    world.ledger.strangers_leave()


def settle(world: World) -> None:
    """Raises `AssertionError` when something does not come to its end."""
    heal(world)
    for _ in range(_ROUNDS_MAX):
        world.tick()
        _answer_rings(world)
        left = unfinished(world.store.state)
        if not left:
            break
        world.pass_time(_to_the_next(world.store.state, world.clock.now()))
    assert not left, f"never came to its end: {left}"
    check_the_end(world)


def _answer_rings(world: World) -> None:
    for _ in range(_MESSAGES_MAX):
        if not world.bell.waiting:
            return
        world.run(world.bell.waiting.pop(0))
    raise AssertionError("rings without end")


def unfinished(state: State) -> list[str]:
    """What the module has to bring to its end by itself. Waiting for an operator is an end."""
    left = []
    for row in state.configurations.values():
        if row.retired:
            left += [f"{row.slug}: being removed"] if row.cleaned_up_at is None else []
        elif row.operational in _ENDS:
            left.append(f"{row.slug}: {row.operational}")
        elif row.administrative is Administrative.LOCKING and not _in_flight(state, row.e_id):
            left.append(f"{row.slug}: LOCKING with nothing in flight")
    for job in state.jobs.values():
        configuration = state.configurations[job.configuration_id]
        if job.status.value in IN_FLIGHT and (job.status.value != "QUEUED" or configuration.may_claim):
            left.append(f"{configuration.slug}: a job {job.status}")
    left += ["an event" for kept in state.events.values() if kept.event.projected_at is None]
    return left


def _in_flight(state: State, e_id: object) -> bool:
    return any(job.configuration_id == e_id and job.status.value in IN_FLIGHT for job in state.jobs.values())


def _to_the_next(state: State, now: datetime) -> timedelta:
    """Until something is due that is not yet; a minute when nothing is."""
    due = [row.verification_due_at for row in state.configurations.values()]
    due += [until for _, until in state.leases.values()]
    due += [moment for job in state.jobs.values() for moment in (job.due_at, job.lease_until)]
    due += [kept.due_at for kept in state.events.values()]
    due += [moment for pause in state.pauses.values() for moment in (pause.until, pause.probing_until)]
    due += [limit.blocked_until for limit in state.limits.values()]
    later = [moment - now for moment in due if moment is not None and moment > now]
    return max(min(later, default=timedelta(minutes=1)), timedelta(seconds=1))


def check_the_end(world: World) -> None:
    state, model = world.store.state, world.model
    taken = [one.message.job_id for one in world.postmark.taken]
    assert len(taken) == len(set(taken)), "sent twice"
    assert model.jobs.keys() == state.jobs.keys()
    for job in state.jobs.values():
        TALLY.jobs_at_the_end[job.status.value] += 1
        if job.status.value == "QUEUED":
            standing = model.standings[job.configuration_id]
            assert standing.operational not in {"OK", "DEGRADED"}, "nothing keeps it, and it is not sent"
            assert standing.administrative != "LOCKED"
    for row in state.configurations.values():
        world.ledger.check(row)
        assert row.cleaned_up_at is None or world.ledger.is_gone(row), f"{row.slug} was not taken down"
    in_use = {row.slug for row in state.configurations.values() if row.cleaned_up_at is None}
    assert all(any(f".{slug}." in name for slug in in_use) for name, _ in world.zone.records)
    owned = {thing for row in state.configurations.values() for thing in world.ledger.of(row.e_id)}
    assert world.ledger.things() == owned, "something at the provider is nobody's"
