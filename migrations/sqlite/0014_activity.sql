-- Activity: the traces of the latest events, and counts of all events. The PostgreSQL migration of the same number means the
-- same.

-- One row per event and outcome, written in the background after the event. The ID is a UUIDv7 of the time of arrival, so
-- the order of IDs is that of time. trace is an object with the users that the event names, got or muted it; see
-- docs/OPERATING.md for the limits.
CREATE TABLE activity (
    id            TEXT PRIMARY KEY,
    event_id      TEXT    NOT NULL,
    identity      TEXT,
    type_code     TEXT    NOT NULL,
    outcome       TEXT    NOT NULL,
    reason_code   TEXT,
    reason        TEXT,
    received_at   INTEGER NOT NULL,
    source        TEXT    NOT NULL,
    publisher     TEXT,
    instance      TEXT    NOT NULL,
    recipients    INTEGER NOT NULL,
    notifications INTEGER NOT NULL,
    trace         TEXT    NOT NULL
);
CREATE INDEX activity_by_type ON activity (type_code, id);
CREATE INDEX activity_by_outcome ON activity (outcome, id);
CREATE INDEX activity_by_event ON activity (event_id);
CREATE INDEX activity_by_identity ON activity (identity) WHERE identity IS NOT NULL;

-- The first users of each event.
CREATE TABLE activity_users (
    activity_id TEXT NOT NULL,
    user_id     TEXT NOT NULL,
    PRIMARY KEY (activity_id, user_id)
) WITHOUT ROWID;
CREATE INDEX activity_users_by_user ON activity_users (user_id, activity_id);

-- Number of events and of their notifications, by outcome: per minute for a day, and per hour. unit is 'minute' or 'hour'.
CREATE TABLE activity_counts (
    unit          TEXT    NOT NULL,
    starts_at     INTEGER NOT NULL,
    outcome       TEXT    NOT NULL,
    events        INTEGER NOT NULL,
    notifications INTEGER NOT NULL,
    PRIMARY KEY (unit, starts_at, outcome)
) WITHOUT ROWID;
