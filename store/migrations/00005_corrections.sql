-- +goose Up

-- Counts what was recorded of a correction: what was made from an older one is refused.
ALTER TABLE corrections ADD COLUMN version INTEGER NOT NULL DEFAULT 0;
-- What is acted on: a GPU's node, else the subject.
ALTER TABLE corrections ADD COLUMN object TEXT NOT NULL DEFAULT '';
-- 1 while it acts on its object or holds it out of service.
ALTER TABLE corrections ADD COLUMN holding INTEGER NOT NULL DEFAULT 0;
-- 1 while its outcome is not known yet. Those from before are not judged.
ALTER TABLE corrections ADD COLUMN waiting INTEGER NOT NULL DEFAULT 0;

UPDATE corrections SET
  object = CASE
    WHEN subject LIKE 'gpu/%:%' THEN 'node/' || substr(subject, 5, instr(subject, ':') - 5)
    WHEN subject LIKE 'gpu/%' THEN 'node/' || substr(subject, 5)
    ELSE subject END,
  holding = state IN ('approved', 'applied');
-- From before there were only corrections of nodes, which held them out of service.
UPDATE corrections SET holding = 1, body = json_set(body, '$.OutOfService', json('true'))
  WHERE state = 'verified' AND json_extract(body, '$.Undo') <> '';
UPDATE corrections SET body = json_set(body, '$.Applied', json_extract(body, '$.Changed')) WHERE state IN ('applied', 'verified');

CREATE INDEX corrections_object ON corrections (object, proposed);
CREATE INDEX corrections_policy ON corrections (policy, state, proposed);
CREATE INDEX corrections_holding ON corrections (policy, proposed) WHERE holding = 1;
CREATE INDEX corrections_waiting ON corrections (proposed) WHERE waiting = 1;
