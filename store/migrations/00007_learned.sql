-- +goose Up

-- What the loop has learned of a target beside its models: how wide its intervals are to be, which regressions stand.
CREATE TABLE learned (
  target TEXT NOT NULL,
  what   TEXT NOT NULL,
  body   BLOB NOT NULL,
  PRIMARY KEY (target, what)
) WITHOUT ROWID;
