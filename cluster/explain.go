package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	utilnet "k8s.io/apimachinery/pkg/util/net"
)

// ErrForbidden says that our ServiceAccount or user lacks a right; ErrAbsent
// that the server does not know a resource; ErrUnreachable that no server
// answered, which may pass.
var (
	ErrForbidden   = errors.New("forbidden")
	ErrAbsent      = errors.New("the server has no such resource")
	ErrUnreachable = errors.New("no API server answers")
)

// Explain says what was tried, why it failed and what to do about it. The
// resource is written as in a role: nodes, deployments.apps. nil stays nil; the
// error of the server stays behind the answer.
func Explain(verb, resource string, err error) error {
	var problem error
	var remedy string
	switch {
	case err == nil:
		return nil
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%s %s: %w", verb, resource, err)
	case apierrors.IsForbidden(err):
		problem, remedy = ErrForbidden, fmt.Sprintf("a role of our ServiceAccount must allow verb %q on resource %q", verb, resource)
	case apierrors.IsUnauthorized(err):
		problem, remedy = ErrForbidden, "the server does not know us: renew the credentials of the kubeconfig or the ServiceAccount's token"
	case meta.IsNoMatchError(err), apierrors.IsNotFound(err) && (verb == "list" || verb == "watch"):
		problem, remedy = ErrAbsent, "install its CustomResourceDefinition or leave it out of the configuration"
	case utilnet.IsConnectionRefused(err), utilnet.IsConnectionReset(err), utilnet.IsProbableEOF(err), isDial(err):
		problem, remedy = ErrUnreachable, "check the server's address in the kubeconfig and that the network lets us there"
	default:
		return fmt.Errorf("%s %s: %w", verb, resource, err)
	}
	return fmt.Errorf("%s %s: %w: %s: %w", verb, resource, problem, remedy, err)
}

func isDial(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial"
}

func gitVersion(body []byte) (string, error) {
	var v struct {
		GitVersion string `json:"gitVersion"`
	}
	if err := json.Unmarshal(body, &v); err != nil || v.GitVersion == "" {
		return "", errors.New("get /version: the answer is not an API server's; check the server's address in the kubeconfig")
	}
	return v.GitVersion, nil
}
