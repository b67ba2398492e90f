-- 008: the vehicle that a record claimed and its sender is not, beside the sender's own; pseudonyms by tenant.

ALTER TABLE vsoc.events ADD COLUMN claimed_vehicle_pid bytea;
COMMENT ON COLUMN vsoc.events.claimed_vehicle_pid IS 'vehicle that the record claimed and its sender is not (identity.vin_mismatch: flag); vehicle_pid is the sender''s';
COMMENT ON COLUMN vsoc.events.vehicle_pid IS 'keyed pseudonym of the vehicle: HMAC-SHA-256(key of the tenant, VIN)';

-- As 007 has them, with the new column at the end.
CREATE OR REPLACE VIEW vsoc.all_events WITH (security_barrier) AS
SELECT * FROM vsoc.events
WHERE (SELECT NOT EXISTS (SELECT FROM vsoc.analyst_tenants)
              OR EXISTS (SELECT FROM vsoc.analyst_tenants a WHERE a.login = session_user AND a.tenant_id = '*'))
   OR tenant_id = ANY (ARRAY(SELECT a.tenant_id FROM vsoc.analyst_tenants a WHERE a.login = session_user));

CREATE OR REPLACE VIEW vsoc.recent_events AS
SELECT time_received,
       timestamptz 'epoch' + time_event_ns / 1000 * interval '1 microsecond' AS time_event,
       tenant_id, vehicle_pid, wmi, model_code, severity_id,
       CASE severity_id WHEN 0 THEN 'unknown' WHEN 1 THEN 'informational' WHEN 2 THEN 'low' WHEN 3 THEN 'medium'
                        WHEN 4 THEN 'high' WHEN 5 THEN 'critical' WHEN 6 THEN 'fatal' ELSE 'other' END AS severity,
       event_name, event_category, sensor_kind, ecu_id, sev_id, count, disposition, bus_id, can_id, src_ip, dst_ip, dst_port,
       rule_id, r155_threat, atm_technique, message, attributes, event_uid, batch_uid, batch_index,
       process_name, process_pid, process_executable, process_command_line, user_name, user_id, file_path, claimed_vehicle_pid
FROM vsoc.all_events
WHERE time_received > now() - interval '24 hours';

CREATE OR REPLACE VIEW vsoc.vehicle_timeline AS
SELECT tenant_id, vehicle_pid,
       coalesce(timestamptz 'epoch' + time_event_ns / 1000 * interval '1 microsecond', time_received) AS time_shown,
       time_event_ns, time_source, time_quality, time_received, clock_skew_ms, replay, vehicle_seq,
       severity_id, event_name, event_category, count, sensor_kind, ecu_id, sw_baseline,
       is_moving, speed_kmh, power_state, geo_cell, uds_sid, uds_nrc, bus_id, can_id, src_ip, dst_ip,
       r155_threat, message, attributes, event_uid, batch_uid, batch_index,
       process_name, process_pid, process_executable, process_command_line, user_name, user_id, file_path, claimed_vehicle_pid
FROM vsoc.all_events
WHERE vehicle_pid IS NOT NULL;

DO $$
DECLARE
    shown text;
BEGIN
    FOREACH shown IN ARRAY ARRAY['all_events', 'recent_events', 'vehicle_timeline'] LOOP
        EXECUTE format('COMMENT ON COLUMN vsoc.%I.claimed_vehicle_pid IS %L', shown,
                       col_description('vsoc.events'::regclass, (SELECT attnum FROM pg_attribute
                           WHERE attrelid = 'vsoc.events'::regclass AND attname = 'claimed_vehicle_pid')));
        EXECUTE format('COMMENT ON COLUMN vsoc.%I.vehicle_pid IS %L', shown,
                       col_description('vsoc.events'::regclass, (SELECT attnum FROM pg_attribute
                           WHERE attrelid = 'vsoc.events'::regclass AND attname = 'vehicle_pid')));
    END LOOP;
END
$$;
