package models_test

import (
	"compress/gzip"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/driftcast/driftcast/collector"
	"github.com/driftcast/driftcast/features"
	"github.com/driftcast/driftcast/models"
)

// recording is one column of a recorded data set with a protocol.
type recording struct {
	set, column    string
	interval       time.Duration
	season         int
	steps, windows int
	scale          features.Scale
}

// panelOf reads a column of a recording onto a grid.
func panelOf(t testing.TB, r recording) (*features.Panel, *features.Target) {
	t.Helper()
	root := os.Getenv("DRIFTCAST_DATA")
	if root == "" {
		root = filepath.Join("..", "..", "shared", "data")
	}
	path := filepath.Join(root, r.set, "series.csv.gz")
	file, err := os.Open(path)
	if err != nil {
		t.Skipf("no recording %s: set DRIFTCAST_DATA to the folder of the recordings", path)
	}
	defer file.Close()
	zip, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	rows := csv.NewReader(zip)
	rows.ReuseRecord = true
	header, err := rows.Read()
	if err != nil {
		t.Fatal(err)
	}
	column := slices.Index(header, r.column)
	if column < 0 {
		t.Fatalf("%s has no column %s", path, r.column)
	}
	labels := labelColumns(header)
	samples := map[string]map[int64]float64{}
	first, last := int64(math.MaxInt64), int64(0)
	for {
		row, err := rows.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		at, err := strconv.ParseInt(row[0], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, i := range labels {
			names = append(names, row[i])
		}
		name := strings.Join(names, ":")
		if name == "" {
			name = "all"
		}
		if row[column] == "" {
			continue
		}
		v, err := strconv.ParseFloat(row[column], 64)
		if err != nil {
			t.Fatal(err)
		}
		if samples[name] == nil {
			samples[name] = map[int64]float64{}
		}
		samples[name][at] = v
		first, last = min(first, at), max(last, at)
	}
	step := int64(r.interval / time.Second)
	p := &features.Panel{
		Start: time.Unix(first, 0).UTC(), Interval: r.interval, Len: int((last-first)/step) + 1,
		Signals: []string{r.column},
	}
	names := make([]string, 0, len(samples))
	for name := range samples {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		v := make([]float64, p.Len)
		for i := range v {
			v[i] = math.NaN()
		}
		for at, x := range samples[name] {
			v[int((at-first)/step)] = x
		}
		p.Subjects = append(p.Subjects, collector.Subject{Kind: "queue", Name: name})
		p.Values = append(p.Values, v)
	}
	target := &features.Target{
		Name: r.column, Level: r.column, Subject: collector.SubjectSpec{Kind: "queue"}, Interval: r.interval,
		Season: r.season, Scale: r.scale, Horizons: []time.Duration{time.Duration(r.steps) * r.interval},
	}
	return p, target
}

func labelColumns(header []string) []int {
	var columns []int
	for i, name := range header {
		switch name {
		case "queue", "service", "client", "series", "application", "pod", "machine", "node":
			columns = append(columns, i)
		}
	}
	return columns
}

// contenders are the models that a training tries, or where DRIFTCAST_BENCH is
// set the whole catalog.
func contenders(target *features.Target) []models.Model {
	if os.Getenv("DRIFTCAST_BENCH") != "" {
		return models.Catalog(target)
	}
	return models.Contenders(target)
}

// TestRecordings backtests level models on real recordings, prints the tables,
// and wants the blend to be worth its place on each: not clearly worse
// than naive, and with intervals that mean something.
func TestRecordings(t *testing.T) {
	if testing.Short() {
		t.Skip("reads recordings")
	}
	var toNaive, toSeasonal, toWindow []float64
	for _, r := range []recording{
		{"bizitobs-app", "app_calls_sum", 10 * time.Second, 360, 60, 15, features.ScaleCount},
		{"bizitobs-app", "app_latency_mean_milliseconds", 10 * time.Second, 360, 60, 15, features.ScaleLog},
		{"bizitobs-l2c", "activity_create_order", 5 * time.Minute, 288, 48, 20, features.ScaleCount},
		{"philly-nodes", "nodes_active", time.Minute, 1440, 60, 50, features.ScaleCount},
		{"helios-earth", "gpu_allocated", time.Minute, 1440, 60, 30, features.ScaleCount},
	} {
		t.Run(fmt.Sprintf("%s/%s/%d", r.set, r.column, r.steps), func(t *testing.T) {
			p, target := panelOf(t, r)
			report, err := models.BacktestLevel(context.Background(), p, target,
				models.LevelProtocol{Steps: r.steps, Windows: r.windows, Season: r.season, Models: contenders(target)})
			if err != nil {
				t.Fatal(err)
			}
			var text strings.Builder
			if err := report.Print(&text); err != nil {
				t.Fatal(err)
			}
			t.Logf("%d subjects, %d origins, fitted on %d rows\n%s", report.Subjects, report.Origins, report.Fitted, text.String())
			blend, ok := report.Score("blend")
			if !ok || blend.Err != nil {
				t.Fatalf("no blend: %v", blend.Err)
			}
			if blend.ToNaive > 1.05 {
				t.Errorf("blend loses %.3f of naive's", blend.ToNaive)
			}
			if blend.Coverage < 0.7 || blend.Coverage > 0.95 {
				t.Errorf("coverage of the blend is %.3f, want about 0.8", blend.Coverage)
			}
			toNaive, toSeasonal, toWindow = append(toNaive, blend.ToNaive), append(toSeasonal, blend.ToSeasonal), append(toWindow, blend.ToWindow)
		})
	}
	t.Logf("geometric mean of the blend's loss: %.3f of naive's, %.3f of seasonal naive's, %.3f of the window quantile's",
		models.GeometricMean(toNaive), models.GeometricMean(toSeasonal), models.GeometricMean(toWindow))
}
