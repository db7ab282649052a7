package models

import (
	"math"
	"slices"

	"github.com/driftcast/driftcast/features"
)

// populationBins is how many bins of equal mass a column is summarised by.
const populationBins = 10

// ColumnSummary is what one column of a frame looked like: the share of rows
// in each bin, and the share of rows where it is missing, which together are 1.
type ColumnSummary struct {
	Column  string    `json:"column"`
	Edges   []float64 `json:"edges"`  // ascending; bin i ends with, and includes, Edges[i]; the last bin has no end
	Shares  []float64 `json:"shares"` // len(Edges)+1
	Missing float64   `json:"missing"`
	// Usual is the population stability index (see PSI) of the most unlike day
	// of the window against all of it: what is no news.
	Usual float64 `json:"usual"`
}

// Summarise summarises the columns of a frame, calendar columns apart. Days are
// told apart by the rows' origins; there is no Usual of less than three days.
// It is nil for a frame without rows.
func Summarise(f *features.Frame) []ColumnSummary {
	if len(f.Rows) == 0 {
		return nil
	}
	days := map[int64]bool{}
	for row := range f.Rows {
		days[dayOf(f, row)] = true
	}
	var out []ColumnSummary
	values := make([]float64, 0, len(f.Rows))
	for j, c := range f.Columns {
		if c.Signal == "" {
			continue
		}
		values = values[:0]
		for row := range f.Rows {
			if v := f.Features(row)[j]; !math.IsNaN(v) {
				values = append(values, v)
			}
		}
		slices.Sort(values)
		s := ColumnSummary{Column: c.Name, Edges: edges(values)}
		all, byDay := NewTally(&s), map[int64]*Tally{}
		for row := range f.Rows {
			v, day := f.Features(row)[j], dayOf(f, row)
			all.Add(v)
			if byDay[day] == nil {
				byDay[day] = NewTally(&s)
			}
			byDay[day].Add(v)
		}
		s.Shares = make([]float64, len(s.Edges)+1)
		for i := range s.Shares {
			s.Shares[i] = float64(all.bins[i]) / float64(all.Rows)
		}
		s.Missing = float64(all.missing) / float64(all.Rows)
		if len(days) >= 3 {
			for _, day := range byDay {
				if day.Rows*len(byDay)*4 >= all.Rows { // a day of which little was seen says little
					s.Usual = math.Max(s.Usual, day.PSI(&s))
				}
			}
		}
		out = append(out, s)
	}
	return out
}

func dayOf(f *features.Frame, row int) int64 { return f.OriginOf(row).Unix() / 86_400 }

// edges returns the distinct deciles of sorted values. Where most values are
// the same, that value has a bin of its own.
func edges(sorted []float64) []float64 {
	var out []float64
	for i := 1; i < populationBins && len(sorted) > 0; i++ {
		v := sorted[i*(len(sorted)-1)/populationBins]
		if len(out) == 0 || v > out[len(out)-1] {
			out = append(out, v)
		}
	}
	return out
}

// Tally counts the values of one column by the bins of its summary.
type Tally struct {
	Rows    int
	edges   []float64
	bins    []int
	missing int
}

// NewTally returns an empty Tally for the bins of a summary.
func NewTally(s *ColumnSummary) *Tally {
	return &Tally{edges: s.Edges, bins: make([]int, len(s.Edges)+1)}
}

// Add counts one value; NaN is missing.
func (t *Tally) Add(v float64) {
	t.Rows++
	if math.IsNaN(v) {
		t.missing++
		return
	}
	i, _ := slices.BinarySearch(t.edges, v)
	t.bins[i]++
}

// PSI is the population stability index of what was counted against a summary,
// Σ (p−q)·ln(p/q) over the bins and the missing, each share taken to be at
// least half a row; 0 is alike, and 0.25 is commonly called a shift (Siddiqi
// 2006). NaN where nothing was counted.
func (t *Tally) PSI(s *ColumnSummary) float64 {
	if t.Rows == 0 {
		return math.NaN()
	}
	least := 0.5 / float64(t.Rows)
	sum := 0.0
	term := func(count int, share float64) {
		p, q := math.Max(float64(count)/float64(t.Rows), least), math.Max(share, least)
		sum += (p - q) * math.Log(p/q)
	}
	for i, n := range t.bins {
		term(n, at0(s.Shares, i))
	}
	term(t.missing, s.Missing)
	return sum
}

// at0 is s[i], 0 past its end.
func at0(s []float64, i int) float64 {
	if i < len(s) {
		return s[i]
	}
	return 0
}
