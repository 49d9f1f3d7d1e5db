//go:build emulator

package e2e

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/orderpipeline/orderpipeline/internal/contract"
	"github.com/orderpipeline/orderpipeline/internal/deployment"
	"github.com/orderpipeline/orderpipeline/internal/local"
)

// TestDeployAgain: without a change in the source a second deployment changes nothing (nothing in a
// template depends on chance), and the API goes on checking bodies.
func TestDeployAgain(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if err := world.Tools.Deploy(t.Context(), world.Emulator, local.DeployOptions{Env: contract.EnvironmentLocal, Stdout: &out}); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "(no changes)") {
		t.Errorf("the CDK does not say that there are no changes:\n%s", &out)
	}
	again, err := deployment.Describe(t.Context(), world.Config, deployment.Target{Env: contract.EnvironmentLocal})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(world.Deployment, again); diff != "" {
		t.Errorf("the deployment changed (-was +is):\n%s", diff)
	}
	if a := mustCall(t, request{Body: "{}"}); a.Code != http.StatusBadRequest {
		t.Errorf("an empty order is answered with %v", a)
	}
}
