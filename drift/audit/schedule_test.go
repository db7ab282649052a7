package audit_test

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/common/model"

	"github.com/driftcast/driftcast/drift/audit"
)

func TestReportsAreWrittenOnScheduleAndTheOldestGo(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "reports")
	synctest.Test(t, func(t *testing.T) { // begins on Saturday, 1 January 2000
		var periods []string
		fails := true
		r := audit.Reporter{Config: audit.Config{Schedule: "0 6 * * 1", Dir: dir, Format: "json", Period: model.Duration(7 * 24 * time.Hour), Keep: 2},
			Now: time.Now, Logger: slog.New(slog.DiscardHandler), Gather: func(_ context.Context, in *audit.Input) error {
				periods = append(periods, in.From.Format(time.DateOnly)+" "+in.To.Format(time.DateOnly))
				if fails {
					fails = false
					return errors.New("the store is busy")
				}
				return nil
			}}
		ctx, cancel := context.WithTimeout(t.Context(), 29*24*time.Hour)
		defer cancel()
		if err := r.Run(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		if len(periods) != 4 || periods[3] != "2000-01-17 2000-01-24" {
			t.Errorf("got %q, want four Mondays, whatever the first came to", periods)
		}
	})
	got, err := fs.Glob(os.DirFS(dir), "*")
	if err != nil || len(got) != 2 || got[0] != "drift-2000-01-17T0600Z.json" || got[1] != "drift-2000-01-24T0600Z.json" {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestOffIsOff(t *testing.T) {
	if err := (&audit.Reporter{Config: audit.Config{Schedule: "off"}}).Run(context.Background()); err != nil {
		t.Error(err)
	}
}
