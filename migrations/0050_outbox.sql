-- Mail is sent from the log: what is due is a projection; that it went out is kept here, so that no replay sends it again.

CREATE SCHEMA outbox;

CREATE TABLE outbox.delivery (
    message    uuid PRIMARY KEY,
    state      text NOT NULL CHECK (state IN ('SENT', 'FAILED', 'EXPIRED', 'UNDELIVERABLE')),
    attempts   integer NOT NULL DEFAULT 1,
    next_try   timestamptz,
    settled_at timestamptz,
    reason     text
);

-- One row: everything at or below done_through is settled; the lease says which node sends now.
CREATE TABLE outbox.state (
    one          boolean PRIMARY KEY DEFAULT true CHECK (one),
    done_through bigint NOT NULL DEFAULT 0,
    lease_owner  uuid,
    lease_until  timestamptz
);
INSERT INTO outbox.state DEFAULT VALUES;

REVOKE ALL ON SCHEMA outbox FROM PUBLIC;
GRANT USAGE ON SCHEMA outbox TO vitne_server;
GRANT SELECT, INSERT, UPDATE ON outbox.delivery TO vitne_server;
GRANT SELECT, UPDATE ON outbox.state TO vitne_server;
