-- Assertions whose round is due or runs, and kinds of rows whose old ones are being removed: what has a lease is due.
SELECT least(
    :rows,
    (SELECT count(*) FROM drift_assertion WHERE due_at <= now()) + (SELECT count(*) FROM retention WHERE due_at <= now())
)
