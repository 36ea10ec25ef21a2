-- Times are milliseconds since 1970-01-01T00:00:00Z. Lists are JSON. The PostgreSQL migration of the same number means
-- the same.

CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;

-- The directory.
CREATE TABLE users (
    user_id    TEXT PRIMARY KEY,
    login      TEXT,
    name       TEXT,
    email      TEXT,
    roles      TEXT    NOT NULL DEFAULT '[]',
    locale     TEXT,
    timezone   TEXT,
    updated_at INTEGER NOT NULL DEFAULT (CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER))
);

-- Who has a role, kept by triggers so that rows written by hand count too.
CREATE TABLE user_roles (
    role    TEXT NOT NULL,
    user_id TEXT NOT NULL,
    PRIMARY KEY (role, user_id)
) WITHOUT ROWID;

CREATE TRIGGER users_roles_insert AFTER INSERT ON users BEGIN
    INSERT OR IGNORE INTO user_roles (role, user_id) SELECT value, NEW.user_id FROM json_each(NEW.roles);
END;
CREATE TRIGGER users_roles_update AFTER UPDATE OF user_id, roles ON users BEGIN
    DELETE FROM user_roles WHERE user_id = OLD.user_id;
    INSERT OR IGNORE INTO user_roles (role, user_id) SELECT value, NEW.user_id FROM json_each(NEW.roles);
END;
CREATE TRIGGER users_roles_delete AFTER DELETE ON users BEGIN
    DELETE FROM user_roles WHERE user_id = OLD.user_id;
END;

CREATE TABLE notification_types (
    code         TEXT PRIMARY KEY,
    display_name TEXT    NOT NULL,
    template     TEXT    NOT NULL,
    target_type  TEXT    NOT NULL,
    target_role  TEXT,
    target_users TEXT    NOT NULL DEFAULT '[]',
    priority     TEXT    NOT NULL DEFAULT 'MEDIUM',
    channels     TEXT    NOT NULL DEFAULT '["web"]',
    is_active    BOOLEAN NOT NULL DEFAULT TRUE,
    ttl_seconds  INTEGER,
    action_url   TEXT,
    entity_type  TEXT,
    entity_field TEXT,
    origin       TEXT    NOT NULL DEFAULT 'admin',
    updated_at   INTEGER NOT NULL DEFAULT (CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER))
);

-- A change by hand is an administrator's change: the file no longer touches the row. The hub itself always sets origin.
CREATE TRIGGER notification_types_by_hand AFTER UPDATE ON notification_types
WHEN NEW.origin = 'config' AND NEW.updated_at = OLD.updated_at BEGIN
    UPDATE notification_types
    SET origin = 'admin', updated_at = CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)
    WHERE code = NEW.code;
END;

CREATE TABLE inboxes (
    user_id  TEXT PRIMARY KEY,
    revision INTEGER NOT NULL DEFAULT 0,
    unread   INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;

CREATE TABLE notifications (
    notification_id TEXT PRIMARY KEY,
    user_id         TEXT    NOT NULL,
    seq             INTEGER NOT NULL,
    revision        INTEGER NOT NULL,
    type_code       TEXT    NOT NULL,
    title           TEXT    NOT NULL,
    message         TEXT    NOT NULL,
    priority        TEXT    NOT NULL,
    source          TEXT,
    actor_id        TEXT,
    entity_type     TEXT,
    entity_id       TEXT,
    action_url      TEXT,
    metadata        TEXT    NOT NULL,
    count           INTEGER NOT NULL DEFAULT 1,
    created_at      INTEGER NOT NULL,
    expires_at      INTEGER,
    status          TEXT    NOT NULL,
    read_at         INTEGER
);
-- The newest-first list; the history of changes; the unread ones; what will run out.
CREATE UNIQUE INDEX notifications_by_place ON notifications (user_id, seq);
CREATE UNIQUE INDEX notifications_by_revision ON notifications (user_id, revision);
CREATE INDEX notifications_unread ON notifications (user_id, seq) WHERE status = 'unread';
CREATE INDEX notifications_expiring ON notifications (expires_at) WHERE expires_at IS NOT NULL AND status = 'unread';

CREATE TABLE user_notification_preferences (
    user_id     TEXT PRIMARY KEY,
    preferences TEXT    NOT NULL,
    updated_at  INTEGER NOT NULL
);

-- Which events have been taken, for at least 24 hours.
CREATE TABLE event_identities (
    identity TEXT PRIMARY KEY,
    seen_at  INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX event_identities_by_age ON event_identities (seen_at);

CREATE TABLE dead_letters (
    id          TEXT PRIMARY KEY,
    received_at INTEGER NOT NULL,
    source      TEXT    NOT NULL,
    subject     TEXT,
    kind        TEXT    NOT NULL,
    field       TEXT,
    reason      TEXT    NOT NULL,
    identity    TEXT,
    headers     TEXT    NOT NULL DEFAULT '[]',
    payload     TEXT    NOT NULL,
    truncated   BOOLEAN NOT NULL DEFAULT FALSE
);
CREATE INDEX dead_letters_by_time ON dead_letters (received_at);
