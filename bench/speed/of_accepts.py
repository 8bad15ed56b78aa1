"""Jobs as callers bring them: one by one, and five hundred at once."""

from collections.abc import Iterable
from uuid import uuid4

from bench.speed import floors
from bench.speed.figures import Figure, Target, alone, compared, take_turns
from bench.speed.load import post_all, request
from bench.speed.registry import Size, Tell, bench
from bench.speed.stage import API_KEY, CONFIGURATION, TENANT, Stage
from web import BASE

BATCH = 500
# Fewer fall unevenly on the processes of the web role.
BATCHES_AT_ONCE = 16
_HEADERS = {"Authorization": f"Bearer {API_KEY}", "X-Tenant-Id": str(TENANT), "X-Author": "bench"}


def _job() -> dict[str, object]:
    return {
        "configurationEId": str(CONFIGURATION),
        "recipient": f"{uuid4().hex}@example.com",
        "subject": "Your order",
        "htmlBody": "<p>" + "It is on its way. " * 20 + "</p>",
        "textBody": "It is on its way. " * 20,
        "tag": "order",
        "metadata": {"order": "4711"},
    }


def _single() -> bytes:
    return request(f"{BASE}/job", _job(), {**_HEADERS, "Idempotency-Key": uuid4().hex})


def _many(size: int) -> bytes:
    jobs = [{**_job(), "idempotencyKey": uuid4().hex} for _ in range(size)]
    return request(f"{BASE}/job/batch", {"jobs": jobs}, _HEADERS)


@bench(
    "accept",
    "POST /job, durably, beside a bare Flask route with one INSERT and one enqueue",
    long=Size(work=3_000),
    short=Size(work=600, rounds=3),
)
def accept(stage: Stage, size: Size, tell: Tell) -> Iterable[Figure]:
    stage.add_configuration()
    stage.run(floors.TABLE)
    with (
        stage.serving() as own,
        stage.serving("bench.speed.floors:enqueueing", BENCH_REDIS_URL=stage.redis_url) as bare,
    ):

        def ours() -> float:
            sent = [_single() for _ in range(size.work)]
            return size.work / post_all(own, sent, status=202)

        def theirs() -> float:
            sent = [request("/", _job(), {}) for _ in range(size.work)]
            return size.work / post_all(bare, sent, status=202)

        ours(), theirs()  # connections, statements and byte code stand
        found = take_turns({"own": ours, "bare": theirs}, size.rounds)
    tell("accepted")
    yield compared(
        "accept",
        found["own"],
        unit="jobs/s",
        reference="bare Flask + INSERT + enqueue",
        others=found["bare"],
        target=Target(1.0),
    )


@bench(
    "accept-batch",
    "POST /job/batch of 500",
    long=Size(work=10_000),
    short=Size(work=3_000, rounds=3),
)
def accept_batch(stage: Stage, size: Size, tell: Tell) -> Iterable[Figure]:
    stage.add_configuration()
    with stage.serving() as own:

        def ours() -> float:
            sent = [_many(BATCH) for _ in range(size.work // BATCH)]
            return size.work / post_all(own, sent, status=200, connections=BATCHES_AT_ONCE)

        ours()
        found = take_turns({"own": ours}, size.rounds)
    tell("accepted")
    yield alone("accept-batch", found["own"], unit="jobs/s", target=Target(10_000, of="value"))
