package collector

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
)

const (
	// A batch that spans so long and holds so many samples is written as a
	// block of the archive: the head of the TSDB is made for the last hour, and
	// takes what is older, of each series after the first, as out of order.
	bulkSpan    = time.Hour
	bulkSamples = 1000

	// So many samples go into a block whatever they span: the head holds a
	// transaction in memory.
	bulkAlways = 2_000_000
)

// Append stores samples of a signal: series named after it, with the labels
// given, whatever they are. It returns how many samples are new. A sample of a
// time that the series already has is left out, whatever its value: the first
// one stands. Once Append returns, its samples survive kill -9.
func (h *History) Append(ctx context.Context, signal string, series []Series) (samples int, err error) {
	if h.readOnly {
		return 0, fmt.Errorf("append %s: %w", signal, ErrReadOnly)
	}
	if err := validate(signal, series); err != nil {
		return 0, err
	}
	oldest, newest, count := extent(series)
	if count == 0 {
		return 0, nil
	}
	if series, count, err = h.absent(ctx, signal, series, oldest, newest, count); err != nil || count == 0 {
		return 0, err
	}
	if err := h.room(); err != nil {
		return 0, fmt.Errorf("append %s: %w", signal, explain(err))
	}
	if count >= bulkAlways || (count >= bulkSamples && newest-oldest >= bulkSpan.Milliseconds()) {
		samples, err = h.appendBulk(ctx, signal, series)
	} else {
		samples, err = h.appendHead(ctx, signal, series)
	}
	if err != nil {
		return samples, fmt.Errorf("append %s: %w", signal, explain(err))
	}
	h.saw(signal, newest)
	if last := h.tidied.Load(); newest-last >= time.Hour.Milliseconds() && h.tidied.CompareAndSwap(last, newest) {
		if err := h.tidy(ctx); err != nil {
			h.opts.Logger.Warn("old backfill not removed", "component", "history", "err", err)
		}
	}
	return samples, nil
}

func (h *History) appendBulk(ctx context.Context, signal string, series []Series) (int, error) {
	bulk, err := h.newBulk(backfill)
	if err != nil {
		return 0, err
	}
	defer func() { _ = bulk.Close() }() // discards what was not committed
	if err := bulk.Append(ctx, signal, series); err != nil {
		return 0, err
	}
	samples, err := bulk.Commit(ctx)
	if err != nil {
		return 0, err
	}
	return samples, h.tidy(ctx)
}

// appendHead stores samples in the head, in one transaction.
func (h *History) appendHead(ctx context.Context, signal string, series []Series) (stored int, err error) {
	app := h.db.Appender(ctx)
	builder := labels.NewScratchBuilder(8)
	for i := range series {
		s := &series[i]
		lset := lsetOf(&builder, signal, s.Labels)
		var ref storage.SeriesRef
		for k, t := range s.Times {
			ref, err = app.Append(ref, lset, t, s.Values[k])
			switch {
			case err == nil:
				stored++
			case !errors.Is(err, storage.ErrDuplicateSampleForTimestamp):
				err = fmt.Errorf("%s at %s: %w", lset, time.UnixMilli(t).UTC().Format(time.RFC3339), err)
				return 0, errors.Join(err, app.Rollback())
			}
		}
	}
	if err := app.Commit(); err != nil {
		return 0, err
	}
	return stored, nil
}

// lsetOf builds the labels that the TSDB wants, the name among them.
func lsetOf(b *labels.ScratchBuilder, signal string, l Labels) labels.Labels {
	b.Reset()
	placed := false
	for _, one := range l {
		if !placed && (one.Name[0] > '_' || one.Name > model.MetricNameLabel) { // quickly, then exactly
			b.Add(model.MetricNameLabel, signal)
			placed = true
		}
		if one.Value != "" { // to the TSDB an empty value is no label
			b.Add(one.Name, one.Value)
		}
	}
	if !placed {
		b.Add(model.MetricNameLabel, signal)
	}
	return b.Labels()
}

// validate refuses what the TSDB would store but PromQL could never find.
func validate(signal string, series []Series) error {
	if !ValidName(signal) {
		return fmt.Errorf("append: %q is not a metric name: use letters, digits, _ and :, not starting with a digit", signal)
	}
	for i := range series {
		s := &series[i]
		if len(s.Times) != len(s.Values) {
			return fmt.Errorf("append %s: series %d has %d times and %d values", signal, i, len(s.Times), len(s.Values))
		}
		before := ""
		for k := range s.Labels {
			name := s.Labels[k].Name
			if name <= before { // so it is not empty either
				return fmt.Errorf("append %s: labels %q and %q of series %d are not sorted by name", signal, before, name, i)
			}
			if name[0] == '_' && name == model.MetricNameLabel {
				return fmt.Errorf("append %s: series %d has a label named %q", signal, i, name)
			}
			before = name
		}
	}
	return nil
}

// ValidName says whether a signal or label may be called so: the classic
// Prometheus names, which need no quoting in PromQL.
func ValidName(name string) bool { return model.LegacyValidation.IsValidMetricName(name) }

// extent returns the time range (Unix ms) and number of samples.
func extent(series []Series) (oldest, newest int64, count int) {
	oldest, newest = maxTime, minTime
	for i := range series {
		for _, t := range series[i].Times {
			oldest, newest = min(oldest, t), max(newest, t)
		}
		count += len(series[i].Times)
	}
	return oldest, newest, count
}

// ErrHeld says that another process has the History open. It is over when that
// one has ended.
var ErrHeld = errors.New("another driftcast holds it")

// explain adds the remedy to errors of the disk that people can do something
// about.
func explain(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fmt.Errorf("%w: free some space or shorten the retention; nothing that was stored is lost", err)
	case errors.Is(err, syscall.EROFS), errors.Is(err, syscall.EACCES), errors.Is(err, syscall.EPERM):
		return fmt.Errorf("%w: the storage folder must be writable", err)
	case strings.Contains(err.Error(), "lock DB directory"):
		return fmt.Errorf("%w (%w): stop that one, or read only", ErrHeld, err)
	}
	return err
}
