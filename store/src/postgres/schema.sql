-- The tables of a gateway's state. Each name begins with i3_, so that they can be beside others.

-- The version of these tables.
CREATE TABLE i3_version (version int NOT NULL);
INSERT INTO i3_version VALUES (0);

-- Counts positions, and puts saves in an order: each save locks the one row until it is committed.
CREATE TABLE i3_position (
    is_one boolean PRIMARY KEY DEFAULT true CHECK (is_one),
    last bigint NOT NULL,
    next bigint NOT NULL
);
INSERT INTO i3_position (last, next) VALUES (0, 4096);

-- The durable state.
CREATE TABLE i3_entry (
    space text COLLATE "C" NOT NULL,
    key bytea NOT NULL,
    value bytea NOT NULL,
    PRIMARY KEY (space, key)
);

-- The saves of the last hour. A save has the positions from position up to, and without, next.
CREATE TABLE i3_log (
    position bigint PRIMARY KEY,
    next bigint NOT NULL,
    boot text NOT NULL,
    at timestamptz NOT NULL,
    body bytea NOT NULL
);

-- Who holds which mud.
CREATE TABLE i3_lease (
    mud text COLLATE "C" PRIMARY KEY,
    epoch bigint NOT NULL,
    boot text NOT NULL,
    until timestamptz NOT NULL
);

-- The nodes, by their start.
CREATE TABLE i3_node (
    boot text PRIMARY KEY,
    name text NOT NULL,
    seen timestamptz NOT NULL,
    is_draining boolean NOT NULL
);

-- The last call of each role of each start of a node. A call that a node has given up may arrive after later ones: what the
-- network has held back for a while. It must change nothing then.
CREATE TABLE i3_call (
    boot text NOT NULL,
    role text NOT NULL,
    number bigint NOT NULL,
    at timestamptz NOT NULL,
    PRIMARY KEY (boot, role)
);

-- Notes a call, and fails if a later one was there already.
CREATE FUNCTION i3_note_call(node text, caller text, call bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO i3_call AS c (boot, role, number, at) VALUES (node, caller, call, clock_timestamp())
    ON CONFLICT (boot, role) DO UPDATE SET number = excluded.number, at = excluded.at WHERE c.number < excluded.number;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'a later statement of this node was there already';
    END IF;
END
$$;

-- Writes saves in one transaction, and returns NULL. If the node does not hold one of the fences, nothing is written, and
-- the result has the muds concerned. A lease that has run out counts as long as nobody has taken it since: what its node has
-- read before it let go can still be written. A statement in here sees what was committed before it begins, so what follows the
-- lock sees all earlier saves. The lock on a lease keeps others from taking it before the commit.
CREATE FUNCTION i3_save(
    node text, call bigint, fence_muds text[], fence_epochs bigint[],
    clears_all boolean, cleared text[],
    deleted_spaces text[], deleted_keys bytea[],
    put_spaces text[], put_keys bytea[], put_values bytea[],
    spans bigint[], bodies bytea[]
) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
    base bigint;
    stale text[];
BEGIN
    SELECT p.next INTO STRICT base FROM i3_position p FOR UPDATE;
    PERFORM i3_note_call(node, 'save', call);
    IF cardinality(fence_muds) > 0 THEN
        PERFORM FROM i3_lease l WHERE l.mud = ANY (fence_muds) ORDER BY l.mud FOR SHARE;
        SELECT array_agg(DISTINCT f.mud) INTO stale FROM unnest(fence_muds, fence_epochs) AS f (mud, epoch)
        WHERE NOT EXISTS (
            SELECT FROM i3_lease l
            WHERE l.mud = f.mud COLLATE "C" AND l.epoch = f.epoch AND l.boot = node
        );
        IF stale IS NOT NULL THEN
            RETURN stale;
        END IF;
    END IF;
    IF clears_all THEN
        DELETE FROM i3_entry;
    ELSIF cardinality(cleared) > 0 THEN
        DELETE FROM i3_entry e WHERE e.space = ANY (cleared);
    END IF;
    IF cardinality(deleted_spaces) > 0 THEN
        DELETE FROM i3_entry e USING unnest(deleted_spaces, deleted_keys) AS d (space, key)
        WHERE e.space = d.space COLLATE "C" AND e.key = d.key;
    END IF;
    IF cardinality(put_spaces) > 0 THEN
        INSERT INTO i3_entry AS e (space, key, value)
        SELECT * FROM unnest(put_spaces, put_keys, put_values)
        ON CONFLICT (space, key) DO UPDATE SET value = excluded.value;
    END IF;
    INSERT INTO i3_log (position, next, boot, at, body)
    SELECT base + coalesce(sum(s.span) OVER (ORDER BY s.place ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0),
           base + sum(s.span) OVER (ORDER BY s.place), node, clock_timestamp(), s.body
    FROM unnest(spans, bodies) WITH ORDINALITY AS s (span, body, place);
    UPDATE i3_position SET
        last = next + (SELECT coalesce(sum(s.span), 0) FROM unnest(spans) WITH ORDINALITY AS s (span, place)
                       WHERE s.place < cardinality(spans)),
        next = next + (SELECT sum(s.span) FROM unnest(spans) AS s (span));
    PERFORM pg_notify('i3_gateway', 'saves');
    RETURN NULL;
END
$$;

-- Returns the position of the next save, the leases that have not run out, and the nodes that have beaten within three
-- times the length of a lease. The column kind says which of these a row is.
CREATE FUNCTION i3_view(lease_seconds double precision)
RETURNS TABLE (kind text, label text, boot text, number bigint, left_micros bigint, is_draining boolean)
LANGUAGE sql VOLATILE AS $$
    SELECT 'position', '', '', p.next, 0::bigint, false FROM i3_position p
    UNION ALL
    SELECT 'lease', l.mud, l.boot, l.epoch,
           greatest(0, extract(epoch FROM l.until - clock_timestamp()) * 1000000)::bigint, false
    FROM i3_lease l WHERE l.until > clock_timestamp()
    UNION ALL
    SELECT 'node', n.name, n.boot, 0::bigint, 0::bigint, n.is_draining
    FROM i3_node n WHERE n.seen > clock_timestamp() - make_interval(secs => lease_seconds * 3)
$$;

-- Prolongs, gives back and takes leases, and returns what i3_view returns. A lease that has run out is prolonged too, unless
-- another node has taken it. All locks are taken in the order of names, so
-- that two nodes never wait for each other.
CREATE FUNCTION i3_beat(
    node text, call bigint, node_name text, draining boolean, gone boolean, lease_seconds double precision,
    keep_muds text[], keep_epochs bigint[], leave_muds text[], leave_epochs bigint[], take_muds text[]
) RETURNS TABLE (kind text, label text, boot text, number bigint, left_micros bigint, is_draining boolean)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    changed bigint;
    more bigint;
BEGIN
    PERFORM i3_note_call(node, 'beat', call);
    IF gone THEN
        DELETE FROM i3_node n WHERE n.boot = node;
        GET DIAGNOSTICS changed = ROW_COUNT;
    ELSE
        SELECT count(*) INTO changed FROM (VALUES (1)) AS one
        WHERE NOT EXISTS (
            SELECT FROM i3_node n WHERE n.boot = node AND n.is_draining = draining
                AND n.seen > clock_timestamp() - make_interval(secs => lease_seconds * 3)
        );
        INSERT INTO i3_node AS n (boot, name, seen, is_draining)
        VALUES (node, node_name, clock_timestamp(), draining)
        ON CONFLICT (boot) DO UPDATE SET seen = excluded.seen, is_draining = excluded.is_draining;
    END IF;
    PERFORM FROM i3_lease l WHERE l.mud = ANY (keep_muds || leave_muds || take_muds) ORDER BY l.mud FOR UPDATE;
    UPDATE i3_lease l SET until = clock_timestamp() + make_interval(secs => lease_seconds)
    FROM unnest(keep_muds, keep_epochs) AS k (mud, epoch)
    WHERE l.mud = k.mud COLLATE "C" AND l.epoch = k.epoch AND l.boot = node;
    -- A lease that was given back is nobody's: a late statement of the node does not bring it back.
    UPDATE i3_lease l SET until = clock_timestamp(), boot = ''
    FROM unnest(leave_muds, leave_epochs) AS k (mud, epoch)
    WHERE l.mud = k.mud COLLATE "C" AND l.epoch = k.epoch AND l.boot = node AND l.until > clock_timestamp();
    GET DIAGNOSTICS more = ROW_COUNT;
    changed := changed + more;
    INSERT INTO i3_lease AS l (mud, epoch, boot, until)
    SELECT t.mud, 1, node, clock_timestamp() + make_interval(secs => lease_seconds)
    FROM (SELECT DISTINCT mud COLLATE "C" AS mud FROM unnest(take_muds) AS u (mud)) AS t ORDER BY t.mud
    ON CONFLICT (mud) DO UPDATE SET epoch = l.epoch + 1, boot = excluded.boot, until = excluded.until
    WHERE l.until <= clock_timestamp();
    GET DIAGNOSTICS more = ROW_COUNT;
    changed := changed + more;
    IF changed > 0 THEN
        PERFORM pg_notify('i3_gateway', 'leases');
    END IF;
    RETURN QUERY SELECT * FROM i3_view(lease_seconds);
END
$$;
