-- +goose Up

-- What changed in the cluster, redacted before it came here. The columns are
-- what lists select by; the body is all of it.
CREATE TABLE changes (
  id        TEXT PRIMARY KEY,
  at        INTEGER NOT NULL, -- Unix ms
  subject   TEXT NOT NULL,
  object    TEXT NOT NULL,
  namespace TEXT NOT NULL,
  kind      TEXT NOT NULL,
  manager   TEXT NOT NULL,
  body      TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX changes_at ON changes (at, id);
CREATE INDEX changes_subject ON changes (subject, at, id);
CREATE INDEX changes_object ON changes (object, at, id);

-- What the observer last saw of each object, so that what happened while nobody
-- watched is noticed.
CREATE TABLE seen (
  object TEXT PRIMARY KEY, -- group/kind/namespace/name
  body   TEXT NOT NULL
) WITHOUT ROWID;
