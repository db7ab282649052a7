package api

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/driftcast/driftcast/api/gen"
	"github.com/driftcast/driftcast/drift"
	"github.com/driftcast/driftcast/forecaster"
)

// Event is what a stream tells: Data is one line of JSON.
type Event struct {
	ID   string // of this life of the server, and a number that grows by one
	Type string // step, warning, run, model, correction, regression, shift, drift
	Data []byte
}

// Publish tells every stream what the forecaster has done. It never blocks.
// After a step, forecasts are no longer answered from memory.
func (s *Server) Publish(e forecaster.Event) {
	switch e.Kind {
	case forecaster.StepDone:
		s.answers.forget()
		s.tell("step", gen.StepEvent{Target: e.Target, At: e.At.UTC(), Forecasts: e.Forecasts, Warnings: e.Warnings})
	case forecaster.WarningRaised, forecaster.WarningResolved:
		if e.Warning != nil {
			s.tell("warning", warning(*e.Warning))
		}
	case forecaster.RunChanged:
		if e.Run != nil {
			s.tell("run", run(*e.Run))
		}
	case forecaster.ModelPromoted:
		s.tell("model", gen.ModelEvent{Target: e.Target, Model: e.Model})
	case forecaster.RegressionChanged:
		if e.Regression != nil {
			s.tell("regression", regression(*e.Regression))
		}
	case forecaster.DriftChanged:
		if e.Departure != nil {
			s.tell("shift", departure(*e.Departure))
		}
	default:
		s.o.Logger.Warn("an event that streams do not tell", "action", string(e.Kind))
	}
}

// PublishCorrection tells every stream that a correction has changed. It never
// blocks.
func (s *Server) PublishCorrection(c forecaster.Correction) { s.tell("correction", correction(c)) }

// PublishDrift tells every stream that an object has drifted, otherwise than
// before, or no longer. It never blocks.
func (s *Server) PublishDrift(f drift.Finding) { s.tell("drift", finding(f)) }

func (s *Server) tell(kind string, data any) {
	line, err := json.Marshal(data)
	if err != nil {
		s.o.Logger.Error("an event cannot be told", "action", kind, "err", err)
		return
	}
	s.events.add(kind, line)
}

// events is a ring of the newest events. Readers keep their own place in it, so
// that a slow one costs nothing and misses what has left the ring.
type events struct {
	life string // tells the ids of this process from those of the one before

	mu      sync.Mutex
	ring    [ringSize]Event
	last    uint64        // number of the newest event, 0: none yet
	changed chan struct{} // closed and replaced by add
}

// ringSize is how many events can be asked for again.
const ringSize = 1024

func newEvents() (*events, error) {
	var raw [4]byte
	if _, err := rand.Read(raw[:]); err != nil {
		return nil, fmt.Errorf("api events: %w", err)
	}
	return &events{life: hex.EncodeToString(raw[:]), changed: make(chan struct{})}, nil
}

func (e *events) add(kind string, data []byte) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.last++
	e.ring[e.last%ringSize] = Event{ID: e.id(e.last), Type: kind, Data: data}
	close(e.changed)
	e.changed = make(chan struct{})
}

func (e *events) id(n uint64) string { return e.life + "-" + strconv.FormatUint(n, 10) }

// after returns the events after number n, the number of the newest, and a
// channel that is closed when there is another. missed says that some are gone.
func (e *events) after(n uint64) (list []Event, last uint64, missed bool, changed <-chan struct{}) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.last > ringSize && n < e.last-ringSize {
		n, missed = e.last-ringSize, true
	}
	for n < e.last {
		n++
		list = append(list, e.ring[n%ringSize])
	}
	return list, e.last, missed, e.changed
}

// place finds where a client with this Last-Event-ID goes on. known is false
// where the id is of another life, or of none.
func (e *events) place(id string) (n uint64, known bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	life, number, _ := strings.Cut(id, "-")
	n, err := strconv.ParseUint(number, 10, 64)
	if id == "" || err != nil || life != e.life || n > e.last {
		return e.last, false
	}
	return n, true
}
