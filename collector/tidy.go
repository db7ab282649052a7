package collector

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
)

// manyBatches is how many backfill batches of like size may lie side by side
// before they are merged.
const manyBatches = 8

// tidy removes backfill that the retention has passed and merges small batches,
// so that reads stay fast.
func (h *History) tidy(ctx context.Context) error {
	h.tidying.Lock()
	defer h.tidying.Unlock()
	if err := h.archive.refresh(); err != nil {
		return err
	}
	newest := h.archive.newest(backfill)
	if h.db.Head().NumSeries() > 0 {
		newest = max(newest, h.db.Head().MaxTime())
	}
	if err := h.archive.expire(newest - h.opts.Retention.Milliseconds()); err != nil {
		return fmt.Errorf("expire backfill: %w", err)
	}
	return h.archive.merge(ctx)
}

// newest returns the end of the newest batch of a kind, Unix ms.
func (a *archive) newest(kind batchKind) int64 {
	a.mu.RLock()
	defer a.mu.RUnlock()
	newest := int64(minTime)
	for _, b := range a.batches {
		if b.kind() == kind {
			newest = max(newest, b.newest())
		}
	}
	return newest
}

// merge makes one batch out of many of like size. A kill on the way leaves both
// the old and the new, which read as one.
func (a *archive) merge(ctx context.Context) error {
	many := a.mergeable()
	if len(many) == 0 {
		return nil
	}
	var dirs []string
	for _, b := range many {
		for _, block := range b.blocks {
			dirs = append(dirs, block.Dir())
		}
	}
	compactor, err := newCompactor(ctx, a.logger)
	if err != nil {
		return err
	}
	stage, err := newStage(a.dir)
	if err != nil {
		return err
	}
	defer func() { _ = stage.discard() }() // what was not published
	if _, err := compactor.Compact(stage.dir, dirs, nil); err != nil {
		return fmt.Errorf("merge backfill: %w", explain(err))
	}
	if _, err := stage.publish(a.dir, backfill); err != nil {
		return err
	}
	if err := a.refresh(); err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	var errs []error
	a.batches = slices.DeleteFunc(a.batches, func(b *batch) bool {
		old := slices.Contains(many, b)
		if old {
			errs = append(errs, a.remove(b))
		}
		return old
	})
	return errors.Join(errs...)
}

// mergeable returns the batches of the first size class that is full; classes
// grow by the factor manyBatches, so each sample is merged only a few times.
func (a *archive) mergeable() []*batch {
	a.mu.RLock()
	defer a.mu.RUnlock()
	classes := map[int][]*batch{}
	for _, b := range a.batches {
		if b.kind() != backfill {
			continue
		}
		var samples float64
		for _, block := range b.blocks {
			samples += float64(block.Meta().Stats.NumSamples)
		}
		class := int(math.Log(samples+1) / math.Log(manyBatches))
		classes[class] = append(classes[class], b)
		if len(classes[class]) >= manyBatches {
			return classes[class]
		}
	}
	return nil
}
