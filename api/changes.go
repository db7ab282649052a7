package api

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/driftcast/driftcast/api/gen"
	"github.com/driftcast/driftcast/cluster"
	"github.com/driftcast/driftcast/collector"
)

// changesShown bounds the changes that come with a forecast.
const changesShown = 100

// ListChanges answers with a page of what changed in the cluster.
func (s *Server) ListChanges(ctx context.Context, r gen.ListChangesRequestObject) (gen.ListChangesResponseObject, error) {
	p := r.Params
	q := cluster.ChangeQuery{Object: text(p.Object), Namespace: text(p.Namespace), Manager: text(p.Manager), Cursor: text(p.Cursor)}
	if p.Kind != nil {
		q.Kind = cluster.ChangeKind(*p.Kind)
	}
	if p.Limit != nil {
		q.Limit = *p.Limit
	}
	var err error
	if p.Subject != nil {
		sub, err := readSubject("subject", *p.Subject)
		if err != nil {
			return nil, err
		}
		q.Subject = sub.String()
	}
	if q.From, err = readTime("from", p.From, time.Time{}); err != nil {
		return nil, err
	}
	if q.To, err = readTime("to", p.To, time.Time{}); err != nil {
		return nil, err
	}
	if !q.From.IsZero() && !q.To.IsZero() && q.To.Before(q.From) {
		return nil, badParameter("to", "it is before from")
	}
	if s.o.Changes == nil {
		return gen.ListChanges200JSONResponse{Body: gen.ChangeList{Items: []gen.FieldChange{}}}, nil
	}
	page, next, err := s.o.Changes.Changes(ctx, q)
	if err != nil {
		return nil, err
	}
	return gen.ListChanges200JSONResponse{Body: gen.ChangeList{Items: convert(page, fieldChange), NextCursor: optional(next)}}, nil
}

// changesOf are the newest changes that may explain a forecast, up to its
// origin.
func (s *Server) changesOf(ctx context.Context, sub collector.Subject, from, origin time.Time) ([]gen.FieldChange, error) {
	if s.o.Changes == nil {
		return []gen.FieldChange{}, nil
	}
	var all []cluster.Change
	for _, of := range beneath(sub) {
		page, _, err := s.o.Changes.Changes(ctx, cluster.ChangeQuery{Subject: of.String(), From: from, To: origin.Add(time.Millisecond), Limit: changesShown})
		if err != nil {
			return nil, fmt.Errorf("read changes of %s: %w", of, err)
		}
		all = append(all, page...)
	}
	slices.SortStableFunc(all, func(a, b cluster.Change) int { return b.At.Compare(a.At) })
	return convert(all[:min(len(all), changesShown)], fieldChange), nil
}

// beneath lists whose changes may explain a subject: its own, those of the node
// that a GPU (hostname:gpu) sits in, and those of the workload that a service is
// named after. The cluster's changes are never about GPUs and services.
func beneath(sub collector.Subject) []collector.Subject {
	switch sub.Kind {
	case "gpu":
		host, _, _ := strings.Cut(sub.Name, ":")
		return []collector.Subject{{Kind: "node", Name: host}}
	case "service":
		return []collector.Subject{{Kind: "workload", Namespace: sub.Namespace, Name: sub.Name}}
	}
	return []collector.Subject{sub}
}

// ListBaselines answers with the declared states.
func (s *Server) ListBaselines(context.Context, gen.ListBaselinesRequestObject) (gen.ListBaselinesResponseObject, error) {
	list := gen.BaselineList{Items: []gen.Baseline{}}
	if s.o.Baselines != nil {
		list.Items = convert(s.o.Baselines.Baselines(), baseline)
	}
	return gen.ListBaselines200JSONResponse{Body: list}, nil
}

func fieldChange(c cluster.Change) gen.FieldChange {
	if c.Subject == (collector.Subject{}) {
		c.Subject = c.Object.Subject()
	}
	return gen.FieldChange{Id: c.ID, At: c.At.UTC(), Kind: gen.ChangeKind(c.Kind), Object: object(c.Object), Subject: subject(c.Subject), Path: c.Path,
		Before: optional(c.Before), After: optional(c.After), Manager: c.Manager, Verb: c.Verb, Missed: c.Missed}
}

func object(r cluster.Ref) gen.ObjectRef {
	if r.Kind == "" {
		return gen.ObjectRef{}
	}
	return gen.ObjectRef{Id: r.String(), Group: r.Group, Version: r.Version, Kind: r.Kind, Namespace: optional(r.Namespace), Name: r.Name}
}

func baseline(b Baseline) gen.Baseline {
	shown := gen.Baseline{Name: b.Name, Source: b.Source, Location: b.Location, Revision: b.Revision, Objects: b.Objects,
		Revised: moment(b.Revised), Checked: moment(b.Checked)}
	if b.Err != nil {
		shown.Error = b.Err.Error()
	}
	return shown
}
