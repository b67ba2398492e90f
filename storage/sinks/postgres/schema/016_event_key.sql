-- 016: the primary key of the events costs a fifth of what PostgreSQL spends on loading. Nothing needs it to be exactly once: that comes from
-- the unique keys of batches. It finds the newest rows, and rows by their id. An installation that rather loads faster replaces it by a BRIN index
-- of the time, a thousandth of its size, which finds ranges of time, and with them ids (vsoc.uid_time).

-- As the owner of the schema, or a member of it. Reads all events once, under an exclusive lock: best while there are few.
CREATE FUNCTION vsoc.set_event_key(kind text) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    has_key boolean;
BEGIN
    IF kind IS NULL OR kind NOT IN ('primary_key', 'brin') THEN
        RAISE EXCEPTION 'the key of events is primary_key or brin, not %', coalesce(quote_literal(kind), 'NULL') USING ERRCODE = 'invalid_parameter_value';
    END IF;
    -- No partition is created meanwhile, and no load holds the table.
    LOCK TABLE vsoc.schema_version IN EXCLUSIVE MODE;
    LOCK TABLE vsoc.events IN ACCESS EXCLUSIVE MODE;
    has_key := EXISTS (SELECT FROM pg_constraint WHERE conrelid = 'vsoc.events'::regclass AND contype = 'p');
    IF has_key = (kind = 'primary_key') THEN
        RETURN 'the key of events is ' || kind || ' already';
    END IF;
    IF kind = 'brin' THEN
        CREATE INDEX events_time ON vsoc.events USING brin (time_received) WITH (autosummarize = on);
        ALTER TABLE vsoc.events DROP CONSTRAINT events_pkey;
    ELSE
        ALTER TABLE vsoc.events ADD CONSTRAINT events_pkey PRIMARY KEY (time_received, event_uid);
        DROP INDEX IF EXISTS vsoc.events_time;
    END IF;
    INSERT INTO vsoc.audit (action, object, detail) VALUES ('set_event_key', 'vsoc.events', jsonb_build_object('key', kind));
    RETURN 'the key of events is ' || kind || ' now; servers notice when they connect again';
END
$$;
COMMENT ON FUNCTION vsoc.set_event_key(text) IS
    'primary_key: finds the newest rows and ids by an index; brin: loads faster, finds ranges of time only. For the schema''s owner; reads all events';
REVOKE ALL ON FUNCTION vsoc.set_event_key(text) FROM PUBLIC;
