-- 020: legal holds of the servers, as `vsocd hold` has them: a copy for those who read the database and for whoever deletes rows of it. The
-- server deletes no event here; whoever does must look.

CREATE TABLE vsoc.holds (
    hold_uid       uuid PRIMARY KEY,
    instance       text NOT NULL,
    kind           text NOT NULL,
    vehicle_pid    bytea CHECK (octet_length(vehicle_pid) = 32),
    batch_uid      uuid,
    time_from      timestamptz,
    time_to        timestamptz,
    time_added     timestamptz NOT NULL,
    time_until     timestamptz,
    actor          text NOT NULL,
    reason         text NOT NULL,
    time_released  timestamptz,
    released_by    text,
    release_reason text,
    time_stored    timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT holds_kind CHECK (CASE kind WHEN 'vehicle' THEN vehicle_pid IS NOT NULL WHEN 'batch' THEN batch_uid IS NOT NULL
                                 WHEN 'time' THEN time_from IS NOT NULL AND time_to IS NOT NULL ELSE false END)
);
COMMENT ON TABLE vsoc.holds IS 'legal holds of the servers (docs/evidence.md): in force if time_released is NULL and time_until is NULL or later';
COMMENT ON COLUMN vsoc.holds.hold_uid IS 'id of the hold, as vsocd hold list shows it';
COMMENT ON COLUMN vsoc.holds.instance IS 'server that has it';
COMMENT ON COLUMN vsoc.holds.kind IS 'what it names: vehicle, batch or time';
COMMENT ON COLUMN vsoc.holds.vehicle_pid IS 'pseudonym of the vehicle';
COMMENT ON COLUMN vsoc.holds.batch_uid IS 'id of the batch';
COMMENT ON COLUMN vsoc.holds.time_from IS 'first time of receipt';
COMMENT ON COLUMN vsoc.holds.time_to IS 'last time of receipt';
COMMENT ON COLUMN vsoc.holds.time_added IS 'when it began';
COMMENT ON COLUMN vsoc.holds.time_until IS 'when it ends by itself; NULL: it does not';
COMMENT ON COLUMN vsoc.holds.actor IS 'user that added it';
COMMENT ON COLUMN vsoc.holds.reason IS 'why';
COMMENT ON COLUMN vsoc.holds.time_released IS 'when it was released; NULL: it was not';
COMMENT ON COLUMN vsoc.holds.released_by IS 'user that released it';
COMMENT ON COLUMN vsoc.holds.release_reason IS 'why it was released';
COMMENT ON COLUMN vsoc.holds.time_stored IS 'clock of the database when the row was added';

-- The server may add and release, and change nothing else.
CREATE FUNCTION vsoc.note_holds(server text, given jsonb) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    INSERT INTO vsoc.holds AS h (hold_uid, instance, kind, vehicle_pid, batch_uid, time_from, time_to, time_added, time_until, actor, reason,
                                 time_released, released_by, release_reason)
    SELECT g.id, server, g.kind, decode(g.vehicle, 'hex'), g.batch, g."from", g."to", g.added, g.until, g."by", g.reason,
           g.released, g.released_by, g.release_reason
    FROM jsonb_to_recordset(given) AS g(id uuid, kind text, vehicle text, batch uuid, "from" timestamptz, "to" timestamptz, added timestamptz,
                                        until timestamptz, "by" text, reason text, released timestamptz, released_by text, release_reason text)
    ON CONFLICT (hold_uid) DO UPDATE SET instance = excluded.instance, time_released = excluded.time_released, released_by = excluded.released_by,
                                         release_reason = excluded.release_reason
    WHERE h.instance <> excluded.instance OR (h.time_released IS NULL AND excluded.time_released IS NOT NULL)
$$;
COMMENT ON FUNCTION vsoc.note_holds(text, jsonb) IS 'for the server: adds its legal holds, and notes which were released';
REVOKE ALL ON FUNCTION vsoc.note_holds(text, jsonb) FROM PUBLIC;

ALTER FUNCTION vsoc.grant_roles() RENAME TO grant_roles_019;
CREATE FUNCTION vsoc.grant_roles() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM vsoc.grant_roles_019();
    IF to_regrole('vsoc_ingest') IS NOT NULL THEN
        GRANT SELECT ON vsoc.holds TO vsoc_ingest;
        GRANT EXECUTE ON FUNCTION vsoc.note_holds(text, jsonb) TO vsoc_ingest;
    END IF;
    -- Auditors only: a hold belongs to no tenant.
    IF to_regrole('vsoc_auditor') IS NOT NULL THEN
        GRANT SELECT ON vsoc.holds TO vsoc_auditor;
    END IF;
END
$$;
COMMENT ON FUNCTION vsoc.grant_roles() IS 'gives the roles their rights; each vsocd migrate calls it';
COMMENT ON FUNCTION vsoc.grant_roles_019() IS 'rights on what migrations 1 to 19 made; vsoc.grant_roles() calls it';
REVOKE ALL ON FUNCTION vsoc.grant_roles() FROM PUBLIC;
