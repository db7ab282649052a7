package models

import (
	"bufio"
	"compress/gzip"
	"io"
	"strconv"
	"strings"
	"time"
)

// LevelRow is one exported value of a level forecast with what really came.
type LevelRow struct {
	Target   string
	Subject  string
	Origin   time.Time
	Step     int // grid steps after Origin, from 1
	Model    string
	Quantile float64 // one of Quantiles; 0 is the mean
	Value    float64
	Actual   float64 // NaN is unknown
}

// EventRow is one exported event forecast with what really came.
type EventRow struct {
	Target      string
	Subject     string
	Origin      time.Time
	Horizon     time.Duration
	Model       string
	Probability float64
	Outcome     float64 // 1, 0; NaN is unknown
}

// Export streams forecasts and their actuals as CSV, a contract that other
// tools read: a header, then
//
//	target,subject,origin,step,model,quantile,value,actual                  (levels)
//	target,subject,origin,horizon_seconds,model,probability,outcome        (events)
//
// with origins in Unix seconds, quantiles 0.1…0.9 or "mean", and empty cells
// where a number is NaN. One Export holds levels or events, not both. It is
// not safe for concurrent use.
type Export struct {
	out    *bufio.Writer
	zip    *gzip.Writer // nil: plain
	line   []byte
	header bool
}

// NewExport writes to w, compressed where gzipped is set. Close flushes it and
// leaves w open.
func NewExport(w io.Writer, gzipped bool) *Export {
	e := &Export{}
	if gzipped {
		e.zip = gzip.NewWriter(w)
		w = e.zip
	}
	e.out = bufio.NewWriterSize(w, 1<<16)
	return e
}

// Level writes one row of a level forecast.
func (e *Export) Level(r LevelRow) error {
	e.begin("target,subject,origin,step,model,quantile,value,actual\n")
	e.text(r.Target)
	e.text(r.Subject)
	e.integer(r.Origin.Unix())
	e.integer(int64(r.Step))
	e.text(r.Model)
	if r.Quantile == 0 {
		e.text("mean")
	} else {
		e.number(r.Quantile)
	}
	e.number(r.Value)
	e.number(r.Actual)
	return e.end()
}

// Event writes one row of an event forecast.
func (e *Export) Event(r EventRow) error {
	e.begin("target,subject,origin,horizon_seconds,model,probability,outcome\n")
	e.text(r.Target)
	e.text(r.Subject)
	e.integer(r.Origin.Unix())
	e.number(r.Horizon.Seconds())
	e.text(r.Model)
	e.number(r.Probability)
	e.number(r.Outcome)
	return e.end()
}

// Close flushes what is buffered and ends the gzip stream.
func (e *Export) Close() error {
	err := e.out.Flush()
	if e.zip != nil {
		if zipErr := e.zip.Close(); err == nil {
			err = zipErr
		}
	}
	return err
}

func (e *Export) begin(header string) {
	e.line = e.line[:0]
	if !e.header {
		e.header = true
		e.line = append(e.line, header...)
	}
}

func (e *Export) end() error {
	e.line[len(e.line)-1] = '\n'
	_, err := e.out.Write(e.line)
	return err
}

func (e *Export) text(s string) {
	if strings.ContainsAny(s, ",\"\r\n") {
		s = `"` + strings.ReplaceAll(s, `"`, `""`) + `"`
	}
	e.line = append(append(e.line, s...), ',')
}

func (e *Export) integer(v int64) { e.line = append(strconv.AppendInt(e.line, v, 10), ',') }

func (e *Export) number(v float64) {
	if v == v { // NaN is an empty cell
		e.line = strconv.AppendFloat(e.line, v, 'g', -1, 64)
	}
	e.line = append(e.line, ',')
}
