-- Variants of a template, what was clicked, and types that come by the clock. The PostgreSQL migration of the same number means
-- the same.

-- A list of {"name", "weight", "template"}.
ALTER TABLE notification_types ADD COLUMN variants TEXT NOT NULL DEFAULT '[]';
-- Five fields of cron, or {"cron", "timezone", "count", "missed"}.
ALTER TABLE notification_types ADD COLUMN schedule TEXT;

ALTER TABLE notifications ADD COLUMN variant TEXT;
ALTER TABLE notifications ADD COLUMN clicked_at INTEGER;
CREATE INDEX notifications_by_variant ON notifications (type_code, variant) WHERE variant IS NOT NULL;

-- Up to when each schedule has been run, and which schedule that was.
CREATE TABLE schedule_runs (
    code     TEXT PRIMARY KEY,
    schedule TEXT    NOT NULL,
    run_at   INTEGER NOT NULL
) WITHOUT ROWID;

-- How far an event for very many has come: those of its audience up to this user have it.
CREATE TABLE fan_outs (
    identity   TEXT PRIMARY KEY,
    audience   TEXT   NOT NULL,
    user_id    TEXT    NOT NULL,
    started_at INTEGER NOT NULL
) WITHOUT ROWID;
