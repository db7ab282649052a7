package collector

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb"
	"github.com/prometheus/prometheus/tsdb/chunks"
	"github.com/prometheus/prometheus/tsdb/index"
)

// Stored describes a signal that History holds.
type Stored struct {
	Name        string
	Series      int // distinct label sets
	First, Last time.Time
}

// Signals lists what History holds, sorted by name. It reads indexes, not
// samples. The collector's own bookkeeping is left out.
func (h *History) Signals(ctx context.Context) ([]Stored, error) {
	census := census{}
	head := h.db.Head()
	readers := []tsdb.BlockReader{head}
	for _, b := range h.db.Blocks() {
		readers = append(readers, b)
	}
	err := h.archive.overlapping(math.MinInt64, math.MaxInt64, func(b *tsdb.Block) error {
		readers = append(readers, b)
		return nil
	})
	for _, r := range readers {
		if err == nil {
			end := int64(math.MaxInt64)
			if r == head {
				end = head.MaxTime() // the chunk that is being filled says that it never ends
			}
			err = census.add(ctx, r, end)
		}
	}
	if err == nil && head.MinOOOTime() <= head.MaxOOOTime() {
		err = census.addLate(ctx, h, head.MinOOOTime(), head.MaxOOOTime())
	}
	if err != nil {
		return nil, fmt.Errorf("list signals: %w", err)
	}
	return census.list(), nil
}

// tally is what is known of one signal; series are told apart by their hash.
type tally struct {
	series      map[uint64]struct{}
	first, last int64
}

type census map[string]*tally

func (c census) count(l labels.Labels, first, last int64) {
	name := l.Get(model.MetricNameLabel)
	t := c[name]
	if t == nil {
		t = &tally{series: map[uint64]struct{}{}, first: math.MaxInt64, last: math.MinInt64}
		c[name] = t
	}
	t.series[l.Hash()] = struct{}{}
	t.first, t.last = min(t.first, first), max(t.last, last)
}

// add counts the series of a block or head by its index; no sample is after end.
func (c census) add(ctx context.Context, r tsdb.BlockReader, end int64) (err error) {
	ir, err := r.Index()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, ir.Close()) }()
	name, value := index.AllPostingsKey()
	postings, err := ir.Postings(ctx, name, value)
	if err != nil {
		return err
	}
	builder := labels.NewScratchBuilder(8)
	var metas []chunks.Meta
	for postings.Next() {
		err := ir.Series(postings.At(), &builder, &metas)
		if errors.Is(err, storage.ErrNotFound) {
			continue // collected as garbage meanwhile
		}
		if err != nil {
			return err
		}
		if len(metas) == 0 {
			continue
		}
		c.count(builder.Labels(), metas[0].MinTime, min(metas[len(metas)-1].MaxTime, end))
	}
	return postings.Err()
}

// addLate counts series that have nothing but out-of-order samples in the head.
func (c census) addLate(ctx context.Context, h *History, mint, maxt int64) (err error) {
	q, err := h.db.ChunkQuerier(mint, maxt)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, q.Close()) }()
	set := q.Select(ctx, false, &storage.SelectHints{Start: mint, End: maxt, DisableTrimming: true},
		labels.MustNewMatcher(labels.MatchRegexp, model.MetricNameLabel, ".+"))
	var metas chunks.Iterator
	for set.Next() {
		metas = set.At().Iterator(metas)
		for metas.Next() {
			c.count(set.At().Labels(), metas.At().MinTime, min(metas.At().MaxTime, maxt))
		}
		if err := metas.Err(); err != nil {
			return err
		}
	}
	return set.Err()
}

func (c census) list() []Stored {
	var out []Stored
	for name, t := range c {
		if !strings.HasPrefix(name, ownPrefix) {
			out = append(out, Stored{name, len(t.series), time.UnixMilli(t.first).UTC(), time.UnixMilli(t.last).UTC()})
		}
	}
	slices.SortFunc(out, func(a, b Stored) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// ownPrefix begins the names of series that the collector keeps for itself.
const ownPrefix = "driftcast_collector_"
