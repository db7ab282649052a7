package sim

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/driftcast/driftcast/collector"
)

// Bulk takes in a lot of samples, which are there once it is committed.
// collector.Bulk is one.
type Bulk interface {
	Append(ctx context.Context, metric string, series []collector.Series) error
	Commit(ctx context.Context) (int, error)
}

// bulkBatch is how much is recorded before it goes to the bulks.
const bulkBatch = 6 * time.Hour

// Backfill lets the cluster live up to and including to, as Advance does, but
// writes to bulks, each in a goroutine of its own, and commits them. It returns
// the number of samples written. Progress may be nil; it is told the time
// reached, serially. After an error the history has a hole: start again with a
// new cluster.
func (c *Cluster) Backfill(ctx context.Context, to time.Time, progress func(time.Time), bulks ...Bulk) (int, error) {
	c.advancing.Lock()
	defer c.advancing.Unlock()
	batch := max(1, int(bulkBatch/c.opts.Interval))
	for more := true; more; {
		for i := 0; i < batch && more; i++ {
			more = c.step(to.UnixMilli())
		}
		writers, ctx := errgroup.WithContext(ctx)
		for shard, bulk := range bulks {
			writers.Go(func() error {
				_, err := c.recorder.flush(ctx, bulkSink{bulk}, shard, len(bulks))
				return err
			})
		}
		if err := writers.Wait(); err != nil {
			return 0, err
		}
		if progress != nil {
			progress(c.Now())
		}
	}
	total := 0
	for _, bulk := range bulks {
		n, err := bulk.Commit(ctx)
		total += n
		if err != nil {
			return total, fmt.Errorf("backfill: %w", err)
		}
	}
	return total, nil
}

// bulkSink makes a Bulk a Sink.
type bulkSink struct{ Bulk }

func (s bulkSink) Append(ctx context.Context, metric string, series []collector.Series) (int, error) {
	return 0, s.Bulk.Append(ctx, metric, series)
}
