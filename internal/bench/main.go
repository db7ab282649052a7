// Command bench prints the tables of BENCHMARKS.md: every model beside naive on
// every recording, and geometric means over them (`make bench`).
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"time"

	"github.com/driftcast/driftcast/models"
)

// bench is what is to be done, from the flags.
type bench struct {
	data    string
	models  []string
	columns []string
	dev     bool
	seed    uint64
	export  *models.Export
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(2)
	}
}

func run(ctx context.Context) error {
	root := os.Getenv("DRIFTCAST_DATA")
	if root == "" {
		root = "../shared/data"
	}
	b := &bench{}
	var sets, names, columns, export, kind string
	flag.StringVar(&b.data, "data", root, "folder of the recordings")
	flag.StringVar(&kind, "kind", "", "levels or events (default: both; --export takes one)")
	flag.StringVar(&sets, "set", "", "recordings, comma-separated (default: all)")
	flag.StringVar(&names, "model", "", "models, comma-separated (default: all)")
	flag.StringVar(&columns, "column", "", "columns, comma-separated (default: all)")
	flag.StringVar(&export, "export", "", "CSV.gz file for every forecast and its actual")
	flag.BoolVar(&b.dev, "dev", false, "use the earlier 70 % of each recording only: for choosing between ideas, never for reporting")
	flag.Uint64Var(&b.seed, "seed", 1, "seed of every fit")
	flag.Parse()
	b.models, b.columns = split(names), split(columns)
	if kind != "" && kind != "levels" && kind != "events" {
		return fmt.Errorf("--kind %q: want levels or events", kind)
	}
	if export != "" {
		if kind == "" {
			return errors.New("--export: one file holds levels or events: say --kind levels or --kind events")
		}
		file, err := os.Create(export)
		if err != nil {
			return err
		}
		b.export = models.NewExport(file, true)
		defer func() {
			if err := errors.Join(b.export.Close(), file.Close()); err != nil {
				fmt.Fprintln(os.Stderr, "bench: export:", err)
			}
		}()
	}
	if kind != "events" {
		if err := b.levels(ctx, split(sets)); err != nil {
			return err
		}
	}
	if kind != "levels" {
		return b.events(ctx, split(sets))
	}
	return nil
}

// levels prints the tables of levels.
func (b *bench) levels(ctx context.Context, sets []string) error {
	var all summary
	for _, s := range levelSets() {
		if !chosen(sets, s.name) {
			continue
		}
		tasks, err := b.tasks(ctx, s)
		if err != nil {
			return err
		}
		for _, t := range tasks {
			began := time.Now()
			report, err := b.level(ctx, t)
			if err != nil {
				return fmt.Errorf("%s: %w", t.name(), err)
			}
			printLevel(os.Stdout, t, report)
			fmt.Fprintf(os.Stderr, "%s: %.1fs\n", t.name(), time.Since(began).Seconds())
			all.add(t, report)
		}
	}
	all.print(os.Stdout)
	return nil
}

func split(list string) []string {
	if list == "" {
		return nil
	}
	return strings.Split(list, ",")
}
