-- +goose Up

-- Fields that were not as declared for a while.
CREATE TABLE drift_episodes (
  object   TEXT NOT NULL, -- group, kind, namespace and name, whatever the version
  path     TEXT NOT NULL, -- JSON pointer
  since    INTEGER NOT NULL, -- Unix ms
  until    INTEGER,          -- Unix ms; NULL: it still is
  kind     TEXT NOT NULL,
  subject  TEXT NOT NULL,
  body     TEXT NOT NULL,
  PRIMARY KEY (object, path, since)
) WITHOUT ROWID;
CREATE INDEX drift_episodes_since ON drift_episodes (since);
CREATE INDEX drift_episodes_subject ON drift_episodes (subject, since);
CREATE INDEX drift_episodes_open ON drift_episodes (since) WHERE until IS NULL;

-- What an object's own managers declared when they last did.
CREATE TABLE drift_baselines (
  object  TEXT NOT NULL,
  manager TEXT NOT NULL,
  ref     TEXT NOT NULL, -- JSON
  uid     TEXT NOT NULL,
  at      INTEGER NOT NULL, -- Unix ms
  source  TEXT NOT NULL,
  body    BLOB NOT NULL,
  PRIMARY KEY (object, manager)
);
