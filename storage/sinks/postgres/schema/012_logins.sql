-- 012: a role that has members is nobody's login. Each member may SET ROLE to it, give it a password and log in as it: it would see what
-- that login sees, and vsoc.audit would name the role instead of the person.

CREATE VIEW vsoc.shared_logins AS
SELECT g.rolname AS login, array_agg(m.rolname ORDER BY m.rolname) AS members
FROM pg_auth_members a JOIN pg_roles g ON g.oid = a.roleid JOIN pg_roles m ON m.oid = a.member
-- From version 16 of PostgreSQL on, membership can be granted WITH SET FALSE.
WHERE (coalesce(to_jsonb(a) ->> 'set_option', 'true') = 'true' OR a.admin_option) AND NOT m.rolsuper AND NOT m.rolcreaterole
GROUP BY g.rolname;
COMMENT ON VIEW vsoc.shared_logins IS 'roles that others can become: rows of vsoc.analyst_tenants for them count for nothing';
COMMENT ON COLUMN vsoc.shared_logins.login IS 'the role';
COMMENT ON COLUMN vsoc.shared_logins.members IS 'who can become it';

CREATE OR REPLACE VIEW vsoc.my_tenants WITH (security_barrier) AS
SELECT DISTINCT tenant_id FROM vsoc.analyst_tenants
WHERE login = '*' OR (login = session_user AND NOT EXISTS (SELECT FROM vsoc.shared_logins s WHERE s.login = session_user));

-- As in 010, but whoever asks is one person.
CREATE OR REPLACE FUNCTION vsoc.request_access(wanted text, wanted_object text, reason text) RETURNS uuid
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    given uuid;
BEGIN
    IF wanted_object IS NULL THEN
        RAISE EXCEPTION 'the request does not say what it is for: an argument is NULL' USING ERRCODE = 'null_value_not_allowed';
    END IF;
    IF EXISTS (SELECT FROM vsoc.shared_logins s WHERE s.login = session_user) THEN
        RAISE EXCEPTION 'the login % has members: the audit could not say which of them asks', session_user
            USING ERRCODE = 'insufficient_privilege', HINT = 'log in as yourself';
    END IF;
    DELETE FROM vsoc.access_requests WHERE ticket = ANY (ARRAY(
        SELECT ticket FROM vsoc.access_requests WHERE time_requested < clock_timestamp() - interval '1 day' LIMIT 100 FOR UPDATE SKIP LOCKED));
    INSERT INTO vsoc.access_requests (action, object) VALUES (wanted, wanted_object) RETURNING ticket INTO given;
    INSERT INTO vsoc.audit (action, object, detail)
    VALUES ('request:' || wanted, wanted_object,
            jsonb_strip_nulls(jsonb_build_object('ticket', given, 'reason', left(reason, 1000), 'address', host(inet_client_addr()))));
    RETURN given;
END
$$;

-- Without a row for the login and without one for *, the limits of a new database hold: taking rows away takes no limit away.
CREATE FUNCTION vsoc.limits_of(who name, OUT statement interval, OUT transaction interval)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT i.statement, i.transaction FROM (
        SELECT l.statement, l.transaction, CASE l.login WHEN '*' THEN 1 ELSE 0 END AS turn FROM vsoc.analyst_limits l WHERE l.login IN (who, '*')
        UNION ALL SELECT interval '60 seconds', interval '10 minutes', 2) i
    ORDER BY i.turn LIMIT 1
$$;
COMMENT ON FUNCTION vsoc.limits_of(name) IS 'how long statements and transactions of a login may take';
REVOKE ALL ON FUNCTION vsoc.limits_of(name) FROM PUBLIC;

-- As in 011, but with limits_of.
CREATE OR REPLACE FUNCTION vsoc.end_overdue() RETURNS TABLE (pid integer, login name, why text, done text, seconds integer)
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
        CROSS JOIN LATERAL vsoc.limits_of(a.usename) l
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
-- What an administrator should change about logins for people. Runs at the end of each migration, as the login that migrates.
CREATE FUNCTION vsoc.review_logins() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    people CONSTANT name[] := ARRAY['vsoc_analyst', 'vsoc_identity', 'vsoc_auditor'];
    r record;
    unlimited text;
BEGIN
    FOR r IN
        SELECT s.login, array_to_string(s.members[1:5], ', ') AS members
        FROM vsoc.shared_logins s JOIN pg_roles p ON p.rolname = s.login
        WHERE p.rolcanlogin AND (s.login = ANY (people) OR EXISTS (SELECT FROM vsoc.analyst_tenants t WHERE t.login = s.login))
    LOOP
        RAISE NOTICE '% can be logged in as by its members (%) and sees only the tenants of the login *: ALTER ROLE % NOLOGIN',
            r.login, r.members, quote_ident(r.login);
    END LOOP;
    -- What is already limited, by hand too, stays.
    FOR r IN SELECT rolname, rolcanlogin FROM pg_roles WHERE rolname = ANY (people) AND rolconnlimit = -1
    LOOP
        BEGIN
            EXECUTE format('ALTER ROLE %I CONNECTION LIMIT 20', r.rolname);
        EXCEPTION WHEN insufficient_privilege THEN
            RAISE NOTICE '% may use up the connections of the server; as an administrator: ALTER ROLE % CONNECTION LIMIT 20',
                r.rolname, quote_ident(r.rolname);
        WHEN internal_error THEN
            NULL; -- another database of this server was first
        END;
    END LOOP;
    -- A sort of everything fills the disk; only a superuser may set this, so nobody takes it back for himself.
    FOR r IN
        SELECT p.rolname FROM pg_roles p
        WHERE p.rolname = ANY (people) AND (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AND NOT EXISTS (
            SELECT FROM pg_db_role_setting d, unnest(d.setconfig) c WHERE d.setrole = p.oid AND c LIKE 'temp_file_limit=%')
    LOOP
        BEGIN
            EXECUTE format('ALTER ROLE %I SET temp_file_limit = %L', r.rolname, '2GB');
        EXCEPTION WHEN internal_error THEN
            NULL; -- another database of this server was first
        END;
    END LOOP;
    SELECT string_agg(quote_ident(p.rolname), ', ' ORDER BY p.rolname) INTO unlimited FROM pg_roles p
    WHERE p.rolcanlogin AND p.rolconnlimit = -1 AND NOT p.rolsuper AND NOT p.rolcreaterole AND p.rolname <> ALL (people) AND EXISTS (
        SELECT FROM unnest(people) g JOIN pg_roles q ON q.rolname = g WHERE pg_has_role(p.oid, q.oid, 'MEMBER'));
    IF unlimited IS NOT NULL THEN
        RAISE NOTICE 'these logins may use up the connections of the server, ALTER ROLE … CONNECTION LIMIT bounds them: %', left(unlimited, 500);
    END IF;
END
$$;
COMMENT ON FUNCTION vsoc.review_logins() IS 'limits the connections of roles for people, and says which logins are shared or not limited; may be repeated';
REVOKE ALL ON FUNCTION vsoc.review_logins() FROM PUBLIC;
