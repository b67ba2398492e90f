-- 018: signed heads of the servers' transparency trees, outside of the servers. A head that is here, and that a server's tree does not continue,
-- shows that the server was rolled back, replaced or changed: the server compares before it signs.

CREATE TABLE vsoc.evidence_heads (
    origin      text NOT NULL,
    size        int8 NOT NULL CHECK (size > 0),
    root        bytea NOT NULL CHECK (octet_length(root) = 32),
    time_signed timestamptz NOT NULL,
    note        text NOT NULL,
    instance    text NOT NULL,
    time_stored timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (origin, size)
);
COMMENT ON TABLE vsoc.evidence_heads IS 'signed heads of transparency trees (docs/evidence.md); rows are only added';
COMMENT ON COLUMN vsoc.evidence_heads.origin IS 'name of the tree';
COMMENT ON COLUMN vsoc.evidence_heads.size IS 'records that the head covers: those with a leaf_index below it';
COMMENT ON COLUMN vsoc.evidence_heads.root IS 'root of the tree over them (RFC 6962)';
COMMENT ON COLUMN vsoc.evidence_heads.time_signed IS 'clock of the server when it signed';
COMMENT ON COLUMN vsoc.evidence_heads.note IS 'the signed note as it is (c2sp.org/tlog-checkpoint)';
COMMENT ON COLUMN vsoc.evidence_heads.instance IS 'vsocd instance that signed it';
COMMENT ON COLUMN vsoc.evidence_heads.time_stored IS 'clock of the database when the row was added';

ALTER FUNCTION vsoc.grant_roles() RENAME TO grant_roles_017;
CREATE FUNCTION vsoc.grant_roles() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM vsoc.grant_roles_017();
    IF to_regrole('vsoc_ingest') IS NOT NULL THEN
        GRANT INSERT, SELECT ON vsoc.evidence_heads TO vsoc_ingest;
    END IF;
    IF to_regrole('vsoc_analyst') IS NOT NULL THEN
        GRANT SELECT ON vsoc.evidence_heads TO vsoc_analyst;
    END IF;
    IF to_regrole('vsoc_auditor') IS NOT NULL THEN
        GRANT SELECT ON vsoc.evidence_heads TO vsoc_auditor;
    END IF;
END
$$;
COMMENT ON FUNCTION vsoc.grant_roles() IS 'gives the roles their rights; each vsocd migrate calls it';
COMMENT ON FUNCTION vsoc.grant_roles_017() IS 'rights on what migrations 1 to 17 made; vsoc.grant_roles() calls it';
REVOKE ALL ON FUNCTION vsoc.grant_roles() FROM PUBLIC;
