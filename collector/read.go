package collector

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/tsdb/chunks"
)

// Select returns the stored samples of a signal within [w.Start, w.End], in
// time order, one series per label set, sorted by labels. The step of w is
// ignored. Series without a sample in the window are left out, and so are
// staleness marks: they say that there is no sample.
func (h *History) Select(ctx context.Context, signal string, w Window) ([]Series, error) {
	return h.SelectOf(ctx, signal, w, nil)
}

// SelectOf is Select of the series that keep accepts (nil: all); the others
// are not decoded. The labels that keep is shown are its own.
func (h *History) SelectOf(ctx context.Context, signal string, w Window, keep func(Labels) bool) ([]Series, error) {
	mint, maxt := milliseconds(w.Start), milliseconds(w.End)
	q, err := h.chunkQuerier(mint, maxt)
	if err != nil {
		return nil, fmt.Errorf("select %s: %w", signal, err)
	}
	out, err := selectSeries(ctx, q, []*labels.Matcher{equal(model.MetricNameLabel, signal)}, mint, maxt, keep)
	if err = errors.Join(err, q.Close()); err != nil {
		return nil, fmt.Errorf("select %s: %w", signal, err)
	}
	return out, nil
}

// chunkQuerier reads both homes, by chunks: they say how many samples they
// hold, and decoding them directly is what makes Select fast.
func (h *History) chunkQuerier(mint, maxt int64) (storage.ChunkQuerier, error) {
	live, err := h.db.ChunkQuerier(mint, maxt)
	if err != nil {
		return nil, err
	}
	var all []storage.ChunkQuerier
	err = h.archive.overlapping(mint, maxt, func(b *tsdb.Block) error {
		q, err := tsdb.NewBlockChunkQuerier(b, mint, maxt)
		if err == nil {
			all = append(all, q)
		}
		return err
	})
	if err != nil {
		for _, q := range all {
			err = errors.Join(err, q.Close())
		}
		return nil, errors.Join(err, live.Close())
	}
	if len(all) == 0 {
		return live, nil
	}
	return storage.NewMergeChunkQuerier(append(all, live), nil,
		storage.NewCompactingChunkSeriesMerger(storage.ChainedSeriesMerge)), nil
}

func selectSeries(ctx context.Context, q storage.ChunkQuerier, matchers []*labels.Matcher, mint, maxt int64, keep func(Labels) bool) ([]Series, error) {
	hints := &storage.SelectHints{Start: mint, End: maxt, DisableTrimming: true}
	set := q.Select(ctx, true, hints, matchers...)
	var (
		out    []Series
		metas  chunks.Iterator
		held   []chunkenc.Chunk
		floats chunkenc.Iterator
		err    error
	)
	for set.Next() {
		at := set.At()
		own := named(at.Labels()).Labels
		if keep != nil && !keep(own) {
			continue
		}
		metas = at.Iterator(metas)
		samples := 0
		held = held[:0]
		for metas.Next() {
			chunk := metas.At().Chunk
			held = append(held, chunk)
			samples += chunk.NumSamples()
		}
		if err := metas.Err(); err != nil {
			return nil, err
		}
		s := Series{Times: make([]int64, 0, samples), Values: make([]float64, 0, samples)}
		for _, chunk := range held {
			if floats, err = decodeChunk(&s, chunk, floats, mint, maxt); err != nil {
				return nil, err
			}
		}
		if len(s.Times) > 0 {
			s.Labels = own
			out = append(out, s)
		}
	}
	return out, set.Err()
}

// decodeChunk appends the samples of a chunk that lie in [mint, maxt].
func decodeChunk(s *Series, c chunkenc.Chunk, it chunkenc.Iterator, mint, maxt int64) (chunkenc.Iterator, error) {
	it = c.Iterator(it)
	for kind := it.Next(); kind != chunkenc.ValNone; kind = it.Next() {
		if kind != chunkenc.ValFloat {
			continue // nobody here writes histograms
		}
		t, v := it.At()
		if t > maxt {
			break
		}
		if t >= mint && !value.IsStaleNaN(v) {
			s.Times, s.Values = append(s.Times, t), append(s.Values, v)
		}
	}
	return it, it.Err()
}

// Last returns the time of a signal's newest sample; ok is false where it has
// none. It is remembered until an import comes, and found again after a restart.
func (h *History) Last(ctx context.Context, signal string) (last time.Time, ok bool, err error) {
	if err := h.archive.refresh(); err != nil {
		return time.Time{}, false, fmt.Errorf("last sample of %s: %w", signal, err)
	}
	t, ok := h.remembered(signal)
	if ok {
		return time.UnixMilli(t).UTC(), true, nil
	}
	for _, span := range h.spans() {
		if ok && span.maxt <= t {
			break // all that follow end before
		}
		found, any, err := h.newestIn(ctx, signal, span)
		if err != nil {
			return time.Time{}, false, fmt.Errorf("last sample of %s: %w", signal, err)
		}
		if any && (!ok || found > t) {
			t, ok = found, true
		}
	}
	if !ok {
		return time.Time{}, false, nil
	}
	h.saw(signal, t)
	return time.UnixMilli(t).UTC(), true, nil
}

// remembered returns the newest sample of a signal where it is known.
func (h *History) remembered(signal string) (t int64, ok bool) {
	generation := h.archive.generation.Load()
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.generation != generation {
		clear(h.last)
		h.generation = generation
	}
	t, ok = h.last[signal]
	return t, ok
}

type span struct{ mint, maxt int64 }

// spans lists the time ranges of the head and of all blocks, the newest end
// first.
func (h *History) spans() []span {
	head := h.db.Head()
	out := []span{{min(head.MinTime(), head.MinOOOTime()), max(head.MaxTime(), head.MaxOOOTime())}}
	for _, b := range h.db.Blocks() {
		out = append(out, span{b.MinTime(), b.MaxTime()})
	}
	h.archive.mu.RLock()
	for _, batch := range h.archive.batches {
		for _, b := range batch.blocks {
			out = append(out, span{b.MinTime(), b.MaxTime()})
		}
	}
	h.archive.mu.RUnlock()
	slices.SortFunc(out, func(a, b span) int { return cmp.Compare(b.maxt, a.maxt) })
	return out
}

// newestIn returns the newest sample of a signal in a span. It decodes only the
// last chunk of each series.
func (h *History) newestIn(ctx context.Context, signal string, in span) (newest int64, ok bool, err error) {
	q, err := h.chunkQuerier(max(in.mint, minTime), min(in.maxt, maxTime))
	if err != nil {
		return 0, false, err
	}
	defer func() { err = errors.Join(err, q.Close()) }()
	hints := &storage.SelectHints{Start: in.mint, End: in.maxt, DisableTrimming: true}
	set := q.Select(ctx, true, hints, equal(model.MetricNameLabel, signal))
	newest = math.MinInt64
	var metas chunks.Iterator
	for set.Next() {
		metas = set.At().Iterator(metas)
		var last chunkenc.Chunk
		for metas.Next() {
			last = metas.At().Chunk
		}
		if err := metas.Err(); err != nil {
			return 0, false, err
		}
		if last == nil {
			continue
		}
		var s Series
		if _, err := decodeChunk(&s, last, nil, minTime, maxTime); err != nil {
			return 0, false, err
		}
		if n := len(s.Times); n > 0 {
			newest, ok = max(newest, s.Times[n-1]), true
		}
	}
	return newest, ok, set.Err()
}

// saw remembers a sample of a signal whose newest sample is known.
func (h *History) saw(signal string, t int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if last, ok := h.last[signal]; !ok || t > last {
		h.last[signal] = t
	}
}
