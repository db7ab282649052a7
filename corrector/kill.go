package corrector

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
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

	elsewhere KillSwitch // as found last
	told      KillSwitch // what the audit trail knows
	telling   bool       // it knows something
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

// written is what the audit trail was last told; ok is false before that.
func (k *killSwitch) written() (s KillSwitch, ok bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.told, k.telling
}

func (k *killSwitch) write(s KillSwitch) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.told, k.telling = s, true
}

// outer is what was found elsewhere when it was last asked.
func (k *killSwitch) outer() KillSwitch {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.elsewhere
}

func (k *killSwitch) found(s KillSwitch) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.elsewhere = s
}
