-- Limits on attempts, shared between nodes. Nothing here is a fact: losing it in a crash costs one burst.

CREATE SCHEMA limits;

-- One row for each source seen lately. `free_at` is when the bucket is full again: the generic cell rate
-- algorithm, so that one moment says all there is to say about a bucket.
CREATE UNLOGGED TABLE limits.bucket (
    key     bytea PRIMARY KEY,
    free_at timestamptz NOT NULL
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 1000);

CREATE INDEX bucket_free_at ON limits.bucket (free_at);

-- Takes `cost` attempts out of a bucket that holds `burst` and gains `per_minute`. Answers null when they
-- were taken, and otherwise how long to wait. A refusal writes nothing, unless the clock was set back: a bucket
-- never owes more than a full burst, so nobody is locked out for longer.
CREATE FUNCTION limits.take(
    bucket_key bytea, cost integer, per_minute integer, burst integer, at timestamptz
) RETURNS interval
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    each     interval := interval '1 minute' / per_minute;
    whole    interval := each * burst;
    price    interval := each * cost;
    taken    timestamptz;
    free_now timestamptz;
BEGIN
    IF price > whole THEN
        RETURN price;
    END IF;
    INSERT INTO limits.bucket AS b (key, free_at) VALUES (bucket_key, at + price)
    ON CONFLICT (key) DO UPDATE
        SET free_at = greatest(least(b.free_at, at + whole), at) + price
        WHERE greatest(least(b.free_at, at + whole), at) + price <= at + whole
    RETURNING b.free_at INTO taken;
    IF taken IS NOT NULL THEN
        RETURN NULL;
    END IF;
    UPDATE limits.bucket b SET free_at = at + whole WHERE b.key = bucket_key AND b.free_at > at + whole;
    SELECT b.free_at INTO free_now FROM limits.bucket b WHERE b.key = bucket_key;
    RETURN greatest(coalesce(free_now, at) + price - (at + whole), interval '1 millisecond');
END
$$;

-- Forgets buckets that are full, some at a time.
CREATE FUNCTION limits.sweep(at timestamptz, most integer) RETURNS bigint
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog AS $$
    WITH full_again AS (
        SELECT key FROM limits.bucket WHERE free_at <= at ORDER BY free_at LIMIT most FOR UPDATE SKIP LOCKED
    ), gone AS (
        DELETE FROM limits.bucket b USING full_again f WHERE b.key = f.key RETURNING 1
    )
    SELECT count(*) FROM gone
$$;

REVOKE ALL ON SCHEMA limits FROM PUBLIC;
REVOKE ALL ON FUNCTION limits.take(bytea, integer, integer, integer, timestamptz) FROM PUBLIC;
REVOKE ALL ON FUNCTION limits.sweep(timestamptz, integer) FROM PUBLIC;
GRANT USAGE ON SCHEMA limits TO vitne_server;
GRANT EXECUTE ON FUNCTION limits.take(bytea, integer, integer, integer, timestamptz) TO vitne_server;
GRANT EXECUTE ON FUNCTION limits.sweep(timestamptz, integer) TO vitne_server;
