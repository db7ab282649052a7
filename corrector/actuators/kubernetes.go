package actuators

import (
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/driftcast/driftcast/corrector"
)

// NewKubernetesClient returns a client for the cluster of a kubeconfig file, or
// for the one that this process runs in where the path is empty. Its rate is
// capped; it connects only when it is used.
func NewKubernetesClient(kubeconfig string) (kubernetes.Interface, error) {
	var config *rest.Config
	var err error
	if kubeconfig == "" {
		config, err = rest.InClusterConfig()
	} else {
		config, err = clientcmd.BuildConfigFromFlags("", kubeconfig)
	}
	if err != nil {
		return nil, fmt.Errorf("kubernetes client: %w; name a kubeconfig file, or run in a cluster", err)
	}
	config.UserAgent = "driftcast-corrector"
	config.QPS, config.Burst = 20, 40
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("kubernetes client: %w", err)
	}
	return client, nil
}

// explain names what was tried in an error of the API server and, where a role
// is missing, the remedy. What is not there is ErrGone.
func explain(verb, resource, name string, err error) error {
	switch {
	case err == nil:
		return nil
	case apierrors.IsNotFound(err):
		return fmt.Errorf("%s %s %s: %w", verb, resource, name, corrector.ErrGone)
	case apierrors.IsForbidden(err):
		return fmt.Errorf("%s %s %s: forbidden: a role of the corrector's ServiceAccount must allow %q on %q: %w",
			verb, resource, name, verb, resource, err)
	}
	return fmt.Errorf("%s %s %s: %w", verb, resource, name, err)
}
