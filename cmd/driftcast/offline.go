package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/driftcast/driftcast/collector"
	"github.com/driftcast/driftcast/features"
	"github.com/driftcast/driftcast/forecaster"
	"github.com/driftcast/driftcast/models"
)

// offline is what the commands work on beside (or without) a running server:
// History as it stands, read-only, with the targets' signals evaluated on top
// of it where they were not collected but imported.
type offline struct {
	config   config
	targets  []features.Target
	history  *collector.History
	registry *models.Registry
	now      time.Time     // of the newest sample
	shadow   time.Duration // that challengers are tried for; 0: the registry's shadows are none of our business
}

func (a *app) openOffline(ctx context.Context, only string) (*offline, error) {
	c, err := a.loadConfig()
	if err != nil {
		return nil, err
	}
	files, err := loadTargets(c)
	if err != nil {
		return nil, err
	}
	o := &offline{config: c}
	if o.targets, err = targetsOf(files, only); err != nil {
		return nil, err
	}
	if _, err := os.Stat(a.path("history")); err != nil {
		return nil, fmt.Errorf("there is no history in %s yet (driftcast serve collects, driftcast import reads files; --storage.path names another folder)", a.storagePath)
	}
	if o.history, err = collector.OpenHistoryReadOnly(collector.HistoryOptions{Path: a.path("history")}); err != nil {
		return nil, err
	}
	if o.registry, err = models.OpenRegistry(a.path("models")); err != nil {
		return nil, errors.Join(err, o.close())
	}
	w, err := extent(ctx, o.history, time.Second)
	if err != nil {
		return nil, errors.Join(err, o.close())
	}
	o.now = w.End
	return o, nil
}

func (o *offline) close() error { return o.history.Close() }

// forecaster wires the loop over what is stored, with one target's signals (or
// all targets') evaluated where they are not stored.
func (o *offline) forecaster(ctx context.Context, ledger forecaster.Ledger, window time.Duration, events func(forecaster.Event), logger *slog.Logger) (*forecaster.Forecaster, error) {
	signals, err := signalsOf(o.targets)
	if err != nil {
		return nil, err
	}
	reader, err := derive(ctx, o.history, signals, collector.Window{Start: o.now.Add(-window), End: o.now, Step: time.Minute})
	if err != nil {
		return nil, err
	}
	began := time.Now()
	return forecaster.New(forecaster.Options{Targets: o.targets, History: lasting{reader, o.history}, Ledger: ledger, Registry: o.registry,
		Now: func() time.Time { return o.now.Add(time.Since(began)) }, Window: window, Shadow: o.shadow, Seed: o.config.Training.Seed, Logger: logger, Events: events})
}

// signalsOf returns the targets' own signals and their maintenance.
func signalsOf(targets []features.Target) ([]collector.Signal, error) {
	var signals []collector.Signal
	for i := range targets {
		own, err := targets[i].Signal()
		if err != nil {
			return nil, err
		}
		signals = append(signals, own)
		maintenance, ok, err := targets[i].MaintenanceSignal()
		if err != nil {
			return nil, err
		}
		if ok {
			signals = append(signals, maintenance)
		}
	}
	return signals, nil
}

// lasting is a derived archive that also knows its newest samples.
type lasting struct {
	*derived
	history *collector.History
}

// Last implements forecaster.History.
func (l lasting) Last(ctx context.Context, signal string) (time.Time, bool, error) {
	if !l.has[signal] {
		return l.history.Last(ctx, signal)
	}
	made, err := l.made.Signals(ctx)
	if err != nil {
		return time.Time{}, false, err
	}
	for _, s := range made {
		if s.Name == signal {
			return s.Last, true, nil
		}
	}
	return time.Time{}, false, nil
}
