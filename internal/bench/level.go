package main

import (
	"context"
	"fmt"
	"time"

	"github.com/driftcast/driftcast/features"
	"github.com/driftcast/driftcast/models"
)

// task is one line of the level tables: a level with what it is scored on.
type task struct {
	set, column string
	target      *features.Target
	panel       *features.Panel
	windows     windows // zero: rolling
	every       time.Duration
}

func (t task) name() string {
	if t.windows.steps > 0 {
		return fmt.Sprintf("%s %s %d×%d", t.set, t.column, t.windows.steps, t.windows.count)
	}
	return fmt.Sprintf("%s %s", t.set, t.column)
}

// tasks lists what is to be scored of a set.
func (b *bench) tasks(ctx context.Context, s levelSet) ([]task, error) {
	memory, err := load(ctx, b.data, s.name, s.labels, s.interval)
	if err != nil {
		return nil, err
	}
	var all []task
	for _, column := range s.columns {
		if !chosen(b.columns, column) {
			continue
		}
		t := s.target(column)
		p, err := panel(ctx, memory, t)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s.name, err)
		}
		if s.align {
			p = align(p, s.season)
		}
		if b.dev {
			p = early(p)
		}
		one := task{set: s.name, column: column, target: t, panel: p, every: s.every}
		for _, w := range s.windows {
			one.windows = w
			all = append(all, one)
		}
		if s.windows == nil {
			all = append(all, one)
		}
		if s.total {
			one.column, one.panel = column+" (total)", total(p)
			all = append(all, one)
		}
	}
	return all, nil
}

// level scores one task.
func (b *bench) level(ctx context.Context, t task) (*models.LevelReport, error) {
	var ms []models.Model
	for _, name := range b.models {
		m, err := models.ByName(t.target, name)
		if err != nil {
			return nil, err
		}
		ms = append(ms, m)
	}
	var export func(models.LevelRow) error
	if b.export != nil {
		export = func(r models.LevelRow) error {
			r.Target = t.name()
			return b.export.Level(r)
		}
	}
	if t.windows.steps > 0 {
		return models.BacktestLevel(ctx, t.panel, t.target, models.LevelProtocol{
			Steps: t.windows.steps, Windows: t.windows.count, Models: ms, Seed: b.seed, Export: export,
		})
	}
	return models.RollingLevel(ctx, t.panel, t.target, models.RollingProtocol{Every: t.every, Models: ms, Seed: b.seed, Export: export})
}
