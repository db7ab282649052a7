package collector

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb"
)

// DefaultRetention is how long collected samples are kept.
const DefaultRetention = 30 * 24 * time.Hour

// ErrReadOnly is returned by writes to a History that was opened for reading.
var ErrReadOnly = errors.New("history is open for reading only")

// HistoryOptions says where History lives and how long it keeps what it is told.
type HistoryOptions struct {
	Path string // a folder; made where it does not exist

	// Retention is the age, measured from the newest collected sample, at
	// which collected data goes; default DefaultRetention. Imported data is
	// kept whatever its age, until its folder below archive/ is removed.
	Retention time.Duration

	// OutOfOrder is how much older than the newest sample an appended sample
	// may be; the default takes any age.
	OutOfOrder time.Duration

	// Lookback is how far back PromQL looks for the newest sample of a
	// series; default 5m, as Prometheus has it.
	Lookback time.Duration

	// Reserve is how many bytes of the disk are left free; writes that would
	// go on below it fail. Default 64 MiB.
	Reserve int64

	Logger     *slog.Logger          // default: none
	Registerer prometheus.Registerer // of the TSDB's and the engine's own metrics; nil: none
}

func (o HistoryOptions) withDefaults() (HistoryOptions, error) {
	if o.Path == "" {
		return o, errors.New("history: path is empty: set --storage.path")
	}
	if o.Retention < 0 || o.OutOfOrder < 0 || o.Lookback < 0 || o.Reserve < 0 {
		return o, errors.New("history: retention, out-of-order window, lookback and reserve must not be negative")
	}
	o.Retention = orDefault(o.Retention, DefaultRetention)
	o.OutOfOrder = orDefault(o.OutOfOrder, 100*365*24*time.Hour)
	o.Lookback = orDefault(o.Lookback, 5*time.Minute)
	o.Reserve = orDefault(o.Reserve, 64<<20)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o, nil
}

// History keeps the samples of signals on disk. It has two homes: a Prometheus
// TSDB for what is appended as time goes by, and an archive of immutable TSDB
// blocks for what comes in bulk (imports and backfill), of whatever age. Reads
// see both as one; where both hold a sample of the same series and time, either
// is returned.
//
// A History is safe for concurrent use. What Append and Bulk.Commit have
// acknowledged survives kill -9.
type History struct {
	opts    HistoryOptions
	db      *tsdb.DB
	archive *archive
	eval    *evaluator

	readOnly bool
	sandbox  string // removed by Close; empty where there is none

	mu   sync.Mutex
	last map[string]int64 // newest sample of a signal, where known

	generation int64 // of the archive, to which last belongs

	tidying sync.Mutex   // one at a time
	tidied  atomic.Int64 // newest sample when the archive was last tidied
}

// OpenHistory opens or makes a History for reading and writing. Only one
// process may hold it; others read it through OpenHistoryReadOnly.
func OpenHistory(opts HistoryOptions) (*History, error) {
	opts, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	removeStaleReaders(opts.Path)
	h := &History{opts: opts}
	if err := h.open(opts.Path); err != nil {
		return nil, err
	}
	return h, nil
}

// open opens the live TSDB in dir and the archive in its own place.
func (h *History) open(dir string) (err error) {
	h.db, err = tsdb.Open(dir, h.opts.Logger, h.opts.Registerer, h.tsdbOptions(), nil)
	if err != nil {
		return fmt.Errorf("open history in %s: %w", dir, explain(err))
	}
	h.archive, err = openArchive(filepath.Join(h.opts.Path, "archive"), h.readOnly, h.opts.Logger)
	if err != nil {
		return errors.Join(fmt.Errorf("open history in %s: %w", dir, explain(err)), h.db.Close())
	}
	h.last = make(map[string]int64)
	h.eval = newEvaluator(storage.QueryableFunc(h.querier), h.opts.Lookback, h.opts.Logger, h.opts.Registerer)
	return nil
}

func (h *History) tsdbOptions() *tsdb.Options {
	o := tsdb.DefaultOptions()
	o.RetentionDuration = h.opts.Retention.Milliseconds()
	o.OutOfOrderTimeWindow = h.opts.OutOfOrder.Milliseconds()
	o.MaxBlockDuration = max(o.MinBlockDuration, min(31*24*time.Hour, h.opts.Retention/10).Milliseconds())
	o.WALSegmentSize = 32 << 20 // small, because readers copy the last one
	o.MaxBlockChunkSegmentSize = segmentBytes
	o.StripeSize = 1 << 12
	return o
}

// Close flushes and closes History. It waits for reads in progress.
func (h *History) Close() error {
	err := errors.Join(h.archive.close(), h.closeLive())
	if h.sandbox != "" {
		err = errors.Join(err, removeSandbox(h.sandbox))
	}
	if err != nil {
		return fmt.Errorf("close history: %w", err)
	}
	return nil
}

// closeLive closes the TSDB, which panics where the disk is full to the last
// byte. What it could not write is in its log.
func (h *History) closeLive() (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("tsdb: %v", p)
		}
	}()
	return h.db.Close()
}

// QueryRange answers PromQL over History; it makes History a Source.
func (h *History) QueryRange(ctx context.Context, expr string, w Window) (Result, error) {
	return h.eval.queryRange(ctx, expr, w)
}

// Query answers PromQL at one time. A scalar is one series without labels; a
// range selector gives its raw samples.
func (h *History) Query(ctx context.Context, expr string, at time.Time) (Result, error) {
	return h.eval.query(ctx, expr, at)
}

// querier reads both homes.
func (h *History) querier(mint, maxt int64) (storage.Querier, error) {
	live, err := h.db.Querier(mint, maxt)
	if err != nil {
		return nil, err
	}
	old, err := h.archive.queriers(mint, maxt)
	if err != nil {
		return nil, errors.Join(err, live.Close())
	}
	if len(old) == 0 {
		return live, nil
	}
	return storage.NewMergeQuerier(append(old, live), nil, storage.ChainedSeriesMerge), nil
}
