-- Time of the last change of a notification, from which its age counts when it is removed from the store. The SQLite
-- migration of the same number means the same.

-- NULL: unchanged since created_at. Earlier versions kept the time of deletions only; what is archived or cleared already
-- counts from now, so that nothing is removed too early.
ALTER TABLE notifications ADD COLUMN changed_at TIMESTAMPTZ(3);
UPDATE notifications SET changed_at = COALESCE(deleted_at, date_trunc('milliseconds', clock_timestamp()))
    WHERE status IN ('archived', 'deleted', 'auto_cleared');
CREATE INDEX notifications_removable ON notifications (COALESCE(changed_at, created_at))
    WHERE status IN ('archived', 'deleted', 'auto_cleared');
