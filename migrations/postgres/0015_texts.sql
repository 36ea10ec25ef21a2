-- Translations and e-mails of notification types. The SQLite migration of the same number means the same.

-- translations: {"id": {"title", "template", "email": {"subject", "text", "html"}}}; email: {"subject", "text", "html"} in the
-- default language. All of them are templates; one that is missing is read from the folder of templates.
ALTER TABLE notification_types ADD COLUMN translations JSONB NOT NULL DEFAULT '{}';
ALTER TABLE notification_types ADD COLUMN email JSONB NOT NULL DEFAULT '{}';
