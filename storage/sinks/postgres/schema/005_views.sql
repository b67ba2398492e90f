-- 005: what analysts read. Views run with their owner's rights: analysts need no right on the tables. Rows of tenants that a login
-- may not see are left out before anything else is looked at (security_barrier); its tenants are read once a query.

CREATE VIEW vsoc.all_events WITH (security_barrier) AS
SELECT * FROM vsoc.events
WHERE (SELECT NOT EXISTS (SELECT FROM vsoc.analyst_tenants)
              OR EXISTS (SELECT FROM vsoc.analyst_tenants a WHERE a.login = session_user AND a.tenant_id = '*'))
   OR tenant_id = ANY (ARRAY(SELECT a.tenant_id FROM vsoc.analyst_tenants a WHERE a.login = session_user));
COMMENT ON VIEW vsoc.all_events IS 'every event with every column; name a range of time_received, or all days are read';

CREATE VIEW vsoc.recent_events AS
SELECT time_received,
       timestamptz 'epoch' + time_event_ns / 1000 * interval '1 microsecond' AS time_event,
       tenant_id, vehicle_pid, wmi, model_code, severity_id,
       CASE severity_id WHEN 0 THEN 'unknown' WHEN 1 THEN 'informational' WHEN 2 THEN 'low' WHEN 3 THEN 'medium'
                        WHEN 4 THEN 'high' WHEN 5 THEN 'critical' WHEN 6 THEN 'fatal' ELSE 'other' END AS severity,
       event_name, event_category, sensor_kind, ecu_id, sev_id, count, disposition, bus_id, can_id, src_ip, dst_ip, dst_port,
       rule_id, r155_threat, atm_technique, message, attributes, event_uid, batch_uid, batch_index
FROM vsoc.all_events
WHERE time_received > now() - interval '24 hours';
COMMENT ON VIEW vsoc.recent_events IS 'events of the last 24 hours with the columns that are read most';
COMMENT ON COLUMN vsoc.recent_events.time_event IS 'vehicle''s claim of the time, to the microsecond';
COMMENT ON COLUMN vsoc.recent_events.severity IS 'severity_id as a word (OCSF)';

CREATE VIEW vsoc.vehicle_timeline AS
SELECT tenant_id, vehicle_pid,
       coalesce(timestamptz 'epoch' + time_event_ns / 1000 * interval '1 microsecond', time_received) AS time_shown,
       time_event_ns, time_source, time_quality, time_received, clock_skew_ms, replay, vehicle_seq,
       severity_id, event_name, event_category, count, sensor_kind, ecu_id, sw_baseline,
       is_moving, speed_kmh, power_state, geo_cell, uds_sid, uds_nrc, bus_id, can_id, src_ip, dst_ip,
       r155_threat, message, attributes, event_uid, batch_uid, batch_index
FROM vsoc.all_events
WHERE vehicle_pid IS NOT NULL;
COMMENT ON VIEW vsoc.vehicle_timeline IS 'events by vehicle: select one vehicle_pid, order by time_shown';
COMMENT ON COLUMN vsoc.vehicle_timeline.time_shown IS
    'vehicle''s claim of the time, or time_received where it claims none; trust it as far as time_quality says';

CREATE VIEW vsoc.batch_evidence WITH (security_barrier) AS
SELECT * FROM vsoc.batches
WHERE (SELECT NOT EXISTS (SELECT FROM vsoc.analyst_tenants)
              OR EXISTS (SELECT FROM vsoc.analyst_tenants a WHERE a.login = session_user AND a.tenant_id = '*'))
   OR tenant_id = ANY (ARRAY(SELECT a.tenant_id FROM vsoc.analyst_tenants a WHERE a.login = session_user));
COMMENT ON VIEW vsoc.batch_evidence IS 'every batch with sender, counts and hashes: leads from an event to what was received';

CREATE VIEW vsoc.quarantine_reasons WITH (security_barrier) AS
SELECT batch_uid, batch_index, time_received, tenant_id, source, code, detail, parser_name, raw_offset, raw_size
FROM vsoc.quarantine
WHERE (SELECT NOT EXISTS (SELECT FROM vsoc.analyst_tenants)
              OR EXISTS (SELECT FROM vsoc.analyst_tenants a WHERE a.login = session_user AND a.tenant_id = '*'))
   OR tenant_id = ANY (ARRAY(SELECT a.tenant_id FROM vsoc.analyst_tenants a WHERE a.login = session_user));
COMMENT ON VIEW vsoc.quarantine_reasons IS 'quarantined records without their bytes, which may name a vehicle';

CREATE VIEW vsoc.ingest_health AS
SELECT date_trunc('hour', time_received) AS hour,
       instance, tenant_id, format,
       count(*) AS batches,
       count(DISTINCT sender) AS senders,
       sum(accepted)::int8 AS accepted,
       sum(duplicates)::int8 AS duplicates,
       sum(quarantined)::int8 AS quarantined,
       sum(body_bytes)::int8 AS body_bytes,
       sum(inflated_bytes)::int8 AS inflated_bytes,
       round(avg(extract(epoch FROM time_loaded - time_received)), 3) AS load_delay_mean_s,
       round(max(extract(epoch FROM time_loaded - time_received)), 3) AS load_delay_max_s,
       max(time_received) AS newest_received
FROM vsoc.batch_evidence
WHERE time_received > now() - interval '7 days'
GROUP BY 1, 2, 3, 4;
COMMENT ON VIEW vsoc.ingest_health IS 'what arrived in the last 7 days, by hour, instance, tenant and format, and how long it took into the database';
COMMENT ON COLUMN vsoc.ingest_health.hour IS 'hour of receipt';
COMMENT ON COLUMN vsoc.ingest_health.batches IS 'batches received';
COMMENT ON COLUMN vsoc.ingest_health.senders IS 'identities that sent them';
COMMENT ON COLUMN vsoc.ingest_health.load_delay_mean_s IS 'mean seconds from receipt to the database';
COMMENT ON COLUMN vsoc.ingest_health.load_delay_max_s IS 'longest seconds from receipt to the database';
COMMENT ON COLUMN vsoc.ingest_health.newest_received IS 'when the newest of them was received';

CREATE VIEW vsoc.schema_columns AS
SELECT c.relname::text AS object, a.attname::text AS column_name, format_type(a.atttypid, a.atttypmod) AS type,
       col_description(c.oid, a.attnum) AS meaning
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
WHERE c.relnamespace = 'vsoc'::regnamespace AND c.relkind IN ('p', 'r', 'v') AND NOT c.relispartition
  AND a.attnum > 0 AND NOT a.attisdropped;
COMMENT ON VIEW vsoc.schema_columns IS 'every column of this schema with its meaning';
COMMENT ON COLUMN vsoc.schema_columns.object IS 'table or view';
COMMENT ON COLUMN vsoc.schema_columns.column_name IS 'column';
COMMENT ON COLUMN vsoc.schema_columns.type IS 'its type';
COMMENT ON COLUMN vsoc.schema_columns.meaning IS 'what it holds';

-- A view's column that has no comment of its own takes that of the column it shows.
DO $$
DECLARE
    shown record;
BEGIN
    FOR shown IN
        SELECT v.relname, va.attname, col_description(t.oid, ta.attnum) AS meaning
        FROM (VALUES ('all_events', 'events'), ('recent_events', 'events'), ('vehicle_timeline', 'events'),
                     ('batch_evidence', 'batches'), ('ingest_health', 'batches'), ('quarantine_reasons', 'quarantine'))
             AS pair(view_name, table_name)
        JOIN pg_class v ON v.oid = to_regclass('vsoc.' || pair.view_name)
        JOIN pg_class t ON t.oid = to_regclass('vsoc.' || pair.table_name)
        JOIN pg_attribute va ON va.attrelid = v.oid AND va.attnum > 0
        JOIN pg_attribute ta ON ta.attrelid = t.oid AND ta.attname = va.attname
        WHERE col_description(v.oid, va.attnum) IS NULL
    LOOP
        EXECUTE format('COMMENT ON COLUMN vsoc.%I.%I IS %L', shown.relname, shown.attname, shown.meaning);
    END LOOP;
END
$$;
