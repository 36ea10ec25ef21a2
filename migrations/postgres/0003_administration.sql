-- What administrators change, and who did it.
CREATE TABLE audit (
    id      TEXT PRIMARY KEY,
    at      BIGINT NOT NULL,
    who     TEXT   NOT NULL,
    action  TEXT   NOT NULL,
    subject TEXT   NOT NULL,
    before  TEXT,
    after   TEXT
);
CREATE INDEX audit_by_subject ON audit (subject, id);
