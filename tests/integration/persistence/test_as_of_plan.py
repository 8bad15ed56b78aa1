"""A question about the past costs a tenant's own records, however many others there are."""

import json
from typing import Any

from sqlalchemy import Engine, event, text

from shared.domain.query import Compare, Operator, Query
from shared.persistence import PostgresStore
from shared.persistence.configuration_rows import snapshot_of
from tests.factories import LONG_AGO, TENANT, configuration, later

_CONFIGURATIONS = text("""
    INSERT INTO email_configuration (e_id, tenant_id, slug, from_local_part, from_name, operational, administrative,
        recovering, records_written, undoing, tries, send_faults_in_a_row, version, created_at, updated_at)
    SELECT gen_random_uuid(), CASE WHEN n <= 3 THEN CAST(:tenant AS uuid) ELSE gen_random_uuid() END,
        'tenant-' || n, 'noreply', 'Acme', 'OK', 'LOCKED', false, true, false, 0, 0, 3, :at, :at
    FROM generate_series(1, 4000) n
""")
_RECORDS = text("""
    INSERT INTO email_configuration_record (r_id, configuration_id, version, snapshot, effective_at, recorded_at,
        author, cause)
    SELECT gen_random_uuid(), e_id, v, CAST(:snapshot AS jsonb), CAST(:at AS timestamptz) + v * interval '1 day',
        CAST(:at AS timestamptz) + v * interval '1 day', 'setup', 'setup'
    FROM email_configuration, generate_series(0, 3) v
""")


def explained(engine: Engine, ask: Any) -> str:
    """The plans of what is asked, as text."""
    asked: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_rest: Any) -> None:
        asked.append((statement, parameters))

    event.listen(engine, "before_cursor_execute", note)
    ask()
    event.remove(engine, "before_cursor_execute", note)
    with engine.connect() as connection:
        plans = [
            connection.exec_driver_sql(f"EXPLAIN {statement}", parameters).scalars().all()
            for statement, parameters in asked
            if statement.startswith("SELECT") and "lateral" in statement.lower()
        ]
    return "\n".join(line for plan in plans for line in plan)


def test_a_question_about_the_past_reads_by_index_alone(
    engine: Engine, postgres_store: PostgresStore
) -> None:
    snapshot = json.dumps(snapshot_of(configuration(slug="acme")))
    with engine.begin() as connection:
        connection.execute(_CONFIGURATIONS, {"tenant": TENANT, "at": LONG_AGO})
        connection.execute(_RECORDS, {"snapshot": snapshot, "at": LONG_AGO})
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("ANALYZE email_configuration, email_configuration_record")
    question = Query(Compare("operational", Operator.EQ, "PENDING"))

    def ask() -> None:
        with postgres_store.begin() as tx:
            page = tx.configurations.query_as_of(
                TENANT, question, effective=later(days=2), recorded=later(days=9)
            )
        assert len(page.rows) == 3

    plan = explained(engine, ask)
    assert "ix_email_configuration_tenant" in plan
    assert "uq_email_configuration_record_configuration_id_version" in plan
    assert "Seq Scan" not in plan
