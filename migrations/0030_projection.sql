-- How far each projection has read, and who waits behind an event that it cannot fold: the books of the read models.
-- The read models themselves live in schemas of their own (activity_v1_g1), made when a projection is first seen or
-- rebuilt; readers see them through the views of the schema "read".

-- One row per generation of a projection's rows. Locking the row is the lease: whoever holds it may write the rows.
create table projection.checkpoints (
    name       text        not null check (name ~ '^[a-z][a-z0-9_]{0,39}$'),
    version    integer     not null check (version >= 1),
    generation integer     not null check (generation >= 1),
    state      text        not null check (state in ('building', 'live', 'retired')),
    position   bigint      not null default 0 check (position >= 0),
    updated_at timestamptz not null default now(),
    primary key (name, version, generation)
) with (fillfactor = 50);

-- Readers must never have two answers to choose from.
create unique index checkpoints_one_live on projection.checkpoints (name) where state = 'live';

-- Who is not folded, from which event on, and why. A gap that readers are shown.
create table projection.parked (
    name           text        not null,
    version        integer     not null,
    generation     integer     not null,
    holder         text        not null,
    subject        uuid,
    first_position bigint      not null,
    event_type     text        not null,
    error          text        not null,
    since          timestamptz not null default now(),
    retries        integer     not null default 0,
    next_retry     timestamptz not null default now(),
    primary key (name, version, generation, holder),
    foreign key (name, version, generation) references projection.checkpoints on delete cascade
);

create index parked_subject on projection.parked (subject) where subject is not null;

-- Who was erased: what still arrives about them is not folded. A pseudonym and a position, nothing else.
create table projection.erased (
    name       text    not null,
    version    integer not null,
    generation integer not null,
    subject    uuid    not null,
    position   bigint  not null,
    primary key (name, version, generation, subject),
    foreign key (name, version, generation) references projection.checkpoints on delete cascade
);

grant usage on schema projection, read to vitne_server;
grant select, update on projection.checkpoints to vitne_server;
grant select, insert, update, delete on projection.parked, projection.erased to vitne_server;
