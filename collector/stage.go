package collector

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/prometheus/prometheus/tsdb"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/tsdb/fileutil"
)

// stage is a folder in which a batch is made ready. The lock file in it tells
// other processes that its maker lives.
type stage struct {
	dir  string
	lock fileutil.Releaser
}

func newStage(archive string) (*stage, error) {
	if err := os.MkdirAll(archive, 0o777); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(archive, "*"+staging)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		return nil, err
	}
	lock, _, err := fileutil.Flock(filepath.Join(dir, "lock"))
	if err != nil {
		return nil, err
	}
	return &stage{dir: dir, lock: lock}, nil
}

// publish puts the stage in its place under a new name, in one step.
func (s *stage) publish(archive string, kind batchKind) (name string, err error) {
	if err := s.unlock(); err != nil {
		return "", err
	}
	if err := os.Remove(filepath.Join(s.dir, "lock")); err != nil {
		return "", err
	}
	base := strings.TrimSuffix(filepath.Base(s.dir), staging)
	name = string(kind) + "-" + time.Now().UTC().Format("20060102T150405") + "-" + base
	if err := fileutil.Rename(s.dir, filepath.Join(archive, name)); err != nil {
		return "", err
	}
	s.dir = ""
	return name, nil
}

// discard removes a stage that was not published.
func (s *stage) discard() error {
	err := s.unlock()
	if s.dir != "" {
		err = os.RemoveAll(s.dir)
		s.dir = ""
	}
	return err
}

func (s *stage) unlock() error {
	if s.lock == nil {
		return nil
	}
	lock := s.lock
	s.lock = nil
	return lock.Release()
}

// inUse says whether a live process holds the folder's lock. A folder made just
// now counts as in use, for its maker may not have locked it yet.
func inUse(dir string, made time.Time) bool {
	if time.Since(made) < time.Minute {
		if _, err := os.Stat(filepath.Join(dir, "lock")); err != nil {
			return true
		}
	}
	lock, _, err := fileutil.Flock(filepath.Join(dir, "lock"))
	if err != nil {
		return true
	}
	return lock.Release() != nil
}

func newCompactor(ctx context.Context, logger *slog.Logger) (*tsdb.LeveledCompactor, error) {
	return tsdb.NewLeveledCompactorWithOptions(ctx, nil, logger, []int64{tsdb.DefaultBlockDuration}, chunkenc.NewPool(),
		tsdb.LeveledCompactorOptions{MaxBlockChunkSegmentSize: segmentBytes, EnableOverlappingCompaction: true})
}
