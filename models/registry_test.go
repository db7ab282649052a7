package models_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/driftcast/driftcast/features"
	"github.com/driftcast/driftcast/models"
	"github.com/driftcast/driftcast/models/modeltest"
)

func openRegistry(t testing.TB, dir string) *models.Registry {
	t.Helper()
	r, err := models.OpenRegistry(dir)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// fittedOn fits the naive model on a panel of its own, so that every seed makes
// other bytes.
func fittedOn(t testing.TB, seed uint64) models.Fitted {
	t.Helper()
	target := levelTarget(features.ScaleRaw)
	origins := []int{100, 120, 140, 160, 180}
	f, err := features.Extract(modeltest.Panel(target, 2, 240, seed), target, features.Options{Origins: origins, Labels: true})
	if err != nil {
		t.Fatal(err)
	}
	fitted, err := models.Naive{}.Fit(context.Background(), f, models.FitOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return fitted
}

func put(t testing.TB, r *models.Registry, target string, seed uint64) string {
	t.Helper()
	id, err := r.Put(context.Background(), target, fittedOn(t, seed), models.Manifest{Model: "naive", Seed: seed,
		Created: time.Unix(int64(seed), 0).UTC(), Scores: map[string]float64{"mase": 1.5, "auroc": math.NaN()}})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func TestRegistryKeepsWhatWasPut(t *testing.T) {
	dir := t.TempDir()
	fitted := fittedOn(t, 1)
	id := put(t, openRegistry(t, dir), "Latency", 1)

	got, manifest, err := openRegistry(t, dir).Load(id) // as after a restart
	if err != nil {
		t.Fatal(err)
	}
	want, _ := fitted.MarshalBinary()
	if data, _ := got.MarshalBinary(); !slices.Equal(data, want) {
		t.Error("the model differs after a load")
	}
	wantManifest := models.Manifest{ID: id, Target: "Latency", Model: "naive", Seed: 1, Size: len(want),
		Created: time.Unix(1, 0).UTC(), Scores: map[string]float64{"mase": 1.5}}
	if diff := cmp.Diff(wantManifest, manifest); diff != "" {
		t.Errorf("manifest (-want +got):\n%s", diff)
	}
	if again := put(t, openRegistry(t, dir), "Latency", 1); again != id {
		t.Errorf("put again: got id %s, want %s", again, id)
	}
	if other := put(t, openRegistry(t, dir), "Other", 1); other == id {
		t.Error("one id for models of two targets")
	}
}

func TestRegistryPromotesAndRollsBack(t *testing.T) {
	r := openRegistry(t, t.TempDir())
	if _, err := r.Champion("T"); !errors.Is(err, models.ErrNotFound) {
		t.Errorf("champion of an unknown target: got %v, want ErrNotFound", err)
	}
	a, b, c := put(t, r, "T", 1), put(t, r, "T", 2), put(t, r, "T", 3)
	if got, err := r.Challenger("T"); got != c || err != nil {
		t.Errorf("challenger: got %s, %v, want the newest, %s", got, err, c)
	}
	for _, id := range []string{a, b, c, c} {
		if err := r.Promote("T", id); err != nil {
			t.Fatal(err)
		}
		if got, err := r.Champion("T"); got != id || err != nil {
			t.Errorf("champion: got %s, %v, want %s", got, err, id)
		}
	}
	if _, err := r.Challenger("T"); !errors.Is(err, models.ErrNotFound) {
		t.Errorf("challenger after its promotion: got %v, want ErrNotFound", err)
	}
	for _, want := range []string{b, a} {
		if got, err := r.Rollback("T"); got != want || err != nil {
			t.Errorf("roll back: got %s, %v, want %s", got, err, want)
		}
	}
	if _, err := r.Rollback("T"); !errors.Is(err, models.ErrNotFound) {
		t.Errorf("roll back past the first: got %v, want ErrNotFound", err)
	}
	if got, _ := r.Champion("T"); got != a {
		t.Errorf("champion after a roll back that failed: got %s, want %s", got, a)
	}
	if err := r.Promote("Other", a); err == nil {
		t.Error("a model was promoted for another target")
	}
	list, err := r.List("T")
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, m := range list {
		ids = append(ids, m.ID)
	}
	if want := []string{c, b, a}; !slices.Equal(ids, want) {
		t.Errorf("list: got %v, want %v", ids, want)
	}
}

func TestRegistryNamesDamageAndRemedy(t *testing.T) {
	dir := t.TempDir()
	r := openRegistry(t, dir)
	good, bad := put(t, r, "T", 1), put(t, r, "T", 2)
	for _, id := range []string{good, bad} {
		if err := r.Promote("T", id); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(dir, "objects", bad+".model")
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	flipped := slices.Clone(whole)
	flipped[len(flipped)/2] ^= 1
	for name, content := range map[string][]byte{"a bit flipped": flipped, "cut short": whole[:len(whole)/2], "empty": nil} {
		t.Run(name, func(t *testing.T) {
			if err := os.WriteFile(path, content, 0o600); err != nil {
				t.Fatal(err)
			}
			_, _, err := r.Load(bad)
			if !errors.Is(err, models.ErrCorrupt) {
				t.Fatalf("load: got %v, want ErrCorrupt", err)
			}
			for _, want := range []string{path, "rollback", "T"} {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q does not name %q", err, want)
				}
			}
			if err := r.Promote("T", bad); !errors.Is(err, models.ErrCorrupt) {
				t.Errorf("promote: got %v, want ErrCorrupt", err)
			}
		})
	}
	if id, err := r.Rollback("T"); id != good || err != nil {
		t.Errorf("roll back: got %s, %v, want %s", id, err, good)
	}
	for _, id := range []string{"", "../../etc/passwd", strings.Repeat("0", 64)} {
		if _, _, err := r.Load(id); !errors.Is(err, models.ErrNotFound) {
			t.Errorf("load %q: got %v, want ErrNotFound", id, err)
		}
	}
	manifest := filepath.Join(dir, "objects", good+".json")
	if err := os.WriteFile(manifest, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if list, err := r.List("T"); !errors.Is(err, models.ErrCorrupt) || len(list) != 1 {
		t.Errorf("list beside a damaged manifest: got %d models, %v, want 1 and ErrCorrupt", len(list), err)
	}
}

func TestRegistryIsSafeForManyWriters(t *testing.T) {
	dir := t.TempDir()
	ids := make([]string, 6)
	for i := range ids {
		ids[i] = put(t, openRegistry(t, dir), "T", uint64(i+1))
	}
	var wg sync.WaitGroup
	for _, id := range ids {
		wg.Go(func() {
			if err := openRegistry(t, dir).Promote("T", id); err != nil { // a registry each, as processes have
				t.Error(err)
			}
		})
	}
	wg.Wait()
	r := openRegistry(t, dir)
	for range len(ids) - 1 {
		if _, err := r.Rollback("T"); err != nil {
			t.Fatalf("a promotion was lost: %v", err)
		}
	}
}

// TestRegistrySurvivesKill kills a process that puts and promotes in a loop,
// again and again: the registry always opens, and everything that the process
// said it promoted is there and whole.
func TestRegistrySurvivesKill(t *testing.T) {
	if dir := os.Getenv("DRIFTCAST_KILL_REGISTRY"); dir != "" {
		r := openRegistry(t, dir)
		for seed := uint64(time.Now().Unix()); ; seed++ {
			id := put(t, r, "T", seed)
			if err := r.Promote("T", id); err != nil {
				t.Fatal(err)
			}
			fmt.Println(id)
		}
	}
	if testing.Short() {
		t.Skip("starts processes")
	}
	dir := t.TempDir()
	for round := range 8 {
		cmd := exec.Command(os.Args[0], "-test.run=^TestRegistrySurvivesKill$")
		cmd.Env = append(os.Environ(), "DRIFTCAST_KILL_REGISTRY="+dir)
		var out strings.Builder
		cmd.Stdout = &out
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(60+23*round) * time.Millisecond)
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait() // it was killed

		r := openRegistry(t, dir)
		lines := strings.Split(out.String(), "\n")
		for _, id := range lines[:len(lines)-1] {
			if _, _, err := r.Load(id); err != nil {
				t.Errorf("round %d: an acknowledged model is lost: %v", round, err)
			}
		}
		if _, err := r.List(""); err != nil {
			t.Errorf("round %d: list: %v", round, err)
		}
		champion, err := r.Champion("T")
		if err != nil {
			if len(lines) > 1 {
				t.Errorf("round %d: champion: %v", round, err)
			}
			continue
		}
		if _, _, err := r.Load(champion); err != nil {
			t.Errorf("round %d: champion: %v", round, err)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*", ".new-*")); len(left) > 8 {
		t.Errorf("%d temporary files are left", len(left))
	}
}
