"""What commands look at beside the rows, on the real servers: the database itself, and Valkey."""

import pytest
import redis
from sqlalchemy import Engine, text

from shared.domain.errors import StoreUnavailable
from shared.messaging import queues
from shared.messaging.depths import RedisLook, build_look
from shared.messaging.messages import ProjectEvents, SendJobs
from shared.persistence import make_engine
from shared.persistence.condition import PostgresLook
from shared.persistence.ids import new_id
from shared.persistence.leadership import AdvisoryLeadership
from shared.ports.broker import BrokerSeen, QueueDepth
from tests.integration.messaging.world import Bell


def set_revision(engine: Engine, revision: str) -> None:
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :revision"), {"revision": revision})


def test_a_migrated_database_is_at_the_head_that_this_code_brings_along(engine: Engine) -> None:
    seen = PostgresLook(engine).look()
    assert seen.revision == seen.head
    assert seen.revision_known
    assert seen.version[:2].isdigit()
    assert seen.now.tzinfo is not None


def test_a_revision_behind_is_known_and_one_of_a_newer_release_is_not(engine: Engine) -> None:
    for revision, known in (("0001", True), ("9999", False)):
        set_revision(engine, revision)
        seen = PostgresLook(engine).look()
        assert (seen.revision, seen.revision_known) == (revision, known)


def test_a_database_that_nobody_migrated_has_no_revision(empty_database: str) -> None:
    engine = make_engine(empty_database)
    seen = PostgresLook(engine).look()
    engine.dispose()
    assert (seen.revision, seen.revision_known, seen.lead) == (None, False, None)


def test_who_leads_is_seen_from_another_session_until_it_resigns(engine: Engine, database_url: str) -> None:
    scheduler = make_engine(database_url, application_name="email-scheduler")
    leadership, look = AdvisoryLeadership(scheduler), PostgresLook(engine)
    assert look.look().lead is None
    assert look.lead() is None
    assert leadership.hold(silence_seconds=60)
    lead = look.lead()
    assert lead is not None
    assert look.look().lead == lead
    assert lead.since <= lead.heard_at <= look.look().now
    leadership.resign()
    scheduler.dispose()
    # Asked of the server, which ends the session when it has read of its end.
    assert any(look.look().lead is None for _ in range(10_000))


def test_somebody_else_s_lock_is_no_lead(engine: Engine) -> None:
    with engine.connect() as other:
        other.execute(text("SELECT pg_advisory_lock(4711), pg_advisory_lock(1, 2)"))
        assert PostgresLook(engine).look().lead is None


def test_a_database_that_is_away_is_told_as_such() -> None:
    engine = make_engine("postgresql://nobody@127.0.0.1:1/none")
    with pytest.raises(StoreUnavailable):
        PostgresLook(engine).look()


def test_rings_are_counted_by_queue_and_those_in_hand_apart(bell: Bell, client: "redis.Redis") -> None:
    look = RedisLook(client, bell.namespace)
    assert look.depths() == dict.fromkeys(queues.ALL, QueueDepth(0, 0))
    bell.doorbell.ring(SendJobs(new_id()), SendJobs(new_id()), SendJobs(new_id()), ProjectEvents(new_id()))
    message = bell.take()
    found = look.depths()
    assert found is not None
    assert found[queues.SEND] == QueueDepth(waiting=2, taken=1)
    assert found[queues.PROJECTION] == QueueDepth(waiting=1, taken=0)
    bell.broker.consume(queues.SEND, prefetch=1, timeout=10).ack(message)
    left = look.depths()
    assert left is not None
    assert left[queues.SEND] == QueueDepth(waiting=2, taken=0)


def test_looking_leaves_redis_as_it_is(bell: Bell, client: "redis.Redis") -> None:
    bell.doorbell.ring(SendJobs(new_id()))
    before = sorted(client.keys(f"{bell.namespace}*"))
    look = RedisLook(client, bell.namespace)
    look.depths()
    look.look()
    assert sorted(client.keys(f"{bell.namespace}*")) == before


def test_the_broker_tells_of_its_policy(client: "redis.Redis") -> None:
    seen = RedisLook(client, "anything").look()
    assert isinstance(seen, BrokerSeen)
    assert (seen.eviction, seen.append_only) == ("noeviction", True)
    assert seen.version
    assert seen.used_bytes


def test_a_broker_that_does_not_let_us_ask_answers_all_the_same(
    client: "redis.Redis", valkey_url: str
) -> None:
    client.acl_setuser(
        "narrow", enabled=True, passwords=["+secret"], keys=["*"], commands=["+ping", "+llen", "+hlen"]
    )
    host = valkey_url.rpartition("@")[2]
    narrow = build_look(f"redis://narrow:secret@{host}", namespace="n", timeout_seconds=2)
    assert narrow.look() == BrokerSeen()
    assert narrow.depths() is not None
    client.acl_deluser("narrow")


def test_a_broker_that_is_away_is_none_and_a_word() -> None:
    nowhere = build_look("redis://127.0.0.1:1/0", namespace="n", timeout_seconds=1)
    assert nowhere.depths() is None
    assert nowhere.look() == "ConnectionError"
