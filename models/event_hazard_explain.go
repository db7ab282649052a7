package models

import (
	"fmt"

	"github.com/driftcast/driftcast/features"
	"github.com/driftcast/driftcast/models/boost"
)

// explain adds up, column by column, the rule's contributions at the longest
// horizon and those of the trees at its bucket (exact TreeSHAP), both in
// log-odds.
func (m *hazard) explain(f *features.Frame, row int, dst []Driver) []Driver {
	from := len(dst)
	dst = m.contributions(f, row, dst)
	if m.trees == nil {
		return strongest(dst, from)
	}
	x, p := f.Features(row), len(f.Columns)
	wide := append(append(make([]float64, 0, p+1), x...), float64(len(f.Target.Horizons)-1))
	phi := make([]float64, p+1)
	m.trees.Explain(wide, 0, phi)
	at := map[string]int{}
	for i, d := range dst[from:] {
		at[d.Column] = from + i
	}
	for j, c := range f.Columns {
		if i, ok := at[c.Name]; ok {
			dst[i].Contribution += phi[j]
		} else if phi[j] != 0 {
			dst = append(dst, driver(c, x[j], phi[j]))
		}
	}
	return strongest(dst, from)
}

// contributions are all of the rule's, not only the strongest.
func (m *hazard) contributions(f *features.Frame, row int, dst []Driver) []Driver {
	if rule, ok := m.rule.(*logistic); ok {
		return rule.contributions(f, row, dst)
	}
	return m.rule.explain(f, row, dst)
}

// The rules that trees may start from, as they are named in bytes.
const (
	ruleConstant = iota
	ruleTimeSince
	ruleLogistic
)

func (m *hazard) pack(p *packer) {
	switch m.rule.(type) {
	case *logistic:
		p.integer(ruleLogistic)
	case timeSince:
		p.integer(ruleTimeSince)
	default:
		p.integer(ruleConstant)
	}
	m.rule.pack(p)
	p.text(string(m.bytes))
}

func unpackHazard(u *unpacker, horizons, columns int) (eventScorer, error) {
	var rule eventScorer
	var err error
	switch kind := u.integer(); kind {
	case ruleConstant:
		rule, err = unpackConstantRate(u, horizons, columns)
	case ruleTimeSince:
		rule, err = unpackTimeSince(u, horizons, columns)
	case ruleLogistic:
		rule, err = unpackLogistic(u, horizons, columns)
	default:
		return nil, fmt.Errorf("%w: rule %d of a hazard", ErrCorrupt, kind)
	}
	if err != nil {
		return nil, err
	}
	packed := u.text()
	if u.err != nil || packed == "" {
		return newHazard(rule, nil, nil, columns), u.err
	}
	trees, err := boost.Unmarshal([]byte(packed))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrCorrupt, err)
	case trees.Outputs() != 1 || trees.Columns() != columns+1:
		return nil, fmt.Errorf("%w: trees of %d columns for %d", ErrCorrupt, trees.Columns(), columns+1)
	}
	return newHazard(rule, trees, []byte(packed), columns), nil
}
