"""What partitions by month would do to jobs: part of `python -m bench.retention`.

The jobs are copied into a table and into one of twelve partitions, with the indexes that claims, acceptance and
callbacks use; looks at both take turns.
"""

import statistics
import time
from typing import Any

import psycopg

PARTITIONS = 12
CALLS = 300
COLUMNS = (
    "e_id, tenant_id, configuration_id, idempotency_key, status, due_at, accepted_at, provider_message_id"
)
UNIQUE_KEY = "CREATE UNIQUE INDEX ON split (tenant_id, idempotency_key)"

LOOKS = {
    "claim 50": """SELECT e_id FROM {} WHERE configuration_id = %(configuration)s AND status = 'QUEUED'
        AND due_at <= now() ORDER BY due_at, e_id LIMIT 50 FOR NO KEY UPDATE SKIP LOCKED""",
    "one job by its id": "SELECT * FROM {} WHERE e_id = %(job)s",
    "50 idempotency keys": "SELECT * FROM {} WHERE tenant_id = %(tenant)s AND idempotency_key = ANY(%(keys)s)",
    "one by its message's id": "SELECT * FROM {} WHERE provider_message_id = %(message)s",
}


def measure_partitions(url: str) -> dict[str, Any]:
    with psycopg.connect(url, autocommit=True) as connection:
        # Whatever is planned once for a connection is, as for the repositories' statements.
        connection.prepare_threshold = 0
        make(connection)
        told: dict[str, Any] = {"refused": refusal(connection)}
        for name, look in LOOKS.items():
            told[name] = compare(connection, look)
        told["drop while somebody reads another"] = drop_beside_reader(connection, url)
        told["drop of a partition"] = drop(connection)
        return told


def make(connection: "psycopg.Connection[Any]") -> None:
    connection.execute(f"CREATE TABLE whole AS SELECT {COLUMNS} FROM email_job".encode())
    connection.execute("CREATE TABLE split (LIKE whole) PARTITION BY RANGE (accepted_at)")
    first, last = connection.execute("SELECT min(accepted_at), max(accepted_at) FROM whole").fetchall()[0]
    edges = [first + (last - first) * number / PARTITIONS for number in range(PARTITIONS)]
    for number, (begin, end) in enumerate(zip(edges, [*edges[1:], None], strict=True)):
        bounds = f"FROM ('{begin}') TO ({'MAXVALUE' if end is None else repr(str(end))})"
        connection.execute(f"CREATE TABLE part{number} PARTITION OF split FOR VALUES {bounds}".encode())
    connection.execute("INSERT INTO split SELECT * FROM whole")
    for name in ("whole", "split"):
        for columns in (
            "(e_id)",
            "(tenant_id, idempotency_key)",
            "(provider_message_id) WHERE provider_message_id IS NOT NULL",
            "(configuration_id, due_at, e_id) WHERE status = 'QUEUED'",
        ):
            connection.execute(f"CREATE INDEX ON {name} {columns}".encode())
        # A hundred wait, of the newest.
        connection.execute(
            f"""UPDATE {name} SET status = 'QUEUED', due_at = now() WHERE e_id IN (
                SELECT e_id FROM {name} ORDER BY accepted_at DESC LIMIT 100)""".encode()
        )
        connection.execute(f"VACUUM (ANALYZE) {name}".encode())


def refusal(connection: "psycopg.Connection[Any]") -> str:
    try:
        connection.execute(UNIQUE_KEY.encode())
    except psycopg.Error as error:
        return str(error.diag.message_primary)
    raise AssertionError("a key without the partition's column is unique all the same")


def compare(connection: "psycopg.Connection[Any]", look: str) -> dict[str, float]:
    """Milliseconds, and how many times as long the partitions take."""
    row = connection.execute(
        "SELECT e_id, tenant_id, configuration_id, provider_message_id FROM whole ORDER BY accepted_at DESC LIMIT 1"
    ).fetchall()[0]
    given = dict(zip(("job", "tenant", "configuration", "message"), row, strict=True))
    given["keys"] = [f"key-{number * 200}" for number in range(50)]
    times: dict[str, list[float]] = {"whole": [], "split": []}
    for _ in range(CALLS):
        for name, taken in times.items():
            begun = time.perf_counter()
            connection.execute(look.format(name).encode(), given).fetchall()
            taken.append((time.perf_counter() - begun) * 1000)
    whole, split = (statistics.median(taken) for taken in times.values())
    return {"whole_ms": round(whole, 3), "split_ms": round(split, 3), "times": round(split / whole, 2)}


def drop_beside_reader(connection: "psycopg.Connection[Any]", url: str) -> str:
    """Dropping one takes the whole for itself, and waits for every transaction that has touched any of it."""
    with psycopg.connect(url) as reader:
        reader.execute("SELECT 1 FROM split WHERE accepted_at > now() LIMIT 1")
        connection.execute("SET lock_timeout = '1s'")
        try:
            connection.execute("DROP TABLE part0")
        except psycopg.errors.LockNotAvailable:
            return "waits, and everybody behind it"
        finally:
            connection.execute("RESET lock_timeout")
    return "goes through"


def drop(connection: "psycopg.Connection[Any]") -> dict[str, float]:
    rows = int(connection.execute("SELECT count(*) FROM part0").fetchall()[0][0])
    begun = time.perf_counter()
    connection.execute("DROP TABLE part0")
    return {"rows": rows, "ms": round((time.perf_counter() - begun) * 1000, 1)}
