// Package proc runs the servers that tests need as child processes: they write
// to a log file of their own and die with the test binary, however it ends.
package proc

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

// Process is a running child. Its methods may be called from anywhere.
type Process struct {
	Log  string // the file that holds what it writes
	cmd  *exec.Cmd
	done chan struct{}
}

// Start starts a program that appends what it says to the file log. env is added
// to this process's own environment.
func Start(log string, env []string, program string, args ...string) (*Process, error) {
	out, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	p := &Process{Log: log, cmd: exec.Command(program, args...), done: make(chan struct{})} //nolint:noctx // it lives until Stop or Kill
	p.cmd.Stdout, p.cmd.Stderr = out, out
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	started := make(chan error)
	go func() { // Pdeathsig is sent when the starting thread ends, so it waits here
		runtime.LockOSThread()
		defer close(p.done)
		err := p.cmd.Start()
		started <- err
		if err == nil {
			_ = p.cmd.Wait() // how it ended is seen by whoever speaks to it
		}
		_ = out.Close() // the child's own descriptor is what counts
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", program, err)
	}
	return p, nil
}

// Done is closed once the process has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Stop asks the process to end and waits for it; after 20 s it is killed.
func (p *Process) Stop() { p.end(syscall.SIGTERM) }

// Kill ends the process at once, as a crash would, and waits for it.
func (p *Process) Kill() { p.end(syscall.SIGKILL) }

func (p *Process) end(signal syscall.Signal) {
	_ = p.cmd.Process.Signal(signal) // it may have ended by itself
	select {
	case <-p.done:
	case <-time.After(20 * time.Second):
		_ = p.cmd.Process.Kill() // see above
		<-p.done
	}
}

// Tail returns the end of what the process wrote, n bytes at most.
func (p *Process) Tail(n int) string {
	text, err := os.ReadFile(p.Log)
	if err != nil {
		return err.Error()
	}
	if len(text) > n {
		return "… " + string(text[len(text)-n:])
	}
	return string(text)
}
