package collector

import (
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
)

// blank is where DCGM's sentinels for "no reading" begin (0x7ffffffffffffff0 and
// on). Finite values from there on are no samples.
const blank = 9.2e18

// answer is what the query API of Prometheus says.
type answer struct {
	status, errorType, errorText string
	warnings, infos              []string
	series                       []Series
	histograms                   int // series of native histograms, left out
}

// limits bound what an answer may hold.
type limits struct{ bytes, samples int64 }

// decode reads an answer of the query API: a matrix, vector or scalar. Times are
// rounded to milliseconds. Samples of blank sentinels are left out, and so are
// native histograms. Keys may come in any order; unknown ones are skipped. An
// error names the byte where it was found.
func decode(r io.Reader, l limits) (answer, error) {
	d := decoder{scanner: newScanner(r, l.bytes), left: l.samples, words: map[string]string{}}
	if err := d.scanner.object(d.top); err != nil {
		return answer{}, err
	}
	if c, ok := d.scanner.peek(); ok {
		return answer{}, d.scanner.errorf("%q found after the answer", c)
	}
	if err := d.scanner.ended; !errors.Is(err, io.EOF) {
		return answer{}, d.scanner.errorf("%v", err)
	}
	return d.answer, nil
}

type sample struct {
	ms int64
	v  float64
}

type decoder struct {
	*scanner
	answer answer
	left   int64             // samples that may still come
	words  map[string]string // label names and values, each held once
	read   []sample          // of the series being read
	labels []Label           // likewise
	room   []Label           // where labels of many series lie side by side
}

func (d *decoder) top(key []byte) (err error) {
	switch string(key) {
	case "status":
		d.answer.status, err = d.text()
	case "errorType":
		d.answer.errorType, err = d.text()
	case "error":
		d.answer.errorText, err = d.text()
	case "warnings":
		d.answer.warnings, err = d.texts()
	case "infos":
		d.answer.infos, err = d.texts()
	case "data":
		if null, err := d.null(); null || err != nil {
			return err
		}
		d.answer.series, d.answer.histograms = nil, 0
		return d.object(d.data)
	default:
		return d.skip(0)
	}
	return err
}

func (d *decoder) text() (string, error) {
	if null, err := d.null(); null || err != nil {
		return "", err
	}
	text, err := d.str()
	return string(text), err
}

func (d *decoder) texts() (out []string, err error) {
	if null, err := d.null(); null || err != nil {
		return nil, err
	}
	err = d.array(func() error {
		text, err := d.text()
		out = append(out, text)
		return err
	})
	return out, err
}

func (d *decoder) data(key []byte) error {
	if string(key) != "result" {
		return d.skip(0)
	}
	if null, err := d.null(); null || err != nil {
		return err
	}
	if err := d.expect('['); err != nil {
		return err
	}
	for first := true; ; first = false {
		more, err := d.more(first, ']')
		if err != nil || !more {
			return err
		}
		if c, _ := d.peek(); first && c != '{' { // a scalar: the result is one sample
			ms, v, err := d.restOfSample()
			if err != nil {
				return err
			}
			d.answer.series = append(d.answer.series, Series{Times: []int64{ms}, Values: []float64{v}})
			return nil
		}
		if err := d.series(); err != nil {
			return err
		}
	}
}

// series takes one {"metric":…, "values":…}.
func (d *decoder) series() error {
	d.read, d.labels = d.read[:0], d.labels[:0]
	var one Series
	histogram, sampled := false, false
	err := d.object(func(key []byte) error {
		switch string(key) {
		case "metric":
			d.labels, one.Name = d.labels[:0], ""
			return d.metric(&one)
		case "values":
			sampled = true
			return d.samples()
		case "value":
			sampled = true
			ms, v, err := d.sample()
			if err != nil {
				return err
			}
			return d.add(ms, v)
		case "histogram", "histograms":
			histogram = true
		}
		return d.skip(0)
	})
	if err != nil {
		return err
	}
	if histogram {
		d.answer.histograms++
	}
	if !sampled {
		return nil
	}
	one.Labels = d.keep()
	one.Times, one.Values = make([]int64, len(d.read)), make([]float64, len(d.read))
	for i, r := range d.read {
		one.Times[i], one.Values[i] = r.ms, r.v
	}
	d.answer.series = append(d.answer.series, one)
	return nil
}

func (d *decoder) samples() error {
	if err := d.expect('['); err != nil {
		return err
	}
	for first := true; ; first = false {
		more, err := d.more(first, ']')
		if err != nil || !more {
			return err
		}
		ms, v, ok := d.quickSample()
		for ; ok; ms, v, ok = d.quickSample() {
			if err := d.add(ms, v); err != nil {
				return err
			}
			if d.end-d.pos < 2 || d.buf[d.pos] != ',' || d.buf[d.pos+1] != '[' {
				break
			}
			d.pos++
		}
		if ok {
			continue
		}
		if ms, v, err = d.sample(); err != nil {
			return err
		}
		if err := d.add(ms, v); err != nil {
			return err
		}
	}
}

func (d *decoder) add(ms int64, v float64) error {
	if v >= blank && v <= math.MaxFloat64 {
		return nil
	}
	if d.left--; d.left < 0 {
		return d.errorf("answer holds too many samples: ask for fewer series or a shorter time")
	}
	d.read = append(d.read, sample{ms, v})
	return nil
}

// metric takes an object of labels.
func (d *decoder) metric(one *Series) error {
	return d.object(func(key []byte) error {
		name := d.word(key)
		text, err := d.str()
		if err != nil {
			return err
		}
		value := d.word(text)
		if name == "__name__" {
			one.Name = value
			return nil
		}
		for i := range d.labels {
			if d.labels[i].Name == name { // the last of two says what counts
				d.labels[i].Value = value
				return nil
			}
		}
		d.labels = append(d.labels, Label{name, value})
		return nil
	})
}

// keep returns the labels of the series, sorted, in a slice of its own.
func (d *decoder) keep() Labels {
	if len(d.labels) == 0 {
		return nil
	}
	byName := func(a, b Label) int { return strings.Compare(a.Name, b.Name) }
	if !slices.IsSortedFunc(d.labels, byName) {
		slices.SortFunc(d.labels, byName)
	}
	if cap(d.room)-len(d.room) < len(d.labels) {
		d.room = make([]Label, 0, max(256, len(d.labels)))
	}
	from := len(d.room)
	d.room = append(d.room, d.labels...)
	return d.room[from:len(d.room):len(d.room)]
}

// word returns text as a string, the same one for the same text.
func (d *decoder) word(text []byte) string {
	if word, ok := d.words[string(text)]; ok {
		return word
	}
	word := string(text)
	d.words[word] = word
	return word
}

// err returns the error that an answer reports, nil where it is a success.
func (a *answer) err() error {
	switch a.status {
	case "success":
		return nil
	case "error":
		return fmt.Errorf("%s: %s", a.errorType, a.errorText)
	}
	return fmt.Errorf("answer has status %q: is this the query API of a Prometheus?", a.status)
}
