-- 011: what a login can switch off for itself is no limit: statement_timeout, default_transaction_read_only. These hold.

CREATE TABLE vsoc.analyst_limits (
    login       name PRIMARY KEY,
    statement   interval NOT NULL CHECK (statement > interval '0'),
    transaction interval NOT NULL CHECK (transaction > interval '0')
);
COMMENT ON TABLE vsoc.analyst_limits IS 'how long statements and transactions of people may take; vsocd serve ends longer ones';
COMMENT ON COLUMN vsoc.analyst_limits.login IS 'login; * for all that have no row of their own';
COMMENT ON COLUMN vsoc.analyst_limits.statement IS 'longest statement: cancelled then, and the connection closed 10 s later if it goes on';
COMMENT ON COLUMN vsoc.analyst_limits.transaction IS 'longest transaction, idle or not: the connection is closed then';
INSERT INTO vsoc.analyst_limits VALUES ('*', '60 seconds', '10 minutes');
CREATE TRIGGER audit_rows AFTER INSERT OR UPDATE OR DELETE ON vsoc.analyst_limits FOR EACH ROW EXECUTE FUNCTION vsoc.audit_change();
CREATE TRIGGER audit_truncate AFTER TRUNCATE ON vsoc.analyst_limits FOR EACH STATEMENT EXECUTE FUNCTION vsoc.audit_change();
ALTER TABLE vsoc.analyst_limits ENABLE ALWAYS TRIGGER audit_rows;
ALTER TABLE vsoc.analyst_limits ENABLE ALWAYS TRIGGER audit_truncate;

-- Whose statements and transactions are limited: those who belong to a role for people and neither own the schema nor load into it.
CREATE FUNCTION vsoc.end_overdue() RETURNS TABLE (pid integer, login name, why text, done text, seconds integer)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    s record;
BEGIN
    IF NOT (pg_has_role(current_user, 'pg_signal_backend', 'USAGE') AND pg_has_role(current_user, 'pg_read_all_stats', 'USAGE')) THEN
        RAISE EXCEPTION 'the limits of analysts are not enforced: % may not see and end sessions', current_user
            USING ERRCODE = 'insufficient_privilege',
                  HINT = format('as a superuser: GRANT pg_signal_backend, pg_read_all_stats TO %I', current_user);
    END IF;
    FOR s IN
        SELECT a.pid, a.usename, a.state, extract(epoch FROM clock_timestamp() - a.query_start) AS query_s,
               extract(epoch FROM clock_timestamp() - a.xact_start) AS xact_s,
               extract(epoch FROM l.statement) AS statement_s, extract(epoch FROM l.transaction) AS transaction_s
        FROM pg_stat_activity a
        JOIN pg_roles r ON r.oid = a.usesysid
        CROSS JOIN LATERAL (SELECT * FROM vsoc.analyst_limits i WHERE i.login IN (a.usename, '*') ORDER BY i.login = '*' LIMIT 1) l
        WHERE a.datname = current_database() AND a.backend_type = 'client backend' AND a.pid <> pg_backend_pid() AND NOT r.rolsuper
          AND EXISTS (SELECT FROM pg_roles p WHERE p.rolname IN ('vsoc_analyst', 'vsoc_identity', 'vsoc_auditor')
                      AND pg_has_role(r.oid, p.oid, 'MEMBER'))
          AND NOT EXISTS (SELECT FROM pg_roles p WHERE (p.rolname = 'vsoc_ingest' OR p.rolname = current_user)
                          AND pg_has_role(r.oid, p.oid, 'MEMBER'))
    LOOP
        pid := s.pid;
        login := s.usename;
        IF s.xact_s > s.transaction_s THEN
            why := 'transaction';
            done := 'closed';
        ELSIF s.state IN ('active', 'fastpath function call') AND s.query_s > s.statement_s THEN
            why := 'statement';
            done := CASE WHEN s.query_s > s.statement_s + 10 THEN 'closed' ELSE 'cancelled' END;
        ELSE
            CONTINUE;
        END IF;
        seconds := CASE WHEN why = 'statement' THEN s.query_s ELSE s.xact_s END;
        IF done = 'closed' THEN
            CONTINUE WHEN NOT pg_terminate_backend(s.pid);
        ELSE
            CONTINUE WHEN NOT pg_cancel_backend(s.pid);
        END IF;
        INSERT INTO vsoc.audit (action, object, detail)
        VALUES ('end_' || why, login, jsonb_build_object('pid', s.pid, 'done', done, 'seconds', seconds));
        RETURN NEXT;
    END LOOP;
END
$$;
COMMENT ON FUNCTION vsoc.end_overdue() IS
    'ends statements and transactions of people that take longer than vsoc.analyst_limits allows; returns and writes to vsoc.audit what it ended';

-- What everybody may do in a database until it is taken away: fill the disk with temporary tables, large objects and messages in the log,
-- fill the lock table with advisory locks. Runs as the login that migrates, not as the schema's owner: it needs the database's rights.
CREATE FUNCTION vsoc.harden_database() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    owner name := (SELECT pg_get_userbyid(nspowner) FROM pg_namespace WHERE nspname = 'vsoc');
    open_functions text;
    f text;
BEGIN
    BEGIN
        IF to_regrole('vsoc_ingest') IS NOT NULL AND NOT EXISTS (
            SELECT FROM pg_database d, aclexplode(d.datacl) a
            WHERE d.datname = current_database() AND a.grantee = to_regrole('vsoc_ingest') AND a.privilege_type = 'TEMPORARY') THEN
            EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO vsoc_ingest', current_database());
        END IF;
        IF has_database_privilege('public', current_database(), 'TEMPORARY') THEN
            EXECUTE format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC', current_database());
        END IF;
    EXCEPTION WHEN insufficient_privilege THEN
        NULL;
    END;
    IF has_database_privilege('public', current_database(), 'TEMPORARY') THEN
        RAISE NOTICE 'everybody may make temporary tables; as the owner of the database: GRANT TEMPORARY ON DATABASE % TO vsoc_ingest; REVOKE TEMPORARY ON DATABASE % FROM PUBLIC',
            quote_ident(current_database()), quote_ident(current_database());
    END IF;
    FOR f IN
        SELECT p.oid::regprocedure::text FROM pg_proc p
        WHERE p.pronamespace = 'pg_catalog'::regnamespace AND has_function_privilege('public', p.oid, 'EXECUTE')
          AND (p.proname ~ '^lo_' OR p.proname IN ('loread', 'lowrite', 'pg_logical_emit_message') OR p.proname ~ '^pg_(try_)?advisory_')
    LOOP
        IF (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
            EXECUTE 'REVOKE EXECUTE ON FUNCTION ' || f || ' FROM PUBLIC';
        ELSE
            open_functions := 'yes';
        END IF;
    END LOOP;
    IF open_functions IS NOT NULL THEN
        RAISE NOTICE 'everybody may make large objects and advisory locks: have a superuser run SELECT vsoc.harden_database()';
    END IF;
    IF NOT (SELECT pg_has_role(owner, 'pg_signal_backend', 'MEMBER') AND pg_has_role(owner, 'pg_read_all_stats', 'MEMBER')) THEN
        BEGIN
            EXECUTE format('GRANT pg_signal_backend, pg_read_all_stats TO %I', owner);
        EXCEPTION WHEN insufficient_privilege OR invalid_grant_operation THEN
            RAISE NOTICE 'the limits of analysts are not enforced; as a superuser: GRANT pg_signal_backend, pg_read_all_stats TO %', quote_ident(owner);
        WHEN unique_violation OR internal_error THEN
            NULL; -- another database of this server was first
        END;
    END IF;
END
$$;
COMMENT ON FUNCTION vsoc.harden_database() IS
    'takes away from PUBLIC what would let analysts fill disk and lock table, and lets the schema''s owner end overdue sessions; may be repeated';

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
REVOKE ALL ON FUNCTION vsoc.end_overdue(), vsoc.harden_database() FROM PUBLIC;
