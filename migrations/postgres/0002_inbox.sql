-- Seen, preferences, keeping, and answers that are given again. The SQLite migration of the same number means the same.

-- When it was on a screen. What is unread and was never seen is counted in inboxes.unseen.
ALTER TABLE notifications ADD COLUMN seen_at BIGINT;
-- When its type says that it goes.
ALTER TABLE notifications ADD COLUMN keep_until BIGINT;
-- When a person took it back: from then on its age counts, for the archive and for retention.
ALTER TABLE notifications ADD COLUMN kept_from BIGINT;
UPDATE notifications SET seen_at = read_at WHERE read_at IS NOT NULL;

ALTER TABLE inboxes ADD COLUMN unseen BIGINT NOT NULL DEFAULT 0;
UPDATE inboxes SET unseen = unread;

-- What the sweeper looks for, each in the order of its time: what ran out, what goes to the archive, what its type lets go.
DROP INDEX notifications_expiring;
CREATE INDEX notifications_expiring ON notifications (expires_at)
    WHERE expires_at IS NOT NULL AND status IN ('unread', 'read');
CREATE INDEX notifications_archivable ON notifications (created_at) WHERE status = 'read';
CREATE INDEX notifications_kept ON notifications (keep_until) WHERE keep_until IS NOT NULL AND status <> 'deleted';

ALTER TABLE notification_types ADD COLUMN mandatory BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE notification_types ADD COLUMN keep_days BIGINT;

-- Beside the preferences themselves: the column that the sweeper looks for.
ALTER TABLE user_notification_preferences ADD COLUMN retention_days BIGINT;
CREATE INDEX preferences_retention ON user_notification_preferences (user_id) WHERE retention_days IS NOT NULL;

-- Requests with an Idempotency-Key: reserved while the first is under way, then with its answer.
CREATE TABLE idempotency_keys (
    key         TEXT PRIMARY KEY,
    fingerprint TEXT    NOT NULL,
    holder      TEXT    NOT NULL,
    started_at  BIGINT NOT NULL,
    answer      TEXT
);
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (started_at);
