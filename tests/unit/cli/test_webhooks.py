"""Health, keys and catching up: what operators are told, and how the command ends."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from shared.domain.configuration import EmailConfiguration
from shared.domain.webhook import WebhookHealth, WebhookState, fingerprint
from shared.messaging.messages import CatchUpEvents
from tests.unit.cli.world import OPERATOR, World
from tests.unit.web.api import KEY, PREVIOUS_KEY

GAP = ("--from", "2026-11-01T01:00Z", "--until", "2026-11-01T03:30Z")
WHY = ("--reason", "ingress was down")


def look(world: World, configuration: EmailConfiguration, state: WebhookState, **found: object) -> None:
    with world.store.begin() as tx:
        tx.webhook_looks.record(configuration.e_id, replace(WebhookHealth(state=state), **found))  # type: ignore[arg-type]


def use(world: World, key: str, purpose: str) -> None:
    with world.store.begin() as tx:
        tx.key_uses.used(fingerprint(key), purpose)


def close_gaps(world: World, *, fault: str | None = None) -> None:
    """As workers do."""
    with world.store.begin() as tx:
        for gap in tx.gaps.latest(100):
            tx.gaps.save(replace(gap, found=3, fault=fault, finished_at=tx.now()))


def test_health_ends_well_when_all_are_well(world: World) -> None:
    look(world, world.add_configuration(), WebhookState.OK)
    told = world.run("webhooks", "health")
    assert told.exit_code == 0
    assert "All are well." in told.stderr
    assert world.run_json("webhooks", "health") == {"states": [{"state": "ok", "webhooks": 1}], "ailing": []}


def test_health_shows_what_is_not_well_and_ends_so(world: World) -> None:
    paused, well = world.add_configuration(), world.add_configuration()
    look(world, paused, WebhookState.PAUSED, webhooks=1, paused=("Bounce",), failures=7, requests=9)
    look(world, well, WebhookState.OK)
    (row,) = world.run_json("webhooks", "health", "--ailing", code=8)
    assert (row["configurationEId"], row["state"], row["paused"]) == (str(paused.e_id), "paused", ["Bounce"])
    told = world.run("webhooks", "health")
    assert told.exit_code == 8
    assert str(paused.e_id) in told.stdout
    assert str(well.e_id) not in told.stdout


def test_health_of_one_configuration(world: World) -> None:
    seen, unseen = world.add_configuration(), world.add_configuration()
    look(world, seen, WebhookState.DOUBLED, webhooks=2)
    assert world.run_json("webhooks", "health", "--configuration", seen.e_id)["webhooks"] == 2
    assert world.run("webhooks", "health", "--configuration", unseen.e_id).exit_code == 6


def test_the_previous_key_may_be_dropped_when_nobody_shows_it_any_more(world: World) -> None:
    world.add_configuration(key=KEY, noted=KEY)
    use(world, PREVIOUS_KEY, "caller")
    use(world, PREVIOUS_KEY, "provider")
    world.hour_passes(25)
    told = world.run("webhooks", "keys")
    assert told.exit_code == 0
    assert "The previous key may be dropped" in told.stdout
    assert world.run_json("webhooks", "keys")["previousMayBeDropped"] is True


@pytest.mark.parametrize(("noted", "word"), [(PREVIOUS_KEY, "previous"), (None, "nobody noted")])
def test_the_previous_key_stays_while_a_webhook_shows_it_or_nobody_knows(
    world: World, noted: str | None, word: str
) -> None:
    world.add_configuration(key=KEY, noted=KEY)
    world.add_configuration(noted=noted)
    told = world.run("webhooks", "keys")
    assert told.exit_code == 8
    assert "may NOT be dropped" in told.stdout
    assert word in told.stdout
    assert "rotate-bearer" in told.stdout


@pytest.mark.parametrize(
    ("purpose", "hours", "code"),
    [("provider", 1.9, 8), ("provider", 2.1, 0), ("caller", 23.9, 8), ("caller", 24.1, 0)],
)
def test_the_previous_key_stays_until_it_has_not_been_shown_for_long_enough(
    world: World, purpose: str, hours: float, code: int
) -> None:
    use(world, PREVIOUS_KEY, purpose)
    world.hour_passes(hours)
    assert world.run("webhooks", "keys").exit_code == code


def test_use_of_the_current_key_keeps_nothing_from_going_on(world: World) -> None:
    use(world, KEY, "caller")
    told = world.run_json("webhooks", "keys")
    assert told["objections"] == []
    assert told["uses"][0]["is"] == "current"


def test_without_a_previous_key_there_is_nothing_to_drop(world: World) -> None:
    world.settings = world.settings.model_copy(
        update={"api_keys": world.settings.api_keys.model_copy(update={"previous": None})}
    )
    world.add_configuration()
    told = world.run("webhooks", "keys")
    assert told.exit_code == 0
    assert "no previous key" in told.stdout
    assert "not valid" in told.stdout, "the key that the webhook shows is known, and no longer valid"


def test_catch_up_opens_a_gap_for_each_and_rings(world: World) -> None:
    some = [world.add_configuration() for _ in range(2)]
    rows = world.run_json("webhooks", "catch-up", "--all", *GAP, *WHY)
    ids = {one.e_id for one in some}
    assert {UUID(row["configurationEId"]) for row in rows} == ids
    assert {message.id for message in world.doorbell.rung if isinstance(message, CatchUpEvents)} == ids
    with world.store.begin() as tx:
        gap = tx.gaps.latest(1)[0]
    assert (gap.author, gap.cause) == (OPERATOR, "operator: ingress was down")
    assert gap.until_at - gap.from_at == timedelta(hours=2.5)


def test_catch_up_for_one_leaves_the_others(world: World) -> None:
    one, _ = world.add_configuration(), world.add_configuration()
    (row,) = world.run_json("webhooks", "catch-up", "--configuration", one.e_id, *GAP, *WHY)
    assert row["configurationEId"] == str(one.e_id)


def test_catching_up_twice_watches_what_is_open_already(world: World) -> None:
    world.add_configuration()
    for opened in ("1 opened, 0 open already", "0 opened, 1 open already"):
        told = world.run("webhooks", "catch-up", "--all", *GAP, *WHY)
        assert (told.exit_code, opened in told.stdout) == (0, True)


def test_catch_up_waits_until_the_workers_are_done(world: World) -> None:
    world.add_configuration()
    world.meanwhile += [lambda: None, lambda: close_gaps(world)]
    told = world.run("webhooks", "catch-up", "--all", *GAP, *WHY, "--wait")
    assert told.exit_code == 0, told.output
    assert len(world.waited) == 2
    assert "3 new events" in told.stdout


def test_a_gap_that_was_given_up_ends_the_wait_as_partly_failed(world: World) -> None:
    world.add_configuration()
    world.meanwhile.append(lambda: close_gaps(world, fault="timeout"))
    told = world.run("webhooks", "catch-up", "--all", *GAP, *WHY, "--wait")
    assert told.exit_code == 7
    assert "timeout" in told.stdout


@pytest.mark.parametrize(
    ("args", "advice"),
    [
        ((*GAP, *WHY), "either --all or --configuration"),
        (("--all", "--configuration", UUID(int=1), *GAP, *WHY), "either --all or --configuration"),
        (("--all", *GAP), "Say why"),
        (("--all", *GAP[2:], *GAP[:1], "2026-11-01T04:00Z", *WHY), "before"),
        (("--all", *GAP[:2], "--until", "2099-01-01T00:00Z", *WHY), "has passed"),
        (("--all", "--from", "2026-11-01T01:00", *GAP[2:], *WHY), "which zone"),
        (("--all", "--from", "yesterday", *GAP[2:], *WHY), "a time such as"),
    ],
)
def test_catch_up_wants_to_know_when_for_whom_and_why(
    world: World, args: tuple[object, ...], advice: str
) -> None:
    world.add_configuration()
    told = world.run("webhooks", "catch-up", *args)
    assert told.exit_code == 2
    assert advice in told.stderr
    with world.store.begin() as tx:
        assert tx.gaps.latest(10) == []


def test_catch_up_of_nobody_says_so(world: World) -> None:
    assert world.run("webhooks", "catch-up", "--all", *GAP, *WHY).exit_code == 6
