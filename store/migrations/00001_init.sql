-- +goose Up

-- Names are interned: the big tables hold small integers.
CREATE TABLE targets (
  id     INTEGER PRIMARY KEY,
  name   TEXT NOT NULL UNIQUE,
  newest INTEGER NOT NULL DEFAULT 0 -- the newest origin, Unix ms
);
CREATE TABLE subjects (
  id   INTEGER PRIMARY KEY,
  kind TEXT NOT NULL,
  text TEXT NOT NULL UNIQUE -- collector.Subject.String
);
CREATE TABLE models (
  id   INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE
);

-- The latest forecast of every target and subject: what lists and sorts need
-- here, the path and its drivers in details. key is target<<32 | subject.
CREATE TABLE latest (
  key      INTEGER PRIMARY KEY,
  origin   INTEGER NOT NULL, -- Unix ms
  interval INTEGER NOT NULL, -- ns
  model    INTEGER NOT NULL,
  risk     REAL,             -- the highest at any horizon
  risks    TEXT NOT NULL     -- {"seconds": probability}
);
CREATE TABLE details (
  key  INTEGER PRIMARY KEY,
  body BLOB NOT NULL
);

-- What was said, one row a horizon, thinned to one a slot of time; clustered by
-- slot, so that a step appends to one end of the tree. Later columns tell what
-- happened. NULL is NaN.
CREATE TABLE issued (
  target   INTEGER NOT NULL,
  horizon  INTEGER NOT NULL, -- s
  slot     INTEGER NOT NULL, -- origin ÷ spacing of the horizon
  subject  INTEGER NOT NULL,
  origin   INTEGER NOT NULL, -- Unix ms
  due      INTEGER NOT NULL, -- Unix ms
  gap      INTEGER NOT NULL, -- s since the slot before: the time that this row stands for
  model    INTEGER NOT NULL,
  median   REAL,
  lower    REAL,
  upper    REAL,
  risk     REAL,
  matured  INTEGER,
  naive    REAL,
  actual   REAL,
  happened INTEGER,
  warned   INTEGER,
  began    INTEGER,
  PRIMARY KEY (target, horizon, slot, subject)
) WITHOUT ROWID;
CREATE INDEX issued_due ON issued (target, due) WHERE matured IS NULL;

-- Scores by day are sums, kept while outcomes come in, so that a scorecard
-- never reads the issued rows again.
CREATE TABLE scores (
  target       INTEGER NOT NULL,
  horizon      INTEGER NOT NULL,
  day          INTEGER NOT NULL, -- days since 1970, of the origin
  model        INTEGER NOT NULL, -- the newest
  matured      INTEGER NOT NULL,
  levels       INTEGER NOT NULL,
  loss         REAL NOT NULL,
  naive_loss   REAL NOT NULL,
  covered      INTEGER NOT NULL,
  events       INTEGER NOT NULL,
  brier        REAL NOT NULL,
  naive_brier  REAL NOT NULL,
  happened     INTEGER NOT NULL,
  warned       INTEGER NOT NULL,
  hits         INTEGER NOT NULL,
  false_starts INTEGER NOT NULL,
  exposure     INTEGER NOT NULL, -- s
  first        INTEGER NOT NULL,
  last         INTEGER NOT NULL,
  PRIMARY KEY (target, horizon, day)
) WITHOUT ROWID;
CREATE TABLE leads (
  target  INTEGER NOT NULL,
  horizon INTEGER NOT NULL,
  began   INTEGER NOT NULL,
  subject INTEGER NOT NULL,
  lead    INTEGER NOT NULL, -- ms from the first warned forecast to the onset
  PRIMARY KEY (target, horizon, began, subject)
) WITHOUT ROWID;

CREATE TABLE runs (
  id      TEXT PRIMARY KEY,
  started INTEGER NOT NULL,
  body    TEXT NOT NULL
);
CREATE INDEX runs_started ON runs (started);

CREATE TABLE warnings (
  target   TEXT NOT NULL,
  subject  TEXT NOT NULL,
  starts   INTEGER NOT NULL,
  resolved INTEGER NOT NULL,
  body     TEXT NOT NULL,
  PRIMARY KEY (target, subject, starts)
);
CREATE INDEX warnings_active ON warnings (target) WHERE resolved = 0;

CREATE TABLE corrections (
  id       TEXT PRIMARY KEY,
  key      TEXT NOT NULL,
  state    TEXT NOT NULL,
  policy   TEXT NOT NULL,
  subject  TEXT NOT NULL,
  proposed INTEGER NOT NULL,
  body     TEXT NOT NULL
);
CREATE UNIQUE INDEX corrections_key ON corrections (key) WHERE key <> '';
CREATE INDEX corrections_proposed ON corrections (proposed, id);
CREATE INDEX corrections_subject ON corrections (subject, proposed);
CREATE INDEX corrections_state ON corrections (state, proposed);

-- AUTOINCREMENT remembers the highest seq, so a cut tail is seen.
CREATE TABLE audit (
  seq      INTEGER PRIMARY KEY AUTOINCREMENT,
  previous TEXT NOT NULL,
  hash     TEXT NOT NULL,
  body     TEXT NOT NULL
);
-- +goose StatementBegin
CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END;
-- +goose StatementEnd
