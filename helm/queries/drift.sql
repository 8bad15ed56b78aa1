-- Assertions whose round is due or runs: what has a lease is due.
SELECT least(:rows, (SELECT count(*) FROM drift_assertion WHERE due_at <= now()))
