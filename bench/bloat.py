"""What a table weighs that is pruned and written again: part of `python -m bench.retention`."""

from typing import Any

import psycopg


def weigh_cycle(url: str, rows: int) -> dict[str, int]:
    """Megabytes of a copy of the contents, index included: filled, half removed in slices, as many written again."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET synchronous_commit = off")
        connection.execute("CREATE TABLE weighed (LIKE email_job_content INCLUDING ALL)")
        connection.execute("INSERT INTO weighed SELECT * FROM email_job_content ORDER BY job_id")
        told = {"filled": weigh(connection)}
        ids = [row[0] for row in connection.execute("SELECT job_id FROM weighed ORDER BY job_id")]
        gone = ids[: len(ids) // 2]
        for at in range(0, len(gone), rows):
            connection.execute("DELETE FROM weighed WHERE job_id = ANY(%s)", [gone[at : at + rows]])
        # As autovacuum does in its own time.
        connection.execute("VACUUM weighed")
        told["half removed"] = weigh(connection)
        # Younger than all that are there, as in life.
        connection.execute(
            "INSERT INTO weighed SELECT overlay(job_id::text PLACING 'f' FROM 1 FOR 1)::uuid, subject, html_body,"
            " text_body, reply_to_email, metadata, attachments FROM email_job_content WHERE job_id = ANY(%s)"
            " ORDER BY job_id",
            [gone],
        )
        told["as many written again"] = weigh(connection)
    return told


def weigh(connection: "psycopg.Connection[Any]") -> int:
    found = connection.execute("SELECT pg_total_relation_size('weighed')").fetchall()
    return int(found[0][0]) // 2**20
