package collector

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/oklog/ulid/v2"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb"
)

// batchKind is the first part of the name of an archive folder. It says whether
// the retention applies.
type batchKind string

const (
	imported batchKind = "import"   // kept until the folder is removed
	backfill batchKind = "backfill" // goes with the retention
	staging  string    = ".staging" // suffix of a folder that is not committed
)

// archive is a folder of folders of TSDB blocks. Each inner folder is one
// committed batch: it appears whole, by a rename, or not at all. Blocks may
// overlap each other and the live TSDB in any way.
type archive struct {
	dir      string
	readOnly bool
	logger   *slog.Logger

	mu      sync.RWMutex
	changed time.Time // of the folder, when it was last looked at
	batches []*batch

	generation atomic.Int64 // counts the batches that have come
}

type batch struct {
	name   string
	blocks []*tsdb.Block
}

func (b *batch) kind() batchKind {
	kind, _, _ := strings.Cut(b.name, "-")
	return batchKind(kind)
}

// newest returns the end of the batch, Unix ms, exclusive.
func (b *batch) newest() int64 {
	newest := int64(minTime)
	for _, block := range b.blocks {
		newest = max(newest, block.MaxTime())
	}
	return newest
}

func openArchive(dir string, readOnly bool, logger *slog.Logger) (*archive, error) {
	a := &archive{dir: dir, readOnly: readOnly, logger: logger}
	if !readOnly {
		if err := os.MkdirAll(dir, 0o777); err != nil {
			return nil, err
		}
		a.removeAbandoned()
	}
	return a, a.refresh()
}

// removeAbandoned removes what a killed import left unfinished.
func (a *archive) removeAbandoned() {
	entries, _ := os.ReadDir(a.dir)
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || !strings.HasSuffix(e.Name(), staging) {
			continue
		}
		if inUse(filepath.Join(a.dir, e.Name()), info.ModTime()) {
			continue // an import that runs in another process
		}
		if err := os.RemoveAll(filepath.Join(a.dir, e.Name())); err != nil {
			a.logger.Warn("unfinished import not removed", "component", "history", "err", err)
		}
	}
}

// refresh opens batches that have come and closes those that have gone. It is
// one stat where nothing has changed.
func (a *archive) refresh() error {
	info, err := os.Stat(a.dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	a.mu.RLock()
	// The clock of a file system is coarse: a change of just now may not show.
	same := info.ModTime().Equal(a.changed) && time.Since(a.changed) > time.Second
	a.mu.RUnlock()
	if same {
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	entries, err := os.ReadDir(a.dir)
	if err != nil {
		return err
	}
	var names []string
	for _, e := range entries {
		if e.IsDir() && !strings.HasSuffix(e.Name(), staging) {
			names = append(names, e.Name())
		}
	}
	kept := a.batches[:0:0]
	for _, b := range a.batches {
		if slices.Contains(names, b.name) {
			kept = append(kept, b)
		} else if err := b.close(); err != nil {
			a.logger.Warn("archive folder not closed", "component", "history", "batch", b.name, "err", err)
		}
	}
	a.batches = kept
	for _, name := range names {
		if slices.ContainsFunc(kept, func(b *batch) bool { return b.name == name }) {
			continue
		}
		b, err := openBatch(a.dir, name, a.logger)
		if err != nil {
			return err
		}
		a.batches = append(a.batches, b)
		a.generation.Add(1)
	}
	a.changed = info.ModTime()
	return nil
}

func openBatch(dir, name string, logger *slog.Logger) (*batch, error) {
	b := &batch{name: name}
	folder := filepath.Join(dir, name)
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if _, err := ulid.ParseStrict(e.Name()); err != nil {
			continue
		}
		block, err := tsdb.OpenBlock(logger, filepath.Join(folder, e.Name()), nil, nil)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("archive folder %s is damaged: %w: move it away and import again", folder, err), b.close())
		}
		b.blocks = append(b.blocks, block)
	}
	return b, nil
}

func (b *batch) close() error {
	var errs []error
	for _, block := range b.blocks {
		errs = append(errs, block.Close())
	}
	return errors.Join(errs...)
}

// queriers opens a querier for each block that overlaps [mint, maxt].
func (a *archive) queriers(mint, maxt int64) (out []storage.Querier, err error) {
	err = a.overlapping(mint, maxt, func(b *tsdb.Block) error {
		q, err := tsdb.NewBlockQuerier(b, mint, maxt)
		out = append(out, q)
		return err
	})
	if err != nil {
		for _, q := range out {
			if q != nil {
				err = errors.Join(err, q.Close())
			}
		}
		return nil, err
	}
	return out, nil
}

// overlapping visits the blocks that overlap [mint, maxt]; they stay open while
// it runs.
func (a *archive) overlapping(mint, maxt int64, visit func(*tsdb.Block) error) error {
	if err := a.refresh(); err != nil {
		return err
	}
	a.mu.RLock()
	defer a.mu.RUnlock()
	for _, batch := range a.batches {
		for _, block := range batch.blocks {
			if block.OverlapsClosedInterval(mint, maxt) {
				if err := visit(block); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// expire removes backfill that ended at or before the given time, Unix ms.
func (a *archive) expire(before int64) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	var errs []error
	a.batches = slices.DeleteFunc(a.batches, func(b *batch) bool {
		if b.kind() != backfill || b.newest() > before {
			return false
		}
		errs = append(errs, a.remove(b))
		return true
	})
	return errors.Join(errs...)
}

// remove closes a batch and deletes its folder; half a deletion is finished by
// the next removeAbandoned.
func (a *archive) remove(b *batch) error {
	err := b.close()
	doomed := filepath.Join(a.dir, b.name+staging)
	if err := os.Rename(filepath.Join(a.dir, b.name), doomed); err != nil {
		return err
	}
	return errors.Join(err, os.RemoveAll(doomed))
}

func (a *archive) close() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	var errs []error
	for _, b := range a.batches {
		errs = append(errs, b.close())
	}
	a.batches = nil
	return errors.Join(errs...)
}
