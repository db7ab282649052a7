package collector

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// csvReader reads rows into a sink.
type csvReader struct {
	o      ImportOptions
	in     *input
	csv    *csv.Reader
	sink   sink
	report ImportReport

	header []string
	time   int      // the column
	labels []column // sorted by label name
	values []column

	subjects map[string]*csvSubject
	key      []byte
	row      []float64 // values of the row being read; NaN bits of missing for none
}

// column is where a label or signal stands.
type column struct {
	name  string
	index int
}

// csvSubject is what the rows with the same labels have in common.
type csvSubject struct {
	put  []func(int64, float64) error
	ms   int64
	last []float64 // the row at ms
}

// missing marks an empty cell; it is no NaN that a file can hold.
var missing = math.Float64frombits(0x7ff4_0000_dead_beef)

func isMissing(v float64) bool { return math.Float64bits(v) == math.Float64bits(missing) }

func readCSV(ctx context.Context, s sink, r io.Reader, o ImportOptions) (ImportReport, error) {
	if o.TimeColumn == "" {
		o.TimeColumn = "timestamp"
	}
	in, err := openInput(r, o)
	if err != nil {
		return ImportReport{}, err
	}
	c := &csvReader{o: o, in: in, csv: csv.NewReader(in), sink: s, subjects: map[string]*csvSubject{}}
	c.csv.ReuseRecord = true
	record, err := c.csv.Read()
	if errors.Is(err, io.EOF) {
		return ImportReport{}, fmt.Errorf("%s: file is empty: the first line must name the columns", o.Name)
	}
	if err != nil {
		return ImportReport{}, c.malformed(err)
	}
	if err := c.readHeader(slices.Clone(record)); err != nil {
		return ImportReport{}, err
	}
	for {
		record, err := c.csv.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return ImportReport{}, c.malformed(err)
		}
		if err := c.readRow(record); err != nil {
			return ImportReport{}, err
		}
		if err := in.row(ctx); err != nil {
			return ImportReport{}, err
		}
	}
	in.tell()
	if c.report.Rows == 0 {
		return ImportReport{}, fmt.Errorf("%s: no rows below the header", o.Name)
	}
	for _, v := range c.values {
		c.report.Signals = append(c.report.Signals, v.name)
	}
	slices.Sort(c.report.Signals)
	c.report.Series = len(c.subjects) * len(c.values)
	return c.report, nil
}

// malformed explains an error of the CSV reader.
func (c *csvReader) malformed(err error) error {
	var parse *csv.ParseError
	if !errors.As(err, &parse) {
		return c.in.broken(c.in.rows+1, err)
	}
	if errors.Is(err, csv.ErrFieldCount) {
		return fmt.Errorf("%s:%d: row does not have the %d fields of the header: a comma too many or too few, or a value with a comma that needs quotes",
			c.o.Name, parse.Line, len(c.header))
	}
	return fmt.Errorf("%s:%d:%d: %w", c.o.Name, parse.Line, parse.Column, parse.Err)
}

// cell makes an error about a field of the current row.
func (c *csvReader) cell(index int, format string, args ...any) error {
	line, col := c.csv.FieldPos(index)
	return fmt.Errorf("%s:%d:%d: column %q: %s", c.o.Name, line, col, c.header[index], fmt.Sprintf(format, args...))
}

// readHeader finds out what each column is.
func (c *csvReader) readHeader(header []string) error {
	c.header, c.time = header, slices.Index(header, c.o.TimeColumn)
	if c.time < 0 {
		hint := ""
		if len(header) == 1 && strings.ContainsAny(header[0], ";\t|") {
			hint = ": fields must be separated by commas"
		}
		return fmt.Errorf("%s:1: no column %q: name the time column, there is %s%s", c.o.Name, c.o.TimeColumn, quoted(header), hint)
	}
	for _, name := range c.o.LabelColumns {
		if !slices.Contains(header, name) || name == c.o.TimeColumn {
			return fmt.Errorf("%s:1: no label column %q: there is %s", c.o.Name, name, quoted(header))
		}
	}
	for _, name := range c.o.Signals {
		if !slices.Contains(header, name) {
			return fmt.Errorf("%s:1: no value column %q: there is %s", c.o.Name, name, quoted(header))
		}
	}
	names := map[string]string{}
	for i, text := range header {
		if i == c.time {
			continue
		}
		name, ok := c.o.wanted(text)
		isLabel := slices.Contains(c.o.LabelColumns, text)
		if isLabel {
			name, ok = text, true
		}
		if !ok {
			continue
		}
		clean := sanitise(name)
		if clean == "" || clean == "__name__" {
			return c.cell(i, "cannot be a name: use letters, digits and _")
		}
		if other, taken := names[clean]; taken {
			return c.cell(i, "would be called %s, as column %q is: rename one", clean, other)
		}
		names[clean] = text
		if isLabel {
			c.labels = append(c.labels, column{strings.ReplaceAll(clean, ":", "_"), i})
		} else {
			c.values = append(c.values, column{clean, i})
		}
	}
	if len(c.values) == 0 {
		return fmt.Errorf("%s:1: no value column beside the time and the labels", c.o.Name)
	}
	slices.SortFunc(c.labels, func(a, b column) int { return strings.Compare(a.name, b.name) })
	c.row = make([]float64, len(c.values))
	return nil
}

// sanitise makes a metric name of a column's: what it may not hold becomes _.
// It is empty where nothing would be left.
func sanitise(name string) string {
	clean := []byte(strings.TrimSpace(name))
	letters := false
	for i, ch := range clean {
		switch {
		case 'a' <= ch && ch <= 'z', 'A' <= ch && ch <= 'Z', '0' <= ch && ch <= '9':
			letters = true
		case ch == '_' || ch == ':':
		default:
			clean[i] = '_'
		}
	}
	if !letters {
		return ""
	}
	if clean[0] >= '0' && clean[0] <= '9' {
		return "_" + string(clean)
	}
	return string(clean)
}

func quoted(names []string) string {
	var out []string
	for _, n := range names {
		out = append(out, strconv.Quote(n))
	}
	return strings.Join(out, ", ")
}

func (c *csvReader) readRow(record []string) error {
	ms, err := c.readTime(record[c.time])
	if err != nil {
		return err
	}
	for k, col := range c.values {
		if c.row[k], err = c.readValue(record[col.index], col.index); err != nil {
			return err
		}
	}
	s := c.subject(record)
	if s.last != nil && ms <= s.ms {
		return c.repeated(record, s, ms)
	}
	for k, v := range c.row {
		if isMissing(v) {
			c.report.Missing++
			continue
		}
		if err := s.put[k](ms, v); err != nil {
			return c.cell(c.values[k].index, "%v", err)
		}
	}
	s.ms, s.last = ms, append(s.last[:0], c.row...)
	c.report.add(ms, c.o.Interval)
	return nil
}

// repeated deals with a row that is not later than the one before: the same
// again is left out, anything else is an error.
func (c *csvReader) repeated(record []string, s *csvSubject, ms int64) error {
	who := ""
	for _, l := range c.labels {
		who += " of " + l.name + "=" + strconv.Quote(record[l.index])
	}
	if ms < s.ms && c.o.KeepFirst {
		c.report.Conflicts++
		return nil
	}
	if ms < s.ms {
		return c.cell(c.time, "time %s is before that of the row before%s: sort the rows by time, or ask to keep the first", record[c.time], who)
	}
	for k := range c.row {
		if math.Float64bits(c.row[k]) == math.Float64bits(s.last[k]) {
			continue
		}
		if !c.o.KeepFirst {
			return c.cell(c.values[k].index, "value %q differs from that of an earlier row at the same time %s%s: remove one, ask to keep the first, or name the label column that tells them apart",
				record[c.values[k].index], record[c.time], who)
		}
		c.report.Conflicts++
		return nil
	}
	c.report.Duplicates++
	return nil
}

// subject finds the rows with the same labels.
func (c *csvReader) subject(record []string) *csvSubject {
	c.key = c.key[:0]
	for _, l := range c.labels {
		c.key = append(append(c.key, record[l.index]...), 0)
	}
	if s, ok := c.subjects[string(c.key)]; ok {
		return s
	}
	var labels Labels
	for _, l := range c.labels {
		if value := record[l.index]; value != "" {
			labels = append(labels, Label{l.name, strings.Clone(value)})
		}
	}
	s := &csvSubject{}
	for _, v := range c.values {
		s.put = append(s.put, c.sink.open(v.name, labels))
	}
	c.subjects[string(c.key)] = s
	return s
}

func (c *csvReader) readValue(text string, index int) (float64, error) {
	if text == "" {
		return missing, nil
	}
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return 0, c.cell(index, "%q is not a number: leave the cell empty where the value is missing; name a column of text as a label, or choose the value columns", text)
	}
	if v >= blank && v <= math.MaxFloat64 {
		return missing, nil
	}
	return v, nil
}

// readTime reads Unix seconds or RFC 3339 as Unix ms.
func (c *csvReader) readTime(text string) (int64, error) {
	seconds, err := strconv.ParseFloat(text, 64)
	if err != nil {
		at, err := time.Parse(time.RFC3339, text)
		if err != nil {
			return 0, c.cell(c.time, "%q is not a time: want Unix seconds or RFC 3339, e.g. 2026-01-31T12:00:00Z", text)
		}
		return at.UnixMilli(), nil
	}
	switch {
	case seconds >= 0 && seconds < latest:
		return int64(math.Round(seconds * 1000)), nil
	case seconds >= 1000*earliest && seconds < 1000*latest:
		return 0, c.cell(c.time, "%s would be after the year 2100: are these milliseconds? divide by 1000", text)
	case seconds >= 1e6*earliest && seconds < 1e9*latest:
		return 0, c.cell(c.time, "%s would be after the year 2100: are these micro- or nanoseconds? want seconds", text)
	}
	return 0, c.cell(c.time, "%s is no time between 1970 and 2100 in Unix seconds", text)
}

// The Unix seconds of 1975 and 2100.
const (
	earliest = 157766400
	latest   = 4102444800
)
