package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// progress shows long work: a bar on a terminal, a plain line every ten
// seconds elsewhere.
type progress struct {
	w     io.Writer
	what  string
	bar   *progressbar.ProgressBar
	total int64
	last  time.Time
	began time.Time
}

func (a *app) progress(what string, total int64, bytes bool) *progress {
	p := &progress{w: a.err, what: what, total: total, began: time.Now(), last: time.Now()}
	if file, ok := a.err.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
		p.bar = progressbar.NewOptions64(total, progressbar.OptionSetDescription(what), progressbar.OptionSetWriter(a.err),
			progressbar.OptionShowBytes(bytes), progressbar.OptionThrottle(100*time.Millisecond),
			progressbar.OptionClearOnFinish(), progressbar.OptionSetPredictTime(true))
	}
	return p
}

// set says how far the work is; note is a few words on what is done right now.
func (p *progress) set(done, total int64, note string) {
	if p.bar != nil {
		if total != p.total && total > 0 {
			p.total = total
			p.bar.ChangeMax64(total)
		}
		if note != "" {
			p.bar.Describe(p.what + " " + note)
		}
		_ = p.bar.Set64(min(done, p.total)) // a terminal that went away is no reason to stop
		return
	}
	if time.Since(p.last) < 10*time.Second {
		return
	}
	p.last = time.Now()
	percent := ""
	if total > 0 {
		percent = fmt.Sprintf(" %d%%", 100*done/total)
	}
	fmt.Fprintf(p.w, "%s%s %s (%s)\n", p.what, percent, note, time.Since(p.began).Round(time.Second))
}

func (p *progress) done() {
	if p.bar != nil {
		_ = p.bar.Finish() // see set
	}
}
