package store_test

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/driftcast/driftcast/store"
)

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func open(t testing.TB, path string) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), store.Options{
		Path:   path,
		Logger: slog.New(slog.DiscardHandler),
		Now:    func() time.Time { return start },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func fresh(t testing.TB) *store.Store { return open(t, filepath.Join(t.TempDir(), "driftcast.db")) }

func TestOpenSaysWhatIsWrong(t *testing.T) {
	dir := t.TempDir()
	garbage := filepath.Join(dir, "garbage.db")
	if err := os.WriteFile(garbage, []byte(strings.Repeat("not a database ", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ path, want string }{
		"no path":             {"", "no path given"},
		"not a database":      {garbage, "the file is damaged: restore a backup"},
		"a folder":            {dir, "must be writable"},
		"a file for a folder": {filepath.Join(garbage, "driftcast.db"), "choose a folder that can be written"},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := store.Open(t.Context(), store.Options{Path: c.path, Logger: slog.New(slog.DiscardHandler)})
			if err == nil {
				s.Close()
				t.Fatal("got no error")
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %q, want it to say %q", err, c.want)
			}
			if c.path != "" && !strings.Contains(err.Error(), c.path) {
				t.Errorf("got %q, want it to name %s", err, c.path)
			}
		})
	}
}

func TestOpenTogether(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a folder with ?%# in it", "driftcast.db")
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			s, err := store.Open(context.Background(), store.Options{Path: path, Logger: slog.New(slog.DiscardHandler)})
			if err != nil {
				t.Error(err)
				return
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	if _, err := os.Stat(path); err != nil {
		t.Error(err)
	}
}

func TestOpenInAFolderThatCannotBeWritten(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may write anywhere")
	}
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(t.Context(), store.Options{Path: filepath.Join(dir, "driftcast.db"), Logger: slog.New(slog.DiscardHandler)})
	if err == nil {
		s.Close()
	}
	if err == nil || !strings.Contains(err.Error(), "must be writable") {
		t.Errorf("got %v, want it to say that the folder must be writable", err)
	}
}
