"""What `emailctl doctor` asks, of whom, and from when on an answer is none to be content with."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from shared.bootstrap import Container
from shared.cli.examination import Check, Finding, Verdict
from shared.cli.output import cell
from shared.cli.times import age
from shared.domain.dead_letter import Subject
from shared.domain.dns import canonical
from shared.domain.errors import ProviderRefused
from shared.ports.broker import BrokerLook, BrokerSeen
from shared.ports.clock import Clock
from shared.ports.database import DatabaseLook, DatabaseSeen
from shared.ports.waits import COUNTED_MAX, Waiting

# Leases and due times are by the database's clock; ours dates what is logged and what operators ask for.
_CLOCK_WARN_SECONDS: Final = 2.0
_CLOCK_FAIL_SECONDS: Final = 30.0
# A leader that is silent for longer has lost the lead, so this one is about to.
_SILENT_LOOKS: Final = 3
# Twenty times as long as one is warned of is no delay any more.
_FAIL_FACTOR: Final = 20
# No server has it: whoever may not ask is refused all the same.
_NOBODY: Final = "emailctl-doctor"


@dataclass(frozen=True, slots=True)
class Patient:
    container: Container
    database: DatabaseLook
    broker: BrokerLook
    clock: Clock


@dataclass(frozen=True, slots=True)
class _Bound:
    """Warned of when something has waited for longer. As docs/runbooks/README.md has it for alerts."""

    seconds: float
    runbook: str


BOUNDS: Final[Mapping[Waiting, _Bound]] = {
    Waiting.PROVISIONING: _Bound(1800, "failed-provisioning"),
    Waiting.AWAITING_VERIFICATION: _Bound(3600, "stuck-verification"),
    Waiting.LOCKING: _Bound(900, "stranded-locking"),
    Waiting.REMOVAL: _Bound(7200, "failed-provisioning"),
    Waiting.MISSING: _Bound(0, "failed-provisioning"),
    Waiting.UNVERIFIED: _Bound(0, "stuck-verification"),
    Waiting.FAILURE: _Bound(0, "failure-state"),
    Waiting.JOB_DUE: _Bound(120, "backlog"),
    Waiting.JOB_SENDING: _Bound(180, "scheduler-no-leader"),
    Waiting.JOB_IN_DOUBT: _Bound(600, "in-doubt-jobs"),
    Waiting.EVENT_DUE: _Bound(120, "backlog"),
}


def checks_of(patient: Patient) -> Sequence[Check]:
    return (
        Check("database", lambda: list(_database(patient))),
        Check("broker", lambda: [_broker(patient.broker.look())]),
        Check("provider", lambda: [_provider(patient)]),
        Check("DNS zone", lambda: [_zone(patient)]),
        Check("key file", lambda: [_key_file(patient)]),
        Check("keys of tokens", lambda: [_tokens(patient)]),
        Check("account", lambda: [_account(patient)]),
        Check("waits", lambda: list(_waits(patient))),
        Check("dead letters", lambda: list(_standing(patient))),
    )


def _database(patient: Patient) -> Iterator[Finding]:
    before = patient.clock.now()
    seen = patient.database.look()
    took = patient.clock.now() - before
    yield Finding("database", Verdict.OK, f"PostgreSQL {seen.version}")
    yield _schema(seen)
    yield _clock((seen.now - (before + took / 2)).total_seconds(), took.total_seconds() / 2)
    yield _lead(patient, seen)


def _schema(seen: DatabaseSeen) -> Finding:
    if seen.revision is None:
        return Finding("schema", Verdict.FAIL, "never migrated", _MIGRATE)
    if seen.revision == seen.head:
        return Finding("schema", Verdict.OK, f"revision {seen.revision}")
    told = f"revision {seen.revision}, this code brings {seen.head}"
    if not seen.revision_known:
        return Finding("schema", Verdict.WARN, told, "this is an older release than the one that migrated it")
    return Finding("schema", Verdict.FAIL, told, _MIGRATE)


_MIGRATE: Final = "run the migrations: docs/migrations.md"


def _clock(ahead_seconds: float, unsure_seconds: float) -> Finding:
    """`ahead_seconds`: the database's clock, of ours; it took so long to ask that it may be half of that more."""
    off = max(abs(ahead_seconds) - unsure_seconds, 0.0)
    told = f"the database's is {abs(ahead_seconds):.1f} s {'ahead' if ahead_seconds > 0 else 'behind'}"
    advice = "set the clocks: one of the two machines has no time server"
    if off > _CLOCK_FAIL_SECONDS:
        return Finding("clock", Verdict.FAIL, told, advice)
    if off > _CLOCK_WARN_SECONDS:
        return Finding("clock", Verdict.WARN, told, advice)
    return Finding("clock", Verdict.OK, told)


def _lead(patient: Patient, seen: DatabaseSeen) -> Finding:
    if seen.lead is None:
        advice = "start a scheduler: docs/runbooks/scheduler-no-leader.md"
        return Finding("scheduler", Verdict.FAIL, "nobody leads", advice)
    silent_seconds = max((seen.now - seen.lead.heard_at).total_seconds(), 0.0)
    where = f" from {seen.lead.address}" if seen.lead.address else ""
    told = f"leads since {cell(seen.lead.since)}{where}, heard of {age(silent_seconds)} ago"
    if silent_seconds > _SILENT_LOOKS * patient.container.settings.scheduler.leader_seconds:
        return Finding("scheduler", Verdict.WARN, told, "look again: docs/runbooks/scheduler-no-leader.md")
    return Finding("scheduler", Verdict.OK, told)


def _broker(seen: BrokerSeen | str) -> Finding:
    if isinstance(seen, str):
        advice = "nothing is lost, but all waits for sweeps: docs/runbooks/redis-lost.md"
        return Finding("broker", Verdict.FAIL, f"no answer ({seen})", advice)
    told = [f"version {seen.version}" if seen.version else "answers"]
    told += [f"evicts {seen.eviction}"] if seen.eviction else []
    told += [] if seen.append_only is None else [f"append-only file {'on' if seen.append_only else 'off'}"]
    if seen.used_bytes is not None and seen.max_bytes:
        told.append(f"{100 * seen.used_bytes // seen.max_bytes} % full")
    if seen.eviction not in (None, "noeviction"):
        advice = "set maxmemory-policy to noeviction: workers' messages may be dropped half way"
        return Finding("broker", Verdict.WARN, ", ".join(told), advice)
    return Finding("broker", Verdict.OK, ", ".join(told))


def _provider(patient: Patient) -> Finding:
    """The cheapest question that wants the account's token."""
    try:
        patient.container.mail_account.find_server(_NOBODY)
    except ProviderRefused as refused:
        advice = "set EMAIL_POSTMARK_ACCOUNT_TOKEN to one that is valid"
        return Finding("provider", Verdict.FAIL, f"refuses the account token ({refused.code})", advice)
    return Finding("provider", Verdict.OK, "takes the account token")


def _zone(patient: Patient) -> Finding:
    wanted = canonical(patient.container.settings.mail_zone.name)
    # The zone's own name comes first of all, with the SOA that every zone has.
    try:
        first = next(iter(patient.container.zone_inventory.record_pages()), ())
    except ProviderRefused as refused:
        advice = "look at EMAIL_MAIL_ZONE_ID, and at the role's permissions for Route 53"
        return Finding("DNS zone", Verdict.FAIL, f"cannot be read ({refused.code})", advice)
    if any(record.type == "SOA" and canonical(record.name) == wanted for record in first):
        return Finding("DNS zone", Verdict.OK, wanted)
    owners = [record.name for record in first if record.type == "SOA"]
    told = f"the zone with this id is {owners[0]}" if owners else "the zone has no SOA"
    return Finding("DNS zone", Verdict.FAIL, told, f"EMAIL_MAIL_ZONE_ID and _NAME ({wanted}) are two zones")


def _key_file(patient: Patient) -> Finding:
    keys = patient.container.key_versions
    mounted = keys.mounted()
    if mounted is None:
        advice = "look at EMAIL_KEY_MATERIAL_FILE: docs/runbooks/encryption-key-rotation.md"
        return Finding("key file", Verdict.FAIL, "cannot be used", advice)
    return Finding("key file", Verdict.OK, f"{len(mounted)} versions, current is {keys.current_version}")


def _tokens(patient: Patient) -> Finding:
    mounted = patient.container.key_versions.mounted() or frozenset()
    with patient.container.store.begin() as tx:
        uses = tx.sealed_tokens.uses()
    missing = {version: use.rows for version, use in uses.items() if version not in mounted}
    if missing:
        told = ", ".join(f"{version or '(none)'} of {count}" for version, count in sorted(missing.items()))
        return Finding("keys of tokens", Verdict.FAIL, f"not mounted: {told}", "see 'emailctl keys status'")
    return Finding("keys of tokens", Verdict.OK, f"{sum(use.rows for use in uses.values())} tokens readable")


def _account(patient: Patient) -> Finding:
    with patient.container.store.begin() as tx:
        paused_until, recovering = tx.account.paused_until(), tx.recovering()
    if recovering:
        told = "a recovery is open: nobody sends, and callers get 503"
        return Finding("account", Verdict.FAIL, told, "see 'emailctl recovery status'")
    if paused_until is not None:
        told = f"sending is paused until {cell(paused_until)}"
        return Finding("account", Verdict.FAIL, told, "docs/runbooks/account-paused.md")
    return Finding("account", Verdict.OK, "sends")


def _waits(patient: Patient) -> Iterator[Finding]:
    """One line for each state in which something has waited for too long; one if there is none."""
    with patient.container.store.begin() as tx:
        oldest, now = tx.waits.oldest(), tx.now()
    late = False
    for waiting, bound in BOUNDS.items():
        waited = (now - oldest[waiting]) if waiting in oldest else None
        if waited is not None and waited > timedelta(seconds=bound.seconds):
            late = True
            yield _late(waiting, bound, waited)
    if not late:
        yield Finding("waits", Verdict.OK, "nothing has waited for too long")


def _late(waiting: Waiting, bound: _Bound, waited: timedelta) -> Finding:
    fails = bound.seconds > 0 and waited.total_seconds() > _FAIL_FACTOR * bound.seconds
    told = f"the oldest has waited for {age(waited.total_seconds())}"
    verdict = Verdict.FAIL if fails else Verdict.WARN
    return Finding(f"waits: {waiting}", verdict, told, f"docs/runbooks/{bound.runbook}.md")


def _standing(patient: Patient) -> Iterator[Finding]:
    with patient.container.store.begin() as tx:
        standing = tx.waits.standing()
    letters = {subject: count for subject, count in standing.dead_letters.items() if count}
    told = ", ".join(f"{_count(count)} of {Subject(subject)}s" for subject, count in sorted(letters.items()))
    advice = "see 'emailctl dead-letter ls --by class': docs/runbooks/dead-letters.md"
    verdict = Verdict.WARN if letters else Verdict.OK
    yield Finding("dead letters", verdict, told or "none", advice if letters else None)
    # Doubts are everyday work, and told of as late when they are.
    yield Finding("in doubt", Verdict.OK, f"{_count(standing.jobs_in_doubt)} jobs")


def _count(number: int) -> str:
    return f"{number} or more" if number >= COUNTED_MAX else str(number)
