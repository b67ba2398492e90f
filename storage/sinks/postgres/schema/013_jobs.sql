-- 013: what servers do in the database beside loading (partitions ahead, deletion of old keys), one of them at a time.

-- The row is the lock: a server holds it FOR UPDATE while it runs the job. Only who may update the table can take it, so no analyst can stop a
-- job. Every login may take an advisory lock where no superuser has migrated, and pg_locks shows which numbers are held.
CREATE TABLE vsoc.jobs (
    name      text PRIMARY KEY,
    instance  text,
    time_done timestamptz
) WITH (fillfactor = 50);
COMMENT ON TABLE vsoc.jobs IS 'jobs of the database and who ran them last; vsocd serve holds a lock on the row while it runs the job';
COMMENT ON COLUMN vsoc.jobs.name IS 'job: partitions (made ahead), batch_keys (old ones deleted)';
COMMENT ON COLUMN vsoc.jobs.instance IS 'vsocd instance that completed it last; NULL: none yet';
COMMENT ON COLUMN vsoc.jobs.time_done IS 'when that was';

-- As in 011, and vsoc.jobs.
CREATE OR REPLACE FUNCTION vsoc.grant_roles() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    -- Partitions are attached under the same lock: both change the catalogue rows of the tables.
    LOCK TABLE vsoc.schema_version IN EXCLUSIVE MODE;
    REVOKE ALL ON ALL FUNCTIONS IN SCHEMA vsoc FROM PUBLIC;
    IF to_regrole('vsoc_ingest') IS NOT NULL THEN
        GRANT USAGE ON SCHEMA vsoc TO vsoc_ingest;
        GRANT INSERT ON vsoc.events, vsoc.batches, vsoc.quarantine TO vsoc_ingest;
        -- What is there, not what it says: `vsocd spool replay` puts in what is missing.
        GRANT SELECT (time_received, event_uid) ON vsoc.events TO vsoc_ingest;
        GRANT SELECT (batch_uid, time_received, batch_key, body_sha256) ON vsoc.batches TO vsoc_ingest;
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
