package features_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/driftcast/driftcast/features"
)

// series reads a drawing of a predicate: 0, 1, and . for missing.
func series(drawing string) []float64 {
	var y []float64
	for _, c := range drawing {
		switch c {
		case '0':
			y = append(y, 0)
		case '1':
			y = append(y, 1)
		case '.':
			y = append(y, nan)
		}
	}
	return y
}

func TestOnsets(t *testing.T) {
	tests := map[string]struct {
		drawing string
		steps   int
		want    []int
	}{
		"begins after a false sample":                    {"0011100", 0, []int{2}},
		"each run begins once":                           {"0100110", 0, []int{1, 4}},
		"true from the start: the beginning is not seen": {"1100110", 0, []int{4}},
		"holds long enough":                              {"001100111", 3, []int{6}},
		"n samples hold for n steps":                     {"0011100", 3, []int{2}},
		"one too few":                                    {"0011100", 4, nil},
		"a short gap does not break a run":               {"001..1100", 5, []int{2}},
		"a short gap does not begin one":                 {"01.10", 0, []int{1}},
		"a short gap does not hide a beginning":          {"00..1100", 2, []int{4}},
		"a long gap breaks a run":                        {"0011......1100", 3, nil},
		"a long gap hides a beginning":                   {"0.......1100", 0, nil},
		"nothing known":                                  {"......", 0, nil},
		"nothing":                                        {"", 0, nil},
		"the end cuts a run that held long enough":       {"000111", 3, []int{3}},
		"the end cuts a run too early to tell":           {"000111", 4, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := features.Onsets(series(test.drawing), test.steps); !slices.Equal(got, test.want) {
				t.Errorf("Onsets(%s, %d): got %v, want %v", test.drawing, test.steps, got, test.want)
			}
		})
	}
}

// TestOnsetsOfCompleteSeries compares with the definition, where no sample is
// missing.
func TestOnsetsOfCompleteSeries(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		y := rapid.SliceOf(rapid.SampledFrom([]float64{0, 0, 1})).Draw(t, "series")
		need := rapid.IntRange(0, 4).Draw(t, "for")
		var want []int
		for i := 1; i < len(y); i++ {
			if y[i-1] == 0 && y[i] == 1 && i+max(1, need) <= len(y) && !slices.Contains(y[i:i+max(1, need)], 0) {
				want = append(want, i)
			}
		}
		if got := features.Onsets(y, need); !slices.Equal(got, want) {
			t.Fatalf("got %v, want %v", got, want)
		}
	})
}

// labelsOf draws the labels of an event at each step, _ where there is no row
// and ? where the label is not known.
func labelsOf(t *testing.T, drawing string, hold, horizon int) string {
	target := eventTarget()
	target.For = time.Duration(hold) * time.Minute
	target.Horizons = []time.Duration{time.Duration(horizon) * time.Minute}
	p := drawPanel(1, target, 1, len(drawing))
	p.Values[0] = series(drawing)
	f := extract(t, p, target, features.Options{Origins: indices(p.Len), Labels: true})
	got := []byte(strings.Repeat("_", p.Len))
	for r, row := range f.Rows {
		got[row.Origin] = '?'
		if y := f.Label(r, 0); y == y {
			got[row.Origin] = fmt.Sprint(y)[0]
		}
	}
	return string(got)
}

func TestLabels(t *testing.T) {
	tests := map[string]struct {
		drawing, want string
		hold, horizon int
	}{
		"an onset within the horizon": {
			"000000111000000",
			"000111___000???", 0, 3,
		},
		"what has begun is not at risk": {
			"001111110000",
			"11______00??", 0, 2,
		},
		"a run that is too short is no event": {
			"00001100000000",
			"0000__000000??", 3, 2,
		},
		"the end does not tell whether the run holds": {
			"0000000011",
			"000000??__", 3, 2,
		},
		"the future is not known past the end": {
			"00000000",
			"0000????", 0, 4,
		},
		"an onset is one however little follows it": {
			"00000001",
			"0001111_", 0, 4,
		},
		"a short gap is at risk still, where the rest tells": {
			"000..0000000",
			"0??000000???", 0, 3,
		},
		"a gap that is half the horizon or less is quiet": {
			"00...000000000",
			"00000000??????", 0, 6,
		},
		"a long gap hides what may have begun": {
			"0000......1110000",
			"000??????____00??", 0, 2,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := labelsOf(t, test.drawing, test.hold, test.horizon); got != test.want {
				t.Errorf("predicate %s\ngot       %s\nwant      %s", test.drawing, got, test.want)
			}
		})
	}
}

func TestHeld(t *testing.T) {
	for name, c := range map[string]struct {
		series      string // 1, 0, or . for missing
		steps       int
		held, known bool
	}{
		"never":                              {"0000", 2, false, true},
		"long enough":                        {"0110", 2, true, true},
		"all along, so that it never begins": {"1111", 2, true, true},
		"too short each time":                {"10101", 2, false, true},
		"a gap does not end it":              {"01.10", 2, true, true},
		"a gap does not lengthen it":         {"01.00", 2, false, true},
		"half is known":                      {"0..0", 1, false, true},
		"less than half is known":            {"0...0", 1, false, false},
		"less is known, but that it held":    {"0...1", 1, true, true},
		"nothing is known":                   {"....", 1, false, false},
		"no samples":                         {"", 1, false, false},
		"for no time":                        {"010", 0, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			for kind, target := range map[string]features.Target{
				"event": {Event: "x", For: time.Duration(c.steps) * time.Minute, Interval: time.Minute},
				"level": {Level: "x", For: time.Duration(c.steps) * time.Minute, Interval: time.Minute, Objective: &features.Objective{Op: "<", Bound: 1}},
			} {
				held, known := features.Held(&target, series(c.series))
				if held != c.held || known != c.known {
					t.Errorf("%s: got %t, %t, want %t, %t", kind, held, known, c.held, c.known)
				}
			}
		})
	}
	if _, known := features.Held(&features.Target{Level: "x", Interval: time.Minute}, []float64{1}); known {
		t.Error("a level without an objective has no condition that could be known")
	}
}
