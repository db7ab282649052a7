package api

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/driftcast/driftcast/api/gen"
)

// maxStreams bounds the open streams; each is a goroutine and a connection.
const maxStreams = 512

// StreamEvents tells what happens, as it happens, until the client goes or the
// server stops.
func (s *Server) StreamEvents(ctx context.Context, r gen.StreamEventsRequestObject) (gen.StreamEventsResponseObject, error) {
	if s.streaming.Add(1) > maxStreams {
		s.streaming.Add(-1)
		return nil, &problem{status: http.StatusServiceUnavailable, after: 10 * time.Second, detail: "too many event streams are open"}
	}
	id := text(r.Params.LastEventID)
	if id == "" {
		id = text(r.Params.LastEventId)
	}
	return &stream{s: s, done: ctx.Done(), id: id}, nil
}

type stream struct {
	s    *Server
	done <-chan struct{}
	id   string // Last-Event-ID
}

// VisitStreamEventsResponse writes the stream.
func (t *stream) VisitStreamEventsResponse(w http.ResponseWriter) error {
	defer t.s.streaming.Add(-1)
	t.s.metrics.streams.Inc()
	defer t.s.metrics.streams.Dec()
	header := w.Header()
	header.Set("Content-Type", "text/event-stream")
	header.Set("Cache-Control", "no-store")
	header.Set("X-Accel-Buffering", "no") // nginx would hold events back
	w.WriteHeader(http.StatusOK)

	at, known := t.s.events.place(t.id)
	var out bytes.Buffer
	out.WriteString("retry: 2000\n\n")
	if t.id != "" && !known {
		writeEvent(&out, Event{ID: t.s.events.id(at), Type: "reset", Data: []byte("{}")})
	}
	heart := time.NewTicker(t.s.o.Heartbeat)
	defer heart.Stop()
	for {
		list, last, missed, changed := t.s.events.after(at)
		if missed {
			list = []Event{{ID: t.s.events.id(last), Type: "reset", Data: []byte("{}")}}
		}
		at = last
		for _, e := range list {
			writeEvent(&out, e)
		}
		if err := flush(w, &out); err != nil {
			return nil // the client has gone
		}
		select {
		case <-changed:
		case <-heart.C:
			out.WriteString(": alive\n\n")
		case <-t.done:
			return nil
		case <-t.s.stopping:
			return nil
		}
	}
}

func writeEvent(out *bytes.Buffer, e Event) {
	fmt.Fprintf(out, "id: %s\nevent: %s\ndata: %s\n\n", e.ID, e.Type, e.Data)
}

// flush sends what is buffered. A client that does not read for a minute is let
// go.
func flush(w http.ResponseWriter, out *bytes.Buffer) error {
	if out.Len() == 0 {
		return nil
	}
	control := http.NewResponseController(w)
	// Not every writer has deadlines (tests); the others do.
	_ = control.SetWriteDeadline(time.Now().Add(time.Minute))
	if _, err := w.Write(out.Bytes()); err != nil {
		return err
	}
	out.Reset()
	return control.Flush()
}
