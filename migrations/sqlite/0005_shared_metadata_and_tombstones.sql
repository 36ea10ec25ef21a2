-- Metadata shared by the notifications of one event, failed attempts, and tombstones that end. The PostgreSQL migration of
-- the same number means the same.

-- Metadata too long to be stored with every recipient of an event; notifications refer to it.
CREATE TABLE shared_metadata (
    id         TEXT PRIMARY KEY,
    metadata   TEXT    NOT NULL,
    created_at INTEGER NOT NULL
) WITHOUT ROWID;

-- Set: the metadata is the one with this ID, and the column metadata holds '{}'.
ALTER TABLE notifications ADD COLUMN metadata_id TEXT;
CREATE INDEX notifications_by_metadata ON notifications (metadata_id) WHERE metadata_id IS NOT NULL;

-- Deleted notifications stay as tombstones without content, so that every device learns of the deletion; after a while they
-- are purged.
ALTER TABLE notifications ADD COLUMN deleted_at INTEGER;
UPDATE notifications SET title = '', message = '', metadata = '{}', action_url = NULL,
    deleted_at = CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)
    WHERE status = 'deleted';
CREATE INDEX notifications_deleted ON notifications (deleted_at) WHERE status = 'deleted';

-- Highest revision of a tombstone that was purged: a client that stopped before it cannot resume.
ALTER TABLE inboxes ADD COLUMN purged_revision INTEGER NOT NULL DEFAULT 0;

-- Attempts at which the hub itself failed on an event, by the event's identity.
CREATE TABLE failed_attempts (
    identity  TEXT PRIMARY KEY,
    attempts  INTEGER NOT NULL,
    failed_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX failed_attempts_by_age ON failed_attempts (failed_at);
