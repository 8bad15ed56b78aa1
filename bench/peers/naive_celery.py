"""On Celery: prefork, acknowledged late, one message ahead for each process, no results kept.

By https://docs.celeryq.dev/en/stable/userguide/optimizing.html (`worker_prefetch_multiplier = 1` with `acks_late` for
tasks that are not tiny) and userguide/tasks.html (`ignore_result` for whoever wants none, ids instead of objects).
"""

import os
from collections.abc import Iterable

from celery import Celery  # type: ignore[import-untyped, import-not-found, unused-ignore]

from bench.peers import mails

app = Celery("naive", broker=os.environ["BENCH_REDIS_URL"])
app.conf.update(
    task_default_queue="mail",
    task_acks_late=True,
    task_ignore_result=True,
    worker_prefetch_multiplier=1,
    worker_hijack_root_logger=False,
    broker_connection_retry_on_startup=True,
)

send_mail = app.task(name="send_mail", autoretry_for=(OSError,), retry_backoff=True)(mails.send)


def enqueue(mail_ids: Iterable[int]) -> None:
    with app.producer_pool.acquire(block=True) as producer:
        for mail_id in mail_ids:
            send_mail.apply_async((mail_id,), producer=producer)
