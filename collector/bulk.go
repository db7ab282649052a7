package collector

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb"
)

// blockSamples is how many samples a Bulk holds in memory before it writes a
// block: about 100 MiB.
const blockSamples = 8_000_000

// Bulk takes in a lot of samples of any age and puts them into History at once:
// all of them at Commit, or none. It must be closed. A Bulk is for one
// goroutine; several may be open.
type Bulk struct {
	h     *History
	kind  batchKind
	stage *stage

	head    *tsdb.Head
	app     storage.Appender
	builder labels.ScratchBuilder

	round   int // of the block being filled; refs are of one round only
	pending int // samples not yet committed to the head
	held    int // samples in the block being filled
	total   int
	newest  map[string]int64
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
	return &Bulk{h: h, kind: kind, stage: stage, builder: labels.NewScratchBuilder(8), newest: map[string]int64{}}, nil
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
		s := &series[i]
		one := bulkSeries{lset: lsetOf(&b.builder, signal, s.Labels)}
		for k, t := range s.Times {
			if err := b.append(&one, t, s.Values[k]); err != nil {
				return err
			}
		}
		if n := len(s.Times); n > 0 {
			b.saw(signal, s.Times[n-1])
		}
	}
	return nil
}

// bulkSeries is a series being filled; it makes appending to it cheap.
type bulkSeries struct {
	lset  labels.Labels
	ref   storage.SeriesRef
	round int
}

func (b *Bulk) saw(signal string, t int64) {
	if last, ok := b.newest[signal]; !ok || t > last {
		b.newest[signal] = t
	}
}

func (b *Bulk) append(s *bulkSeries, t int64, v float64) (err error) {
	if b.app == nil {
		if err := b.begin(); err != nil {
			return err
		}
	}
	if s.round != b.round {
		s.round, s.ref = b.round, 0
	}
	s.ref, err = b.app.Append(s.ref, s.lset, t, v)
	if err != nil {
		return fmt.Errorf("%s at %s: %w", s.lset, time.UnixMilli(t).UTC().Format(time.RFC3339), err)
	}
	b.pending++
	b.total++
	if b.pending < commitSamples {
		return nil
	}
	app := b.app
	b.app, b.held, b.pending = nil, b.held+b.pending, 0
	if err := app.Commit(); err != nil {
		return err
	}
	if b.held >= blockSamples {
		return b.flush(context.Background())
	}
	return nil
}

// begin opens a transaction on the head, and the head itself for a new block.
func (b *Bulk) begin() error {
	if b.head == nil {
		o := tsdb.DefaultHeadOptions()
		o.ChunkRange = math.MaxInt64 / 8 // takes samples of any age
		o.ChunkDirRoot = filepath.Join(b.stage.dir, "head")
		o.IsolationDisabled = true
		o.StripeSize = 1 << 12
		head, err := tsdb.NewHead(nil, b.h.opts.Logger, nil, nil, o, nil)
		if err != nil {
			return fmt.Errorf("stage samples: %w", explain(err))
		}
		if err := head.Init(math.MinInt64); err != nil {
			return errors.Join(fmt.Errorf("stage samples: %w", explain(err)), head.Close())
		}
		b.head, b.round = head, b.round+1
	}
	b.app = b.head.Appender(context.Background())
	return nil
}

// flush writes what is held as a block of the stage.
func (b *Bulk) flush(ctx context.Context) error {
	if b.app != nil {
		app := b.app
		b.app, b.pending = nil, 0
		if err := app.Commit(); err != nil {
			return err
		}
	}
	if b.head == nil {
		return nil
	}
	compactor, err := newCompactor(ctx, b.h.opts.Logger)
	if err != nil {
		return err
	}
	if _, err := compactor.Write(b.stage.dir, b.head, b.head.MinTime(), b.head.MaxTime()+1, nil); err != nil {
		return fmt.Errorf("write block: %w", explain(err))
	}
	return b.dropHead()
}

func (b *Bulk) dropHead() error {
	if b.head == nil {
		return nil
	}
	err := b.head.Close()
	b.head, b.held = nil, 0
	return errors.Join(err, os.RemoveAll(filepath.Join(b.stage.dir, "head")))
}

// Commit puts all samples into History in one step and returns how many there
// are.
func (b *Bulk) Commit(ctx context.Context) (samples int, err error) {
	if b.total == 0 {
		return 0, b.Close()
	}
	if err := b.flush(ctx); err != nil {
		return 0, fmt.Errorf("commit: %w", explain(err))
	}
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	if _, err := b.stage.publish(b.h.archive.dir, b.kind); err != nil {
		return 0, fmt.Errorf("commit: %w", explain(err))
	}
	for signal, t := range b.newest {
		b.h.saw(signal, t)
	}
	if b.kind == backfill {
		err = b.h.tidy(ctx)
	}
	return b.total, err
}

// Close discards what was not committed.
func (b *Bulk) Close() error {
	var err error
	if b.app != nil {
		err = b.app.Rollback()
		b.app = nil
	}
	return errors.Join(err, b.dropHead(), b.stage.discard())
}
