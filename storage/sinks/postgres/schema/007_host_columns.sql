-- 007: what host formats say of process, user and file. Adding a column that may be null changes the catalogue only; the views name
-- them behind the columns that they had.

ALTER TABLE vsoc.events ADD COLUMN process_name text;
ALTER TABLE vsoc.events ADD COLUMN process_pid int4;
ALTER TABLE vsoc.events ADD COLUMN process_executable text;
ALTER TABLE vsoc.events ADD COLUMN process_command_line text;
ALTER TABLE vsoc.events ADD COLUMN user_name text;
ALTER TABLE vsoc.events ADD COLUMN user_id text;
ALTER TABLE vsoc.events ADD COLUMN file_path text;
COMMENT ON COLUMN vsoc.events.process_name IS 'name of the process that acted or reported (ECS process.name)';
COMMENT ON COLUMN vsoc.events.process_pid IS 'its id (ECS process.pid)';
COMMENT ON COLUMN vsoc.events.process_executable IS 'path of its program (ECS process.executable)';
COMMENT ON COLUMN vsoc.events.process_command_line IS 'its program and arguments, joined by blanks (ECS process.command_line)';
COMMENT ON COLUMN vsoc.events.user_name IS 'name of the user (ECS user.name)';
COMMENT ON COLUMN vsoc.events.user_id IS 'id of the user: number, SID (ECS user.id)';
COMMENT ON COLUMN vsoc.events.file_path IS 'path of the file that the event is about (ECS file.path)';

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
       process_name, process_pid, process_executable, process_command_line, user_name, user_id, file_path
FROM vsoc.all_events
WHERE time_received > now() - interval '24 hours';

CREATE OR REPLACE VIEW vsoc.vehicle_timeline AS
SELECT tenant_id, vehicle_pid,
       coalesce(timestamptz 'epoch' + time_event_ns / 1000 * interval '1 microsecond', time_received) AS time_shown,
       time_event_ns, time_source, time_quality, time_received, clock_skew_ms, replay, vehicle_seq,
       severity_id, event_name, event_category, count, sensor_kind, ecu_id, sw_baseline,
       is_moving, speed_kmh, power_state, geo_cell, uds_sid, uds_nrc, bus_id, can_id, src_ip, dst_ip,
       r155_threat, message, attributes, event_uid, batch_uid, batch_index,
       process_name, process_pid, process_executable, process_command_line, user_name, user_id, file_path
FROM vsoc.all_events
WHERE vehicle_pid IS NOT NULL;

DO $$
DECLARE
    shown record;
BEGIN
    FOR shown IN
        SELECT v.relname, va.attname, col_description(t.oid, ta.attnum) AS meaning
        FROM pg_class v
        JOIN pg_class t ON t.oid = to_regclass('vsoc.events')
        JOIN pg_attribute va ON va.attrelid = v.oid AND va.attnum > 0
        JOIN pg_attribute ta ON ta.attrelid = t.oid AND ta.attname = va.attname
        WHERE v.oid IN (to_regclass('vsoc.all_events'), to_regclass('vsoc.recent_events'), to_regclass('vsoc.vehicle_timeline'))
          AND col_description(v.oid, va.attnum) IS NULL
    LOOP
        EXECUTE format('COMMENT ON COLUMN vsoc.%I.%I IS %L', shown.relname, shown.attname, shown.meaning);
    END LOOP;
END
$$;
