-- The log: one append-only table in commit order, its head, and the keys that its bodies are sealed with.
-- The first seven columns of log.events are those of postgres-es, so that its repository can read streams.


CREATE TABLE log.events (
    aggregate_type text        NOT NULL,
    aggregate_id   text        NOT NULL,
    sequence       bigint      NOT NULL CHECK (sequence >= 1),
    event_type     text        NOT NULL,
    event_version  text        NOT NULL,
    payload        jsonb       NOT NULL,
    metadata       jsonb       NOT NULL DEFAULT '{}',
    position       bigint      NOT NULL CHECK (position >= 1),
    event_id       uuid        NOT NULL,
    subject        uuid,
    actor          text        NOT NULL,
    correlation_id uuid        NOT NULL,
    causation_id   uuid,
    ceremony_id    uuid,
    session_id     uuid,
    device_id      uuid,
    occurred_at    timestamptz NOT NULL,
    recorded_at    timestamptz NOT NULL,
    class          text        NOT NULL,
    epoch          date        NOT NULL,
    commitment     bytea       NOT NULL CHECK (octet_length(commitment) = 32),
    CONSTRAINT events_position PRIMARY KEY (position),
    CONSTRAINT events_stream UNIQUE (aggregate_type, aggregate_id, sequence)
);

-- One person's timeline, and rebuilds person by person.
CREATE INDEX events_subject ON log.events (subject, position);
-- Where loading a long stream begins.
CREATE INDEX events_summary ON log.events (aggregate_type, aggregate_id, sequence)
    WHERE event_type = 'AccountSummarised';

-- Ciphertext does not compress; trying costs time. A table that only grows must be vacuumed and
-- analysed by count, not by share, or the visibility map and the statistics fall behind for ever.
ALTER TABLE log.events ALTER COLUMN payload SET STORAGE EXTERNAL;
ALTER TABLE log.events SET (
    autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 100000,
    autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 50000
);

-- The last position. The row is updated by every append: room on its page keeps those updates in place.
CREATE TABLE log.head (
    one  boolean PRIMARY KEY DEFAULT true CHECK (one),
    last bigint  NOT NULL
) WITH (fillfactor = 10, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
INSERT INTO log.head (last) VALUES (0);

-- First answers. Rows may be purged once callers no longer retry.
CREATE TABLE log.idempotency (
    scope      text        NOT NULL,
    key        text        NOT NULL,
    request    bytea       NOT NULL,
    position   bigint      NOT NULL,
    answer     text        NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (scope, key)
);
CREATE INDEX idempotency_age ON log.idempotency (created_at);

-- One secret a person. A destroyed one stays as a tombstone, so that it can never be made again.
-- The subject 00000000-0000-0000-0000-000000000000 stands for events about nobody.
CREATE TABLE secrets.subjects (
    subject      uuid        PRIMARY KEY,
    wrapped      bytea,
    kek_id       text        NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    destroyed_at timestamptz,
    CHECK ((wrapped IS NULL) = (destroyed_at IS NOT NULL))
);

-- One secret a retention class and time bucket.
CREATE TABLE secrets.epochs (
    class        text        NOT NULL,
    epoch        date        NOT NULL,
    wrapped      bytea,
    kek_id       text        NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    destroyed_at timestamptz,
    PRIMARY KEY (class, epoch),
    CHECK ((wrapped IS NULL) = (destroyed_at IS NOT NULL))
);

CREATE FUNCTION log.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% of %.% is refused: the log is append-only', TG_OP, TG_TABLE_SCHEMA, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege',
              HINT = 'To forget a person, destroy their key; to end a retention period, destroy its epoch.';
END $$;

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON log.events
    FOR EACH STATEMENT EXECUTE FUNCTION log.refuse_change();
CREATE TRIGGER head_stays BEFORE DELETE OR TRUNCATE ON log.head
    FOR EACH STATEMENT EXECUTE FUNCTION log.refuse_change();
CREATE TRIGGER tombstones_stay BEFORE DELETE OR TRUNCATE ON secrets.subjects
    FOR EACH STATEMENT EXECUTE FUNCTION log.refuse_change();
CREATE TRIGGER tombstones_stay BEFORE DELETE OR TRUNCATE ON secrets.epochs
    FOR EACH STATEMENT EXECUTE FUNCTION log.refuse_change();

-- A secret may be destroyed, and may be wrapped under another key-encryption key; nothing else.
CREATE FUNCTION secrets.guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.wrapped IS NULL THEN
        RAISE EXCEPTION 'a destroyed secret stays destroyed' USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF NEW.wrapped IS NOT NULL AND NEW.kek_id = OLD.kek_id THEN
        RAISE EXCEPTION 'a secret is replaced only when it is wrapped under another key-encryption key'
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER guard BEFORE UPDATE ON secrets.subjects FOR EACH ROW EXECUTE FUNCTION secrets.guard();
CREATE TRIGGER guard BEFORE UPDATE ON secrets.epochs FOR EACH ROW EXECUTE FUNCTION secrets.guard();

-- Streams as postgres-es reads them: the header stands in the metadata, so that a body can be opened.
CREATE VIEW log.streams AS
SELECT aggregate_type, aggregate_id, sequence, event_type, event_version, payload,
       jsonb_build_object(
           'event', event_id, 'subject', subject, 'actor', actor, 'correlation', correlation_id,
           'causation', causation_id, 'ceremony', ceremony_id, 'session', session_id, 'device', device_id,
           'at', (extract(epoch FROM occurred_at) * 1000)::bigint, 'class', class, 'epoch', epoch,
           'commitment', encode(commitment, 'hex')) AS metadata
  FROM log.events;

GRANT SELECT, INSERT ON log.events TO vitne_server;
GRANT SELECT ON log.streams TO vitne_server;
GRANT SELECT ON log.head TO vitne_server;
GRANT UPDATE (last) ON log.head TO vitne_server;
GRANT SELECT, INSERT, DELETE ON log.idempotency TO vitne_server;
GRANT SELECT, INSERT ON secrets.subjects, secrets.epochs TO vitne_server;
GRANT UPDATE (wrapped, kek_id, destroyed_at) ON secrets.subjects, secrets.epochs TO vitne_server;
