-- 010: who sees what, denied by default, and every change of that written down. Looking at what can name a vehicle takes two transactions:
-- the request is written and committed before anything is shown, so that no rollback takes the record of it away.

DO $$
BEGIN
    IF to_regrole('vsoc_auditor') IS NULL AND EXISTS (SELECT FROM pg_roles WHERE rolname = session_user AND (rolsuper OR rolcreaterole)) THEN
        RESET ROLE; -- the schema's owner makes no roles
        CREATE ROLE vsoc_auditor LOGIN;
        ALTER ROLE vsoc_auditor SET default_transaction_read_only = on;
        COMMENT ON ROLE vsoc_auditor IS 'vsocd: reads who did what (vsoc.audit) and who may see what';
    ELSIF to_regrole('vsoc_auditor') IS NULL THEN
        RAISE NOTICE 'the role vsoc_auditor is not there and % may not create roles: have an administrator create it, then run vsocd migrate again',
            session_user;
    END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
    NULL; -- another database of this server was first
END
$$;
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_namespace n JOIN pg_roles r ON r.oid = n.nspowner
               WHERE n.nspname = 'vsoc' AND r.rolname = 'vsoc_owner' AND pg_has_role(current_user, r.oid, 'MEMBER')) THEN
        SET LOCAL ROLE vsoc_owner;
    END IF;
END
$$;

-- ---- tenants ------------------------------------------------------------------------------------------------------------------

COMMENT ON TABLE vsoc.analyst_tenants IS 'which tenants a login sees in the views: none without a row';
COMMENT ON COLUMN vsoc.analyst_tenants.login IS 'login of an analyst; * for every login';

CREATE FUNCTION vsoc.audit_change() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO vsoc.audit (action, object, detail)
    VALUES (lower(TG_OP), TG_TABLE_SCHEMA || '.' || TG_TABLE_NAME,
            jsonb_strip_nulls(jsonb_build_object('old', CASE WHEN TG_OP IN ('UPDATE', 'DELETE') THEN to_jsonb(OLD) END,
                                                 'new', CASE WHEN TG_OP IN ('INSERT', 'UPDATE') THEN to_jsonb(NEW) END,
                                                 'address', host(inet_client_addr()))));
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION vsoc.audit_change() IS 'trigger: writes who changed a row, and what of it, to vsoc.audit';

CREATE TRIGGER audit_rows AFTER INSERT OR UPDATE OR DELETE ON vsoc.analyst_tenants FOR EACH ROW EXECUTE FUNCTION vsoc.audit_change();
CREATE TRIGGER audit_truncate AFTER TRUNCATE ON vsoc.analyst_tenants FOR EACH STATEMENT EXECUTE FUNCTION vsoc.audit_change();
ALTER TABLE vsoc.analyst_tenants ENABLE ALWAYS TRIGGER audit_rows;
ALTER TABLE vsoc.analyst_tenants ENABLE ALWAYS TRIGGER audit_truncate;

-- While the table was empty every login saw every tenant. Where that has been in use it stays so, visibly, until somebody decides.
INSERT INTO vsoc.analyst_tenants (login, tenant_id)
SELECT '*', '*'
WHERE NOT EXISTS (SELECT FROM vsoc.analyst_tenants) AND EXISTS (SELECT FROM pg_inherits WHERE inhparent = 'vsoc.events'::regclass);

CREATE VIEW vsoc.my_tenants WITH (security_barrier) AS
SELECT DISTINCT tenant_id FROM vsoc.analyst_tenants WHERE login IN (session_user, '*');
COMMENT ON VIEW vsoc.my_tenants IS 'tenants that this login sees; * for all; none: ask the administrator for a row in vsoc.analyst_tenants';
COMMENT ON COLUMN vsoc.my_tenants.tenant_id IS 'tenant; * for all';

CREATE OR REPLACE VIEW vsoc.all_events WITH (security_barrier) AS
SELECT * FROM vsoc.events
WHERE (SELECT EXISTS (SELECT FROM vsoc.my_tenants m WHERE m.tenant_id = '*'))
   OR tenant_id = ANY (ARRAY(SELECT m.tenant_id FROM vsoc.my_tenants m));

CREATE OR REPLACE VIEW vsoc.batch_evidence WITH (security_barrier) AS
SELECT * FROM vsoc.batches
WHERE (SELECT EXISTS (SELECT FROM vsoc.my_tenants m WHERE m.tenant_id = '*'))
   OR tenant_id = ANY (ARRAY(SELECT m.tenant_id FROM vsoc.my_tenants m));

CREATE OR REPLACE VIEW vsoc.quarantine_reasons WITH (security_barrier) AS
SELECT batch_uid, batch_index, time_received, tenant_id, source, code, detail, parser_name, raw_offset, raw_size
FROM vsoc.quarantine
WHERE (SELECT EXISTS (SELECT FROM vsoc.my_tenants m WHERE m.tenant_id = '*'))
   OR tenant_id = ANY (ARRAY(SELECT m.tenant_id FROM vsoc.my_tenants m));

-- ---- looks that are written down first ------------------------------------------------------------------------------------------

CREATE TABLE vsoc.access_requests (
    ticket         uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    actor          name NOT NULL DEFAULT session_user,
    action         text NOT NULL,
    object         text NOT NULL,
    requested_in   xid8 NOT NULL DEFAULT pg_current_xact_id(),
    time_requested timestamptz NOT NULL DEFAULT clock_timestamp(),
    time_used      timestamptz
);
COMMENT ON TABLE vsoc.access_requests IS 'tickets of the last day for looks at what can name a vehicle; the lasting record is vsoc.audit';
COMMENT ON COLUMN vsoc.access_requests.ticket IS 'what the reading transaction shows';
COMMENT ON COLUMN vsoc.access_requests.actor IS 'login that asked, and the only one that may read';
COMMENT ON COLUMN vsoc.access_requests.action IS 'what was asked for: read_quarantine';
COMMENT ON COLUMN vsoc.access_requests.object IS 'to what';
COMMENT ON COLUMN vsoc.access_requests.requested_in IS 'transaction of the request: must be committed before the look';
COMMENT ON COLUMN vsoc.access_requests.time_requested IS 'when: a ticket is good for 10 minutes';
COMMENT ON COLUMN vsoc.access_requests.time_used IS 'when it was used: once';
CREATE INDEX access_requests_time ON vsoc.access_requests (time_requested);

CREATE FUNCTION vsoc.request_access(wanted text, wanted_object text, reason text) RETURNS uuid
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    given uuid;
BEGIN
    IF wanted_object IS NULL THEN
        RAISE EXCEPTION 'the request does not say what it is for: an argument is NULL' USING ERRCODE = 'null_value_not_allowed';
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
COMMENT ON FUNCTION vsoc.request_access(text, text, text) IS 'writes a request down and gives its ticket; for the functions that ask for one kind of thing';

-- The object that a ticket is for. Refuses one that is not committed (the audit row could still be rolled back), not on the server's disk (a
-- crash could still lose it), not this login's, for something else, used, or older than 10 minutes.
CREATE FUNCTION vsoc.use_ticket(given uuid, wanted text) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    request vsoc.access_requests%ROWTYPE;
    written pg_lsn := pg_current_wal_insert_lsn();
    asked timestamptz := clock_timestamp();
BEGIN
    SELECT * INTO request FROM vsoc.access_requests r
    WHERE r.ticket = given AND r.actor = session_user AND r.action = wanted FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no such ticket of %', session_user
            USING ERRCODE = 'insufficient_privilege', HINT = 'ask first, in a transaction of its own that commits: SELECT vsoc.request_…';
    END IF;
    IF pg_xact_status(request.requested_in) IS DISTINCT FROM 'committed' THEN
        RAISE EXCEPTION 'the request is not committed'
            USING ERRCODE = 'insufficient_privilege', HINT = 'commit the transaction of the request, then read in another one';
    END IF;
    IF request.time_used IS NOT NULL OR request.time_requested < clock_timestamp() - interval '10 minutes' THEN
        RAISE EXCEPTION 'the ticket %', CASE WHEN request.time_used IS NULL THEN 'is older than 10 minutes' ELSE 'was used already' END
            USING ERRCODE = 'insufficient_privilege', HINT = 'make a new request';
    END IF;
    -- Whoever sets synchronous_commit = off commits before the log is on disk; the server writes it within three times this delay.
    WHILE pg_current_wal_flush_lsn() < written AND clock_timestamp() < asked + 4 * current_setting('wal_writer_delay')::interval LOOP
        PERFORM pg_sleep(0.02);
    END LOOP;
    UPDATE vsoc.access_requests SET time_used = clock_timestamp() WHERE ticket = given;
    RETURN request.object;
END
$$;
COMMENT ON FUNCTION vsoc.use_ticket(uuid, text) IS 'what a ticket is for, once; fails unless its request is committed, of this login and fresh';

CREATE FUNCTION vsoc.request_quarantine(batch uuid, index integer, reason text DEFAULT NULL) RETURNS uuid
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT vsoc.request_access('read_quarantine', batch || '/' || index, reason)
$$;
COMMENT ON FUNCTION vsoc.request_quarantine(uuid, integer, text) IS
    'asks for the bytes of a quarantined record; writes who and why to vsoc.audit; returns a ticket, good once the transaction is committed';

DROP FUNCTION vsoc.read_quarantine(uuid, integer);

CREATE FUNCTION vsoc.read_quarantine(ticket uuid) RETURNS bytea
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    wanted text := vsoc.use_ticket(ticket, 'read_quarantine');
    found_raw bytea;
BEGIN
    SELECT q.raw INTO found_raw FROM vsoc.quarantine q
    WHERE q.batch_uid = split_part(wanted, '/', 1)::uuid AND q.batch_index = split_part(wanted, '/', 2)::integer
      AND EXISTS (SELECT FROM vsoc.my_tenants m WHERE m.tenant_id IN ('*', q.tenant_id));
    INSERT INTO vsoc.audit (action, object, detail)
    VALUES ('read_quarantine', wanted, jsonb_build_object('ticket', ticket, 'found', found_raw IS NOT NULL));
    RETURN found_raw;
END
$$;
COMMENT ON FUNCTION vsoc.read_quarantine(uuid) IS
    'bytes of the quarantined record that the ticket is for, which may name a vehicle; NULL when it is not there or of another tenant';

-- Until the roles get their rights at the end of the migration nobody has any.
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA vsoc FROM PUBLIC;
