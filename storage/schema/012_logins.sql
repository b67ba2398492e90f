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
    SELECT string_agg(quote_ident(p.rolname), ', ' ORDER BY p.rolname) INTO unlimited FROM pg_roles p
    WHERE p.rolcanlogin AND p.rolconnlimit = -1 AND NOT p.rolsuper AND p.rolname <> ALL (people) AND EXISTS (
        SELECT FROM unnest(people) g JOIN pg_roles q ON q.rolname = g WHERE pg_has_role(p.oid, q.oid, 'MEMBER'));
    IF unlimited IS NOT NULL THEN
        RAISE NOTICE 'these logins may use up the connections of the server, ALTER ROLE … CONNECTION LIMIT bounds them: %', left(unlimited, 500);
    END IF;
END
$$;
COMMENT ON FUNCTION vsoc.review_logins() IS 'limits the connections of roles for people, and says which logins are shared or not limited; may be repeated';
REVOKE ALL ON FUNCTION vsoc.review_logins() FROM PUBLIC;
