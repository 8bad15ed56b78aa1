"""How often each handler talks to the database: read off the wire, so that one statement more fails here.

Whoever makes one fewer lowers the number. bench/speed/of_statements.py tells the same of each job, mail and event.
"""

from collections.abc import Callable, Iterator

import pytest

from bench.speed.of_statements import WARM
from bench.speed.scenes import Scene, defaults, delivered
from bench.speed.wire import Heard

BATCH = 500


@pytest.fixture
def scene(database_url: str) -> Iterator[Scene]:
    scene = Scene(database_url)
    yield scene
    scene.close()


def warm(act: Callable[[], object]) -> None:
    """Until the server has prepared each statement: asking for that takes round trips too, a few times only."""
    for _ in range(WARM):
        act()


def first_words(heard: Heard) -> list[str]:
    return [statement.split()[0] for statement in heard.statements]


def test_one_job_is_accepted_by_one_statement_without_a_transaction_around_it(scene: Scene) -> None:
    warm(lambda: scene.accept(1))
    heard = scene.wire.heard(lambda: scene.accept(1))
    assert first_words(heard) == ["WITH"]
    assert heard.round_trips == 1


def test_five_hundred_jobs_are_accepted_by_one_statement_in_a_transaction(scene: Scene) -> None:
    warm(lambda: scene.accept(2))
    heard = scene.wire.heard(lambda: scene.accept(BATCH))
    assert first_words(heard) == ["BEGIN", "WITH", "COMMIT"]
    assert heard.round_trips == 3


def test_a_callback_is_taken_in_by_one_statement_without_a_transaction_around_it(scene: Scene) -> None:
    (job_id,) = scene.accept(1)
    warm(lambda: scene.called_back(delivered(job_id)))
    told = delivered(job_id)
    heard = scene.wire.heard(lambda: scene.called_back(told))
    assert first_words(heard) == ["WITH"]
    assert heard.round_trips == 1


def test_a_batch_of_mails_takes_nine_round_trips_however_many_they_are(scene: Scene) -> None:
    for count in (*[1] * WARM, defaults().send.batch_size):
        scene.queue(count)
        heard = scene.wire.heard(scene.send)
    assert first_words(heard).count("BEGIN") == 2  # the claim, and the record
    assert (len(heard), heard.round_trips) == (9, 9)


def test_a_ring_in_vain_takes_five_round_trips(scene: Scene) -> None:
    scene.queue(1)
    scene.send()
    warm(scene.send)
    assert scene.wire.heard(scene.send).round_trips == 5


@pytest.mark.parametrize(("bounces", "round_trips"), [(0, 7), (1, 19)])
def test_a_batch_of_events_takes_the_same_round_trips_however_many_they_are(
    scene: Scene, bounces: int, round_trips: int
) -> None:
    for count in (*[2] * WARM, defaults().projection.batch_size):
        scene.tell_of(count, bounces=bounces)
        heard = scene.wire.heard(scene.project)
    assert first_words(heard)[0 :: len(heard) - 1] == ["BEGIN", "COMMIT"]
    assert heard.round_trips <= round_trips
