-- Hubs that share this store, and the jobs of which one hub at a time takes care. The SQLite migration of the same number is empty:
-- one hub at a time uses a file. All times are those of the database, in milliseconds since 1970.

-- Running hubs. A row whose last_seen is old belongs to a hub that died.
CREATE TABLE hubs (
    boot         TEXT PRIMARY KEY,
    instance     TEXT    NOT NULL,
    version      TEXT    NOT NULL,
    started_at   BIGINT  NOT NULL,
    last_seen    BIGINT  NOT NULL,
    connections  BIGINT  NOT NULL,
    ready        BOOLEAN NOT NULL,
    bus          BOOLEAN NOT NULL,
    watches_all  BOOLEAN NOT NULL
);

-- Leases. A token grows with every new holder: a holder that lost its lease cannot write with the old one.
CREATE TABLE leases (
    name       TEXT PRIMARY KEY,
    holder     TEXT   NOT NULL,
    token      BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
