package api

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/driftcast/driftcast/api/gen"
	"github.com/driftcast/driftcast/drift"
	"github.com/driftcast/driftcast/forecaster"
)

// ListDrift answers with a page of the last comparison.
func (s *Server) ListDrift(_ context.Context, r gen.ListDriftRequestObject) (gen.ListDriftResponseObject, error) {
	list := gen.DriftList{Items: []gen.DriftFinding{}}
	if s.o.Drift == nil {
		return gen.ListDrift200JSONResponse{Body: list}, nil
	}
	report := s.o.Drift.Last()
	list.Watched, list.ComparedAt, list.Objects, list.Calls = true, moment(report.At), report.Objects, report.Calls
	if !report.At.IsZero() {
		list.TookSeconds = pointer(report.Took.Seconds())
	}
	list.Counts = gen.DriftCounts{Synced: report.Count(drift.Synced), Drifted: report.Count(drift.Drifted), Unknown: report.Count(drift.Unknown)}

	var after *place
	if r.Params.Cursor != nil {
		var err error
		if after, err = readPlace(*r.Params.Cursor); err != nil {
			return nil, err
		}
	}
	var found []*drift.Finding
	for i := range report.Findings {
		if f := &report.Findings[i]; wanted(f, r.Params) && (after == nil || after.before(placeOf(f))) {
			found = append(found, f)
		}
	}
	slices.SortFunc(found, func(a, b *drift.Finding) int { return placeOf(a).compare(placeOf(b)) })
	limit := 100
	if r.Params.Limit != nil {
		limit = *r.Params.Limit
	}
	if len(found) > limit {
		found = found[:limit]
		next, err := json.Marshal(placeOf(found[limit-1]))
		if err != nil {
			return nil, fmt.Errorf("cursor: %w", err)
		}
		list.NextCursor = pointer(base64.RawURLEncoding.EncodeToString(next))
	}
	for _, f := range found {
		list.Items = append(list.Items, finding(*f))
	}
	return gen.ListDrift200JSONResponse{Body: list}, nil
}

// wanted says whether a finding passes the filters.
func wanted(f *drift.Finding, p gen.ListDriftParams) bool {
	is := func(want *string, got string) bool { return want == nil || *want == got }
	some := func(has func(drift.Difference) bool) bool { return slices.ContainsFunc(f.Differences, has) }
	return (p.Verdict == nil || string(*p.Verdict) == string(f.Verdict)) &&
		(f.Object.Kind == "" || is(p.ObjectKind, f.Object.Kind) && is(p.Namespace, f.Object.Namespace)) && is(p.Source, f.Source) &&
		(p.Subject == nil || *p.Subject == f.Object.Subject().String()) &&
		(p.Search == nil || strings.Contains(f.Object.String(), *p.Search)) &&
		(p.Kind == nil || some(func(d drift.Difference) bool { return string(d.Kind) == string(*p.Kind) })) &&
		(p.Manager == nil || some(func(d drift.Difference) bool { return d.Manager == *p.Manager }))
}

// place is where a finding stands in the list: drifted ones first, the latest
// first among them, then unknown ones, then synced ones, by name. It is the
// cursor too, so that pages of different comparisons meet.
type place struct {
	Rank   int    `json:"r"`
	Since  int64  `json:"s"`
	Object string `json:"o"`
	Source string `json:"d"`
	Origin string `json:"f"` // of a declaration whose object could not be read, all that tells it from others
}

func placeOf(f *drift.Finding) place {
	at := place{Rank: slices.Index([]drift.Verdict{drift.Drifted, drift.Unknown, drift.Synced}, f.Verdict), Object: f.Object.String(), Source: f.Source, Origin: f.Origin}
	if f.Verdict == drift.Drifted {
		at.Since = f.Since.UnixMilli()
	}
	return at
}

func (p place) compare(q place) int {
	return cmp.Or(cmp.Compare(p.Rank, q.Rank), cmp.Compare(q.Since, p.Since), cmp.Compare(p.Object, q.Object), cmp.Compare(p.Source, q.Source),
		cmp.Compare(p.Origin, q.Origin))
}

func (p *place) before(q place) bool { return p.compare(q) < 0 }

func readPlace(text string) (*place, error) {
	raw, err := base64.RawURLEncoding.DecodeString(text)
	var at place
	if err == nil {
		err = json.Unmarshal(raw, &at)
	}
	if err != nil {
		return nil, fmt.Errorf("cursor is not from a page of this list: %w", forecaster.ErrQuery)
	}
	return &at, nil
}

// finding has no subject where the declaration could not be read so far as to
// name its object.
func finding(f drift.Finding) gen.DriftFinding {
	shown := gen.DriftFinding{
		Object: object(f.Object), Uid: optional(f.UID), Verdict: gen.DriftVerdict(f.Verdict), Reason: f.Reason,
		Source: f.Source, Origin: f.Origin, Revision: f.Revision, Confidence: number(f.Confidence), Differences: convert(f.Differences, difference),
		ComparedAt: moment(f.ComparedAt), Since: moment(f.Since), Recurrences: f.Recurrences,
	}
	if f.Object.Kind != "" {
		shown.Subject = pointer(subject(f.Object.Subject()))
	}
	return shown
}

func difference(d drift.Difference) gen.DriftDifference {
	return gen.DriftDifference{Path: d.Path, Kind: gen.DriftKind(d.Kind), Declared: optional(d.Declared), Live: optional(d.Live),
		Manager: d.Manager, Since: moment(d.Since)}
}
