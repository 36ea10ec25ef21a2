-- Columns for those who query by hand. They are computed from the others when a row is written; the hub neither reads nor
-- writes them. The SQLite migration of the same number means the same.

ALTER TABLE notifications ADD COLUMN is_read BOOLEAN GENERATED ALWAYS AS (read_at IS NOT NULL) STORED;

-- JSON of a text; NULL if it is none, and preferences that are not JSON count as the default.
CREATE FUNCTION lonceng_json(value TEXT) RETURNS JSONB LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN value::jsonb;
EXCEPTION WHEN OTHERS THEN
    RETURN NULL;
END $$;

ALTER TABLE user_notification_preferences
    ADD COLUMN muted_types JSONB GENERATED ALWAYS AS (COALESCE(lonceng_json(preferences) -> 'muted_types', '[]'::jsonb)) STORED,
    ADD COLUMN email_enabled BOOLEAN GENERATED ALWAYS AS
        (COALESCE(lonceng_json(preferences) -> 'email_enabled' <> 'false'::jsonb, TRUE)) STORED,
    ADD COLUMN push_enabled BOOLEAN GENERATED ALWAYS AS
        (COALESCE(lonceng_json(preferences) -> 'push_enabled' <> 'false'::jsonb, TRUE)) STORED;
