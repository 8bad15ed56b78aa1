-- Events to be folded, of each configuration no more than a thread has to do for a while: one worker at a time folds them,
-- so that more pods help more tenants and not one. And what else the pool does: gaps to be asked about, lifts to be told.
SELECT least(:rows, (
  SELECT count(*)
  FROM (
    SELECT 1
    FROM email_configuration AS configuration
    CROSS JOIN LATERAL (
      SELECT 1
      FROM email_event AS event
      WHERE event.configuration_id = configuration.e_id AND event.status = 'pending' AND event.due_at <= now()
      ORDER BY event.due_at
      LIMIT 500
    ) AS due
    LIMIT :rows
  ) AS waiting
) + (
  SELECT count(*)
  FROM (SELECT 1 FROM event_gap WHERE finished_at IS NULL AND due_at <= now() ORDER BY due_at LIMIT 500) AS gaps
) + (
  SELECT count(*)
  FROM (
    SELECT 1 FROM provider_lift WHERE due_at IS NOT NULL AND due_at <= now() ORDER BY configuration_id, due_at LIMIT 500
  ) AS lifts
))
