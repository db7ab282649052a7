package features

// extraction is one run of Extract.
type extraction struct {
	frame      *Frame
	panel      *Panel
	target     *Target
	origins    []int
	signals    []signalPlan
	calendar   [][]float64 // by origin
	cuts       cuts
	lookback   int
	halfLives  []window
	fleet      *fleet  // of an event
	perSubject [][]int // by subject, the indices into origins that become rows
	offsets    []int   // by subject, its first row
}

// signalPlan is what is made from one signal.
type signalPlan struct {
	kinds  []kind
	peers  []peerKind
	crowds []crowd // by origin
	reach  int     // steps that its features look back
}

func newExtraction(p *Panel, t *Target, o Options) *extraction {
	e := &extraction{
		frame: &Frame{Target: t, Panel: p, Leads: o.Leads, labelled: o.Labels},
		panel: p, target: t, origins: o.Origins,
		lookback:   lookbackSteps(t),
		perSubject: make([][]int, len(p.Subjects)),
		offsets:    make([]int, len(p.Subjects)),
	}
	if t.IsEvent() {
		e.frame.Leads = nil
		e.halfLives = halfLives(t.Interval, e.lookback)
	} else if o.Leads == nil {
		e.frame.Leads = DefaultLeads(t)
	}
	table := newPlan(t)
	e.cuts = newCuts(o.Origins, table.cuts)
	for k, signal := range p.Signals {
		plan := signalPlan{reach: table.long().steps + 1}
		switch {
		case k > 0:
			plan.kinds, plan.peers = table.covariate(), []peerKind{peerDifference}
		case t.IsEvent():
			plan.kinds, plan.peers, plan.reach = table.event(e.lookback), []peerKind{peerShare}, e.lookback
		default:
			plan.kinds, plan.peers = table.level(t.SeasonSteps()), []peerKind{peerDifference, peerScore}
		}
		e.signals = append(e.signals, plan)
		unit := t.Units[signal]
		for _, kind := range plan.kinds {
			e.frame.Columns = append(e.frame.Columns, kind.column(signal, unit))
		}
		for _, peer := range plan.peers {
			e.frame.Columns = append(e.frame.Columns, peer.column(signal, unit))
		}
		if k == 0 && t.IsEvent() {
			e.frame.Columns = append(e.frame.Columns, fleetColumns(signal, t.Interval, e.lookback)...)
		}
	}
	e.frame.Columns = append(e.frame.Columns, calendarColumns...)
	for _, i := range o.Origins {
		e.calendar = append(e.calendar, calendar(p.Time(i), nil))
	}
	return e
}

// atRisk returns the origins (as indices) that become rows of a subject.
func (e *extraction) atRisk(s int) []int {
	own := e.panel.Series(0, s)
	var rows []int
	if e.target.IsEvent() {
		for o, i := range e.origins {
			if atRisk(own, i) {
				rows = append(rows, o)
			}
		}
		return rows
	}
	last, from, silent := -1, 0, silence(e.target.Interval)
	for o, i := range e.origins {
		for j := i; j >= from && j > last; j-- {
			if v := own[j]; v == v {
				last = j
				break
			}
		}
		from = i + 1
		if last >= 0 && i-last < silent {
			rows = append(rows, o)
		}
	}
	return rows
}

// features fills the rows of a subject, signal by signal.
func (e *extraction) features(t *track, s int) {
	t.cuts = e.cuts
	rows := e.perSubject[s]
	if len(rows) == 0 {
		return
	}
	width := len(e.frame.Columns)
	x := e.frame.X[e.offsets[s]*width : (e.offsets[s]+len(rows))*width]
	first, end := e.origins[rows[0]], e.origins[rows[len(rows)-1]]+1
	t.phase = max(0, int(e.panel.Start.UnixMilli()/max(1, e.panel.Interval.Milliseconds())))
	column := 0
	for k, plan := range e.signals {
		y := e.panel.Series(k, s)
		from := max(0, first-plan.reach+1)
		t.reset(y, from, end)
		if k == 0 && e.target.IsEvent() {
			t.onsets.reset(y, from, end, stepsOf(e.target.For, e.target.Interval), e.halfLives)
		}
		for r, o := range rows {
			i, dst := e.origins[o], x[r*width+column:(r+1)*width]
			t.seek(o, i)
			for c, kind := range plan.kinds {
				dst[c] = finite(kind.value(t))
			}
			for c, peer := range plan.peers {
				dst[len(plan.kinds)+c] = finite(peer.value(plan.crowds[o], finite(y[i])))
			}
		}
		column += len(plan.kinds) + len(plan.peers)
		if k == 0 && e.fleet != nil {
			e.fleet.fill(s, rows, x[column:], width)
			column += 1 + 2*len(e.fleet.shared)
		}
	}
	for r, o := range rows {
		copy(x[r*width+column:(r+1)*width], e.calendar[o])
	}
}

// labels fills the labels of a subject's rows.
func (e *extraction) labels(l *labeller, s int) {
	horizons := horizonSteps(e.target)
	l.reset(e.target, e.panel.Series(0, s))
	at := e.offsets[s] * len(horizons)
	for _, o := range e.perSubject[s] {
		for _, h := range horizons {
			e.frame.Labels[at] = l.label(e.origins[o], h)
			at++
		}
	}
}
