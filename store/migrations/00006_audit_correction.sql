-- +goose Up

-- What was done with one correction is asked for more often than the whole trail.
-- The rows stay as they are: the hash covers the body. One that was damaged so that
-- it is no JSON is of no correction, and VerifyAudit names it.
CREATE INDEX audit_correction ON audit (CASE WHEN json_valid(body) THEN json_extract(body, '$.Correction.ID') END, seq);
