-- +goose Up

-- The quantiles between lower, median and upper, for the pinball loss:
-- little-endian float32. NULL for events and for rows from before.
ALTER TABLE issued ADD COLUMN quantiles BLOB;

-- What challengers said beside the champion, while they served in shadow. As
-- issued, but nobody is shown it.
CREATE TABLE shadows (
  target    INTEGER NOT NULL,
  horizon   INTEGER NOT NULL, -- s
  slot      INTEGER NOT NULL,
  subject   INTEGER NOT NULL,
  origin    INTEGER NOT NULL, -- Unix ms
  due       INTEGER NOT NULL, -- Unix ms
  gap       INTEGER NOT NULL, -- s
  model     INTEGER NOT NULL,
  median    REAL,
  lower     REAL,
  upper     REAL,
  risk      REAL,
  matured   INTEGER,
  naive     REAL,
  actual    REAL,
  happened  INTEGER,
  warned    INTEGER,
  began     INTEGER,
  quantiles BLOB,
  PRIMARY KEY (target, horizon, slot, subject)
) WITHOUT ROWID;
CREATE INDEX shadows_due ON shadows (target, due) WHERE matured IS NULL;

-- Scores by day and model. Losses of levels are pinball over all quantiles;
-- weighted ones are in units of what each subject mostly changes by from step to
-- step, so that large subjects do not drown the others.
ALTER TABLE scores RENAME TO scores_1;
CREATE TABLE scores (
  target         INTEGER NOT NULL,
  horizon        INTEGER NOT NULL,
  day            INTEGER NOT NULL, -- days since 1970, of the origin
  model          INTEGER NOT NULL,
  shadow         INTEGER NOT NULL,
  matured        INTEGER NOT NULL,
  levels         INTEGER NOT NULL,
  scored         INTEGER NOT NULL, -- levels with a pinball loss
  loss           REAL NOT NULL,    -- in the level's own unit
  weighted       REAL NOT NULL,
  naive_weighted REAL NOT NULL,
  covered        INTEGER NOT NULL,
  events         INTEGER NOT NULL,
  brier          REAL NOT NULL,
  naive_brier    REAL NOT NULL,
  happened       INTEGER NOT NULL,
  warned         INTEGER NOT NULL,
  hits           INTEGER NOT NULL,
  false_starts   INTEGER NOT NULL,
  exposure       INTEGER NOT NULL, -- s
  first          INTEGER NOT NULL,
  last           INTEGER NOT NULL,
  PRIMARY KEY (target, horizon, day, model, shadow)
) WITHOUT ROWID;
INSERT INTO scores SELECT target, horizon, day, model, 0, matured, levels, 0, 0, 0, 0, covered, events, brier, naive_brier,
  happened, warned, hits, false_starts, exposure, first, last FROM scores_1;
DROP TABLE scores_1;

ALTER TABLE leads RENAME TO leads_1;
CREATE TABLE leads (
  target  INTEGER NOT NULL,
  horizon INTEGER NOT NULL,
  began   INTEGER NOT NULL,
  subject INTEGER NOT NULL,
  shadow  INTEGER NOT NULL,
  model   INTEGER NOT NULL, -- that warned first; 0: not known
  lead    INTEGER NOT NULL, -- ms from the first warned forecast to the onset
  PRIMARY KEY (target, horizon, began, subject, shadow)
) WITHOUT ROWID;
INSERT INTO leads SELECT target, horizon, began, subject, 0, 0, lead FROM leads_1;
DROP TABLE leads_1;

-- Reliability curves by day: sums over the forecasts of a bin of risk.
CREATE TABLE reliability (
  target   INTEGER NOT NULL,
  horizon  INTEGER NOT NULL,
  day      INTEGER NOT NULL,
  model    INTEGER NOT NULL,
  shadow   INTEGER NOT NULL,
  bin      INTEGER NOT NULL,
  forecasts INTEGER NOT NULL,
  risk     REAL NOT NULL,
  happened INTEGER NOT NULL,
  PRIMARY KEY (target, horizon, day, model, shadow, bin)
) WITHOUT ROWID;

-- How all forecasts of one origin came out: what decay and shadows are judged by.
CREATE TABLE turns (
  target      INTEGER NOT NULL,
  horizon     INTEGER NOT NULL,
  origin      INTEGER NOT NULL, -- Unix ms
  shadow      INTEGER NOT NULL,
  model       INTEGER NOT NULL,
  forecasts   INTEGER NOT NULL, -- with a loss
  loss        REAL NOT NULL,    -- weighted pinball, or Brier
  naive       REAL NOT NULL,
  levels      INTEGER NOT NULL,
  covered     INTEGER NOT NULL,
  events      INTEGER NOT NULL,
  risk        REAL NOT NULL,
  happened    INTEGER NOT NULL,
  PRIMARY KEY (target, horizon, origin, shadow)
) WITHOUT ROWID;
