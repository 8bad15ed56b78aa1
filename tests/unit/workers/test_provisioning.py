"""From PROVISIONING to AWAITING_VERIFICATION, or to MISSING."""

from hashlib import sha256
from uuid import uuid4

import pytest

from shared.domain.configuration import Step, StepFailure
from shared.domain.dns import records_for
from shared.domain.errors import (
    Conflict,
    OutcomeUnknown,
    OutOfTurn,
    ProviderError,
    ProviderRefused,
    ProviderUnavailable,
)
from shared.domain.lifecycle import Operational, Trigger
from shared.domain.webhook import fingerprint
from shared.ports.mail import Domain
from tests.fakes.mail import FakeMailAccount
from tests.unit.workers.provisioning_world import POLICY, VerifyConfiguration, World
from workers.provisioning.handler import provision

AWAITING, MISSING, PROVISIONING = (
    Operational.AWAITING_VERIFICATION,
    Operational.MISSING,
    Operational.PROVISIONING,
)
REFUSED = ProviderRefused("300", "refused, because the test says so")
AWAY = ProviderUnavailable("connect_timeout", "no connection to the provider")
LOST = OutcomeUnknown("read_timeout", "no whole answer came back")

# Each provider call of provisioning, with the step it belongs to.
CALLS = [
    ("find_server", Step.CREATE_SERVER),
    ("create_server", Step.CREATE_SERVER),
    ("find_signature", Step.CREATE_SIGNATURE),
    ("create_signature", Step.CREATE_SIGNATURE),
    ("find_domain", Step.CREATE_SIGNATURE),
    ("find_webhook", Step.INSTALL_WEBHOOK),
    ("create_webhook", Step.INSTALL_WEBHOOK),
    ("upsert", Step.WRITE_RECORDS),
]
CREATES = [call for call in CALLS if call[0].startswith("create")]


@pytest.fixture
def world() -> World:
    world = World()
    world.signal(Trigger.PROVISION)
    return world


def fail_next(world: World, call: str, error: ProviderError, *, after_effect: bool = False) -> None:
    if call == "upsert":
        world.zone.fail_next(error)
    else:
        world.postmark.fail_next(call, error, after_effect=after_effect)


def assert_whole(world: World) -> None:
    """One of each at the provider, and the row knows them."""
    postmark, there = world.postmark, world.configuration.provisioned
    assert list(postmark.servers) == [there.server_id]
    assert list(postmark.signatures) == [there.signature_id]
    assert list(postmark.domains) == [there.domain_id]
    (server,) = postmark.servers.values()
    assert server.name == world.names.server_name
    (webhook_id,) = server.webhooks
    assert webhook_id == there.webhook_id
    spec = server.webhooks[webhook_id]
    assert spec.bearer == "the-api-key"
    assert sha256(spec.routing_token.encode()).digest() == world.configuration.routing_token_hash
    (domain,) = postmark.domains.values()
    assert {record.name: record.value for record in world.zone.records.values()} == {
        record.name: record.value for record in records_for(domain.dns)
    }
    assert (there.intent, there.undoing, there.tries) == (None, False, 0)


def test_four_steps_lead_to_awaiting_verification(world: World) -> None:
    assert world.provision() is AWAITING
    assert_whole(world)
    assert world.rung(VerifyConfiguration) == [world.e_id]
    assert world.configuration.verification_due_at == world.store.clock.now()


def test_each_step_is_intended_before_and_committed_after_its_call(world: World) -> None:
    world.provision()
    steps = [cause for cause in world.causes if ": " in cause]
    assert steps == [f"{step}: {word}" for step in Step for word in ("intended", "done")]


def test_every_call_to_the_mail_provider_comes_before_the_dns_write(world: World) -> None:
    world.provision()
    calls = [
        moment for moment in world.breaker.moments if moment.startswith("before ") and "commit" not in moment
    ]
    assert calls[-1] == "before upsert"
    assert world.zone.change_batches == 1


def test_the_server_token_is_kept_encrypted_and_nowhere_else(world: World) -> None:
    world.provision()
    (server,) = world.postmark.servers.values()
    kept = world.configuration.provisioned.server_token
    assert kept is not None
    assert server.token not in kept
    assert world.deps().server_token(world.configuration) == server.token
    with world.store.begin() as tx:
        history = tx.configurations.history(world.e_id)
    assert server.token not in repr((history, world.doorbell.rung))


def test_a_ring_that_finds_nothing_to_do_makes_no_call() -> None:
    world = World()
    assert world.provision() is Operational.PENDING
    assert not world.postmark.calls


def test_a_second_ring_after_the_work_makes_no_call(world: World) -> None:
    world.provision()
    calls = world.postmark.calls.copy()
    assert world.provision() is AWAITING
    assert world.postmark.calls == calls


def test_two_workers_are_never_at_the_same_configuration(world: World) -> None:
    with world.store.begin() as tx:
        assert tx.configurations.take_lease(world.e_id, token=uuid4(), lease_seconds=60)
    assert world.provision() is PROVISIONING
    assert not world.postmark.calls


def test_a_worker_that_lost_its_lease_writes_nothing_more(world: World) -> None:
    deps = world.deps(lease_seconds=0.0)

    def another_takes_over(_: object) -> bool:
        with world.store.begin() as tx:
            assert tx.configurations.take_lease(world.e_id, token=uuid4(), lease_seconds=60)
        return True

    world.postmark.test_posts_succeed = another_takes_over
    with pytest.raises(Conflict):
        provision(world.e_id, deps)
    assert world.configuration.provisioned.webhook_id is None
    assert world.is_leased()


# --- what passes -------------------------------------------------------------


@pytest.mark.parametrize(("call", "step"), CALLS)
def test_a_fault_that_may_pass_waits_and_then_goes_on_where_it_was(
    world: World, call: str, step: Step
) -> None:
    fail_next(world, call, AWAY)
    assert world.provision() is PROVISIONING
    assert world.configuration.provisioned.next_step() is step
    assert world.configuration.provisioned.tries == 1
    assert world.lease_seconds() == POLICY.retry_base_seconds
    assert world.provision() is PROVISIONING, "not before the wait is over"
    world.store.advance(seconds=POLICY.retry_base_seconds)
    assert world.provision() is AWAITING
    assert_whole(world)


@pytest.mark.parametrize(("call", "step"), CREATES)
def test_what_a_lost_answer_made_is_found_and_adopted(world: World, call: str, step: Step) -> None:
    fail_next(world, call, LOST, after_effect=True)
    assert world.provision() is PROVISIONING
    assert world.configuration.provisioned.intent is step
    world.after_the_lease()
    assert world.provision() is AWAITING
    assert world.postmark.calls[call] == 1
    assert_whole(world)


def test_waits_grow_and_the_last_try_fails_for_good(world: World) -> None:
    waits = []
    for _ in range(POLICY.attempts_max):
        fail_next(world, "create_signature", AWAY)
        world.provision()
        if world.configuration.operational is PROVISIONING:
            waits.append(world.lease_seconds())
            world.store.advance(seconds=waits[-1])
    assert waits == [2.0, 4.0, 8.0]
    assert world.configuration.operational is MISSING
    assert world.configuration.failure == StepFailure(Step.CREATE_SIGNATURE, AWAY.code, AWAY.message)
    assert world.nothing_is_left()


def test_a_provider_that_says_when_to_come_back_is_taken_at_its_word(world: World) -> None:
    fail_next(world, "create_server", ProviderUnavailable("429", "slow down", retry_after_seconds=77.0))
    world.provision()
    assert world.lease_seconds() == 77.0


def test_tries_are_counted_anew_for_each_step(world: World) -> None:
    for call in ("create_server", "create_server", "create_webhook"):
        fail_next(world, call, AWAY)
        world.provision()
        world.after_the_lease()
    assert world.configuration.provisioned.tries == 1


def test_missing_key_material_is_waited_for(world: World) -> None:
    world.cipher.versions.clear()
    assert world.provision() is PROVISIONING
    world.cipher.versions.add(world.cipher.current)
    world.after_the_lease()
    assert world.provision() is AWAITING
    assert world.postmark.calls["create_server"] == 1


def test_key_material_that_never_comes_ends_in_missing_and_leaves_no_server(world: World) -> None:
    world.cipher.versions.clear()
    for _ in range(POLICY.attempts_max):
        world.provision()
        world.after_the_lease()
    failure = world.configuration.failure
    assert world.configuration.operational is MISSING
    assert failure is not None
    assert (failure.step, failure.code) == (Step.CREATE_SERVER, "key_material")
    assert world.nothing_is_left()


# --- what does not -----------------------------------------------------------


@pytest.mark.parametrize(("call", "step"), CALLS)
def test_a_step_that_fails_for_good_is_compensated_and_kept_with_its_words(
    world: World, call: str, step: Step
) -> None:
    fail_next(world, call, REFUSED)
    assert world.provision() is MISSING
    assert world.configuration.failure == StepFailure(step, REFUSED.code, REFUSED.message)
    assert world.configuration.provisioned.nothing_left
    assert world.nothing_is_left()


def test_compensation_goes_backward(world: World) -> None:
    world.zone.fail_next(REFUSED)
    world.provision()
    deletions = [moment for moment in world.breaker.moments if moment.startswith("before delete")]
    assert deletions == [
        "before delete",
        "before delete_webhook",
        "before delete_signature",
        "before delete_domain",
        "before delete_server",
    ]


@pytest.mark.parametrize(("call", "step"), CALLS)
def test_re_provision_after_a_failure_succeeds(world: World, call: str, step: Step) -> None:
    fail_next(world, call, REFUSED)
    world.provision()
    world.signal(Trigger.RE_PROVISION)
    assert world.provision() is AWAITING
    assert world.configuration.failure is None
    assert_whole(world)


@pytest.mark.parametrize(
    ("deletion", "left"),
    [
        ("delete_signature", {"server_id", "signature_id", "domain_id"}),
        ("delete_domain", {"server_id", "domain_id"}),
        ("delete_server", {"server_id"}),
    ],
)
def test_what_cannot_be_undone_is_kept_by_id_and_cleared_away_by_re_provision(
    world: World, deletion: str, left: set[str]
) -> None:
    fail_next(world, "create_webhook", REFUSED)
    fail_next(world, deletion, ProviderRefused("605", "unable to delete"))
    assert world.provision() is MISSING
    there = world.configuration.provisioned
    ids = {"server_id", "signature_id", "domain_id", "webhook_id"}
    assert {name for name in ids if getattr(there, name) is not None} == left
    assert world.configuration.failure == StepFailure(Step.INSTALL_WEBHOOK, REFUSED.code, REFUSED.message)
    world.signal(Trigger.RE_PROVISION)
    assert world.provision() is AWAITING
    assert world.postmark.calls["create_server"] == 2
    assert_whole(world)


@pytest.mark.parametrize(
    ("deletion", "step"),
    [
        ("delete_signature", Step.CREATE_SIGNATURE),
        ("delete_domain", Step.CREATE_SIGNATURE),
        ("delete_server", Step.CREATE_SERVER),
    ],
)
def test_re_provision_that_cannot_clear_away_is_missing_with_the_reason(
    world: World, deletion: str, step: Step
) -> None:
    for _ in range(2):
        fail_next(world, deletion, ProviderRefused("605", "unable to delete"))
    fail_next(world, "create_webhook", REFUSED)
    world.provision()
    world.signal(Trigger.RE_PROVISION)
    assert world.provision() is MISSING
    assert world.configuration.failure == StepFailure(step, "605", "unable to delete")
    assert world.configuration.provisioned.server_id is not None


def test_a_server_that_may_not_be_deleted_is_kept_and_used_by_the_next_attempt(world: World) -> None:
    world.postmark.server_deletion_allowed = False
    fail_next(world, "create_webhook", REFUSED)
    assert world.provision() is MISSING
    kept = world.configuration.provisioned.server_id
    assert kept is not None
    assert world.configuration.failure == StepFailure(Step.INSTALL_WEBHOOK, REFUSED.code, REFUSED.message)
    world.signal(Trigger.RE_PROVISION)
    assert world.provision() is AWAITING
    assert world.configuration.provisioned.server_id == kept
    assert world.postmark.calls["create_server"] == 1
    assert_whole(world)


def test_compensation_waits_for_a_provider_that_is_away_and_goes_on(world: World) -> None:
    fail_next(world, "create_webhook", REFUSED)
    fail_next(world, "delete_domain", AWAY)
    assert world.provision() is PROVISIONING
    assert world.configuration.provisioned.undoing
    world.after_the_lease()
    assert world.provision() is MISSING
    assert world.configuration.failure == StepFailure(Step.INSTALL_WEBHOOK, REFUSED.code, REFUSED.message)
    assert world.nothing_is_left()


def test_compensation_ends_even_when_the_provider_stays_away(world: World) -> None:
    fail_next(world, "create_webhook", REFUSED)
    for _ in range(POLICY.attempts_max):
        fail_next(world, "delete_signature", AWAY)
        world.provision()
        world.after_the_lease()
    assert world.configuration.operational is MISSING
    assert world.configuration.failure == StepFailure(Step.INSTALL_WEBHOOK, REFUSED.code, REFUSED.message)
    assert world.configuration.provisioned.signature_id is not None


# --- what is not ours ----------------------------------------------------------


def test_a_server_of_our_name_that_we_did_not_intend_is_an_orphan(world: World) -> None:
    world.postmark.add_server(world.names.server_name)
    assert world.provision() is MISSING
    failure = world.configuration.failure
    assert failure is not None
    assert (failure.step, failure.code) == (Step.CREATE_SERVER, "postmark_orphan_server")
    assert len(world.postmark.servers) == 1


def test_a_server_that_somebody_makes_between_our_look_and_our_create_is_not_deleted(world: World) -> None:
    fail_next(world, "create_server", ProviderRefused("603", "This server name already exists."))
    deps = world.deps()
    find = world.postmark.call

    def made_meanwhile(name: str) -> object:
        if name == "create_server":
            world.postmark.add_server(world.names.server_name)
        return find(name)

    world.postmark.call = made_meanwhile  # type: ignore[method-assign, assignment]
    provision(world.e_id, deps)
    failure = world.configuration.failure
    assert failure is not None
    assert failure.code == "postmark_orphan_server"
    assert [server.name for server in world.postmark.servers.values()] == [world.names.server_name]
    assert world.postmark.calls["delete_server"] == 0


def test_a_domain_that_we_did_not_intend_is_an_orphan_and_stays(world: World) -> None:
    world.postmark.add_domain(world.names.sending_domain, "bounces.elsewhere.example")
    assert world.provision() is MISSING
    failure = world.configuration.failure
    assert failure is not None
    assert (failure.step, failure.code) == (Step.CREATE_SIGNATURE, "postmark_orphan_domain")
    assert len(world.postmark.domains) == 1
    assert not world.postmark.servers


def test_a_signature_that_we_did_not_intend_is_an_orphan_and_stays(world: World) -> None:
    elsewhere = World()
    elsewhere.provisioned()
    world.postmark.signatures.update(elsewhere.postmark.signatures)
    assert world.provision() is MISSING
    failure = world.configuration.failure
    assert failure is not None
    assert (failure.step, failure.code) == (Step.CREATE_SIGNATURE, "postmark_orphan_signature")
    assert len(world.postmark.signatures) == 1


def test_records_outside_the_zone_fail_the_step_and_are_not_written(world: World) -> None:
    domain_with = world.postmark.domain_with

    def with_a_strange_return_path(name: str, return_path_domain: str) -> Domain:
        return domain_with(name, return_path_domain.replace(".com", ".org"))

    world.postmark.domain_with = with_a_strange_return_path  # type: ignore[method-assign]
    assert world.provision() is MISSING
    failure = world.configuration.failure
    assert failure is not None
    assert (failure.step, failure.code) == (Step.WRITE_RECORDS, "invalid")
    assert world.zone.change_batches == 0
    assert world.nothing_is_left()


def test_no_transaction_of_a_worker_is_open_while_it_calls(world: World) -> None:
    """The fakes raise when one is; this shows that they look."""
    with world.store.begin(), pytest.raises(RuntimeError):
        world.deps().mail.find_server("any")


def test_a_turn_that_is_far_off_is_waited_for_and_counts_as_no_try(world: World) -> None:
    for _ in range(POLICY.attempts_max + 1):
        world.postmark.fail_next("create_server", OutOfTurn("postmark", retry_after_seconds=3))
        assert world.provision() is Operational.PROVISIONING
        assert world.lease_seconds() == 3
        world.store.advance(seconds=3)
    assert world.configuration.provisioned.tries == 0
    assert world.provision() is Operational.AWAITING_VERIFICATION


def test_a_name_that_somebody_took_while_we_could_not_reach_the_provider_is_not_ours(world: World) -> None:
    world.postmark.fail_next("create_server", ProviderUnavailable("connect_timeout", "away"))
    world.provision()
    FakeMailAccount(world.postmark).create_server(world.names.server_name)
    world.after_the_lease()
    assert world.provision() is Operational.MISSING
    failure = world.configuration.failure
    assert failure is not None
    assert failure.code == "postmark_orphan_server"


def test_the_key_that_the_webhook_shows_is_known_to_a_later_rotation(world: World) -> None:
    world.provision()
    with world.store.begin() as tx:
        assert tx.webhook_keys.count() == {fingerprint("the-api-key"): 1}
        assert tx.webhook_keys.behind(fingerprint("the-next-key"), after=None, limit=10) == [world.e_id]
