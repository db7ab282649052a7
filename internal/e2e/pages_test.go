//go:build e2e

package e2e_test

import (
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/driftcast/driftcast/internal/promtest"
)

// TestPages starts the demo and looks at its pages in a real Chromium.
func TestPages(t *testing.T) {
	if _, err := exec.LookPath("chromium"); err != nil {
		t.Skip("chromium is not installed: apt-get install chromium")
	}
	addr := promtest.FreeAddr(t)
	demo := promtest.Start(t, addr, "/-/ready", binary(t), "demo", "--storage.path="+t.TempDir(), "--web.listen-address="+addr)
	eventually(t, 90*time.Second, "forecasts to look at", func() error {
		var list struct{ Items []struct{ Type string } }
		if err := get(demo.URL+"/api/v1/forecasts?limit=1000", &list); err != nil {
			return err
		}
		for _, item := range list.Items {
			if item.Type == "level" && len(list.Items) > 20 {
				return nil
			}
		}
		return fmt.Errorf("%d forecasts, no level among them", len(list.Items))
	})
	cmd := exec.Command("node", "--test", "--test-reporter=spec", "e2e/")
	cmd.Dir = "../../web"
	cmd.Env = append(os.Environ(), "DRIFTCAST_URL="+demo.URL)
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Fatal(err)
	}
}
