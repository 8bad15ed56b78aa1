--# configurations are made
INSERT INTO email_configuration (e_id, tenant_id, slug, from_local_part, from_name, reply_to_email, operational, administrative, operational_since, administrative_since, retired_at, cleaned_up_at, recovering, server_id, server_token, signature_id, domain_id, webhook_id, records_written, intent, undoing, tries, dkim_host, dkim_value, return_path_host, return_path_target, routing_token_hash, failure_step, failure_code, failure_message, verification_started_at, verification_due_at, send_faults_in_a_row, version, created_at, updated_at) VALUES (%(e_id)s::UUID, %(tenant_id)s::UUID, %(slug)s::VARCHAR COLLATE "C", %(from_local_part)s::VARCHAR, %(from_name)s::VARCHAR, %(reply_to_email)s::VARCHAR, %(operational)s::VARCHAR, %(administrative)s::VARCHAR, %(operational_since)s::TIMESTAMP WITH TIME ZONE, %(administrative_since)s::TIMESTAMP WITH TIME ZONE, %(retired_at)s::TIMESTAMP WITH TIME ZONE, %(cleaned_up_at)s::TIMESTAMP WITH TIME ZONE, %(recovering)s, %(server_id)s::BIGINT, %(server_token)s::VARCHAR, %(signature_id)s::BIGINT, %(domain_id)s::BIGINT, %(webhook_id)s::BIGINT, %(records_written)s, %(intent)s::VARCHAR, %(undoing)s, %(tries)s::INTEGER, %(dkim_host)s::VARCHAR, %(dkim_value)s::VARCHAR, %(return_path_host)s::VARCHAR, %(return_path_target)s::VARCHAR, %(routing_token_hash)s, %(failure_step)s::VARCHAR, %(failure_code)s::VARCHAR, %(failure_message)s::VARCHAR, %(verification_started_at)s::TIMESTAMP WITH TIME ZONE, %(verification_due_at)s::TIMESTAMP WITH TIME ZONE, %(send_faults_in_a_row)s::INTEGER, %(version)s::INTEGER, %(created_at)s::TIMESTAMP WITH TIME ZONE, %(updated_at)s::TIMESTAMP WITH TIME ZONE) ON CONFLICT DO NOTHING RETURNING clock_timestamp() AS clock_timestamp_1
--> {"e_id": {"uuid": "@id1@"}, "tenant_id": {"uuid": "@id44@"}, "slug": "of-@id1@", "from_local_part": "noreply", "from_name": "Acme Orders", "reply_to_email": null, "operational": "PENDING", "administrative": "LOCKED", "operational_since": {"at": "2026-01-02T03:04:05.678901+00:00"}, "administrative_since": {"at": "2026-01-02T03:04:05.678901+00:00"}, "retired_at": null, "cleaned_up_at": null, "recovering": false, "server_id": null, "server_token": null, "signature_id": null, "domain_id": null, "webhook_id": null, "records_written": false, "intent": null, "undoing": false, "tries": 0, "dkim_host": null, "dkim_value": null, "return_path_host": null, "return_path_target": null, "routing_token_hash": null, "failure_step": null, "failure_code": null, "failure_message": null, "verification_started_at": null, "verification_due_at": null, "send_faults_in_a_row": 0, "version": 0, "created_at": {"at": "2026-01-02T03:04:05.678901+00:00"}, "updated_at": {"at": "2026-01-02T03:04:05.678901+00:00"}}
--= 1
INSERT INTO email_configuration_record (r_id, configuration_id, version, snapshot, effective_at, recorded_at, author, cause, reason, previous) VALUES (%(r_id)s::UUID, %(configuration_id)s::UUID, %(version)s::INTEGER, %(snapshot)s::JSONB, %(effective_at)s::TIMESTAMP WITH TIME ZONE, %(recorded_at)s::TIMESTAMP WITH TIME ZONE, %(author)s::VARCHAR, %(cause)s::VARCHAR, %(reason)s::VARCHAR, (SELECT email_configuration_record.r_id 
FROM email_configuration_record 
WHERE email_configuration_record.configuration_id = %(configuration_id_1)s::UUID ORDER BY email_configuration_record.version DESC 
 LIMIT %(param_1)s::INTEGER))
--> {"r_id": {"uuid": "@id11@"}, "configuration_id": {"uuid": "@id1@"}, "version": 0, "snapshot": {"json": {"e_id": "@id1@", "tenant_id": "@id44@", "slug": "of-@id1@", "from_local_part": "noreply", "from_name": "Acme Orders", "reply_to_email": null, "operational_since": "2026-01-02T03:04:05.678901+00:00", "administrative_since": "2026-01-02T03:04:05.678901+00:00", "retired_at": null, "cleaned_up_at": null, "recovering": false, "verification_started_at": null, "verification_due_at": null, "send_faults_in_a_row": 0, "version": 0, "created_at": "2026-01-02T03:04:05.678901+00:00", "updated_at": "2026-01-02T03:04:05.678901+00:00", "server_id": null, "signature_id": null, "domain_id": null, "webhook_id": null, "records_written": false, "undoing": false, "tries": 0, "dkim_host": null, "dkim_value": null, "return_path_host": null, "return_path_target": null, "operational": "PENDING", "administrative": "LOCKED", "intent": null, "failure_step": null, "failure_code": null, "failure_message": null}}, "effective_at": {"in_seconds": -0.007047}, "recorded_at": {"in_seconds": -0.007047}, "author": "operator@example.com", "cause": "test", "reason": null, "configuration_id_1": {"uuid": "@id1@"}, "param_1": 1}
--= 1
INSERT INTO email_configuration (e_id, tenant_id, slug, from_local_part, from_name, reply_to_email, operational, administrative, operational_since, administrative_since, retired_at, cleaned_up_at, recovering, server_id, server_token, signature_id, domain_id, webhook_id, records_written, intent, undoing, tries, dkim_host, dkim_value, return_path_host, return_path_target, routing_token_hash, failure_step, failure_code, failure_message, verification_started_at, verification_due_at, send_faults_in_a_row, version, created_at, updated_at) VALUES (%(e_id)s::UUID, %(tenant_id)s::UUID, %(slug)s::VARCHAR COLLATE "C", %(from_local_part)s::VARCHAR, %(from_name)s::VARCHAR, %(reply_to_email)s::VARCHAR, %(operational)s::VARCHAR, %(administrative)s::VARCHAR, %(operational_since)s::TIMESTAMP WITH TIME ZONE, %(administrative_since)s::TIMESTAMP WITH TIME ZONE, %(retired_at)s::TIMESTAMP WITH TIME ZONE, %(cleaned_up_at)s::TIMESTAMP WITH TIME ZONE, %(recovering)s, %(server_id)s::BIGINT, %(server_token)s::VARCHAR, %(signature_id)s::BIGINT, %(domain_id)s::BIGINT, %(webhook_id)s::BIGINT, %(records_written)s, %(intent)s::VARCHAR, %(undoing)s, %(tries)s::INTEGER, %(dkim_host)s::VARCHAR, %(dkim_value)s::VARCHAR, %(return_path_host)s::VARCHAR, %(return_path_target)s::VARCHAR, %(routing_token_hash)s, %(failure_step)s::VARCHAR, %(failure_code)s::VARCHAR, %(failure_message)s::VARCHAR, %(verification_started_at)s::TIMESTAMP WITH TIME ZONE, %(verification_due_at)s::TIMESTAMP WITH TIME ZONE, %(send_faults_in_a_row)s::INTEGER, %(version)s::INTEGER, %(created_at)s::TIMESTAMP WITH TIME ZONE, %(updated_at)s::TIMESTAMP WITH TIME ZONE) ON CONFLICT DO NOTHING RETURNING clock_timestamp() AS clock_timestamp_1
--> {"e_id": {"uuid": "@id2@"}, "tenant_id": {"uuid": "@id44@"}, "slug": "of-@id2@", "from_local_part": "noreply", "from_name": "Acme Orders", "reply_to_email": null, "operational": "PENDING", "administrative": "LOCKED", "operational_since": {"at": "2026-01-02T03:04:05.678901+00:00"}, "administrative_since": {"at": "2026-01-02T03:04:05.678901+00:00"}, "retired_at": null, "cleaned_up_at": null, "recovering": false, "server_id": null, "server_token": null, "signature_id": null, "domain_id": null, "webhook_id": null, "records_written": false, "intent": null, "undoing": false, "tries": 0, "dkim_host": null, "dkim_value": null, "return_path_host": null, "return_path_target": null, "routing_token_hash": null, "failure_step": null, "failure_code": null, "failure_message": null, "verification_started_at": null, "verification_due_at": null, "send_faults_in_a_row": 0, "version": 0, "created_at": {"at": "2026-01-02T03:04:05.678901+00:00"}, "updated_at": {"at": "2026-01-02T03:04:05.678901+00:00"}}
--= 1
INSERT INTO email_configuration_record (r_id, configuration_id, version, snapshot, effective_at, recorded_at, author, cause, reason, previous) VALUES (%(r_id)s::UUID, %(configuration_id)s::UUID, %(version)s::INTEGER, %(snapshot)s::JSONB, %(effective_at)s::TIMESTAMP WITH TIME ZONE, %(recorded_at)s::TIMESTAMP WITH TIME ZONE, %(author)s::VARCHAR, %(cause)s::VARCHAR, %(reason)s::VARCHAR, (SELECT email_configuration_record.r_id 
FROM email_configuration_record 
WHERE email_configuration_record.configuration_id = %(configuration_id_1)s::UUID ORDER BY email_configuration_record.version DESC 
 LIMIT %(param_1)s::INTEGER))
--> {"r_id": {"uuid": "@id12@"}, "configuration_id": {"uuid": "@id2@"}, "version": 0, "snapshot": {"json": {"e_id": "@id2@", "tenant_id": "@id44@", "slug": "of-@id2@", "from_local_part": "noreply", "from_name": "Acme Orders", "reply_to_email": null, "operational_since": "2026-01-02T03:04:05.678901+00:00", "administrative_since": "2026-01-02T03:04:05.678901+00:00", "retired_at": null, "cleaned_up_at": null, "recovering": false, "verification_started_at": null, "verification_due_at": null, "send_faults_in_a_row": 0, "version": 0, "created_at": "2026-01-02T03:04:05.678901+00:00", "updated_at": "2026-01-02T03:04:05.678901+00:00", "server_id": null, "signature_id": null, "domain_id": null, "webhook_id": null, "records_written": false, "undoing": false, "tries": 0, "dkim_host": null, "dkim_value": null, "return_path_host": null, "return_path_target": null, "operational": "PENDING", "administrative": "LOCKED", "intent": null, "failure_step": null, "failure_code": null, "failure_message": null}}, "effective_at": {"in_seconds": -0.005428}, "recorded_at": {"in_seconds": -0.005428}, "author": "operator@example.com", "cause": "test", "reason": null, "configuration_id_1": {"uuid": "@id2@"}, "param_1": 1}
--= 1

--# one is provisioned
UPDATE email_configuration SET lease_token=%(lease_token)s::UUID, lease_until=(clock_timestamp() + %(given_lease)s) WHERE email_configuration.e_id = %(e_id_1)s::UUID AND (email_configuration.lease_until IS NULL OR email_configuration.lease_until <= now() OR email_configuration.lease_token = %(lease_token_1)s::UUID)
--> {"lease_token": {"uuid": "@id41@"}, "given_lease": {"interval": 60.0}, "e_id_1": {"uuid": "@id1@"}, "lease_token_1": {"uuid": "@id41@"}}
--= 1
SAVEPOINT sa_savepoint_1
--> {}
--= -1
UPDATE email_configuration SET from_local_part=%(from_local_part)s::VARCHAR, from_name=%(from_name)s::VARCHAR, reply_to_email=%(reply_to_email)s::VARCHAR, operational=%(operational)s::VARCHAR, administrative=%(administrative)s::VARCHAR, operational_since=%(operational_since)s::TIMESTAMP WITH TIME ZONE, administrative_since=%(administrative_since)s::TIMESTAMP WITH TIME ZONE, retired_at=%(retired_at)s::TIMESTAMP WITH TIME ZONE, cleaned_up_at=%(cleaned_up_at)s::TIMESTAMP WITH TIME ZONE, recovering=%(recovering)s, server_id=%(server_id)s::BIGINT, server_token=%(server_token)s::VARCHAR, signature_id=%(signature_id)s::BIGINT, domain_id=%(domain_id)s::BIGINT, webhook_id=%(webhook_id)s::BIGINT, records_written=%(records_written)s, intent=%(intent)s::VARCHAR, undoing=%(undoing)s, tries=%(tries)s::INTEGER, dkim_host=%(dkim_host)s::VARCHAR, dkim_value=%(dkim_value)s::VARCHAR, return_path_host=%(return_path_host)s::VARCHAR, return_path_target=%(return_path_target)s::VARCHAR, routing_token_hash=%(routing_token_hash)s, failure_step=%(failure_step)s::VARCHAR, failure_code=%(failure_code)s::VARCHAR, failure_message=%(failure_message)s::VARCHAR, verification_started_at=%(verification_started_at)s::TIMESTAMP WITH TIME ZONE, verification_due_at=%(verification_due_at)s::TIMESTAMP WITH TIME ZONE, send_faults_in_a_row=%(send_faults_in_a_row)s::INTEGER, version=%(version)s::INTEGER, updated_at=%(updated_at)s::TIMESTAMP WITH TIME ZONE WHERE email_configuration.e_id = %(e_id_1)s::UUID AND email_configuration.version = %(version_1)s::INTEGER RETURNING clock_timestamp() AS clock_timestamp_1
--> {"from_local_part": "noreply", "from_name": "Acme Orders", "reply_to_email": null, "operational": "PROVISIONING", "administrative": "LOCKED", "operational_since": {"at": "2026-01-02T03:04:05.678901+00:00"}, "administrative_since": {"at": "2026-01-02T03:04:05.678901+00:00"}, "retired_at": null, "cleaned_up_at": null, "recovering": false, "server_id": null, "server_token": null, "signature_id": null, "domain_id": null, "webhook_id": null, "records_written": false, "intent": "createServer", "undoing": false, "tries": 1, "dkim_host": null, "dkim_value": null, "return_path_host": null, "return_path_target": null, "routing_token_hash": null, "failure_step": null, "failure_code": null, "failure_message": null, "verification_started_at": null, "verification_due_at": null, "send_faults_in_a_row": 0, "version": 1, "updated_at": {"at": "2026-01-02T03:04:05.678901+00:00"}, "e_id_1": {"uuid": "@id1@"}, "version_1": 0}
--= 1
RELEASE SAVEPOINT sa_savepoint_1
--> {}
--= -1
INSERT INTO email_configuration_record (r_id, configuration_id, version, snapshot, effective_at, recorded_at, author, cause, reason, previous) VALUES (%(r_id)s::UUID, %(configuration_id)s::UUID, %(version)s::INTEGER, %(snapshot)s::JSONB, %(effective_at)s::TIMESTAMP WITH TIME ZONE, %(recorded_at)s::TIMESTAMP WITH TIME ZONE, %(author)s::VARCHAR, %(cause)s::VARCHAR, %(reason)s::VARCHAR, (SELECT email_configuration_record.r_id 
FROM email_configuration_record 
WHERE email_configuration_record.configuration_id = %(configuration_id_1)s::UUID ORDER BY email_configuration_record.version DESC 
 LIMIT %(param_1)s::INTEGER))
--> {"r_id": {"uuid": "@id13@"}, "configuration_id": {"uuid": "@id1@"}, "version": 1, "snapshot": {"json": {"e_id": "@id1@", "tenant_id": "@id44@", "slug": "of-@id1@", "from_local_part": "noreply", "from_name": "Acme Orders", "reply_to_email": null, "operational_since": "2026-01-02T03:04:05.678901+00:00", "administrative_since": "2026-01-02T03:04:05.678901+00:00", "retired_at": null, "cleaned_up_at": null, "recovering": false, "verification_started_at": null, "verification_due_at": null, "send_faults_in_a_row": 0, "version": 1, "created_at": "2026-01-02T03:04:05.678901+00:00", "updated_at": "2026-01-02T03:04:05.678901+00:00", "server_id": null, "signature_id": null, "domain_id": null, "webhook_id": null, "records_written": false, "undoing": false, "tries": 1, "dkim_host": null, "dkim_value": null, "return_path_host": null, "return_path_target": null, "operational": "PROVISIONING", "administrative": "LOCKED", "intent": "createServer", "failure_step": null, "failure_code": null, "failure_message": null}}, "effective_at": {"in_seconds": -0.004651}, "recorded_at": {"in_seconds": -0.004651}, "author": "operator@example.com", "cause": "test", "reason": null, "configuration_id_1": {"uuid": "@id1@"}, "param_1": 1}
--= 1

--# it may send
SAVEPOINT sa_savepoint_1
--> {}
--= -1
UPDATE email_configuration SET from_local_part=%(from_local_part)s::VARCHAR, from_name=%(from_name)s::VARCHAR, reply_to_email=%(reply_to_email)s::VARCHAR, operational=%(operational)s::VARCHAR, administrative=%(administrative)s::VARCHAR, operational_since=%(operational_since)s::TIMESTAMP WITH TIME ZONE, administrative_since=%(administrative_since)s::TIMESTAMP WITH TIME ZONE, retired_at=%(retired_at)s::TIMESTAMP WITH TIME ZONE, cleaned_up_at=%(cleaned_up_at)s::TIMESTAMP WITH TIME ZONE, recovering=%(recovering)s, server_id=%(server_id)s::BIGINT, server_token=%(server_token)s::VARCHAR, signature_id=%(signature_id)s::BIGINT, domain_id=%(domain_id)s::BIGINT, webhook_id=%(webhook_id)s::BIGINT, records_written=%(records_written)s, intent=%(intent)s::VARCHAR, undoing=%(undoing)s, tries=%(tries)s::INTEGER, dkim_host=%(dkim_host)s::VARCHAR, dkim_value=%(dkim_value)s::VARCHAR, return_path_host=%(return_path_host)s::VARCHAR, return_path_target=%(return_path_target)s::VARCHAR, routing_token_hash=%(routing_token_hash)s, failure_step=%(failure_step)s::VARCHAR, failure_code=%(failure_code)s::VARCHAR, failure_message=%(failure_message)s::VARCHAR, verification_started_at=%(verification_started_at)s::TIMESTAMP WITH TIME ZONE, verification_due_at=%(verification_due_at)s::TIMESTAMP WITH TIME ZONE, send_faults_in_a_row=%(send_faults_in_a_row)s::INTEGER, version=%(version)s::INTEGER, updated_at=%(updated_at)s::TIMESTAMP WITH TIME ZONE WHERE email_configuration.e_id = %(e_id_1)s::UUID AND email_configuration.version = %(version_1)s::INTEGER RETURNING clock_timestamp() AS clock_timestamp_1
--> {"from_local_part": "noreply", "from_name": "Acme Orders", "reply_to_email": null, "operational": "OK", "administrative": "UNLOCKED", "operational_since": {"at": "2026-01-02T03:04:05.678901+00:00"}, "administrative_since": {"at": "2026-01-02T03:04:05.678901+00:00"}, "retired_at": null, "cleaned_up_at": null, "recovering": false, "server_id": 11, "server_token": "a1.k1:AAAA", "signature_id": 12, "domain_id": 13, "webhook_id": 14, "records_written": true, "intent": null, "undoing": false, "tries": 0, "dkim_host": "20260102pm._domainkey.acme.dev.ardamails.com", "dkim_value": "k=rsa;p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCB", "return_path_host": "pm-bounces.acme.dev.ardamails.com", "return_path_target": "pm.mtasv.net", "routing_token_hash": {"bytes": "@bytes2@"}, "failure_step": null, "failure_code": null, "failure_message": null, "verification_started_at": null, "verification_due_at": null, "send_faults_in_a_row": 0, "version": 2, "updated_at": {"at": "2026-01-02T03:04:05.678901+00:00"}, "e_id_1": {"uuid": "@id1@"}, "version_1": 1}
--= 1
RELEASE SAVEPOINT sa_savepoint_1
--> {}
--= -1
INSERT INTO email_configuration_record (r_id, configuration_id, version, snapshot, effective_at, recorded_at, author, cause, reason, previous) VALUES (%(r_id)s::UUID, %(configuration_id)s::UUID, %(version)s::INTEGER, %(snapshot)s::JSONB, %(effective_at)s::TIMESTAMP WITH TIME ZONE, %(recorded_at)s::TIMESTAMP WITH TIME ZONE, %(author)s::VARCHAR, %(cause)s::VARCHAR, %(reason)s::VARCHAR, (SELECT email_configuration_record.r_id 
FROM email_configuration_record 
WHERE email_configuration_record.configuration_id = %(configuration_id_1)s::UUID ORDER BY email_configuration_record.version DESC 
 LIMIT %(param_1)s::INTEGER))
--> {"r_id": {"uuid": "@id14@"}, "configuration_id": {"uuid": "@id1@"}, "version": 2, "snapshot": {"json": {"e_id": "@id1@", "tenant_id": "@id44@", "slug": "of-@id1@", "from_local_part": "noreply", "from_name": "Acme Orders", "reply_to_email": null, "operational_since": "2026-01-02T03:04:05.678901+00:00", "administrative_since": "2026-01-02T03:04:05.678901+00:00", "retired_at": null, "cleaned_up_at": null, "recovering": false, "verification_started_at": null, "verification_due_at": null, "send_faults_in_a_row": 0, "version": 2, "created_at": "2026-01-02T03:04:05.678901+00:00", "updated_at": "2026-01-02T03:04:05.678901+00:00", "server_id": 11, "signature_id": 12, "domain_id": 13, "webhook_id": 14, "records_written": true, "undoing": false, "tries": 0, "dkim_host": "20260102pm._domainkey.acme.dev.ardamails.com", "dkim_value": "k=rsa;p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCB", "return_path_host": "pm-bounces.acme.dev.ardamails.com", "return_path_target": "pm.mtasv.net", "operational": "OK", "administrative": "UNLOCKED", "intent": null, "failure_step": null, "failure_code": null, "failure_message": null}}, "effective_at": {"in_seconds": -0.002377}, "recorded_at": {"in_seconds": -0.002377}, "author": "operator@example.com", "cause": "test", "reason": null, "configuration_id_1": {"uuid": "@id1@"}, "param_1": 1}
--= 1
UPDATE email_configuration SET lease_token=%(lease_token)s::UUID, lease_until=%(lease_until)s::TIMESTAMP WITH TIME ZONE WHERE email_configuration.e_id = %(e_id_1)s::UUID AND email_configuration.lease_token = %(lease_token_1)s::UUID
--> {"lease_token": null, "lease_until": null, "e_id_1": {"uuid": "@id1@"}, "lease_token_1": {"uuid": "@id41@"}}
--= 1

--# another is being verified
SELECT now() AS now_1, EXISTS (SELECT recovery.e_id 
FROM recovery 
WHERE recovery.ended_at IS NULL) AS anon_1
--> {}
--= 1
SAVEPOINT sa_savepoint_1
--> {}
--= -1
UPDATE email_configuration SET from_local_part=%(from_local_part)s::VARCHAR, from_name=%(from_name)s::VARCHAR, reply_to_email=%(reply_to_email)s::VARCHAR, operational=%(operational)s::VARCHAR, administrative=%(administrative)s::VARCHAR, operational_since=%(operational_since)s::TIMESTAMP WITH TIME ZONE, administrative_since=%(administrative_since)s::TIMESTAMP WITH TIME ZONE, retired_at=%(retired_at)s::TIMESTAMP WITH TIME ZONE, cleaned_up_at=%(cleaned_up_at)s::TIMESTAMP WITH TIME ZONE, recovering=%(recovering)s, server_id=%(server_id)s::BIGINT, server_token=%(server_token)s::VARCHAR, signature_id=%(signature_id)s::BIGINT, domain_id=%(domain_id)s::BIGINT, webhook_id=%(webhook_id)s::BIGINT, records_written=%(records_written)s, intent=%(intent)s::VARCHAR, undoing=%(undoing)s, tries=%(tries)s::INTEGER, dkim_host=%(dkim_host)s::VARCHAR, dkim_value=%(dkim_value)s::VARCHAR, return_path_host=%(return_path_host)s::VARCHAR, return_path_target=%(return_path_target)s::VARCHAR, routing_token_hash=%(routing_token_hash)s, failure_step=%(failure_step)s::VARCHAR, failure_code=%(failure_code)s::VARCHAR, failure_message=%(failure_message)s::VARCHAR, verification_started_at=%(verification_started_at)s::TIMESTAMP WITH TIME ZONE, verification_due_at=%(verification_due_at)s::TIMESTAMP WITH TIME ZONE, send_faults_in_a_row=%(send_faults_in_a_row)s::INTEGER, version=%(version)s::INTEGER, updated_at=%(updated_at)s::TIMESTAMP WITH TIME ZONE WHERE email_configuration.e_id = %(e_id_1)s::UUID AND email_configuration.version = %(version_1)s::INTEGER RETURNING clock_timestamp() AS clock_timestamp_1
--> {"from_local_part": "noreply", "from_name": "Acme Orders", "reply_to_email": null, "operational": "AWAITING_VERIFICATION", "administrative": "LOCKED", "operational_since": {"at": "2026-01-02T03:04:05.678901+00:00"}, "administrative_since": {"at": "2026-01-02T03:04:05.678901+00:00"}, "retired_at": null, "cleaned_up_at": null, "recovering": false, "server_id": 11, "server_token": "a1.k1:AAAA", "signature_id": 12, "domain_id": 13, "webhook_id": 14, "records_written": true, "intent": null, "undoing": false, "tries": 0, "dkim_host": "20260102pm._domainkey.acme.dev.ardamails.com", "dkim_value": "k=rsa;p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCB", "return_path_host": "pm-bounces.acme.dev.ardamails.com", "return_path_target": "pm.mtasv.net", "routing_token_hash": null, "failure_step": null, "failure_code": null, "failure_message": null, "verification_started_at": {"in_seconds": -0.005381}, "verification_due_at": {"at": "2026-01-02T03:04:05.678901+00:00"}, "send_faults_in_a_row": 0, "version": 1, "updated_at": {"at": "2026-01-02T03:04:05.678901+00:00"}, "e_id_1": {"uuid": "@id2@"}, "version_1": 0}
--= 1
RELEASE SAVEPOINT sa_savepoint_1
--> {}
--= -1
INSERT INTO email_configuration_record (r_id, configuration_id, version, snapshot, effective_at, recorded_at, author, cause, reason, previous) VALUES (%(r_id)s::UUID, %(configuration_id)s::UUID, %(version)s::INTEGER, %(snapshot)s::JSONB, %(effective_at)s::TIMESTAMP WITH TIME ZONE, %(recorded_at)s::TIMESTAMP WITH TIME ZONE, %(author)s::VARCHAR, %(cause)s::VARCHAR, %(reason)s::VARCHAR, (SELECT email_configuration_record.r_id 
FROM email_configuration_record 
WHERE email_configuration_record.configuration_id = %(configuration_id_1)s::UUID ORDER BY email_configuration_record.version DESC 
 LIMIT %(param_1)s::INTEGER))
--> {"r_id": {"uuid": "@id15@"}, "configuration_id": {"uuid": "@id2@"}, "version": 1, "snapshot": {"json": {"e_id": "@id2@", "tenant_id": "@id44@", "slug": "of-@id2@", "from_local_part": "noreply", "from_name": "Acme Orders", "reply_to_email": null, "operational_since": "2026-01-02T03:04:05.678901+00:00", "administrative_since": "2026-01-02T03:04:05.678901+00:00", "retired_at": null, "cleaned_up_at": null, "recovering": false, "verification_started_at": "2026-11-22T09:12:53.775334+00:00", "verification_due_at": "2026-01-02T03:04:05.678901+00:00", "send_faults_in_a_row": 0, "version": 1, "created_at": "2026-01-02T03:04:05.678901+00:00", "updated_at": "2026-01-02T03:04:05.678901+00:00", "server_id": 11, "signature_id": 12, "domain_id": 13, "webhook_id": 14, "records_written": true, "undoing": false, "tries": 0, "dkim_host": "20260102pm._domainkey.acme.dev.ardamails.com", "dkim_value": "k=rsa;p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCB", "return_path_host": "pm-bounces.acme.dev.ardamails.com", "return_path_target": "pm.mtasv.net", "operational": "AWAITING_VERIFICATION", "administrative": "LOCKED", "intent": null, "failure_step": null, "failure_code": null, "failure_message": null}}, "effective_at": {"in_seconds": -0.003873}, "recorded_at": {"in_seconds": -0.003873}, "author": "operator@example.com", "cause": "test", "reason": null, "configuration_id_1": {"uuid": "@id2@"}, "param_1": 1}
--= 1

--# it is checked
UPDATE email_configuration SET verification_due_at=CASE WHEN (now() < email_configuration.verification_started_at + %(given_window)s) THEN least(clock_timestamp() + %(given_pause)s, email_configuration.verification_started_at + %(given_window)s) ELSE clock_timestamp() + %(given_pause)s END WHERE email_configuration.e_id = %(e_id_1)s::UUID AND email_configuration.retired_at IS NULL AND email_configuration.operational = 'AWAITING_VERIFICATION' AND email_configuration.verification_due_at <= now() RETURNING email_configuration.e_id, email_configuration.tenant_id, email_configuration.slug, email_configuration.from_local_part, email_configuration.from_name, email_configuration.reply_to_email, email_configuration.operational, email_configuration.administrative, email_configuration.operational_since, email_configuration.administrative_since, email_configuration.retired_at, email_configuration.cleaned_up_at, email_configuration.recovering, email_configuration.server_id, email_configuration.server_token, email_configuration.signature_id, email_configuration.domain_id, email_configuration.webhook_id, email_configuration.records_written, email_configuration.intent, email_configuration.undoing, email_configuration.tries, email_configuration.dkim_host, email_configuration.dkim_value, email_configuration.return_path_host, email_configuration.return_path_target, email_configuration.routing_token_hash, email_configuration.failure_step, email_configuration.failure_code, email_configuration.failure_message, email_configuration.verification_started_at, email_configuration.verification_due_at, email_configuration.send_faults_in_a_row, email_configuration.version, email_configuration.created_at, email_configuration.updated_at, email_configuration.webhook_key, email_configuration.lease_token, email_configuration.lease_until
--> {"given_window": {"interval": 600.0}, "given_pause": {"interval": 60.0}, "e_id_1": {"uuid": "@id2@"}}
--= 1
SELECT email_configuration.e_id 
FROM email_configuration 
WHERE email_configuration.e_id = %(given_configuration_id)s::UUID FOR NO KEY UPDATE
--> {"given_configuration_id": {"uuid": "@id2@"}}
--= 1
UPDATE verification_check SET last_at=greatest(verification_check.last_at, now()), times=(verification_check.times + %(times_1)s::INTEGER) WHERE verification_check.configuration_id = %(given_configuration_id)s::UUID AND verification_check.first_at = (SELECT max(verification_check.first_at) AS max_1 
FROM verification_check 
WHERE verification_check.configuration_id = %(given_configuration_id)s::UUID) AND verification_check.dkim_verified IS NOT DISTINCT FROM %(given_dkim_verified)s AND verification_check.return_path_verified IS NOT DISTINCT FROM %(given_return_path_verified)s AND verification_check.dkim_seen IS NOT DISTINCT FROM %(given_dkim_seen)s::VARCHAR AND verification_check.return_path_seen IS NOT DISTINCT FROM %(given_return_path_seen)s::VARCHAR AND verification_check.provider_fault IS NOT DISTINCT FROM %(given_provider_fault)s::VARCHAR AND verification_check.zone_fault IS NOT DISTINCT FROM %(given_zone_fault)s::VARCHAR
--> {"times_1": 1, "given_configuration_id": {"uuid": "@id2@"}, "given_dkim_verified": false, "given_return_path_verified": null, "given_dkim_seen": "", "given_return_path_seen": null, "given_provider_fault": null, "given_zone_fault": null}
--= 0
INSERT INTO verification_check (configuration_id, first_at, last_at, times, dkim_verified, return_path_verified, dkim_seen, return_path_seen, provider_fault, zone_fault) VALUES (%(given_configuration_id)s::UUID, greatest(now(), (SELECT max(verification_check.last_at) AS max_1 
FROM verification_check 
WHERE verification_check.configuration_id = %(given_configuration_id)s::UUID) + %(param_1)s), greatest(now(), (SELECT max(verification_check.last_at) AS max_1 
FROM verification_check 
WHERE verification_check.configuration_id = %(given_configuration_id)s::UUID) + %(param_1)s), %(times)s::INTEGER, %(given_dkim_verified)s, %(given_return_path_verified)s, %(given_dkim_seen)s::VARCHAR, %(given_return_path_seen)s::VARCHAR, %(given_provider_fault)s::VARCHAR, %(given_zone_fault)s::VARCHAR) RETURNING verification_check.first_at
--> {"given_configuration_id": {"uuid": "@id2@"}, "param_1": {"interval": 1e-06}, "times": 1, "given_dkim_verified": false, "given_return_path_verified": null, "given_dkim_seen": "", "given_return_path_seen": null, "given_provider_fault": null, "given_zone_fault": null}
--= 1
DELETE FROM verification_check WHERE verification_check.configuration_id = %(given_configuration_id)s::UUID AND verification_check.first_at < (SELECT verification_check.first_at 
FROM verification_check 
WHERE verification_check.configuration_id = %(given_configuration_id)s::UUID ORDER BY verification_check.first_at DESC 
 LIMIT %(param_1)s::INTEGER OFFSET %(param_2)s::INTEGER)
--> {"given_configuration_id": {"uuid": "@id2@"}, "param_1": 1, "param_2": 49}
--= 0
SELECT email_configuration.e_id 
FROM email_configuration 
WHERE email_configuration.e_id = %(given_configuration_id)s::UUID FOR NO KEY UPDATE
--> {"given_configuration_id": {"uuid": "@id2@"}}
--= 1
UPDATE verification_check SET last_at=greatest(verification_check.last_at, now()), times=(verification_check.times + %(times_1)s::INTEGER) WHERE verification_check.configuration_id = %(given_configuration_id)s::UUID AND verification_check.first_at = (SELECT max(verification_check.first_at) AS max_1 
FROM verification_check 
WHERE verification_check.configuration_id = %(given_configuration_id)s::UUID) AND verification_check.dkim_verified IS NOT DISTINCT FROM %(given_dkim_verified)s AND verification_check.return_path_verified IS NOT DISTINCT FROM %(given_return_path_verified)s AND verification_check.dkim_seen IS NOT DISTINCT FROM %(given_dkim_seen)s::VARCHAR AND verification_check.return_path_seen IS NOT DISTINCT FROM %(given_return_path_seen)s::VARCHAR AND verification_check.provider_fault IS NOT DISTINCT FROM %(given_provider_fault)s::VARCHAR AND verification_check.zone_fault IS NOT DISTINCT FROM %(given_zone_fault)s::VARCHAR
--> {"times_1": 1, "given_configuration_id": {"uuid": "@id2@"}, "given_dkim_verified": false, "given_return_path_verified": null, "given_dkim_seen": "", "given_return_path_seen": null, "given_provider_fault": null, "given_zone_fault": null}
--= 1
SELECT verification_check.configuration_id, verification_check.first_at, verification_check.last_at, verification_check.times, verification_check.dkim_verified, verification_check.return_path_verified, verification_check.dkim_seen, verification_check.return_path_seen, verification_check.provider_fault, verification_check.zone_fault 
FROM verification_check 
WHERE verification_check.configuration_id = %(given_configuration_id)s::UUID ORDER BY verification_check.first_at DESC 
 LIMIT %(given_limit)s::INTEGER
--> {"given_configuration_id": {"uuid": "@id2@"}, "given_limit": 20}
--= 1

--# jobs are accepted
SELECT email_configuration.e_id, email_configuration.tenant_id, email_configuration.slug, email_configuration.from_local_part, email_configuration.from_name, email_configuration.reply_to_email, email_configuration.operational, email_configuration.administrative, email_configuration.operational_since, email_configuration.administrative_since, email_configuration.retired_at, email_configuration.cleaned_up_at, email_configuration.recovering, email_configuration.server_id, email_configuration.server_token, email_configuration.signature_id, email_configuration.domain_id, email_configuration.webhook_id, email_configuration.records_written, email_configuration.intent, email_configuration.undoing, email_configuration.tries, email_configuration.dkim_host, email_configuration.dkim_value, email_configuration.return_path_host, email_configuration.return_path_target, email_configuration.routing_token_hash, email_configuration.failure_step, email_configuration.failure_code, email_configuration.failure_message, email_configuration.verification_started_at, email_configuration.verification_due_at, email_configuration.send_faults_in_a_row, email_configuration.version, email_configuration.created_at, email_configuration.updated_at, email_configuration.webhook_key, email_configuration.lease_token, email_configuration.lease_until 
FROM email_configuration 
WHERE email_configuration.e_id = %(given_e_id)s::UUID FOR SHARE
--> {"given_e_id": {"uuid": "@id1@"}}
--= 1
SELECT email_job.e_id, email_job.tenant_id, email_job.configuration_id, email_job.recipient, email_job.idempotency_key, email_job.body_hash, email_job.status, email_job.tag, email_job.author, email_job.accepted_at, email_job.updated_at, email_job.due_at, email_job.attempts, email_job.claim_id, email_job.lease_until, email_job.in_doubt_since, email_job.late_looks, email_job.provider_message_id, email_job.error_code, email_job.error_text, email_job.version, email_job.worker_deaths, email_job.replayed_at, email_job.trace 
FROM email_job 
WHERE email_job.tenant_id = %(given_tenant_id)s::UUID AND email_job.idempotency_key = any(%(given_keys)s::TEXT[] COLLATE "C")
--> {"given_tenant_id": {"uuid": "@id44@"}, "given_keys": ["key-@id3@", "key-@id4@", "key-@id5@", "key-@id6@", "key-@id7@", "key-@id8@"]}
--= 0
SELECT suppression_entry.e_id, suppression_entry.tenant_id, suppression_entry.address, suppression_entry.reason, suppression_entry.active, suppression_entry.since, suppression_entry.lifted_at, suppression_entry.source_event_id, suppression_entry.author, suppression_entry.note, suppression_entry.created_at, suppression_entry.updated_at 
FROM suppression_entry 
WHERE suppression_entry.tenant_id = %(given_tenant_id)s::UUID AND suppression_entry.address = any(%(given_addresses)s::TEXT[] COLLATE "C") AND suppression_entry.active
--> {"given_tenant_id": {"uuid": "@id44@"}, "given_addresses": ["one@example.com", "two@example.com", "bounced@example.com", "four@example.com", "five@example.com", "six@example.com"]}
--= 0
INSERT INTO email_job (e_id, tenant_id, configuration_id, recipient, idempotency_key, body_hash, status, tag, author, accepted_at, updated_at, due_at, attempts, claim_id, lease_until, in_doubt_since, late_looks, worker_deaths, replayed_at, provider_message_id, error_code, error_text, trace, version) SELECT given.e_id, given.tenant_id, given.configuration_id, given.recipient, given.idempotency_key, given.body_hash, given.status, given.tag, given.author, given.accepted_at, given.updated_at, given.due_at, given.attempts, given.claim_id, given.lease_until, given.in_doubt_since, given.late_looks, given.worker_deaths, given.replayed_at, given.provider_message_id, given.error_code, given.error_text, given.trace, given.version 
FROM unnest(%(given_e_id)s::UUID[], %(given_tenant_id)s::UUID[], %(given_configuration_id)s::UUID[], %(given_recipient)s::TEXT[], %(given_idempotency_key)s::TEXT[], %(given_body_hash)s::BYTEA[], %(given_status)s::TEXT[], %(given_tag)s::TEXT[], %(given_author)s::TEXT[], %(given_accepted_at)s::TIMESTAMP WITH TIME ZONE[], %(given_updated_at)s::TIMESTAMP WITH TIME ZONE[], %(given_due_at)s::TIMESTAMP WITH TIME ZONE[], %(given_attempts)s::INTEGER[], %(given_claim_id)s::UUID[], %(given_lease_until)s::TIMESTAMP WITH TIME ZONE[], %(given_in_doubt_since)s::TIMESTAMP WITH TIME ZONE[], %(given_late_looks)s::INTEGER[], %(given_worker_deaths)s::INTEGER[], %(given_replayed_at)s::TIMESTAMP WITH TIME ZONE[], %(given_provider_message_id)s::TEXT[], %(given_error_code)s::TEXT[], %(given_error_text)s::TEXT[], %(given_trace)s::TEXT[], %(given_version)s::INTEGER[]) AS given(e_id, tenant_id, configuration_id, recipient, idempotency_key, body_hash, status, tag, author, accepted_at, updated_at, due_at, attempts, claim_id, lease_until, in_doubt_since, late_looks, worker_deaths, replayed_at, provider_message_id, error_code, error_text, trace, version) ON CONFLICT (tenant_id, idempotency_key) DO NOTHING RETURNING email_job.e_id
--> {"given_e_id": [{"uuid": "@id3@"}, {"uuid": "@id4@"}, {"uuid": "@id5@"}, {"uuid": "@id6@"}, {"uuid": "@id7@"}, {"uuid": "@id8@"}], "given_tenant_id": [{"uuid": "@id44@"}, {"uuid": "@id44@"}, {"uuid": "@id44@"}, {"uuid": "@id44@"}, {"uuid": "@id44@"}, {"uuid": "@id44@"}], "given_configuration_id": [{"uuid": "@id1@"}, {"uuid": "@id1@"}, {"uuid": "@id1@"}, {"uuid": "@id1@"}, {"uuid": "@id1@"}, {"uuid": "@id1@"}], "given_recipient": ["one@example.com", "two@example.com", "bounced@example.com", "four@example.com", "five@example.com", "six@example.com"], "given_idempotency_key": ["key-@id3@", "key-@id4@", "key-@id5@", "key-@id6@", "key-@id7@", "key-@id8@"], "given_body_hash": [{"bytes": "@bytes1@"}, {"bytes": "@bytes1@"}, {"bytes": "@bytes1@"}, {"bytes": "@bytes1@"}, {"bytes": "@bytes1@"}, {"bytes": "@bytes1@"}], "given_status": ["QUEUED", "QUEUED", "QUEUED", "QUEUED", "QUEUED", "QUEUED"], "given_tag": ["receipts", "receipts", "receipts", "receipts", "receipts", "receipts"], "given_author": ["orders-service", "orders-service", "orders-service", "orders-service", "orders-service", "orders-service"], "given_accepted_at": [{"at": "2026-01-02T03:04:05.678901+00:00"}, {"at": "2026-01-02T03:04:05.678901+00:00"}, {"at": "2026-01-02T03:04:05.678901+00:00"}, {"at": "2026-01-02T03:04:05.678901+00:00"}, {"at": "2026-01-02T03:04:05.678901+00:00"}, {"at": "2026-01-02T03:04:05.678901+00:00"}], "given_updated_at": [{"at": "2026-01-02T03:04:05.678901+00:00"}, {"at": "2026-01-02T03:04:05.678901+00:00"}, {"at": "2026-01-02T03:04:05.678901+00:00"}, {"at": "2026-01-02T03:04:05.678901+00:00"}, {"at": "2026-01-02T03:04:05.678901+00:00"}, {"at": "2026-01-02T03:04:05.678901+00:00"}], "given_due_at": [{"at": "2026-01-02T03:04:05.678901+00:00"}, {"at": "2026-01-02T03:04:05.678901+00:00"}, {"at": "2026-01-02T03:04:05.678901+00:00"}, {"at": "2026-01-02T03:04:05.678901+00:00"}, {"at": "2026-01-02T03:04:05.678901+00:00"}, {"at": "2026-01-02T03:04:05.678901+00:00"}], "given_attempts": [0, 0, 0, 0, 0, 0], "given_claim_id": [null, null, null, null, null, null], "given_lease_until": [null, null, null, null, null, null], "given_in_doubt_since": [null, null, null, null, null, null], "given_late_looks": [0, 0, 0, 0, 0, 0], "given_worker_deaths": [0, 0, 0, 0, 0, 0], "given_replayed_at": [null, null, null, null, null, null], "given_provider_message_id": [null, null, null, null, null, null], "given_error_code": [null, null, null, null, null, null], "given_error_text": [null, null, null, null, null, null], "given_trace": [null, null, null, null, null, null], "given_version": [0, 0, 0, 0, 0, 0]}
--= 6
INSERT INTO email_job_content (job_id, subject, html_body, text_body, reply_to_email, metadata, attachments) SELECT given.job_id, given.subject, given.html_body, given.text_body, given.reply_to_email, CAST(given.metadata AS JSONB) AS metadata, CAST(given.attachments AS JSONB) AS attachments 
FROM unnest(%(given_job_id)s::UUID[], %(given_subject)s::TEXT[], %(given_html_body)s::TEXT[], %(given_text_body)s::TEXT[], %(given_reply_to_email)s::TEXT[], %(given_metadata)s::TEXT[], %(given_attachments)s::TEXT[]) AS given(job_id, subject, html_body, text_body, reply_to_email, metadata, attachments)
--> {"given_job_id": [{"uuid": "@id3@"}, {"uuid": "@id4@"}, {"uuid": "@id5@"}, {"uuid": "@id6@"}, {"uuid": "@id7@"}, {"uuid": "@id8@"}], "given_subject": ["Your order", "Your order", "Your order", "Your order", "Your order", "Your order"], "given_html_body": ["<p>It is on its way.</p>", "<p>It is on its way.</p>", "<p>It is on its way.</p>", "<p>It is on its way.</p>", "<p>It is on its way.</p>", "<p>It is on its way.</p>"], "given_text_body": ["It is on its way.", "It is on its way.", "It is on its way.", "It is on its way.", "It is on its way.", "It is on its way."], "given_reply_to_email": ["desk@example.com", "desk@example.com", "desk@example.com", "desk@example.com", "desk@example.com", "desk@example.com"], "given_metadata": ["{\"order\": \"7\"}", "{\"order\": \"7\"}", "{\"order\": \"7\"}", "{\"order\": \"7\"}", "{\"order\": \"7\"}", "{\"order\": \"7\"}"], "given_attachments": ["[{\"filename\": \"a.pdf\", \"content_type\": \"application/pdf\", \"content_base64\": \"JVBERi0=\"}]", "[{\"filename\": \"a.pdf\", \"content_type\": \"application/pdf\", \"content_base64\": \"JVBERi0=\"}]", "[{\"filename\": \"a.pdf\", \"content_type\": \"application/pdf\", \"content_base64\": \"JVBERi0=\"}]", "[{\"filename\": \"a.pdf\", \"content_type\": \"application/pdf\", \"content_base64\": \"JVBERi0=\"}]", "[{\"filename\": \"a.pdf\", \"content_type\": \"application/pdf\", \"content_base64\": \"JVBERi0=\"}]", "[{\"filename\": \"a.pdf\", \"content_type\": \"application/pdf\", \"content_base64\": \"JVBERi0=\"}]"]}
--= 6

--# some are claimed
SELECT email_configuration.e_id, email_configuration.tenant_id, email_configuration.slug, email_configuration.from_local_part, email_configuration.from_name, email_configuration.reply_to_email, email_configuration.operational, email_configuration.administrative, email_configuration.operational_since, email_configuration.administrative_since, email_configuration.retired_at, email_configuration.cleaned_up_at, email_configuration.recovering, email_configuration.server_id, email_configuration.server_token, email_configuration.signature_id, email_configuration.domain_id, email_configuration.webhook_id, email_configuration.records_written, email_configuration.intent, email_configuration.undoing, email_configuration.tries, email_configuration.dkim_host, email_configuration.dkim_value, email_configuration.return_path_host, email_configuration.return_path_target, email_configuration.routing_token_hash, email_configuration.failure_step, email_configuration.failure_code, email_configuration.failure_message, email_configuration.verification_started_at, email_configuration.verification_due_at, email_configuration.send_faults_in_a_row, email_configuration.version, email_configuration.created_at, email_configuration.updated_at, email_configuration.webhook_key, email_configuration.lease_token, email_configuration.lease_until 
FROM email_configuration 
WHERE email_configuration.e_id = %(given_e_id)s::UUID FOR SHARE
--> {"given_e_id": {"uuid": "@id1@"}}
--= 1
WITH due AS 
(SELECT email_job.e_id AS e_id, email_job.due_at AS due_at, email_job.tenant_id AS tenant_id, email_job.recipient AS recipient, email_job.worker_deaths > %(worker_deaths_1)s::INTEGER AS killer 
FROM email_job 
WHERE email_job.configuration_id = %(given_configuration_id)s::UUID AND email_job.status = 'QUEUED' AND email_job.due_at <= now() ORDER BY email_job.due_at, email_job.e_id 
 LIMIT %(given_limit)s::INTEGER FOR NO KEY UPDATE SKIP LOCKED), 
first AS 
(SELECT due.e_id AS e_id, due.killer AS killer 
FROM due ORDER BY due.due_at, due.e_id 
 LIMIT %(param_2)s::INTEGER), 
judged AS MATERIALIZED 
(SELECT due.e_id AS e_id, due.due_at AS due_at, EXISTS (SELECT suppression_entry.e_id 
FROM suppression_entry 
WHERE suppression_entry.tenant_id = due.tenant_id AND suppression_entry.address = due.recipient AND suppression_entry.active) AS suppressed 
FROM due, first 
WHERE due.e_id = first.e_id OR NOT (due.killer OR first.killer)), 
taken AS 
(UPDATE email_job SET status=CASE WHEN judged.suppressed THEN 'SUPPRESSED' ELSE 'SENDING' END, updated_at=now(), due_at=NULL, attempts=CASE WHEN judged.suppressed THEN email_job.attempts ELSE email_job.attempts + %(attempts_1)s::INTEGER END, claim_id=CASE WHEN judged.suppressed THEN email_job.claim_id ELSE %(given_claim_id)s::UUID END, lease_until=CASE WHEN judged.suppressed THEN NULL ELSE clock_timestamp() + %(given_lease)s END, error_code=CASE WHEN judged.suppressed THEN %(param_1)s::VARCHAR ELSE email_job.error_code END, error_text=CASE WHEN judged.suppressed THEN NULL ELSE email_job.error_text END, version=(email_job.version + %(version_1)s::INTEGER) FROM judged WHERE email_job.e_id = judged.e_id RETURNING email_job.e_id, email_job.status, email_job.recipient, email_job.attempts, coalesce(email_job.replayed_at, email_job.accepted_at) AS accepted_at, email_job.worker_deaths, email_job.tag, email_job.trace, judged.due_at), 
intended AS 
(INSERT INTO send_attempt (job_id, claim_id, number, claimed_at, fenced) SELECT taken.e_id AS e_id, %(given_claim_id)s::UUID AS anon_1, taken.attempts AS attempts, now() AS now_1, false 
FROM taken 
WHERE taken.status = 'SENDING')
 SELECT taken.e_id, taken.status, taken.recipient, taken.attempts, taken.accepted_at, taken.worker_deaths, taken.tag, taken.trace, taken.due_at, email_job_content.job_id, email_job_content.subject, email_job_content.html_body, email_job_content.text_body, email_job_content.reply_to_email, email_job_content.metadata, email_job_content.attachments, (SELECT count(*) AS count_1 
FROM due) AS due_count, now() AS claimed_at 
FROM taken LEFT OUTER JOIN email_job_content ON email_job_content.job_id = taken.e_id ORDER BY taken.due_at, taken.e_id
--> {"given_claim_id": {"uuid": "@id45@"}, "attempts_1": 1, "given_lease": {"interval": 60.0}, "param_1": "suppressed", "version_1": 1, "worker_deaths_1": 0, "given_configuration_id": {"uuid": "@id1@"}, "given_limit": 5, "param_2": 1}
--= 5

--# their results are recorded
SELECT now() AS now_1, EXISTS (SELECT recovery.e_id 
FROM recovery 
WHERE recovery.ended_at IS NULL) AS anon_1
--> {}
--= 1
WITH locked AS 
(SELECT email_job.e_id AS e_id, email_job.late_looks AS looks, given.job_id AS job_id, given.status AS status, given.due_at AS due_at, given.provider_message_id AS provider_message_id, given.error_code AS error_code, given.error_text AS error_text 
FROM email_job JOIN unnest(%(given_job_id)s::UUID[], %(given_status)s::TEXT[], %(given_due_at)s::TIMESTAMP WITH TIME ZONE[], %(given_provider_message_id)s::TEXT[], %(given_error_code)s::TEXT[], %(given_error_text)s::TEXT[]) AS given(job_id, status, due_at, provider_message_id, error_code, error_text) ON email_job.e_id = given.job_id 
WHERE email_job.claim_id = %(given_claim_id)s::UUID AND email_job.status = 'SENDING' ORDER BY email_job.e_id FOR NO KEY UPDATE OF email_job), 
settled AS 
(UPDATE email_job SET status=locked.status, updated_at=now(), due_at=locked.due_at, lease_until=NULL, in_doubt_since=CASE WHEN (locked.status = 'IN_DOUBT') THEN coalesce(email_job.in_doubt_since, now()) ELSE NULL END, late_looks=locked.looks, provider_message_id=coalesce(locked.provider_message_id, email_job.provider_message_id), error_code=CASE WHEN (locked.status = 'IN_DOUBT' AND locked.error_code IS NULL) THEN email_job.error_code ELSE locked.error_code END, error_text=CASE WHEN (locked.status = 'IN_DOUBT' AND locked.error_code IS NULL) THEN email_job.error_text ELSE locked.error_text END, version=(email_job.version + %(version_1)s::INTEGER) FROM locked WHERE email_job.e_id = locked.e_id RETURNING email_job.e_id, email_job.status, email_job.claim_id, email_job.provider_message_id), 
told AS 
(SELECT given.job_id AS job_id, given.status AS status, given.due_at AS due_at, given.provider_message_id AS provider_message_id, given.error_code AS error_code, given.error_text AS error_text, settled.e_id IS NULL AS late 
FROM send_attempt JOIN unnest(%(given_job_id)s::UUID[], %(given_status)s::TEXT[], %(given_due_at)s::TIMESTAMP WITH TIME ZONE[], %(given_provider_message_id)s::TEXT[], %(given_error_code)s::TEXT[], %(given_error_text)s::TEXT[]) AS given(job_id, status, due_at, provider_message_id, error_code, error_text) ON send_attempt.job_id = given.job_id LEFT OUTER JOIN settled ON settled.e_id = given.job_id 
WHERE send_attempt.claim_id = %(given_claim_id)s::UUID ORDER BY send_attempt.job_id FOR NO KEY UPDATE OF send_attempt), 
finished AS 
(UPDATE send_attempt SET finished_at=coalesce(send_attempt.finished_at, clock_timestamp()), outcome=coalesce(send_attempt.outcome, told.status), code=CASE WHEN (send_attempt.outcome IS NOT NULL) THEN send_attempt.code ELSE told.error_code END, text=CASE WHEN (send_attempt.outcome IS NOT NULL) THEN concat_ws(%(concat_ws_1)s::VARCHAR, send_attempt.text, concat_ws(%(concat_ws_2)s::VARCHAR, %(concat_ws_3)s::VARCHAR, told.status, told.error_code, told.provider_message_id, told.error_text)) ELSE told.error_text END, provider_message_id=coalesce(send_attempt.provider_message_id, told.provider_message_id), fenced=CASE WHEN (send_attempt.outcome IS NOT NULL) THEN send_attempt.fenced OR told.late ELSE told.late END FROM told WHERE send_attempt.job_id = told.job_id AND send_attempt.claim_id = %(given_claim_id)s::UUID AND (send_attempt.outcome IS NULL OR send_attempt.outcome != told.status OR send_attempt.code != told.error_code OR told.provider_message_id IS NOT NULL AND send_attempt.provider_message_id IS DISTINCT FROM told.provider_message_id))
 SELECT settled.e_id 
FROM settled
--> {"concat_ws_1": "; ", "concat_ws_2": " ", "concat_ws_3": "later:", "given_job_id": [{"uuid": "@id3@"}, {"uuid": "@id4@"}, {"uuid": "@id5@"}, {"uuid": "@id6@"}, {"uuid": "@id7@"}], "given_status": ["SENT", "FAILED", "SENT", "IN_DOUBT", "QUEUED"], "given_due_at": [null, null, null, {"at": "2026-01-02T03:04:05.678901+00:00"}, {"in_seconds": 3599.987048}], "given_provider_message_id": ["message", null, "@id42@", null, null], "given_error_code": [null, "300", null, "timeout", "503"], "given_error_text": [null, "refused", null, null, null], "version_1": 1, "given_claim_id": {"uuid": "@id45@"}}
--= 5
INSERT INTO dead_letter (e_id, subject, subject_id, tenant_id, configuration_id, error_class, reason, attempts, raised_at, rest) SELECT given.letter_id, 'job', email_job.e_id, email_job.tenant_id, email_job.configuration_id, coalesce(email_job.error_code, %(coalesce_2)s::VARCHAR) AS coalesce_1, coalesce(email_job.error_text, %(coalesce_4)s::VARCHAR) AS coalesce_3, email_job.attempts, now() AS now_1, 'open' 
FROM unnest(%(given_letter_id)s::UUID[], %(given_subject_id)s::UUID[]) AS given(letter_id, subject_id) JOIN email_job ON email_job.e_id = given.subject_id ON CONFLICT DO NOTHING
--> {"coalesce_2": "", "coalesce_4": "", "given_letter_id": [{"uuid": "@id16@"}], "given_subject_id": [{"uuid": "@id4@"}]}
--= 1

--# send faults are counted
UPDATE email_configuration SET send_faults_in_a_row=(email_configuration.send_faults_in_a_row + %(send_faults_in_a_row_1)s::INTEGER) WHERE email_configuration.e_id = %(e_id_1)s::UUID RETURNING email_configuration.send_faults_in_a_row
--> {"send_faults_in_a_row_1": 1, "e_id_1": {"uuid": "@id1@"}}
--= 1
UPDATE email_configuration SET send_faults_in_a_row=%(send_faults_in_a_row)s::INTEGER WHERE email_configuration.e_id = %(e_id_1)s::UUID AND email_configuration.send_faults_in_a_row > %(send_faults_in_a_row_1)s::INTEGER
--> {"send_faults_in_a_row": 0, "e_id_1": {"uuid": "@id1@"}, "send_faults_in_a_row_1": 0}
--= 1

--# a doubt is resolved
WITH due AS 
(SELECT email_job.e_id AS e_id, email_job.due_at AS due_at 
FROM email_job 
WHERE email_job.configuration_id = %(given_configuration_id)s::UUID AND email_job.status = 'IN_DOUBT' AND email_job.due_at <= now() AND NOT (EXISTS (SELECT recovery.e_id 
FROM recovery 
WHERE recovery.ended_at IS NULL)) ORDER BY email_job.due_at, email_job.e_id 
 LIMIT %(given_limit)s::INTEGER FOR NO KEY UPDATE SKIP LOCKED)
 UPDATE email_job SET updated_at=now(), due_at=(clock_timestamp() + %(given_lease)s), version=(email_job.version + %(version_1)s::INTEGER) FROM due WHERE email_job.e_id = due.e_id RETURNING email_job.e_id AS job_id, email_job.claim_id, email_job.in_doubt_since, email_job.late_looks, email_job.worker_deaths, coalesce(email_job.replayed_at, email_job.accepted_at) AS accepted_at, email_job.version
--> {"given_lease": {"interval": 60.0}, "version_1": 1, "given_configuration_id": {"uuid": "@id1@"}, "given_limit": 10}
--= 1
WITH locked AS 
(SELECT email_job.e_id AS e_id, given.late_looks AS looks, given.job_id AS job_id, given.status AS status, given.due_at AS due_at, given.provider_message_id AS provider_message_id, given.error_code AS error_code, given.error_text AS error_text, given.late_looks AS late_looks 
FROM email_job JOIN unnest(%(given_job_id)s::UUID[], %(given_status)s::TEXT[], %(given_due_at)s::TIMESTAMP WITH TIME ZONE[], %(given_provider_message_id)s::TEXT[], %(given_error_code)s::TEXT[], %(given_error_text)s::TEXT[], %(given_version)s::INTEGER[], %(given_late_looks)s::INTEGER[]) AS given(job_id, status, due_at, provider_message_id, error_code, error_text, version, late_looks) ON email_job.e_id = given.job_id 
WHERE email_job.version = given.version AND email_job.status = 'IN_DOUBT' ORDER BY email_job.e_id FOR NO KEY UPDATE OF email_job), 
settled AS 
(UPDATE email_job SET status=locked.status, updated_at=now(), due_at=locked.due_at, lease_until=NULL, in_doubt_since=CASE WHEN (locked.status = 'IN_DOUBT') THEN coalesce(email_job.in_doubt_since, now()) ELSE NULL END, late_looks=locked.looks, provider_message_id=coalesce(locked.provider_message_id, email_job.provider_message_id), error_code=CASE WHEN (locked.status = 'IN_DOUBT' AND locked.error_code IS NULL) THEN email_job.error_code ELSE locked.error_code END, error_text=CASE WHEN (locked.status = 'IN_DOUBT' AND locked.error_code IS NULL) THEN email_job.error_text ELSE locked.error_text END, version=(email_job.version + %(version_1)s::INTEGER) FROM locked WHERE email_job.e_id = locked.e_id RETURNING email_job.e_id, email_job.status, email_job.claim_id, email_job.provider_message_id), 
sent AS 
(SELECT settled.e_id AS e_id, settled.claim_id AS claim_id, settled.provider_message_id AS provider_message_id 
FROM send_attempt JOIN settled ON send_attempt.job_id = settled.e_id AND send_attempt.claim_id = settled.claim_id 
WHERE settled.status = 'SENT' ORDER BY send_attempt.job_id FOR NO KEY UPDATE OF send_attempt), 
found AS 
(UPDATE send_attempt SET finished_at=coalesce(send_attempt.finished_at, clock_timestamp()), outcome='SENT', provider_message_id=coalesce(sent.provider_message_id, send_attempt.provider_message_id) FROM sent WHERE send_attempt.job_id = sent.e_id AND send_attempt.claim_id = sent.claim_id)
 SELECT settled.e_id 
FROM settled
--> {"version_1": 1, "given_job_id": [{"uuid": "@id6@"}], "given_status": ["SENT"], "given_due_at": [null], "given_provider_message_id": ["found"], "given_error_code": [null], "given_error_text": [null], "given_version": [3], "given_late_looks": [0]}
--= 1

--# callbacks arrive
SELECT email_configuration.tenant_id, email_configuration.e_id 
FROM email_configuration 
WHERE email_configuration.routing_token_hash = %(routing_token_hash_1)s
--> {"routing_token_hash_1": {"bytes": "@bytes2@"}}
--= 1
INSERT INTO email_event (e_id, tenant_id, configuration_id, kind, content_key, occurred_at, message_id, job_ref, recipient, hard_bounce, suppresses, suppression_reason, headers, raw, received_at, status, due_at) VALUES (%(e_id)s::UUID, %(tenant_id)s::UUID, %(configuration_id)s::UUID, %(kind)s::VARCHAR, %(content_key)s, %(occurred_at)s::TIMESTAMP WITH TIME ZONE, %(message_id)s::VARCHAR COLLATE "C", %(job_ref)s::UUID, %(recipient)s::VARCHAR COLLATE "C", %(hard_bounce)s, %(suppresses)s, %(suppression_reason)s::VARCHAR, %(headers)s::JSONB, %(raw)s::VARCHAR, %(received_at)s::TIMESTAMP WITH TIME ZONE, %(status)s::VARCHAR, now()) ON CONFLICT (configuration_id, content_key) DO NOTHING RETURNING email_event.e_id
--> {"e_id": {"uuid": "@id9@"}, "tenant_id": {"uuid": "@id44@"}, "configuration_id": {"uuid": "@id1@"}, "kind": "Bounce", "content_key": {"bytes": "@bytes3@"}, "occurred_at": {"at": "2026-01-02T03:04:05.678901+00:00"}, "message_id": "@id42@", "job_ref": null, "recipient": "bounced@example.com", "hard_bounce": true, "suppresses": null, "suppression_reason": null, "headers": {"json": {"trace_id": "trace", "event_id": "event", "retries_remaining": "9"}}, "raw": "{\"RecordType\": \"Bounce\"}", "received_at": {"at": "2026-01-02T03:04:05.678901+00:00"}, "status": "pending"}
--= 1
INSERT INTO email_event (e_id, tenant_id, configuration_id, kind, content_key, occurred_at, message_id, job_ref, recipient, hard_bounce, suppresses, suppression_reason, headers, raw, received_at, status, due_at) VALUES (%(e_id)s::UUID, %(tenant_id)s::UUID, %(configuration_id)s::UUID, %(kind)s::VARCHAR, %(content_key)s, %(occurred_at)s::TIMESTAMP WITH TIME ZONE, %(message_id)s::VARCHAR COLLATE "C", %(job_ref)s::UUID, %(recipient)s::VARCHAR COLLATE "C", %(hard_bounce)s, %(suppresses)s, %(suppression_reason)s::VARCHAR, %(headers)s::JSONB, %(raw)s::VARCHAR, %(received_at)s::TIMESTAMP WITH TIME ZONE, %(status)s::VARCHAR, now()) ON CONFLICT (configuration_id, content_key) DO NOTHING RETURNING email_event.e_id
--> {"e_id": {"uuid": "@id9@"}, "tenant_id": {"uuid": "@id44@"}, "configuration_id": {"uuid": "@id1@"}, "kind": "Bounce", "content_key": {"bytes": "@bytes3@"}, "occurred_at": {"at": "2026-01-02T03:04:05.678901+00:00"}, "message_id": "@id42@", "job_ref": null, "recipient": "bounced@example.com", "hard_bounce": true, "suppresses": null, "suppression_reason": null, "headers": {"json": {"trace_id": "trace", "event_id": "event", "retries_remaining": "9"}}, "raw": "{\"RecordType\": \"Bounce\"}", "received_at": {"at": "2026-01-02T03:04:05.678901+00:00"}, "status": "pending"}
--= 0
INSERT INTO email_event (e_id, tenant_id, configuration_id, kind, content_key, occurred_at, message_id, job_ref, recipient, hard_bounce, suppresses, suppression_reason, headers, raw, received_at, status, due_at) VALUES (%(e_id)s::UUID, %(tenant_id)s::UUID, %(configuration_id)s::UUID, %(kind)s::VARCHAR, %(content_key)s, %(occurred_at)s::TIMESTAMP WITH TIME ZONE, %(message_id)s::VARCHAR COLLATE "C", %(job_ref)s::UUID, %(recipient)s::VARCHAR COLLATE "C", %(hard_bounce)s, %(suppresses)s, %(suppression_reason)s::VARCHAR, %(headers)s::JSONB, %(raw)s::VARCHAR, %(received_at)s::TIMESTAMP WITH TIME ZONE, %(status)s::VARCHAR, now()) ON CONFLICT (configuration_id, content_key) DO NOTHING RETURNING email_event.e_id
--> {"e_id": {"uuid": "@id10@"}, "tenant_id": {"uuid": "@id44@"}, "configuration_id": {"uuid": "@id1@"}, "kind": "SpamComplaint", "content_key": {"bytes": "@bytes4@"}, "occurred_at": {"at": "2026-01-02T03:04:05.678901+00:00"}, "message_id": "@id43@", "job_ref": null, "recipient": "complained@example.com", "hard_bounce": false, "suppresses": null, "suppression_reason": null, "headers": {"json": {"trace_id": "trace", "event_id": "event", "retries_remaining": "9"}}, "raw": "{\"RecordType\": \"SpamComplaint\"}", "received_at": {"at": "2026-01-02T03:04:05.678901+00:00"}, "status": "pending"}
--= 1

--# one is projected
SELECT pg_advisory_xact_lock(ordered.key) AS pg_advisory_xact_lock_1 
FROM (SELECT DISTINCT hashtextextended(given.name, %(given_kind)s::BIGINT) AS key 
FROM unnest(%(given_name)s::TEXT[]) AS given(name) ORDER BY key) AS ordered
--> {"given_kind": 1, "given_name": ["@id1@"]}
--= 1
SELECT email_event.e_id, email_event.tenant_id, email_event.configuration_id, email_event.kind, email_event.content_key, email_event.occurred_at, email_event.message_id, email_event.job_ref, email_event.recipient, email_event.hard_bounce, email_event.suppresses, email_event.suppression_reason, email_event.headers, email_event.raw, email_event.received_at, email_event.status, email_event.due_at, email_event.job_id, email_event.projected_at 
FROM email_event 
WHERE email_event.configuration_id = %(given_configuration_id)s::UUID AND email_event.status = 'pending' AND email_event.due_at <= now() ORDER BY email_event.received_at, email_event.e_id 
 LIMIT %(param_1)s::INTEGER
--> {"given_configuration_id": {"uuid": "@id1@"}, "param_1": 100}
--= 2
SELECT email_job.e_id, email_job.tenant_id, email_job.configuration_id, email_job.recipient, email_job.idempotency_key, email_job.body_hash, email_job.status, email_job.tag, email_job.author, email_job.accepted_at, email_job.updated_at, email_job.due_at, email_job.attempts, email_job.claim_id, email_job.lease_until, email_job.in_doubt_since, email_job.late_looks, email_job.provider_message_id, email_job.error_code, email_job.error_text, email_job.version, email_job.worker_deaths, email_job.replayed_at, email_job.trace 
FROM email_job 
WHERE email_job.configuration_id = %(given_configuration_id)s::UUID AND (email_job.e_id = any(%(given_job_ids)s::UUID[]) OR email_job.provider_message_id = any(%(given_message_ids)s::TEXT[] COLLATE "C")) ORDER BY email_job.e_id FOR NO KEY UPDATE
--> {"given_configuration_id": {"uuid": "@id1@"}, "given_job_ids": [], "given_message_ids": ["@id42@"]}
--= 1
UPDATE email_job SET status=given.status, updated_at=now(), due_at=NULL, lease_until=NULL, in_doubt_since=NULL, provider_message_id=coalesce(email_job.provider_message_id, given.message_id), error_code=CASE WHEN (email_job.status = 'SENDING' OR email_job.status = 'IN_DOUBT') THEN NULL ELSE email_job.error_code END, error_text=CASE WHEN (email_job.status = 'SENDING' OR email_job.status = 'IN_DOUBT') THEN NULL ELSE email_job.error_text END, version=(email_job.version + %(version_1)s::INTEGER) FROM unnest(%(given_job_id)s::UUID[], %(given_status)s::TEXT[], %(given_message_id)s::TEXT[]) AS given(job_id, status, message_id) WHERE email_job.e_id = given.job_id
--> {"version_1": 1, "given_job_id": [{"uuid": "@id5@"}], "given_status": ["BOUNCED"], "given_message_id": [null]}
--= 1
UPDATE email_event SET recipient=coalesce(email_event.recipient, (SELECT email_job.recipient 
FROM email_job 
WHERE email_job.e_id = given.job_id)), status=%(status)s::VARCHAR, due_at=%(due_at)s::TIMESTAMP WITH TIME ZONE, job_id=given.job_id, projected_at=statement_timestamp() FROM unnest(%(given_event_id)s::UUID[], %(given_job_id)s::UUID[]) AS given(event_id, job_id) WHERE email_event.e_id = given.event_id
--> {"status": "projected", "due_at": null, "given_event_id": [{"uuid": "@id9@"}], "given_job_id": [{"uuid": "@id5@"}]}
--= 1
SELECT pg_advisory_xact_lock_shared(hashtextextended(%(given_name)s::VARCHAR, %(given_kind)s::BIGINT)) AS pg_advisory_xact_lock_shared_1
--> {"given_name": "@id44@", "given_kind": 3}
--= 1
SELECT pg_advisory_xact_lock(ordered.key) AS pg_advisory_xact_lock_1 
FROM (SELECT DISTINCT hashtextextended(given.name, %(given_kind)s::BIGINT) AS key 
FROM unnest(%(given_name)s::TEXT[]) AS given(name) ORDER BY key) AS ordered
--> {"given_kind": 2, "given_name": ["@id44@ bounced@example.com"]}
--= 1
SELECT email_event.e_id, email_event.tenant_id, email_event.configuration_id, email_event.kind, email_event.content_key, email_event.occurred_at, email_event.message_id, email_event.job_ref, email_event.recipient, email_event.hard_bounce, email_event.suppresses, email_event.suppression_reason, email_event.headers, email_event.raw, email_event.received_at, email_event.status, email_event.due_at, email_event.job_id, email_event.projected_at 
FROM email_event 
WHERE email_event.tenant_id = %(given_tenant_id)s::UUID AND email_event.recipient = any(%(given_addresses)s::TEXT[] COLLATE "C") AND (hard_bounce OR kind IN ('SpamComplaint', 'SubscriptionChange')) ORDER BY email_event.received_at, email_event.e_id
--> {"given_tenant_id": {"uuid": "@id44@"}, "given_addresses": ["bounced@example.com"]}
--= 1
SELECT pg_advisory_xact_lock_shared(hashtextextended(%(given_name)s::VARCHAR, %(given_kind)s::BIGINT)) AS pg_advisory_xact_lock_shared_1
--> {"given_name": "@id44@", "given_kind": 3}
--= 1
SELECT pg_advisory_xact_lock(ordered.key) AS pg_advisory_xact_lock_1 
FROM (SELECT DISTINCT hashtextextended(given.name, %(given_kind)s::BIGINT) AS key 
FROM unnest(%(given_name)s::TEXT[]) AS given(name) ORDER BY key) AS ordered
--> {"given_kind": 2, "given_name": ["@id44@ bounced@example.com"]}
--= 1
SELECT suppression_fact.e_id, suppression_fact.tenant_id, suppression_fact.address, suppression_fact.occurred_at, suppression_fact.reason, suppression_fact.author, suppression_fact.note, suppression_fact.recorded_at 
FROM suppression_fact 
WHERE suppression_fact.tenant_id = %(given_tenant_id)s::UUID AND suppression_fact.address = any(%(given_addresses)s::TEXT[] COLLATE "C")
--> {"given_tenant_id": {"uuid": "@id44@"}, "given_addresses": ["bounced@example.com"]}
--= 0
SELECT pg_advisory_xact_lock_shared(hashtextextended(%(given_name)s::VARCHAR, %(given_kind)s::BIGINT)) AS pg_advisory_xact_lock_shared_1
--> {"given_name": "@id44@", "given_kind": 3}
--= 1
SELECT pg_advisory_xact_lock(ordered.key) AS pg_advisory_xact_lock_1 
FROM (SELECT DISTINCT hashtextextended(given.name, %(given_kind)s::BIGINT) AS key 
FROM unnest(%(given_name)s::TEXT[]) AS given(name) ORDER BY key) AS ordered
--> {"given_kind": 2, "given_name": ["@id44@ bounced@example.com"]}
--= 1
SELECT DISTINCT ON (suppression_entry.address) suppression_entry.e_id, suppression_entry.tenant_id, suppression_entry.address, suppression_entry.reason, suppression_entry.active, suppression_entry.since, suppression_entry.lifted_at, suppression_entry.source_event_id, suppression_entry.author, suppression_entry.note, suppression_entry.created_at, suppression_entry.updated_at 
FROM suppression_entry 
WHERE suppression_entry.tenant_id = %(given_tenant_id)s::UUID AND suppression_entry.address = any(%(given_addresses)s::TEXT[] COLLATE "C") ORDER BY suppression_entry.address, suppression_entry.active DESC, suppression_entry.created_at DESC, suppression_entry.e_id DESC
--> {"given_tenant_id": {"uuid": "@id44@"}, "given_addresses": ["bounced@example.com"]}
--= 0
SELECT suppression_fact.address, suppression_fact.occurred_at, suppression_fact.author, suppression_fact.note 
FROM suppression_fact 
WHERE suppression_fact.tenant_id = %(given_tenant_id)s::UUID AND suppression_fact.address = any(%(given_addresses)s::TEXT[] COLLATE "C") AND suppression_fact.reason IS NOT NULL
--> {"given_tenant_id": {"uuid": "@id44@"}, "given_addresses": ["bounced@example.com"]}
--= 0
SELECT now() AS now_1
--> {}
--= 1
INSERT INTO suppression_entry (e_id, tenant_id, address, reason, active, since, lifted_at, source_event_id, author, note, created_at, updated_at) SELECT given.e_id, given.tenant_id, given.address, given.reason, given.active, given.since, given.lifted_at, given.source_event_id, given.author, given.note, given.created_at, given.updated_at 
FROM unnest(%(given_e_id)s::UUID[], %(given_tenant_id)s::UUID[], %(given_address)s::TEXT[], %(given_reason)s::TEXT[], %(given_active)s::BOOLEAN[], %(given_since)s::TIMESTAMP WITH TIME ZONE[], %(given_lifted_at)s::TIMESTAMP WITH TIME ZONE[], %(given_source_event_id)s::UUID[], %(given_author)s::TEXT[], %(given_note)s::TEXT[], %(given_created_at)s::TIMESTAMP WITH TIME ZONE[], %(given_updated_at)s::TIMESTAMP WITH TIME ZONE[]) AS given(e_id, tenant_id, address, reason, active, since, lifted_at, source_event_id, author, note, created_at, updated_at)
--> {"given_e_id": [{"uuid": "@id17@"}], "given_tenant_id": [{"uuid": "@id44@"}], "given_address": ["bounced@example.com"], "given_reason": ["HARD_BOUNCE"], "given_active": [true], "given_since": [{"at": "2026-01-02T03:04:05.678901+00:00"}], "given_lifted_at": [null], "given_source_event_id": [{"uuid": "@id9@"}], "given_author": ["provider"], "given_note": [null], "given_created_at": [{"in_seconds": -0.040035}], "given_updated_at": [{"in_seconds": -0.040035}]}
--= 1

--# another is parked
UPDATE email_event SET due_at=(clock_timestamp() + %(given_pause)s) WHERE email_event.e_id = any(%(given_event_ids)s::UUID[]) AND email_event.status = 'pending'
--> {"given_pause": {"interval": 0.0}, "given_event_ids": [{"uuid": "@id10@"}]}
--= 1
WITH parked AS 
(UPDATE email_event SET status='parked', due_at=NULL FROM unnest(%(given_letter_id)s::UUID[], %(given_subject_id)s::UUID[]) AS given(letter_id, subject_id) WHERE email_event.e_id = given.subject_id AND email_event.status = 'pending' RETURNING given.letter_id, email_event.e_id, email_event.tenant_id, email_event.configuration_id, email_event.kind)
 INSERT INTO dead_letter (e_id, subject, subject_id, tenant_id, configuration_id, error_class, reason, attempts, raised_at, rest) SELECT parked.letter_id, 'event', parked.e_id, parked.tenant_id, parked.configuration_id, 'unjoined', 'no job came that this event could be about: ' || parked.kind AS anon_1, 0, now() AS now_1, 'open' 
FROM parked ON CONFLICT DO NOTHING
--> {"given_letter_id": [{"uuid": "@id18@"}], "given_subject_id": [{"uuid": "@id10@"}]}
--= 1

--# addresses are suppressed and lifted
SELECT pg_advisory_xact_lock(ordered.key) AS pg_advisory_xact_lock_1 
FROM (SELECT DISTINCT hashtextextended(given.name, %(given_kind)s::BIGINT) AS key 
FROM unnest(%(given_name)s::TEXT[]) AS given(name) ORDER BY key) AS ordered
--> {"given_kind": 2, "given_name": ["@id44@ complained@example.com"]}
--= 1
INSERT INTO suppression_entry (e_id, tenant_id, address, reason, active, since, lifted_at, source_event_id, author, note, created_at, updated_at) VALUES (%(e_id)s::UUID, %(tenant_id)s::UUID, %(address)s::VARCHAR COLLATE "C", %(reason)s::VARCHAR, %(active)s, %(since)s::TIMESTAMP WITH TIME ZONE, %(lifted_at)s::TIMESTAMP WITH TIME ZONE, %(source_event_id)s::UUID, %(author)s::VARCHAR, %(note)s::VARCHAR, %(created_at)s::TIMESTAMP WITH TIME ZONE, %(updated_at)s::TIMESTAMP WITH TIME ZONE) ON CONFLICT (tenant_id, address) WHERE active DO NOTHING RETURNING suppression_entry.e_id
--> {"e_id": {"uuid": "@id19@"}, "tenant_id": {"uuid": "@id44@"}, "address": "complained@example.com", "reason": "MANUAL", "active": true, "since": {"at": "2026-01-02T03:04:05.678901+00:00"}, "lifted_at": null, "source_event_id": null, "author": "operator@example.com", "note": null, "created_at": {"at": "2026-01-02T03:04:05.678901+00:00"}, "updated_at": {"at": "2026-01-02T03:04:05.678901+00:00"}}
--= 1
INSERT INTO suppression_fact (e_id, tenant_id, address, occurred_at, reason, author, note, recorded_at) VALUES (%(e_id)s::UUID, %(tenant_id)s::UUID, %(address)s::VARCHAR COLLATE "C", %(occurred_at)s::TIMESTAMP WITH TIME ZONE, %(reason)s::VARCHAR, %(author)s::VARCHAR, %(note)s::VARCHAR, now())
--> {"e_id": {"uuid": "@id20@"}, "tenant_id": {"uuid": "@id44@"}, "address": "complained@example.com", "occurred_at": {"at": "2026-01-02T03:04:05.678901+00:00"}, "reason": "MANUAL", "author": "operator@example.com", "note": null}
--= 1
SELECT pg_advisory_xact_lock(ordered.key) AS pg_advisory_xact_lock_1 
FROM (SELECT DISTINCT hashtextextended(given.name, %(given_kind)s::BIGINT) AS key 
FROM unnest(%(given_name)s::TEXT[]) AS given(name) ORDER BY key) AS ordered
--> {"given_kind": 2, "given_name": ["@id44@ lifted@example.com"]}
--= 1
INSERT INTO suppression_entry (e_id, tenant_id, address, reason, active, since, lifted_at, source_event_id, author, note, created_at, updated_at) VALUES (%(e_id)s::UUID, %(tenant_id)s::UUID, %(address)s::VARCHAR COLLATE "C", %(reason)s::VARCHAR, %(active)s, %(since)s::TIMESTAMP WITH TIME ZONE, %(lifted_at)s::TIMESTAMP WITH TIME ZONE, %(source_event_id)s::UUID, %(author)s::VARCHAR, %(note)s::VARCHAR, %(created_at)s::TIMESTAMP WITH TIME ZONE, %(updated_at)s::TIMESTAMP WITH TIME ZONE) ON CONFLICT (tenant_id, address) WHERE active DO NOTHING RETURNING suppression_entry.e_id
--> {"e_id": {"uuid": "@id21@"}, "tenant_id": {"uuid": "@id44@"}, "address": "lifted@example.com", "reason": "MANUAL", "active": true, "since": {"at": "2026-01-02T03:04:05.678901+00:00"}, "lifted_at": null, "source_event_id": null, "author": "operator@example.com", "note": null, "created_at": {"at": "2026-01-02T03:04:05.678901+00:00"}, "updated_at": {"at": "2026-01-02T03:04:05.678901+00:00"}}
--= 1
INSERT INTO suppression_fact (e_id, tenant_id, address, occurred_at, reason, author, note, recorded_at) VALUES (%(e_id)s::UUID, %(tenant_id)s::UUID, %(address)s::VARCHAR COLLATE "C", %(occurred_at)s::TIMESTAMP WITH TIME ZONE, %(reason)s::VARCHAR, %(author)s::VARCHAR, %(note)s::VARCHAR, now())
--> {"e_id": {"uuid": "@id22@"}, "tenant_id": {"uuid": "@id44@"}, "address": "lifted@example.com", "occurred_at": {"at": "2026-01-02T03:04:05.678901+00:00"}, "reason": "MANUAL", "author": "operator@example.com", "note": null}
--= 1
SELECT pg_advisory_xact_lock(ordered.key) AS pg_advisory_xact_lock_1 
FROM (SELECT DISTINCT hashtextextended(given.name, %(given_kind)s::BIGINT) AS key 
FROM unnest(%(given_name)s::TEXT[]) AS given(name) ORDER BY key) AS ordered
--> {"given_kind": 2, "given_name": ["@id44@ lifted@example.com"]}
--= 1
UPDATE suppression_entry SET active=%(active)s, lifted_at=now(), author=%(author)s::VARCHAR, note=coalesce(%(coalesce_1)s::VARCHAR, suppression_entry.note), updated_at=now() WHERE suppression_entry.e_id = %(e_id_1)s::UUID AND suppression_entry.tenant_id = %(tenant_id_1)s::UUID AND suppression_entry.active RETURNING suppression_entry.e_id, suppression_entry.tenant_id, suppression_entry.address, suppression_entry.reason, suppression_entry.active, suppression_entry.since, suppression_entry.lifted_at, suppression_entry.source_event_id, suppression_entry.author, suppression_entry.note, suppression_entry.created_at, suppression_entry.updated_at
--> {"active": false, "author": "operator@example.com", "coalesce_1": "asked for", "e_id_1": {"uuid": "@id21@"}, "tenant_id_1": {"uuid": "@id44@"}}
--= 1
INSERT INTO suppression_fact (e_id, tenant_id, address, occurred_at, reason, author, note, recorded_at) VALUES (%(e_id)s::UUID, %(tenant_id)s::UUID, %(address)s::VARCHAR COLLATE "C", %(occurred_at)s::TIMESTAMP WITH TIME ZONE, %(reason)s::VARCHAR, %(author)s::VARCHAR, %(note)s::VARCHAR, now())
--> {"e_id": {"uuid": "@id23@"}, "tenant_id": {"uuid": "@id44@"}, "address": "lifted@example.com", "occurred_at": {"in_seconds": -0.019164}, "reason": null, "author": "operator@example.com", "note": "asked for"}
--= 1

--# dead letters are put back or discarded
SELECT dead_letter.e_id, dead_letter.subject, dead_letter.subject_id, dead_letter.actor, dead_letter.tenant_id, dead_letter.configuration_id, dead_letter.error_class, dead_letter.reason, dead_letter.attempts, dead_letter.traceback, dead_letter.raised_at, dead_letter.rest, dead_letter.rested_at 
FROM dead_letter 
WHERE dead_letter.rest = 'open' AND dead_letter.configuration_id = %(configuration_id_1)s::UUID ORDER BY dead_letter.e_id 
 LIMIT %(param_1)s::INTEGER
--> {"configuration_id_1": {"uuid": "@id1@"}, "param_1": 10}
--= 2
SELECT email_configuration.e_id 
FROM email_configuration 
WHERE email_configuration.e_id = any(%(given_ids)s::UUID[]) AND email_configuration.retired_at IS NULL ORDER BY email_configuration.e_id FOR SHARE
--> {"given_ids": [{"uuid": "@id1@"}]}
--= 1
SELECT dead_letter.e_id 
FROM dead_letter 
WHERE dead_letter.e_id = any(%(given_ids)s::UUID[]) AND dead_letter.rest = 'open' ORDER BY dead_letter.e_id FOR NO KEY UPDATE
--> {"given_ids": [{"uuid": "@id16@"}]}
--= 1
WITH failed AS 
(SELECT email_job.e_id AS e_id 
FROM email_job 
WHERE email_job.e_id = any(%(given_ids)s::UUID[]) AND email_job.status = 'FAILED' ORDER BY email_job.e_id FOR NO KEY UPDATE)
 UPDATE email_job SET status='QUEUED', updated_at=now(), due_at=now(), attempts=%(attempts)s::INTEGER, late_looks=%(late_looks)s::INTEGER, version=(email_job.version + %(version_1)s::INTEGER), worker_deaths=%(worker_deaths)s::INTEGER, replayed_at=now() FROM failed WHERE email_job.e_id = failed.e_id RETURNING email_job.e_id
--> {"attempts": 0, "late_looks": 0, "version_1": 1, "worker_deaths": 0, "given_ids": [{"uuid": "@id4@"}]}
--= 1
UPDATE dead_letter SET rest=%(given_rest)s::VARCHAR, rested_at=now() WHERE dead_letter.e_id = any(%(given_ids)s::UUID[])
--> {"given_rest": "replayed", "given_ids": [{"uuid": "@id16@"}]}
--= 1
INSERT INTO operator_action (e_id, tenant_id, action, subject_id, author, reason, at) VALUES (%(e_id)s::UUID, %(tenant_id)s::UUID, %(action)s::VARCHAR, %(subject_id)s::UUID, %(author)s::VARCHAR, %(reason)s::VARCHAR, %(at)s::TIMESTAMP WITH TIME ZONE)
--> {"e_id": {"uuid": "@id24@"}, "tenant_id": {"uuid": "@id44@"}, "action": "job.decide.resend", "subject_id": {"uuid": "@id4@"}, "author": "operator@example.com", "reason": "the customer asked", "at": {"at": "2026-01-02T03:04:05.678901+00:00"}}
--= 1
SELECT dead_letter.e_id 
FROM dead_letter 
WHERE dead_letter.e_id = any(%(given_ids)s::UUID[]) AND dead_letter.rest = 'open' ORDER BY dead_letter.e_id FOR NO KEY UPDATE
--> {"given_ids": [{"uuid": "@id18@"}]}
--= 1
UPDATE dead_letter SET rest=%(given_rest)s::VARCHAR, rested_at=now() WHERE dead_letter.e_id = any(%(given_ids)s::UUID[])
--> {"given_rest": "discarded", "given_ids": [{"uuid": "@id18@"}]}
--= 1
INSERT INTO operator_action (e_id, tenant_id, action, subject_id, author, reason, at) VALUES (%(e_id)s::UUID, %(tenant_id)s::UUID, %(action)s::VARCHAR, %(subject_id)s::UUID, %(author)s::VARCHAR, %(reason)s::VARCHAR, %(at)s::TIMESTAMP WITH TIME ZONE)
--> {"e_id": {"uuid": "@id25@"}, "tenant_id": {"uuid": "@id44@"}, "action": "job.decide.resend", "subject_id": {"uuid": "@id10@"}, "author": "operator@example.com", "reason": "the customer asked", "at": {"at": "2026-01-02T03:04:05.678901+00:00"}}
--= 1

--# a handler raises
INSERT INTO handler_fault (actor, row_id, in_a_row, raised_at) VALUES (%(given_actor)s::VARCHAR, %(given_row_id)s::UUID, %(in_a_row)s::INTEGER, clock_timestamp()) ON CONFLICT (actor, row_id) DO UPDATE SET in_a_row = CASE WHEN (handler_fault.raised_at < excluded.raised_at - %(given_forget_after)s) THEN %(param_1)s::INTEGER ELSE handler_fault.in_a_row + %(in_a_row_1)s::INTEGER END, raised_at = excluded.raised_at RETURNING handler_fault.in_a_row
--> {"given_actor": "send_jobs", "given_row_id": {"uuid": "@id1@"}, "in_a_row": 1, "given_forget_after": {"interval": 60.0}, "param_1": 1, "in_a_row_1": 1}
--= 1
INSERT INTO dead_letter (e_id, subject, subject_id, actor, tenant_id, configuration_id, error_class, reason, attempts, traceback, raised_at, rest) VALUES (%(given_letter_id)s::UUID, 'message', %(given_row_id)s::UUID, %(given_actor)s::VARCHAR, (SELECT email_configuration.tenant_id 
FROM email_configuration 
WHERE email_configuration.e_id = %(given_row_id)s::UUID), (SELECT email_configuration.e_id 
FROM email_configuration 
WHERE email_configuration.e_id = %(given_row_id)s::UUID), %(given_error_class)s::VARCHAR, %(given_reason)s::VARCHAR, %(given_attempts)s::INTEGER, %(given_traceback)s::VARCHAR, now(), 'open') ON CONFLICT (subject, subject_id, actor) WHERE rest = 'open' DO UPDATE SET error_class = excluded.error_class, reason = excluded.reason, attempts = excluded.attempts, traceback = excluded.traceback, raised_at = excluded.raised_at
--> {"given_letter_id": {"uuid": "@id26@"}, "given_row_id": {"uuid": "@id1@"}, "given_actor": "send_jobs", "given_error_class": "ZeroDivisionError", "given_reason": "division by zero", "given_attempts": 1, "given_traceback": "workers/send/handler.py:7 in send_jobs"}
--= 1

--# the rest is cancelled
SELECT (SELECT count(*) AS count_1 
FROM email_job 
WHERE email_job.configuration_id = %(given_configuration_id)s::UUID AND email_job.status = 'QUEUED') + (SELECT count(*) AS count_2 
FROM email_job 
WHERE email_job.configuration_id = %(given_configuration_id)s::UUID AND email_job.status = 'SENDING') + (SELECT count(*) AS count_3 
FROM email_job 
WHERE email_job.configuration_id = %(given_configuration_id)s::UUID AND email_job.status = 'IN_DOUBT') AS anon_1
--> {"given_configuration_id": {"uuid": "@id1@"}}
--= 1
WITH queued AS 
(SELECT email_job.e_id AS e_id 
FROM email_job 
WHERE email_job.configuration_id = %(given_configuration_id)s::UUID AND email_job.status = 'QUEUED' ORDER BY email_job.e_id FOR NO KEY UPDATE)
 UPDATE email_job SET status='CANCELLED', updated_at=now(), due_at=NULL, version=(email_job.version + %(version_1)s::INTEGER) FROM queued WHERE email_job.e_id = queued.e_id
--> {"version_1": 1, "given_configuration_id": {"uuid": "@id1@"}}
--= 3

--# the tenant looks
SELECT email_configuration_record.r_id, email_configuration_record.configuration_id, email_configuration_record.version, email_configuration_record.snapshot, email_configuration_record.effective_at, email_configuration_record.recorded_at, email_configuration_record.author, email_configuration_record.cause, email_configuration_record.reason, email_configuration_record.previous 
FROM email_configuration_record JOIN email_configuration ON email_configuration_record.configuration_id = email_configuration.e_id AND email_configuration_record.version = email_configuration.version 
WHERE email_configuration.tenant_id = %(tenant_id_1)s::UUID ORDER BY email_configuration.created_at ASC, email_configuration.e_id ASC 
 LIMIT %(param_1)s::INTEGER OFFSET %(param_2)s::INTEGER
--> {"tenant_id_1": {"uuid": "@id44@"}, "param_1": 101, "param_2": 0}
--= 2
SELECT email_configuration_record.r_id, email_configuration_record.configuration_id, email_configuration_record.version, email_configuration_record.snapshot, email_configuration_record.effective_at, email_configuration_record.recorded_at, email_configuration_record.author, email_configuration_record.cause, email_configuration_record.reason, email_configuration_record.previous 
FROM email_configuration_record 
WHERE email_configuration_record.configuration_id = %(configuration_id_1)s::UUID ORDER BY email_configuration_record.version
--> {"configuration_id_1": {"uuid": "@id1@"}}
--= 3
SELECT email_job.e_id, email_job.tenant_id, email_job.configuration_id, email_job.recipient, email_job.idempotency_key, email_job.body_hash, email_job.status, email_job.tag, email_job.author, email_job.accepted_at, email_job.updated_at, email_job.due_at, email_job.attempts, email_job.claim_id, email_job.lease_until, email_job.in_doubt_since, email_job.late_looks, email_job.provider_message_id, email_job.error_code, email_job.error_text, email_job.version, email_job.worker_deaths, email_job.replayed_at, email_job.trace 
FROM email_job 
WHERE email_job.tenant_id = %(tenant_id_1)s::UUID ORDER BY email_job.accepted_at ASC, email_job.e_id ASC 
 LIMIT %(param_1)s::INTEGER OFFSET %(param_2)s::INTEGER
--> {"tenant_id_1": {"uuid": "@id44@"}, "param_1": 101, "param_2": 0}
--= 6
SELECT send_attempt.job_id, send_attempt.claim_id, send_attempt.number, send_attempt.claimed_at, send_attempt.finished_at, send_attempt.outcome, send_attempt.code, send_attempt.text, send_attempt.provider_message_id, send_attempt.fenced 
FROM send_attempt JOIN email_job ON email_job.e_id = send_attempt.job_id 
WHERE send_attempt.job_id = %(given_job_id)s::UUID AND email_job.tenant_id = %(given_tenant_id)s::UUID ORDER BY send_attempt.claimed_at, send_attempt.number
--> {"given_job_id": {"uuid": "@id3@"}, "given_tenant_id": {"uuid": "@id44@"}}
--= 1
SELECT operator_action.e_id, operator_action.tenant_id, operator_action.action, operator_action.subject_id, operator_action.author, operator_action.reason, operator_action.at 
FROM operator_action 
WHERE operator_action.subject_id = %(given_subject_id)s::UUID AND operator_action.tenant_id = %(given_tenant_id)s::UUID ORDER BY operator_action.at, operator_action.e_id
--> {"given_subject_id": {"uuid": "@id4@"}, "given_tenant_id": {"uuid": "@id44@"}}
--= 1
SELECT email_event.e_id, email_event.tenant_id, email_event.configuration_id, email_event.kind, email_event.content_key, email_event.occurred_at, email_event.message_id, email_event.job_ref, email_event.recipient, email_event.hard_bounce, email_event.suppresses, email_event.suppression_reason, email_event.headers, email_event.raw, email_event.received_at, email_event.status, email_event.due_at, email_event.job_id, email_event.projected_at 
FROM email_event 
WHERE email_event.job_id = %(job_id_1)s::UUID AND email_event.tenant_id = %(tenant_id_1)s::UUID ORDER BY email_event.received_at, email_event.e_id
--> {"job_id_1": {"uuid": "@id5@"}, "tenant_id_1": {"uuid": "@id44@"}}
--= 1
SELECT suppression_entry.e_id, suppression_entry.tenant_id, suppression_entry.address, suppression_entry.reason, suppression_entry.active, suppression_entry.since, suppression_entry.lifted_at, suppression_entry.source_event_id, suppression_entry.author, suppression_entry.note, suppression_entry.created_at, suppression_entry.updated_at 
FROM suppression_entry 
WHERE suppression_entry.tenant_id = %(tenant_id_1)s::UUID ORDER BY suppression_entry.since ASC, suppression_entry.e_id ASC 
 LIMIT %(param_1)s::INTEGER OFFSET %(param_2)s::INTEGER
--> {"tenant_id_1": {"uuid": "@id44@"}, "param_1": 101, "param_2": 0}
--= 3

--# one is removed
SELECT now() AS now_1, EXISTS (SELECT recovery.e_id 
FROM recovery 
WHERE recovery.ended_at IS NULL) AS anon_1
--> {}
--= 1
SAVEPOINT sa_savepoint_1
--> {}
--= -1
UPDATE email_configuration SET from_local_part=%(from_local_part)s::VARCHAR, from_name=%(from_name)s::VARCHAR, reply_to_email=%(reply_to_email)s::VARCHAR, operational=%(operational)s::VARCHAR, administrative=%(administrative)s::VARCHAR, operational_since=%(operational_since)s::TIMESTAMP WITH TIME ZONE, administrative_since=%(administrative_since)s::TIMESTAMP WITH TIME ZONE, retired_at=%(retired_at)s::TIMESTAMP WITH TIME ZONE, cleaned_up_at=%(cleaned_up_at)s::TIMESTAMP WITH TIME ZONE, recovering=%(recovering)s, server_id=%(server_id)s::BIGINT, server_token=%(server_token)s::VARCHAR, signature_id=%(signature_id)s::BIGINT, domain_id=%(domain_id)s::BIGINT, webhook_id=%(webhook_id)s::BIGINT, records_written=%(records_written)s, intent=%(intent)s::VARCHAR, undoing=%(undoing)s, tries=%(tries)s::INTEGER, dkim_host=%(dkim_host)s::VARCHAR, dkim_value=%(dkim_value)s::VARCHAR, return_path_host=%(return_path_host)s::VARCHAR, return_path_target=%(return_path_target)s::VARCHAR, routing_token_hash=%(routing_token_hash)s, failure_step=%(failure_step)s::VARCHAR, failure_code=%(failure_code)s::VARCHAR, failure_message=%(failure_message)s::VARCHAR, verification_started_at=%(verification_started_at)s::TIMESTAMP WITH TIME ZONE, verification_due_at=%(verification_due_at)s::TIMESTAMP WITH TIME ZONE, send_faults_in_a_row=%(send_faults_in_a_row)s::INTEGER, version=%(version)s::INTEGER, updated_at=%(updated_at)s::TIMESTAMP WITH TIME ZONE WHERE email_configuration.e_id = %(e_id_1)s::UUID AND email_configuration.version = %(version_1)s::INTEGER RETURNING clock_timestamp() AS clock_timestamp_1
--> {"from_local_part": "noreply", "from_name": "Acme Orders", "reply_to_email": null, "operational": "AWAITING_VERIFICATION", "administrative": "LOCKED", "operational_since": {"at": "2026-01-02T03:04:05.678901+00:00"}, "administrative_since": {"at": "2026-01-02T03:04:05.678901+00:00"}, "retired_at": {"in_seconds": -0.007389}, "cleaned_up_at": null, "recovering": false, "server_id": 11, "server_token": "a1.k1:AAAA", "signature_id": 12, "domain_id": 13, "webhook_id": 14, "records_written": true, "intent": null, "undoing": false, "tries": 0, "dkim_host": "20260102pm._domainkey.acme.dev.ardamails.com", "dkim_value": "k=rsa;p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCB", "return_path_host": "pm-bounces.acme.dev.ardamails.com", "return_path_target": "pm.mtasv.net", "routing_token_hash": null, "failure_step": null, "failure_code": null, "failure_message": null, "verification_started_at": {"in_seconds": -0.291143}, "verification_due_at": {"at": "2026-01-02T03:04:05.678901+00:00"}, "send_faults_in_a_row": 0, "version": 2, "updated_at": {"at": "2026-01-02T03:04:05.678901+00:00"}, "e_id_1": {"uuid": "@id2@"}, "version_1": 1}
--= 1
RELEASE SAVEPOINT sa_savepoint_1
--> {}
--= -1
INSERT INTO email_configuration_record (r_id, configuration_id, version, snapshot, effective_at, recorded_at, author, cause, reason, previous) VALUES (%(r_id)s::UUID, %(configuration_id)s::UUID, %(version)s::INTEGER, %(snapshot)s::JSONB, %(effective_at)s::TIMESTAMP WITH TIME ZONE, %(recorded_at)s::TIMESTAMP WITH TIME ZONE, %(author)s::VARCHAR, %(cause)s::VARCHAR, %(reason)s::VARCHAR, (SELECT email_configuration_record.r_id 
FROM email_configuration_record 
WHERE email_configuration_record.configuration_id = %(configuration_id_1)s::UUID ORDER BY email_configuration_record.version DESC 
 LIMIT %(param_1)s::INTEGER))
--> {"r_id": {"uuid": "@id27@"}, "configuration_id": {"uuid": "@id2@"}, "version": 2, "snapshot": {"json": {"e_id": "@id2@", "tenant_id": "@id44@", "slug": "of-@id2@", "from_local_part": "noreply", "from_name": "Acme Orders", "reply_to_email": null, "operational_since": "2026-01-02T03:04:05.678901+00:00", "administrative_since": "2026-01-02T03:04:05.678901+00:00", "retired_at": "2026-11-22T09:12:54.059088+00:00", "cleaned_up_at": null, "recovering": false, "verification_started_at": "2026-11-22T09:12:53.775334+00:00", "verification_due_at": "2026-01-02T03:04:05.678901+00:00", "send_faults_in_a_row": 0, "version": 2, "created_at": "2026-01-02T03:04:05.678901+00:00", "updated_at": "2026-01-02T03:04:05.678901+00:00", "server_id": 11, "signature_id": 12, "domain_id": 13, "webhook_id": 14, "records_written": true, "undoing": false, "tries": 0, "dkim_host": "20260102pm._domainkey.acme.dev.ardamails.com", "dkim_value": "k=rsa;p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCB", "return_path_host": "pm-bounces.acme.dev.ardamails.com", "return_path_target": "pm.mtasv.net", "operational": "AWAITING_VERIFICATION", "administrative": "LOCKED", "intent": null, "failure_step": null, "failure_code": null, "failure_message": null}}, "effective_at": {"in_seconds": -0.002578}, "recorded_at": {"in_seconds": -0.002578}, "author": "operator@example.com", "cause": "test", "reason": null, "configuration_id_1": {"uuid": "@id2@"}, "param_1": 1}
--= 1

--# a gap is caught up
SELECT pg_advisory_xact_lock(hashtextextended(%(given_name)s::VARCHAR, %(given_kind)s::BIGINT)) AS pg_advisory_xact_lock_1
--> {"given_name": "", "given_kind": 4}
--= 1
SELECT email_configuration.e_id 
FROM email_configuration 
WHERE email_configuration.webhook_id IS NOT NULL AND email_configuration.cleaned_up_at IS NULL AND (%(given_configuration_id)s::UUID IS NULL OR email_configuration.e_id = %(given_configuration_id)s::UUID) AND NOT (EXISTS (SELECT event_gap.e_id 
FROM event_gap 
WHERE event_gap.configuration_id = email_configuration.e_id AND event_gap.finished_at IS NULL AND event_gap.from_at <= %(given_from_at)s::TIMESTAMP WITH TIME ZONE AND event_gap.until_at >= %(given_until_at)s::TIMESTAMP WITH TIME ZONE))
--> {"given_configuration_id": {"uuid": "@id1@"}, "given_from_at": {"at": "2026-01-02T04:04:05.678901+00:00"}, "given_until_at": {"at": "2026-01-02T06:04:05.678901+00:00"}}
--= 1
INSERT INTO event_gap (e_id, configuration_id, from_at, until_at, cause, author, opened_at, due_at) SELECT given.e_id, given.configuration_id, %(given_from_at)s::TIMESTAMP WITH TIME ZONE AS anon_1, %(given_until_at)s::TIMESTAMP WITH TIME ZONE AS anon_2, %(given_cause)s::VARCHAR AS anon_3, %(given_author)s::VARCHAR AS anon_4, now() AS now_1, now() AS now_2 
FROM unnest(%(given_e_id)s::UUID[], %(given_configuration_id)s::UUID[]) AS given(e_id, configuration_id)
--> {"given_from_at": {"at": "2026-01-02T04:04:05.678901+00:00"}, "given_until_at": {"at": "2026-01-02T06:04:05.678901+00:00"}, "given_cause": "away", "given_author": "worker", "given_e_id": [{"uuid": "@id28@"}], "given_configuration_id": [{"uuid": "@id1@"}]}
--= 1
UPDATE event_gap SET due_at=(clock_timestamp() + %(given_lease)s) WHERE event_gap.e_id = (SELECT event_gap.e_id 
FROM event_gap 
WHERE event_gap.configuration_id = %(given_configuration_id)s::UUID AND event_gap.finished_at IS NULL AND event_gap.due_at <= now() ORDER BY event_gap.opened_at, event_gap.e_id 
 LIMIT %(param_1)s::INTEGER FOR NO KEY UPDATE SKIP LOCKED) RETURNING event_gap.e_id, event_gap.configuration_id, event_gap.from_at, event_gap.until_at, event_gap.cause, event_gap.author, event_gap.found, event_gap.cursor, event_gap.tries, event_gap.fault, event_gap.opened_at, event_gap.finished_at
--> {"given_lease": {"interval": 60.0}, "given_configuration_id": {"uuid": "@id1@"}, "param_1": 1}
--= 1
SELECT email_job.e_id, email_job.provider_message_id 
FROM email_job 
WHERE email_job.tenant_id = (SELECT email_configuration.tenant_id 
FROM email_configuration 
WHERE email_configuration.e_id = %(given_configuration_id)s::UUID) AND email_job.configuration_id = %(given_configuration_id)s::UUID AND email_job.accepted_at >= %(given_from_at)s::TIMESTAMP WITH TIME ZONE AND email_job.accepted_at <= %(given_until_at)s::TIMESTAMP WITH TIME ZONE AND email_job.status = 'SENT' AND email_job.provider_message_id IS NOT NULL ORDER BY email_job.accepted_at, email_job.e_id 
 LIMIT %(given_limit)s::INTEGER
--> {"given_configuration_id": {"uuid": "@id1@"}, "given_from_at": {"at": "2025-12-30T04:04:05.678901+00:00"}, "given_until_at": {"at": "2026-01-02T06:04:05.678901+00:00"}, "given_limit": 100}
--= 2
SELECT now() AS now_1, EXISTS (SELECT recovery.e_id 
FROM recovery 
WHERE recovery.ended_at IS NULL) AS anon_1
--> {}
--= 1
UPDATE event_gap SET found=%(found)s::INTEGER, cursor=%(cursor)s::UUID, tries=%(tries)s::INTEGER, fault=%(fault)s::VARCHAR, due_at=NULL, finished_at=%(finished_at)s::TIMESTAMP WITH TIME ZONE WHERE event_gap.e_id = %(e_id_1)s::UUID AND event_gap.finished_at IS NULL
--> {"found": 1, "cursor": null, "tries": 1, "fault": null, "finished_at": {"in_seconds": -0.178423}, "e_id_1": {"uuid": "@id28@"}}
--= 1

--# a lift is asked for
INSERT INTO provider_lift (configuration_id, address, tenant_id, wanted_at, due_at) SELECT email_configuration.e_id, given.address, email_configuration.tenant_id, now() AS now_1, now() AS now_2 
FROM email_configuration JOIN unnest(%(given_address)s::TEXT[]) AS given(address) ON true 
WHERE email_configuration.tenant_id = %(given_tenant_id)s::UUID AND email_configuration.cleaned_up_at IS NULL AND email_configuration.server_token IS NOT NULL ORDER BY email_configuration.e_id, given.address ON CONFLICT (configuration_id, address) DO UPDATE SET wanted_at = now(), due_at = now(), tries = %(param_1)s::INTEGER, message = NULL RETURNING provider_lift.configuration_id
--> {"given_address": ["lifted@example.com", "refused@example.com"], "given_tenant_id": {"uuid": "@id44@"}, "param_1": 0}
--= 4
WITH due AS 
(SELECT provider_lift.address AS address, provider_lift.due_at AS due_at 
FROM provider_lift 
WHERE provider_lift.configuration_id = %(given_configuration_id)s::UUID AND provider_lift.due_at IS NOT NULL AND provider_lift.due_at <= now() ORDER BY provider_lift.due_at, provider_lift.address 
 LIMIT %(given_limit)s::INTEGER FOR NO KEY UPDATE SKIP LOCKED)
 UPDATE provider_lift SET due_at=(clock_timestamp() + %(given_lease)s) FROM due WHERE provider_lift.configuration_id = %(given_configuration_id)s::UUID AND provider_lift.address = due.address RETURNING due.due_at, provider_lift.address, provider_lift.tries
--> {"given_lease": {"interval": 60.0}, "given_configuration_id": {"uuid": "@id1@"}, "given_limit": 10}
--= 2
WITH held AS 
(SELECT provider_lift.address AS address 
FROM provider_lift 
WHERE provider_lift.configuration_id = %(given_configuration_id)s::UUID AND provider_lift.address = any(%(given_addresses)s::TEXT[] COLLATE "C") AND provider_lift.due_at > now() ORDER BY provider_lift.address FOR NO KEY UPDATE)
 DELETE FROM provider_lift USING held WHERE provider_lift.configuration_id = %(given_configuration_id)s::UUID AND provider_lift.address = held.address
--> {"given_configuration_id": {"uuid": "@id1@"}, "given_addresses": ["lifted@example.com"]}
--= 1
UPDATE provider_lift SET due_at=NULL, message=%(given_message)s::VARCHAR WHERE provider_lift.configuration_id = %(given_configuration_id)s::UUID AND provider_lift.address = %(given_address)s::VARCHAR
--> {"given_message": "it complained", "given_configuration_id": {"uuid": "@id1@"}, "given_address": "refused@example.com"}
--= 1

--# a webhook is looked at
INSERT INTO webhook_look (configuration_id, due_at) SELECT email_configuration.e_id, clock_timestamp() + %(given_pause)s AS anon_1 
FROM email_configuration 
WHERE email_configuration.e_id = %(given_configuration_id)s::UUID AND email_configuration.retired_at IS NULL AND email_configuration.webhook_id IS NOT NULL ON CONFLICT (configuration_id) DO UPDATE SET due_at = (clock_timestamp() + %(given_pause)s) WHERE webhook_look.due_at <= now() RETURNING webhook_look.configuration_id
--> {"given_pause": {"interval": 600.0}, "given_configuration_id": {"uuid": "@id1@"}}
--= 1
INSERT INTO webhook_look (configuration_id, due_at, checked_at, since, state, webhooks, paused, requests, failures, reverified, fault) SELECT email_configuration.e_id, now() AS now_1, now() AS now_2, now() AS now_3, %(given_state)s::VARCHAR AS anon_1, %(given_webhooks)s::INTEGER AS anon_2, %(given_paused)s::TEXT[] AS anon_3, %(given_requests)s::BIGINT AS anon_4, %(given_failures)s::BIGINT AS anon_5, %(given_reverified)s AS anon_6, %(given_fault)s::VARCHAR AS anon_7 
FROM email_configuration 
WHERE email_configuration.e_id = %(given_configuration_id)s::UUID ON CONFLICT (configuration_id) DO UPDATE SET checked_at = now(), since = CASE WHEN (webhook_look.state = %(given_state)s::VARCHAR) THEN webhook_look.since ELSE now() END, state = %(given_state)s::VARCHAR, webhooks = %(given_webhooks)s::INTEGER, paused = %(given_paused)s::TEXT[], requests = %(given_requests)s::BIGINT, failures = %(given_failures)s::BIGINT, reverified = %(given_reverified)s, fault = %(given_fault)s::VARCHAR RETURNING webhook_look.configuration_id
--> {"given_state": "ok", "given_webhooks": 1, "given_paused": [], "given_requests": 17, "given_failures": 0, "given_reverified": null, "given_fault": null, "given_configuration_id": {"uuid": "@id1@"}}
--= 1
UPDATE email_configuration SET webhook_key=%(given_fingerprint)s::VARCHAR WHERE email_configuration.e_id = %(given_configuration_id)s::UUID
--> {"given_fingerprint": "0123456789ab", "given_configuration_id": {"uuid": "@id1@"}}
--= 1

--# a token is sealed anew
SELECT email_configuration.e_id, email_configuration.tenant_id, email_configuration.server_token 
FROM email_configuration 
WHERE email_configuration.e_id = %(given_e_id)s::UUID AND email_configuration.server_token IS NOT NULL
--> {"given_e_id": {"uuid": "@id1@"}}
--= 1
UPDATE email_configuration SET server_token=%(given_new)s::VARCHAR WHERE email_configuration.e_id = %(given_e_id)s::UUID AND email_configuration.server_token = %(given_old)s::VARCHAR
--> {"given_new": "a1.k2:AAAA", "given_e_id": {"uuid": "@id1@"}, "given_old": "a1.k1:AAAA"}
--= 1

--# a finding is snoozed
INSERT INTO drift_finding (e_id, subject, tag, problem, configuration_id, tenant_id, server_id, server_name, key_version, record_name, grace_seconds, first_seen_at, since_at, last_seen_at, opened_at, seen_in) SELECT given.e_id, given.subject, given.tag, given.problem, given.configuration_id, given.tenant_id, given.server_id, given.server_name, given.key_version, given.record_name, given.grace_seconds, now() AS now_1, now() AS now__1, now() AS now__2, CASE WHEN (given.grace_seconds <= %(grace_seconds_1)s::INTEGER) THEN now() END AS anon_1, %(given_token)s::UUID AS anon_2 
FROM unnest(%(given_e_id)s::UUID[], %(given_subject)s::TEXT[], %(given_tag)s::TEXT[], %(given_problem)s::TEXT[], %(given_configuration_id)s::UUID[], %(given_tenant_id)s::UUID[], %(given_server_id)s::BIGINT[], %(given_server_name)s::TEXT[], %(given_key_version)s::TEXT[], %(given_record_name)s::TEXT[], %(given_grace_seconds)s::DOUBLE PRECISION[]) AS given(e_id, subject, tag, problem, configuration_id, tenant_id, server_id, server_name, key_version, record_name, grace_seconds) ORDER BY given.tag, given.subject ON CONFLICT (tag, subject) DO UPDATE SET tag = excluded.tag, problem = excluded.problem, configuration_id = excluded.configuration_id, tenant_id = excluded.tenant_id, server_id = excluded.server_id, server_name = excluded.server_name, key_version = excluded.key_version, record_name = excluded.record_name, grace_seconds = excluded.grace_seconds, since_at = CASE WHEN (drift_finding.resolved_at IS NOT NULL) THEN now() ELSE drift_finding.since_at END, last_seen_at = greatest(drift_finding.last_seen_at, now()), seen_in = excluded.seen_in, opened_at = CASE WHEN (drift_finding.resolved_at IS NULL AND drift_finding.opened_at IS NOT NULL) THEN drift_finding.opened_at WHEN (EXTRACT(epoch FROM now() - CASE WHEN (drift_finding.resolved_at IS NOT NULL) THEN now() ELSE drift_finding.since_at END) >= excluded.grace_seconds) THEN now() END, told_at = CASE WHEN (drift_finding.resolved_at IS NULL) THEN drift_finding.told_at END, resolved_at = NULL
--> {"grace_seconds_1": 0, "given_token": null, "given_e_id": [{"uuid": "@id29@"}], "given_subject": ["@id1@"], "given_tag": ["email.drift.registry_missing_key"], "given_problem": ["absent"], "given_configuration_id": [{"uuid": "@id1@"}], "given_tenant_id": [{"uuid": "@id44@"}], "given_server_id": [11], "given_server_name": [null], "given_key_version": ["v1"], "given_record_name": [null], "given_grace_seconds": [0.0]}
--= 1
SELECT drift_finding.tag, drift_finding.problem, drift_finding.configuration_id, drift_finding.tenant_id, drift_finding.server_id, drift_finding.server_name, drift_finding.key_version, drift_finding.record_name, drift_finding.grace_seconds, drift_finding.e_id, drift_finding.first_seen_at, drift_finding.since_at, drift_finding.last_seen_at, drift_finding.opened_at, drift_finding.resolved_at, drift_finding.snoozed_until, drift_finding.snoozed_by, drift_finding.snooze_reason 
FROM drift_finding 
WHERE (drift_finding.resolved_at IS NULL AND drift_finding.opened_at IS NULL OR drift_finding.resolved_at IS NULL AND drift_finding.opened_at IS NOT NULL AND NOT coalesce(drift_finding.snoozed_until > now(), false) OR drift_finding.resolved_at IS NULL AND drift_finding.opened_at IS NOT NULL AND coalesce(drift_finding.snoozed_until > now(), false) OR drift_finding.resolved_at IS NOT NULL) AND drift_finding.configuration_id = %(configuration_id_1)s::UUID ORDER BY drift_finding.e_id 
 LIMIT %(given_limit)s::INTEGER
--> {"configuration_id_1": {"uuid": "@id1@"}, "given_limit": 10}
--= 1
SELECT now() AS now_1, EXISTS (SELECT recovery.e_id 
FROM recovery 
WHERE recovery.ended_at IS NULL) AS anon_1
--> {}
--= 1
UPDATE drift_finding SET snoozed_until=%(given_until)s::TIMESTAMP WITH TIME ZONE, snoozed_by=%(given_author)s::VARCHAR, snooze_reason=%(given_reason)s::VARCHAR WHERE drift_finding.e_id = %(given_e_id)s::UUID AND drift_finding.resolved_at IS NULL
--> {"given_until": {"in_seconds": 3599.986402}, "given_author": "olga", "given_reason": "it is known", "given_e_id": {"uuid": "@id29@"}}
--= 1

--# dead letters are put back in bulk
SELECT dead_letter.e_id, dead_letter.subject, dead_letter.subject_id, dead_letter.actor, dead_letter.tenant_id, dead_letter.configuration_id, dead_letter.error_class, dead_letter.reason, dead_letter.attempts, dead_letter.traceback, dead_letter.raised_at, dead_letter.rest, dead_letter.rested_at 
FROM dead_letter 
WHERE dead_letter.rest = 'open' AND dead_letter.configuration_id = %(configuration_id_1)s::UUID AND dead_letter.actor = %(actor_1)s::VARCHAR COLLATE "C" ORDER BY dead_letter.e_id 
 LIMIT %(param_1)s::INTEGER
--> {"configuration_id_1": {"uuid": "@id1@"}, "actor_1": "send_jobs", "param_1": 1}
--= 1
SELECT now() AS now_1, EXISTS (SELECT recovery.e_id 
FROM recovery 
WHERE recovery.ended_at IS NULL) AS anon_1
--> {}
--= 1
INSERT INTO replay (e_id, subject, error_class, tenant_id, configuration_id, actor, raised_from, raised_until, per_second, author, reason, state, created_at, begins_at, found, put_back, moved_on, locked, retired, due_at, finished_at, stopped_by) VALUES (%(e_id)s::UUID, %(subject)s::VARCHAR, %(error_class)s::VARCHAR COLLATE "C", %(tenant_id)s::UUID, %(configuration_id)s::UUID, %(actor)s::VARCHAR COLLATE "C", %(raised_from)s::TIMESTAMP WITH TIME ZONE, %(raised_until)s::TIMESTAMP WITH TIME ZONE, %(per_second)s, %(author)s::VARCHAR, %(reason)s::VARCHAR, %(state)s::VARCHAR, %(created_at)s::TIMESTAMP WITH TIME ZONE, %(begins_at)s::TIMESTAMP WITH TIME ZONE, %(found)s::INTEGER, %(put_back)s::INTEGER, %(moved_on)s::INTEGER, %(locked)s::INTEGER, %(retired)s::INTEGER, %(due_at)s::TIMESTAMP WITH TIME ZONE, %(finished_at)s::TIMESTAMP WITH TIME ZONE, %(stopped_by)s::VARCHAR)
--> {"e_id": {"uuid": "@id30@"}, "subject": null, "error_class": null, "tenant_id": null, "configuration_id": {"uuid": "@id1@"}, "actor": null, "raised_from": null, "raised_until": {"in_seconds": -0.005565}, "per_second": 10.0, "author": "olga", "reason": "the provider is back", "state": "waiting", "created_at": {"in_seconds": -0.005565}, "begins_at": {"in_seconds": -0.005565}, "found": 1, "put_back": 0, "moved_on": 0, "locked": 0, "retired": 0, "due_at": {"in_seconds": -0.005565}, "finished_at": null, "stopped_by": null}
--= 1
UPDATE replay SET state='running', lease_token=%(given_token)s::UUID, lease_until=(clock_timestamp() + %(given_lease)s) WHERE replay.e_id = %(given_replay_id)s::UUID AND replay.due_at <= now() AND NOT coalesce(replay.lease_until > now(), false) RETURNING replay.e_id, replay.per_second, replay.author, replay.reason, replay.state, replay.created_at, replay.begins_at, replay.found, replay.finished_at, replay.stopped_by, replay.subject, replay.error_class, replay.tenant_id, replay.configuration_id, replay.actor, replay.raised_from, replay.raised_until, replay.put_back, replay.moved_on, replay.locked, replay.retired, replay.cursor
--> {"given_token": {"uuid": "@id31@"}, "given_lease": {"interval": 60.0}, "given_replay_id": {"uuid": "@id30@"}}
--= 1
SELECT dead_letter.e_id 
FROM dead_letter 
WHERE dead_letter.e_id = any(%(given_ids)s::UUID[]) AND dead_letter.rest = 'open' ORDER BY dead_letter.e_id FOR NO KEY UPDATE
--> {"given_ids": [{"uuid": "@id26@"}]}
--= 1
UPDATE dead_letter SET rest=%(given_rest)s::VARCHAR, rested_at=now() WHERE dead_letter.e_id = any(%(given_ids)s::UUID[])
--> {"given_rest": "replayed", "given_ids": [{"uuid": "@id26@"}]}
--= 1
DELETE FROM handler_fault USING unnest(%(given_actor)s::TEXT[], %(given_row_id)s::UUID[]) AS given(actor, row_id) WHERE handler_fault.actor = given.actor AND handler_fault.row_id = given.row_id
--> {"given_actor": ["send_jobs"], "given_row_id": [{"uuid": "@id1@"}]}
--= 1
INSERT INTO operator_action (e_id, tenant_id, action, subject_id, author, reason, at) VALUES (%(e_id)s::UUID, %(tenant_id)s::UUID, %(action)s::VARCHAR, %(subject_id)s::UUID, %(author)s::VARCHAR, %(reason)s::VARCHAR, %(at)s::TIMESTAMP WITH TIME ZONE)
--> {"e_id": {"uuid": "@id32@"}, "tenant_id": {"uuid": "@id44@"}, "action": "job.decide.resend", "subject_id": {"uuid": "@id1@"}, "author": "operator@example.com", "reason": "the customer asked", "at": {"at": "2026-01-02T03:04:05.678901+00:00"}}
--= 1
UPDATE replay SET put_back=(replay.put_back + %(given_put_back)s::INTEGER), moved_on=(replay.moved_on + %(given_moved_on)s::INTEGER), locked=(replay.locked + %(given_locked)s::INTEGER), retired=(replay.retired + %(given_retired)s::INTEGER), cursor=%(given_last)s::UUID, due_at=(clock_timestamp() + %(given_pause)s), lease_until=(clock_timestamp() + %(given_lease)s) WHERE replay.e_id = %(given_replay_id)s::UUID AND replay.lease_token = %(given_token)s::UUID AND replay.state = 'running' AND replay.cursor IS NOT DISTINCT FROM %(given_cursor)s::UUID RETURNING replay.e_id, replay.per_second, replay.author, replay.reason, replay.state, replay.created_at, replay.begins_at, replay.found, replay.finished_at, replay.stopped_by, replay.subject, replay.error_class, replay.tenant_id, replay.configuration_id, replay.actor, replay.raised_from, replay.raised_until, replay.put_back, replay.moved_on, replay.locked, replay.retired, replay.cursor
--> {"given_put_back": 1, "given_moved_on": 0, "given_locked": 0, "given_retired": 0, "given_last": {"uuid": "@id26@"}, "given_pause": {"interval": 0.0}, "given_lease": {"interval": 60.0}, "given_replay_id": {"uuid": "@id30@"}, "given_token": {"uuid": "@id31@"}, "given_cursor": null}
--= 1
INSERT INTO replay_result (replay_id, letter_id, fate, at) SELECT %(given_replay_id)s::UUID AS anon_1, given.letter_id, given.fate, now() AS now_1 
FROM unnest(%(given_letter_id)s::UUID[], %(given_fate)s::TEXT[]) AS given(letter_id, fate)
--> {"given_replay_id": {"uuid": "@id30@"}, "given_letter_id": [{"uuid": "@id26@"}], "given_fate": ["put_back"]}
--= 1
UPDATE replay SET state='done', due_at=NULL, lease_token=NULL, lease_until=NULL, finished_at=now() WHERE replay.e_id = %(given_replay_id)s::UUID AND replay.lease_token = %(given_token)s::UUID AND replay.state = 'running'
--> {"given_replay_id": {"uuid": "@id30@"}, "given_token": {"uuid": "@id31@"}}
--= 1

--# addresses are imported
SELECT pg_advisory_xact_lock(hashtextextended(%(given_name)s::VARCHAR, %(given_kind)s::BIGINT)) AS pg_advisory_xact_lock_1
--> {"given_name": "@id44@", "given_kind": 3}
--= 1
WITH added AS 
(INSERT INTO suppression_entry (e_id, tenant_id, address, reason, active, since, lifted_at, source_event_id, author, note, created_at, updated_at) SELECT given.e_id AS e_id, given.tenant_id AS tenant_id, given.address AS address, given.reason AS reason, given.active AS active, given.since AS since, given.lifted_at AS lifted_at, given.source_event_id AS source_event_id, given.author AS author, given.note AS note, given.created_at AS created_at, given.updated_at AS updated_at 
FROM unnest(%(given_e_id)s::UUID[], %(given_tenant_id)s::UUID[], %(given_address)s::TEXT[], %(given_reason)s::TEXT[], %(given_active)s::BOOLEAN[], %(given_since)s::TIMESTAMP WITH TIME ZONE[], %(given_lifted_at)s::TIMESTAMP WITH TIME ZONE[], %(given_source_event_id)s::UUID[], %(given_author)s::TEXT[], %(given_note)s::TEXT[], %(given_created_at)s::TIMESTAMP WITH TIME ZONE[], %(given_updated_at)s::TIMESTAMP WITH TIME ZONE[], %(given_fact_id)s::UUID[]) AS given(e_id, tenant_id, address, reason, active, since, lifted_at, source_event_id, author, note, created_at, updated_at, fact_id) ON CONFLICT (tenant_id, address) WHERE active DO NOTHING RETURNING suppression_entry.e_id), 
kept AS 
(INSERT INTO suppression_fact (e_id, tenant_id, address, occurred_at, reason, author, note, recorded_at) SELECT given.fact_id AS fact_id, given.tenant_id AS tenant_id, given.address AS address, given.since AS since, given.reason AS reason, given.author AS author, given.note AS note, now() AS now_1 
FROM unnest(%(given_e_id)s::UUID[], %(given_tenant_id)s::UUID[], %(given_address)s::TEXT[], %(given_reason)s::TEXT[], %(given_active)s::BOOLEAN[], %(given_since)s::TIMESTAMP WITH TIME ZONE[], %(given_lifted_at)s::TIMESTAMP WITH TIME ZONE[], %(given_source_event_id)s::UUID[], %(given_author)s::TEXT[], %(given_note)s::TEXT[], %(given_created_at)s::TIMESTAMP WITH TIME ZONE[], %(given_updated_at)s::TIMESTAMP WITH TIME ZONE[], %(given_fact_id)s::UUID[]) AS given(e_id, tenant_id, address, reason, active, since, lifted_at, source_event_id, author, note, created_at, updated_at, fact_id) JOIN added ON added.e_id = given.e_id RETURNING suppression_fact.e_id)
 SELECT count(*) AS count_1 
FROM kept
--> {"given_e_id": [{"uuid": "@id33@"}, {"uuid": "@id34@"}], "given_tenant_id": [{"uuid": "@id44@"}, {"uuid": "@id44@"}], "given_address": ["old@example.com", "older@example.com"], "given_reason": ["MANUAL", "MANUAL"], "given_active": [true, true], "given_since": [{"at": "2026-01-02T03:04:05.678901+00:00"}, {"at": "2026-01-02T03:04:05.678901+00:00"}], "given_lifted_at": [null, null], "given_source_event_id": [null, null], "given_author": ["operator@example.com", "operator@example.com"], "given_note": [null, null], "given_created_at": [{"at": "2026-01-02T03:04:05.678901+00:00"}, {"at": "2026-01-02T03:04:05.678901+00:00"}], "given_updated_at": [{"at": "2026-01-02T03:04:05.678901+00:00"}, {"at": "2026-01-02T03:04:05.678901+00:00"}], "given_fact_id": [{"uuid": "@id35@"}, {"uuid": "@id36@"}]}
--= 1
SELECT suppression_entry.e_id, suppression_entry.tenant_id, suppression_entry.address, suppression_entry.reason, suppression_entry.active, suppression_entry.since, suppression_entry.lifted_at, suppression_entry.source_event_id, suppression_entry.author, suppression_entry.note, suppression_entry.created_at, suppression_entry.updated_at 
FROM suppression_entry 
WHERE suppression_entry.tenant_id = %(given_tenant_id)s::UUID AND suppression_entry.address > %(given_after)s::VARCHAR COLLATE "C" AND suppression_entry.active ORDER BY suppression_entry.address 
 LIMIT %(given_limit)s::INTEGER
--> {"given_tenant_id": {"uuid": "@id44@"}, "given_after": "", "given_limit": 10}
--= 4

--# an operator decides
INSERT INTO operator_action (e_id, tenant_id, action, subject_id, author, reason, at) VALUES (%(e_id)s::UUID, %(tenant_id)s::UUID, %(action)s::VARCHAR, %(subject_id)s::UUID, %(author)s::VARCHAR, %(reason)s::VARCHAR, %(at)s::TIMESTAMP WITH TIME ZONE)
--> {"e_id": {"uuid": "@id37@"}, "tenant_id": {"uuid": "@id44@"}, "action": "job.decide.resend", "subject_id": {"uuid": "@id1@"}, "author": "operator@example.com", "reason": "the customer asked", "at": {"at": "2026-01-02T03:04:05.678901+00:00"}}
--= 1
SELECT email_configuration.e_id 
FROM email_configuration 
WHERE email_configuration.tenant_id = %(given_tenant_id)s::UUID
--> {"given_tenant_id": {"uuid": "@id44@"}}
--= 2
SELECT pg_advisory_xact_lock(ordered.key) AS pg_advisory_xact_lock_1 
FROM (SELECT DISTINCT hashtextextended(given.name, %(given_kind)s::BIGINT) AS key 
FROM unnest(%(given_name)s::TEXT[]) AS given(name) ORDER BY key) AS ordered
--> {"given_kind": 1, "given_name": ["@id1@"]}
--= 1
SELECT pg_advisory_xact_lock(ordered.key) AS pg_advisory_xact_lock_1 
FROM (SELECT DISTINCT hashtextextended(given.name, %(given_kind)s::BIGINT) AS key 
FROM unnest(%(given_name)s::TEXT[]) AS given(name) ORDER BY key) AS ordered
--> {"given_kind": 1, "given_name": ["@id2@"]}
--= 1
SELECT email_job.e_id, email_job.tenant_id, email_job.configuration_id, email_job.recipient, email_job.idempotency_key, email_job.body_hash, email_job.status, email_job.tag, email_job.author, email_job.accepted_at, email_job.updated_at, email_job.due_at, email_job.attempts, email_job.claim_id, email_job.lease_until, email_job.in_doubt_since, email_job.late_looks, email_job.provider_message_id, email_job.error_code, email_job.error_text, email_job.version, email_job.worker_deaths, email_job.replayed_at, email_job.trace 
FROM email_job 
WHERE email_job.e_id IN (SELECT slice.e_id 
FROM (SELECT email_job.e_id AS e_id 
FROM email_job 
WHERE email_job.tenant_id = %(given_tenant_id)s::UUID AND (EXISTS (SELECT email_event.e_id 
FROM email_event 
WHERE email_event.job_id = email_job.e_id)) ORDER BY email_job.accepted_at, email_job.e_id 
 LIMIT %(given_limit)s::INTEGER) AS slice) ORDER BY email_job.e_id FOR NO KEY UPDATE OF email_job
--> {"given_tenant_id": {"uuid": "@id44@"}, "given_limit": 100}
--= 1
SELECT email_event.e_id, email_event.tenant_id, email_event.configuration_id, email_event.kind, email_event.content_key, email_event.occurred_at, email_event.message_id, email_event.job_ref, email_event.recipient, email_event.hard_bounce, email_event.suppresses, email_event.suppression_reason, email_event.headers, email_event.raw, email_event.received_at, email_event.status, email_event.due_at, email_event.job_id, email_event.projected_at 
FROM email_event 
WHERE email_event.tenant_id = %(given_tenant_id)s::UUID AND email_event.job_id = any(%(given_job_ids)s::UUID[]) ORDER BY email_event.received_at, email_event.e_id
--> {"given_tenant_id": {"uuid": "@id44@"}, "given_job_ids": [{"uuid": "@id5@"}]}
--= 1
SELECT send_attempt.job_id, send_attempt.claim_id, send_attempt.number, send_attempt.claimed_at, send_attempt.finished_at, send_attempt.outcome, send_attempt.code, send_attempt.text, send_attempt.provider_message_id, send_attempt.fenced 
FROM send_attempt 
WHERE send_attempt.job_id = any(%(given_job_ids)s::UUID[]) ORDER BY send_attempt.claimed_at, send_attempt.number
--> {"given_job_ids": [{"uuid": "@id5@"}]}
--= 1
SELECT operator_action.e_id, operator_action.tenant_id, operator_action.action, operator_action.subject_id, operator_action.author, operator_action.reason, operator_action.at 
FROM operator_action 
WHERE operator_action.tenant_id = %(given_tenant_id)s::UUID AND operator_action.subject_id = any(%(given_job_ids)s::UUID[]) ORDER BY operator_action.at, operator_action.e_id
--> {"given_tenant_id": {"uuid": "@id44@"}, "given_job_ids": [{"uuid": "@id5@"}]}
--= 0

--# an operator looks
SELECT email_configuration.e_id, email_configuration.tenant_id, email_configuration.slug, email_configuration.from_local_part, email_configuration.from_name, email_configuration.reply_to_email, email_configuration.operational, email_configuration.administrative, email_configuration.operational_since, email_configuration.administrative_since, email_configuration.retired_at, email_configuration.cleaned_up_at, email_configuration.recovering, email_configuration.server_id, email_configuration.server_token, email_configuration.signature_id, email_configuration.domain_id, email_configuration.webhook_id, email_configuration.records_written, email_configuration.intent, email_configuration.undoing, email_configuration.tries, email_configuration.dkim_host, email_configuration.dkim_value, email_configuration.return_path_host, email_configuration.return_path_target, email_configuration.routing_token_hash, email_configuration.failure_step, email_configuration.failure_code, email_configuration.failure_message, email_configuration.verification_started_at, email_configuration.verification_due_at, email_configuration.send_faults_in_a_row, email_configuration.version, email_configuration.created_at, email_configuration.updated_at, email_configuration.webhook_key, email_configuration.lease_token, email_configuration.lease_until 
FROM email_configuration 
WHERE email_configuration.retired_at IS NULL AND email_configuration.cleaned_up_at IS NULL AND (email_configuration.slug >= %(slug_1)s::VARCHAR COLLATE "C" AND email_configuration.slug < %(slug_2)s::VARCHAR COLLATE "C" OR email_configuration.e_id = %(e_id_1)s::UUID OR email_configuration.tenant_id = %(tenant_id_1)s::UUID) ORDER BY email_configuration.e_id DESC 
 LIMIT %(param_1)s::INTEGER
--> {"slug_1": "@id44@", "slug_2": "@id44@", "e_id_1": {"uuid": "@id44@"}, "tenant_id_1": {"uuid": "@id44@"}, "param_1": 50}
--= 1
SELECT email_job.e_id, email_job.tenant_id, email_job.configuration_id, email_job.recipient, email_job.idempotency_key, email_job.body_hash, email_job.status, email_job.tag, email_job.author, email_job.accepted_at, email_job.updated_at, email_job.due_at, email_job.attempts, email_job.claim_id, email_job.lease_until, email_job.in_doubt_since, email_job.late_looks, email_job.provider_message_id, email_job.error_code, email_job.error_text, email_job.version, email_job.worker_deaths, email_job.replayed_at, email_job.trace 
FROM email_job 
WHERE email_job.tenant_id = (SELECT email_configuration.tenant_id 
FROM email_configuration 
WHERE email_configuration.e_id = %(e_id_1)s::UUID) AND email_job.configuration_id = %(configuration_id_1)s::UUID ORDER BY email_job.accepted_at DESC, email_job.e_id DESC 
 LIMIT %(param_1)s::INTEGER
--> {"e_id_1": {"uuid": "@id1@"}, "configuration_id_1": {"uuid": "@id1@"}, "param_1": 50}
--= 6
SELECT suppression_entry.e_id, suppression_entry.tenant_id, suppression_entry.address, suppression_entry.reason, suppression_entry.active, suppression_entry.since, suppression_entry.lifted_at, suppression_entry.source_event_id, suppression_entry.author, suppression_entry.note, suppression_entry.created_at, suppression_entry.updated_at 
FROM suppression_entry 
WHERE suppression_entry.address = %(address_1)s::VARCHAR COLLATE "C" AND suppression_entry.tenant_id = %(tenant_id_1)s::UUID AND suppression_entry.active IS true ORDER BY suppression_entry.e_id 
 LIMIT %(param_1)s::INTEGER
--> {"address_1": "bounced@example.com", "tenant_id_1": {"uuid": "@id44@"}, "param_1": 50}
--= 1
SELECT operator_action.e_id, operator_action.tenant_id, operator_action.action, operator_action.subject_id, operator_action.author, operator_action.reason, operator_action.at 
FROM operator_action 
WHERE operator_action.subject_id = %(subject_id_1)s::UUID ORDER BY operator_action.at DESC
 FETCH FIRST (%(param_1)s::INTEGER) ROWS WITH TIES
--> {"subject_id_1": {"uuid": "@id1@"}, "param_1": 50}
--= 2
SELECT email_configuration_record.r_id, email_configuration_record.configuration_id, email_configuration_record.version, email_configuration_record.snapshot, email_configuration_record.effective_at, email_configuration_record.recorded_at, email_configuration_record.author, email_configuration_record.cause, email_configuration_record.reason, email_configuration_record.previous 
FROM email_configuration_record 
WHERE email_configuration_record.configuration_id = %(configuration_id_1)s::UUID ORDER BY email_configuration_record.recorded_at DESC
 FETCH FIRST (%(param_1)s::INTEGER) ROWS WITH TIES
--> {"configuration_id_1": {"uuid": "@id1@"}, "param_1": 50}
--= 3
SELECT email_event.e_id, email_event.tenant_id, email_event.configuration_id, email_event.kind, email_event.content_key, email_event.occurred_at, email_event.message_id, email_event.job_ref, email_event.recipient, email_event.hard_bounce, email_event.suppresses, email_event.suppression_reason, email_event.headers, email_event.raw, email_event.received_at, email_event.status, email_event.due_at, email_event.job_id, email_event.projected_at 
FROM email_event 
WHERE email_event.configuration_id = %(configuration_id_1)s::UUID ORDER BY email_event.e_id DESC 
 LIMIT %(param_1)s::INTEGER
--> {"configuration_id_1": {"uuid": "@id1@"}, "param_1": 20}
--= 2

--# minutes are counted
INSERT INTO traffic (minute, counted, label, count) SELECT date_trunc(%(date_trunc_2)s::VARCHAR, now()) AS date_trunc_1, given.counted, given.label, given.count 
FROM unnest(%(given_counted)s::TEXT[], %(given_label)s::TEXT[], %(given_count)s::BIGINT[]) AS given(counted, label, count) ON CONFLICT (minute, counted, label) DO UPDATE SET count = (traffic.count + excluded.count)
--> {"date_trunc_2": "minute", "given_counted": ["outcome", "outcome", "outcome", "outcome", "outcome", "outcome", "outcome", "outcome", "outcome", "outcome", "outcome"], "given_label": ["BOUNCED", "CANCELLED", "COMPLAINED", "DELIVERED", "FAILED", "INCONSISTENT", "IN_DOUBT", "QUEUED", "SENDING", "SENT", "SUPPRESSED"], "given_count": [7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7]}
--= 11

--# a key is used
INSERT INTO api_key_use (fingerprint, purpose, last_used_at) VALUES (%(given_fingerprint)s::VARCHAR COLLATE "C", %(given_purpose)s::VARCHAR, clock_timestamp()) ON CONFLICT (fingerprint, purpose) DO UPDATE SET last_used_at = greatest(api_key_use.last_used_at, clock_timestamp())
--> {"given_fingerprint": "0123456789ab", "given_purpose": "provider"}
--= 1

--# a turn is taken
INSERT INTO neighbour_turn (neighbour, free_at) VALUES (%(given_neighbour)s::VARCHAR, ((clock_timestamp() - %(given_credit)s) + %(given_interval)s)) ON CONFLICT (neighbour) DO UPDATE SET free_at = (greatest(neighbour_turn.free_at, clock_timestamp() - %(given_credit)s) + %(given_interval)s) WHERE neighbour_turn.free_at <= clock_timestamp() + %(given_patience)s RETURNING (neighbour_turn.free_at - %(given_interval)s) - clock_timestamp() AS anon_1
--> {"given_neighbour": "route53", "given_credit": {"interval": 0.999999}, "given_interval": {"interval": 1e-06}, "given_patience": {"interval": 60.0}}
--= 1

--# a role is there
SELECT presence.seen_at 
FROM presence 
WHERE presence.role = %(given_role)s::VARCHAR COLLATE "C" FOR NO KEY UPDATE
--> {"given_role": "web"}
--= *
INSERT INTO presence (role, seen_at) VALUES (%(given_role)s::VARCHAR COLLATE "C", clock_timestamp()) ON CONFLICT (role) DO UPDATE SET seen_at = greatest(presence.seen_at, clock_timestamp())
--> {"given_role": "web"}
--= *

--# the account pauses
SELECT provider_account.paused_until > clock_timestamp() OR coalesce(provider_account.probing_until > clock_timestamp(), %(coalesce_1)s) AS shut 
FROM provider_account 
WHERE provider_account.id = %(id_1)s::SMALLINT UNION ALL SELECT true AS anon_1 
WHERE EXISTS (SELECT recovery.e_id 
FROM recovery 
WHERE recovery.ended_at IS NULL)
--> {"coalesce_1": false, "id_1": 1}
--= *
INSERT INTO provider_account (id, paused_until, reason, updated_at, pauses_in_a_row) VALUES (%(id)s::SMALLINT, (clock_timestamp() + least(%(given_length)s, %(given_longest)s)), %(given_reason)s::VARCHAR, now(), %(pauses_in_a_row)s::INTEGER) ON CONFLICT (id) DO UPDATE SET paused_until = greatest(provider_account.paused_until, clock_timestamp() + least(%(given_length)s * power(%(power_1)s::INTEGER, least(CASE WHEN (provider_account.paused_until > clock_timestamp()) THEN greatest(provider_account.pauses_in_a_row, %(greatest_1)s::INTEGER) ELSE provider_account.pauses_in_a_row + %(pauses_in_a_row_1)s::INTEGER END - %(param_1)s::INTEGER, %(least_1)s::INTEGER)), %(given_longest)s)), reason = excluded.reason, updated_at = excluded.updated_at, probing_until = NULL, pauses_in_a_row = CASE WHEN (provider_account.paused_until > clock_timestamp()) THEN greatest(provider_account.pauses_in_a_row, %(greatest_1)s::INTEGER) ELSE provider_account.pauses_in_a_row + %(pauses_in_a_row_1)s::INTEGER END RETURNING provider_account.pauses_in_a_row
--> {"id": 1, "given_length": {"interval": 60.0}, "given_longest": {"interval": 600.0}, "given_reason": "405: no credits", "pauses_in_a_row": 1, "power_1": 2, "greatest_1": 1, "pauses_in_a_row_1": 1, "param_1": 1, "least_1": 20}
--= *

--# the account goes on
DELETE FROM provider_account WHERE provider_account.id = %(id_1)s::SMALLINT AND provider_account.paused_until <= clock_timestamp()
--> {"id_1": 1}
--= *
SELECT provider_account.paused_until 
FROM provider_account 
WHERE provider_account.paused_until > clock_timestamp()
--> {}
--= *

--# a server is limited
SELECT EXISTS (SELECT send_pressure.scope 
FROM send_pressure 
WHERE send_pressure.scope = any(%(given_scopes)s::UUID[])) AS anon_1
--> {"given_scopes": [{"uuid": "@id1@"}, {"uuid": "00000000-0000-0000-0000-000000000000"}]}
--= *
INSERT INTO send_pressure (scope, batch_size) VALUES (%(given_scope)s::UUID, greatest(%(given_from_size)s::INTEGER / %(param_1)s::INTEGER, %(greatest_1)s::INTEGER)) ON CONFLICT (scope) DO UPDATE SET batch_size = greatest(FLOOR(least(coalesce(send_pressure.batch_size, %(given_from_size)s::INTEGER), %(given_from_size)s::INTEGER) / %(least_1)s::INTEGER), %(greatest_2)s::INTEGER)
--> {"given_scope": {"uuid": "@id1@"}, "given_from_size": 50, "param_1": 2, "greatest_1": 1, "least_1": 2, "greatest_2": 1}
--= *
INSERT INTO send_pressure (scope, calls_per_second, tokens, refilled_at, blocked_until, throttled_at) VALUES (%(given_scope)s::UUID, %(calls_per_second)s, %(tokens)s, (clock_timestamp() + %(given_wait)s), (clock_timestamp() + %(given_wait)s), clock_timestamp()) ON CONFLICT (scope) DO UPDATE SET calls_per_second = CASE WHEN coalesce(send_pressure.blocked_until > clock_timestamp(), %(coalesce_1)s) THEN send_pressure.calls_per_second ELSE greatest(coalesce(send_pressure.calls_per_second / CAST(%(calls_per_second_1)s::INTEGER AS NUMERIC), %(coalesce_2)s), %(greatest_1)s) END, tokens = %(param_1)s, refilled_at = greatest(send_pressure.blocked_until, excluded.blocked_until), blocked_until = greatest(send_pressure.blocked_until, excluded.blocked_until), throttled_at = excluded.throttled_at
--> {"given_scope": {"uuid": "@id1@"}, "calls_per_second": 5.0, "tokens": 1, "given_wait": {"interval": 0.0}, "coalesce_1": false, "calls_per_second_1": 2, "coalesce_2": 5.0, "greatest_1": 0.1, "param_1": 1}
--= *
INSERT INTO send_pressure (scope, calls_per_second, tokens, refilled_at, throttled_at) SELECT %(param_1)s::UUID AS anon_1, %(param_2)s AS anon_2, %(param_3)s AS anon_3, clock_timestamp() AS clock_timestamp_1, clock_timestamp() AS clock_timestamp__1 
WHERE (SELECT count(*) AS count_1 
FROM send_pressure 
WHERE send_pressure.scope != %(scope_1)s::UUID AND send_pressure.throttled_at > clock_timestamp() - %(clock_timestamp_2)s) >= %(param_4)s::INTEGER ON CONFLICT (scope) DO UPDATE SET calls_per_second = greatest(coalesce(send_pressure.calls_per_second / CAST(%(calls_per_second_1)s::INTEGER AS NUMERIC), %(coalesce_1)s), %(greatest_1)s), tokens = %(param_5)s, refilled_at = excluded.refilled_at, throttled_at = excluded.throttled_at WHERE coalesce(send_pressure.throttled_at <= clock_timestamp() - %(clock_timestamp_2)s, %(coalesce_2)s)
--> {"param_1": {"uuid": "00000000-0000-0000-0000-000000000000"}, "param_2": 20.0, "param_3": 1.0, "scope_1": {"uuid": "00000000-0000-0000-0000-000000000000"}, "clock_timestamp_2": {"interval": 10.0}, "param_4": 2, "calls_per_second_1": 2, "coalesce_1": 20.0, "greatest_1": 1.0, "param_5": 1, "coalesce_2": true}
--= *
WITH held AS 
(SELECT send_pressure.scope AS scope 
FROM send_pressure 
WHERE send_pressure.scope = any(%(given_scopes)s::UUID[]) AND NOT coalesce(send_pressure.blocked_until > clock_timestamp(), %(coalesce_1)s) ORDER BY send_pressure.scope = %(scope_1)s::UUID FOR NO KEY UPDATE)
 UPDATE send_pressure SET batch_size=CASE WHEN (send_pressure.batch_size * %(batch_size_1)s::INTEGER < %(given_full)s::INTEGER) THEN send_pressure.batch_size * %(batch_size_1)s::INTEGER END, calls_per_second=CASE WHEN (CASE WHEN (send_pressure.scope = %(scope_1)s::UUID) THEN send_pressure.calls_per_second + %(calls_per_second_1)s ELSE send_pressure.calls_per_second * %(calls_per_second_2)s END >= CASE WHEN (send_pressure.scope = %(scope_1)s::UUID) THEN %(param_1)s ELSE %(param_2)s END) THEN NULL ELSE CASE WHEN (send_pressure.scope = %(scope_1)s::UUID) THEN send_pressure.calls_per_second + %(calls_per_second_1)s ELSE send_pressure.calls_per_second * %(calls_per_second_2)s END END, tokens=CASE WHEN (CASE WHEN (send_pressure.scope = %(scope_1)s::UUID) THEN send_pressure.calls_per_second + %(calls_per_second_1)s ELSE send_pressure.calls_per_second * %(calls_per_second_2)s END >= CASE WHEN (send_pressure.scope = %(scope_1)s::UUID) THEN %(param_1)s ELSE %(param_2)s END) THEN NULL ELSE send_pressure.tokens END, refilled_at=CASE WHEN (CASE WHEN (send_pressure.scope = %(scope_1)s::UUID) THEN send_pressure.calls_per_second + %(calls_per_second_1)s ELSE send_pressure.calls_per_second * %(calls_per_second_2)s END >= CASE WHEN (send_pressure.scope = %(scope_1)s::UUID) THEN %(param_1)s ELSE %(param_2)s END) THEN NULL ELSE send_pressure.refilled_at END, blocked_until=NULL FROM held WHERE send_pressure.scope = held.scope RETURNING send_pressure.batch_size IS NULL AND send_pressure.calls_per_second IS NULL AS anon_1
--> {"batch_size_1": 2, "given_full": 50, "scope_1": {"uuid": "00000000-0000-0000-0000-000000000000"}, "calls_per_second_1": 0.25, "calls_per_second_2": 1.25, "param_1": 80.0, "param_2": 20.0, "given_scopes": [{"uuid": "@id1@"}, {"uuid": "00000000-0000-0000-0000-000000000000"}], "coalesce_1": false}
--= *

--# a call is permitted
SELECT send_pressure.scope, send_pressure.batch_size, send_pressure.calls_per_second IS NOT NULL AS has_bucket, coalesce(send_pressure.blocked_until > clock_timestamp(), %(coalesce_1)s) AS blocked 
FROM send_pressure 
WHERE send_pressure.scope = any(%(given_scopes)s::UUID[])
--> {"coalesce_1": false, "given_scopes": [{"uuid": "@id1@"}, {"uuid": "00000000-0000-0000-0000-000000000000"}]}
--= *
WITH held AS 
(SELECT send_pressure.scope AS scope, CASE WHEN coalesce(send_pressure.blocked_until > clock_timestamp(), %(coalesce_1)s) THEN %(param_1)s::INTEGER ELSE least(greatest(send_pressure.calls_per_second, %(greatest_1)s::INTEGER), send_pressure.tokens + send_pressure.calls_per_second * greatest(EXTRACT(epoch FROM clock_timestamp() - send_pressure.refilled_at), %(greatest_2)s::INTEGER)) END AS level 
FROM send_pressure 
WHERE send_pressure.scope = any(%(given_scopes)s::UUID[]) AND send_pressure.calls_per_second IS NOT NULL ORDER BY send_pressure.scope = %(scope_1)s::UUID FOR NO KEY UPDATE), 
taken AS 
(UPDATE send_pressure SET tokens=(held.level - %(level_1)s::INTEGER), refilled_at=greatest(send_pressure.refilled_at, clock_timestamp()) FROM held WHERE send_pressure.scope = held.scope AND NOT (EXISTS (SELECT held.scope 
FROM held 
WHERE held.level < %(level_2)s::INTEGER)))
 SELECT NOT (EXISTS (SELECT held.scope 
FROM held 
WHERE held.level < %(level_2)s::INTEGER)) AS anon_1
--> {"level_1": 1, "coalesce_1": false, "param_1": 0, "greatest_1": 1, "greatest_2": 0, "given_scopes": [{"uuid": "@id1@"}], "scope_1": {"uuid": "00000000-0000-0000-0000-000000000000"}, "level_2": 1}
--= *

--# drift is looked for
INSERT INTO drift_assertion (e_id, assertion, due_at) VALUES (%(given_assertion_id)s::UUID, %(given_assertion)s::VARCHAR, now()) ON CONFLICT DO NOTHING RETURNING drift_assertion.e_id
--> {"given_assertion_id": {"uuid": "a6ffe850-359d-544e-bf71-ee7a77582227"}, "given_assertion": "dns"}
--= *
UPDATE drift_assertion SET lease_token=%(given_token)s::UUID, lease_until=(clock_timestamp() + %(given_lease)s), begun_at=now() WHERE drift_assertion.e_id = %(given_assertion_id)s::UUID AND drift_assertion.due_at <= now() AND NOT coalesce(drift_assertion.lease_until > now(), false) RETURNING drift_assertion.assertion
--> {"given_token": {"uuid": "@id38@"}, "given_lease": {"interval": 0.0}, "given_assertion_id": {"uuid": "a6ffe850-359d-544e-bf71-ee7a77582227"}}
--= *
DELETE FROM drift_sighting WHERE drift_sighting.assertion_id = %(given_assertion_id)s::UUID
--> {"given_assertion_id": {"uuid": "a6ffe850-359d-544e-bf71-ee7a77582227"}}
--= *
WITH held AS 
(SELECT drift_assertion.e_id AS e_id, drift_assertion.begun_at AS begun_at 
FROM drift_assertion 
WHERE drift_assertion.e_id = %(given_assertion_id)s::UUID AND drift_assertion.lease_token = %(given_token)s::UUID FOR SHARE), 
written AS 
(INSERT INTO drift_sighting (assertion_id, configuration_id, tag) SELECT held.e_id AS e_id, given.configuration_id AS configuration_id, given.tag AS tag 
FROM held JOIN unnest(%(given_configuration_id)s::UUID[], %(given_tag)s::TEXT[]) AS given(configuration_id, tag) ON true ON CONFLICT DO NOTHING)
 SELECT count(*) AS count_1 
FROM held
--> {"given_assertion_id": {"uuid": "a6ffe850-359d-544e-bf71-ee7a77582227"}, "given_token": {"uuid": "@id38@"}, "given_configuration_id": [{"uuid": "@id1@"}], "given_tag": ["email.drift.dns_dkim_mismatch"]}
--= *
SELECT drift_assertion.e_id, drift_assertion.begun_at 
FROM drift_assertion 
WHERE drift_assertion.e_id = %(given_assertion_id)s::UUID AND drift_assertion.lease_token = %(given_token)s::UUID FOR SHARE
--> {"given_assertion_id": {"uuid": "a6ffe850-359d-544e-bf71-ee7a77582227"}, "given_token": {"uuid": "@id38@"}}
--= *
SELECT email_configuration.e_id, email_configuration.tenant_id, email_configuration.slug, email_configuration.from_local_part, email_configuration.from_name, email_configuration.reply_to_email, email_configuration.operational, email_configuration.administrative, email_configuration.operational_since, email_configuration.administrative_since, email_configuration.retired_at, email_configuration.cleaned_up_at, email_configuration.recovering, email_configuration.server_id, email_configuration.server_token, email_configuration.signature_id, email_configuration.domain_id, email_configuration.webhook_id, email_configuration.records_written, email_configuration.intent, email_configuration.undoing, email_configuration.tries, email_configuration.dkim_host, email_configuration.dkim_value, email_configuration.return_path_host, email_configuration.return_path_target, email_configuration.routing_token_hash, email_configuration.failure_step, email_configuration.failure_code, email_configuration.failure_message, email_configuration.verification_started_at, email_configuration.verification_due_at, email_configuration.send_faults_in_a_row, email_configuration.version, email_configuration.created_at, email_configuration.updated_at, email_configuration.webhook_key, email_configuration.lease_token, email_configuration.lease_until 
FROM email_configuration 
WHERE email_configuration.retired_at IS NULL AND NOT (EXISTS (SELECT drift_sighting.configuration_id 
FROM drift_sighting 
WHERE drift_sighting.assertion_id = %(given_assertion_id)s::UUID AND drift_sighting.configuration_id = email_configuration.e_id AND drift_sighting.tag = %(given_tag)s::VARCHAR)) AND email_configuration.records_written AND email_configuration.e_id > %(given_after)s::UUID ORDER BY email_configuration.e_id 
 LIMIT %(given_limit)s::INTEGER
--> {"given_assertion_id": {"uuid": "a6ffe850-359d-544e-bf71-ee7a77582227"}, "given_tag": "email.drift.dns_dkim_mismatch", "given_after": {"uuid": "00000000-0000-0000-0000-000000000000"}, "given_limit": 10}
--= *
UPDATE drift_assertion SET due_at=CASE WHEN (drift_assertion.due_at > drift_assertion.begun_at) THEN drift_assertion.due_at END, lease_token=NULL, lease_until=NULL, finished_at=now(), seconds=CAST(EXTRACT(epoch FROM now() - drift_assertion.begun_at) AS DOUBLE PRECISION), checked=%(given_checked)s::INTEGER, calls=%(given_calls)s::INTEGER, verdict=%(given_verdict)s::VARCHAR, fault=NULL WHERE drift_assertion.e_id = %(given_assertion_id)s::UUID AND drift_assertion.lease_token = %(given_token)s::UUID
--> {"given_checked": 1, "given_calls": 1, "given_verdict": "clean", "given_assertion_id": {"uuid": "a6ffe850-359d-544e-bf71-ee7a77582227"}, "given_token": {"uuid": "@id38@"}}
--= *
DELETE FROM drift_sighting WHERE drift_sighting.assertion_id = %(given_assertion_id)s::UUID
--> {"given_assertion_id": {"uuid": "a6ffe850-359d-544e-bf71-ee7a77582227"}}
--= *

--# the scheduler looks
SELECT email_configuration.e_id 
FROM email_configuration 
WHERE email_configuration.retired_at IS NULL AND email_configuration.operational = 'AWAITING_VERIFICATION' AND email_configuration.verification_due_at <= now() ORDER BY email_configuration.verification_due_at 
 LIMIT %(param_1)s::INTEGER
--> {"param_1": 100}
--= *
SELECT email_configuration.e_id 
FROM email_configuration 
WHERE email_configuration.retired_at IS NULL AND email_configuration.operational = 'PROVISIONING' AND (email_configuration.lease_until IS NULL OR email_configuration.lease_until <= now()) ORDER BY email_configuration.updated_at 
 LIMIT %(param_1)s::INTEGER
--> {"param_1": 100}
--= *
SELECT email_configuration.e_id 
FROM email_configuration 
WHERE email_configuration.retired_at IS NOT NULL AND email_configuration.cleaned_up_at IS NULL AND (email_configuration.lease_until IS NULL OR email_configuration.lease_until <= now()) ORDER BY email_configuration.retired_at 
 LIMIT %(param_1)s::INTEGER
--> {"param_1": 100}
--= *
SELECT email_configuration.e_id 
FROM email_configuration 
WHERE email_configuration.retired_at IS NULL AND email_configuration.administrative = 'LOCKING' ORDER BY email_configuration.updated_at 
 LIMIT %(param_1)s::INTEGER
--> {"param_1": 100}
--= *
WITH RECURSIVE waiting(configuration_id, due_at) AS 
(SELECT first.configuration_id AS configuration_id, first.due_at AS due_at 
FROM (SELECT email_job.configuration_id AS configuration_id, email_job.due_at AS due_at 
FROM email_job 
WHERE email_job.status = 'QUEUED' ORDER BY email_job.configuration_id, email_job.due_at 
 LIMIT %(param_1)s::INTEGER) AS first UNION ALL SELECT following.configuration_id AS configuration_id, following.due_at AS due_at 
FROM waiting, LATERAL (SELECT email_job.configuration_id AS configuration_id, email_job.due_at AS due_at 
FROM email_job 
WHERE email_job.status = 'QUEUED' AND email_job.configuration_id > waiting.configuration_id ORDER BY email_job.configuration_id, email_job.due_at 
 LIMIT %(param_1)s::INTEGER) AS following)
 SELECT waiting.configuration_id 
FROM waiting JOIN email_configuration ON email_configuration.e_id = waiting.configuration_id 
WHERE waiting.due_at <= now() AND email_configuration.retired_at IS NULL AND email_configuration.operational IN ('OK', 'DEGRADED') AND email_configuration.administrative != 'LOCKED' AND NOT (EXISTS (SELECT send_pressure.scope 
FROM send_pressure 
WHERE send_pressure.blocked_until > now() AND send_pressure.scope = waiting.configuration_id)) AND NOT ((EXISTS (SELECT provider_account.id 
FROM provider_account 
WHERE provider_account.paused_until > clock_timestamp() OR coalesce(provider_account.probing_until > clock_timestamp(), %(coalesce_1)s))) OR (EXISTS (SELECT recovery.e_id 
FROM recovery 
WHERE recovery.ended_at IS NULL))) ORDER BY waiting.due_at 
 LIMIT %(given_limit)s::INTEGER
--> {"param_1": 1, "coalesce_1": false, "given_limit": 100}
--= *
WITH RECURSIVE waiting(configuration_id, due_at) AS 
(SELECT first.configuration_id AS configuration_id, first.due_at AS due_at 
FROM (SELECT email_job.configuration_id AS configuration_id, email_job.due_at AS due_at 
FROM email_job 
WHERE email_job.status = 'IN_DOUBT' ORDER BY email_job.configuration_id, email_job.due_at 
 LIMIT %(param_1)s::INTEGER) AS first UNION ALL SELECT following.configuration_id AS configuration_id, following.due_at AS due_at 
FROM waiting, LATERAL (SELECT email_job.configuration_id AS configuration_id, email_job.due_at AS due_at 
FROM email_job 
WHERE email_job.status = 'IN_DOUBT' AND email_job.configuration_id > waiting.configuration_id ORDER BY email_job.configuration_id, email_job.due_at 
 LIMIT %(param_1)s::INTEGER) AS following)
 SELECT waiting.configuration_id 
FROM waiting 
WHERE waiting.due_at <= now() AND NOT (EXISTS (SELECT recovery.e_id 
FROM recovery 
WHERE recovery.ended_at IS NULL)) ORDER BY waiting.due_at 
 LIMIT %(given_limit)s::INTEGER
--> {"param_1": 1, "given_limit": 100}
--= *
WITH RECURSIVE waiting(configuration_id, due_at) AS 
(SELECT first.configuration_id AS configuration_id, first.due_at AS due_at 
FROM (SELECT email_event.configuration_id AS configuration_id, email_event.due_at AS due_at 
FROM email_event 
WHERE email_event.status = 'pending' ORDER BY email_event.configuration_id, email_event.due_at 
 LIMIT %(param_1)s::INTEGER) AS first UNION ALL SELECT following.configuration_id AS configuration_id, following.due_at AS due_at 
FROM waiting, LATERAL (SELECT email_event.configuration_id AS configuration_id, email_event.due_at AS due_at 
FROM email_event 
WHERE email_event.status = 'pending' AND email_event.configuration_id > waiting.configuration_id ORDER BY email_event.configuration_id, email_event.due_at 
 LIMIT %(param_1)s::INTEGER) AS following)
 SELECT waiting.configuration_id 
FROM waiting 
WHERE waiting.due_at <= now() ORDER BY waiting.due_at 
 LIMIT %(param_2)s::INTEGER
--> {"param_1": 1, "param_2": 100}
--= *
WITH expired AS 
(SELECT email_job.e_id AS e_id 
FROM email_job 
WHERE email_job.status = 'SENDING' AND email_job.lease_until <= now() ORDER BY email_job.lease_until 
 LIMIT %(given_limit)s::INTEGER FOR NO KEY UPDATE SKIP LOCKED)
 UPDATE email_job SET status='IN_DOUBT', updated_at=now(), due_at=(clock_timestamp() + %(given_look)s), lease_until=NULL, in_doubt_since=now(), error_code=NULL, error_text=NULL, version=(email_job.version + %(version_1)s::INTEGER), worker_deaths=(email_job.worker_deaths + %(worker_deaths_1)s::INTEGER) FROM expired WHERE email_job.e_id = expired.e_id RETURNING email_job.configuration_id
--> {"given_look": {"interval": 60.0}, "version_1": 1, "worker_deaths_1": 1, "given_limit": 100}
--= *
SELECT email_configuration.operational, email_configuration.administrative, count(*) AS count_1 
FROM email_configuration 
WHERE email_configuration.retired_at IS NULL GROUP BY email_configuration.operational, email_configuration.administrative
--> {}
--= *

--# what waits is measured
SELECT min(email_configuration.operational_since) FILTER (WHERE email_configuration.operational = 'PROVISIONING') AS provisioning, min(email_configuration.operational_since) FILTER (WHERE email_configuration.operational = 'AWAITING_VERIFICATION') AS awaiting_verification, min(email_configuration.operational_since) FILTER (WHERE email_configuration.operational = 'MISSING') AS missing, min(email_configuration.operational_since) FILTER (WHERE email_configuration.operational = 'UNVERIFIED') AS unverified, min(email_configuration.operational_since) FILTER (WHERE email_configuration.operational = 'FAILURE') AS failure, min(email_configuration.administrative_since) FILTER (WHERE email_configuration.administrative = 'LOCKING') AS locking, (SELECT min(email_configuration.retired_at) AS min_1 
FROM email_configuration 
WHERE email_configuration.retired_at IS NOT NULL AND email_configuration.cleaned_up_at IS NULL) AS removal, (WITH RECURSIVE waiting(configuration_id, due_at) AS 
(SELECT first.configuration_id AS configuration_id, first.due_at AS due_at 
FROM (SELECT email_job.configuration_id AS configuration_id, email_job.due_at AS due_at 
FROM email_job 
WHERE email_job.status = 'QUEUED' ORDER BY email_job.configuration_id, email_job.due_at 
 LIMIT %(param_1)s::INTEGER) AS first UNION ALL SELECT following.configuration_id AS configuration_id, following.due_at AS due_at 
FROM waiting, LATERAL (SELECT email_job.configuration_id AS configuration_id, email_job.due_at AS due_at 
FROM email_job 
WHERE email_job.status = 'QUEUED' AND email_job.configuration_id > waiting.configuration_id ORDER BY email_job.configuration_id, email_job.due_at 
 LIMIT %(param_1)s::INTEGER) AS following)
 SELECT min(waiting.due_at) AS min_2 
FROM waiting 
WHERE waiting.due_at <= now() AND (EXISTS (SELECT email_configuration.e_id 
FROM email_configuration 
WHERE email_configuration.e_id = waiting.configuration_id AND email_configuration.retired_at IS NULL AND email_configuration.operational IN ('OK', 'DEGRADED') AND email_configuration.administrative != 'LOCKED'))) AS job_due, (SELECT email_job.updated_at 
FROM email_job 
WHERE email_job.status = 'SENDING' ORDER BY email_job.lease_until 
 LIMIT %(param_2)s::INTEGER) AS job_sending, (SELECT min(email_job.in_doubt_since) AS min_3 
FROM email_job 
WHERE email_job.status = 'IN_DOUBT') AS job_in_doubt, (WITH RECURSIVE waiting(configuration_id, due_at) AS 
(SELECT first.configuration_id AS configuration_id, first.due_at AS due_at 
FROM (SELECT email_event.configuration_id AS configuration_id, email_event.due_at AS due_at 
FROM email_event 
WHERE email_event.status = 'pending' ORDER BY email_event.configuration_id, email_event.due_at 
 LIMIT %(param_3)s::INTEGER) AS first UNION ALL SELECT following.configuration_id AS configuration_id, following.due_at AS due_at 
FROM waiting, LATERAL (SELECT email_event.configuration_id AS configuration_id, email_event.due_at AS due_at 
FROM email_event 
WHERE email_event.status = 'pending' AND email_event.configuration_id > waiting.configuration_id ORDER BY email_event.configuration_id, email_event.due_at 
 LIMIT %(param_3)s::INTEGER) AS following)
 SELECT min(waiting.due_at) AS min_4 
FROM waiting 
WHERE waiting.due_at <= now()) AS event_due 
FROM email_configuration 
WHERE email_configuration.retired_at IS NULL
--> {"param_1": 1, "param_2": 1, "param_3": 1}
--= *
SELECT (SELECT count(*) AS count_1 
FROM (SELECT 1 
FROM email_job 
WHERE email_job.status = 'IN_DOUBT' ORDER BY email_job.configuration_id, email_job.due_at 
 LIMIT %(param_1)s::INTEGER) AS anon_1) AS jobs_in_doubt, (SELECT count(*) AS count_2 
FROM (SELECT 1 
FROM email_job 
WHERE email_job.status = 'INCONSISTENT' ORDER BY email_job.e_id 
 LIMIT %(param_2)s::INTEGER) AS anon_2) AS jobs_inconsistent, (SELECT count(*) AS count_3 
FROM (SELECT 1 
FROM event_gap 
WHERE event_gap.finished_at IS NULL ORDER BY event_gap.due_at 
 LIMIT %(param_3)s::INTEGER) AS anon_3) AS gaps_open, (SELECT count(*) AS count_4 
FROM (SELECT 1 
FROM dead_letter 
WHERE dead_letter.rest = 'open' AND dead_letter.subject = 'job' ORDER BY dead_letter.subject_id, dead_letter.actor 
 LIMIT %(param_4)s::INTEGER) AS anon_4) AS job, (SELECT count(*) AS count_5 
FROM (SELECT 1 
FROM dead_letter 
WHERE dead_letter.rest = 'open' AND dead_letter.subject = 'event' ORDER BY dead_letter.subject_id, dead_letter.actor 
 LIMIT %(param_5)s::INTEGER) AS anon_5) AS event, (SELECT count(*) AS count_6 
FROM (SELECT 1 
FROM dead_letter 
WHERE dead_letter.rest = 'open' AND dead_letter.subject = 'message' ORDER BY dead_letter.subject_id, dead_letter.actor 
 LIMIT %(param_6)s::INTEGER) AS anon_6) AS message
--> {"param_1": 10000, "param_2": 10000, "param_3": 10000, "param_4": 10000, "param_5": 10000, "param_6": 10000}
--= *

--# the database was restored
SELECT now() AS now_1, EXISTS (SELECT recovery.e_id 
FROM recovery 
WHERE recovery.ended_at IS NULL) AS anon_1
--> {}
--= *
INSERT INTO recovery (e_id, gap_from, gap_until, author, reason, begun_at, ended_at, ended_by) VALUES (%(e_id)s::UUID, %(gap_from)s::TIMESTAMP WITH TIME ZONE, %(gap_until)s::TIMESTAMP WITH TIME ZONE, %(author)s::VARCHAR, %(reason)s::VARCHAR, %(begun_at)s::TIMESTAMP WITH TIME ZONE, %(ended_at)s::TIMESTAMP WITH TIME ZONE, %(ended_by)s::VARCHAR) ON CONFLICT DO NOTHING RETURNING recovery.e_id
--> {"e_id": {"uuid": "@id39@"}, "gap_from": {"at": "2026-01-02T03:04:05.678901+00:00"}, "gap_until": {"at": "2026-01-02T04:04:05.678901+00:00"}, "author": "olga", "reason": "restored", "begun_at": {"in_seconds": -0.001911}, "ended_at": null, "ended_by": null}
--= *
INSERT INTO recovery_look (recovery_id, configuration_id, look, begun_at, searched_until, messages, fault, finished_at) VALUES (%(recovery_id)s::UUID, %(configuration_id)s::UUID, %(look)s::SMALLINT, %(begun_at)s::TIMESTAMP WITH TIME ZONE, %(searched_until)s::TIMESTAMP WITH TIME ZONE, %(messages)s::INTEGER, %(fault)s::VARCHAR, %(finished_at)s::TIMESTAMP WITH TIME ZONE) ON CONFLICT (recovery_id, configuration_id, look) DO UPDATE SET searched_until = greatest(recovery_look.searched_until, excluded.searched_until), messages = greatest(recovery_look.messages, excluded.messages), fault = excluded.fault, finished_at = coalesce(recovery_look.finished_at, excluded.finished_at)
--> {"recovery_id": {"uuid": "@id39@"}, "configuration_id": {"uuid": "@id1@"}, "look": 1, "begun_at": {"in_seconds": -0.008017}, "searched_until": {"in_seconds": -0.008017}, "messages": 0, "fault": null, "finished_at": null}
--= *
UPDATE recovery SET ended_at=now(), ended_by=%(given_author)s::VARCHAR WHERE recovery.e_id = %(given_recovery_id)s::UUID AND recovery.ended_at IS NULL
--> {"given_author": "olga", "given_recovery_id": {"uuid": "@id39@"}}
--= *

--# old rows are removed
INSERT INTO retention (e_id, kind, due_at) VALUES (%(given_e_id)s::UUID, %(given_kind)s::VARCHAR, now()) ON CONFLICT DO NOTHING RETURNING retention.e_id
--> {"given_e_id": {"uuid": "64448bed-691a-56ff-a3e4-a7caab12e6df"}, "given_kind": "contents"}
--= *
INSERT INTO retention (e_id, kind, due_at) VALUES (%(given_e_id)s::UUID, %(given_kind)s::VARCHAR, now()) ON CONFLICT DO NOTHING RETURNING retention.e_id
--> {"given_e_id": {"uuid": "64448bed-691a-56ff-a3e4-a7caab12e6df"}, "given_kind": "contents"}
--= *
UPDATE retention SET due_at=now() WHERE retention.e_id = %(given_e_id)s::UUID
--> {"given_e_id": {"uuid": "64448bed-691a-56ff-a3e4-a7caab12e6df"}}
--= *
UPDATE retention SET lease_token=%(given_token)s::UUID, lease_until=(clock_timestamp() + %(given_lease)s), begun_at=CASE WHEN (retention.until_at IS NOT NULL) THEN retention.begun_at ELSE now() END, until_at=CASE WHEN (retention.until_at IS NOT NULL) THEN least(retention.until_at, now() - %(given_keep)s) ELSE now() - %(given_keep)s END, looked=CASE WHEN (retention.until_at IS NOT NULL) THEN retention.looked ELSE %(param_1)s::INTEGER END, removed=CASE WHEN (retention.until_at IS NOT NULL) THEN retention.removed ELSE %(param_2)s::INTEGER END WHERE retention.e_id = %(given_e_id)s::UUID AND retention.due_at <= now() AND NOT coalesce(retention.lease_until > now(), false) RETURNING retention.until_at, retention.cursor
--> {"given_token": {"uuid": "@id40@"}, "given_lease": {"interval": 60.0}, "given_keep": {"interval": 1555200000.0}, "param_1": 0, "param_2": 0, "given_e_id": {"uuid": "64448bed-691a-56ff-a3e4-a7caab12e6df"}}
--= *
SET LOCAL lock_timeout = '1s'
--> {}
--= *
SELECT DISTINCT email_job_content.job_id 
FROM email_job_content 
WHERE email_job_content.job_id > %(given_cursor)s::UUID AND email_job_content.job_id < %(given_before)s::UUID ORDER BY email_job_content.job_id 
 LIMIT %(given_rows)s::INTEGER
--> {"given_cursor": {"uuid": "00000000-0000-0000-0000-000000000000"}, "given_before": {"uuid": "0037e962-e80f-0000-0000-000000000000"}, "given_rows": 10}
--= *
UPDATE retention SET due_at=CASE WHEN (NOT %(given_done)s OR retention.due_at > retention.begun_at) THEN retention.due_at END, lease_token=CASE WHEN NOT %(given_done)s THEN retention.lease_token END, lease_until=CASE WHEN NOT %(given_done)s THEN clock_timestamp() + %(given_lease)s END, until_at=CASE WHEN NOT %(given_done)s THEN retention.until_at END, cursor=CASE WHEN %(given_done)s THEN NULL ELSE %(given_cursor)s::UUID END, looked=(retention.looked + %(given_looked)s::BIGINT), removed=(retention.removed + %(given_removed)s::BIGINT), removed_in_all=(retention.removed_in_all + %(given_removed)s::BIGINT), reached_at=greatest(retention.reached_at, %(given_reached_at)s::TIMESTAMP WITH TIME ZONE), finished_at=CASE WHEN %(given_done)s THEN now() ELSE retention.finished_at END WHERE retention.e_id = %(given_e_id)s::UUID AND retention.lease_token = %(given_token)s::UUID
--> {"given_done": true, "given_lease": {"interval": 60.0}, "given_cursor": null, "given_looked": 0, "given_removed": 0, "given_reached_at": {"at": "1977-08-11T09:12:54.543266+00:00"}, "given_e_id": {"uuid": "64448bed-691a-56ff-a3e4-a7caab12e6df"}, "given_token": {"uuid": "@id40@"}}
--= *
UPDATE retention SET lease_token=NULL, lease_until=NULL WHERE retention.e_id = %(given_e_id)s::UUID AND retention.lease_token = %(given_token)s::UUID
--> {"given_e_id": {"uuid": "64448bed-691a-56ff-a3e4-a7caab12e6df"}, "given_token": {"uuid": "@id40@"}}
--= *

--: {"dead_letter": 3, "drift_finding": 1, "email_configuration": 2, "email_configuration_record": 6, "email_event": 2, "email_job": 6, "email_job_content": 6, "event_gap": 1, "operator_action": 4, "provider_lift": 3, "recovery_look": 1, "replay": 1, "replay_result": 1, "send_attempt": 5, "suppression_entry": 5, "suppression_fact": 5, "verification_check": 1, "webhook_look": 1}
