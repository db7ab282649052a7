package features

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/prometheus/prometheus/promql/parser"
	"go.yaml.in/yaml/v3"

	"github.com/driftcast/driftcast/collector"
)

// expression reads PromQL that gives an instant vector whose series carry the
// labels (nil: not known yet).
func (d *document) expression(n *yaml.Node, path string) (text string, e parser.Expr) {
	text, ok := d.text(n, path)
	if !ok {
		return "", nil
	}
	e, err := collector.ParseExpr(text)
	if err != nil {
		var all parser.ParseErrors
		if !errors.As(err, &all) || len(all) == 0 {
			d.problem(n, path, "not PromQL: "+err.Error(), "")
			return text, nil
		}
		first := all[0]
		line, column := d.position(n, int(first.PositionRange.Start))
		d.problemAt(line, column, path, "not PromQL: "+first.Err.Error(), "")
		return text, nil
	}
	switch e.Type() {
	case parser.ValueTypeVector, parser.ValueTypeScalar:
		return text, e
	case parser.ValueTypeMatrix:
		d.problem(n, path, "gives a range vector, want one value a series", "wrap it in a function such as rate() or avg_over_time()")
	default:
		d.problem(n, path, fmt.Sprintf("gives a %s, want one value a series", e.Type()), "")
	}
	return text, nil
}

// position returns the line and column of a byte of a scalar's value, or those
// of the scalar where they cannot be told.
func (d *document) position(n *yaml.Node, offset int) (line, column int) {
	offset = min(max(0, offset), len(n.Value))
	before := n.Value[:offset]
	newlines := strings.Count(before, "\n")
	inLine := offset - (strings.LastIndex(before, "\n") + 1)
	switch n.Style {
	case yaml.LiteralStyle:
		if n.Line < len(d.lines) {
			first := d.lines[n.Line] // its indentation is that of the block
			return n.Line + 1 + newlines, len(first) - len(strings.TrimLeft(first, " ")) + inLine + 1
		}
	case yaml.DoubleQuotedStyle, yaml.SingleQuotedStyle:
		if newlines == 0 {
			return n.Line, n.Column + 1 + offset
		}
	case 0:
		if newlines == 0 {
			return n.Line, n.Column + offset
		}
	}
	return n.Line, n.Column
}

// carries notes a problem where the result of an expression is certain not to
// have one of the labels.
func (d *document) carries(n *yaml.Node, path string, e parser.Expr, labels []string) {
	if e == nil {
		return
	}
	if e.Type() == parser.ValueTypeScalar && len(labels) > 0 {
		d.problem(n, path, "gives one number without labels, but the subject is named by "+strings.Join(labels, ", "), "")
		return
	}
	by, known := grouping(e)
	for _, label := range labels {
		if known && !slices.Contains(by, label) {
			d.problem(n, path, fmt.Sprintf("the result has no label %s: it is aggregated by (%s)", label, strings.Join(by, ", ")),
				fmt.Sprintf("add %s to by (…), or take it out of the subject's labels", label))
		}
	}
}

// grouping returns the labels that the result of an expression has; known is
// false where only the data can tell.
func grouping(e parser.Expr) (labels []string, known bool) {
	switch e := e.(type) {
	case *parser.ParenExpr:
		return grouping(e.Expr)
	case *parser.AggregateExpr:
		switch e.Op {
		case parser.TOPK, parser.BOTTOMK, parser.LIMITK, parser.LIMIT_RATIO, parser.COUNT_VALUES:
			return nil, false
		}
		return e.Grouping, !e.Without
	case *parser.Call:
		if e.Func.Name == "histogram_quantile" && len(e.Args) == 2 {
			by, known := grouping(e.Args[1])
			return slices.DeleteFunc(slices.Clone(by), func(l string) bool { return l == "le" }), known
		}
	case *parser.BinaryExpr:
		switch {
		case e.RHS.Type() == parser.ValueTypeScalar:
			return grouping(e.LHS)
		case e.LHS.Type() == parser.ValueTypeScalar:
			return grouping(e.RHS)
		case e.VectorMatching != nil && e.VectorMatching.Card == parser.CardOneToOne && !e.Op.IsSetOperator() && !e.VectorMatching.On:
			return grouping(e.LHS)
		}
	}
	return nil, false
}

// rawCounter returns the name of the counter that an expression samples as if
// it were a gauge; empty where it does not.
func rawCounter(e parser.Expr) string {
	switch e := e.(type) {
	case *parser.ParenExpr:
		return rawCounter(e.Expr)
	case *parser.AggregateExpr:
		return rawCounter(e.Expr)
	case *parser.VectorSelector:
		if strings.HasSuffix(e.Name, "_total") {
			return e.Name
		}
	}
	return ""
}
