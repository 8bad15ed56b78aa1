"""A claim's bound by bytes: what is beyond it is neither read nor touched."""

import base64
import random
from typing import Any
from uuid import UUID, uuid4

from shared.domain.configuration import EmailConfiguration
from shared.domain.job import EmailJob, JobStatus
from shared.domain.mail import Attachment, MessageContent
from shared.ports.jobs import Claim, NewJob
from shared.ports.store import Store
from tests.factories import TENANT, content, job, later, suppression

LARGE = 10_000
ROOM_FOR_TWO = 25_000


def accept(
    store: Store, one: EmailConfiguration, *contents: MessageContent, from_minute: int = 0, **given: Any
) -> list[UUID]:
    """Due one after the other, a minute apart."""
    jobs = [
        NewJob(job(one, due_at=later(minutes=minute), **given), content)
        for minute, content in enumerate(contents, from_minute)
    ]
    with store.begin() as tx:
        tx.jobs.accept(jobs)
    return [new.job.e_id for new in jobs]


def claim(store: Store, one: EmailConfiguration, bytes_max: int, *, limit: int = 50) -> Claim:
    with store.begin() as tx:
        return tx.jobs.claim(one.e_id, claim_id=uuid4(), limit=limit, lease_seconds=60, bytes_max=bytes_max)


def ids(claimed: Claim) -> list[UUID]:
    return [job.e_id for job in claimed.jobs]


def held(store: Store, e_id: UUID) -> EmailJob:
    with store.begin() as tx:
        found = tx.jobs.get(TENANT, e_id)
    assert found is not None
    return found


def large(size_bytes: int = LARGE) -> MessageContent:
    return content(text_body="x" * size_bytes)


def attached(raw: bytes) -> MessageContent:
    encoded = base64.b64encode(raw).decode()
    return content(attachments=(Attachment("scan.pdf", "application/pdf", encoded),))


def test_a_claim_ends_at_its_bytes_and_tells_what_it_left(store: Store, acme: EmailConfiguration) -> None:
    queued = accept(store, acme, *(large() for _ in range(5)))
    claims = [claim(store, acme, ROOM_FOR_TWO) for _ in range(4)]
    assert [ids(one) for one in claims] == [queued[:2], queued[2:4], queued[4:], []]
    assert [one.left_out for one in claims] == [3, 1, 0, 0]


def test_what_is_beyond_the_bytes_stays_due_uncounted_and_without_an_attempt(
    store: Store, acme: EmailConfiguration
) -> None:
    _, _, beyond = accept(store, acme, large(), large(), large())
    before = held(store, beyond)
    claim(store, acme, ROOM_FOR_TWO)
    assert held(store, beyond) == before
    assert (before.status, before.attempts, before.version) == (JobStatus.QUEUED, 0, 0)
    with store.begin() as tx:
        assert tx.jobs.attempts(TENANT, beyond) == []
        assert tx.jobs.has_due(acme.e_id)


def test_the_first_is_claimed_however_large_it_is_and_alone(store: Store, acme: EmailConfiguration) -> None:
    first, second = accept(store, acme, large(), content())
    alone = claim(store, acme, 1)
    assert (ids(alone), alone.left_out) == ([first], 1)
    assert ids(claim(store, acme, 1)) == [second]


def test_nothing_overtakes_the_job_at_which_the_bytes_end(store: Store, acme: EmailConfiguration) -> None:
    first, *rest = accept(store, acme, large(), large(3 * LARGE), content())
    assert ids(claim(store, acme, ROOM_FOR_TWO)) == [first]
    assert ids(claim(store, acme, 4 * LARGE)) == rest


def test_bodies_count_in_utf_8_as_they_are_not_as_they_are_stored(
    store: Store, acme: EmailConfiguration
) -> None:
    """So much of the same is stored in a hundredth of its size, and takes all of it in a worker's memory."""
    bodies = [content(html_body="ä" * (LARGE // 2), text_body=None) for _ in range(3)]
    queued = accept(store, acme, *bodies)
    # Two bytes each, and a few for a subject and two JSON values.
    assert ids(claim(store, acme, 2 * LARGE + 100)) == queued[:2]


def test_attachments_count_and_come_whole(store: Store, acme: EmailConfiguration) -> None:
    noise = random.Random(7)
    letters = [attached(noise.randbytes(2_000_000)) for _ in range(3)]
    queued = accept(store, acme, *letters)
    claimed = claim(store, acme, 6_000_000)
    assert (ids(claimed), claimed.left_out) == (queued[:2], 1)
    assert [job.content for job in claimed.jobs] == letters[:2]


def test_an_attachment_that_was_compressed_counts_as_it_is_stored(
    store: Store, acme: EmailConfiguration
) -> None:
    queued = accept(store, acme, *(attached(bytes(1_000_000)) for _ in range(3)))
    claimed = claim(store, acme, 1_000_000)
    assert (ids(claimed), claimed.left_out) == (queued, 0)


def test_the_suppressed_are_settled_whatever_their_size_and_take_no_room(
    store: Store, acme: EmailConfiguration
) -> None:
    gone = accept(store, acme, large(5 * LARGE), recipient="gone@example.com")
    queued = accept(store, acme, *(large() for _ in range(3)), from_minute=1)
    gone += accept(store, acme, content(), large(), recipient="gone@example.com", from_minute=4)
    with store.begin() as tx:
        tx.suppressions.add(suppression(address="gone@example.com"))
    claimed = claim(store, acme, ROOM_FOR_TWO)
    assert (ids(claimed), claimed.suppressed, claimed.left_out) == (queued[:2], 3, 1)
    assert {held(store, e_id).status for e_id in gone} == {JobStatus.SUPPRESSED}


def test_a_killer_goes_alone_whatever_the_bytes_would_hold(store: Store, acme: EmailConfiguration) -> None:
    (killer,) = accept(store, acme, large(5 * LARGE), worker_deaths=1)
    others = accept(store, acme, content(), content(), from_minute=1)
    claims = [claim(store, acme, ROOM_FOR_TWO) for _ in range(2)]
    assert [(ids(one), one.left_out) for one in claims] == [([killer], 2), (others, 0)]


def test_a_killer_that_is_left_for_its_turn_takes_no_room(store: Store, acme: EmailConfiguration) -> None:
    (first,) = accept(store, acme, large())
    (killer,) = accept(store, acme, large(5 * LARGE), worker_deaths=1, from_minute=1)
    (third,) = accept(store, acme, large(), from_minute=2)
    claims = [claim(store, acme, ROOM_FOR_TWO) for _ in range(2)]
    assert [(ids(one), one.left_out) for one in claims] == [([first, third], 1), ([killer], 0)]


def test_what_is_beyond_the_limit_is_not_told_as_left_out(store: Store, acme: EmailConfiguration) -> None:
    queued = accept(store, acme, *(large() for _ in range(5)))
    claimed = claim(store, acme, ROOM_FOR_TWO, limit=3)
    assert (ids(claimed), claimed.left_out) == (queued[:2], 1)


def test_a_claim_without_a_bound_takes_all(store: Store, acme: EmailConfiguration) -> None:
    queued = accept(store, acme, *(large() for _ in range(5)))
    with store.begin() as tx:
        claimed = tx.jobs.claim(acme.e_id, claim_id=uuid4(), limit=50, lease_seconds=60)
    assert ids(claimed) == queued
