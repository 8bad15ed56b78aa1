"""A worker's faults are reported once; its rings go on with the trace of whoever rang first."""

from collections.abc import Callable
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine, text

from shared.domain.errors import Conflict, KeyVersionMissing, OutcomeUnknown, ProviderUnavailable
from shared.messaging.broker import build_broker
from shared.messaging.messages import ProjectEvents, SendJobs
from shared.messaging.rings import envelope
from shared.ports.dead_letters import HandlerFault
from shared.telemetry import tracing
from tests.integration.messaging.world import Bell, working
from tests.integration.telemetry.collecting import Collector, kinds, trace_of
from tests.waiting import eventually

CANARY = "canary-of-this-test"
ID = "0af7651916cd43dd8448eb211c80319c"
SPAN = "b7ad6b7169203331"
ROW = UUID("019b0000-0000-7000-8000-000000000001")

MakeBell = Callable[..., Bell]


@pytest.fixture
def make(make_bell: MakeBell, valkey_url: str, collector: Collector) -> Callable[..., Bell]:
    """A doorbell, and workers that report."""

    def make(**given: object) -> Bell:
        collector.collect(role="send", **given)
        return make_bell(valkey_url)

    return make


Make = Callable[..., Bell]


def handled(bell: Bell, handle: Callable[[UUID], None], *messages: SendJobs) -> None:
    """Until every message is done and acknowledged."""
    for message in messages:
        assert bell.doorbell.ring(message)
    with working(bell, handle):
        assert eventually(lambda: bell.client.hlen(f"{bell.namespace}:send.msgs") == 0)


def test_a_fault_of_a_handler_is_one_event_with_its_actor_and_message(
    make: Make, collector: Collector
) -> None:
    bell = make()

    def fail(_: UUID) -> None:
        raise RuntimeError(CANARY)

    handled(bell, fail, SendJobs(uuid4()))
    (event,) = collector.events()
    assert kinds(event) == ["RuntimeError"]
    assert event["transaction"] == "SendJobs"
    assert event["tags"].keys() == {"role", "message"}
    assert CANARY not in collector.text()


def test_every_fault_is_an_event_of_its_own(make: Make, collector: Collector) -> None:
    bell = make()

    def fail(_: UUID) -> None:
        raise KeyVersionMissing("k9")

    handled(bell, fail, *(SendJobs(uuid4()) for _ in range(5)))
    assert [kinds(event) for event in collector.events()] == [["KeyVersionMissing"]] * 5


def test_what_a_handler_may_expect_is_no_event(make: Make, collector: Collector) -> None:
    bell = make()
    errors = iter([Conflict("moved"), ProviderUnavailable("503", "away"), OutcomeUnknown("reset", "unknown")])

    def fail(_: UUID) -> None:
        raise next(errors)

    handled(bell, fail, *(SendJobs(uuid4()) for _ in range(3)))
    assert [kinds(event) for event in collector.events()] == [["OutcomeUnknown"]]


def test_a_sink_that_fails_is_an_event_beside_the_fault(make: Make, collector: Collector) -> None:
    bell = make()

    def fail(_: UUID) -> None:
        raise KeyVersionMissing("k9")

    def sink(_: HandlerFault) -> None:
        raise RuntimeError(CANARY)

    bell.new_broker = lambda: build_broker(bell.settings, sink=sink)  # type: ignore[method-assign]
    handled(bell, fail, SendJobs(uuid4()))
    assert sorted(kinds(event)[-1] for event in collector.events()) == ["KeyVersionMissing", "RuntimeError"]


def test_neither_statements_nor_their_parameters_give_anything_away(
    make: Make, collector: Collector, engine: Engine
) -> None:
    bell = make(traces_sample_rate=1.0)

    def fail(_: UUID) -> None:
        with engine.connect() as connection:
            connection.execute(text("SELECT :given"), {"given": CANARY})
            connection.execute(text(f"SELECT '{CANARY}'"))
            connection.execute(
                text("SELECT 1 / length(:empty) + length(:given)"), {"empty": "", "given": CANARY}
            )

    handled(bell, fail, SendJobs(uuid4()))
    (event,) = collector.events()
    assert "DataError" in kinds(event)
    crumbs = [crumb["message"] for crumb in event["breadcrumbs"]["values"]]
    assert "SELECT ?" in crumbs
    (told,) = collector.transactions()
    assert crumbs[-3:] == [span["description"] for span in told["spans"]][-3:]
    assert CANARY not in collector.text()


def test_a_message_goes_on_with_the_trace_of_the_first_who_rang(make: Make, collector: Collector) -> None:
    bell = make(traces_sample_rate=0.000001)
    seen: list[str | None] = []
    for number, told in enumerate((True, True)):
        request = tracing.begin_request(f"{number:032x}-{SPAN}-1", route="/job", told=told)
        bell.doorbell.ring(SendJobs(ROW))
        request.end(202)
    assert bell.waiting() == 1
    with working(bell, lambda _: seen.append(tracing.current())):
        assert eventually(lambda: len(seen) == 1)
        assert eventually(lambda: bell.client.hlen(f"{bell.namespace}:send.msgs") == 0)
    assert tracing.id_of(seen[0] or "") == f"{0:032x}"
    requests = collector.transactions()[:2]
    (message,) = (told for told in collector.transactions() if told["transaction"] == "SendJobs")
    assert (trace_of(message), message["contexts"]["trace"]["op"]) == (f"{0:032x}", "queue.task.dramatiq")
    assert message["contexts"]["trace"]["parent_span_id"] == requests[0]["contexts"]["trace"]["span_id"]


def test_rings_of_a_handler_are_of_its_messages_trace(make: Make) -> None:
    bell = make(traces_sample_rate=0.000001)
    request = tracing.begin_request(f"{ID}-{SPAN}-1", route="/job", told=True)
    bell.doorbell.ring(SendJobs(ROW))
    request.end(202)
    handled(bell, lambda _: assert_rung(bell))
    assert bell.client.llen(f"{bell.namespace}:projection") == 1
    message = next(iter(bell.broker.consume("projection", prefetch=1, timeout=10)))
    assert message is not None
    carried = message.options[tracing.CARRIED_AS]["sentry-trace"]
    assert (carried[:32], carried[-2:]) == (ID, "-1")
    assert SPAN not in carried


def assert_rung(bell: Bell) -> None:
    assert bell.doorbell.ring(ProjectEvents(ROW))


def test_a_trace_is_all_that_a_message_carries_beside_its_row(bell_of_nobody: Bell) -> None:
    request = tracing.begin_request(f"{ID}-{SPAN}-1", route="/job", told=True)
    message = envelope(SendJobs(ROW))
    bell_of_nobody.doorbell.ring(SendJobs(ROW))
    request.end(202)
    taken = bell_of_nobody.take()
    assert taken.options.keys() == {tracing.CARRIED_AS, "redis_message_id"}
    assert taken.options[tracing.CARRIED_AS] == {"sentry-trace": f"{ID}-{SPAN}-1"}
    assert (taken.args, taken.kwargs) == ((str(ROW),), {})
    assert message.options == {tracing.CARRIED_AS: {"sentry-trace": f"{ID}-{SPAN}-1"}}


def test_a_trace_goes_through_where_nobody_collects(bell_of_nobody: Bell) -> None:
    seen: list[str | None] = []
    request = tracing.begin_request(f"{ID}-{SPAN}-1", route="/job", told=True)
    bell_of_nobody.doorbell.ring(SendJobs(ROW))
    request.end(202)
    handled(bell_of_nobody, lambda _: seen.append(tracing.current()))
    assert seen == [f"{ID}-{SPAN}-1"]


@pytest.fixture
def bell_of_nobody(make_bell: MakeBell, valkey_url: str) -> Bell:
    return make_bell(valkey_url)
