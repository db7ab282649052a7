package collector

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/tsdb/chunks"
)

// Snapshot reads a stretch of History of very many series in parts: which
// series there are, and where their samples lie, is found out once a signal;
// each part decodes only its own. It is for a short while: Close it soon.
type Snapshot struct {
	q          storage.ChunkQuerier
	mint, maxt int64

	mu    sync.Mutex
	found map[found][]packed
}

type found struct {
	signal     string
	mint, maxt int64
}

// packed is a series whose samples are not decoded yet.
type packed struct {
	labels Labels
	chunks []chunkenc.Chunk
}

// Snapshot opens what is stored within [w.Start, w.End].
func (h *History) Snapshot(w Window) (*Snapshot, error) {
	s := &Snapshot{mint: milliseconds(w.Start), maxt: milliseconds(w.End), found: map[found][]packed{}}
	var err error
	if s.q, err = h.chunkQuerier(s.mint, s.maxt); err != nil {
		return nil, fmt.Errorf("snapshot of history: %w", err)
	}
	return s, nil
}

// Close ends the use of what was opened; the series selected stay valid.
func (s *Snapshot) Close() error { return s.q.Close() }

// Select is that of History, within the snapshot.
func (s *Snapshot) Select(ctx context.Context, signal string, w Window) ([]Series, error) {
	return s.SelectOf(ctx, signal, w, nil)
}

// SelectOf is that of History, within the snapshot.
func (s *Snapshot) SelectOf(ctx context.Context, signal string, w Window, keep func(Labels) bool) ([]Series, error) {
	key := found{signal, max(s.mint, milliseconds(w.Start)), min(s.maxt, milliseconds(w.End))}
	all, err := s.find(ctx, key)
	if err != nil {
		return nil, fmt.Errorf("select %s: %w", signal, err)
	}
	var out []Series
	var floats chunkenc.Iterator
	for _, p := range all {
		if keep != nil && !keep(p.labels) {
			continue
		}
		samples := 0
		for _, c := range p.chunks {
			samples += c.NumSamples()
		}
		one := Series{Labels: p.labels, Times: make([]int64, 0, samples), Values: make([]float64, 0, samples)}
		for _, c := range p.chunks {
			if floats, err = decodeChunk(&one, c, floats, key.mint, key.maxt); err != nil {
				return nil, fmt.Errorf("select %s: %w", signal, err)
			}
		}
		if len(one.Times) > 0 {
			out = append(out, one)
		}
	}
	return out, nil
}

// find lists the series of a signal, once.
func (s *Snapshot) find(ctx context.Context, key found) ([]packed, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if all, ok := s.found[key]; ok {
		return all, nil
	}
	var all []packed
	var metas chunks.Iterator
	hints := &storage.SelectHints{Start: key.mint, End: key.maxt, DisableTrimming: true}
	set := s.q.Select(ctx, true, hints, equal(model.MetricNameLabel, key.signal))
	for set.Next() {
		at := set.At()
		p := packed{labels: named(at.Labels()).Labels}
		metas = at.Iterator(metas)
		for metas.Next() {
			p.chunks = append(p.chunks, metas.At().Chunk)
		}
		if err := metas.Err(); err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	if err := errors.Join(set.Err(), ctx.Err()); err != nil {
		return nil, err
	}
	s.found[key] = all
	return all, nil
}
