-- 019: one audit log. The servers' records (audit log, retirements, key events, states of the clock) come with the ordinary loads, in the same
-- transaction as the position, and stand beside what the database itself records. Nobody changes a row: not by a right, and not by a trigger
-- that somebody could forget.

ALTER TABLE vsoc.audit
    ADD COLUMN audit_uid uuid,
    ADD COLUMN instance text,
    ADD COLUMN spool_uid uuid,
    ADD COLUMN position bigint,
    ADD COLUMN leaf_index bigint,
    ADD COLUMN record_kind text;
-- What makes a record that is loaded again count once.
ALTER TABLE vsoc.audit ADD CONSTRAINT audit_uid_key UNIQUE (audit_uid);
CREATE INDEX audit_time ON vsoc.audit (time_done);
COMMENT ON TABLE vsoc.audit IS 'the audit log: records of the servers (audit_uid is set), and accesses and changes in this database; rows are only added';
COMMENT ON COLUMN vsoc.audit.actor IS 'who did it: the login of this database; of a server''s record its actor, credential, peer or instance';
COMMENT ON COLUMN vsoc.audit.action IS 'what was done: of the database migrate, read_quarantine, …; of a server the kind of its record, docs/audit.md';
COMMENT ON COLUMN vsoc.audit.object IS 'to what';
COMMENT ON COLUMN vsoc.audit.detail IS 'more about it: of a server the whole record, docs/vsoc-audit.schema.json';
COMMENT ON COLUMN vsoc.audit.audit_uid IS 'id of a server''s record; NULL: the database itself recorded it';
COMMENT ON COLUMN vsoc.audit.instance IS 'server that recorded it';
COMMENT ON COLUMN vsoc.audit.spool_uid IS 'its spool';
COMMENT ON COLUMN vsoc.audit.position IS 'position of the record there';
COMMENT ON COLUMN vsoc.audit.leaf_index IS 'number of the record''s leaf in the evidence tree of the spool';
COMMENT ON COLUMN vsoc.audit.record_kind IS 'audit, retirement, key or clock';

-- Loads come as vsoc_ingest, which may not write the table itself: it could pose as the database.
CREATE FUNCTION vsoc.add_records(server text, spool uuid, records jsonb) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    WITH given AS (
        SELECT r, r -> 'record' AS d FROM jsonb_array_elements(records) AS r
    ), added AS (
        INSERT INTO vsoc.audit (audit_uid, time_done, actor, action, object, detail, instance, spool_uid, position, leaf_index, record_kind)
        SELECT (r ->> 'audit_uid')::uuid, (r ->> 'time')::timestamptz,
               coalesce(d ->> 'actor', d ->> 'credential', d ->> 'peer', server),
               coalesce(d ->> 'kind', r ->> 'record_kind'),
               coalesce(d ->> 'vehicle', d ->> 'hold', d ->> 'file', d ->> 'peer', d ->> 'target', server),
               d, server, spool, (r ->> 'position')::bigint, (r ->> 'leaf_index')::bigint, r ->> 'record_kind'
        FROM given WHERE r ->> 'audit_uid' IS NOT NULL
        ON CONFLICT (audit_uid) DO NOTHING RETURNING 1
    )
    SELECT count(*) FROM added
$$;
COMMENT ON FUNCTION vsoc.add_records(text, uuid, jsonb) IS 'for the server: adds the records of its audit log that are not here yet; returns how many';
REVOKE ALL ON FUNCTION vsoc.add_records(text, uuid, jsonb) FROM PUBLIC;

CREATE FUNCTION vsoc.refuse_change() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE EXCEPTION 'rows of %.% are only added', TG_TABLE_SCHEMA, TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END
$$;
COMMENT ON FUNCTION vsoc.refuse_change() IS 'trigger: refuses every change of rows that exist, to the owner as well';
REVOKE ALL ON FUNCTION vsoc.refuse_change() FROM PUBLIC;
CREATE TRIGGER only_added BEFORE UPDATE OR DELETE OR TRUNCATE ON vsoc.audit FOR EACH STATEMENT EXECUTE FUNCTION vsoc.refuse_change();
ALTER TABLE vsoc.audit ENABLE ALWAYS TRIGGER only_added;

-- What vsoc.grant_roles() was goes on under another name: later migrations add to it the same way.
ALTER FUNCTION vsoc.grant_roles() RENAME TO grant_roles_018;
CREATE FUNCTION vsoc.grant_roles() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM vsoc.grant_roles_018();
    IF to_regrole('vsoc_ingest') IS NOT NULL THEN
        GRANT EXECUTE ON FUNCTION vsoc.add_records(text, uuid, jsonb) TO vsoc_ingest;
    END IF;
END
$$;
COMMENT ON FUNCTION vsoc.grant_roles() IS 'gives the roles their rights; each vsocd migrate calls it';
COMMENT ON FUNCTION vsoc.grant_roles_018() IS 'rights on what migrations 1 to 18 made; vsoc.grant_roles() calls it';
REVOKE ALL ON FUNCTION vsoc.grant_roles() FROM PUBLIC;
