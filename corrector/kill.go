package corrector

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"sync"
	"time"
)

// KillSwitch says whether corrections are stopped, by whom and why.
type KillSwitch struct {
	Engaged bool      `json:"engaged"`
	Actor   string    `json:"actor"`
	Reason  string    `json:"reason"`
	Changed time.Time `json:"changed"` // zero: never
}

// killSwitch is engaged while Kill said so last or while its file is there, so
// that it survives a restart and can be thrown with touch(1) alone.
type killSwitch struct {
	path string // may be empty
	mu   sync.Mutex
	last KillSwitch
}

// state fails closed: a file that cannot be looked at counts as there.
func (k *killSwitch) state() KillSwitch {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.last.Engaged || k.path == "" {
		return k.last
	}
	info, err := os.Stat(k.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return k.last
	case err != nil:
		return KillSwitch{Engaged: true, Actor: "file", Reason: err.Error()}
	}
	found := KillSwitch{Engaged: true, Actor: "file", Reason: k.path + " is there", Changed: info.ModTime()}
	if text, err := os.ReadFile(k.path); err == nil && json.Unmarshal(text, &found) == nil {
		found.Engaged = true
	}
	return found
}

func (k *killSwitch) set(s KillSwitch) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if s.Engaged {
		k.last = s // even where the file cannot be written
	}
	if k.path != "" && s.Engaged {
		text, err := json.Marshal(s)
		if err == nil {
			err = os.WriteFile(k.path, append(text, '\n'), 0o644)
		}
		if err != nil {
			return fmt.Errorf("keep the kill switch for after a restart: %w", err)
		}
	}
	if k.path != "" && !s.Engaged {
		if err := os.Remove(k.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("release the kill switch: %w", err)
		}
	}
	k.last = s
	return nil
}

// Kill throws the kill switch (on) or releases it. While it is on, every guard
// chain refuses; reverting goes on. It does not wait for a correction in flight.
// An error means that the switch is on but would not survive a restart, or that
// it is still on because its file could not be removed.
func (c *Corrector) Kill(on bool, actor, reason string) error {
	c.logger.Warn("kill switch", slog.Bool("on", on), slog.String("actor", actor), slog.String("reason", reason))
	return c.kill.set(KillSwitch{Engaged: on, Actor: actor, Reason: reason, Changed: c.now()})
}

// KillSwitch returns the state of the kill switch.
func (c *Corrector) KillSwitch() KillSwitch { return c.kill.state() }

// Killed says whether the kill switch is on.
func (c *Corrector) Killed() bool { return c.kill.state().Engaged }
