package corrector

import (
	"crypto/sha256"
	"encoding/binary"
)

// controlReason is the reason of what is kept without action, to compare with.
const controlReason = "control group: nothing is done, to compare with"

// controlled says whether an episode belongs to the share of a policy that is
// kept without action. The same key always does, or never: the hash of it, as a
// number in [0, 1), is under the share. What a person asks for never does.
func controlled(a *attempt) bool {
	if a.policy.Control <= 0 || a.hand {
		return false
	}
	sum := sha256.Sum256([]byte("control|" + a.Key))
	return float64(binary.BigEndian.Uint64(sum[:8])>>11)/(1<<53) < a.policy.Control
}
