package proc

import (
	"fmt"
	"math/rand/v2"
	"net"
)

// Listen listens on a loopback port that stays free once the listener is closed,
// for a child process to take: one below those that the kernel gives to outgoing
// connections (32768 and up, on Linux). Of the others, a client that asks again
// and again for a server that is down may be given the very port that it asks for.
func Listen() (net.Listener, error) {
	const first, ports, tries = 15000, 17000, 100
	var last error
	for range tries {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", first+rand.IntN(ports))) //nolint:noctx // loopback
		if err == nil {
			return l, nil
		}
		last = err
	}
	return nil, fmt.Errorf("no free port after %d tries: %w", tries, last)
}
