-- Variants of a template, what was clicked, and types that come by the clock. The SQLite migration of the same number means the
-- same.

-- A list of {"name", "weight", "template"}.
ALTER TABLE notification_types ADD COLUMN variants TEXT NOT NULL DEFAULT '[]';
-- Five fields of cron, or {"cron", "timezone", "count", "missed"}.
ALTER TABLE notification_types ADD COLUMN schedule TEXT;

ALTER TABLE notifications ADD COLUMN variant TEXT;
ALTER TABLE notifications ADD COLUMN clicked_at BIGINT;
CREATE INDEX notifications_by_variant ON notifications (type_code, variant) WHERE variant IS NOT NULL;

-- Up to when each schedule has been run, and which schedule that was.
CREATE TABLE schedule_runs (
    code     TEXT PRIMARY KEY,
    schedule TEXT   NOT NULL,
    run_at   BIGINT NOT NULL
);

-- How far an event for very many has come: those of its audience up to this user have it.
CREATE TABLE fan_outs (
    identity   TEXT PRIMARY KEY,
    audience   TEXT  NOT NULL,
    user_id    TEXT   NOT NULL,
    started_at BIGINT NOT NULL
);

-- Every hub hears of a type that was changed, whoever changed it. (SQLite has nobody to tell: its hub looks for itself.)
CREATE FUNCTION lonceng_types_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('lonceng_types', '');
    RETURN NULL;
END $$;
CREATE TRIGGER notification_types_changed AFTER INSERT OR UPDATE OR DELETE ON notification_types
    FOR EACH STATEMENT EXECUTE FUNCTION lonceng_types_changed();
