package features

import (
	"errors"
	"fmt"
	"strings"

	"github.com/prometheus/prometheus/promql/parser"

	"github.com/driftcast/driftcast/collector"
)

// Errors of predicates.
var (
	errNoComparison = errors.New("nothing is compared: an expression that merely exists is always true")
	errAbsent       = errors.New("absent() has no value while the series is there, so its beginning cannot be seen")
)

// Predicate rewrites a PromQL condition, which filters (it is absent where it
// is false), into one that is 1 where the condition is true and 0 where it is
// false, one series a distinct value of the labels; it is absent only where
// nothing is known. Where several series have the same labels, 1 wins.
//
//	up == 0                 max by (node) (up == bool 0)
//	a > 1 and on (node) b   max by (node) (group by (node) (a > 1 and on (node) b)
//	                          or 0 * group by (node) (a > bool 1))
//
// The second form is for everything but a single comparison: the part after
// "or" is the universe, the condition with each comparison made bool, so that
// it is there whether true or false.
func Predicate(expr string, labels []string) (string, error) {
	e, err := collector.ParseExpr(expr)
	if err != nil {
		return "", err
	}
	by := strings.Join(labels, ", ")
	top := unwrap(e)
	whole := universe(top)
	switch {
	case whole.absent:
		return "", errAbsent
	case compares(top) && whole.filters == 0, compares(top) && whole.filters == 1 && !top.(*parser.BinaryExpr).ReturnBool:
		return fmt.Sprintf("max by (%s) (%s)", by, whole.expr), nil
	case whole.filters == 0:
		return "", errNoComparison
	}
	return fmt.Sprintf("max by (%[1]s) (group by (%[1]s) (%[2]s) or 0 * group by (%[1]s) (%[3]s))", by, top, whole.expr), nil
}

// always is an expression that is there whether its condition holds or not.
type always struct {
	expr    parser.Expr
	filters int // operators that drop series: comparisons without bool, unless, and
	absent  bool
}

// universe returns a copy of e in which comparisons keep what they filter.
func universe(e parser.Expr) always {
	u := always{}
	u.expr = u.rewrite(e)
	return u
}

func (u *always) rewrite(e parser.Expr) parser.Expr {
	switch e := e.(type) {
	case *parser.ParenExpr:
		return &parser.ParenExpr{Expr: u.rewrite(e.Expr)}
	case *parser.StepInvariantExpr:
		return u.rewrite(e.Expr)
	case *parser.UnaryExpr:
		return &parser.UnaryExpr{Op: e.Op, Expr: u.rewrite(e.Expr)}
	case *parser.AggregateExpr:
		c := *e
		c.Expr = u.rewrite(e.Expr)
		return &c
	case *parser.SubqueryExpr:
		c := *e
		c.Expr = u.rewrite(e.Expr)
		return &c
	case *parser.Call:
		c := *e
		u.absent = u.absent || strings.HasPrefix(e.Func.Name, "absent")
		c.Args = make(parser.Expressions, len(e.Args))
		for i, arg := range e.Args {
			c.Args[i] = u.rewrite(arg)
		}
		return &c
	case *parser.BinaryExpr:
		return u.binary(e)
	}
	return e
}

func (u *always) binary(e *parser.BinaryExpr) parser.Expr {
	c := *e
	c.LHS = u.rewrite(e.LHS)
	before := u.filters
	c.RHS = u.rewrite(e.RHS)
	switch {
	case e.Op.IsComparisonOperator():
		if !e.ReturnBool {
			u.filters++
		}
		c.ReturnBool = true
	case e.Op == parser.LUNLESS, e.Op == parser.LAND && u.filters == before:
		u.filters++
		return c.LHS // the right side only says which of the left side's to keep
	}
	return &c
}

// compares says whether the outermost operator is a comparison.
func compares(e parser.Expr) bool {
	b, ok := e.(*parser.BinaryExpr)
	return ok && b.Op.IsComparisonOperator()
}

// unwrap removes the parentheses around an expression.
func unwrap(e parser.Expr) parser.Expr {
	for {
		p, ok := e.(*parser.ParenExpr)
		if !ok {
			return e
		}
		e = p.Expr
	}
}
