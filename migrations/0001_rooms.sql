-- One schema for each kind of data, and the role of the server, which may use them and owns none of them.

DO $$
BEGIN
    -- Roles belong to the whole cluster, so another database's migration may be making it at this moment.
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'vitne_server') THEN
        CREATE ROLE vitne_server NOLOGIN;
    END IF;
EXCEPTION
    WHEN duplicate_object OR unique_violation THEN NULL;
END
$$;

DO $$
BEGIN
    -- A login that is not a superuser has to be a member before it can act as the server.
    IF NOT pg_has_role(current_user, 'vitne_server', 'MEMBER') THEN
        EXECUTE format('GRANT vitne_server TO %I', current_user);
    END IF;
EXCEPTION
    WHEN unique_violation OR internal_error THEN NULL;
END
$$;

DO $$
BEGIN
    -- Other databases' logins have no business here. Only the database's owner may say so; on a server
    -- where somebody else made the database, that administrator decides who connects.
    IF pg_has_role(current_user, (SELECT datdba FROM pg_database WHERE datname = current_database()), 'USAGE') THEN
        EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
        EXECUTE format('GRANT CONNECT ON DATABASE %I TO vitne_server', current_database());
    END IF;
END
$$;

REVOKE ALL ON SCHEMA public FROM PUBLIC;

CREATE SCHEMA log;         -- the events: what happened
CREATE SCHEMA secrets;     -- the keys that open them, backed up apart
CREATE SCHEMA tree;        -- the Merkle tree over them
CREATE SCHEMA projection;  -- checkpoints, leases and parked subjects of the read models
CREATE SCHEMA read;        -- the views that readers read

GRANT USAGE ON SCHEMA log, secrets, tree, projection, read TO vitne_server;
