-- Configurations to be made, taken down, verified or looked at, whoever is at work on them, and replays.
SELECT least(:rows, (
  SELECT count(*)
  FROM (
    SELECT 1
    FROM email_configuration
    WHERE retired_at IS NULL AND operational = 'PROVISIONING'
    ORDER BY updated_at
    LIMIT :rows
  ) AS making
) + (
  SELECT count(*)
  FROM (
    SELECT 1
    FROM email_configuration
    WHERE retired_at IS NOT NULL AND cleaned_up_at IS NULL
    ORDER BY retired_at
    LIMIT :rows
  ) AS removing
) + (
  SELECT count(*)
  FROM (
    SELECT 1
    FROM email_configuration
    WHERE retired_at IS NULL AND operational = 'AWAITING_VERIFICATION' AND verification_due_at <= now()
    ORDER BY verification_due_at
    LIMIT :rows
  ) AS verifying
) + (
  SELECT count(*)
  FROM (
    SELECT 1
    FROM email_configuration AS configuration
    LEFT JOIN webhook_look AS look ON look.configuration_id = configuration.e_id
    WHERE configuration.retired_at IS NULL AND configuration.webhook_id IS NOT NULL
      AND (look.due_at IS NULL OR look.due_at <= now())
    LIMIT :rows
  ) AS looks
) + (
  SELECT count(*) FROM (SELECT 1 FROM replay WHERE due_at IS NOT NULL AND due_at <= now() LIMIT :rows) AS replays
))
