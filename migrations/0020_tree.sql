-- The tree over the log: what its follower has hashed and signed. Append-only, like the events.

-- The leaf hashes of each run of the follower, so that a changed event can be named even where its
-- tile is not full yet.
CREATE TABLE tree.leaf_runs (
    first_position bigint PRIMARY KEY CHECK (first_position >= 1),
    hashes         bytea  NOT NULL CHECK (octet_length(hashes) > 0 AND octet_length(hashes) % 32 = 0)
);

-- Full tiles only: a partial one is cut from the runs, or from the roots of the tiles below it.
CREATE TABLE tree.tiles (
    level  smallint NOT NULL CHECK (level BETWEEN 0 AND 7),
    index  bigint   NOT NULL CHECK (index >= 0),
    hashes bytea    NOT NULL CHECK (octet_length(hashes) = 8192),
    root   bytea    NOT NULL CHECK (octet_length(root) = 32),
    PRIMARY KEY (level, index)
);

-- The size is the last position of the last run of its transaction.
CREATE TABLE tree.checkpoints (
    size       bigint      PRIMARY KEY CHECK (size >= 0),
    root       bytea       NOT NULL CHECK (octet_length(root) = 32),
    note       text        NOT NULL,
    created_at timestamptz NOT NULL
);

-- Hashes do not compress; trying costs time.
ALTER TABLE tree.leaf_runs ALTER COLUMN hashes SET STORAGE EXTERNAL;
ALTER TABLE tree.tiles ALTER COLUMN hashes SET STORAGE EXTERNAL;

-- Whoever holds this row's lock follows the log; the lock ends with its transaction, however that ends.
CREATE TABLE tree.lease (one boolean PRIMARY KEY DEFAULT true CHECK (one));
INSERT INTO tree.lease DEFAULT VALUES;

CREATE FUNCTION tree.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% of %.% is refused: the tree is append-only', TG_OP, TG_TABLE_SCHEMA, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END $$;

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON tree.leaf_runs
    FOR EACH STATEMENT EXECUTE FUNCTION tree.refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON tree.tiles
    FOR EACH STATEMENT EXECUTE FUNCTION tree.refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON tree.checkpoints
    FOR EACH STATEMENT EXECUTE FUNCTION tree.refuse_change();

GRANT SELECT, INSERT ON tree.leaf_runs, tree.tiles, tree.checkpoints TO vitne_server;
-- Locking a row takes the right to update it; there is nothing in this one to change.
GRANT SELECT, UPDATE ON tree.lease TO vitne_server;
