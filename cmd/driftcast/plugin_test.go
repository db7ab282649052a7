package main

import "testing"

func TestCalledAs(t *testing.T) {
	for program, want := range map[string]string{
		"driftcast": "driftcast", "/usr/local/bin/driftcast": "driftcast", "./driftcast-1.2": "driftcast",
		"/home/ann/.krew/bin/kubectl-driftcast": "kubectl driftcast", "kubectl-driftcast.exe": "kubectl driftcast",
	} {
		if got := calledAs(program); got != want {
			t.Errorf("%s: got %q, want %q", program, got, want)
		}
	}
}
