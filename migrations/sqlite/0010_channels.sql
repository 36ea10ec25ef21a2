-- Delivery channels, grouping, snooze and recall. The PostgreSQL migration of the same number means the same.

-- When and how notifications of a type go to channels, and which of them are grouped. escalate is a list of
-- {"after", "unless", "channels"}; digest a cron expression or a duration; group_window a duration.
ALTER TABLE notification_types ADD COLUMN escalate TEXT NOT NULL DEFAULT '[]';
ALTER TABLE notification_types ADD COLUMN group_by TEXT;
ALTER TABLE notification_types ADD COLUMN group_window TEXT;
ALTER TABLE notification_types ADD COLUMN digest TEXT;

-- The event of a notification and who published it, for recall; what it is grouped by, and the names of the actors of its
-- group, newest first; until when it is snoozed.
ALTER TABLE notifications ADD COLUMN event_id TEXT;
ALTER TABLE notifications ADD COLUMN publisher TEXT;
ALTER TABLE notifications ADD COLUMN group_key TEXT;
ALTER TABLE notifications ADD COLUMN actors TEXT;
ALTER TABLE notifications ADD COLUMN snoozed_until INTEGER;
CREATE INDEX notifications_by_event ON notifications (event_id) WHERE event_id IS NOT NULL;
CREATE INDEX notifications_grouped ON notifications (user_id, type_code, group_key)
    WHERE group_key IS NOT NULL AND status = 'unread';
CREATE INDEX notifications_snoozed ON notifications (snoozed_until) WHERE status = 'snoozed';

-- Messages to channels other than the bell: written with the notification, sent by the dispatcher. A user_id of '' stands
-- for all recipients of an event; then recipients is their number.
CREATE TABLE deliveries (
    delivery_id     TEXT PRIMARY KEY,
    notification_id TEXT    NOT NULL,
    user_id         TEXT    NOT NULL,
    type_code       TEXT    NOT NULL,
    channel         TEXT    NOT NULL,
    state           TEXT    NOT NULL,
    reason          TEXT,
    unless          TEXT    NOT NULL DEFAULT '',
    digest          BOOLEAN NOT NULL DEFAULT FALSE,
    closes          BOOLEAN NOT NULL DEFAULT FALSE,
    recipients      INTEGER NOT NULL DEFAULT 1,
    attempts        INTEGER NOT NULL DEFAULT 0,
    due_at          INTEGER NOT NULL,
    claimed_until   INTEGER,
    created_at      INTEGER NOT NULL,
    sent_at         INTEGER,
    confirmed       TEXT    NOT NULL DEFAULT '[]'
) WITHOUT ROWID;
CREATE INDEX deliveries_due ON deliveries (channel, due_at) WHERE state IN ('scheduled', 'sending');
CREATE INDEX deliveries_by_notification ON deliveries (notification_id);
CREATE INDEX deliveries_by_user ON deliveries (user_id, delivery_id);

-- Browsers that receive Web Push. The ID is the hash of the endpoint.
CREATE TABLE push_subscriptions (
    id         TEXT PRIMARY KEY,
    user_id    TEXT    NOT NULL,
    endpoint   TEXT    NOT NULL,
    p256dh     TEXT    NOT NULL,
    auth       TEXT    NOT NULL,
    created_at INTEGER NOT NULL
);
CREATE INDEX push_subscriptions_by_user ON push_subscriptions (user_id);

-- Further addresses of a person, such as a phone number, and whether the e-mail address is known to be theirs.
ALTER TABLE users ADD COLUMN email_verified BOOLEAN;
ALTER TABLE users ADD COLUMN addresses TEXT NOT NULL DEFAULT '{}';
