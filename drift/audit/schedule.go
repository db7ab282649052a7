package audit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
)

// Reporter writes reports by itself, as Config says.
type Reporter struct {
	Config Config
	// Gather completes an input whose From, To and Now are set.
	Gather func(ctx context.Context, in *Input) error
	Now    func() time.Time
	Logger *slog.Logger
}

// Run writes a report at each time of the schedule until ctx ends. A report that
// could not be written is logged; the next one is tried all the same.
func (r *Reporter) Run(ctx context.Context) error {
	if !r.Config.On() {
		return nil
	}
	schedule, err := cron.ParseStandard(r.Config.Schedule)
	if err != nil {
		return fmt.Errorf("audit.report.schedule: %w", err)
	}
	for {
		now := r.Now().UTC()
		next := schedule.Next(now)
		timer := time.NewTimer(next.Sub(now))
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-timer.C:
		}
		switch file, err := r.Write(ctx, next); {
		case err != nil && ctx.Err() == nil:
			r.Logger.Error("audit report", "component", "audit", "err", err)
		case err == nil:
			r.Logger.Info("audit report written", "component", "audit", "file", file)
		}
	}
}

// Write writes the report of the period that ends at a time and returns its
// file. Writing it again replaces it. The oldest reports beyond Keep are removed.
func (r *Reporter) Write(ctx context.Context, to time.Time) (file string, err error) {
	c := r.Config.WithDefaults()
	in := Input{From: to.Add(-time.Duration(c.Period)), To: to, Now: r.Now().UTC()}
	if err := r.Gather(ctx, &in); err != nil {
		return "", err
	}
	if err := os.MkdirAll(c.Dir, 0o750); err != nil {
		return "", fmt.Errorf("audit.report.dir: %w", err)
	}
	file = filepath.Join(c.Dir, prefix+to.UTC().Format("2006-01-02T1504Z")+Formats()[c.Format])
	if err := WriteFile(file, Build(in), c.Format); err != nil {
		return "", err
	}
	return file, prune(c.Dir, c.Keep)
}

const prefix = "drift-"

// prune removes the oldest reports, whose names tell their age.
func prune(dir string, keep int) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("audit.report.dir: %w", err)
	}
	var names []string
	for _, e := range entries {
		for _, ending := range Formats() {
			if strings.HasPrefix(e.Name(), prefix) && strings.HasSuffix(e.Name(), ending) {
				names = append(names, e.Name())
			}
		}
	}
	slices.Sort(names)
	var errs []error
	for i := 0; i < len(names)-keep; i++ {
		errs = append(errs, os.Remove(filepath.Join(dir, names[i])))
	}
	return errors.Join(errs...)
}

// WriteFile writes a whole report or none.
func WriteFile(path string, r Report, format string) error {
	var text bytes.Buffer
	if err := Write(&text, r, format); err != nil {
		return err
	}
	temporary, err := os.CreateTemp(filepath.Dir(path), ".report-")
	if err != nil {
		return fmt.Errorf("report %s: %w", path, err)
	}
	_, err = temporary.Write(text.Bytes())
	if err = errors.Join(err, temporary.Chmod(0o640), temporary.Close()); err == nil {
		err = os.Rename(temporary.Name(), path)
	}
	if err != nil {
		_ = os.Remove(temporary.Name()) // the first error is the one to tell
		return fmt.Errorf("report %s: %w", path, err)
	}
	return nil
}
