package cluster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
	"k8s.io/klog/v2"
)

// LeadOptions name a Lease and who wants it. Connection, Namespace, Name and
// Identity are required.
//
// After kill -9 the others see the last renewal up to 2.2 retries late, wait for
// the lease to end and try within another 2.2: with the defaults failover takes
// 14.4 s at most, and 12 s mostly.
type LeadOptions struct {
	Connection      *Connection
	Namespace, Name string
	Identity        string        // unique among the replicas: the pod's name
	LeaseDuration   time.Duration // 0: 10 s
	RenewDeadline   time.Duration // 0: 7 s; a leader that cannot renew for so long stops
	RetryPeriod     time.Duration // 0: 1 s
	Logger          *slog.Logger  // nil: slog.Default
}

// Election is one replica's part in the election of a leader by a Lease.
type Election struct {
	opts   LeadOptions
	leader atomic.Pointer[string]
}

// NewElection takes part in nothing until Lead.
func NewElection(o LeadOptions) (*Election, error) {
	if o.Connection == nil || o.Namespace == "" || o.Name == "" || o.Identity == "" {
		return nil, errors.New("leader election: give a connection, and the namespace, the name and an identity for the Lease")
	}
	if o.LeaseDuration == 0 {
		o.LeaseDuration = 10 * time.Second
	}
	if o.RenewDeadline == 0 {
		o.RenewDeadline = 7 * time.Second
	}
	if o.RetryPeriod == 0 {
		o.RetryPeriod = time.Second
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	return &Election{opts: o}, nil
}

// Leader is the identity that leads as far as we know; empty: not known yet.
func (e *Election) Leader() string {
	if leader := e.leader.Load(); leader != nil {
		return *leader
	}
	return ""
}

// Lead runs run whenever we lead, until ctx ends or run returns: an error of run
// is Lead's. The context of run ends when the lead is lost, and the Lease is
// given up only after run has returned, so that two never run at once as long as
// run ends within LeaseDuration − RenewDeadline.
func (e *Election) Lead(ctx context.Context, run func(context.Context) error) error {
	for ctx.Err() == nil {
		done, err := e.term(ctx, run)
		if done || err != nil {
			return err
		}
		sleep(ctx, e.opts.RetryPeriod)
	}
	return nil
}

// term is one candidacy and, if it is won, one time as the leader.
func (e *Election) term(ctx context.Context, run func(context.Context) error) (done bool, err error) {
	o := e.opts
	// The election outlives ctx until run has returned.
	election, stop := context.WithCancel(klog.NewContext(context.WithoutCancel(ctx), logr.FromSlogHandler(o.Logger.Handler())))
	defer stop()
	type outcome struct {
		done bool
		err  error
	}
	result, began := make(chan outcome, 1), make(chan struct{})
	lock := &resourcelock.LeaseLock{
		LeaseMeta:  metav1.ObjectMeta{Namespace: o.Namespace, Name: o.Name},
		Client:     o.Connection.Kubernetes.CoordinationV1(),
		LockConfig: resourcelock.ResourceLockConfig{Identity: o.Identity},
	}
	// ReleaseOnCancel would give the Lease up before run is told to end.
	elector, err := leaderelection.NewLeaderElector(leaderelection.LeaderElectionConfig{
		Lock: lock, LeaseDuration: o.LeaseDuration, RenewDeadline: o.RenewDeadline, RetryPeriod: o.RetryPeriod, Name: o.Name,
		Callbacks: leaderelection.LeaderCallbacks{
			OnStartedLeading: func(lead context.Context) {
				if lead.Err() != nil {
					return
				}
				close(began)
				lead, cancel := context.WithCancel(lead)
				defer cancel()
				defer context.AfterFunc(ctx, cancel)()
				err := run(lead)
				if lead.Err() != nil {
					result <- outcome{} // it was told to end
				} else {
					result <- outcome{true, err}
				}
				stop()
			},
			OnStoppedLeading: func() {},
			OnNewLeader:      func(identity string) { e.leader.Store(&identity) },
		},
	})
	if err != nil {
		return true, fmt.Errorf("leader election: %w", err)
	}
	defer context.AfterFunc(ctx, func() {
		select {
		case <-began: // run ends first
		default:
			stop()
		}
	})()
	elector.Run(election)
	select {
	case <-began:
		over := <-result
		if err := e.release(lock); err != nil {
			o.Logger.Warn("lease not released, it ends by itself", "component", "cluster", "err", err)
		}
		return over.done, over.err
	default:
		return false, nil
	}
}

// release gives the Lease up where it is ours, so that another need not wait.
func (e *Election) release(lock *resourcelock.LeaseLock) error {
	ctx, cancel := context.WithTimeout(context.Background(), e.opts.RetryPeriod)
	defer cancel()
	record, _, err := lock.Get(ctx)
	if err != nil {
		return Explain("get", "leases.coordination.k8s.io", err)
	}
	if record.HolderIdentity != e.opts.Identity {
		return nil
	}
	record.HolderIdentity, record.LeaseDurationSeconds = "", 1
	return Explain("update", "leases.coordination.k8s.io", lock.Update(ctx, *record))
}
