package api

import (
	"context"

	"github.com/driftcast/driftcast/api/gen"
	"github.com/driftcast/driftcast/forecaster"
)

// ListAudit answers with a page of the audit trail, oldest first: of all of it, or
// of what is about one correction.
func (s *Server) ListAudit(ctx context.Context, r gen.ListAuditRequestObject) (gen.ListAuditResponseObject, error) {
	after, limit := int64(0), 100
	if r.Params.After != nil {
		after = *r.Params.After
	}
	if r.Params.Limit != nil {
		limit = *r.Params.Limit
	}
	var page []forecaster.AuditEntry
	var err error
	if id := r.Params.Correction; id != nil {
		page, err = s.o.Audit.AuditOf(ctx, *id, after, limit)
	} else {
		page, err = s.o.Audit.Audit(ctx, after, limit)
	}
	if err != nil {
		return nil, err
	}
	list := gen.AuditList{Items: convert(page, auditEntry)}
	if len(page) == limit {
		list.NextAfter = &page[limit-1].Seq
	}
	return gen.ListAudit200JSONResponse(list), nil
}

// VerifyAudit walks the hash chain. A chain that is broken is an answer, not an
// error.
func (s *Server) VerifyAudit(ctx context.Context, _ gen.VerifyAuditRequestObject) (gen.VerifyAuditResponseObject, error) {
	entries, err := s.o.Audit.VerifyAudit(ctx)
	if err != nil && ctx.Err() != nil {
		return nil, err
	}
	found := gen.AuditVerification{Valid: err == nil, Entries: entries}
	if err != nil {
		s.o.Logger.Error("the audit trail does not verify", "err", err)
		found.Problem = pointer(err.Error())
	}
	return gen.VerifyAudit200JSONResponse(found), nil
}
