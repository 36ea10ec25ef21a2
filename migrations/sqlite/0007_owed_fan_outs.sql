-- Events for very many recipients that are acknowledged before all of them have it. The PostgreSQL migration of the same
-- number means the same.

-- The event as JSON: set, the hub has acknowledged it and owes it to the recipients after user_id.
ALTER TABLE fan_outs ADD COLUMN event TEXT;
-- Until when a hub works on it, in milliseconds since 1970 by the clock of the database; after that another continues.
ALTER TABLE fan_outs ADD COLUMN expires_at INTEGER NOT NULL DEFAULT 0;
