-- What bench/retention.py removes from: as many jobs as given, accepted evenly over the last 60 days, each with its content,
-- its attempt and two events; one in a hundred is INCONSISTENT. Ids are of the moment of acceptance, as version 7 has them.

INSERT INTO email_configuration (
    e_id, tenant_id, slug, from_local_part, from_name, operational, administrative, recovering, records_written,
    undoing, tries, routing_token_hash, send_faults_in_a_row, version, created_at, updated_at
)
SELECT
    md5('c' || n)::uuid, md5('t' || n)::uuid, 'tenant-' || n, 'noreply', 'Tenant ' || n, 'OK', 'UNLOCKED', false, true,
    false, 0, sha256(n::text::bytea), 0, 1, now(), now()
FROM generate_series(0, 199) n;

CREATE TEMPORARY TABLE made AS
SELECT
    n, at,
    (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || '7' || substr(md5(n::text), 1, 3) || '8'
        || substr(md5(n::text), 4, 15))::uuid AS e_id
FROM (
    SELECT n, now() - interval '60 days' * (1 - n::float / {jobs}) AS at FROM generate_series(0, {jobs} - 1) n
) spread;

INSERT INTO email_job (
    e_id, tenant_id, configuration_id, recipient, idempotency_key, body_hash, status, author, accepted_at, updated_at,
    attempts, claim_id, late_looks, provider_message_id, version
)
SELECT
    e_id, md5('t' || n % 200)::uuid, md5('c' || n % 200)::uuid, 'person' || n % 30000 || '@example.com', 'key-' || n,
    sha256(n::text::bytea), CASE WHEN n % 100 = 7 THEN 'INCONSISTENT' ELSE 'DELIVERED' END, 'bench', at, at, 1,
    md5('claim')::uuid, 0, md5('m' || n)::uuid::text, 3
FROM made ORDER BY n;

INSERT INTO email_job_content (job_id, subject, html_body, text_body, metadata, attachments)
SELECT e_id, 'Your order', repeat(md5(n::text), 20), repeat(md5((n + 1)::text), 8), '{{}}', '[]' FROM made ORDER BY n;

INSERT INTO send_attempt (job_id, claim_id, number, claimed_at, finished_at, outcome, provider_message_id, fenced)
SELECT e_id, md5('claim')::uuid, 1, at, at, 'SENT', md5('m' || n)::uuid::text, false FROM made ORDER BY n;

-- A delivery, and an open: which is what changes nothing.
INSERT INTO email_event (
    e_id, tenant_id, configuration_id, kind, content_key, message_id, recipient, hard_bounce, headers, raw, received_at,
    status, job_id, projected_at
)
SELECT
    overlay(e_id::text PLACING CASE kind WHEN 'Open' THEN 'e' ELSE 'd' END FROM 16 FOR 1)::uuid,
    md5('t' || n % 200)::uuid, md5('c' || n % 200)::uuid, kind, sha256((kind || n)::bytea), md5('m' || n)::uuid::text,
    'person' || n % 30000 || '@example.com', false, '{{}}', repeat(md5(n::text), 12), at, 'projected', e_id, at
FROM made, (VALUES ('Delivery'), ('Open')) kinds (kind) ORDER BY n;

VACUUM (ANALYZE) email_job, email_job_content, send_attempt, email_event, email_configuration
