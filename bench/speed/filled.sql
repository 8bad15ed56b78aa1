-- What a busy database holds: {jobs} jobs of {tenants} tenants with a configuration each, accepted evenly over 60 days until
-- {now}. A tenant's share falls by a power law: of 10,000 the first has one job in twenty, the median one in 19,000.
-- Each tenant has one job and one event waiting, of the last hour. All other jobs ended, nearly all of them well, with an
-- attempt each; one in ten has an event, and the newest tenth its content. Ids are of the moment of acceptance, as version 7
-- has them.

CREATE VIEW made AS
SELECT
    n, at, c,
    ('00000001' || lpad(to_hex(c), 24, '0'))::uuid AS tenant_id,
    ('00000002' || lpad(to_hex(c), 24, '0'))::uuid AS configuration_id,
    (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || '7' || substr(mark, 1, 3) || '8'
        || substr(mark, 4, 15))::uuid AS e_id,
    'person' || (hashint8(n + {jobs})::bigint & 2147483647) % greatest({jobs} / 5, 1) || '@example.com' AS recipient,
    mark, waits,
    CASE
        WHEN waits THEN 'QUEUED'
        WHEN n % 10000 = 990 THEN 'INCONSISTENT'
        WHEN n % 20000 = 991 THEN 'IN_DOUBT'
        WHEN n % 100 = 50 THEN 'BOUNCED'
        WHEN n % 100 = 60 THEN 'FAILED'
        WHEN n % 100 = 70 THEN 'SUPPRESSED'
        WHEN n % 1000 = 80 THEN 'COMPLAINED'
        WHEN n % 1000 = 180 THEN 'CANCELLED'
        WHEN n % 20 = 10 AND c % 2 = 1 THEN 'SENT'  -- of every other tenant: all that was sent has come
        ELSE 'DELIVERED'
    END AS status
FROM (
    SELECT
        n, n >= {jobs} - {tenants} AS waits, md5(n::text) AS mark,
        timestamptz '{now}' - CASE
            WHEN n >= {jobs} - {tenants} THEN interval '1 hour' * (({jobs} - n)::float / {tenants})
            ELSE interval '60 days' * (1 - n::float / {jobs})
        END AS at,
        CASE
            WHEN n >= {jobs} - {tenants} THEN n - ({jobs} - {tenants})
            ELSE floor({tenants} * power((hashint8(n)::bigint & 2147483647) / 2147483648.0::float, 3))::bigint
        END AS c
    FROM generate_series(0::bigint, {jobs} - 1) n
) numbered;

INSERT INTO email_job (
    e_id, tenant_id, configuration_id, recipient, idempotency_key, body_hash, status, tag, author, accepted_at, updated_at,
    due_at, attempts, claim_id, in_doubt_since, late_looks, provider_message_id, error_code, version
)
SELECT
    e_id, tenant_id, configuration_id, recipient, mark, decode(mark || mark, 'hex'), status, 'order', 'bench', at, at,
    CASE WHEN waits OR status = 'IN_DOUBT' THEN at END,
    CASE WHEN waits THEN 0 ELSE 1 END,
    CASE WHEN NOT waits THEN '00000003000000000000000000000000'::uuid END,
    CASE WHEN status = 'IN_DOUBT' THEN at END, 0,
    CASE WHEN status IN ('SENT', 'DELIVERED', 'BOUNCED', 'COMPLAINED') THEN reverse(mark)::uuid::text END,
    CASE WHEN status = 'FAILED' THEN '300' END, CASE WHEN waits THEN 1 ELSE 3 END
FROM made;

INSERT INTO send_attempt (job_id, claim_id, number, claimed_at, finished_at, outcome, provider_message_id, fenced)
SELECT
    e_id, '00000003000000000000000000000000', 1, at, at,
    CASE WHEN status IN ('FAILED', 'IN_DOUBT') THEN status ELSE 'SENT' END, reverse(mark)::uuid::text, false
FROM made WHERE NOT waits AND status NOT IN ('SUPPRESSED', 'CANCELLED');

INSERT INTO email_job_content (job_id, subject, html_body, text_body, metadata, attachments)
SELECT
    e_id, 'Your order', '<p>' || repeat('It is on its way. ', 20) || '</p>', repeat('It is on its way. ', 20),
    '{{"order": "4711"}}', '[]'
FROM made WHERE n >= {jobs} - greatest({jobs} / 10, {tenants});

INSERT INTO email_event (
    e_id, tenant_id, configuration_id, kind, content_key, message_id, recipient, hard_bounce, headers, raw, received_at,
    status, due_at, job_id, projected_at
)
SELECT
    overlay(e_id::text PLACING 'd' FROM 16 FOR 1)::uuid, tenant_id, configuration_id,
    CASE status WHEN 'BOUNCED' THEN 'Bounce' WHEN 'QUEUED' THEN 'Open' ELSE 'Delivery' END,
    decode(mark || mark, 'hex'), reverse(mark)::uuid::text, recipient, status = 'BOUNCED', '{{}}',
    '{{"RecordType": "Delivery", "Details": "' || repeat(mark, 12) || '"}}', at,
    CASE WHEN waits THEN 'pending' ELSE 'projected' END, CASE WHEN waits THEN at END, CASE WHEN NOT waits THEN e_id END,
    CASE WHEN NOT waits THEN at END
FROM made WHERE waits OR n % 10 = 0;

INSERT INTO email_configuration (
    e_id, tenant_id, slug, from_local_part, from_name, operational, administrative, recovering, records_written,
    undoing, tries, server_id, server_token, routing_token_hash, send_faults_in_a_row, version, created_at, updated_at
)
SELECT
    ('00000002' || lpad(to_hex(c), 24, '0'))::uuid, ('00000001' || lpad(to_hex(c), 24, '0'))::uuid, 'tenant-' || c,
    'noreply', 'Tenant ' || c, CASE WHEN c % 100 = 99 THEN 'DEGRADED' ELSE 'OK' END, 'UNLOCKED', false, true, false, 0,
    c + 1, 'a1.kv1:bench', sha256(c::text::bytea), 0, 4, timestamptz '{now}' - interval '90 days', '{now}'
FROM generate_series(0, {tenants} - 1) c;

INSERT INTO dead_letter (
    e_id, subject, subject_id, tenant_id, configuration_id, error_class, reason, attempts, raised_at, rest, rested_at
)
SELECT
    e_id, 'job', e_id, tenant_id, configuration_id, '300', 'because', 1, at,
    CASE WHEN n % 2000 = 60 THEN 'open' ELSE 'replayed' END, CASE WHEN n % 2000 <> 60 THEN at END
FROM made WHERE n % 1000 = 60 AND status = 'FAILED';

INSERT INTO traffic (minute, counted, label, count)
SELECT date_trunc('minute', timestamptz '{now}') - interval '1 minute' * n, 'outcome', 'label ' || label, n
FROM generate_series(1, least(7 * 1440, {jobs} / 10)) n, generate_series(1, 12) label
