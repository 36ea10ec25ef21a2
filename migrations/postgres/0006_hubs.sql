-- Hubs that share this store, the work of which one hub at a time takes care, and background jobs. The SQLite migration of
-- the same number has the jobs only: one hub at a time uses a file. All times are those of the database, in milliseconds
-- since 1970.

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

-- Background jobs of administrators. The hub that runs one renews expires_at; after that another hub continues it.
CREATE TABLE jobs (
    id          TEXT PRIMARY KEY,
    kind        TEXT   NOT NULL,
    started_by  TEXT   NOT NULL,
    parameters  TEXT   NOT NULL,
    state       TEXT   NOT NULL,
    total       BIGINT NOT NULL,
    succeeded   BIGINT NOT NULL,
    failed      BIGINT NOT NULL,
    started_at  BIGINT NOT NULL,
    ended_at    BIGINT,
    last_error  TEXT,
    position    TEXT   NOT NULL,
    holder      TEXT   NOT NULL,
    expires_at  BIGINT NOT NULL
);

-- One job of a kind at a time.
CREATE UNIQUE INDEX jobs_running ON jobs (kind) WHERE ended_at IS NULL;
