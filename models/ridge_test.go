package models_test

import (
	"bytes"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/driftcast/driftcast/features"
	"github.com/driftcast/driftcast/models"
	"github.com/driftcast/driftcast/models/modeltest"
)

// direct is the matrix that SlidingMoments finds by recursion.
func direct(width int, series, extras [][]float64) []float64 {
	n := width + 1
	a := make([]float64, n*n)
	row := make([]float64, n)
	for s, z := range series {
		for r, e := range extras[s] {
			copy(row, z[r:r+width])
			row[width] = e
			for i, x := range row {
				for j, y := range row {
					a[i*n+j] += x * y
				}
			}
		}
	}
	return a
}

// TestSlidingMomentsAreThoseOfTheDirectProduct is the property at the heart.
func TestSlidingMomentsAreThoseOfTheDirectProduct(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		width := rapid.IntRange(1, 12).Draw(t, "width")
		var series, extras [][]float64
		value := rapid.Float64Range(-8, 8)
		for range rapid.IntRange(1, 4).Draw(t, "series") {
			rows := rapid.IntRange(1, 20).Draw(t, "rows")
			series = append(series, rapid.SliceOfN(value, rows+width-1, rows+width-1).Draw(t, "z"))
			extras = append(extras, rapid.SliceOfN(value, rows, rows).Draw(t, "extra"))
		}
		got, want := models.SlidingMoments(width, series, extras), direct(width, series, extras)
		for i := range want {
			if math.Abs(got[i]-want[i]) > 1e-9 {
				t.Fatalf("element %d: got %g, want %g", i, got[i], want[i])
			}
		}
	})
}

// TestStretchesKeepWhatIsKnown: blocks hold the means of what is known and the
// last value known; short gaps are as before them, and nothing spans a long one.
func TestStretchesKeepWhatIsKnown(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		step := rapid.IntRange(1, 4).Draw(t, "step")
		y := rapid.SliceOfN(rapid.OneOf(rapid.Float64Range(-5, 5), rapid.Just(math.NaN())), step, 60).Draw(t, "y")
		if rapid.Bool().Draw(t, "hole") {
			for i := len(y) / 4; i < len(y)*3/4; i++ {
				y[i] = math.NaN()
			}
		}
		means, lasts := models.RidgeStretches(y, step)
		var known, blocks int
		for i := len(y) % step; i < len(y); i += step {
			for _, v := range y[i : i+step] {
				if v == v {
					known++
					break
				}
			}
		}
		for i, stretch := range means {
			if len(stretch) == 0 || len(stretch) != len(lasts[i]) {
				t.Fatalf("stretches of %d and %d", len(stretch), len(lasts[i]))
			}
			blocks += len(stretch)
			for j, v := range stretch {
				if last := lasts[i][j]; v != v || last != last || math.Abs(v) > 5 || step == 1 && v != last {
					t.Fatalf("block %d: mean %g, last %g", j, v, last)
				}
			}
		}
		if blocks < known || blocks > known*(1+models.RidgeGapMax) {
			t.Fatalf("%d blocks of which %d are known", blocks, known)
		}
	})
}

// TestRidgeGrids: whatever the season and the horizon, grids are within bounds,
// from fine to coarse, and reach the horizon.
func TestRidgeGrids(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		season, horizon := rapid.IntRange(1, 1<<20).Draw(t, "season"), rapid.IntRange(1, 1<<20).Draw(t, "horizon")
		grids := models.RidgeGrids(season, horizon)
		if len(grids) < 1 || len(grids) > models.RidgeGridsMax || grids[0].Step != 1 {
			t.Fatalf("grids %+v", grids)
		}
		step, until := 0, 0
		for _, g := range grids {
			if g.Step <= step || g.Until <= until || g.Lags < 2 || g.Lags > models.RidgeLagsMax || g.Ahead > 600 {
				t.Fatalf("grid %+v of %+v", g, grids)
			}
			step, until = g.Step, g.Until
			if len(g.Knots) > models.RidgeKnotsMax || g.Knots[0] != 1 || g.Knots[len(g.Knots)-1] != g.Ahead || !slices.IsSorted(g.Knots) {
				t.Fatalf("knots %v of %+v", g.Knots, g)
			}
			if g.Ahead*g.Step < min(g.Until, horizon) {
				t.Fatalf("grid %+v does not reach", g)
			}
		}
		if until != horizon {
			t.Fatalf("grids %+v end before %d", grids, horizon)
		}
	})
	// A day by the minute: an hour and more by the minute, a day, and a week.
	var steps []int
	for _, g := range models.RidgeGrids(1440, 1440) {
		steps = append(steps, g.Step)
	}
	if want := []int{1, 4, 30}; !slices.Equal(steps, want) {
		t.Errorf("a day by the minute: got blocks of %v steps, want %v", steps, want)
	}
}

// TestRidgeKnowsToys: where the best forecast is known, the ridge is near it:
// over the later origins, its mean distance from that is a small part of
// naive's, or of what the series moves by.
func TestRidgeKnowsToys(t *testing.T) {
	const n, learned = 3000, 2400
	target := levelTarget(features.ScaleRaw)
	target.Season, target.Signals = 48, nil
	m, err := models.ByName(target, "pooled-ridge")
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(7, 7))
	var decaying, season, walk []float64
	x, w := 0.0, 0.0
	for i := range n {
		x, w = 0.7*x+rng.NormFloat64(), w+rng.NormFloat64()
		decaying, walk = append(decaying, x), append(walk, w)
		season = append(season, 50*math.Sin(2*math.Pi*float64(i)/48)+float64(i%6))
	}
	for name, tc := range map[string]struct {
		y     []float64
		want  func(origin, lead int) float64
		worst float64
	}{
		"a level that decays to its mean": {decaying, func(i, lead int) float64 { return math.Pow(0.7, float64(lead)) * decaying[i] }, 0.5},
		"nothing but a season":            {season, func(i, lead int) float64 { return season[i-48+lead] }, 0.02},
		"a random walk stays":             {walk, func(i, lead int) float64 { return walk[i] }, 0.25},
	} {
		t.Run(name, func(t *testing.T) {
			p := onePanel(target, tc.y)
			fitted, _ := learn(t, m, target, p, learned, 7)
			var origins []int
			for i := learned + 20; i < n-20; i += 11 {
				origins = append(origins, i)
			}
			ask, err := features.Extract(p, target, features.Options{Origins: origins})
			if err != nil {
				t.Fatal(err)
			}
			var out models.Forecast
			var distance, moved float64
			for row := range ask.Rows {
				if err := fitted.Predict(ask, row, &out); err != nil {
					t.Fatal(err)
				}
				at := ask.Rows[row].Origin
				for i, lead := range out.Leads {
					distance += math.Abs(middle(out, i) - tc.want(at, lead))
					moved += math.Abs(tc.y[at+lead] - tc.y[at])
				}
			}
			if got := distance / moved; got > tc.worst {
				t.Errorf("distance from the best forecast is %.3f of how far the series moves, want at most %g", got, tc.worst)
			}
		})
	}
}

// TestRidgeNeedsMovement: where nothing moves there is nothing to learn.
func TestRidgeNeedsMovement(t *testing.T) {
	target := levelTarget(features.ScaleRaw)
	target.Signals = nil
	f, err := features.Extract(onePanel(target, make([]float64, 600)), target, features.Options{Origins: []int{100, 200, 300}, Labels: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := models.RidgeBytes(f); !errors.Is(err, models.ErrTooFewRows) {
		t.Fatalf("got %v, want ErrTooFewRows", err)
	}
}

// TestRidgeFollowsUnits: in another unit and from another zero, forecasts are
// the same.
func TestRidgeFollowsUnits(t *testing.T) {
	target := levelTarget(features.ScaleRaw)
	target.Signals = nil
	m, err := models.ByName(target, "pooled-ridge")
	if err != nil {
		t.Fatal(err)
	}
	p := modeltest.Panel(target, 2, 1500, 4)
	other := *p
	other.Values = nil
	for _, v := range p.Values {
		var moved []float64
		for _, x := range v {
			moved = append(moved, 7*x+40)
		}
		other.Values = append(other.Values, moved)
	}
	a, asked := learn(t, m, target, p, 1400, 5)
	b, askedOther := learn(t, m, target, &other, 1400, 5)
	var here, there models.Forecast
	for row := range asked.Rows {
		if err := errors.Join(a.Predict(asked, row, &here), b.Predict(askedOther, row, &there)); err != nil {
			t.Fatal(err)
		}
		for i, v := range here.Path {
			if got, want := there.Path[i], 7*v+40; math.Abs(got-want) > 1e-6*(1+math.Abs(want)) {
				t.Fatalf("row %d, element %d: got %g, want %g", row, i, got, want)
			}
		}
	}
}

// TestRidgeLearnsFromNothingLater: what comes after the futures of its rows
// does not change a fit, in any bit.
func TestRidgeLearnsFromNothingLater(t *testing.T) {
	target := levelTarget(features.ScaleRaw)
	target.Signals = nil
	p := modeltest.Panel(target, 2, 900, 4)
	var origins []int
	for i := 50; i <= 700; i += 5 {
		origins = append(origins, i)
	}
	fit := func() []byte {
		f, err := features.Extract(p, target, features.Options{Origins: origins, Labels: true})
		if err != nil {
			t.Fatal(err)
		}
		data, err := models.RidgeBytes(f)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	before := fit()
	for _, v := range p.Values {
		for i := 700 + 20 + 1; i < len(v); i++ {
			v[i] = 1e6
		}
	}
	if !bytes.Equal(fit(), before) {
		t.Error("the fit changed with what came later")
	}
	p.Values[0][720] = 1e6
	if bytes.Equal(fit(), before) {
		t.Error("the fit did not change with the last step it may read: the test tests nothing")
	}
}

// TestRidgeStaysInRange: whatever the past, the middle stays within it and half
// of its range beyond.
func TestRidgeStaysInRange(t *testing.T) {
	target := levelTarget(features.ScaleRaw)
	target.Signals = nil
	m, err := models.ByName(target, "pooled-ridge")
	if err != nil {
		t.Fatal(err)
	}
	fitted, _ := learn(t, m, target, modeltest.Panel(target, 3, 600, 9), 550, 5)
	rapid.Check(t, func(t *rapid.T) {
		past := rapid.SliceOfN(rapid.OneOf(rapid.Float64Range(-1e6, 1e6), rapid.Just(3.0)), 1, 100).Draw(t, "past")
		f, err := features.Extract(onePanel(target, past), target, features.Options{Origins: []int{len(past) - 1}})
		if err != nil {
			t.Fatal(err)
		}
		var out models.Forecast
		if err := fitted.Predict(f, 0, &out); err != nil {
			t.Fatal(err)
		}
		low, high := past[0], past[0]
		for _, v := range past {
			low, high = min(low, v), max(high, v)
		}
		room := 0.5*(high-low) + 1e-6
		for i := range out.Leads {
			if got := middle(out, i); got < low-room || got > high+room {
				t.Fatalf("lead %d: %g, of a past within %g…%g", out.Leads[i], got, low, high)
			}
		}
	})
}

// FuzzUnpackRidge wants no panic from any bytes, and of those that are a ridge
// the same bytes back.
func FuzzUnpackRidge(f *testing.F) {
	target := levelTarget(features.ScaleRaw)
	target.Signals = nil
	p := modeltest.Panel(target, 1, 400, 4)
	frame, err := features.Extract(p, target, features.Options{Origins: []int{100, 200, 370}, Labels: true})
	if err != nil {
		f.Fatal(err)
	}
	data, err := models.RidgeBytes(frame)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add(data[:len(data)/2])
	f.Add([]byte{2, 2, 2, 2, 2, 2, 2, 0, 0, 0, 0, 0, 0, 0xf0, 0x7f})
	f.Fuzz(func(t *testing.T, data []byte) {
		again, wrong, err := models.UnpackRidge(data)
		if err != nil {
			if !errors.Is(err, models.ErrCorrupt) {
				t.Fatalf("got %v, want ErrCorrupt", err)
			}
			return
		}
		if wrong {
			t.Fatal("a ridge that is not one was read")
		}
		if third, _, err := models.UnpackRidge(again); err != nil || !bytes.Equal(third, again) {
			t.Fatalf("written and read again: %v", err)
		}
	})
}

// BenchmarkRidgeMoments sums the moments of a month by the minute, by
// recursion, and tells how many times as long the direct product takes.
func BenchmarkRidgeMoments(b *testing.B) {
	const width, rows = 400, 43200
	rng := rand.New(rand.NewPCG(1, 1))
	z := make([]float64, rows+width-1)
	for i := range z {
		z[i] = rng.NormFloat64()
	}
	series, extras := [][]float64{z}, [][]float64{z[:rows]}
	b.Run("recursion", func(b *testing.B) {
		for b.Loop() {
			models.SlidingMoments(width, series, extras)
		}
	})
	b.Run("direct", func(b *testing.B) {
		for b.Loop() {
			direct(width, series, extras)
		}
	})
}

// BenchmarkRidgePath writes 64 leads from three grids.
func BenchmarkRidgePath(b *testing.B) {
	next := models.RidgePath()
	b.ReportAllocs()
	for b.Loop() {
		next()
	}
}
