-- Events that applications write in their own transactions, and trace contexts. On SQLite there is no outbox.

CREATE TABLE lonceng_outbox (
    id          BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    type        TEXT        NOT NULL,
    data        JSONB       NOT NULL DEFAULT '{}',
    user_id     TEXT,
    actor_id    TEXT,
    source      TEXT,
    event_id    TEXT,
    traceparent TEXT,
    created_at  TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE lonceng_outbox IS 'Events for Lonceng, which deletes a row after the commit of its notifications';

CREATE FUNCTION lonceng_outbox_notify() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('lonceng_outbox', '');
    RETURN NULL;
END $$;
CREATE TRIGGER lonceng_outbox_notify AFTER INSERT ON lonceng_outbox
    FOR EACH STATEMENT EXECUTE FUNCTION lonceng_outbox_notify();

-- Writes an event in the caller's transaction; returns its row. The search path is fixed, so that callers with another one
-- find the table.
CREATE FUNCTION lonceng_publish(
    type        TEXT,
    data        JSONB DEFAULT '{}',
    user_id     TEXT DEFAULT NULL,
    actor_id    TEXT DEFAULT NULL,
    source      TEXT DEFAULT NULL,
    event_id    TEXT DEFAULT NULL,
    traceparent TEXT DEFAULT NULL
) RETURNS BIGINT LANGUAGE sql VOLATILE SET search_path FROM CURRENT AS $$
    INSERT INTO lonceng_outbox (type, data, user_id, actor_id, source, event_id, traceparent)
    VALUES (lonceng_publish.type, coalesce(lonceng_publish.data, '{}'), lonceng_publish.user_id, lonceng_publish.actor_id,
            lonceng_publish.source, lonceng_publish.event_id, lonceng_publish.traceparent)
    RETURNING id
$$;

-- Trace context of the event (W3C Trace Context), so that a delivery sent later belongs to the same trace.
ALTER TABLE deliveries ADD COLUMN trace_context TEXT;
