-- Columns for those who query by hand. They are computed from the others when they are read; the hub neither reads nor writes
-- them. The PostgreSQL migration of the same number means the same.

ALTER TABLE notifications ADD COLUMN is_read BOOLEAN GENERATED ALWAYS AS (read_at IS NOT NULL) VIRTUAL;

-- Preferences that are not JSON count as the default.
ALTER TABLE user_notification_preferences ADD COLUMN muted_types TEXT GENERATED ALWAYS AS
    (CASE WHEN json_valid(preferences) THEN COALESCE(preferences ->> '$.muted_types', '[]') ELSE '[]' END) VIRTUAL;
ALTER TABLE user_notification_preferences ADD COLUMN email_enabled BOOLEAN GENERATED ALWAYS AS
    (CASE WHEN json_valid(preferences) THEN COALESCE(preferences ->> '$.email_enabled', 1) ELSE 1 END) VIRTUAL;
ALTER TABLE user_notification_preferences ADD COLUMN push_enabled BOOLEAN GENERATED ALWAYS AS
    (CASE WHEN json_valid(preferences) THEN COALESCE(preferences ->> '$.push_enabled', 1) ELSE 1 END) VIRTUAL;
