-- 015: row-level security separates the tenants instead of security_barrier views. The planner can't look into such a view: the newest row, or
-- max(time_received), was found by reading everything, joins hashed every partition, and no plan was parallel.
--
-- COPY is refused on a table with row-level security, and the right to bypass it would hold for all tables of all databases. So the tables that
-- are loaded get a parent each, which the views read: vsoc.tenant_events has one partition, vsoc.events, which has the days. The policy is the
-- parent's. FORCE applies it to the owner too, whose rights the views use: analysts still have no right on any table, and a view that an
-- administrator puts on top of these shows each login only its own tenants.

-- '*' stands for all tenants.
CREATE FUNCTION vsoc.current_tenants() RETURNS text[]
LANGUAGE plpgsql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN ARRAY(SELECT m.tenant_id FROM vsoc.my_tenants m);
END
$$;
COMMENT ON FUNCTION vsoc.current_tenants() IS 'tenants that this login sees, as in vsoc.my_tenants; for the policies of row-level security, which call it once a query';

-- Receipt of an event or batch, from its id (UUID version 7, RFC 9562): the first 48 bits are milliseconds since 1970. Immutable, also with
-- plus_ms (timestamptz + interval is not), so that partitions are left out when the statement is planned.
CREATE FUNCTION vsoc.uid_time(uid uuid, plus_ms integer DEFAULT 0) RETURNS timestamptz
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN substr(uid::text, 15, 1) = '7'
                THEN to_timestamp((('x' || substr(uid::text, 1, 8) || substr(uid::text, 10, 4))::bit(48)::bigint + plus_ms) / 1000.0::double precision) END
$$;
COMMENT ON FUNCTION vsoc.uid_time(uuid, integer) IS
    'time in an id of an event or batch, and so many ms later: time_received is at or after uid_time(id), and before uid_time(id, 1); NULL for an id that vsocd did not make';

CREATE TABLE vsoc.tenant_events (LIKE vsoc.events INCLUDING COMMENTS INCLUDING GENERATED) PARTITION BY RANGE (time_received);
CREATE TABLE vsoc.tenant_batches (LIKE vsoc.batches INCLUDING COMMENTS INCLUDING GENERATED) PARTITION BY RANGE (time_received);
CREATE TABLE vsoc.tenant_quarantine (LIKE vsoc.quarantine INCLUDING COMMENTS INCLUDING GENERATED) PARTITION BY RANGE (time_received);
COMMENT ON TABLE vsoc.tenant_events IS 'what the views of events read: vsoc.events, of which each login sees only its tenants';
COMMENT ON TABLE vsoc.tenant_batches IS 'what the views of batches read: vsoc.batches, of which each login sees only its tenants';
COMMENT ON TABLE vsoc.tenant_quarantine IS 'what the view of quarantined records reads: vsoc.quarantine, of which each login sees only its tenants';

-- Locks are taken in the order of those who use the tables meanwhile, or a deadlock would end the migration: a query locks its view, then the
-- tables; a load locks events, quarantine, batches.
CREATE OR REPLACE VIEW vsoc.all_events AS SELECT * FROM vsoc.tenant_events;
CREATE OR REPLACE VIEW vsoc.quarantine_reasons AS
SELECT batch_uid, batch_index, time_received, tenant_id, source, code, detail, parser_name, raw_offset, raw_size
FROM vsoc.tenant_quarantine;
CREATE OR REPLACE VIEW vsoc.batch_evidence AS SELECT * FROM vsoc.tenant_batches;

-- As in 005, but vsoc.events and the other loaded tables are partitions from here on.
CREATE OR REPLACE VIEW vsoc.schema_columns AS
SELECT c.relname::text AS object, a.attname::text AS column_name, format_type(a.atttypid, a.atttypmod) AS type,
       col_description(c.oid, a.attnum) AS meaning
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
WHERE c.relnamespace = 'vsoc'::regnamespace AND c.relkind IN ('p', 'r', 'v') AND (c.relkind = 'p' OR NOT c.relispartition)
  AND a.attnum > 0 AND NOT a.attisdropped;

LOCK TABLE vsoc.events, vsoc.quarantine, vsoc.batches IN ACCESS EXCLUSIVE MODE;

-- No row is read: time_received is NOT NULL, which implies these bounds.
ALTER TABLE vsoc.tenant_events ATTACH PARTITION vsoc.events FOR VALUES FROM (MINVALUE) TO (MAXVALUE);
ALTER TABLE vsoc.tenant_batches ATTACH PARTITION vsoc.batches FOR VALUES FROM (MINVALUE) TO (MAXVALUE);
ALTER TABLE vsoc.tenant_quarantine ATTACH PARTITION vsoc.quarantine FOR VALUES FROM (MINVALUE) TO (MAXVALUE);

-- The subselects make the function run once a query, and leave conditions on indexes and parallel plans possible. The policies are for whoever
-- reads: no role is named, so that no login is without one.
DO $$
DECLARE
    root text;
BEGIN
    FOREACH root IN ARRAY ARRAY['tenant_events', 'tenant_batches', 'tenant_quarantine'] LOOP
        EXECUTE format('ALTER TABLE vsoc.%I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', root);
        EXECUTE format($policy$
            CREATE POLICY own_tenants ON vsoc.%I FOR SELECT
            USING ((SELECT '*' = ANY (vsoc.current_tenants())) OR tenant_id = ANY ((SELECT vsoc.current_tenants())::text[]))
            $policy$, root);
        EXECUTE format($comment$COMMENT ON POLICY own_tenants ON vsoc.%I IS 'a login sees rows of its tenants (vsoc.analyst_tenants)'$comment$, root);
    END LOOP;
END
$$;

-- A day's partition has row-level security without a policy: whoever gets a right on it by mistake (GRANT … ON ALL TABLES) sees nothing.
-- Queries and loads through a parent do not look at it.
DO $$
DECLARE
    day regclass;
BEGIN
    FOR day IN
        SELECT i.inhrelid::regclass FROM pg_inherits i
        WHERE i.inhparent IN ('vsoc.events'::regclass, 'vsoc.batches'::regclass, 'vsoc.quarantine'::regclass)
    LOOP
        EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', day);
    END LOOP;
END
$$;

-- As in 009, with row-level security, and a partition of another name of its day is found.
CREATE OR REPLACE FUNCTION vsoc.make_partition(day date) RETURNS integer
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET lock_timeout = '2s' AS $$
DECLARE
    parent text;
    child text;
    day_names text;
    made integer := 0;
    locked boolean := false;
BEGIN
    FOREACH parent IN ARRAY ARRAY['events', 'batches', 'quarantine'] LOOP
        child := parent || to_char(day, '_YYYYMMDD');
        day_names := '^' || child || '(_[0-9]+)?$';
        CONTINUE WHEN EXISTS (
            SELECT FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
            WHERE i.inhparent = to_regclass('vsoc.' || parent) AND c.relname ~ day_names AND NOT i.inhdetachpending);
        IF NOT locked THEN
            LOCK TABLE vsoc.schema_version IN EXCLUSIVE MODE;
            locked := true;
            CONTINUE WHEN EXISTS (
                SELECT FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
                WHERE i.inhparent = to_regclass('vsoc.' || parent) AND c.relname ~ day_names AND NOT i.inhdetachpending);
        END IF;
        -- A partition that was detached may have kept the name. Once it is gone, the one that took its place is found by the other name.
        FOR nth IN 2 .. 1000 LOOP
            EXIT WHEN NOT EXISTS (SELECT FROM pg_class c WHERE c.relnamespace = 'vsoc'::regnamespace AND c.relname = child);
            child := parent || to_char(day, '_YYYYMMDD_') || nth;
        END LOOP;
        EXECUTE format('CREATE TABLE vsoc.%I (LIKE vsoc.%I INCLUDING ALL EXCLUDING COMMENTS)', child, parent);
        EXECUTE format('ALTER TABLE vsoc.%I ENABLE ROW LEVEL SECURITY', child);
        EXECUTE format('ALTER TABLE vsoc.%I ATTACH PARTITION vsoc.%I FOR VALUES FROM (%L) TO (%L)', parent, child,
                       day::timestamptz, (day + 1)::timestamptz);
        made := made + 1;
    END LOOP;
    RETURN made;
EXCEPTION WHEN duplicate_table THEN
    -- Only where the transaction keeps its first snapshot and does not see what others have made since.
    IF current_setting('transaction_isolation') IN ('read committed', 'read uncommitted') THEN
        RAISE;
    END IF;
    RAISE EXCEPTION 'another session has made the partitions of % since this transaction began: repeat it', day
        USING ERRCODE = 'serialization_failure';
END
$$;

-- The views read with their owner's rights. An owner whom row-level security does not stop would show every login every tenant.
CREATE FUNCTION vsoc.check_owner() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    free text;
BEGIN
    SELECT string_agg(DISTINCT quote_ident(r.rolname), ', ') INTO free
    FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner
    WHERE c.relnamespace = 'vsoc'::regnamespace AND c.relkind = 'v' AND (r.rolsuper OR r.rolbypassrls);
    IF free IS NOT NULL THEN
        RAISE EXCEPTION 'views of the schema vsoc belong to %, whom row-level security does not stop: every login would see every tenant', free
            USING ERRCODE = 'VSD03';
    END IF;
    SELECT string_agg(DISTINCT quote_ident(r.rolname), ', ') INTO free
    FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner
    JOIN pg_class t ON t.relnamespace = c.relnamespace AND t.relname IN ('tenant_events', 'tenant_batches', 'tenant_quarantine', 'analyst_tenants')
    WHERE c.relnamespace = 'vsoc'::regnamespace AND c.relname IN ('all_events', 'batch_evidence', 'quarantine_reasons', 'my_tenants')
      AND NOT has_table_privilege(r.oid, t.oid, 'SELECT');
    IF free IS NOT NULL THEN
        RAISE EXCEPTION 'views of the schema vsoc belong to %, who may not read the tables behind them: every query of an analyst would fail', free
            USING ERRCODE = 'VSD03';
    END IF;
    IF EXISTS (SELECT FROM unnest(ARRAY['tenant_events', 'tenant_batches', 'tenant_quarantine']) t
               JOIN pg_class c ON c.relnamespace = 'vsoc'::regnamespace AND c.relname = t
               WHERE NOT (c.relrowsecurity AND c.relforcerowsecurity)) THEN
        RAISE EXCEPTION 'row-level security is switched off on a table that the views read: every login would see every tenant'
            USING ERRCODE = 'VSD04';
    END IF;
END
$$;
COMMENT ON FUNCTION vsoc.check_owner() IS 'fails if the views would show tenants to logins that may not see them; each vsocd migrate calls it';

-- As in 013, and the functions of this file.
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
-- Views that exist show nothing to a login until it may call the policy's function; those of others than the roles are in use meanwhile.
REVOKE ALL ON FUNCTION vsoc.check_owner() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION vsoc.current_tenants(), vsoc.uid_time(uuid, integer) TO PUBLIC;
SELECT vsoc.check_owner();
