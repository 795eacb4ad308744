-- Version 2: lines of the history have tables of their own.

-- The lines. lane: the channel, or the tells. text: what a search looks at, in lower case.
CREATE TABLE i3_line (
    mud text COLLATE "C" NOT NULL,
    id bigint NOT NULL,
    lane bytea NOT NULL,
    at bigint NOT NULL,
    born bigint NOT NULL,
    text text COLLATE "C" NOT NULL,
    value bytea NOT NULL,
    PRIMARY KEY (mud, id)
);
CREATE INDEX i3_line_lane ON i3_line (mud, lane, id, at);

-- The bytes of the values in each lane. A lane without lines has no row.
CREATE TABLE i3_lane (
    mud text COLLATE "C" NOT NULL,
    lane bytea NOT NULL,
    bytes bigint NOT NULL,
    PRIMARY KEY (mud, lane)
) WITH (fillfactor = 50);

-- Which lines of a mud are kept.
CREATE TABLE i3_kept (
    mud text COLLATE "C" PRIMARY KEY,
    born_after bigint NOT NULL,
    bytes_max bigint NOT NULL
);

-- Adds lines. One that is there stays as it is. Rows of i3_line are locked before those of i3_lane, here and below, and those
-- in the order of names, so that no two transactions wait for each other.
CREATE FUNCTION i3_add_lines(
    muds text[], ids bigint[], lanes bytea[], ats bigint[], borns bigint[], texts text[], contents bytea[]
) RETURNS void LANGUAGE sql AS $$
    WITH added AS (
        INSERT INTO i3_line (mud, id, lane, at, born, text, value)
        SELECT * FROM unnest(muds, ids, lanes, ats, borns, texts, contents)
        ON CONFLICT (mud, id) DO NOTHING
        RETURNING mud, lane, octet_length(value) AS bytes
    )
    INSERT INTO i3_lane AS l (mud, lane, bytes)
    SELECT a.mud, a.lane, sum(a.bytes) FROM added a GROUP BY a.mud, a.lane ORDER BY a.mud, a.lane
    ON CONFLICT (mud, lane) DO UPDATE SET bytes = l.bytes + excluded.bytes
$$;

-- Does what i3_save does, and writes lines in the same transaction.
CREATE FUNCTION i3_save_lines(
    node text, call bigint, fence_muds text[], fence_epochs bigint[],
    clears_all boolean, cleared text[],
    deleted_spaces text[], deleted_keys bytea[],
    put_spaces text[], put_keys bytea[], put_values bytea[],
    spans bigint[], bodies bytea[],
    cleared_muds text[],
    line_muds text[], line_ids bigint[], line_lanes bytea[], line_ats bigint[], line_borns bigint[],
    line_texts text[], line_values bytea[],
    kept_muds text[], kept_borns bigint[], kept_bytes bigint[]
) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
    stale text[];
BEGIN
    stale := i3_save(node, call, fence_muds, fence_epochs, clears_all, cleared, deleted_spaces, deleted_keys,
                     put_spaces, put_keys, put_values, spans, bodies);
    IF stale IS NOT NULL THEN
        RETURN stale;
    END IF;
    IF clears_all THEN
        DELETE FROM i3_line;
        DELETE FROM i3_lane;
    ELSIF cardinality(cleared_muds) > 0 THEN
        DELETE FROM i3_line l WHERE l.mud = ANY (cleared_muds);
        DELETE FROM i3_lane l WHERE l.mud = ANY (cleared_muds);
    END IF;
    IF cardinality(line_muds) > 0 THEN
        PERFORM i3_add_lines(line_muds, line_ids, line_lanes, line_ats, line_borns, line_texts, line_values);
    END IF;
    IF cardinality(kept_muds) > 0 THEN
        INSERT INTO i3_kept (mud, born_after, bytes_max)
        SELECT * FROM unnest(kept_muds, kept_borns, kept_bytes)
        ON CONFLICT (mud) DO UPDATE SET born_after = excluded.born_after, bytes_max = excluded.bytes_max;
    END IF;
    RETURN NULL;
END
$$;

-- Deletes the oldest lines of a lane that were born by then, at most so many. Returns how many.
CREATE FUNCTION i3_cut(of_mud text, of_lane bytea, most bigint, born_until bigint) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    gone bigint;
    freed bigint;
BEGIN
    WITH oldest AS (
        SELECT l.id, l.born FROM i3_line l WHERE l.mud = of_mud COLLATE "C" AND l.lane = of_lane
        ORDER BY l.id LIMIT most
    ), deleted AS (
        DELETE FROM i3_line l USING oldest o
        WHERE l.mud = of_mud COLLATE "C" AND l.id = o.id AND o.born <= born_until
        RETURNING octet_length(l.value) AS bytes
    )
    SELECT count(*), coalesce(sum(d.bytes), 0) INTO gone, freed FROM deleted d;
    IF gone > 0 THEN
        UPDATE i3_lane l SET bytes = l.bytes - freed WHERE l.mud = of_mud COLLATE "C" AND l.lane = of_lane;
        DELETE FROM i3_lane l WHERE l.mud = of_mud COLLATE "C" AND l.lane = of_lane AND l.bytes <= 0;
    END IF;
    RETURN gone;
END
$$;

-- Deletes some lines of one lane that are not kept any more: those that are too old, at most old_most, otherwise the oldest of
-- the lane with the most bytes, at most long_most, so that nobody who says much pushes out what others have said. Returns
-- how many. 0: there are none, or another node is at it.
CREATE FUNCTION i3_tidy_lines(lock_number bigint, old_most bigint, long_most bigint) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    gone bigint;
    one record;
BEGIN
    IF NOT pg_try_advisory_xact_lock(lock_number) THEN
        RETURN 0;
    END IF;
    FOR one IN
        SELECT n.mud, n.lane, k.born_after FROM i3_kept k JOIN i3_lane n ON n.mud = k.mud
        WHERE k.born_after >= (SELECT l.born FROM i3_line l WHERE l.mud = n.mud AND l.lane = n.lane
                               ORDER BY l.id LIMIT 1)
        ORDER BY n.mud, n.lane LIMIT 1
    LOOP
        gone := i3_cut(one.mud, one.lane, old_most, one.born_after);
        RETURN gone;
    END LOOP;
    FOR one IN
        SELECT n.mud, n.lane FROM i3_kept k JOIN i3_lane n ON n.mud = k.mud
        WHERE k.bytes_max < (SELECT sum(m.bytes) FROM i3_lane m WHERE m.mud = k.mud)
        ORDER BY n.bytes DESC LIMIT 1
    LOOP
        RETURN i3_cut(one.mud, one.lane, long_most, 9223372036854775807);
    END LOOP;
    RETURN 0;
END
$$;

-- The index that finds a text anywhere in a line. Where the extension may not be created, searches work without it.
DO $$
BEGIN
    CREATE EXTENSION IF NOT EXISTS pg_trgm;
    CREATE INDEX i3_line_text ON i3_line USING gin (text gin_trgm_ops) WITH (gin_pending_list_limit = 512);
EXCEPTION WHEN OTHERS THEN
    RAISE NOTICE 'lines have no index for their texts: %', SQLERRM;
END
$$;
