package collector

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/textparse"
)

// chunkBytes is how much OpenMetrics text is parsed at a time.
const chunkBytes = 1 << 20

// metricsReader reads OpenMetrics text into a sink, some lines at a time.
type metricsReader struct {
	o       ImportOptions
	in      *input
	sink    sink
	report  ImportReport
	symbols *labels.SymbolTable
	signals map[string]bool
	series  map[string]*metricSeries // by their text
	line    int                      // lines read before the chunk
}

type metricSeries struct {
	put  func(int64, float64) error // nil: not asked for
	ms   int64
	v    float64
	some bool
}

func readOpenMetrics(ctx context.Context, s sink, r io.Reader, o ImportOptions) (ImportReport, error) {
	in, err := openInput(r, o)
	if err != nil {
		return ImportReport{}, err
	}
	m := &metricsReader{o: o, in: in, sink: s, symbols: labels.NewSymbolTable(), signals: map[string]bool{}, series: map[string]*metricSeries{}}
	text := bufio.NewReaderSize(in, chunkBytes)
	var chunk []byte
	for ended := false; !ended; {
		line, err := text.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			return ImportReport{}, fmt.Errorf("%s:%d: line of over %d bytes", o.Name, m.line+1, chunkBytes)
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return ImportReport{}, in.broken(m.line, err)
		}
		ended = err != nil || bytes.Equal(bytes.TrimSpace(line), []byte("# EOF"))
		if !ended || err != nil {
			chunk = append(chunk, line...)
		}
		if ended || len(chunk) >= chunkBytes {
			if err := m.parse(ctx, chunk); err != nil {
				return ImportReport{}, err
			}
			chunk = chunk[:0]
		}
	}
	in.tell()
	if m.report.Rows == 0 {
		return ImportReport{}, fmt.Errorf("%s: no samples", o.Name)
	}
	m.report.Signals = sortedSet(m.signals)
	return m.report, nil
}

// parse takes whole lines. The parser does not say where it fails: then the
// lines are parsed one by one.
func (m *metricsReader) parse(ctx context.Context, chunk []byte) error {
	if len(chunk) == 0 {
		return nil
	}
	if chunk[len(chunk)-1] != '\n' {
		chunk = append(chunk, '\n')
	}
	lines := bytes.Count(chunk, []byte("\n"))
	done, err := m.entries(ctx, chunk)
	var bad *textError
	if errors.As(err, &bad) {
		at := m.line + done + 1
		return fmt.Errorf("%s:%d: %w", m.o.Name, at, bad.err)
	}
	m.line += lines
	return err
}

// textError is an error of the text, as opposed to one of the sink or context.
type textError struct{ err error }

func (e *textError) Error() string { return e.err.Error() }

// entries parses lines and returns how many were good.
func (m *metricsReader) entries(ctx context.Context, chunk []byte) (done int, err error) {
	parser := textparse.NewOpenMetricsParser(append(chunk[:len(chunk):len(chunk)], "# EOF\n"...), m.symbols)
	for ; ; done++ {
		entry, err := parser.Next()
		switch {
		case errors.Is(err, io.EOF):
			return done, nil
		case err != nil:
			return done, &textError{fmt.Errorf("not OpenMetrics: %w", err)}
		case entry != textparse.EntrySeries:
			continue
		}
		text, at, v := parser.Series()
		if at == nil {
			return done, &textError{fmt.Errorf("sample of %s has no timestamp: history needs one for each", text)}
		}
		s, ok := m.series[string(text)]
		if !ok {
			if s, err = m.open(parser); err != nil {
				return done, &textError{err}
			}
			m.series[string(text)] = s
		}
		if err := m.take(s, string(text), *at, v); err != nil {
			return done, err
		}
		if err := m.in.row(ctx); err != nil {
			return done, err
		}
	}
}

// open starts a series.
func (m *metricsReader) open(parser textparse.Parser) (*metricSeries, error) {
	var lset labels.Labels
	parser.Labels(&lset)
	one := named(lset)
	signal, ok := m.o.wanted(one.Name)
	if !ok {
		return &metricSeries{}, nil
	}
	if !ValidName(signal) {
		return nil, fmt.Errorf("%q cannot be a name: use letters, digits, : and _", signal)
	}
	m.signals[signal] = true
	m.report.Series++
	return &metricSeries{put: m.sink.open(signal, one.Labels)}, nil
}

func (m *metricsReader) take(s *metricSeries, text string, ms int64, v float64) error {
	switch {
	case s.put == nil:
		return nil
	case ms < 0 || ms >= latest*1000:
		return &textError{fmt.Errorf("sample of %s at %d ms lies outside 1970 to 2100: timestamps are in seconds", text, ms)}
	case s.some && ms < s.ms:
		return &textError{fmt.Errorf("sample of %s is before the one above it: sort by time", text)}
	case s.some && ms == s.ms && v != s.v:
		return &textError{fmt.Errorf("two samples of %s at the same time with different values %g and %g: remove one", text, s.v, v)}
	case s.some && ms == s.ms:
		m.report.Duplicates++
		return nil
	case v >= blank && v <= math.MaxFloat64:
		m.report.Missing++
		return nil
	}
	s.ms, s.v, s.some = ms, v, true
	m.report.add(ms, m.o.Interval)
	return s.put(ms, v)
}
