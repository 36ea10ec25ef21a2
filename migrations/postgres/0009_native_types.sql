-- The types of PostgreSQL in the tables that administrators query by hand: uuid, timestamptz, jsonb and text[]. SQLite
-- keeps text and integers, so it has no migration of this number. Each table is rewritten once.
--
-- Tables in which only the hub keeps account (identities, leases, claims, retries) keep milliseconds since 1970.

-- Time of milliseconds since 1970; what timestamptz cannot hold is infinite.
CREATE FUNCTION lonceng_time(ms BIGINT) RETURNS TIMESTAMPTZ LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN ms > 9224318015999999 THEN 'infinity' WHEN ms < -210866803200000 THEN '-infinity'
        ELSE to_timestamp(ms / 1000.0::double precision) END
$$;

-- JSON of a text. What jsonb cannot hold (U+0000, half a surrogate pair, numbers that are too large) becomes a JSON
-- string with the text, which the hub reads back.
CREATE FUNCTION lonceng_jsonb(value TEXT) RETURNS JSONB LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN CASE WHEN value LIKE '"%' THEN to_jsonb(value) ELSE value::jsonb END;
EXCEPTION WHEN OTHERS THEN
    RETURN to_jsonb(value);
END $$;

-- Texts of a JSON array; of anything else none.
CREATE FUNCTION lonceng_texts(list JSONB) RETURNS TEXT[] LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN jsonb_typeof(list) = 'array'
        THEN ARRAY(SELECT value FROM jsonb_array_elements_text(list) AS value WHERE value IS NOT NULL)
        ELSE '{}' END
$$;

ALTER TABLE shared_metadata
    ALTER COLUMN metadata TYPE JSONB USING lonceng_jsonb(metadata),
    ALTER COLUMN created_at TYPE TIMESTAMPTZ(3) USING lonceng_time(created_at);

ALTER TABLE notifications DROP COLUMN is_read;
ALTER TABLE notifications
    ALTER COLUMN notification_id TYPE UUID USING notification_id::uuid,
    ALTER COLUMN metadata TYPE JSONB USING lonceng_jsonb(metadata),
    ALTER COLUMN created_at TYPE TIMESTAMPTZ(3) USING lonceng_time(created_at),
    ALTER COLUMN expires_at TYPE TIMESTAMPTZ(3) USING lonceng_time(expires_at),
    ALTER COLUMN read_at TYPE TIMESTAMPTZ(3) USING lonceng_time(read_at),
    ALTER COLUMN seen_at TYPE TIMESTAMPTZ(3) USING lonceng_time(seen_at),
    ALTER COLUMN keep_until TYPE TIMESTAMPTZ(3) USING lonceng_time(keep_until),
    ALTER COLUMN kept_from TYPE TIMESTAMPTZ(3) USING lonceng_time(kept_from),
    ALTER COLUMN clicked_at TYPE TIMESTAMPTZ(3) USING lonceng_time(clicked_at),
    ALTER COLUMN deleted_at TYPE TIMESTAMPTZ(3) USING lonceng_time(deleted_at),
    ADD COLUMN is_read BOOLEAN GENERATED ALWAYS AS (read_at IS NOT NULL) STORED;

DROP TRIGGER users_roles ON users;
ALTER TABLE users ALTER COLUMN roles DROP DEFAULT, ALTER COLUMN updated_at DROP DEFAULT;
ALTER TABLE users
    ALTER COLUMN roles TYPE TEXT[] USING lonceng_texts(lonceng_jsonb(roles)),
    ALTER COLUMN updated_at TYPE TIMESTAMPTZ(3) USING lonceng_time(updated_at),
    ALTER COLUMN roles SET DEFAULT '{}',
    ALTER COLUMN updated_at SET DEFAULT clock_timestamp();
CREATE OR REPLACE FUNCTION lonceng_user_roles() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        DELETE FROM user_roles WHERE user_id = OLD.user_id;
    END IF;
    IF TG_OP <> 'DELETE' THEN
        INSERT INTO user_roles (role, user_id)
        SELECT DISTINCT role, NEW.user_id FROM UNNEST(NEW.roles) AS role WHERE role IS NOT NULL
        ON CONFLICT DO NOTHING;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER users_roles AFTER INSERT OR DELETE OR UPDATE OF user_id, roles ON users
    FOR EACH ROW EXECUTE FUNCTION lonceng_user_roles();

ALTER TABLE notification_types DISABLE TRIGGER USER;
ALTER TABLE notification_types ALTER COLUMN target_users DROP DEFAULT, ALTER COLUMN channels DROP DEFAULT,
    ALTER COLUMN variants DROP DEFAULT, ALTER COLUMN updated_at DROP DEFAULT;
ALTER TABLE notification_types
    ALTER COLUMN target_users TYPE TEXT[] USING lonceng_texts(lonceng_jsonb(target_users)),
    ALTER COLUMN channels TYPE TEXT[] USING lonceng_texts(lonceng_jsonb(channels)),
    ALTER COLUMN variants TYPE JSONB USING lonceng_jsonb(variants),
    ALTER COLUMN updated_at TYPE TIMESTAMPTZ(3) USING lonceng_time(updated_at),
    ALTER COLUMN target_users SET DEFAULT '{}',
    ALTER COLUMN channels SET DEFAULT '{web}',
    ALTER COLUMN variants SET DEFAULT '[]',
    ALTER COLUMN updated_at SET DEFAULT clock_timestamp();
CREATE OR REPLACE FUNCTION lonceng_type_by_hand() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.origin = 'config' AND NEW.updated_at = OLD.updated_at THEN
        NEW.origin := 'admin';
        NEW.updated_at := date_trunc('milliseconds', clock_timestamp());
    END IF;
    RETURN NEW;
END $$;
ALTER TABLE notification_types ENABLE TRIGGER USER;

ALTER TABLE user_notification_preferences DROP COLUMN muted_types, DROP COLUMN email_enabled, DROP COLUMN push_enabled;
ALTER TABLE user_notification_preferences
    ALTER COLUMN preferences TYPE JSONB USING lonceng_jsonb(preferences),
    ALTER COLUMN updated_at TYPE TIMESTAMPTZ(3) USING lonceng_time(updated_at),
    ADD COLUMN muted_types TEXT[] GENERATED ALWAYS AS (lonceng_texts(preferences -> 'muted_types')) STORED,
    ADD COLUMN email_enabled BOOLEAN GENERATED ALWAYS AS
        (COALESCE(preferences -> 'email_enabled' <> 'false'::jsonb, TRUE)) STORED,
    ADD COLUMN push_enabled BOOLEAN GENERATED ALWAYS AS
        (COALESCE(preferences -> 'push_enabled' <> 'false'::jsonb, TRUE)) STORED;
DROP FUNCTION lonceng_json;

ALTER TABLE dead_letters ALTER COLUMN headers DROP DEFAULT;
ALTER TABLE dead_letters
    ALTER COLUMN id TYPE UUID USING id::uuid,
    ALTER COLUMN received_at TYPE TIMESTAMPTZ(3) USING lonceng_time(received_at),
    ALTER COLUMN headers TYPE JSONB USING lonceng_jsonb(headers),
    ALTER COLUMN headers SET DEFAULT '[]';

ALTER TABLE audit
    ALTER COLUMN id TYPE UUID USING id::uuid,
    ALTER COLUMN at TYPE TIMESTAMPTZ(3) USING lonceng_time(at),
    ALTER COLUMN before TYPE JSONB USING lonceng_jsonb(before),
    ALTER COLUMN after TYPE JSONB USING lonceng_jsonb(after);
