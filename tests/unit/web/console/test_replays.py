"""Replays of dead letters on the console: a dry run, asked for, undone, watched, stopped."""

import re
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from shared import replaying
from shared.domain.dead_letter import DeadLetterFilter
from shared.domain.lifecycle import Administrative
from shared.domain.replay import ReplayState
from tests import factories
from tests.fakes.doorbell import RecordingDoorbell
from tests.fakes.store import MemoryStore
from tests.unit.replaying.dead_letter_world import World
from tests.unit.web.api import UNKNOWN
from tests.unit.web.console.browser import OPERATOR_KEY, READER_KEY, Browser, led_to, text
from tests.unit.web.console.conftest import Open
from tests.unit.web.console.deeds import WHY, WHY_ESCAPED, kept, refuse_unless_meant, told
from tests.unit.web.console.letters import (
    HOSTILE,
    LETTERS,
    REPLAYS,
    asked_for,
    carry_out,
    letters,
    path_of,
    plan_of,
    state_of,
    the_letter,
)
from tests.unit.web.console.parts import actions_of, form_of, section, why_disabled, words
from web.console.replays import BEGINS_IN_SECONDS, FORESEEN_MAX


@pytest.fixture
def world(store: MemoryStore, doorbell: RecordingDoorbell) -> World:
    return World(store=store, doorbell=doorbell)


@pytest.fixture
def olga(browse: Open, doorbell: RecordingDoorbell) -> Browser:
    return browse(doorbell=doorbell).signed_in("Olga", OPERATOR_KEY)


def test_a_dry_run_says_what_would_become_of_each_and_changes_nothing(
    olga: Browser, world: World, store: MemoryStore
) -> None:
    world.fails(2)
    locked = world.tenant(factories.OTHER_TENANT)
    world.fails(1, configuration=locked)
    with store.begin() as tx:
        held = tx.configurations.get(locked.e_id)
        assert held is not None
        tx.configurations.save(replace(held, administrative=Administrative.LOCKED), factories.CREATED)
    page = words(plan_of(olga))
    assert "a job that failed 300 put_back 2 It is worked on again" in page
    assert "a job that failed 300 locked 1 It stays open: unlock its configuration" in page
    assert "1 of 3 would stay open." in page
    assert len(letters(store)) == 3
    assert told(store) == []


def test_a_dry_run_of_nothing_offers_nothing(olga: Browser) -> None:
    page = plan_of(olga, "class=nonesuch")
    assert "None is open that this holds for." in page
    assert why_disabled(page, "Replay") == "None is open that this holds for."


def test_of_very_many_it_is_counted_and_not_foreseen(olga: Browser, world: World, store: MemoryStore) -> None:
    world.fails()
    only = the_letter(store)
    for number in range(FORESEEN_MAX):
        e_id = UUID(int=only.e_id.int + number + 1)
        store._state.letters[e_id] = replace(only, e_id=e_id)
    page = words(plan_of(olga))
    assert "There are 10,001: of more than 10,000 it is not foreseen" in page
    assert "a job that failed 300 10,001" in page


def test_a_replay_is_asked_for_and_begins_after_a_while(
    olga: Browser, world: World, store: MemoryStore
) -> None:
    world.fails(3, code="expired")
    world.fails(1)
    path = asked_for(olga, "class=expired", perSecond="2.5")
    with store.begin() as tx:
        (replay,) = tx.replays.newest(before=None, limit=10)
    assert path == f"{REPLAYS}/{replay.e_id}"
    assert (replay.author, replay.reason, replay.per_second, replay.found) == ("Olga", WHY, 2.5, 3)
    assert replay.wanted.error_class == "expired"
    assert replay.begins_at - replay.created_at == timedelta(seconds=BEGINS_IN_SECONDS)
    assert told(store) == [("replay.ask", replay.e_id, "Olga", WHY)]
    page = text(olga.get(path))
    assert "Asked for: it begins in 15 seconds." in page
    assert "It begins in 15 s." in words(page)
    assert "Of class expired." in words(page)
    assert WHY_ESCAPED in page
    assert 'data-refresh="5"' in page
    assert len(letters(store)) == 4


def test_until_it_begins_a_replay_is_undone_as_if_it_had_never_been(
    olga: Browser, world: World, store: MemoryStore
) -> None:
    world.fails(3)
    path = asked_for(olga)
    answer = olga.post(f"{path}/stop", form_of(text(olga.get(path)), f"{path}/stop"))
    assert led_to(answer) == path
    page = text(olga.get(path))
    assert "Undone: nothing was put back." in page
    assert "Undo</button>" not in page
    assert "data-refresh" not in page
    assert [(one.action, one.reason) for one in kept(store)][1:] == [
        ("replay.stop", "Undone before it began")
    ]
    assert len(letters(store)) == 3
    store.advance(seconds=BEGINS_IN_SECONDS)
    with store.begin() as tx:
        assert tx.replays.due(10) == []


def test_a_replay_under_way_shows_how_far_it_is_and_can_be_stopped(
    olga: Browser, world: World, store: MemoryStore
) -> None:
    world.fails(5)
    path = asked_for(olga)
    store.advance(seconds=BEGINS_IN_SECONDS)
    carry_out(world, path, limit=2)
    page = text(olga.get(path))
    assert "running" in words(page)
    assert "2 of 5 were looked at" in words(page)
    assert '<progress id="progress" max="5" value="2">' in page
    assert "Undo</button>" not in page
    assert olga.post(f"{path}/stop", {"reason": WHY}).status_code == 303
    page = text(olga.get(path))
    assert "Stopped. Put back by then: 2." in page
    assert "Stopped by Olga" in words(page)
    assert told(store)[-1][0] == "replay.stop"
    assert len(letters(store)) == 3


def test_at_its_end_a_replay_says_what_became_of_each(
    olga: Browser, world: World, store: MemoryStore
) -> None:
    jobs = world.fails(2)
    path = asked_for(olga)
    store.advance(seconds=BEGINS_IN_SECONDS)
    world.change(administrative=Administrative.LOCKED)
    carry_out(world, path)
    page = text(olga.get(path))
    assert "2 of 2 were looked at" in words(page)
    assert "locked 2 It stays open: unlock its configuration" in words(section(page, "fates"))
    assert words(section(page, "results")).count("300 job locked") == 2
    assert all(f'href="/console/jobs/{job}"' in page for job in jobs)
    assert "data-refresh" not in page
    narrowed = text(olga.get(f"{path}?fate=put_back"))
    assert "None yet." in section(narrowed, "results")
    left = re.search(rf'href="({LETTERS}\?[^"]+)">What is left of them', page)
    assert left
    assert text(olga.get(left[1].replace("&amp;", "&"))).count(f'<a href="{LETTERS}/') == 2


def test_results_are_paged_by_key(olga: Browser, world: World, store: MemoryStore) -> None:
    world.fails(51)
    path = asked_for(olga)
    store.advance(seconds=BEGINS_IN_SECONDS)
    carry_out(world, path)
    first = text(olga.get(path))
    following = re.search(r'href="([^"]+)" rel="next">Next', first)
    assert following
    second = text(olga.get(following[1].replace("&amp;", "&")))
    assert [words(section(page, "results")).count("put_back") for page in (first, second)] == [50, 1]


def test_what_is_at_its_end_cannot_be_stopped(olga: Browser, world: World, store: MemoryStore) -> None:
    world.fails(1)
    path = asked_for(olga)
    store.advance(seconds=BEGINS_IN_SECONDS)
    carry_out(world, path)
    answer = olga.post(f"{path}/stop", {"reason": WHY})
    assert (answer.status_code, "It is at its end already" in text(answer)) == (409, True)
    assert state_of(world, path) is ReplayState.DONE


def test_the_same_is_not_asked_for_twice_at_once(olga: Browser, world: World) -> None:
    world.fails(1)
    form = {**form_of(plan_of(olga), REPLAYS), "reason": WHY}
    path = led_to(olga.post(REPLAYS, form))
    page = plan_of(olga)
    assert f'A replay of the same is <a href="{path}">under way</a>, asked for by Olga.' in page
    assert why_disabled(page, "Replay") == "A replay of the same is under way."
    answer = olga.post(REPLAYS, form)
    assert (answer.status_code, "A replay of the same is under way" in text(answer)) == (409, True)
    olga.post(f"{path}/stop", {"reason": WHY})
    assert olga.post(REPLAYS, form).status_code == 303


@pytest.mark.parametrize("rate", ["0", "-1", "1001", "nan", "inf", "fast"])
def test_a_pace_that_is_none_is_refused(olga: Browser, world: World, store: MemoryStore, rate: str) -> None:
    world.fails()
    answer = olga.post(REPLAYS, {"perSecond": rate, "reason": WHY})
    assert (answer.status_code, "perSecond: give a number above 0, 1000 at the most" in text(answer)) == (
        400,
        True,
    )
    assert told(store) == []


def test_a_filter_that_cannot_be_read_replays_nothing(
    olga: Browser, world: World, store: MemoryStore
) -> None:
    world.fails()
    assert olga.post(REPLAYS, {"tenant": "acme", "reason": WHY}).status_code == 400
    assert olga.get(f"{REPLAYS}/new?tenant=acme").status_code == 400
    assert told(store) == []


def test_replays_are_listed_newest_first_with_who_and_why(
    olga: Browser, world: World, store: MemoryStore
) -> None:
    world.fails(2)
    assert "Nobody has asked for one." in text(olga.get(REPLAYS))
    first = asked_for(olga, "class=300")
    store.advance(seconds=1)
    second = asked_for(olga, f"tenant={world.configuration.tenant_id}", reason=HOSTILE)
    page = text(olga.get(REPLAYS))
    assert re.findall(rf'<a href="({REPLAYS}/[0-9a-f-]+)">', page) == [second, first]
    assert f"waiting class 300 Olga {WHY} 2 0 10" in words(page)
    assert "<script>alert" not in page


def test_replays_are_paged_by_key(olga: Browser, world: World, store: MemoryStore) -> None:
    for _ in range(51):
        replaying.ask(world.ports(), DeadLetterFilter(), author="olga", reason="again", per_second=1)
    first = text(olga.get(REPLAYS))
    older = re.search(r'href="([^"]+)" rel="next">Older', first)
    assert older
    second = text(olga.get(older[1]))
    assert [page.count(f'<a href="{REPLAYS}/') for page in (first, second)] == [50, 1]
    assert f'href="{REPLAYS}">Newest' in second


def test_a_replay_that_is_not_there_is_a_page_that_says_so(olga: Browser) -> None:
    assert olga.get(f"{REPLAYS}/{UNKNOWN}").status_code == 404
    assert olga.post(f"{REPLAYS}/{UNKNOWN}/stop", {"reason": WHY}).status_code == 404
    assert olga.get(f"{REPLAYS}/{UNKNOWN}?fate=x").status_code == 400


def test_a_reader_sees_all_of_it_and_may_do_nothing(
    rita: Browser, olga: Browser, world: World, store: MemoryStore
) -> None:
    world.fails()
    path = asked_for(olga)
    letter = the_letter(store)
    page = text(rita.get(path))
    assert "Your role is reader: it may look, and not undo it." in page
    assert actions_of(page) == set()
    assert why_disabled(text(rita.get(LETTERS)), "Lay these to rest").startswith("Your role is reader")
    assert why_disabled(text(rita.get(path_of(letter))), "Put it back").startswith("Your role is reader")
    assert why_disabled(plan_of(rita, "class=300"), "Replay").startswith("Your role is reader")


@pytest.mark.parametrize("deed", ["replay one", "discard one", "discard", "ask", "stop"])
def test_no_deed_is_done_unless_it_is_meant(
    browse: Open, world: World, store: MemoryStore, deed: str
) -> None:
    world.fails()
    olga, rita = browse().signed_in("Olga", OPERATOR_KEY), browse().signed_in("Rita", READER_KEY)
    waiting = asked_for(olga, "class=300")
    letter = the_letter(store)
    path = {
        "replay one": path_of(letter, "replay"),
        "discard one": path_of(letter, "discard"),
        "discard": f"{LETTERS}/discard",
        "ask": REPLAYS,
        "stop": f"{waiting}/stop",
    }[deed]
    refuse_unless_meant(store, olga, rita, path, {"perSecond": "5"})
    assert the_letter(store) == letter
    assert state_of(world, waiting) is ReplayState.WAITING
