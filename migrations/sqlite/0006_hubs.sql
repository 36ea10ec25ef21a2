-- On PostgreSQL, the hubs that share the store and their leases. Only one hub at a time uses a SQLite file, so there is
-- nothing to share here; the number keeps both folders in step.
SELECT 1;
