-- Background jobs of administrators. The PostgreSQL migration of the same number also has the hubs that share the store and
-- their leases: only one hub at a time uses a SQLite file, so there is nothing to share here. Times are in milliseconds since
-- 1970.

-- The hub that runs a job renews expires_at; after that the next one continues it.
CREATE TABLE jobs (
    id          TEXT PRIMARY KEY,
    kind        TEXT    NOT NULL,
    started_by  TEXT    NOT NULL,
    parameters  TEXT    NOT NULL,
    state       TEXT    NOT NULL,
    total       INTEGER NOT NULL,
    succeeded   INTEGER NOT NULL,
    failed      INTEGER NOT NULL,
    started_at  INTEGER NOT NULL,
    ended_at    INTEGER,
    last_error  TEXT,
    position    TEXT    NOT NULL,
    holder      TEXT    NOT NULL,
    expires_at  INTEGER NOT NULL
);

-- One job of a kind at a time.
CREATE UNIQUE INDEX jobs_running ON jobs (kind) WHERE ended_at IS NULL;
