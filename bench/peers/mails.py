"""What the naive pipelines share: a row for each mail, one call of postmarker, and the status in the row.

BENCH_DATABASE_URL, BENCH_POSTMARK_URL, BENCH_POSTMARK_TOKEN and BENCH_SENDER say where and as whom.
"""

import os
import threading
from functools import cache

from postmarker.core import PostmarkClient
from sqlalchemy import Engine, create_engine, insert, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, configure_mappers, mapped_column

WAITING, SENT = "waiting", "sent"
TABLE = "naive_mail"
# As the product has it.
TIMEOUT_SECONDS = 30.0


class Base(DeclarativeBase):
    """Of the one table."""


class Mail(Base):
    __tablename__ = TABLE

    id: Mapped[int] = mapped_column(primary_key=True)
    recipient: Mapped[str]
    subject: Mapped[str]
    html_body: Mapped[str]
    text_body: Mapped[str]
    status: Mapped[str] = mapped_column(index=True)
    message_id: Mapped[str | None]


@cache
def engine() -> Engine:
    """Made when it is first needed; its connections must not be carried across a fork."""
    url = os.environ["BENCH_DATABASE_URL"].replace("postgresql://", "postgresql+psycopg://", 1)
    return create_engine(url, pool_size=10)


def warm_up() -> None:
    """Before a fork, so that no child has it to do: what is imported late, the mapping, what the server can do."""
    configure_mappers()
    engine().connect().close()
    engine().dispose()


class _Client(threading.local):
    """One for each thread, and with it one connection that is kept: sessions of `requests` are not to be shared."""

    def __init__(self) -> None:
        self.postmark = PostmarkClient(
            server_token=os.environ["BENCH_POSTMARK_TOKEN"],
            root_api_url=os.environ["BENCH_POSTMARK_URL"],
            timeout=TIMEOUT_SECONDS,
        )


@cache
def _client() -> _Client:
    return _Client()


def send(mail_id: int) -> None:
    """No transaction is open across the call; a message that comes twice sends nothing the second time."""
    with Session(engine(), expire_on_commit=False) as session:
        mail = session.get_one(Mail, mail_id)
        session.commit()
        if mail.status == SENT:
            return
        answer = _client().postmark.emails.send(
            From=os.environ["BENCH_SENDER"],
            To=mail.recipient,
            Subject=mail.subject,
            HtmlBody=mail.html_body,
            TextBody=mail.text_body,
        )
        mail.message_id, mail.status = answer["MessageID"], SENT
        session.commit()


def fill(count: int) -> list[int]:
    """So many that wait, instead of whatever there was; their ids."""
    Base.metadata.drop_all(engine())
    Base.metadata.create_all(engine())
    rows = [
        {
            "recipient": f"naive-{number}@example.com",
            "subject": "Your order",
            "html_body": "<p>" + "It is on its way. " * 20 + "</p>",
            "text_body": "It is on its way. " * 20,
            "status": WAITING,
        }
        for number in range(count)
    ]
    with Session(engine()) as session:
        session.execute(insert(Mail), rows)
        session.commit()
        return list(session.scalars(select(Mail.id)))
