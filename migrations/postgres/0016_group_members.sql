-- Events of the notifications that are grouped, for recall. The SQLite migration of the same number means the same.

-- The events of a group in the order of their revisions, the newest ones with what rendering needs: event is JSON, as text because
-- jsonb refuses some, and bytes its size. A recalled one stays without its content, so that a repeated recall is recognized. Groups
-- of earlier versions have none.
CREATE TABLE group_members (
    notification_id UUID           NOT NULL,
    revision        BIGINT         NOT NULL,
    user_id         TEXT           NOT NULL,
    event_id        TEXT,
    source          TEXT,
    publisher       TEXT,
    actor_id        TEXT,
    actor           TEXT,
    event           TEXT,
    bytes           BIGINT         NOT NULL,
    added_at        TIMESTAMPTZ(3) NOT NULL,
    recalled        BOOLEAN        NOT NULL DEFAULT FALSE,
    PRIMARY KEY (notification_id, revision)
);
CREATE INDEX group_members_by_event ON group_members (event_id);
CREATE INDEX group_members_by_user ON group_members (user_id);
