package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/prometheus/common/model"

	"github.com/driftcast/driftcast/features"
	"github.com/driftcast/driftcast/models"
)

func (a *app) backtestLevel(ctx context.Context, f *backtestFlags, t *features.Target, p *features.Panel, e *exportFile) error {
	first := p.Len - p.Len/3
	if f.steps > 0 {
		first = p.Len - 1 - f.steps*f.windows
	}
	chosen, err := a.chooseModels(ctx, f, t, p, first)
	if err != nil {
		return err
	}
	bar := a.progress("backtest "+t.Name, 1, false)
	progress := func(done, total int) { bar.set(int64(done), int64(total), "") }
	var report *models.LevelReport
	if f.steps > 0 {
		report, err = models.BacktestLevel(ctx, p, t, models.LevelProtocol{Steps: f.steps, Windows: f.windows, Season: f.season,
			Models: chosen, Seed: f.seed, Progress: progress, Export: e.level})
	} else {
		report, err = models.RollingLevel(ctx, p, t, models.RollingProtocol{Models: chosen, Seed: f.seed, Progress: progress, Export: e.level})
	}
	bar.done()
	if err != nil {
		return err
	}
	return a.printReport(report, report, fmt.Sprintf("%s: %d subjects, %d tested origins from %s, fitted on %d rows, season %d steps\n",
		report.Target, report.Subjects, report.Origins, report.From.UTC().Format(time.RFC3339), report.Fitted, report.Season))
}

func (a *app) backtestEvent(ctx context.Context, f *backtestFlags, t *features.Target, p *features.Panel, e *exportFile) error {
	every, err := model.ParseDuration(f.every)
	if err != nil {
		return fmt.Errorf("--every %q: %w", f.every, err)
	}
	from := p.Time(p.Len - p.Len/4)
	if f.testFrom != "" {
		if from, err = parseTime("test-from", f.testFrom); err != nil {
			return err
		}
	}
	chosen, err := a.chooseModels(ctx, f, t, p, p.Step(from))
	if err != nil {
		return err
	}
	bar := a.progress("backtest "+t.Name, 1, false)
	report, err := models.BacktestEvent(ctx, p, t, models.EventProtocol{Every: time.Duration(every), TestFrom: from, Models: chosen, Seed: f.seed,
		Progress: func(done, total int) { bar.set(int64(done), int64(total), "") }, Export: e.event})
	bar.done()
	if err != nil {
		return err
	}
	return a.printReport(report, report, fmt.Sprintf("%s: %d subjects, %d tested rows from %s, fitted on %d rows\n",
		report.Target, report.Subjects, report.Rows, report.From.UTC().Format(time.RFC3339), report.Fitted))
}

func (a *app) printReport(value any, report interface{ Print(io.Writer) error }, head string) error {
	if a.output != "table" {
		return a.print(value, nil)
	}
	fmt.Fprint(a.out, head)
	return report.Print(a.out)
}

// chooseModels turns --model into models; nil is the whole catalog.
func (a *app) chooseModels(ctx context.Context, f *backtestFlags, t *features.Target, p *features.Panel, before int) ([]models.Model, error) {
	var chosen []models.Model
	for _, name := range f.models {
		switch name {
		case "all":
			chosen = append(chosen, models.Catalog(t)...)
		case "served":
			m, err := servedModel(ctx, t, p, before, f.seed)
			if err != nil {
				return nil, err
			}
			chosen = append(chosen, m)
		default:
			m, err := models.ByName(t, name)
			if err != nil {
				return nil, fmt.Errorf("--model: %w", err)
			}
			chosen = append(chosen, m)
		}
	}
	return chosen, nil
}

// served is the model that training would have promoted, under that name.
type served struct{ models.Model }

// Name implements models.Model.
func (served) Name() string { return "served" }

// servedModel does what training does, on the steps before the test only.
func servedModel(ctx context.Context, t *features.Target, p *features.Panel, before int, seed uint64) (models.Model, error) {
	past := p.Until(before)
	var best string
	if t.IsEvent() {
		report, err := models.BacktestEvent(ctx, past, t, models.EventProtocol{Models: models.Contenders(t), Seed: seed})
		if err != nil {
			return nil, fmt.Errorf("choose what is served: %w", err)
		}
		best = report.Best().Model
	} else {
		report, err := models.RollingLevel(ctx, past, t, models.RollingProtocol{Models: models.Contenders(t), Seed: seed})
		if err != nil {
			return nil, fmt.Errorf("choose what is served: %w", err)
		}
		best = report.Best().Model
	}
	m, err := models.ByName(t, best)
	return served{m}, err
}
