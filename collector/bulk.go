package collector

import (
	"context"
	"fmt"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/tsdb/chunks"
)

const (
	// blockSamples is how many samples a Bulk holds in memory before it writes
	// a block: tens of MiB, for samples that compress well.
	blockSamples = 16_000_000

	chunkSamples = 120 // as the TSDB has it
)

// Bulk takes in a lot of samples of any age and puts them into History at once:
// all of them at Commit, or none. It must be closed. A Bulk is for one
// goroutine; several may be open.
type Bulk struct {
	h       *History
	kind    batchKind
	stage   *stage
	builder labels.ScratchBuilder
	key     []byte

	series map[string]*bulkSeries
	held   int // samples in memory
	total  int
}

// Bulk starts taking in samples, which are kept whatever their age. It may be
// used while another process has History open, and on a History opened for
// reading.
func (h *History) Bulk() (*Bulk, error) { return h.newBulk(imported) }

func (h *History) newBulk(kind batchKind) (*Bulk, error) {
	stage, err := newStage(h.archive.dir)
	if err != nil {
		return nil, fmt.Errorf("stage samples: %w", explain(err))
	}
	return &Bulk{
		h: h, kind: kind, stage: stage, builder: labels.NewScratchBuilder(8),
		series: map[string]*bulkSeries{},
	}, nil
}

// Append adds samples of a signal. The samples of a series must come in time
// order, over all calls; one that is not later than the last is an error.
func (b *Bulk) Append(ctx context.Context, signal string, series []Series) error {
	if err := validate(signal, series); err != nil {
		return err
	}
	for i := range series {
		if err := ctx.Err(); err != nil {
			return err
		}
		one := b.find(signal, series[i].Labels)
		for k, t := range series[i].Times {
			if err := b.append(one, t, series[i].Values[k]); err != nil {
				return err
			}
		}
	}
	return nil
}

// find returns the series with these labels, an empty one at first.
func (b *Bulk) find(signal string, l Labels) *bulkSeries {
	lset := lsetOf(&b.builder, signal, l)
	b.key = lset.Bytes(b.key)
	s, ok := b.series[string(b.key)]
	if !ok {
		s = &bulkSeries{lset: lset}
		b.series[string(b.key)] = s
	}
	return s
}

// bulkSeries is a series being filled, in the chunks of the TSDB.
type bulkSeries struct {
	lset   labels.Labels
	chunks []chunks.Meta
	app    chunkenc.Appender // of the last chunk; nil: none is open
	filled int               // samples in the last chunk
	last   int64
	some   bool // whether last means something
}

func (b *Bulk) append(s *bulkSeries, t int64, v float64) error {
	if s.some && t <= s.last {
		return fmt.Errorf("sample of %s at %s is not later than the one before it: sort by time", s.lset, time.UnixMilli(t).UTC().Format(time.RFC3339))
	}
	if s.app == nil || s.filled == chunkSamples {
		chunk := chunkenc.NewXORChunk()
		app, err := chunk.Appender()
		if err != nil {
			return err
		}
		s.closeChunk()
		s.chunks = append(s.chunks, chunks.Meta{Chunk: chunk, MinTime: t})
		s.app, s.filled = app, 0
	}
	s.app.Append(0, t, v)
	s.filled++
	s.last, s.some = t, true
	b.total++
	if b.held++; b.held >= blockSamples {
		return b.flush(context.Background())
	}
	return nil
}

// closeChunk ends the last chunk.
func (s *bulkSeries) closeChunk() {
	if s.app == nil {
		return
	}
	end := &s.chunks[len(s.chunks)-1]
	end.MaxTime = s.last
	end.Chunk.Compact()
	s.app = nil
}

// flush writes what is held as a block of the stage.
func (b *Bulk) flush(ctx context.Context) error {
	var full []*bulkSeries
	for _, s := range b.series {
		if s.closeChunk(); len(s.chunks) > 0 {
			full = append(full, s)
		}
	}
	if len(full) == 0 {
		return nil
	}
	if err := b.h.room(); err != nil {
		return fmt.Errorf("write block: %w", explain(err))
	}
	if err := writeBlock(ctx, b.stage.dir, full, b.held); err != nil {
		return fmt.Errorf("write block: %w", explain(err))
	}
	for _, s := range full {
		s.chunks = nil
	}
	b.held = 0
	return nil
}

// Commit puts all samples into History in one step and returns how many there
// are.
func (b *Bulk) Commit(ctx context.Context) (samples int, err error) {
	if b.total == 0 {
		return 0, b.Close()
	}
	if err := b.flush(ctx); err != nil {
		return 0, fmt.Errorf("commit: %w", err)
	}
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	if _, err := b.stage.publish(b.h.archive.dir, b.kind); err != nil {
		return 0, fmt.Errorf("commit: %w", explain(err))
	}
	return b.total, nil
}

// Close discards what was not committed.
func (b *Bulk) Close() error {
	b.series, b.held = nil, 0
	return b.stage.discard()
}
