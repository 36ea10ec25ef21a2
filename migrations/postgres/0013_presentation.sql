-- Category, icon, actions and marked-up message of notifications. The SQLite migration of the same number means the same.

-- presentation: {"icon", "actions": [{"label", "url", "primary"}], "rich"}, or NULL; clicked_action: index of the action
-- that was pressed last.
ALTER TABLE notifications ADD COLUMN category TEXT;
ALTER TABLE notifications ADD COLUMN presentation JSONB;
ALTER TABLE notifications ADD COLUMN clicked_action INTEGER;

-- Templates, and whether messages have bold and links.
ALTER TABLE notification_types ADD COLUMN category TEXT;
ALTER TABLE notification_types ADD COLUMN icon TEXT;
ALTER TABLE notification_types ADD COLUMN actions JSONB NOT NULL DEFAULT '[]';
ALTER TABLE notification_types ADD COLUMN rich BOOLEAN NOT NULL DEFAULT FALSE;
