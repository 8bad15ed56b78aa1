"""What is measured against: Flask routes that do the least that is worth anything, each by its library's own advice.

For the server's command line; BENCH_DATABASE_URL and BENCH_REDIS_URL say where things are.
"""

import os

import dramatiq
from dramatiq.brokers.redis import RedisBroker
from flask import Flask, request
from sqlalchemy import Engine, create_engine, text

TABLE = "CREATE TABLE IF NOT EXISTS bare (id uuid PRIMARY KEY, body text NOT NULL, received_at timestamptz NOT NULL)"
_INSERT = text("INSERT INTO bare VALUES (gen_random_uuid(), :body, now()) RETURNING id::text")


def inserting() -> Flask:
    """One row, one commit."""
    app, engine = Flask("inserting"), _engine()

    def receive() -> dict[str, str]:
        with engine.begin() as connection:
            return {"id": connection.execute(_INSERT, {"body": request.get_data(as_text=True)}).scalar_one()}

    app.post("/")(receive)
    return app


def enqueueing() -> Flask:
    """One row, one commit, and one message with the row's id."""
    app, engine = Flask("enqueueing"), _engine()
    broker = RedisBroker(url=os.environ["BENCH_REDIS_URL"])

    @dramatiq.actor(broker=broker, queue_name="bare")
    def work(row_id: str) -> None:
        """Somebody else's."""

    def receive() -> tuple[dict[str, str], int]:
        with engine.begin() as connection:
            row_id = connection.execute(_INSERT, {"body": request.get_data(as_text=True)}).scalar_one()
        work.send(row_id)
        return {"id": row_id}, 202

    app.post("/")(receive)
    return app


def _engine() -> Engine:
    url = os.environ["BENCH_DATABASE_URL"].replace("postgresql://", "postgresql+psycopg://", 1)
    return create_engine(url, pool_size=10)
