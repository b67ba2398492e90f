-- 003: what surrounds the events: their batches, what could not be taken, and what makes a load exactly once.

CREATE TABLE vsoc.batches (
    batch_uid          uuid NOT NULL,
    time_received      timestamptz NOT NULL,
    time_ingested      timestamptz NOT NULL,
    time_loaded        timestamptz NOT NULL DEFAULT now(),
    instance           text NOT NULL,
    spool_uid          uuid NOT NULL,
    position           int8 NOT NULL,
    tenant_id          text NOT NULL,
    sender             text NOT NULL,
    transport_identity text,
    content_type       text,
    content_encoding   text,
    format             text,
    parser_version     text,
    idempotency_key    text,
    traceparent        text,
    batch_key          bytea NOT NULL,
    body_bytes         int8 NOT NULL,
    inflated_bytes     int8 NOT NULL,
    accepted           int8 NOT NULL,
    duplicates         int8 NOT NULL,
    quarantined        int8 NOT NULL,
    body_sha256        bytea NOT NULL,
    chain_hash         bytea NOT NULL,
    PRIMARY KEY (batch_uid, time_received)
) PARTITION BY RANGE (time_received);
COMMENT ON TABLE vsoc.batches IS 'every batch that was loaded, one row each: who sent it, what was in it, and the hashes that prove it';
COMMENT ON COLUMN vsoc.batches.batch_uid IS 'id of the batch, as in its report';
COMMENT ON COLUMN vsoc.batches.time_received IS 'server clock when the body was complete';
COMMENT ON COLUMN vsoc.batches.time_ingested IS 'server clock when the batch was made durable in the spool';
COMMENT ON COLUMN vsoc.batches.time_loaded IS 'database clock when it was loaded';
COMMENT ON COLUMN vsoc.batches.instance IS 'vsocd instance that received it';
COMMENT ON COLUMN vsoc.batches.spool_uid IS 'spool in which it stands: positions mean something only beside it';
COMMENT ON COLUMN vsoc.batches.position IS 'its place in that spool';
COMMENT ON COLUMN vsoc.batches.tenant_id IS 'car maker or fleet operator, from the sender''s identity';
COMMENT ON COLUMN vsoc.batches.sender IS 'identity that posted it';
COMMENT ON COLUMN vsoc.batches.transport_identity IS 'fingerprint of the sender''s certificate, or token:ID';
COMMENT ON COLUMN vsoc.batches.content_type IS 'Content-Type of the request';
COMMENT ON COLUMN vsoc.batches.content_encoding IS 'Content-Encoding of the request';
COMMENT ON COLUMN vsoc.batches.format IS 'format that was parsed';
COMMENT ON COLUMN vsoc.batches.parser_version IS 'version of its parser';
COMMENT ON COLUMN vsoc.batches.idempotency_key IS 'Idempotency-Key of the request';
COMMENT ON COLUMN vsoc.batches.traceparent IS 'W3C trace context of the request';
COMMENT ON COLUMN vsoc.batches.batch_key IS 'hash of tenant, sender and Idempotency-Key, or of tenant, sender and body: a repeat has the same';
COMMENT ON COLUMN vsoc.batches.body_bytes IS 'bytes of the body as sent';
COMMENT ON COLUMN vsoc.batches.inflated_bytes IS 'bytes of the body after inflating';
COMMENT ON COLUMN vsoc.batches.accepted IS 'events accepted';
COMMENT ON COLUMN vsoc.batches.duplicates IS 'events that had been sent before';
COMMENT ON COLUMN vsoc.batches.quarantined IS 'records quarantined when it was received';
COMMENT ON COLUMN vsoc.batches.body_sha256 IS 'SHA-256 of the body as received';
COMMENT ON COLUMN vsoc.batches.chain_hash IS 'hash over the previous batch''s hash and this batch';
CREATE INDEX batches_key ON vsoc.batches USING hash (batch_key);

CREATE TABLE vsoc.quarantine (
    batch_uid     uuid NOT NULL,
    batch_index   int4 NOT NULL,
    time_received timestamptz NOT NULL,
    tenant_id     text NOT NULL,
    source        text NOT NULL,
    code          text NOT NULL,
    detail        text,
    parser_name   text,
    raw_offset    int8 NOT NULL,
    raw_size      int8 NOT NULL,
    raw           bytea NOT NULL,
    PRIMARY KEY (batch_uid, batch_index, time_received)
) PARTITION BY RANGE (time_received);
COMMENT ON TABLE vsoc.quarantine IS 'records that no parser took, that policy refused, or that the database could not take';
COMMENT ON COLUMN vsoc.quarantine.batch_uid IS 'batch that carried the record';
COMMENT ON COLUMN vsoc.quarantine.batch_index IS '0-based place of the record in its batch';
COMMENT ON COLUMN vsoc.quarantine.time_received IS 'server clock when the batch had arrived';
COMMENT ON COLUMN vsoc.quarantine.tenant_id IS 'car maker or fleet operator, from the sender''s identity';
COMMENT ON COLUMN vsoc.quarantine.source IS 'who refused it: parse, policy, or sink (an event that the database refused)';
COMMENT ON COLUMN vsoc.quarantine.code IS 'reason as a word, the one of the batch''s report';
COMMENT ON COLUMN vsoc.quarantine.detail IS 'reason as a sentence';
COMMENT ON COLUMN vsoc.quarantine.parser_name IS 'parser that saw the record';
COMMENT ON COLUMN vsoc.quarantine.raw_offset IS 'where the record starts in the inflated batch, bytes';
COMMENT ON COLUMN vsoc.quarantine.raw_size IS 'bytes of the record; raw may hold fewer of them';
COMMENT ON COLUMN vsoc.quarantine.raw IS 'bytes of the record, or of the event as JSON when source is sink; may name a vehicle';
CREATE INDEX quarantine_time ON vsoc.quarantine (time_received);

CREATE TABLE vsoc.batch_keys (
    batch_key   bytea PRIMARY KEY,
    batch_uid   uuid NOT NULL,
    instance    text NOT NULL,
    time_loaded timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE vsoc.batch_keys IS 'keys of the batches loaded within dedup.window: a key is loaded once, whoever brings it';
COMMENT ON COLUMN vsoc.batch_keys.batch_key IS 'hash of vsoc.batches.batch_key and body_sha256';
COMMENT ON COLUMN vsoc.batch_keys.batch_uid IS 'batch that was loaded under it';
COMMENT ON COLUMN vsoc.batch_keys.instance IS 'vsocd instance that loaded it';
COMMENT ON COLUMN vsoc.batch_keys.time_loaded IS 'when: keys leave dedup.window later';
CREATE INDEX batch_keys_time ON vsoc.batch_keys (time_loaded);

CREATE TABLE vsoc.sink_position (
    instance     text NOT NULL,
    lane         int4 NOT NULL,
    lanes        int4 NOT NULL,
    spool_uid    uuid NOT NULL,
    position     int8 NOT NULL,
    batch_uid    uuid NOT NULL,
    time_changed timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (instance, lane)
) WITH (fillfactor = 50);
COMMENT ON TABLE vsoc.sink_position IS 'how far each lane of each instance has loaded its spool: where it starts again';
COMMENT ON COLUMN vsoc.sink_position.instance IS 'vsocd instance';
COMMENT ON COLUMN vsoc.sink_position.lane IS 'number of the connection';
COMMENT ON COLUMN vsoc.sink_position.lanes IS 'connections among which the positions were shared out';
COMMENT ON COLUMN vsoc.sink_position.spool_uid IS 'spool that the position belongs to';
COMMENT ON COLUMN vsoc.sink_position.position IS 'the lane has everything of its own up to this one';
COMMENT ON COLUMN vsoc.sink_position.batch_uid IS 'batch at that position: another one there means that the spool was restored from a copy';
COMMENT ON COLUMN vsoc.sink_position.time_changed IS 'when it last moved';

CREATE TABLE vsoc.analyst_tenants (
    login     name NOT NULL,
    tenant_id text NOT NULL,
    PRIMARY KEY (login, tenant_id)
);
COMMENT ON TABLE vsoc.analyst_tenants IS
    'which tenants a login sees in the views; while the table is empty every login sees all';
COMMENT ON COLUMN vsoc.analyst_tenants.login IS 'login of an analyst';
COMMENT ON COLUMN vsoc.analyst_tenants.tenant_id IS 'tenant that the login sees; * for all';
