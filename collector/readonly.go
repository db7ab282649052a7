package collector

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// OpenHistoryReadOnly opens History as it is now for reading, also while
// another process writes to it; what comes later is not seen, except imports.
// Its Bulk still works: a batch is published beside those of the writer.
//
// It reads a copy of the write-ahead log and hard links to the blocks, made in
// Path and removed by Close.
func OpenHistoryReadOnly(opts HistoryOptions) (*History, error) {
	opts, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(opts.Path); err != nil {
		return nil, fmt.Errorf("open history: %w: import something or run serve first", err)
	}
	removeStaleReaders(opts.Path)
	sandbox, err := clone(opts.Path)
	if err != nil {
		return nil, fmt.Errorf("open history in %s for reading: %w", opts.Path, explain(err))
	}
	h := &History{opts: opts, readOnly: true, sandbox: sandbox}
	if err := h.open(sandbox); err != nil {
		return nil, errors.Join(err, removeSandbox(sandbox))
	}
	h.db.DisableCompactions()
	return h, nil
}

// readers is the folder, in Path, of the sandboxes of readers.
const readers = "readers"

// clone makes a folder that the TSDB can open without disturbing its owner. A
// compaction may remove files while they are being linked; then it is done
// again.
func clone(path string) (sandbox string, err error) {
	if err := os.MkdirAll(filepath.Join(path, readers), 0o777); err != nil {
		return "", err
	}
	for range 10 {
		sandbox, err = os.MkdirTemp(filepath.Join(path, readers), "*")
		if err != nil {
			return "", err
		}
		if err = cloneInto(sandbox, path); err == nil {
			return sandbox, nil
		}
		err = errors.Join(err, removeSandbox(sandbox))
		if !errors.Is(err, fs.ErrNotExist) {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	return "", err
}

// cloneInto takes the log before the blocks: what a compaction moves from one to
// the other meanwhile is then seen twice, not never.
func cloneInto(sandbox, path string) error {
	for _, log := range []string{"wal", "wbl"} {
		if err := linkTree(filepath.Join(path, log), filepath.Join(sandbox, log), true); err != nil {
			return err
		}
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !e.IsDir() || strings.Contains(e.Name(), ".") || len(e.Name()) != ulidLen {
			continue
		}
		err := linkTree(filepath.Join(path, e.Name()), filepath.Join(sandbox, e.Name()), false)
		if err != nil {
			return err
		}
	}
	return nil
}

const ulidLen = 26

// linkTree links a folder's files; with grows, the last file of each folder is
// copied, for its owner still appends to it.
func linkTree(from, to string, grows bool) error {
	entries, err := os.ReadDir(from)
	if errors.Is(err, fs.ErrNotExist) && grows {
		return nil
	}
	if err != nil {
		return err
	}
	if err := os.MkdirAll(to, 0o777); err != nil {
		return err
	}
	for i, e := range entries {
		source, target := filepath.Join(from, e.Name()), filepath.Join(to, e.Name())
		switch {
		case strings.HasSuffix(e.Name(), ".tmp"):
		case e.IsDir():
			err = linkTree(source, target, false)
		case grows && i >= len(entries)-2: // a checkpoint folder sorts after the segments
			err = copyFile(source, target)
		default:
			if err = os.Link(source, target); err != nil && !errors.Is(err, fs.ErrNotExist) {
				err = copyFile(source, target)
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func copyFile(from, to string) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }() // only read
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	_, err = io.Copy(out, in)
	return err
}

func removeSandbox(dir string) error { return os.RemoveAll(dir) }

// removeStaleReaders removes the sandboxes of readers that were killed.
func removeStaleReaders(path string) {
	dir := filepath.Join(path, readers)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		info, err := e.Info()
		if err == nil && !inUse(filepath.Join(dir, e.Name()), info.ModTime()) {
			_ = os.RemoveAll(filepath.Join(dir, e.Name()))
		}
	}
}
