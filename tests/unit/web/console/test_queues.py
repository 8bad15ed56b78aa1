"""Queues and dead letters on the console: looked at, put back one by one or in bulk, laid to rest."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from itertools import count
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from jinja2 import BytecodeCache

from shared import replaying
from shared.config.settings import Settings
from shared.domain.dead_letter import DeadLetter, DeadLetterFilter, Rest
from shared.domain.errors import StoreUnavailable
from shared.domain.job import JobStatus
from shared.domain.lifecycle import Administrative
from shared.domain.replay import ReplayState
from shared.messaging import queues
from shared.messaging.messages import ProvisionConfiguration, SendJobs
from shared.ports.broker import QueueDepth
from tests import factories
from tests.fakes.doorbell import RecordingDoorbell
from tests.fakes.store import MemoryStore
from tests.unit.cli.neighbours import FakeBroker
from tests.unit.replaying.dead_letter_world import World
from tests.unit.web.api import UNKNOWN, container_of
from tests.unit.web.console.browser import OPERATOR_KEY, READER_KEY, Browser, led_to, text
from tests.unit.web.console.conftest import Open
from tests.unit.web.console.deeds import WHY, WHY_ESCAPED, kept, refuse_unless_meant, told
from tests.unit.web.console.parts import Ailing, actions_of, form_of, section, why_disabled, words
from web import auth, errors, request_log
from web.console.dead_letters import DISCARD_SECONDS, DeadLetterPages
from web.console.overview import OverviewPages
from web.console.queues import QueuePages
from web.console.replays import BEGINS_IN_SECONDS, FORESEEN_MAX, ReplayPages
from web.console.wiring import Console

QUEUES = "/console/queues"
LETTERS = f"{QUEUES}/dead-letters"
REPLAYS = f"{QUEUES}/replays"
HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def world(store: MemoryStore, doorbell: RecordingDoorbell) -> World:
    return World(store=store, doorbell=doorbell)


@pytest.fixture
def olga(browse: Open, doorbell: RecordingDoorbell) -> Browser:
    return browse(doorbell=doorbell).signed_in("Olga", OPERATOR_KEY)


@pytest.fixture
def broker() -> FakeBroker:
    return FakeBroker()


@pytest.fixture
def beside(
    opened: Settings,
    store: MemoryStore,
    doorbell: RecordingDoorbell,
    broker: FakeBroker,
    compiled: BytecodeCache,
) -> Callable[..., Browser]:
    """A console beside a broker of the test's own; `elapsed`: what its requests are timed by."""

    def open(elapsed: Callable[[], float] = lambda: 0.0) -> Browser:
        container = container_of(opened, store, doorbell, clock=store.clock)
        app = Flask("beside")
        console = Console(
            container,
            (
                OverviewPages,
                lambda one: QueuePages(one, broker),
                lambda one: DeadLetterPages(one, elapsed=elapsed),
                ReplayPages,
            ),
        )
        request_log.install(app, container.new_id)
        auth.install(app, auth.KeyRing(()), lambda *_: None, console.admit)
        errors.install(app)
        console.install(app)
        app.jinja_env.bytecode_cache = compiled
        return Browser(app).signed_in("Olga", OPERATOR_KEY)

    return open


def letters(store: MemoryStore, **wanted: Any) -> list[DeadLetter]:
    with store.begin() as tx:
        return tx.dead_letters.find(DeadLetterFilter(**wanted), limit=10_000)


def the_letter(store: MemoryStore) -> DeadLetter:
    (only,) = letters(store)
    return only


def path_of(letter: DeadLetter, deed: str = "") -> str:
    return f"{LETTERS}/{letter.e_id}{deed and f'/{deed}'}"


def row(page: str, work: str) -> str:
    return next(words(each) for each in page.split("</tr>") if f"<td>{work}</td>" in each)


# Queues.


def test_each_queue_is_told_with_its_rings_and_what_is_due_since_when(
    beside: Callable[..., Browser], broker: FakeBroker, store: MemoryStore
) -> None:
    broker.waiting[queues.SEND] = QueueDepth(waiting=1200, taken=3)
    configuration = factories.sendable()
    with store.begin() as tx:
        tx.configurations.add(configuration, factories.CREATED)
        tx.jobs.accept([factories.new_job(configuration, due_at=tx.now()) for _ in range(3)])
    store.advance(seconds=300)
    page = text(beside().get(QUEUES))
    assert "send 1,200 3 send 1 5 min ago 2026-11-02 09:00:00 UTC" in row(page, "send")
    assert row(page, "resolve doubts").endswith("send resolve doubts 0 nothing waits")
    assert "drift 0 0 check drift 0" in row(page, "check drift")
    assert "Redis does not answer" not in page
    for queue in queues.ALL:
        assert f'<th scope="row">{queue}</th>' in page


def test_redis_that_is_away_is_said_and_the_rows_are_shown_all_the_same(
    beside: Callable[..., Browser], broker: FakeBroker
) -> None:
    broker.down = True
    page = text(beside().get(QUEUES))
    assert "Redis does not answer." in page
    assert "send not known not known send 0" in row(page, "send")


def test_a_console_without_a_broker_at_its_address_is_one_whose_broker_is_away(olga: Browser) -> None:
    assert "Redis does not answer." in text(olga.get(QUEUES))


def test_what_stands_still_is_counted_and_leads_to_it(
    olga: Browser, world: World, store: MemoryStore
) -> None:
    new = factories.new_job(world.configuration)
    with store.begin() as tx:
        tx.jobs.accept([new])
        tx.jobs.claim(world.configuration.e_id, claim_id=UNKNOWN, limit=1, lease_seconds=1.0)
    store.advance(seconds=2)
    with store.begin() as tx:
        tx.jobs.doubt_expired_leases(look_in_seconds=10, limit=10)
    part = section(text(olga.get(QUEUES)), "standing")
    assert words(part).startswith("What stands still Jobs in doubt 1 Inconsistent jobs 0 ")
    assert 'href="/console/jobs?status=IN_DOUBT"' in part
    assert 'href="/console/jobs?status=INCONSISTENT"' not in part


def test_handlers_that_raise_are_told_with_their_queue(olga: Browser, world: World) -> None:
    world.buries_a_message("ProvisionConfiguration")
    world.buries_a_message("OfLongAgo")
    part = section(text(olga.get(QUEUES)), "raising")
    assert "ProvisionConfiguration provisioning 1" in words(part)
    assert "OfLongAgo none any more 1" in words(part)
    assert f'href="{LETTERS}?subject=message&amp;actor=OfLongAgo"' in part


def test_dead_letters_are_grouped_with_a_way_to_each_group(olga: Browser, world: World) -> None:
    world.fails(2)
    world.fails(code="expired")
    part = section(text(olga.get(QUEUES)), "letters")
    assert "job 300 2 job expired 1" in words(part)
    assert f'href="{LETTERS}?subject=job&amp;class=300"' in part


def test_empty_queues_say_that_there_is_nothing(olga: Browser) -> None:
    page = text(olga.get(QUEUES))
    assert "No dead letters." in page
    assert "No handler has raised until it was given up." in page


def test_a_part_that_cannot_be_read_leaves_the_others(browse: Open, store: MemoryStore) -> None:
    over = Ailing(store, StoreUnavailable("hunter2"), "dead_letters")
    answer = browse(over=over).signed_in("Olga", OPERATOR_KEY).get(QUEUES)
    page = text(answer)
    assert answer.status_code == 200
    assert "Dead letters could not be read" in page
    assert "Handlers that raise could not be read" in page
    assert row(page, "send")


@pytest.mark.parametrize("path", [QUEUES, LETTERS, REPLAYS, f"{REPLAYS}/new"])
def test_without_the_database_it_is_unavailable(olga: Browser, store: MemoryStore, path: str) -> None:
    store.down = True
    assert olga.get(path).status_code == 503


# Dead letters.


@pytest.mark.parametrize(
    ("query", "seen"),
    [
        ("", {"300", "expired", "KeyError"}),
        ("subject=message", {"KeyError"}),
        ("class=expired", {"expired"}),
        ("subject=job&class=300", {"300"}),
        ("actor=ProvisionConfiguration", {"KeyError"}),
        ("tenant={tenant}", {"300", "expired", "KeyError"}),
        ("tenant={tenant}&subject=job", {"300", "expired"}),
        ("configuration={configuration}&subject=job", {"300", "expired"}),
        (f"tenant={UNKNOWN}", set()),
        ("since=2026-11-02T09:00:01Z", {"expired", "KeyError"}),
        ("until=2026-11-02T09:00:01", {"300"}),
        ("rest=discarded", set()),
    ],
)
def test_dead_letters_are_filtered(olga: Browser, world: World, query: str, seen: set[str]) -> None:
    world.fails(code="300")
    world.fails(code="expired")
    world.buries_a_message()
    about = world.configuration
    page = text(olga.get(f"{LETTERS}?{query.format(tenant=about.tenant_id, configuration=about.e_id)}"))
    found = set(re.findall(r'<td class="value">(\w+)</td><td class="value">', section(page, "list")))
    assert found == seen
    assert ("There is no such dead letter." in page) is (not seen)


@pytest.mark.parametrize(
    "query",
    ["subject=letter", "tenant=acme", "configuration=1", "since=soon", "rest=x", "after=1", "class=%00"],
)
def test_a_filter_that_cannot_be_read_is_said_at_its_field_and_offers_nothing(
    olga: Browser, world: World, query: str
) -> None:
    world.fails()
    answer = olga.get(f"{LETTERS}?{query}")
    assert (answer.status_code, "Nothing was looked for." in text(answer)) == (400, True)
    assert actions_of(text(answer)) == {LETTERS}


def test_a_group_narrows_the_list_to_it_and_keeps_the_filter(olga: Browser, world: World) -> None:
    world.fails(code="300")
    world.fails(code="expired")
    tenant = world.configuration.tenant_id
    part = section(text(olga.get(f"{LETTERS}?tenant={tenant}")), "groups")
    urls = re.findall(r'href="([^"]+class=[^"]+)"', part)
    assert len(urls) == 2
    assert all(f"tenant={tenant}" in url for url in urls)
    page = text(olga.get(urls[0].replace("&amp;", "&")))
    assert page.count(f'<a href="{LETTERS}/') == 1


def test_dead_letters_are_paged_by_key(olga: Browser, world: World) -> None:
    world.fails(51)
    first = text(olga.get(LETTERS))
    following = re.search(r'href="([^"]+)" rel="next">Next', first)
    assert following
    second = text(olga.get(following[1].replace("&amp;", "&")))
    ids = [re.findall(rf'href="{LETTERS}/([0-9a-f-]+)"', page) for page in (first, second)]
    assert [len(some) for some in ids] == [50, 1]
    assert len({*ids[0], *ids[1]}) == 51
    assert ">First</a>" in second


def test_one_letter_is_shown_with_its_places_its_reason_and_what_it_is_about(
    olga: Browser, world: World, store: MemoryStore
) -> None:
    world.buries_a_message()
    page = text(olga.get(path_of(the_letter(store))))
    assert "steps.py:7" in page
    assert "Message ProvisionConfiguration" in words(page)
    about = world.configuration
    url = f"/console/audit/{about.e_id}?tenant={about.tenant_id}"
    assert f'<a href="{url}">{about.e_id}</a>' in page
    assert led_to(olga.get(url)) == f"/console/configurations/{about.e_id}"


def test_a_job_s_letter_leads_to_the_job_and_its_configuration(
    olga: Browser, world: World, store: MemoryStore
) -> None:
    (job,) = world.fails()
    page = text(olga.get(path_of(the_letter(store))))
    assert f'href="/console/jobs/{job}"' in page
    assert f'href="/console/configurations/{world.configuration.e_id}"' in page


def test_what_a_handler_or_the_provider_said_is_escaped(
    olga: Browser, world: World, store: MemoryStore
) -> None:
    world.buries_a_message()
    letter = the_letter(store)
    hostile = replace(
        letter, reason=f"{HOSTILE}\nline two", error_class=HOSTILE, actor=HOSTILE, traceback=HOSTILE
    )
    store._state.letters[letter.e_id] = hostile
    for path in (QUEUES, LETTERS, path_of(letter)):
        page = text(olga.get(path))
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "line two" in page


def test_a_letter_that_is_not_there_is_a_page_that_says_so(olga: Browser) -> None:
    for deed in ("", "/replay", "/discard"):
        answer = (
            olga.post(f"{LETTERS}/{UNKNOWN}{deed}", {"reason": WHY})
            if deed
            else olga.get(f"{LETTERS}/{UNKNOWN}")
        )
        assert answer.status_code == 404


def test_one_letter_is_put_back_rung_for_and_kept(olga: Browser, world: World, store: MemoryStore) -> None:
    (job,) = world.fails()
    letter = the_letter(store)
    assert led_to(olga.post(path_of(letter, "replay"), {"reason": WHY})) == path_of(letter)
    assert world.statuses([job]) == [JobStatus.QUEUED]
    assert world.doorbell.rung == [SendJobs(world.configuration.e_id)]
    assert told(store) == [("dead_letter.replay", job, "Olga", WHY)]
    page = text(olga.get(path_of(letter)))
    assert "It is put back to work." in page
    assert WHY_ESCAPED in page
    assert why_disabled(page, "Put it back") == "It is replayed already."
    assert path_of(letter) in text(olga.get(f"{LETTERS}?rest=replayed"))


def test_a_message_is_rung_for_again(olga: Browser, world: World, store: MemoryStore) -> None:
    world.buries_a_message()
    olga.post(path_of(the_letter(store), "replay"), {"reason": WHY})
    assert world.doorbell.rung == [ProvisionConfiguration(world.configuration.e_id)]


@pytest.mark.parametrize(
    ("state", "says"),
    [
        ({"administrative": Administrative.LOCKED}, "Its configuration is locked. It stays open: unlock"),
        (
            {"retired_at": factories.LONG_AGO},
            "Its configuration is retired. It stays open: its configuration",
        ),
    ],
)
def test_nothing_is_put_back_behind_what_sends_nothing(
    olga: Browser, world: World, store: MemoryStore, state: dict[str, Any], says: str
) -> None:
    (job,) = world.fails()
    world.change(**state)
    answer = olga.post(path_of(the_letter(store), "replay"), {"reason": WHY})
    assert (answer.status_code, says in text(answer)) == (409, True)
    assert world.statuses([job]) == [JobStatus.FAILED]
    assert (told(store), world.doorbell.rung) == ([], [])


def test_one_letter_is_laid_to_rest_once(olga: Browser, world: World, store: MemoryStore) -> None:
    (job,) = world.fails()
    letter = the_letter(store)
    assert led_to(olga.post(path_of(letter, "discard"), {"reason": WHY})) == path_of(letter)
    assert letters(store, rest=Rest.DISCARDED)[0].e_id == letter.e_id
    assert told(store) == [("dead_letter.discard", job, "Olga", WHY)]
    for deed in ("replay", "discard"):
        answer = olga.post(path_of(letter, deed), {"reason": WHY})
        assert (answer.status_code, "It is not open any more." in text(answer)) == (409, True)
    assert world.statuses([job]) == [JobStatus.FAILED]


# Laying many to rest.


def discard_all(browser: Browser, query: str = "") -> Any:
    page = text(browser.get(f"{LETTERS}?{query}"))
    return browser.post(f"{LETTERS}/discard", {**form_of(page, f"{LETTERS}/discard"), "reason": WHY})


def test_those_that_were_looked_at_are_laid_to_rest(olga: Browser, world: World, store: MemoryStore) -> None:
    world.fails(3, code="300")
    world.fails(code="expired")
    answer = discard_all(olga, "class=300")
    assert [one.error_class for one in letters(store)] == ["expired"]
    assert [one[0] for one in told(store)] == ["dead_letter.discard"] * 3
    assert "3 are laid to rest." in text(olga.get(led_to(answer)))


def test_what_dies_while_somebody_thinks_about_it_is_not_laid_to_rest(
    olga: Browser, world: World, store: MemoryStore
) -> None:
    world.fails(2)
    page = text(olga.get(LETTERS))
    store.advance(seconds=60)
    world.fails(1)
    olga.post(f"{LETTERS}/discard", {**form_of(page, f"{LETTERS}/discard"), "reason": WHY})
    assert len(letters(store)) == 1
    assert len(letters(store, rest=Rest.DISCARDED)) == 2


def test_what_a_request_has_no_time_for_is_said_to_be_left(
    beside: Callable[..., Browser], world: World, store: MemoryStore
) -> None:
    world.fails(10)
    ticks = count(0.0, DISCARD_SECONDS / 4)
    browser = beside(lambda: next(ticks))
    answer = discard_all(browser)
    assert len(letters(store)) == 6
    assert "4 are laid to rest. 6 are left: send it again." in text(browser.get(led_to(answer)))


def test_a_filter_that_cannot_be_read_lays_nothing_to_rest(
    olga: Browser, world: World, store: MemoryStore
) -> None:
    world.fails()
    answer = olga.post(f"{LETTERS}/discard", {"tenant": "acme", "reason": WHY})
    assert (answer.status_code, "tenant: give an id" in text(answer)) == (400, True)
    assert len(letters(store)) == 1


# Replays.


def plan_of(browser: Browser, query: str = "") -> str:
    answer = browser.get(f"{REPLAYS}/new?{query}")
    assert answer.status_code == 200
    return text(answer)


def asked_for(browser: Browser, query: str = "", **form: str) -> str:
    """Where it leads."""
    return led_to(browser.post(REPLAYS, {**form_of(plan_of(browser, query), REPLAYS), "reason": WHY, **form}))


def carry_out(world: World, path: str, *, limit: int = 1000) -> None:
    """As a worker does it: one slice, to the end when there is no more."""
    with world.store.begin() as tx:
        work = tx.replays.take(UUID(path.rpartition("/")[2]), lease_seconds=60)
        assert work is not None
        page = tx.dead_letters.find(work.replay.wanted, limit=limit, after=work.cursor)
        replayed = replaying.put_back(tx, page, work.replay, world.new_id)
        work = tx.replays.note(
            work, [(one.letter.e_id, one.fate) for one in replayed], next_in_seconds=1, lease_seconds=60
        )
        if len(page) < limit:
            tx.replays.finish(work)
        else:
            tx.replays.release(work)


def state_of(world: World, path: str) -> ReplayState:
    with world.store.begin() as tx:
        replay = tx.replays.get(UUID(path.rpartition("/")[2]))
    assert replay is not None
    return replay.state


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
    assert "Stopped: 2 were put back by then." in page
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
