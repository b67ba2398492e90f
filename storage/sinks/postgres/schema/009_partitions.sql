-- 009: partitions again. Sessions that want the same new day at the same time take turns and none fails; an analyst can't keep them from
-- it; and nobody fills the catalogue with days that no event is of.

-- Makes what is missing of a day. Attaching, unlike CREATE TABLE … PARTITION OF, does not lock out readers and loads.
-- Turns are taken by a lock on schema_version, which only its owner can take: anybody may take an advisory lock. What is there is looked up in
-- pg_class by name: to_regclass() answers from a cache that, behind the lock, still holds what was true before it.
CREATE FUNCTION vsoc.make_partition(day date) RETURNS integer
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET lock_timeout = '2s' AS $$
DECLARE
    parent text;
    child text;
    made integer := 0;
    locked boolean := false;
BEGIN
    <<parents>>
    FOREACH parent IN ARRAY ARRAY['events', 'batches', 'quarantine'] LOOP
        child := parent || to_char(day, '_YYYYMMDD');
        FOR nth IN 2 .. 1000 LOOP
            CONTINUE parents WHEN EXISTS (
                SELECT FROM pg_class c JOIN pg_inherits i ON i.inhrelid = c.oid
                WHERE c.relnamespace = 'vsoc'::regnamespace AND c.relname = child AND NOT i.inhdetachpending);
            IF NOT locked THEN
                LOCK TABLE vsoc.schema_version IN EXCLUSIVE MODE;
                locked := true;
                CONTINUE parents WHEN EXISTS (
                    SELECT FROM pg_class c JOIN pg_inherits i ON i.inhrelid = c.oid
                    WHERE c.relnamespace = 'vsoc'::regnamespace AND c.relname = child AND NOT i.inhdetachpending);
            END IF;
            -- A partition that was detached may have kept the name.
            EXIT WHEN NOT EXISTS (SELECT FROM pg_class c WHERE c.relnamespace = 'vsoc'::regnamespace AND c.relname = child);
            child := parent || to_char(day, '_YYYYMMDD_') || nth;
        END LOOP;
        EXECUTE format('CREATE TABLE vsoc.%I (LIKE vsoc.%I INCLUDING ALL EXCLUDING COMMENTS)', child, parent);
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
COMMENT ON FUNCTION vsoc.make_partition(date) IS 'makes the partitions of any day (UTC) where missing; for the functions that say which days are sensible';

-- Five years back and ahead: what a replay, a migration of old data or a clock that is somewhat wrong can need.
CREATE OR REPLACE FUNCTION vsoc.ensure_partition(day date) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
BEGIN
    IF day IS NULL OR day < current_date - 1827 OR day > current_date + 1827 THEN
        RAISE EXCEPTION 'no partition is made for day %: it is not between % and %', day, current_date - 1827, current_date + 1827
            USING ERRCODE = 'VSD01', HINT = 'vsoc.ensure_odd_partition(day) makes it, a few times, and writes it to vsoc.audit';
    END IF;
    RETURN vsoc.make_partition(day);
END
$$;
COMMENT ON FUNCTION vsoc.ensure_partition(date) IS
    'makes the partitions of a day (UTC) within five years of today where missing; returns how many it made';

-- A batch that came while the clock of its server was far off has its place, too: a few such days, each written down.
CREATE FUNCTION vsoc.ensure_odd_partition(day date) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
DECLARE
    made integer;
BEGIN
    IF day IS NULL OR day < date '1970-01-01' OR day > date '2262-04-11' THEN
        RAISE EXCEPTION 'no partition is made for day %: it is before 1970 or after 2262', day USING ERRCODE = 'VSD02';
    END IF;
    made := vsoc.make_partition(day);
    IF made = 0 OR day BETWEEN current_date - 1827 AND current_date + 1827 THEN
        RETURN made;
    END IF;
    IF (SELECT count(*) FROM vsoc.audit WHERE action = 'odd_partition') >= 32
       AND NOT pg_has_role(session_user, current_user, 'MEMBER') THEN
        RAISE EXCEPTION 'no partition is made for day %: 32 days more than five years from today have been made already', day
            USING ERRCODE = 'VSD02', HINT = 'the owner of the schema may make more: SELECT vsoc.ensure_odd_partition(day)';
    END IF;
    INSERT INTO vsoc.audit (action, object, detail) VALUES ('odd_partition', day::text, jsonb_build_object('made', made));
    RETURN made;
END
$$;
COMMENT ON FUNCTION vsoc.ensure_odd_partition(date) IS
    'makes the partitions of any day, at most 32 days more than five years from today for others than the owner; writes those to vsoc.audit';

-- As in 004, but days that are there cost no turn; kept short, because each day is a transaction's work under the lock.
CREATE OR REPLACE FUNCTION vsoc.ensure_partitions(days integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
DECLARE
    made integer := 0;
BEGIN
    FOR ahead IN 0 .. least(greatest(coalesce(days, 0), 0), 366) LOOP
        made := made + vsoc.make_partition(current_date + ahead);
    END LOOP;
    RETURN made;
END
$$;

-- As in 004, but NULL is refused: it meant "no limit".
CREATE OR REPLACE FUNCTION vsoc.trim_batch_keys(keep interval, most integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    deleted integer;
BEGIN
    IF keep IS NULL OR most IS NULL THEN
        RAISE EXCEPTION 'trim_batch_keys needs to know what to keep and how many to delete at most' USING ERRCODE = 'null_value_not_allowed';
    END IF;
    DELETE FROM vsoc.batch_keys WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM vsoc.batch_keys WHERE time_loaded < now() - greatest(keep, interval '1 second')
        ORDER BY time_loaded LIMIT greatest(most, 0) FOR UPDATE SKIP LOCKED));
    GET DIAGNOSTICS deleted = ROW_COUNT;
    RETURN deleted;
END
$$;

REVOKE ALL ON FUNCTION vsoc.make_partition(date), vsoc.ensure_odd_partition(date) FROM PUBLIC;
