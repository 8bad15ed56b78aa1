"""On Dramatiq: an actor with its default middleware, retries among them, whose message is no more than an id.

By https://dramatiq.io/best_practices.html: small messages, an actor that may be called twice.
"""

import os
from collections.abc import Iterable

import dramatiq
from dramatiq.brokers.redis import RedisBroker

from bench.peers import mails

broker = RedisBroker(url=os.environ["BENCH_REDIS_URL"])
dramatiq.set_broker(broker)


@dramatiq.actor(queue_name="mail")
def send_mail(mail_id: int) -> None:
    mails.send(mail_id)


def enqueue(mail_ids: Iterable[int]) -> None:
    for mail_id in mail_ids:
        send_mail.send(mail_id)
