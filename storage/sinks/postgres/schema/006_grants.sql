-- 006: who may do what. In a function, because roles may be made after the schema: every `vsocd migrate` calls it at its end.

CREATE FUNCTION vsoc.grant_roles() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    -- Partitions are attached under the same lock: both change the catalogue rows of the tables.
    PERFORM pg_advisory_xact_lock(1987276643, 1);
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
        GRANT EXECUTE ON FUNCTION vsoc.ensure_partition(date), vsoc.ensure_partitions(integer),
            vsoc.trim_batch_keys(interval, integer) TO vsoc_ingest;
    END IF;
    IF to_regrole('vsoc_analyst') IS NOT NULL THEN
        GRANT USAGE ON SCHEMA vsoc TO vsoc_analyst;
        GRANT SELECT ON vsoc.all_events, vsoc.recent_events, vsoc.vehicle_timeline, vsoc.batch_evidence,
            vsoc.quarantine_reasons, vsoc.ingest_health, vsoc.schema_columns TO vsoc_analyst;
    END IF;
    IF to_regrole('vsoc_identity') IS NOT NULL THEN
        GRANT USAGE ON SCHEMA vsoc TO vsoc_identity;
        GRANT SELECT ON vsoc.quarantine_reasons TO vsoc_identity;
        GRANT EXECUTE ON FUNCTION vsoc.read_quarantine(uuid, integer) TO vsoc_identity;
    END IF;
END
$$;
COMMENT ON FUNCTION vsoc.grant_roles() IS 'gives the roles that are there their rights; may be repeated';
