"""The steps beside the way of mail: limits, webhooks, gaps, lifts, drift, pictures, operators."""

from dataclasses import replace
from datetime import timedelta

from shared.domain.dead_letter import DeadLetterFilter
from shared.domain.drift import Assertion, Discrepancy, Drift, FindingState, Problem, Verdict
from shared.domain.job import JobStatus
from shared.domain.recovery import Look, Recovery
from shared.domain.replay import Fate, Replay
from shared.domain.retention import Kind
from shared.domain.traffic import Counted
from shared.domain.webhook import WebhookHealth, WebhookState
from shared.persistence.ids import new_id
from shared.ports.operators import ConfigurationSearch, JobSearch, SuppressionSearch
from shared.ports.store import Transaction
from tests import factories as make
from tests.integration.persistence.upgrades.day import BOUNCED, Day
from tests.integration.persistence.upgrades.working_day import Deed


def the_account_pauses(_day: Day, tx: Transaction) -> None:
    tx.account.gate(probe_seconds=30)
    tx.account.pause(seconds=60, longest_seconds=600, reason="405: no credits")


def the_account_goes_on(_day: Day, tx: Transaction) -> None:
    tx.account.resume()
    tx.account.paused_until()


def a_server_is_limited(day: Day, tx: Transaction) -> None:
    tx.pressure.is_limited(day.acme.e_id)
    tx.pressure.shrink_batch(day.acme.e_id, from_size=50)
    tx.pressure.throttled(day.acme.e_id, wait_seconds=0)
    tx.pressure.ease(day.acme.e_id, full_batch_size=50)


def a_call_is_permitted(day: Day, tx: Transaction) -> None:
    tx.pressure.permit(day.acme.e_id)


def a_turn_is_taken(_day: Day, tx: Transaction) -> None:
    tx.turns.take("route53", per_second=1_000_000, patience_seconds=60)


def a_role_is_there(_day: Day, tx: Transaction) -> None:
    tx.presence.seen("web")


def a_gap_is_caught_up(day: Day, tx: Transaction) -> None:
    times = make.later(hours=1), make.later(hours=3)
    assert tx.gaps.open(*times, cause="away", author="worker", configuration_id=day.acme.e_id) == 1
    gap = tx.gaps.take(day.acme.e_id, lease_seconds=60)
    assert gap is not None
    tx.gaps.messages(gap, limit=100)
    tx.gaps.save(replace(gap, found=1, tries=1, finished_at=tx.now()))


def a_lift_is_asked_for(day: Day, tx: Transaction) -> None:
    tx.lifts.want(day.tenant, ["lifted@example.com", "refused@example.com"])
    assert len(tx.lifts.take(day.acme.e_id, limit=10, lease_seconds=60)) == 2
    tx.lifts.done(day.acme.e_id, ["lifted@example.com"])
    tx.lifts.refused(day.acme.e_id, "refused@example.com", "it complained")


def a_webhook_is_looked_at(day: Day, tx: Transaction) -> None:
    tx.webhook_looks.take(day.acme.e_id, next_due_seconds=600)
    tx.webhook_looks.record(day.acme.e_id, WebhookHealth(state=WebhookState.OK, webhooks=1, requests=17))
    tx.webhook_keys.set(day.acme.e_id, "0123456789ab")


def a_key_is_used(_day: Day, tx: Transaction) -> None:
    tx.key_uses.used("0123456789ab", "provider")


def a_token_is_sealed_anew(day: Day, tx: Transaction) -> None:
    token = tx.sealed_tokens.get(day.acme.e_id)
    assert token is not None
    assert tx.sealed_tokens.reseal(token, "a1.k2:AAAA")


def drift_is_looked_for(day: Day, tx: Transaction) -> None:
    tx.rounds.ask(Assertion.DNS)
    begun = tx.rounds.begin(Assertion.DNS.e_id, lease_seconds=0)
    assert begun is not None
    tx.rounds.sight(begun, [(day.acme.e_id, Drift.DKIM_MISMATCH)])
    tx.drift_rows.unsighted(begun, Drift.DKIM_MISMATCH, after=None, limit=10)
    tx.rounds.finish(begun, verdict=Verdict.CLEAN, checked=1, calls=1)


def a_finding_is_snoozed(day: Day, tx: Transaction) -> None:
    missing = Discrepancy(
        tag=Drift.MISSING_KEY,
        problem=Problem.ABSENT,
        configuration_id=day.acme.e_id,
        tenant_id=day.tenant,
        server_id=11,
        key_version="v1",
    )
    tx.findings.observe([missing])
    (finding,) = tx.findings.find(states=list(FindingState), configuration_id=day.acme.e_id, limit=10)
    until = tx.now() + timedelta(hours=1)
    assert tx.findings.snooze(finding.e_id, until=until, author="olga", reason="it is known")


def minutes_are_counted(_day: Day, tx: Transaction) -> None:
    tx.traffic.add({(Counted.OUTCOME, status): 7 for status in JobStatus})


def dead_letters_are_put_back_in_bulk(day: Day, tx: Transaction) -> None:
    (letter,) = tx.dead_letters.find(
        DeadLetterFilter(actor="send_jobs", configuration_id=day.acme.e_id), limit=1
    )
    now = tx.now()
    wanted = DeadLetterFilter(configuration_id=day.acme.e_id, raised_until=now)
    replay = Replay(
        e_id=new_id(),
        wanted=wanted,
        per_second=10.0,
        author="olga",
        reason="the provider is back",
        created_at=now,
        begins_at=now,
        found=1,
    )
    tx.replays.add(replay)
    work = tx.replays.take(replay.e_id, lease_seconds=60)
    assert work is not None
    assert tx.dead_letters.replay_all([(letter, day.action(letter.subject_id))])
    tx.replays.finish(
        tx.replays.note(work, [(letter.e_id, Fate.PUT_BACK)], next_in_seconds=0, lease_seconds=60)
    )


def addresses_are_imported(day: Day, tx: Transaction) -> None:
    entries = [
        make.suppression(tenant_id=day.tenant, address=f"{name}@example.com") for name in ("old", "older")
    ]
    assert tx.suppressions.import_many(day.tenant, entries).added == 2
    tx.suppressions.export(day.tenant, after=None, limit=10)


def an_operator_looks(day: Day, tx: Transaction) -> None:
    tx.views.configurations(ConfigurationSearch(text=str(day.tenant)), before=None, limit=50)
    tx.views.jobs(JobSearch(configuration_id=day.acme.e_id), before=None, limit=50)
    tx.views.suppressions(SuppressionSearch(address=BOUNCED, tenant_id=day.tenant), after=None, limit=50)
    tx.views.deeds(subject_id=day.acme.e_id, before=None, limit=50)
    tx.views.events_of(day.acme.e_id, limit=20)


def an_operator_decides(day: Day, tx: Transaction) -> None:
    tx.audit.keep(day.action(day.acme.e_id))
    tx.tenant_log.jobs_with_events(day.tenant, after=None, limit=100)


def the_scheduler_looks(_day: Day, tx: Transaction) -> None:
    for look in (
        tx.configurations.due_for_verification,
        tx.configurations.provisioning_without_lease,
        tx.configurations.removal_without_lease,
        tx.configurations.locking,
        tx.jobs.configurations_with_due_jobs,
        tx.jobs.configurations_with_due_doubts,
        tx.events.configurations_with_due_events,
    ):
        look(100)
    tx.jobs.doubt_expired_leases(look_in_seconds=60, limit=100)
    tx.configurations.count_by_state()


def what_waits_is_measured(_day: Day, tx: Transaction) -> None:
    tx.waits.oldest()
    tx.waits.standing()


def the_database_was_restored(day: Day, tx: Transaction) -> None:
    """Whole in one transaction: while a recovery is open nobody sends."""
    now = tx.now()
    recovery = Recovery(
        e_id=new_id(),
        gap_from=make.LONG_AGO,
        gap_until=make.later(hours=1),
        author="olga",
        reason="restored",
        begun_at=now,
    )
    tx.recoveries.begin(recovery)
    look = Look(
        recovery_id=recovery.e_id, configuration_id=day.acme.e_id, number=1, begun_at=now, searched_until=now
    )
    tx.recoveries.save(look)
    assert tx.recoveries.end(recovery.e_id, author="olga")


def old_rows_are_removed(_day: Day, tx: Transaction) -> None:
    """Of which there are none so old."""
    tx.retention.arm(Kind.CONTENTS, every_seconds=60)
    tx.retention.ask(Kind.CONTENTS)
    begun = tx.retention.begin(Kind.CONTENTS, keep_days=18_000, lease_seconds=60)
    assert begun is not None
    tx.retention.remove(begun, rows=10, lease_seconds=60)
    tx.retention.release(begun)


STEPS: tuple[Deed, ...] = (
    a_gap_is_caught_up,
    a_lift_is_asked_for,
    a_webhook_is_looked_at,
    a_token_is_sealed_anew,
    a_finding_is_snoozed,
    dead_letters_are_put_back_in_bulk,
    addresses_are_imported,
    an_operator_decides,
    an_operator_looks,
    minutes_are_counted,
    a_key_is_used,
    a_turn_is_taken,
)
# Of rows that belong to nobody: whoever is at work at the same time writes the same ones, or finds others.
SHARED: tuple[Deed, ...] = (
    a_role_is_there,
    the_account_pauses,
    the_account_goes_on,
    a_server_is_limited,
    a_call_is_permitted,
    drift_is_looked_for,
    the_scheduler_looks,
    what_waits_is_measured,
    the_database_was_restored,
    old_rows_are_removed,
)
SHARED_TABLES = {
    "drift_assertion",
    "drift_sighting",
    "provider_account",
    "recovery",
    "retention",
    "send_pressure",
}
