package features

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v3"

	"github.com/driftcast/driftcast/collector"
)

// labelName is a label's name in Prometheus' classic form.
var labelName = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*$`)

// identifier reads the name of a signal or target: it becomes that of a series.
func (d *document) identifier(n *yaml.Node, path string) string {
	text, ok := d.text(n, path)
	if ok && !collector.ValidName(text) {
		d.problem(n, path, fmt.Sprintf("%q cannot name a series", text), "use letters, digits and _, not beginning with a digit")
		return ""
	}
	return text
}

func (d *document) labelName(n *yaml.Node, path string) string {
	text, ok := d.text(n, path)
	if ok && (!labelName.MatchString(text) || strings.HasPrefix(text, "__")) {
		d.problem(n, path, fmt.Sprintf("%q is not a label name", text), "use letters, digits and _, not beginning with a digit or __")
		return ""
	}
	return text
}

// duration reads a Prometheus duration between least and most.
func (d *document) duration(n *yaml.Node, path string, least, most time.Duration) (time.Duration, bool) {
	text, ok := d.scalar(n, path, "a duration")
	if !ok {
		return 0, false
	}
	v, err := model.ParseDuration(text)
	switch {
	case err != nil:
		d.problem(n, path, fmt.Sprintf("%q is not a duration", text), "write it as Prometheus does: 30s, 5m, 1h30m, 7d")
		return 0, false
	case time.Duration(v) < least || time.Duration(v) > most:
		d.problem(n, path, fmt.Sprintf("%s is not between %s and %s", text, model.Duration(least), model.Duration(most)), "")
		return 0, false
	}
	return time.Duration(v), true
}

// number reads a finite number.
func (d *document) number(n *yaml.Node, path string) (float64, bool) {
	text, ok := d.scalar(n, path, "a number")
	if !ok {
		return 0, false
	}
	v, err := strconv.ParseFloat(text, 64)
	if err != nil || v-v != 0 {
		d.problem(n, path, fmt.Sprintf("%q is not a number", text), "")
		return 0, false
	}
	return v, true
}

// oneOf reads one of a few words.
func (d *document) oneOf(n *yaml.Node, path string, words []string) string {
	text, ok := d.text(n, path)
	if ok && !slices.Contains(words, text) {
		d.problem(n, path, fmt.Sprintf("%q is not one of %s", text, strings.Join(words, ", ")), nearest(text, words))
		return ""
	}
	return text
}

func (d *document) objective(n *yaml.Node, path string) *Objective {
	text, ok := d.scalar(n, path, "an objective")
	if !ok {
		return nil
	}
	o, err := ParseObjective(text)
	if err != nil {
		d.problem(n, path, err.Error(), `say what the level should keep to, in its own unit: "< 2", "<=", ">" or ">=" and a number`)
		return nil
	}
	return o
}

// periods are the words that a budget may use beside Prometheus durations.
var periods = map[string]time.Duration{
	"minute": time.Minute, "hour": time.Hour, "day": 24 * time.Hour, "week": 7 * 24 * time.Hour,
}

func (d *document) budget(n *yaml.Node, path string) Budget {
	text, ok := d.scalar(n, path, "a budget")
	if !ok {
		return Budget{}
	}
	count, period, _ := strings.Cut(text, "/")
	per := periods[strings.TrimSpace(period)]
	if per == 0 {
		if v, err := model.ParseDuration(strings.TrimSpace(period)); err == nil {
			per = time.Duration(v)
		}
	}
	number, err := strconv.ParseFloat(strings.TrimSpace(count), 64)
	if err != nil || !(number > 0) || number-number != 0 || per <= 0 {
		d.problem(n, path, fmt.Sprintf("%q is not a budget", text), "write a number of warnings per minute, hour, day, week or duration: 2/day, 1/12h")
		return Budget{}
	}
	return Budget{Count: number, Per: per}
}

func (d *document) subject(n *yaml.Node, path string) collector.SubjectSpec {
	spec := collector.SubjectSpec{Labels: []string{}}
	keys := d.mapping(n, path, []field{
		{"kind", func(n *yaml.Node, path string) { spec.Kind = d.oneOf(n, path, collector.Kinds) }},
		{"labels", func(n *yaml.Node, path string) {
			d.sequence(n, path, func(n *yaml.Node, path string) {
				switch name := d.labelName(n, path); {
				case name == "":
				case slices.Contains(spec.Labels, name):
					d.problem(n, path, fmt.Sprintf("label %s is given twice", name), "keep one")
				default:
					spec.Labels = append(spec.Labels, name)
				}
			})
		}},
	})
	for _, key := range []string{"kind", "labels"} {
		if keys != nil && keys[key] == nil {
			d.problem(n, join(path, key), "missing", "subject: {kind: node, labels: [node]}")
		}
	}
	return spec
}
