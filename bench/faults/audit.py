"""What the rows' own times cannot tell: in which order claims and locks happened.

A row's time is that of its transaction's beginning, which says nothing of who waited for whom. For as long as one of
these watches, triggers write down the moment in which a transaction that holds the configuration's lock does its work.
A claim, an acceptance and a signal exclude each other by that lock, so these moments are in the order of the commits.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from bench.faults.rows import Database

_BEGIN = """
CREATE SCHEMA bench_audit;
CREATE TABLE bench_audit.done (what text, configuration_id uuid, job_id uuid, at timestamptz);
CREATE TABLE bench_audit.moved (configuration_id uuid, administrative text, at timestamptz);
CREATE INDEX ON bench_audit.moved (configuration_id, at);

CREATE FUNCTION bench_audit.note_claim() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  INSERT INTO bench_audit.done
  SELECT 'claimed', job.configuration_id, job.e_id, clock_timestamp()
    FROM new_rows JOIN public.email_job job ON job.e_id = new_rows.job_id;
  RETURN NULL;
END $$;
CREATE TRIGGER bench_audit AFTER INSERT ON send_attempt
  REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION bench_audit.note_claim();

CREATE FUNCTION bench_audit.note_job() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  INSERT INTO bench_audit.done VALUES ('accepted', NEW.configuration_id, NEW.e_id, clock_timestamp());
  RETURN NULL;
END $$;
CREATE TRIGGER bench_audit AFTER INSERT ON email_job
  FOR EACH ROW EXECUTE FUNCTION bench_audit.note_job();

CREATE FUNCTION bench_audit.note_move() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  INSERT INTO bench_audit.moved VALUES (NEW.e_id, NEW.administrative, clock_timestamp());
  RETURN NULL;
END $$;
CREATE TRIGGER bench_audit AFTER UPDATE ON email_configuration
  FOR EACH ROW WHEN (OLD.administrative IS DISTINCT FROM NEW.administrative)
  EXECUTE FUNCTION bench_audit.note_move();
"""
_END = """
DROP TRIGGER IF EXISTS bench_audit ON send_attempt;
DROP TRIGGER IF EXISTS bench_audit ON email_job;
DROP TRIGGER IF EXISTS bench_audit ON email_configuration;
DROP SCHEMA IF EXISTS bench_audit CASCADE;
"""
_IN_STATE = """
SELECT done.job_id::text
  FROM bench_audit.done, LATERAL (
         SELECT administrative FROM bench_audit.moved
          WHERE moved.configuration_id = done.configuration_id AND moved.at <= done.at
          ORDER BY moved.at DESC LIMIT 1
       ) was
 WHERE done.what = %s AND was.administrative = ANY(%s)
"""


class Audit:
    """Job ids, of what was done while the configuration was in one of `states`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def claimed(self, *states: str) -> list[str]:
        return self._in("claimed", states)

    def accepted(self, *states: str) -> list[str]:
        return self._in("accepted", states)

    def counted(self, what: str) -> int:
        return int(self._database.ask("SELECT count(*) FROM bench_audit.done WHERE what = %s", what)[0][0])

    def _in(self, what: str, states: tuple[str, ...]) -> list[str]:
        return [job_id for (job_id,) in self._database.ask(_IN_STATE, what, list(states))]


@contextmanager
def watching(database: Database) -> Iterator[Audit]:
    database.run(_END + _BEGIN)
    try:
        yield Audit(database)
    finally:
        database.run(_END)
