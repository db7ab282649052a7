package collector

import (
	"bufio"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// ImportOptions says how a file is to be read.
type ImportOptions struct {
	Name         string        // of the file, for errors
	LabelColumns []string      // CSV: the columns whose values become labels
	TimeColumn   string        // CSV: default "timestamp"; Unix seconds or RFC 3339
	Signals      []string      // take only these value columns or metrics; nil: all
	Prefix       string        // put before every signal name
	Interval     time.Duration // the grid; samples beside it are counted in the report. 0: any
	KeepFirst    bool          // CSV: leave out rows that are not later than the one before, rather than refuse the file
	Size         int64         // bytes of the file, where known, for Progress

	// Progress is told from time to time how far the import is; nil: nobody.
	Progress func(ImportProgress)
}

// ImportProgress says how far an import is, in bytes of the file as it lies on
// disk and in lines of its text.
type ImportProgress struct {
	Bytes, Size int64
	Rows        int
}

// ImportReport says what an import brought.
type ImportReport struct {
	Signals     []string // sorted
	Rows        int      // CSV rows or OpenMetrics samples read
	Series      int
	Samples     int
	Missing     int // empty cells and blank sentinels
	Duplicates  int // rows that repeat the row before, left out
	Conflicts   int // rows that contradict it or go back in time, left out by KeepFirst
	OffGrid     int // rows whose time is no multiple of the interval
	First, Last time.Time
	Took        time.Duration
}

// add counts a row at a time in Unix ms.
func (r *ImportReport) add(ms int64, interval time.Duration) {
	at := time.UnixMilli(ms).UTC()
	if r.Rows == 0 || at.Before(r.First) {
		r.First = at
	}
	if r.Rows == 0 || at.After(r.Last) {
		r.Last = at
	}
	r.Rows++
	if interval > 0 && ms%interval.Milliseconds() != 0 {
		r.OffGrid++
	}
}

// sink takes in series, one function a series; times must ascend.
type sink interface {
	open(signal string, l Labels) func(ms int64, v float64) error
}

// ImportCSV reads a CSV file, compressed by gzip or not, into History. The first
// row names the columns: the time, labels, and values, each of which becomes a
// signal of that name. Rows may come in any order of series, but the times of a
// series must ascend. An empty cell is missing.
//
// The file is imported as a whole or not at all. Errors name file:line:column
// and the remedy. What History already has of the same series and time stays
// where it is; importing a file twice changes nothing.
func ImportCSV(ctx context.Context, h *History, r io.Reader, o ImportOptions) (ImportReport, error) {
	return importInto(ctx, h, o, func(s sink) (ImportReport, error) { return readCSV(ctx, s, r, o) })
}

// ImportOpenMetrics reads OpenMetrics text, compressed or not, into History,
// under the same terms as ImportCSV. Every sample needs a timestamp.
func ImportOpenMetrics(ctx context.Context, h *History, r io.Reader, o ImportOptions) (ImportReport, error) {
	return importInto(ctx, h, o, func(s sink) (ImportReport, error) { return readOpenMetrics(ctx, s, r, o) })
}

func importInto(ctx context.Context, h *History, o ImportOptions, read func(sink) (ImportReport, error)) (report ImportReport, err error) {
	start := time.Now()
	bulk, err := h.Bulk()
	if err != nil {
		return ImportReport{}, fmt.Errorf("import %s: %w", o.Name, err)
	}
	defer func() { err = errors.Join(err, bulk.Close()) }()
	if report, err = read(bulk); err != nil {
		return ImportReport{}, err
	}
	if report.Samples, err = bulk.Commit(ctx); err != nil {
		return ImportReport{}, fmt.Errorf("import %s: %w", o.Name, err)
	}
	report.Took = time.Since(start)
	return report, nil
}

// LoadCSV reads a CSV file as ImportCSV does, into memory.
func LoadCSV(ctx context.Context, r io.Reader, o ImportOptions) (*Memory, ImportReport, error) {
	start := time.Now()
	s := memorySink{}
	report, err := readCSV(ctx, &s, r, o)
	if err != nil {
		return nil, ImportReport{}, err
	}
	m := NewMemory(o.Interval)
	for _, one := range s {
		if len(one.Times) == 0 {
			continue
		}
		report.Samples += len(one.Times)
		signal := one.Name
		one.Name = ""
		if err := m.Add(signal, *one); err != nil {
			return nil, ImportReport{}, fmt.Errorf("%s: %w", o.Name, err)
		}
	}
	report.Took = time.Since(start)
	return m, report, nil
}

// memorySink gathers series in memory.
type memorySink []*Series

func (m *memorySink) open(signal string, l Labels) func(int64, float64) error {
	s := &Series{Name: signal, Labels: l}
	*m = append(*m, s)
	return func(ms int64, v float64) error {
		s.Times, s.Values = append(s.Times, ms), append(s.Values, v)
		return nil
	}
}

// open makes a Bulk a sink.
func (b *Bulk) open(signal string, l Labels) func(int64, float64) error {
	s := b.find(signal, l)
	return func(ms int64, v float64) error { return b.append(s, ms, v) }
}

// wanted returns the name under which a column or metric is stored; ok is false
// where it is not asked for.
func (o ImportOptions) wanted(name string) (signal string, ok bool) {
	return o.Prefix + name, o.Signals == nil || slices.Contains(o.Signals, name)
}

// sortedSet returns each name once, sorted.
func sortedSet(names map[string]bool) []string {
	out := make([]string, 0, len(names))
	for name := range names {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

// input reads the text of a file that may be compressed, and counts what is read
// of the file itself.
type input struct {
	io.Reader
	file  counted
	o     ImportOptions
	rows  int
	every int
}

type counted struct {
	r io.Reader
	n int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

func openInput(r io.Reader, o ImportOptions) (*input, error) {
	in := &input{file: counted{r: r}, o: o, every: 1 << 14}
	text := bufio.NewReaderSize(&in.file, 1<<17)
	if magic, _ := text.Peek(2); string(magic) == "\x1f\x8b" {
		plain, err := gzip.NewReader(text)
		if err != nil {
			return nil, in.broken(0, err)
		}
		text = bufio.NewReaderSize(plain, 1<<17)
	}
	if mark, _ := text.Peek(3); string(mark) == "\xef\xbb\xbf" {
		_, _ = text.Discard(3)
	}
	in.Reader = text
	return in, nil
}

// broken explains an error of reading that came after so many lines.
func (in *input) broken(line int, err error) error {
	where := fmt.Sprintf("%s: after line %d", in.o.Name, line)
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("%s: compressed data ends too early: the file is cut off: copy it again (%w)", where, err)
	case errors.Is(err, gzip.ErrChecksum), errors.Is(err, gzip.ErrHeader), strings.Contains(err.Error(), "flate:"):
		return fmt.Errorf("%s: compressed data is damaged: copy it again (%w)", where, err)
	}
	return fmt.Errorf("%s: %w", where, err)
}

// row counts a row and tells how far it is.
func (in *input) row(ctx context.Context) error {
	in.rows++
	if in.rows%in.every != 0 {
		return nil
	}
	in.tell()
	return ctx.Err()
}

func (in *input) tell() {
	if in.o.Progress != nil {
		in.o.Progress(ImportProgress{Bytes: in.file.n, Size: in.o.Size, Rows: in.rows})
	}
}
