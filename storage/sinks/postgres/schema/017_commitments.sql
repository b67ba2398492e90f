-- 017: no column says what a body was to somebody who can guess it. A SHA-256 of a short body is found by trying bodies, and would outlive the
-- body's erasure: instead of it there are a digest under a key of the server's, by which the same body is recognised, and a commitment under a
-- salt that an erasure destroys, which is in the leaf of the evidence tree.

-- The view first: a query locks it before the tables.
ALTER VIEW vsoc.batch_evidence RENAME COLUMN body_sha256 TO body_digest;
ALTER TABLE vsoc.tenant_batches RENAME COLUMN body_sha256 TO body_digest;
ALTER TABLE vsoc.tenant_batches ALTER COLUMN body_digest DROP NOT NULL;
ALTER TABLE vsoc.tenant_batches ADD COLUMN body_commitment bytea, ADD COLUMN leaf_index int8;
CREATE OR REPLACE VIEW vsoc.batch_evidence AS SELECT * FROM vsoc.tenant_batches;

-- Those of before: the spool has them, and its retention ends. Each row of vsoc.batches is written once.
UPDATE vsoc.batches SET body_digest = NULL WHERE body_digest IS NOT NULL;

DO $$
DECLARE
    shown text;
BEGIN
    FOREACH shown IN ARRAY ARRAY['batches', 'tenant_batches', 'batch_evidence'] LOOP
        EXECUTE format('COMMENT ON COLUMN vsoc.%I.body_digest IS %L', shown,
                       'keyed digest of the body as received: the same body has the same; NULL for batches of servers before format 2 of the spool');
        EXECUTE format('COMMENT ON COLUMN vsoc.%I.body_commitment IS %L', shown,
                       'commitment of the body as received, as in the leaf of the evidence tree: HMAC-SHA-256 under a salt that is beside the body; NULL as for body_digest');
        EXECUTE format('COMMENT ON COLUMN vsoc.%I.leaf_index IS %L', shown,
                       'number of the batch''s leaf in the evidence tree of its spool; NULL as for body_digest');
    END LOOP;
END
$$;
COMMENT ON COLUMN vsoc.batch_keys.batch_key IS 'hash of vsoc.batches.batch_key and the keyed digest of the body';

-- As in 015, with the new name of the column.
CREATE OR REPLACE FUNCTION vsoc.grant_roles() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    -- Partitions are attached under the same lock: both change the catalogue rows of the tables.
    LOCK TABLE vsoc.schema_version IN EXCLUSIVE MODE;
    PERFORM vsoc.check_owner();
    REVOKE ALL ON ALL FUNCTIONS IN SCHEMA vsoc FROM PUBLIC;
    -- Whoever may read a view needs the function of the policy: it says what vsoc.my_tenants says.
    GRANT EXECUTE ON FUNCTION vsoc.current_tenants(), vsoc.uid_time(uuid, integer) TO PUBLIC;
    IF to_regrole('vsoc_ingest') IS NOT NULL THEN
        GRANT USAGE ON SCHEMA vsoc TO vsoc_ingest;
        GRANT INSERT ON vsoc.events, vsoc.batches, vsoc.quarantine TO vsoc_ingest;
        -- What is there, not what it says: `vsocd spool replay` puts in what is missing.
        GRANT SELECT (time_received, event_uid) ON vsoc.events TO vsoc_ingest;
        GRANT SELECT (batch_uid, time_received, batch_key, body_digest) ON vsoc.batches TO vsoc_ingest;
        GRANT SELECT (batch_uid, batch_index, time_received) ON vsoc.quarantine TO vsoc_ingest;
        GRANT INSERT, SELECT ON vsoc.batch_keys TO vsoc_ingest;
        GRANT INSERT, SELECT, UPDATE ON vsoc.sink_position TO vsoc_ingest;
        GRANT SELECT ON vsoc.schema_version TO vsoc_ingest;
        -- UPDATE is also the right to lock a row, and that is the lock of a job: nobody else may have it.
        GRANT INSERT, SELECT, UPDATE ON vsoc.jobs TO vsoc_ingest;
        GRANT EXECUTE ON FUNCTION vsoc.ensure_partition(date), vsoc.ensure_odd_partition(date), vsoc.ensure_partitions(integer),
            vsoc.trim_batch_keys(interval, integer), vsoc.end_overdue() TO vsoc_ingest;
    END IF;
    IF to_regrole('vsoc_analyst') IS NOT NULL THEN
        GRANT USAGE ON SCHEMA vsoc TO vsoc_analyst;
        GRANT SELECT ON vsoc.all_events, vsoc.recent_events, vsoc.vehicle_timeline, vsoc.batch_evidence,
            vsoc.quarantine_reasons, vsoc.ingest_health, vsoc.schema_columns, vsoc.my_tenants TO vsoc_analyst;
    END IF;
    IF to_regrole('vsoc_identity') IS NOT NULL THEN
        GRANT USAGE ON SCHEMA vsoc TO vsoc_identity;
        GRANT SELECT ON vsoc.quarantine_reasons, vsoc.my_tenants TO vsoc_identity;
        GRANT EXECUTE ON FUNCTION vsoc.request_quarantine(uuid, integer, text), vsoc.read_quarantine(uuid) TO vsoc_identity;
    END IF;
    IF to_regrole('vsoc_auditor') IS NOT NULL THEN
        GRANT USAGE ON SCHEMA vsoc TO vsoc_auditor;
        GRANT SELECT ON vsoc.audit, vsoc.access_requests, vsoc.analyst_tenants, vsoc.analyst_limits,
            vsoc.schema_columns TO vsoc_auditor;
    END IF;
    IF NOT EXISTS (SELECT FROM vsoc.analyst_tenants) THEN
        RAISE NOTICE 'no login sees any tenant yet: INSERT INTO vsoc.analyst_tenants VALUES (''login'', ''tenant''), * for all tenants';
    END IF;
END
$$;
