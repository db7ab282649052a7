package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/driftcast/driftcast/api/gen"
	"github.com/driftcast/driftcast/collector"
	"github.com/driftcast/driftcast/forecaster"
)

// ListCorrections answers with a page of corrections, newest first.
func (s *Server) ListCorrections(ctx context.Context, r gen.ListCorrectionsRequestObject) (gen.ListCorrectionsResponseObject, error) {
	q := forecaster.CorrectionQuery{Subject: text(r.Params.Subject), Policy: text(r.Params.Policy), Cursor: text(r.Params.Cursor)}
	if r.Params.State != nil {
		q.State = forecaster.CorrectionState(*r.Params.State)
	}
	if r.Params.Limit != nil {
		q.Limit = *r.Params.Limit
	}
	page, next, err := s.o.Corrections.Corrections(ctx, q)
	if err != nil {
		return nil, err
	}
	return gen.ListCorrections200JSONResponse{Items: convert(page, correction), NextCursor: optional(next)}, nil
}

// SubmitCorrection goes through the one door.
func (s *Server) SubmitCorrection(ctx context.Context, r gen.SubmitCorrectionRequestObject) (gen.SubmitCorrectionResponseObject, error) {
	sub, err := collector.ParseSubject(r.Body.Subject)
	if err != nil {
		return nil, badField("/subject", "%v", err)
	}
	ask := CorrectionRequest{Policy: r.Body.Policy, Target: text(r.Body.Target), Subject: sub, Reason: text(r.Body.Reason),
		Key: text(r.Params.IdempotencyKey), Actor: callOf(ctx).caller.name, DryRun: r.Params.DryRun != nil && *r.Params.DryRun}
	began := s.o.Now()
	c, err := s.o.Corrector.Submit(ctx, ask)
	if err != nil {
		return nil, err
	}
	shown := correction(c)
	etag, err := tagOf(shown)
	if err != nil {
		return nil, err
	}
	again := ask.Key != "" && c.Proposed.Before(began) // this key had submitted it before
	if ask.DryRun || again {
		return gen.SubmitCorrection200JSONResponse{Body: shown, Headers: gen.SubmitCorrection200ResponseHeaders{ETag: etag}}, nil
	}
	return gen.SubmitCorrection201JSONResponse{Body: shown, Headers: gen.SubmitCorrection201ResponseHeaders{
		ETag: etag, Location: s.location("/corrections/%s", c.ID)}}, nil
}

// ReadCorrection answers with one correction.
func (s *Server) ReadCorrection(ctx context.Context, r gen.ReadCorrectionRequestObject) (gen.ReadCorrectionResponseObject, error) {
	c, err := s.o.Corrections.Correction(ctx, r.Id)
	if err != nil {
		return nil, err
	}
	shown, err := tagged(c)
	if err != nil {
		return nil, err
	}
	return gen.ReadCorrection200JSONResponse{CorrectionJSONResponse: shown}, nil
}

// ApproveCorrection approves and applies.
func (s *Server) ApproveCorrection(ctx context.Context, r gen.ApproveCorrectionRequestObject) (gen.ApproveCorrectionResponseObject, error) {
	shown, err := s.decide(ctx, s.o.Decider.Approve, r.Id, r.Params.IfMatch, r.Body)
	if err != nil {
		return nil, err
	}
	return gen.ApproveCorrection200JSONResponse{CorrectionJSONResponse: shown}, nil
}

// RejectCorrection says no.
func (s *Server) RejectCorrection(ctx context.Context, r gen.RejectCorrectionRequestObject) (gen.RejectCorrectionResponseObject, error) {
	shown, err := s.decide(ctx, s.o.Decider.Reject, r.Id, r.Params.IfMatch, r.Body)
	if err != nil {
		return nil, err
	}
	return gen.RejectCorrection200JSONResponse{CorrectionJSONResponse: shown}, nil
}

// RevertCorrection undoes.
func (s *Server) RevertCorrection(ctx context.Context, r gen.RevertCorrectionRequestObject) (gen.RevertCorrectionResponseObject, error) {
	shown, err := s.decide(ctx, s.o.Decider.Revert, r.Id, r.Params.IfMatch, r.Body)
	if err != nil {
		return nil, err
	}
	return gen.RevertCorrection200JSONResponse{CorrectionJSONResponse: shown}, nil
}

// AcknowledgeCorrection takes note of who fights back.
func (s *Server) AcknowledgeCorrection(ctx context.Context, r gen.AcknowledgeCorrectionRequestObject) (gen.AcknowledgeCorrectionResponseObject, error) {
	c, err := s.o.Acknowledger.Acknowledge(ctx, r.Id, callOf(ctx).caller.name, text(r.Body.Reason))
	if err != nil {
		return nil, err
	}
	shown, err := tagged(c)
	if err != nil {
		return nil, err
	}
	return gen.AcknowledgeCorrection200JSONResponse{CorrectionJSONResponse: shown}, nil
}

// decide carries a person's word, if the correction still is what they saw.
// Should it change in between, the decider's own check of its state is the last
// word.
func (s *Server) decide(ctx context.Context, verb func(ctx context.Context, id, actor, reason string) (forecaster.Correction, error),
	id string, ifMatch *string, body *gen.Decision) (gen.CorrectionJSONResponse, error) {
	now, err := s.o.Corrections.Correction(ctx, id)
	if err != nil {
		return gen.CorrectionJSONResponse{}, err
	}
	if err := unchanged(ifMatch, correction(now)); err != nil {
		return gen.CorrectionJSONResponse{}, err
	}
	c, err := verb(ctx, id, callOf(ctx).caller.name, text(body.Reason))
	if err != nil {
		return gen.CorrectionJSONResponse{}, err
	}
	return tagged(c)
}

func tagged(c forecaster.Correction) (gen.CorrectionJSONResponse, error) {
	shown := correction(c)
	etag, err := tagOf(shown)
	return gen.CorrectionJSONResponse{Body: shown, Headers: gen.CorrectionResponseHeaders{ETag: etag}}, err
}

// tagOf is the ETag that a GET of this would carry.
func tagOf(shown any) (string, error) {
	var b bytes.Buffer
	if err := json.NewEncoder(&b).Encode(shown); err != nil {
		return "", fmt.Errorf("encode: %w", err)
	}
	return tag(b.Bytes()), nil
}

// unchanged holds If-Match against what is there now.
func unchanged(ifMatch *string, shown any) error {
	if ifMatch == nil {
		return nil
	}
	etag, err := tagOf(shown)
	if err != nil {
		return err
	}
	if !matches(*ifMatch, etag) {
		return problemf(http.StatusPreconditionFailed, "it has changed since; read it again")
	}
	return nil
}

// ReadKillSwitch answers with the kill switch.
func (s *Server) ReadKillSwitch(context.Context, gen.ReadKillSwitchRequestObject) (gen.ReadKillSwitchResponseObject, error) {
	shown, err := taggedSwitch(s.o.KillSwitch.KillSwitch())
	if err != nil {
		return nil, err
	}
	return gen.ReadKillSwitch200JSONResponse{KillSwitchJSONResponse: shown}, nil
}

// WriteKillSwitch throws or releases the kill switch.
func (s *Server) WriteKillSwitch(ctx context.Context, r gen.WriteKillSwitchRequestObject) (gen.WriteKillSwitchResponseObject, error) {
	if err := unchanged(r.Params.IfMatch, killSwitch(s.o.KillSwitch.KillSwitch())); err != nil {
		return nil, err
	}
	if err := s.o.KillSwitch.Kill(r.Body.Engaged, callOf(ctx).caller.name, text(r.Body.Reason)); err != nil {
		if !r.Body.Engaged && s.o.KillSwitch.KillSwitch().Engaged { // thrown elsewhere too: a file, the configuration, a ConfigMap
			return nil, problemf(http.StatusConflict, "%v", err)
		}
		return nil, err
	}
	shown, err := taggedSwitch(s.o.KillSwitch.KillSwitch())
	if err != nil {
		return nil, err
	}
	return gen.WriteKillSwitch200JSONResponse{KillSwitchJSONResponse: shown}, nil
}

func killSwitch(k Switch) gen.KillSwitch {
	return gen.KillSwitch{Engaged: k.Engaged, Reason: k.Reason, Actor: k.Actor, Changed: moment(k.Changed)}
}

func taggedSwitch(k Switch) (gen.KillSwitchJSONResponse, error) {
	shown := killSwitch(k)
	etag, err := tagOf(shown)
	return gen.KillSwitchJSONResponse{Body: shown, Headers: gen.KillSwitchResponseHeaders{ETag: etag}}, err
}
