-- 004: what the ingest role may have done for it: partitions made, old keys deleted. And the one way to a record's raw bytes.

-- Makes the partitions of one day where they are missing. Attaching, unlike CREATE TABLE … PARTITION OF, does not lock out
-- readers and loads. The advisory lock makes instances that want the same day take turns.
CREATE FUNCTION vsoc.ensure_partition(day date) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET lock_timeout = '2s' AS $$
DECLARE
    parent text;
    child text;
    made integer := 0;
BEGIN
    -- What the time of an event can hold: a batch that came while the server's clock was wrong has its place, too.
    IF day IS NULL OR day < date '1970-01-01' OR day > date '2262-04-11' THEN
        RAISE EXCEPTION 'no partition is made for day %: it is before 1970 or after 2262', day
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    <<parents>>
    FOREACH parent IN ARRAY ARRAY['events', 'batches', 'quarantine'] LOOP
        child := parent || to_char(day, '_YYYYMMDD');
        CONTINUE WHEN EXISTS (SELECT FROM pg_inherits WHERE inhrelid = to_regclass('vsoc.' || child) AND NOT inhdetachpending);
        PERFORM pg_advisory_xact_lock(1987276643, 1);
        -- A partition that was detached may have kept the name.
        FOR nth IN 2 .. 1000 LOOP
            CONTINUE parents WHEN EXISTS (
                SELECT FROM pg_inherits WHERE inhrelid = to_regclass('vsoc.' || child) AND NOT inhdetachpending);
            EXIT WHEN to_regclass('vsoc.' || child) IS NULL;
            child := parent || to_char(day, '_YYYYMMDD_') || nth;
        END LOOP;
        EXECUTE format('CREATE TABLE vsoc.%I (LIKE vsoc.%I INCLUDING ALL EXCLUDING COMMENTS)', child, parent);
        EXECUTE format('ALTER TABLE vsoc.%I ATTACH PARTITION vsoc.%I FOR VALUES FROM (%L) TO (%L)', parent, child,
                       day::timestamptz, (day + 1)::timestamptz);
        made := made + 1;
    END LOOP;
    RETURN made;
END
$$;
COMMENT ON FUNCTION vsoc.ensure_partition(date) IS 'makes the partitions of a day (UTC) where missing; returns how many it made';

CREATE FUNCTION vsoc.ensure_partitions(days integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
DECLARE
    made integer := 0;
BEGIN
    FOR ahead IN 0 .. least(greatest(days, 0), 366) LOOP
        made := made + vsoc.ensure_partition(current_date + ahead);
    END LOOP;
    RETURN made;
END
$$;
COMMENT ON FUNCTION vsoc.ensure_partitions(integer) IS
    'makes the partitions of today and so many days ahead where missing; returns how many it made';

CREATE FUNCTION vsoc.trim_batch_keys(keep interval, most integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    deleted integer;
BEGIN
    DELETE FROM vsoc.batch_keys WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM vsoc.batch_keys WHERE time_loaded < now() - greatest(keep, interval '1 second')
        ORDER BY time_loaded LIMIT most FOR UPDATE SKIP LOCKED));
    GET DIAGNOSTICS deleted = ROW_COUNT;
    RETURN deleted;
END
$$;
COMMENT ON FUNCTION vsoc.trim_batch_keys(interval, integer) IS
    'deletes at most so many batch keys that were loaded longer ago than keep; returns how many';

CREATE FUNCTION vsoc.read_quarantine(batch uuid, index integer) RETURNS bytea
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    found_raw bytea;
BEGIN
    SELECT q.raw INTO found_raw FROM vsoc.quarantine q WHERE q.batch_uid = batch AND q.batch_index = index;
    INSERT INTO vsoc.audit (action, object, detail)
    VALUES ('read_quarantine', batch || '/' || index, jsonb_build_object('found', found_raw IS NOT NULL));
    RETURN found_raw;
END
$$;
COMMENT ON FUNCTION vsoc.read_quarantine(uuid, integer) IS
    'bytes of a quarantined record, which may name a vehicle; writes who asked to vsoc.audit';
