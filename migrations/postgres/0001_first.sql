-- Times are milliseconds since 1970-01-01T00:00:00Z. Lists are JSON. The SQLite migration of the same number means the
-- same.

CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
);

-- The directory.
CREATE TABLE users (
    user_id    TEXT PRIMARY KEY,
    login      TEXT,
    name       TEXT,
    email      TEXT,
    roles      TEXT   NOT NULL DEFAULT '[]',
    locale     TEXT,
    timezone   TEXT,
    updated_at BIGINT NOT NULL DEFAULT (extract(epoch FROM clock_timestamp()) * 1000)::bigint
);

-- Who has a role, kept by a trigger so that rows written by hand count too.
CREATE TABLE user_roles (
    role    TEXT NOT NULL,
    user_id TEXT NOT NULL,
    PRIMARY KEY (role, user_id)
);
CREATE INDEX user_roles_by_user ON user_roles (user_id);

CREATE FUNCTION lonceng_user_roles() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        DELETE FROM user_roles WHERE user_id = OLD.user_id;
    END IF;
    IF TG_OP <> 'DELETE' THEN
        INSERT INTO user_roles (role, user_id)
        SELECT DISTINCT value, NEW.user_id FROM json_array_elements_text(NEW.roles::json) AS value
        ON CONFLICT DO NOTHING;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER users_roles AFTER INSERT OR DELETE OR UPDATE OF user_id, roles ON users
    FOR EACH ROW EXECUTE FUNCTION lonceng_user_roles();

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
    ttl_seconds  BIGINT,
    action_url   TEXT,
    entity_type  TEXT,
    entity_field TEXT,
    origin       TEXT    NOT NULL DEFAULT 'admin',
    updated_at   BIGINT  NOT NULL DEFAULT (extract(epoch FROM clock_timestamp()) * 1000)::bigint
);

-- A change by hand is an administrator's change: the file no longer touches the row. The hub itself always sets origin
-- and updated_at.
CREATE FUNCTION lonceng_type_by_hand() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.origin = 'config' AND NEW.updated_at = OLD.updated_at THEN
        NEW.origin := 'admin';
        NEW.updated_at := (extract(epoch FROM clock_timestamp()) * 1000)::bigint;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER notification_types_by_hand BEFORE UPDATE ON notification_types
    FOR EACH ROW EXECUTE FUNCTION lonceng_type_by_hand();

-- Every change locks a row here and updates it, so leave room on the page for the new version.
CREATE TABLE inboxes (
    user_id  TEXT PRIMARY KEY,
    revision BIGINT NOT NULL DEFAULT 0,
    unread   BIGINT NOT NULL DEFAULT 0
) WITH (fillfactor = 50);

CREATE TABLE notifications (
    notification_id TEXT PRIMARY KEY,
    user_id         TEXT   NOT NULL,
    seq             BIGINT NOT NULL,
    revision        BIGINT NOT NULL,
    type_code       TEXT   NOT NULL,
    title           TEXT   NOT NULL,
    message         TEXT   NOT NULL,
    priority        TEXT   NOT NULL,
    source          TEXT,
    actor_id        TEXT,
    entity_type     TEXT,
    entity_id       TEXT,
    action_url      TEXT,
    metadata        TEXT   NOT NULL,
    count           BIGINT NOT NULL DEFAULT 1,
    created_at      BIGINT NOT NULL,
    expires_at      BIGINT,
    status          TEXT   NOT NULL,
    read_at         BIGINT
);
-- The newest-first list; the history of changes; the unread ones; what will run out.
CREATE UNIQUE INDEX notifications_by_place ON notifications (user_id, seq);
CREATE UNIQUE INDEX notifications_by_revision ON notifications (user_id, revision);
CREATE INDEX notifications_unread ON notifications (user_id, seq) WHERE status = 'unread';
CREATE INDEX notifications_expiring ON notifications (expires_at) WHERE expires_at IS NOT NULL AND status = 'unread';

CREATE TABLE user_notification_preferences (
    user_id     TEXT PRIMARY KEY,
    preferences TEXT   NOT NULL,
    updated_at  BIGINT NOT NULL
);

-- Which events have been taken, for at least 24 hours.
CREATE TABLE event_identities (
    identity TEXT PRIMARY KEY,
    seen_at  BIGINT NOT NULL
);
CREATE INDEX event_identities_by_age ON event_identities (seen_at);

CREATE TABLE dead_letters (
    id          TEXT PRIMARY KEY,
    received_at BIGINT  NOT NULL,
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
