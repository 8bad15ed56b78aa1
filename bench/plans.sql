-- What bench/plans.py looks at: 2,000 tenants with a configuration each, 200,000 jobs, 100,000 events, 50,000 suppressions,
-- 20,000 dead letters, 40,000 runs of checks, 20,000 actions of operators, a week of counted minutes.
-- Configuration 1 has half of it all: a backlog of 100,000 queued jobs and 25,000 events; the others have a few each.

INSERT INTO email_configuration (
    e_id, tenant_id, slug, from_local_part, from_name, operational, administrative, recovering, records_written,
    undoing, tries, routing_token_hash, send_faults_in_a_row, version, verification_due_at, retired_at, created_at,
    updated_at
)
SELECT
    md5('c' || n)::uuid, md5('t' || n)::uuid, 'tenant-' || n, 'noreply', 'Tenant ' || n,
    CASE WHEN n % 50 = 0 THEN 'AWAITING_VERIFICATION' WHEN n % 300 = 7 THEN 'PROVISIONING' ELSE 'OK' END,
    CASE
        WHEN n % 50 = 0 OR n % 300 = 7 OR n % 200 = 9 THEN 'LOCKED'
        WHEN n % 100 = 1 AND n > 1 THEN 'LOCKING'
        ELSE 'UNLOCKED'
    END,
    false, true, false, 0, sha256(n::text::bytea), 0, 4,
    CASE WHEN n % 50 = 0 THEN now() - interval '1 second' * n END,
    CASE WHEN n % 200 = 9 THEN now() END,
    now() - interval '90 days', now() - interval '1 minute' * n
FROM generate_series(1, 2000) n;

INSERT INTO email_configuration_record (
    r_id, configuration_id, version, snapshot, effective_at, recorded_at, author, cause
)
SELECT
    gen_random_uuid(), md5('c' || n % 2000 + 1)::uuid, n / 2000,
    '{"slug": "tenant", "from_name": "Tenant", "operational": "OK", "administrative": "UNLOCKED", "version": 1, '
    '"updated_at": "2026-01-02T03:04:05+00:00"}',
    now(), now() - interval '1 minute' * n, 'person' || n % 50, 'fill'
FROM generate_series(0, 9999) n;

INSERT INTO verification_check (configuration_id, first_at, last_at, times, dkim_verified, return_path_verified, dkim_seen)
SELECT
    md5('c' || n % 2000 + 1)::uuid, now() - interval '1 hour' * (n / 2000 + 1), now() - interval '1 hour' * (n / 2000), 7,
    false, false, 'found ' || n
FROM generate_series(0, 39999) n;

INSERT INTO neighbour_turn (neighbour, free_at) VALUES ('route53', now()), ('postmark', now());

INSERT INTO email_job (
    e_id, tenant_id, configuration_id, recipient, idempotency_key, body_hash, status, author, accepted_at,
    updated_at, due_at, attempts, claim_id, lease_until, in_doubt_since, late_looks, provider_message_id, version
)
SELECT
    md5('j' || n)::uuid, md5('t' || c)::uuid, md5('c' || c)::uuid, 'person' || n % 30000 || '@example.com',
    'key-' || n, sha256(n::text::bytea), status, 'bench', now() - interval '1 minute' * n, now(),
    CASE
        WHEN status IN ('QUEUED', 'IN_DOUBT')
            THEN now() - interval '1 second' * (n % 5000) + interval '20 minutes'
    END,
    1, md5('claim1')::uuid,
    CASE WHEN status = 'SENDING' THEN now() + interval '1 second' * (n % 60 - 30) END,
    CASE WHEN status = 'IN_DOUBT' THEN now() END,
    0, CASE WHEN status = 'SENT' THEN 'message-' || n END, 1
FROM (
    SELECT
        n,
        CASE WHEN n % 2 = 0 THEN 1 ELSE n % 2000 + 1 END AS c,
        CASE
            WHEN n % 500 = 0 THEN 'SENDING'
            WHEN n % 501 = 1 THEN 'IN_DOUBT'
            WHEN n % 2 = 0 OR n % 7 = 3 THEN 'QUEUED'
            WHEN n % 997 = 5 THEN 'INCONSISTENT'
            WHEN n % 101 = 5 THEN 'FAILED'
            ELSE 'SENT'
        END AS status
    FROM generate_series(1, 200000) n
) chosen;

INSERT INTO email_job_content (job_id, subject, text_body, metadata, attachments)
SELECT e_id, 'Your order', repeat('It is on its way. ', 20), '{}', '[]' FROM email_job;

INSERT INTO email_event (
    e_id, tenant_id, configuration_id, kind, content_key, message_id, recipient, hard_bounce, headers, raw,
    received_at, status, due_at, job_id, projected_at
)
SELECT
    md5('e' || n)::uuid, md5('t' || c)::uuid, md5('c' || c)::uuid,
    CASE WHEN n % 50 = 0 THEN 'Bounce' ELSE 'Delivery' END,
    sha256(n::text::bytea), 'message-' || n, 'person' || n % 30000 || '@example.com', n % 50 = 0, '{}',
    repeat('x', 600), now() - interval '1 second' * n,
    status,
    CASE WHEN status = 'pending' THEN now() - interval '1 second' * (n % 900) END,
    CASE WHEN status = 'projected' THEN md5('j' || n)::uuid END,
    CASE WHEN status = 'projected' THEN now() END
FROM (
    SELECT
        n,
        CASE WHEN n % 2 = 0 THEN 1 ELSE n % 2000 + 1 END AS c,
        CASE WHEN n % 4 = 0 OR n % 21 = 0 THEN 'pending' ELSE 'projected' END AS status
    FROM generate_series(1, 100000) n
) chosen;

INSERT INTO suppression_entry (
    e_id, tenant_id, address, reason, active, since, lifted_at, author, created_at, updated_at
)
SELECT
    gen_random_uuid(), md5('t' || CASE WHEN n % 2 = 0 THEN 1 ELSE n % 2000 + 1 END)::uuid,
    'person' || n || '@example.com', 'HARD_BOUNCE', n % 5 > 0,
    now(), CASE WHEN n % 5 = 0 THEN now() END, 'provider', now(), now()
FROM generate_series(1, 50000) n;

INSERT INTO suppression_fact (e_id, tenant_id, address, occurred_at, reason, author, recorded_at)
SELECT gen_random_uuid(), tenant_id, address, since, 'MANUAL', 'operator', now() FROM suppression_entry LIMIT 10000;

INSERT INTO send_attempt (job_id, claim_id, number, claimed_at, finished_at, outcome, fenced)
SELECT
    e_id, claim_id, 1, now(), CASE WHEN status <> 'SENDING' THEN now() END,
    CASE WHEN status <> 'SENDING' THEN status END, false
FROM email_job;

INSERT INTO send_pressure (scope, batch_size) SELECT md5('c' || n)::uuid, 25 FROM generate_series(100, 300) n;

INSERT INTO dead_letter (
    e_id, subject, subject_id, tenant_id, configuration_id, error_class, reason, attempts, raised_at, rest, rested_at
)
SELECT
    md5('d' || n)::uuid, 'job', md5('j' || n)::uuid, md5('t' || n % 2000 + 1)::uuid, md5('c' || n % 2000 + 1)::uuid,
    CASE WHEN n % 3 = 0 THEN '300' ELSE 'expired' END, 'because', 1, now(),
    CASE WHEN n % 20 = 0 THEN 'open' ELSE 'replayed' END, CASE WHEN n % 20 > 0 THEN now() END
FROM generate_series(1, 20000) n;

INSERT INTO operator_action (e_id, action, subject_id, author, reason, at)
SELECT
    gen_random_uuid(), 'job.decide.resend', md5('j' || n)::uuid, 'person' || n % 50, 'because', now() - interval '1 minute' * n
FROM generate_series(1, 20000) n;

INSERT INTO traffic (minute, counted, label, count)
SELECT date_trunc('minute', now()) - interval '1 minute' * n, 'outcome', 'label ' || label, n
FROM generate_series(1, 7 * 1440) n, generate_series(1, 12) label;

VACUUM ANALYZE;
