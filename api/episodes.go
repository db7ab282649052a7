package api

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"

	"github.com/driftcast/driftcast/api/gen"
	"github.com/driftcast/driftcast/drift"
	"github.com/driftcast/driftcast/forecaster"
)

// turned is the cursor of a list by onset: the onset of the last item, in
// milliseconds, and how many items of that onset have been shown.
type turned struct {
	At    int64 `json:"a"`
	Shown int   `json:"n"`
}

// ListDriftEpisodes answers with a page of episodes, the latest onset first.
func (s *Server) ListDriftEpisodes(ctx context.Context, r gen.ListDriftEpisodesRequestObject) (gen.ListDriftEpisodesResponseObject, error) {
	p, limit := r.Params, 100
	q := drift.EpisodeQuery{Open: p.Open != nil && *p.Open}
	if p.Kind != nil {
		q.Kind = drift.Kind(*p.Kind)
	}
	if p.Limit != nil {
		limit = *p.Limit
	}
	if p.Subject != nil {
		sub, err := readSubject("subject", *p.Subject)
		if err != nil {
			return nil, err
		}
		q.Subject = &sub
	}
	var err error
	if q.From, err = readTime("from", p.From, time.Time{}); err != nil {
		return nil, err
	}
	if q.To, err = readTime("to", p.To, time.Time{}); err != nil {
		return nil, err
	}
	var after turned
	if p.Cursor != nil {
		raw, err := base64.RawURLEncoding.DecodeString(*p.Cursor)
		if err == nil {
			err = json.Unmarshal(raw, &after)
		}
		if err != nil || after.Shown < 1 || after.Shown > 1<<20 {
			return nil, fmt.Errorf("cursor is not from a page of this list: %w", forecaster.ErrQuery)
		}
		q.To = time.UnixMilli(after.At + 1)
	}
	list := gen.DriftEpisodeList{Items: []gen.DriftEpisode{}}
	if s.o.Episodes == nil {
		return gen.ListDriftEpisodes200JSONResponse{Body: list}, nil
	}
	q.Limit = after.Shown + limit + 1
	found, err := s.o.Episodes.Episodes(ctx, q)
	if err != nil {
		return nil, fmt.Errorf("read episodes of drift: %w", err)
	}
	found = found[min(after.Shown, len(found)):]
	if len(found) > limit {
		found = found[:limit]
		next := turned{At: found[limit-1].Since.UnixMilli()}
		for _, e := range found {
			if e.Since.UnixMilli() == next.At {
				next.Shown++
			}
		}
		if next.At == after.At {
			next.Shown += after.Shown
		}
		text, err := json.Marshal(next)
		if err != nil {
			return nil, fmt.Errorf("cursor: %w", err)
		}
		list.NextCursor = pointer(base64.RawURLEncoding.EncodeToString(text))
	}
	list.Items = convert(found, driftEpisode)
	return gen.ListDriftEpisodes200JSONResponse{Body: list}, nil
}

func driftEpisode(e drift.Episode) gen.DriftEpisode {
	return gen.DriftEpisode{Object: object(e.Object), Subject: subject(e.Object.Subject()), Path: e.Path, Kind: gen.DriftKind(e.Kind), Manager: e.Manager,
		Source: e.Source, Revision: e.Revision, Declared: optional(e.Declared), Live: optional(e.Live), Since: e.Since.UTC(), Until: moment(e.Until),
		RepairedBy: e.RepairedBy}
}
