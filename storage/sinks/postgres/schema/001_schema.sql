-- 001: roles, the schema, who migrated it when, and who looked at what.
-- Runs as whoever calls `vsocd migrate`. Roles belong to the whole server: they are made when that user may make roles, else a
-- notice says what a database administrator has to do. When the role vsoc_owner can be used, everything belongs to it.

DO $$
DECLARE
    missing text;
BEGIN
    SELECT string_agg(r, ', ' ORDER BY r) INTO missing
    FROM unnest(ARRAY['vsoc_owner', 'vsoc_ingest', 'vsoc_analyst', 'vsoc_identity']) AS r
    WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = r);
    IF missing IS NULL THEN
        RETURN;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = current_user AND (rolsuper OR rolcreaterole)) THEN
        RAISE NOTICE 'roles % are not there and % may not create roles: have an administrator create them, then run vsocd migrate again',
            missing, current_user;
        RETURN;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'vsoc_owner') THEN
        CREATE ROLE vsoc_owner NOLOGIN;
        COMMENT ON ROLE vsoc_owner IS 'vsocd: owns the schema vsoc';
    END IF;
    -- The others may log in once an administrator gives them a password or a pg_hba.conf line. Settings of a role hold for those
    -- who log in as that role.
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'vsoc_ingest') THEN
        CREATE ROLE vsoc_ingest LOGIN;
        COMMENT ON ROLE vsoc_ingest IS 'vsocd serve: adds rows, reads and changes nothing but its own positions';
    END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'vsoc_analyst') THEN
        CREATE ROLE vsoc_analyst LOGIN;
        ALTER ROLE vsoc_analyst SET default_transaction_read_only = on;
        ALTER ROLE vsoc_analyst SET statement_timeout = '60s';
        ALTER ROLE vsoc_analyst SET idle_in_transaction_session_timeout = '10min';
        ALTER ROLE vsoc_analyst SET search_path = vsoc, public;
        COMMENT ON ROLE vsoc_analyst IS 'vsocd: reads the views of the schema vsoc';
    END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'vsoc_identity') THEN
        CREATE ROLE vsoc_identity LOGIN;
        COMMENT ON ROLE vsoc_identity IS 'vsocd: may see records that can name a vehicle; every look is written to vsoc.audit';
    END IF;
END
$$;

-- A user who may create roles but is no superuser has to join vsoc_owner to hand things over to it.
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'vsoc_owner') AND NOT pg_has_role(current_user, 'vsoc_owner', 'MEMBER') THEN
        EXECUTE format('GRANT vsoc_owner TO %I', current_user);
    END IF;
EXCEPTION WHEN insufficient_privilege THEN
    RAISE NOTICE '% is no member of vsoc_owner: the schema vsoc will belong to %', current_user, current_user;
END
$$;

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_namespace WHERE nspname = 'vsoc') THEN
        RETURN;
    END IF;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'vsoc_owner') AND pg_has_role(current_user, 'vsoc_owner', 'MEMBER') THEN
        CREATE SCHEMA vsoc AUTHORIZATION vsoc_owner;
        SET LOCAL ROLE vsoc_owner;
    ELSE
        CREATE SCHEMA vsoc;
    END IF;
END
$$;
COMMENT ON SCHEMA vsoc IS 'vehicle security events, made and filled by vsocd';

CREATE TABLE vsoc.schema_version (
    version      integer PRIMARY KEY,
    name         text NOT NULL,
    program      text NOT NULL,
    applied_by   text NOT NULL DEFAULT session_user,
    time_applied timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE vsoc.schema_version IS 'migrations that were applied, one row each; the largest version is the schema''s';
COMMENT ON COLUMN vsoc.schema_version.version IS 'number of the migration';
COMMENT ON COLUMN vsoc.schema_version.name IS 'its name';
COMMENT ON COLUMN vsoc.schema_version.program IS 'version of vsocd that applied it';
COMMENT ON COLUMN vsoc.schema_version.applied_by IS 'login that applied it';
COMMENT ON COLUMN vsoc.schema_version.time_applied IS 'when';

CREATE TABLE vsoc.audit (
    audit_id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    time_done  timestamptz NOT NULL DEFAULT now(),
    actor      text NOT NULL DEFAULT session_user,
    action     text NOT NULL,
    object     text NOT NULL,
    detail     jsonb
);
COMMENT ON TABLE vsoc.audit IS 'accesses and changes that an auditor asks for; rows are only added';
COMMENT ON COLUMN vsoc.audit.audit_id IS 'running number';
COMMENT ON COLUMN vsoc.audit.time_done IS 'when';
COMMENT ON COLUMN vsoc.audit.actor IS 'login that did it';
COMMENT ON COLUMN vsoc.audit.action IS 'what was done: migrate, read_quarantine';
COMMENT ON COLUMN vsoc.audit.object IS 'to what';
COMMENT ON COLUMN vsoc.audit.detail IS 'more about it';
