package api

import (
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"math"
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"

	"github.com/driftcast/driftcast/collector"
)

// flushAt is when what is written is sent on: large answers are never held as
// text as a whole.
const flushAt = 64 << 10

// writeProm writes an answer as Prometheus does.
func writeProm(c echo.Context, a promAnswer) (err error) {
	header := c.Response().Header()
	header.Set("Content-Type", "application/json")
	header.Set("Cache-Control", "no-store")
	header.Add("Vary", "Accept-Encoding")
	var out io.Writer = c.Response()
	if accepts(c.Request().Header.Get("Accept-Encoding"), "gzip") {
		header.Set("Content-Encoding", "gzip")
		zip, _ := gzip.NewWriterLevel(c.Response(), gzip.BestSpeed) // the level is a right one
		defer func() { err = errors.Join(err, zip.Close()) }()
		out = zip
	}
	c.Response().WriteHeader(http.StatusOK)
	w := &promWriter{out: out, buf: make([]byte, 0, flushAt+4096)}
	w.text(`{"status":"success","data":`)
	var infos []string
	if a.value != nil {
		w.value(a.value)
		a.warnings, infos = a.value.Warnings, a.value.Infos
	} else {
		w.json(a.data)
	}
	if len(a.warnings) > 0 {
		w.text(`,"warnings":`)
		w.json(a.warnings)
	}
	if len(infos) > 0 {
		w.text(`,"infos":`)
		w.json(infos)
	}
	w.text("}\n")
	w.flush()
	return w.err
}

// promWriter writes JSON piece by piece. Its first error ends it.
type promWriter struct {
	out io.Writer
	buf []byte
	err error
}

func (w *promWriter) flush() {
	if w.err == nil && len(w.buf) > 0 {
		_, w.err = w.out.Write(w.buf)
	}
	w.buf = w.buf[:0]
}

func (w *promWriter) text(s string) { w.buf = append(w.buf, s...) }

func (w *promWriter) json(v any) {
	text, err := json.Marshal(v)
	if err != nil && w.err == nil {
		w.err = err
	}
	w.buf = append(w.buf, text...)
}

// value writes the value of a query.
func (w *promWriter) value(a *collector.Answer) {
	w.text(`{"resultType":"` + a.Kind + `","result":`)
	switch a.Kind {
	case "string":
		w.text("[")
		w.seconds(a.Series[0].Times[0])
		w.text(",")
		w.json(a.Text)
		w.text("]")
	case "scalar":
		w.point(&a.Series[0], 0)
	default:
		w.text("[")
		for i := range a.Series {
			if i > 0 {
				w.text(",")
			}
			w.series(&a.Series[i], a.Kind == "matrix")
		}
		w.text("]")
	}
	w.text("}")
}

func (w *promWriter) series(s *collector.Series, matrix bool) {
	w.text(`{"metric":{`)
	if s.Name != "" {
		w.text(`"__name__":`)
		w.json(s.Name)
	}
	for i, l := range s.Labels {
		if i > 0 || s.Name != "" {
			w.text(",")
		}
		w.json(l.Name)
		w.text(":")
		w.json(l.Value)
	}
	if !matrix {
		w.text(`},"value":`)
		w.point(s, 0)
		w.text("}")
		return
	}
	w.text(`},"values":[`)
	for i := range s.Times {
		if i > 0 {
			w.text(",")
		}
		w.point(s, i)
	}
	w.text("]}")
}

func (w *promWriter) point(s *collector.Series, i int) {
	w.text("[")
	w.seconds(s.Times[i])
	w.text(`,"`)
	w.number(s.Values[i])
	w.text(`"]`)
	if len(w.buf) > flushAt {
		w.flush()
	}
}

// seconds writes milliseconds as seconds, with three decimals where they are
// not whole.
func (w *promWriter) seconds(ms int64) {
	if ms < 0 {
		w.text("-")
		ms = -ms
	}
	w.buf = strconv.AppendInt(w.buf, ms/1000, 10)
	if rest := ms % 1000; rest > 0 {
		w.buf = append(w.buf, '.', byte('0'+rest/100), byte('0'+rest/10%10), byte('0'+rest%10))
	}
}

func (w *promWriter) number(v float64) {
	format := byte('f')
	if abs := math.Abs(v); abs != 0 && (abs < 1e-6 || abs >= 1e21) {
		format = 'e'
	}
	w.buf = strconv.AppendFloat(w.buf, v, format, -1, 64)
}
