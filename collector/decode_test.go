package collector_test

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"sort"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/driftcast/driftcast/collector"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

const plenty = 1 << 40

var sameNaN = cmp.Options{cmpopts.EquateNaNs(), cmpopts.EquateEmpty()}

func TestDecode(t *testing.T) {
	for _, tc := range []struct {
		name, answer string
		want         collector.Decoded
	}{
		{
			"matrix as Prometheus writes it",
			`{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"__name__":"up","job":"a"},"values":[[1435781430.781,"1"],[1435781445,"0.25"]]}]}}`,
			collector.Decoded{Status: "success", Series: []collector.Series{{
				Name: "up", Labels: collector.Labels{{Name: "job", Value: "a"}},
				Times: []int64{1435781430781, 1435781445000}, Values: []float64{1, 0.25},
			}}},
		},
		{
			"keys in another order, white space, unknown keys",
			" {\n \"warnings\" : [ \"store a is down\" ], \"data\" : { \"result\" : [ { \"values\" : [ [ 1.5e3 , \"NaN\" ] , [ 1501 , \"+Inf\" ] , [1502,\"-1e-3\"] ] , \"x\" : {\"y\":[null,true,1e3]} , \"metric\" : { \"b\" : \"2\" , \"a\" : \"1\" } } ], \"stats\":{} } , \"infos\":[\"i\"], \"status\" : \"success\" } \n",
			collector.Decoded{Status: "success", Warnings: []string{"store a is down"}, Infos: []string{"i"}, Series: []collector.Series{{
				Labels: collector.Labels{{Name: "a", Value: "1"}, {Name: "b", Value: "2"}},
				Times:  []int64{1500000, 1501000, 1502000}, Values: []float64{math.NaN(), math.Inf(1), -0.001},
			}}},
		},
		{
			"escapes and unicode",
			`{"status":"success","data":{"result":[{"metric":{"pa\u0074h":"C:\\tmp\n\"q\" \u00e9 é \ud83d\ude00 \ud83d"},"values":[[1,"2"]]}]}}`,
			collector.Decoded{Status: "success", Series: []collector.Series{{
				Labels: collector.Labels{{Name: "path", Value: "C:\\tmp\n\"q\" é é 😀 \ufffd"}},
				Times:  []int64{1000}, Values: []float64{2},
			}}},
		},
		{
			"blank sentinels of DCGM are no samples, infinity is one",
			`{"status":"success","data":{"result":[{"metric":{},"values":[[1,"9223372036854775792"],[2,"9.223372036854776e+18"],[3,"+Inf"],[4,"9.1e18"]]}]}}`,
			collector.Decoded{Status: "success", Series: []collector.Series{{Times: []int64{3000, 4000}, Values: []float64{math.Inf(1), 9.1e18}}}},
		},
		{
			"native histograms are counted and left out",
			`{"status":"success","data":{"result":[{"metric":{"a":"1"},"histograms":[[1,{"count":"3","buckets":[[0,"1","2","3"]]}]]},{"metric":{"a":"2"},"values":[[1,"1"]]}]}}`,
			collector.Decoded{Status: "success", Histograms: 1, Series: []collector.Series{{Labels: collector.Labels{{Name: "a", Value: "2"}}, Times: []int64{1000}, Values: []float64{1}}}},
		},
		{"vector", `{"status":"success","data":{"resultType":"vector","result":[{"metric":{"a":"1"},"value":[1,"7"]}]}}`,
			collector.Decoded{Status: "success", Series: []collector.Series{{Labels: collector.Labels{{Name: "a", Value: "1"}}, Times: []int64{1000}, Values: []float64{7}}}}},
		{"scalar", `{"status":"success","data":{"resultType":"scalar","result":[1.25,"7"]}}`,
			collector.Decoded{Status: "success", Series: []collector.Series{{Times: []int64{1250}, Values: []float64{7}}}}},
		{"nothing found", `{"status":"success","data":{"resultType":"matrix","result":[]}}`, collector.Decoded{Status: "success"}},
		{"error", `{"status":"error","errorType":"bad_data","error":"1:3: parse error"}`,
			collector.Decoded{Status: "error", ErrorType: "bad_data", Error: "1:3: parse error"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for what, r := range map[string]io.Reader{
				"at once":      strings.NewReader(tc.answer),
				"byte by byte": iotest.OneByteReader(strings.NewReader(tc.answer)),
			} {
				got, err := collector.Decode(r, plenty, plenty)
				if err != nil {
					t.Fatal(what, err)
				}
				if diff := cmp.Diff(tc.want, got, sameNaN); diff != "" {
					t.Error(what, diff)
				}
			}
		})
	}
}

func TestDecodeNamesWhereItFails(t *testing.T) {
	for _, tc := range []struct{ name, answer, want string }{
		{"cut off", `{"status":"success","data":{"result":[{"metric":{},"values":[[1,"2"],`, "at byte 69: answer ends"},
		{"nothing", ``, "at byte 0"},
		{"an HTML page", `<html>`, `at byte 0: '<' found where '{' should be`},
		{"value is no number", `{"status":"success","data":{"result":[{"values":[[1,"two"]]}]}}`, `"two" is not a number`},
		{"time is no number", `{"status":"success","data":{"result":[{"values":[[01,"2"]]}]}}`, `"01" is not a number`},
		{"no comma", `{"status":"success","data":{"result":[{"values":[[1,"2"][2,"2"]]}]}}`, `at byte 56: '[' found where "," or ']' should be`},
		{"comma too many", `{"status":"success","data":{"result":[{"values":[[1,"2"],]}]}}`, "after a comma"},
		{"control character", "{\"status\":\"a\nb\"}", "control character"},
		{"unknown escape", `{"status":"\x"}`, "unknown escape"},
		{"something after it", `{"status":"success"} x`, `'x' found after the answer`},
		{"nested without end", `{"x":` + strings.Repeat("[", 1000), "nested over"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := collector.Decode(strings.NewReader(tc.answer), plenty, plenty)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
}

func TestDecodeKeepsToItsLimits(t *testing.T) {
	text := matrix(2, 1000)
	if _, err := collector.Decode(strings.NewReader(text), int64(len(text)), 2000); err != nil {
		t.Error(err)
	}
	if _, err := collector.Decode(strings.NewReader(text), int64(len(text)-1), 2000); err == nil || !strings.Contains(err.Error(), "over") {
		t.Errorf("got %v, want the size named", err)
	}
	if _, err := collector.Decode(strings.NewReader(text), plenty, 1999); err == nil || !strings.Contains(err.Error(), "too many samples") {
		t.Errorf("got %v, want too many samples", err)
	}
	broken := io.MultiReader(strings.NewReader(text[:5000]), iotest.ErrReader(io.ErrUnexpectedEOF))
	if _, err := collector.Decode(broken, plenty, plenty); err == nil || !strings.Contains(err.Error(), "at byte 5000: unexpected EOF") {
		t.Errorf("got %v, want the byte and the cause", err)
	}
}

// TestQuotient compares the decimal conversion with strconv, bit by bit.
func TestQuotient(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		for range 100 {
			m := rapid.Uint64Range(1, 9_999_999_999_999_999_999).Draw(t, "m")
			k := rapid.IntRange(1, 19).Draw(t, "k")
			text := strconv.FormatUint(m, 10) + "e-" + strconv.Itoa(k)
			want, _ := strconv.ParseFloat(text, 64)
			if got := collector.Quotient(m, k); got != want {
				t.Fatalf("%s: got %v, want %v", text, got, want)
			}
		}
	})
}

// matrix writes an answer of n series of k samples as Prometheus would.
func matrix(n, k int) string {
	var b strings.Builder
	b.WriteString(`{"status":"success","data":{"resultType":"matrix","result":[`)
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"metric":{"__name__":"DCGM_FI_DEV_GPU_UTIL","Hostname":"gpu-%d","UUID":"GPU-%08d","gpu":"%d","instance":"10.0.0.%d:9400","job":"dcgm"},"values":[`, i/8, i, i%8, i/8)
		for j := range k {
			if j > 0 {
				b.WriteByte(',')
			}
			fmt.Fprintf(&b, `[%s,"%s"]`, strconv.FormatFloat(1435781430.781+float64(j)*30, 'f', -1, 64),
				strconv.FormatFloat(50+40*math.Sin(float64(i*k+j)), 'f', -1, 64))
		}
		b.WriteString("]}")
	}
	b.WriteString("]}}")
	return b.String()
}

// reference decodes with encoding/json, slowly and plainly.
func reference(text []byte) (collector.Decoded, bool) {
	var a struct {
		Status    string `json:"status"`
		ErrorType string `json:"errorType"`
		Error     string `json:"error"`
		Data      struct {
			Result []struct {
				Metric map[string]string `json:"metric"`
				Values [][2]any          `json:"values"`
			} `json:"result"`
		} `json:"data"`
		Warnings []string `json:"warnings"`
		Infos    []string `json:"infos"`
	}
	if json.Unmarshal(text, &a) != nil {
		return collector.Decoded{}, false
	}
	d := collector.Decoded{Status: a.Status, ErrorType: a.ErrorType, Error: a.Error, Warnings: a.Warnings, Infos: a.Infos}
	for _, r := range a.Data.Result {
		if r.Values == nil {
			return d, false // vectors and the like: not compared
		}
		s := collector.Series{Name: r.Metric["__name__"]}
		for name, value := range r.Metric {
			if name != "__name__" {
				s.Labels = append(s.Labels, collector.Label{Name: name, Value: value})
			}
		}
		sort.Slice(s.Labels, func(i, j int) bool { return s.Labels[i].Name < s.Labels[j].Name })
		for _, pair := range r.Values {
			at, ok1 := pair[0].(float64)
			text, ok2 := pair[1].(string)
			v, err := strconv.ParseFloat(text, 64)
			if !ok1 || !ok2 || err != nil || math.Abs(at) > 1e12 {
				return d, false
			}
			if v >= 9.2e18 && !math.IsInf(v, 1) {
				continue
			}
			s.Times, s.Values = append(s.Times, int64(math.Round(at*1000))), append(s.Values, v)
		}
		d.Series = append(d.Series, s)
	}
	return d, true
}

// FuzzDecode wants no panic on anything, and on what encoding/json reads as a
// matrix the same answer that it gives.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(matrix(2, 3)))
	f.Add([]byte(`{"status":"error","errorType":"bad_data","error":"x","warnings":["\ud83d\ude00"]}`))
	f.Add([]byte(`{"data":{"result":[{"values":[[1.5,"NaN"],[2,"-0"],[3,"+Inf"],[4,"1e-7"]],"metric":{"b":"\u00e9","a":""}}]},"infos":null}`))
	f.Add([]byte(`{"data":{"result":[1,"2"]},"x":[{"a":[true,false,null,-1.5e-3]}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		got, err := collector.Decode(strings.NewReader(string(text)), plenty, plenty)
		want, ok := reference(text)
		if !ok || caseless(text) {
			return
		}
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		if diff := cmp.Diff(want, got, sameNaN); diff != "" {
			t.Fatalf("%q: %s", text, diff)
		}
	})
}

// caseless says whether encoding/json may see more than we do: it takes keys in
// any case and merges what is repeated.
func caseless(text []byte) bool {
	lower := strings.ToLower(string(text))
	for _, key := range []string{"status", "errortype", "error", "data", "result", "metric", "values", "warnings", "infos"} {
		if n := strings.Count(lower, `"`+key+`"`); n != strings.Count(string(text), `"`+key+`"`) && key != "errortype" {
			return true
		}
	}
	var top map[string]json.RawMessage
	_ = json.Unmarshal(text, &top)
	return strings.Contains(lower, `\u`) || strings.Count(lower, `"data"`) > 1 || strings.Count(lower, `"result"`) > 1 ||
		strings.Count(lower, `"values"`) != strings.Count(lower, `"metric"`) || strings.Contains(lower, "null")
}
