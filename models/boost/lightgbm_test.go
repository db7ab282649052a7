package boost_test

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/driftcast/driftcast/models/boost"
)

// outcome is what one training took, in seconds, and its loss on later rows.
type outcome struct{ Wall, CPU, Loss float64 }

// TestAgainstLightGBM trains on the same numbers with the same options, in
// turns on fresh draws, and prints the fastest turns. It needs a Python that has lightgbm:
//
//	DRIFTCAST_LIGHTGBM=/path/to/venv/bin/python go test ./models/boost -run AgainstLightGBM -v -timeout 30m
//
// Times include binning on both sides. On a busy machine trust the CPU seconds
// with one thread; with more, LightGBM's threads count while they wait.
func TestAgainstLightGBM(t *testing.T) {
	python := os.Getenv("DRIFTCAST_LIGHTGBM")
	if python == "" {
		t.Skip("DRIFTCAST_LIGHTGBM names no python with lightgbm")
	}
	turns := 3
	if n, err := strconv.Atoi(os.Getenv("DRIFTCAST_TURNS")); err == nil {
		turns = n
	}
	for _, c := range []struct {
		name          string
		rows, columns int
		levels        []float64
		threads       int
	}{
		{"logistic", 200_000, 60, nil, 1},
		{"logistic", 200_000, 60, nil, 2},
		{"logistic", 19_700, 46, nil, 1},
		{"logistic", 19_700, 46, nil, 2},
		{"9 quantiles", 19_700, 46, nine, 1},
		{"9 quantiles", 19_700, 46, nine, 2},
	} {
		t.Run(fmt.Sprintf("%s/%dx%d/threads=%d", c.name, c.rows, c.columns, c.threads), func(t *testing.T) {
			runtime.GOMAXPROCS(c.threads)
			defer runtime.GOMAXPROCS(runtime.NumCPU())
			o := boost.Options{Trees: 100, Leaves: 31, MinLeaf: 20, Rate: 0.1, Bins: 255}
			all := c.rows * 5 / 4 // a fifth to score on
			var ours, theirs []outcome
			for turn := range turns {
				d, y, class := shape(all, c.columns, uint64(turn))
				if c.levels == nil {
					y = class
				}
				file := filepath.Join(t.TempDir(), "data")
				write(t, file, d.X, y)
				arguments := []string{"testdata/reference.py", file}
				for _, v := range []any{all, d.Columns, c.rows, c.threads, o.Trees, o.Leaves, o.MinLeaf, o.Rate, o.Bins} {
					arguments = append(arguments, fmt.Sprint(v))
				}
				for _, v := range c.levels {
					arguments = append(arguments, fmt.Sprint(v))
				}
				ours = append(ours, train(t, d, y, c.rows, c.levels, o))
				out, err := exec.CommandContext(t.Context(), python, arguments...).Output()
				if err != nil {
					t.Fatalf("%v: %v", arguments, err)
				}
				var they outcome
				if err := json.Unmarshal(out, &they); err != nil {
					t.Fatal(err)
				}
				theirs = append(theirs, they)
			}
			us, they := summary(ours), summary(theirs)
			t.Logf("driftcast %6.2f s wall %6.2f s CPU  loss %.5f", us.Wall, us.CPU, us.Loss)
			t.Logf("lightgbm  %6.2f s wall %6.2f s CPU  loss %.5f", they.Wall, they.CPU, they.Loss)
			t.Logf("ratio     %6.2f        %6.2f        %+.5f", us.Wall/they.Wall, us.CPU/they.CPU, us.Loss-they.Loss)
			if us.Loss > 1.02*they.Loss {
				t.Errorf("a loss of %.5f, LightGBM's is %.5f", us.Loss, they.Loss)
			}
		})
	}
}

func train(t *testing.T, d boost.Data, y []float64, rows int, levels []float64, o boost.Options) outcome {
	training := boost.Data{X: d.X[:rows*d.Columns], Columns: d.Columns}
	wall, cpu := time.Now(), cpuSeconds(t)
	var e *boost.Ensemble
	var err error
	if levels == nil {
		e, err = boost.FitLogistic(ctx, training, y[:rows], nil, nil, o)
	} else {
		e, err = boost.FitQuantiles(ctx, training, y[:rows], nil, nil, levels, o)
	}
	if err != nil {
		t.Fatal(err)
	}
	took := outcome{Wall: time.Since(wall).Seconds(), CPU: cpuSeconds(t) - cpu}
	later, answers := boost.Data{X: d.X[rows*d.Columns:], Columns: d.Columns}, y[rows:]
	if levels == nil {
		took.Loss = logLoss(e, later, answers)
		return took
	}
	for i, f := range predict(e, later.X) {
		r, level := answers[i/len(levels)]-f, levels[i%len(levels)]
		took.Loss += max(level*r, (level-1)*r) / float64(len(answers)*len(levels))
	}
	return took
}

func cpuSeconds(t *testing.T) float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}

// summary is the fastest turn, as others only slow it down, and the mean loss.
func summary(turns []outcome) outcome {
	best := turns[0]
	best.Loss = 0
	for _, o := range turns {
		best.Wall, best.CPU = min(best.Wall, o.Wall), min(best.CPU, o.CPU)
		best.Loss += o.Loss / float64(len(turns))
	}
	return best
}

func write(t *testing.T, file string, numbers ...[]float64) {
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	w := bufio.NewWriter(f)
	var b [8]byte
	for _, v := range slices.Concat(numbers...) {
		binary.LittleEndian.PutUint64(b[:], math.Float64bits(v))
		w.Write(b[:])
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	f.Close()
}
