package store

import (
	"database/sql"
	"encoding/binary"
	"encoding/json"
	"errors"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/driftcast/driftcast/collector"
	"github.com/driftcast/driftcast/models"
)

// encodeRisks writes {"seconds": probability}; NaN is left out.
func encodeRisks(risks []models.Risk) string {
	b := []byte{'{'}
	for _, r := range risks {
		if math.IsNaN(r.Probability) {
			continue
		}
		if len(b) > 1 {
			b = append(b, ',')
		}
		b = append(b, '"')
		b = strconv.AppendInt(b, int64(r.Horizon/time.Second), 10)
		b = append(b, '"', ':')
		b = strconv.AppendFloat(b, r.Probability, 'g', -1, 64)
	}
	return string(append(b, '}'))
}

func decodeRisks(text string) ([]models.Risk, error) {
	var by map[int64]float64
	if err := json.Unmarshal([]byte(text), &by); err != nil {
		return nil, err
	}
	var risks []models.Risk
	for seconds, p := range by {
		risks = append(risks, models.Risk{Horizon: time.Duration(seconds) * time.Second, Probability: p})
	}
	slices.SortFunc(risks, func(a, b models.Risk) int { return int(a.Horizon/time.Second) - int(b.Horizon/time.Second) })
	return risks, nil
}

// highest returns the highest risk, NULL where there is none.
func highest(risks []models.Risk) sql.NullFloat64 {
	best := sql.NullFloat64{}
	for _, r := range risks {
		if p := r.Probability; !math.IsNaN(p) && (!best.Valid || p > best.Float64) {
			best = sql.NullFloat64{Float64: p, Valid: true}
		}
	}
	return best
}

// A detail is: the number of leads, the leads as differences (uvarints), the
// path as little-endian float32, and the drivers as JSON.
const detailVersion = 1

var errDetail = errors.New("the detail of a forecast is damaged")

type driverJSON struct {
	Column       string   `json:"c"`
	Value        *float64 `json:"v,omitempty"` // absent is NaN
	Contribution *float64 `json:"w,omitempty"`
	Text         string   `json:"t,omitempty"`
}

func encodeDetail(f *models.Forecast) []byte {
	b := make([]byte, 0, 16+2*len(f.Leads)+4*len(f.Path)+96*len(f.Drivers))
	b = append(b, detailVersion)
	b = binary.AppendUvarint(b, uint64(len(f.Leads)))
	last := 0
	for _, lead := range f.Leads {
		b = binary.AppendUvarint(b, uint64(max(0, lead-last)))
		last = lead
	}
	b = binary.AppendUvarint(b, uint64(len(f.Path)))
	for _, v := range f.Path {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(float32(v)))
	}
	if len(f.Drivers) == 0 {
		return b
	}
	drivers := make([]driverJSON, len(f.Drivers))
	for i, d := range f.Drivers {
		drivers[i] = driverJSON{Column: d.Column, Value: finite(d.Value), Contribution: finite(d.Contribution), Text: d.Text}
	}
	text, _ := json.Marshal(drivers) // strings and finite numbers always marshal
	return append(b, text...)
}

func decodeDetail(b []byte, f *models.Forecast) error {
	if len(b) == 0 || b[0] != detailVersion {
		return errDetail
	}
	b = b[1:]
	number := func(most int) (int, bool) {
		v, n := binary.Uvarint(b)
		if n <= 0 || v > uint64(most) {
			return 0, false
		}
		b = b[n:]
		return int(v), true
	}
	leads, ok := number(len(b))
	if !ok {
		return errDetail
	}
	last := 0
	for range leads {
		d, ok := number(math.MaxInt32)
		if !ok {
			return errDetail
		}
		last += d
		f.Leads = append(f.Leads, last)
	}
	points, ok := number(len(b) / 4)
	if !ok || len(b) < 4*points {
		return errDetail
	}
	for i := range points {
		f.Path = append(f.Path, float64(math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))))
	}
	if b = b[4*points:]; len(b) == 0 {
		return nil
	}
	var drivers []driverJSON
	if err := json.Unmarshal(b, &drivers); err != nil {
		return errors.Join(errDetail, err)
	}
	for _, d := range drivers {
		f.Drivers = append(f.Drivers, models.Driver{Column: d.Column, Value: orNaN(d.Value), Contribution: orNaN(d.Contribution), Text: d.Text})
	}
	return nil
}

// encodeBetween writes the quantiles that have no column of their own.
func encodeBetween(q []float64) []byte {
	b := make([]byte, 0, 4*(len(q)-3))
	for k, v := range q {
		if !ownColumn(k) {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(float32(v)))
		}
	}
	return b
}

// decodeBetween joins what encodeBetween wrote to the others; all are NaN where
// there is nothing, as of events.
func decodeBetween(b []byte, lower, median, upper float64) (q [len(models.Quantiles)]float64) {
	for k := range q {
		q[k] = math.NaN()
	}
	if len(b) != 4*(len(q)-3) {
		return q
	}
	q[0], q[models.Median], q[len(q)-1] = lower, median, upper
	for k := range q {
		if !ownColumn(k) {
			q[k] = float64(math.Float32frombits(binary.LittleEndian.Uint32(b)))
			b = b[4:]
		}
	}
	return q
}

func ownColumn(k int) bool { return k == 0 || k == models.Median || k == len(models.Quantiles)-1 }

func scanForecast(row interface{ Scan(dest ...any) error }) (f models.Forecast, at cursor, err error) {
	var subject, risks string
	var origin int64
	var body []byte
	var risk sql.NullFloat64
	if err := row.Scan(&f.Target, &subject, &f.Model, &origin, &f.Interval, &risks, &body, &at.Key, &risk); err != nil {
		return f, at, err
	}
	if f.Subject, err = collector.ParseSubject(subject); err != nil {
		return f, at, err
	}
	if f.Risks, err = decodeRisks(risks); err != nil {
		return f, at, err
	}
	f.Origin = time.UnixMilli(origin).UTC()
	at.Number, at.First, at.Second = risk.Float64, f.Target, subject
	return f, at, decodeDetail(body, &f)
}

func finite(v float64) *float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return nil
	}
	return &v
}

func orNaN(v *float64) float64 {
	if v == nil {
		return math.NaN()
	}
	return *v
}
