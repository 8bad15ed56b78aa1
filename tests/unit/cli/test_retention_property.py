"""Whatever has been removed, what is left says the same: a rebuild finds nothing, and nothing comes back or changes."""

from collections.abc import Set
from itertools import islice

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.job import EmailJob
from shared.domain.retention import OVER, Kind, Pass
from tests.unit.cli.log_world import LogWorld, facts_about
from tests.unit.cli.test_rebuild_property import HISTORIES, TOLD, History, lived

KINDS = st.sets(st.sampled_from(Kind), min_size=1)


def retain(world: LogWorld, kinds: Set[Kind]) -> None:
    """Everything is old enough. Two rows a slice, so that there are many."""
    for kind in Kind:
        if kind in kinds:
            with world.store.begin() as tx:
                tx.retention.ask(kind)
                pass_ = tx.retention.begin(kind, keep_days=-9999, lease_seconds=60)
            assert pass_ is not None
            walk(world, pass_)


def walk(world: LogWorld, pass_: Pass) -> None:
    done = False
    while not done:
        with world.store.begin() as tx:
            slice_ = tx.retention.remove(pass_, rows=2, lease_seconds=60)
        pass_, done = Pass(pass_.kind, pass_.token, pass_.until, slice_.cursor), slice_.done


@given(HISTORIES, KINDS)
@settings(max_examples=150)
def test_a_rebuild_after_any_removal_finds_nothing(history: History, kinds: Set[Kind]) -> None:
    world, _ = lived(history)
    before, active = world.statuses(), world.active()
    retain(world, kinds)
    assert world.rebuild() == ([], [])
    assert world.active() == active
    left = world.statuses()
    assert left.items() <= before.items()
    gone = [status for e_id, status in before.items() if e_id not in left]
    assert all(status in OVER for status in gone)
    assert not gone or Kind.JOBS in kinds


@given(HISTORIES, KINDS, st.lists(st.tuples(st.integers(0, 4), st.integers(0, len(TOLD) - 1)), max_size=6))
@settings(max_examples=150)
def test_events_that_come_after_it_do_what_they_would_have_done(
    history: History, kinds: Set[Kind], later: list[tuple[int, int]]
) -> None:
    thinned, jobs = lived(history)
    whole, same_jobs = lived(history)
    retain(thinned, kinds - {Kind.JOBS})
    for world, each in ((thinned, jobs), (whole, same_jobs)):
        go_on(world, each, later)
    assert list(thinned.statuses().values()) == list(whole.statuses().values())
    assert thinned.active() == whole.active()
    assert thinned.rebuild() == ([], [])


def go_on(world: LogWorld, jobs: list[EmailJob], later: list[tuple[int, int]]) -> None:
    for number, told in later:
        job = next(islice(jobs, number % len(jobs), None))
        kind, extra = TOLD[told]
        world.tell(job, facts_about(job, kind, by_job_id=True, **extra))
    world.project()
