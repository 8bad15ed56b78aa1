"""Rewriting the key of every webhook: nothing lost, nothing touched that is not ours."""

from dataclasses import replace

import pytest

from shared.cli.rotation import HOPELESS, NEIGHBOUR, WAITS_SECONDS
from shared.domain.errors import OutcomeUnknown, ProviderRefused, ProviderUnavailable
from shared.persistence.ids import new_id
from shared.ports.configurations import Change
from shared.ports.mail import WebhookSpec
from tests import factories
from tests.fakes.mail import FakeMailAccount
from tests.unit.cli.world import World, token_of
from tests.unit.web.api import KEY, PREVIOUS_KEY

ROTATE = ("webhooks", "rotate-bearer")


def results(world: World, *args: object, code: int = 0) -> list[str]:
    return [one["result"] for one in world.run_json(*ROTATE, *args, code=code)["results"]]


def test_every_webhook_shows_the_current_key_afterwards_and_keeps_its_routing_token(world: World) -> None:
    some = [world.add_configuration() for _ in range(3)]
    assert results(world) == ["rewritten"] * 3
    assert world.shown_keys(*some) == [KEY] * 3
    tokens = [spec.routing_token for one in some for spec in world.webhooks(one).values()]
    assert tokens == [token_of(one) for one in some]
    assert world.behind() == 0


def test_a_second_run_finds_nothing_to_do_and_does_not_call_the_provider(world: World) -> None:
    world.add_configuration()
    world.run(*ROTATE)
    calls = dict(world.postmark.calls)
    again = world.run(*ROTATE)
    assert (again.exit_code, dict(world.postmark.calls)) == (0, calls)
    assert "Every webhook shows the current key" in again.stdout


def test_a_dry_run_says_what_it_would_do_and_changes_nothing(world: World) -> None:
    one, current = world.add_configuration(), world.add_configuration(key=KEY, noted=None)
    assert sorted(results(world, "--dry-run")) == ["current", "planned"]
    assert world.shown_keys(one, current) == [PREVIOUS_KEY, KEY]
    assert world.postmark.calls["update_webhook"] == 0
    assert world.behind() == 2


def test_the_limit_is_a_first_try(world: World) -> None:
    some = [world.add_configuration() for _ in range(3)]
    assert results(world, "--limit", 1) == ["rewritten"]
    assert sorted(world.shown_keys(*some)) == sorted([KEY, PREVIOUS_KEY, PREVIOUS_KEY])
    assert results(world) == ["rewritten"] * 2


def test_one_that_shows_the_key_already_is_only_noted(world: World) -> None:
    world.add_configuration(key=KEY, noted=None)
    assert results(world) == ["current"]
    assert (world.postmark.calls["update_webhook"], world.behind()) == (0, 0)


def test_both_of_a_doubled_webhook_are_rewritten(world: World) -> None:
    one = world.add_configuration()
    world.add_webhook(world.server_token(one), key=PREVIOUS_KEY, routing_token=token_of(one))
    assert results(world) == ["rewritten"]
    assert world.shown_keys(one) == [KEY, KEY]


@pytest.mark.parametrize("carried", ["", "another-routing-token"])
def test_a_webhook_without_our_routing_token_is_reported_and_not_touched(world: World, carried: str) -> None:
    one = world.add_configuration()
    hooks = world.postmark.server_of(world.server_token(one)).webhooks
    for webhook_id, spec in list(hooks.items()):
        hooks[webhook_id] = replace(spec, routing_token=carried)
    assert results(world, code=7) == ["foreign"]
    assert world.shown_keys(one) == [PREVIOUS_KEY]
    assert (world.postmark.calls["update_webhook"], world.behind()) == (0, 1)


def test_a_webhook_that_is_not_there_is_reported(world: World) -> None:
    one = world.add_configuration()
    world.postmark.server_of(world.server_token(one)).webhooks.clear()
    assert results(world, code=7) == ["missing"]


def test_one_failure_does_not_keep_the_others_from_being_rewritten(world: World) -> None:
    some = [world.add_configuration() for _ in range(3)]
    world.postmark.fail_next("update_webhook", ProviderUnavailable("1364", "0/4 triggers verified"))
    outcome = world.run(*ROTATE)
    assert outcome.exit_code == 7
    assert "1364" in outcome.stdout
    assert "2 rewritten, 1 unreached" in outcome.stdout
    assert sorted(world.shown_keys(*some)) == sorted([KEY, KEY, PREVIOUS_KEY])
    assert (results(world), world.behind()) == (["rewritten"], 0)


@pytest.mark.parametrize("error", [OutcomeUnknown("timeout", "?"), ProviderUnavailable("timeout", "?")])
@pytest.mark.parametrize(("taken", "result", "code"), [(True, "rewritten", 0), (False, "unreached", 7)])
def test_a_lost_answer_is_looked_at_and_never_repeated(
    world: World, error: OutcomeUnknown | ProviderUnavailable, taken: bool, result: str, code: int
) -> None:
    one = world.add_configuration()
    world.postmark.fail_next("update_webhook", error, after_effect=taken)
    assert results(world, code=code) == [result]
    assert world.postmark.calls["update_webhook"] == 1
    assert world.shown_keys(one) == [KEY if taken else PREVIOUS_KEY]
    assert world.behind() == (0 if taken else 1)


def test_the_provider_s_test_posts_come_with_the_new_key(world: World) -> None:
    world.add_configuration()
    shown: list[str] = []

    def receive(spec: WebhookSpec) -> bool:
        shown.append(spec.bearer)
        return True

    world.postmark.test_posts_succeed = receive
    assert results(world) == ["rewritten"]
    assert shown == [KEY]


def test_a_web_server_that_does_not_take_the_new_key_yet_ends_it_early(world: World) -> None:
    some = [world.add_configuration() for _ in range(HOPELESS + 3)]
    world.postmark.test_posts_succeed = lambda spec: spec.bearer == PREVIOUS_KEY
    outcome = world.run(*ROTATE)
    assert outcome.exit_code == 7
    assert "3 were not tried" in outcome.stderr
    assert world.postmark.calls["update_webhook"] == HOPELESS
    assert set(world.shown_keys(*some)) == {PREVIOUS_KEY}


def test_what_a_worker_holds_is_come_back_to(world: World) -> None:
    held, free = world.add_configuration(), world.add_configuration()
    token = new_id()
    with world.store.begin() as tx:
        tx.configurations.take_lease(held.e_id, token=token, lease_seconds=sum(WAITS_SECONDS[:2]) + 1)
    assert results(world) == ["rewritten"] * 2
    assert world.shown_keys(held, free) == [KEY, KEY]
    assert tuple(world.waited[-3:]) == WAITS_SECONDS[:3]


def test_what_a_worker_never_lets_go_of_is_reported(world: World) -> None:
    held = world.add_configuration()
    with world.store.begin() as tx:
        tx.configurations.take_lease(held.e_id, token=new_id(), lease_seconds=86_400)
    assert results(world, code=7) == ["busy"]
    assert world.shown_keys(held) == [PREVIOUS_KEY]


def test_the_configuration_is_held_while_its_webhook_is_rewritten_and_let_go_of_after_it(
    world: World,
) -> None:
    one = world.add_configuration()
    free: list[bool] = []

    def try_to_take() -> bool:
        with world.store.begin() as tx:
            return tx.configurations.take_lease(one.e_id, token=new_id(), lease_seconds=1.0)

    def receive(_: WebhookSpec) -> bool:
        free.append(try_to_take())
        return True

    world.postmark.test_posts_succeed = receive
    assert results(world) == ["rewritten"]
    assert free == [False]
    assert try_to_take()


def test_one_that_was_removed_meanwhile_is_no_failure(world: World) -> None:
    held = world.add_configuration()
    with world.store.begin() as tx:
        tx.configurations.take_lease(held.e_id, token=new_id(), lease_seconds=WAITS_SECONDS[0] / 2)

    def remove() -> None:
        with world.store.begin() as tx:
            found = tx.configurations.get(held.e_id)
            assert found is not None
            tx.configurations.save(replace(found, retired_at=tx.now()), Change("somebody", "remove"))

    world.meanwhile.append(remove)
    assert results(world) == ["gone"]
    assert world.shown_keys(held) == [PREVIOUS_KEY]


def test_a_token_that_cannot_be_decrypted_is_reported(world: World) -> None:
    world.add_configuration()
    world.cipher.versions.clear()
    assert results(world, code=7) == ["unreadable"]


def test_a_refusal_is_reported_with_its_code(world: World) -> None:
    world.add_configuration()
    world.postmark.fail_next("webhooks", ProviderRefused("10", "bad token"))
    told = world.run_json(*ROTATE, code=7)["results"][0]
    assert (told["result"], told["code"]) == ("refused", "10")


def test_a_rotation_that_dies_after_the_call_goes_on_where_it_was(world: World) -> None:
    one, other = world.add_configuration(), world.add_configuration()

    class Dying(FakeMailAccount):
        def update_webhook(self, server_token: str, webhook_id: int, spec: WebhookSpec) -> None:
            super().update_webhook(server_token, webhook_id, spec)
            raise KeyboardInterrupt

    whole, world.mail_account = world.mail_account, Dying(world.postmark)
    assert world.run(*ROTATE).exit_code == 1
    world.mail_account = whole
    assert sorted(results(world)) == ["current", "rewritten"]
    assert world.shown_keys(one, other) == [KEY, KEY]


def test_several_operators_share_the_pace(world: World) -> None:
    for _ in range(4):
        world.add_configuration()
    with world.store.begin() as tx:
        for _ in range(2):
            tx.turns.take(NEIGHBOUR, per_second=2, patience_seconds=60)
    world.run(*ROTATE, "--rate", 2)
    assert sum(world.waited) == pytest.approx(2.0)


def test_no_key_and_no_token_is_ever_shown(world: World) -> None:
    some = [world.add_configuration() for _ in range(2)]
    world.postmark.fail_next("update_webhook", ProviderUnavailable("1364", "0/4 triggers verified"))
    told = world.run(*ROTATE).output + world.run(*ROTATE, "-o", "json").output
    secrets = {
        KEY,
        PREVIOUS_KEY,
        *(token_of(one) for one in some),
        *(world.server_token(one) for one in some),
    }
    assert [secret for secret in secrets if secret in told] == []


def test_other_tenants_and_urls_on_the_server_stay_as_they_are(world: World) -> None:
    one = world.add_configuration(tenant_id=factories.OTHER_TENANT)
    hooks = world.postmark.server_of(world.server_token(one)).webhooks
    spec = next(iter(hooks.values()))
    hooks[9_999] = foreign = replace(spec, url="https://elsewhere.example.com/hook")
    assert results(world) == ["rewritten"]
    assert hooks[9_999] == foreign
