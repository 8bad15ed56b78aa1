-- Jobs that a worker could take now, without those of a tenant who is locked, failing, or to be left alone by order of
-- the provider, and none at all while the account pauses; and doubts whose next look is due. Up to :rows of each, and
-- nothing while a recovery is open, which holds all of this back.
SELECT CASE WHEN EXISTS (SELECT 1 FROM recovery WHERE ended_at IS NULL) THEN 0 ELSE least(:rows, (
  SELECT count(*)
  FROM (
    SELECT 1
    FROM email_configuration AS configuration
    CROSS JOIN LATERAL (
      SELECT 1
      FROM email_job AS job
      WHERE job.configuration_id = configuration.e_id AND job.status = 'QUEUED' AND job.due_at <= now()
      ORDER BY job.due_at
      LIMIT :rows
    ) AS due
    WHERE configuration.retired_at IS NULL
      AND configuration.operational IN ('OK', 'DEGRADED')
      AND configuration.administrative <> 'LOCKED'
      AND NOT EXISTS (SELECT 1 FROM provider_account WHERE paused_until > now())
      AND NOT EXISTS (
        SELECT 1
        FROM send_pressure AS pressure
        WHERE pressure.scope IN (configuration.e_id, '00000000-0000-0000-0000-000000000000')
          AND pressure.blocked_until > now()
      )
    LIMIT :rows
  ) AS waiting
) + (
  SELECT count(*)
  FROM (
    SELECT 1
    FROM email_job
    WHERE status = 'IN_DOUBT' AND due_at <= now()
    ORDER BY configuration_id, due_at
    LIMIT :rows
  ) AS doubts
)) END
