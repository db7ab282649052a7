package features_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/driftcast/driftcast/collector"
	"github.com/driftcast/driftcast/features"
)

// recording reads columns of a recorded data set.
func recording(t *testing.T, name, label string, columns ...string) (*collector.Memory, time.Time) {
	t.Helper()
	dir := os.Getenv("DRIFTCAST_DATA")
	if dir == "" {
		dir = "../../shared/data"
	}
	file, err := os.Open(filepath.Join(dir, name, "series.csv.gz"))
	if err != nil {
		t.Skipf("no recording: %v (set DRIFTCAST_DATA to the folder that holds %s)", err, name)
	}
	defer func() { _ = file.Close() }()
	m, report, err := collector.LoadCSV(context.Background(), file, collector.ImportOptions{
		Name: name, LabelColumns: []string{label}, Signals: columns, Interval: time.Minute,
	})
	if err != nil {
		t.Fatal(err)
	}
	return m, report.First
}

// TestQueueOnsetsOfARecordedCluster walks from PromQL to labels on the queues
// of a real data centre, and checks the labels against the raw samples.
func TestQueueOnsetsOfARecordedCluster(t *testing.T) {
	if testing.Short() {
		t.Skip("reads half a million rows")
	}
	m, first := recording(t, "helios-earth", "queue", "gpu_pending", "gpu_allocated")
	target := &features.Target{
		Name: "QueueOnset", Interval: time.Minute, Event: "gpu_pending > 0", For: 10 * time.Minute,
		Horizons: []time.Duration{15 * time.Minute, time.Hour}, Signals: []string{"gpu_allocated"},
		Subject: collector.SubjectSpec{Kind: "queue", Labels: []string{"queue"}},
	}
	own, err := target.Signal()
	if err != nil {
		t.Fatal(err)
	}
	w := collector.Window{Start: first, End: first.Add(10 * 24 * time.Hour), Step: time.Minute}
	predicate, err := m.QueryRange(context.Background(), own.Expr, w)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Add(target.Name, predicate.Series...); err != nil {
		t.Fatal(err)
	}
	p, err := features.Load(context.Background(), m, target, w)
	if err != nil {
		t.Fatal(err)
	}
	f := extract(t, p, target, features.Options{Origins: features.Origins(p, 10*time.Minute, time.Time{}, time.Time{}), Labels: true})
	if len(p.Subjects) < 10 || len(f.Rows) < 1000 {
		t.Fatalf("got %d queues and %d rows", len(p.Subjects), len(f.Rows))
	}
	onsets, labelled := 0, 0
	for r, row := range f.Rows {
		y := p.Series(0, row.Subject)
		if y[row.Origin] != 0 {
			t.Fatalf("row %v: the queue is there already", row)
		}
		for h, steps := range []int{15, 60} {
			if row.Origin+steps+10 >= p.Len {
				continue
			}
			want, known := 0.0, true // the recording is complete: the definition, word by word
			for i := row.Origin + 1; i <= row.Origin+steps; i++ {
				known = known && y[i] == y[i]
				if y[i-1] == 0 && !slices.Contains(y[i:i+10], 0) {
					want = 1
				}
			}
			if got := f.Label(r, h); known && got != want {
				t.Fatalf("queue %s at %s, horizon %d min: got %v, want %v", f.SubjectOf(r).Name, f.OriginOf(r), steps, got, want)
			}
			labelled++
			onsets += int(want)
		}
	}
	if onsets == 0 || onsets == labelled {
		t.Errorf("%d of %d labels are 1", onsets, labelled)
	}
	t.Logf("%d queues, %d rows, %d of %d labels are 1", len(p.Subjects), len(f.Rows), onsets, labelled)
}
