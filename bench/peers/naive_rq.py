"""On RQ: a pool of its default workers, each of which forks for each job, from a process that has its imports done.

By https://python-rq.org/docs/workers/ (performance notes: import before the fork; several workers by a pool) and
https://github.com/rq/rq/blob/master/docs/benchmark.md, which wants `Worker` in production, for mails too.

    python -m bench.peers.naive_rq WORKERS
"""

import os
import sys
from collections.abc import Iterable

from redis import Redis
from rq import Queue, Retry  # type: ignore[import-untyped, import-not-found, unused-ignore]
from rq.worker_pool import WorkerPool  # type: ignore[import-untyped, import-not-found, unused-ignore]

from bench.peers import mails

QUEUE = "mail"
# Messages in one pipeline of Redis.
_AT_ONCE = 500


def _connection() -> "Redis":
    return Redis.from_url(os.environ["BENCH_REDIS_URL"])


def enqueue(mail_ids: Iterable[int]) -> None:
    ids, queue = list(mail_ids), Queue(QUEUE, connection=_connection())
    for begin in range(0, len(ids), _AT_ONCE):
        queue.enqueue_many(
            [
                Queue.prepare_data(mails.send, args=(mail_id,), result_ttl=0, retry=Retry(max=3))
                for mail_id in ids[begin : begin + _AT_ONCE]
            ]
        )


if __name__ == "__main__":
    mails.warm_up()
    WorkerPool([QUEUE], connection=_connection(), num_workers=int(sys.argv[1])).start(logging_level="WARNING")
