-- How far each projection has read, and who waits behind an event that it cannot fold: the books of the read models.
-- The read models themselves live in schemas of their own (activity_v1_g1), made when a projection is first seen or
-- rebuilt; readers see them through the views of the schema "read".

-- One row per generation of a projection's rows. Locking the row is the lease: whoever holds it may write the rows.
CREATE TABLE projection.checkpoints (
    name       text        NOT NULL CHECK (name ~ '^[a-z][a-z0-9_]{0,39}$'),
    version    integer     NOT NULL CHECK (version >= 1),
    generation integer     NOT NULL CHECK (generation >= 1),
    state      text        NOT NULL CHECK (state IN ('building', 'live', 'retired')),
    position   bigint      NOT NULL DEFAULT 0 CHECK (position >= 0),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (name, version, generation)
) WITH (fillfactor = 50);

-- Readers must never have two answers to choose from.
CREATE UNIQUE INDEX checkpoints_one_live ON projection.checkpoints (name) WHERE state = 'live';

-- Who is not folded, from which event on, and why. A gap that readers are shown.
CREATE TABLE projection.parked (
    name           text        NOT NULL,
    version        integer     NOT NULL,
    generation     integer     NOT NULL,
    holder         text        NOT NULL,
    subject        uuid,
    first_position bigint      NOT NULL,
    event_type     text        NOT NULL,
    error          text        NOT NULL,
    since          timestamptz NOT NULL DEFAULT now(),
    retries        integer     NOT NULL DEFAULT 0,
    next_retry     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (name, version, generation, holder),
    FOREIGN KEY (name, version, generation) REFERENCES projection.checkpoints ON DELETE CASCADE
);

CREATE INDEX parked_subject ON projection.parked (subject) WHERE subject IS NOT NULL;

-- Who was erased: what still arrives about them is not folded. A pseudonym and a position, nothing else.
CREATE TABLE projection.erased (
    name       text    NOT NULL,
    version    integer NOT NULL,
    generation integer NOT NULL,
    subject    uuid    NOT NULL,
    position   bigint  NOT NULL,
    PRIMARY KEY (name, version, generation, subject),
    FOREIGN KEY (name, version, generation) REFERENCES projection.checkpoints ON DELETE CASCADE
);

GRANT SELECT, UPDATE ON projection.checkpoints TO vitne_server;
GRANT SELECT, INSERT, UPDATE, DELETE ON projection.parked, projection.erased TO vitne_server;
